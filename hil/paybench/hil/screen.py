"""A line display that takes bytes, showing what a simulated display shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.devices.trace import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.devices.display import Display
    from paybench.devices.world import World

CLEAR = b"\x0c"
"""Form feed: what serial customer displays clear themselves on."""


class ByteScreen:
    """Writes every change of a display to a real one: form feed, then the lines with CR LF."""

    def __init__(self, display: Display, world: World, write: Callable[[bytes], None]) -> None:
        self._display = display
        self._world = world
        self._write = write

    def show(self, lines: tuple[str, ...]) -> None:
        """Show these lines instead of the former ones."""
        if not self._display.gone:
            self._write(CLEAR + "".join(f"{line}\r\n" for line in lines).encode())

    def received(self, data: bytes) -> None:
        """A display has nothing to say; what it sends is in the trace and means nothing."""

    def found(self) -> None:
        """The display is back: show what it should show."""
        self._display.gone = ""
        self._world.trace.events.append(
            State(self._world.env.now_ns, self._display.name, "back", "")
        )
        self.show(self._display.lines)

    def lost(self, why: str) -> None:
        """The display went dark. The device goes on: it cannot know."""
        self._display.gone = why
        self._world.trace.events.append(
            State(self._world.env.now_ns, self._display.name, f"gone: {why}", "")
        )
