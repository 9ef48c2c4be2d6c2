"""Asking: a device says something again, with growing pauses, while a matter does not move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from paybench.devices.device import Device

ANSWER_S = 5.0
"""How long an answer may take before the question is put again."""
WAIT_S = 20.0
"""How long nothing may come before somebody asks how a matter stands."""
PAUSE_MAX_S = 300.0


class Asking:
    """Asks for one device. Its pauses keep no world busy.

    Args:
        device: Whose processes they are: they end when its power goes.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._turns: dict[str, int] = {}

    def wait(self, matter: str, ask: Callable[[], object], pause_s: float) -> None:
        """From now on, ask after each pause, until `moved` or another `wait` for the matter.

        Args:
            matter: What it is about.
            ask: Asks.
            pause_s: The first pause in seconds; each is twice as long as the one before.
        """
        turn = self._turns[matter] = self._turns.get(matter, 0) + 1
        self._device.run(self._ask(matter, turn, ask, pause_s))

    def moved(self, matter: str) -> None:
        """There is nothing to ask for any more."""
        self._turns.pop(matter, None)

    def _ask(
        self, matter: str, turn: int, ask: Callable[[], object], pause_s: float
    ) -> Generator[Any, Any, None]:
        while True:
            yield self._device.rest(pause_s)
            if self._turns.get(matter) != turn:
                return
            ask()
            pause_s = min(2 * pause_s, PAUSE_MAX_S)
