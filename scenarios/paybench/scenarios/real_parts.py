"""The real parts of a run: what stands in for simulated ones, or for whole devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paybench.hil.spec import nearest
from paybench.scenarios.errors import UsageError
from paybench.scenarios.latency import Budget, late_answers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from paybench.devices.device import Device
    from paybench.devices.world import World
    from paybench.hil.driver import Driver


class RealParts:
    """The real things of a run, each waiting for the device that has its part.

    Args:
        world: The run's world.
        drivers: By the part they stand in for, as a rig's `real`.
        all_used: Whether each of those parts has to be in the scenario.
        operator: Asks a person for something a real part needs.
        budgets_s: How long they may take to answer, in seconds of the run's clock.
    """

    def __init__(
        self,
        world: World,
        drivers: Mapping[str, Driver],
        *,
        all_used: bool,
        operator: Callable[[str], None],
        budgets_s: Mapping[str, float],
    ) -> None:
        self._world = world
        self._waiting = dict(drivers)
        self._all_used = all_used
        self._operator = operator
        self._budgets_s = dict(budgets_s)
        self._budgets: list[Budget] = []

    def fit(self, device: Device) -> None:
        """Put real parts in the places of a device's simulated ones; again when it has got more.

        Raises:
            UsageError: A driver cannot be such a part.
        """
        whole: dict[str, Any] = {"": device} if hasattr(device, "kind") else {}
        for part_name, part in {**whole, **device.parts}.items():
            suffix = f".{part_name}" if part_name else ""
            for name in (f"{device.name}{suffix}", f"{device.role}{suffix}"):
                driver = self._waiting.pop(name, None)
                if driver is not None:
                    if part.kind not in driver.kinds:
                        raise UsageError(
                            f"{name} is a {part.kind}; this driver can be: "
                            f"{', '.join(sorted(driver.kinds))}"
                        )
                    if name in self._budgets_s:
                        self._budgets.append(Budget(part, self._budgets_s[name]))
                    driver.stand_in(part, self._world, self._operator)

    def has_one_for(self, name: str, role: str) -> bool:
        """Whether there is a real thing for a whole device that is about to be made."""
        return name in self._waiting or role in self._waiting

    def check(self, devices: Iterable[Device]) -> None:
        """Every device has been made: see that each real part has found its place.

        Raises:
            UsageError: A real part was given that none of the devices has.
        """
        if self._waiting and self._all_used:
            parts = [f"{device.role}.{part}" for device in devices for part in device.parts]
            name = next(iter(self._waiting))
            raise UsageError(
                f"no device of this scenario has a part {name!r}{nearest(name, parts)}"
            )

    def late(self) -> str:
        """Which real parts have taken longer than their latency budgets so far; "" for none."""
        return late_answers(self._budgets, self._world.trace.events)
