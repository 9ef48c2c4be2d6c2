"""Real displays, showing what a simulated display shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.devices.display import Display
    from paybench.devices.world import World

CLEAR = b"\x0c"
"""Form feed: what serial customer displays clear themselves on."""


class RealScreen:
    """Hands every change of a display over; the `Source` that tells when it is lost.

    Args:
        display: The part it stands in for.
        world: The part's world.
        show: Shows lines instead of the former ones; does nothing in a replay.
    """

    def __init__(
        self, display: Display, world: World, show: Callable[[tuple[str, ...]], None]
    ) -> None:
        self._display = display
        self._world = world
        self._show = show

    def show(self, lines: tuple[str, ...]) -> None:
        """Show these lines instead of the former ones."""
        if not self._display.gone:
            self._show(lines)

    def received(self, data: bytes) -> None:
        """A display has nothing to say; what it sends is in the trace and means nothing."""

    def lost(self, why: str) -> None:
        """The display went dark. The device goes on: it cannot know."""
        self._world.lose(self._display, why)

    def found(self) -> None:
        """The display is back: show what it should show."""
        self._world.regain(self._display)
        self.show(self._display.lines)


def in_bytes(lines: tuple[str, ...]) -> bytes:
    """Lines as a line display takes them: form feed, then each with CR LF."""
    return CLEAR + "".join(f"{line}\r\n" for line in lines).encode()
