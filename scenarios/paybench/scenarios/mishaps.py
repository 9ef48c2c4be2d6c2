"""What goes wrong on purpose: messages lost, doubled and changed, power cut, devices parted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paybench.bank.money import Money
from paybench.devices.faults import Fault
from paybench.scenarios.errors import UsageError

if TYPE_CHECKING:
    from paybench.devices.device import Device
    from paybench.devices.port import Port
    from paybench.devices.world import World


class Mishaps:
    """What a rig has befall its devices and their links.

    Attributes:
        world: Clock, trace, chance and faults.
        currency: ISO 4217 code of all accounts and prices.
    """

    world: World
    currency: str

    def loses(self, step: str, times: int = 1) -> None:
        """The next messages of a step get lost, e.g. ``rig.loses("D4")``."""
        self.world.faults.add(step, Fault(times, "lose"))

    def passes(self, step: str, times: int = 1) -> None:
        """The next messages of a step are left alone, before the next fault befalls one."""
        if times:
            self.world.faults.add(step, Fault(times, "pass"))

    def duplicates(self, step: str, times: int = 1) -> None:
        """The next messages of a step arrive twice."""
        self.world.faults.add(step, Fault(times, "duplicate"))

    def delays(self, step: str, by_s: float, times: int = 1) -> None:
        """The next messages of a step take longer, by so many seconds."""
        self.world.faults.add(step, Fault(times, "delay", delay_ns=round(by_s * 1e9)))

    def alters(self, step: str, field: str, value: Any, times: int = 1) -> None:
        """The next messages of a step are changed on their way.

        Args:
            step: Step name, e.g. ``D3``.
            field: Dotted path of the field, e.g. ``information.amount``.
            value: What it becomes; money may be written as text, e.g. ``"12.50"``.
            times: How many messages.
        """
        if field.endswith("amount") and isinstance(value, str):
            value = Money.parse(value, self.currency)
        self.world.faults.add(step, Fault(times, "alter", {field: value}))

    def cuts_power(
        self, device: Device, at: str, *, arrived: bool = False, for_s: float = 0.0
    ) -> None:
        """The next message of a step takes a device's power away.

        Args:
            device: Whose power goes.
            at: Step name, e.g. ``D4``.
            arrived: Whether it goes once the message has arrived, and not once it has been sent.
            for_s: After how long the power is back, in seconds; 0 for not by itself.
        """

        def cut() -> None:
            device.lose_power(for_s)

        self.world.faults.add(at, Fault(1, "then", then=cut, arrived=arrived))

    def separates(self, a: Device, b: Device, at: str) -> None:
        """The next message of a step is the last between two devices: then they are apart.

        Args:
            a: A device with a short-range link to the other one.
            b: The other one.
            at: Step name, e.g. ``D1``.
        """

        def part() -> None:
            self.world.part(short_range(a), short_range(b))

        self.world.faults.add(at, Fault(1, "then", then=part))


def short_range(device: Device) -> Port:
    """A device's end of the short-range link.

    Raises:
        UsageError: It has none.
    """
    port = getattr(device, "short_range", None)
    if port is None:
        raise UsageError(f"{device.name} has no short-range link")
    return port
