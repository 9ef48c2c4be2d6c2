"""The display part: what a device shows to the people before it."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from paybench.devices.trace import Displayed

if TYPE_CHECKING:
    from paybench.devices.world import World


class Screen(Protocol):
    """A real thing that shows what a display shows."""

    def show(self, lines: tuple[str, ...]) -> None:
        """Show these lines instead of the former ones."""
        ...


class Display:
    """A few lines of text, simulated; with a `Screen`, shown on a real thing as well.

    Attributes:
        name: Full name of the part, e.g. ``B.phone.display``.
        lines: What it shows now.
        gone: Why a real one is not there now.
        returns: Whether somebody tries to get a real one back.
        screen: The real thing, or None.
    """

    __slots__ = "_device", "_env", "_note", "gone", "lines", "name", "returns", "screen"

    kind = "display"

    def __init__(self, world: World, device: str) -> None:
        self.name = f"{device}.display"
        self.lines: tuple[str, ...] = ()
        self.gone = ""
        self.returns = False
        self.screen: Screen | None = None
        self._env = world.env
        self._device = device
        self._note = world.trace.note

    def show(self, *lines: str) -> None:
        """Show lines instead of the former ones."""
        self.lines = shown = _kept_once(*lines)
        self._note(Displayed(self._env.now_ns, self._device, shown))
        if self.screen is not None:
            self.screen.show(shown)

    def shows(self, text: str) -> bool:
        """Whether one line is this text; ``*`` stands for anything."""
        return text in self.lines or any(fnmatchcase(line, text) for line in self.lines)


@lru_cache(4096)
def _kept_once(*lines: str) -> tuple[str, ...]:
    # Displays show a few things over and over, and a trace keeps all that was shown.
    return lines
