"""A barrier: what has an arm and lets through one person at a time. Gates and entrances are."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from paybench.devices.device import Device, verb
from paybench.devices.environment import FOREVER, to_ns
from paybench.devices.errors import OutOfOrder
from paybench.devices.gate_arm import CLOSED, OPEN, GateArm
from paybench.devices.register_line import RegisterLine

if TYPE_CHECKING:
    from collections.abc import Generator

    from paybench.devices.world import World


class Barrier(Device):
    """Base of gates and entrances.

    Args:
        world: What it shares with the others.
        name: Full name, e.g. ``R.gate``.
        answer_timeout_s: How long the register of admissions may take.

    Attributes:
        arm: The arm, a part of it.
        short_range: The port towards the phone that is held there.
        register: The port towards the register of admissions.
        admissions: The way to that register.
    """

    def __init__(self, world: World, name: str, answer_timeout_s: float) -> None:
        super().__init__(world, name)
        self.short_range = self.port("short-range")
        self.register = self.port("register")
        self.admissions = RegisterLine(self, self.register, answer_timeout_s)
        self.arm = GateArm(world, name)
        self.parts["arm"] = self.arm
        self._open_until_ns = 0

    @verb(mechanical=True)
    def block(self) -> None:
        """Hold the arm where it is, until `free`."""
        self.arm.stuck = True

    @verb(mechanical=True)
    def free(self) -> None:
        """Let go of the arm."""
        self.arm.free()

    def boot(self) -> None:
        """Start anew: the arm has fallen shut."""
        self.arm.fall_shut()
        self._open_until_ns = 0

    @property
    @abstractmethod
    def is_busy(self) -> bool:
        """Whether somebody is there already."""
        raise NotImplementedError

    def refuse_if_busy(self) -> None:
        """One person at a time.

        Raises:
            OutOfOrder: It is busy with somebody else, or has no power.
        """
        if not self.powered:
            raise OutOfOrder(f"{self.name} has no power")
        if self.is_busy:
            raise OutOfOrder(f"{self.name} is busy with somebody else: wait until it is done")

    def expects_through(self, count: int, word: str) -> None:
        """Expect so many to have gone through in all, and the arm to be closed again.

        Raises:
            Unmet: It were more or fewer, or it does not close.
        """
        self.world.expect(
            lambda: self.arm.passed == count and self.arm.position == CLOSED,
            who=self.name,
            expected=f"{count} {word}, arm closed",
            seen=lambda: f"{self.arm.passed} {word}, arm {self.arm.position}",
        )

    def open(self) -> Generator[Any, Any, bool]:
        """Open the arm, for as long as it takes; gives whether it did."""
        self._open_until_ns = FOREVER
        opened = yield from self.arm.move(OPEN)
        if not opened:
            self._open_until_ns = 0
        return opened

    def close_behind(self, holds_open_s: float) -> Generator[Any, Any, None]:
        """Close after a while: who comes at once finds it open, and it closes behind the last."""
        self._open_until_ns = self.env.now_ns + to_ns(holds_open_s)
        yield self.env.timeout(holds_open_s)
        if self.env.now_ns >= self._open_until_ns:
            yield from self.arm.move(CLOSED)
