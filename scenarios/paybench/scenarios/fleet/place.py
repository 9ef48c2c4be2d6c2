"""A place: a device, and the people who stand in line for it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from paybench.devices.device import Device

if TYPE_CHECKING:
    from simpy.events import Event

P = TypeVar("P", bound=Device)


class Place(Generic[P]):
    """A device that serves one at a time, first come, first served.

    Attributes:
        device: The device.
    """

    __slots__ = ("_taken", "_waiting", "device")

    def __init__(self, device: P) -> None:
        self.device = device
        self._taken = False
        self._waiting: deque[Event] = deque()

    def __len__(self) -> int:
        """How many people are here, the one who is being served among them."""
        return self._taken + len(self._waiting)

    def join(self) -> Event | None:
        """Stand in line: what to wait for, or None for whose turn it is at once."""
        if not self._taken:
            self._taken = True
            return None
        turn = self.device.env.event()
        self._waiting.append(turn)
        return turn

    def leave(self) -> None:
        """Whoever was served goes, and the next one's turn comes."""
        if self._waiting:
            self._waiting.popleft().succeed()
        else:
            self._taken = False
