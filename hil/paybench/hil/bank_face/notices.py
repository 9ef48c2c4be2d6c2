"""Notices: what a server says of its clients, as much as somebody can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LINES_PER_S = 20
LINE_MAX = 300


class Notices:
    """Says who was dropped and why, so many lines a second; what is left out is counted.

    Args:
        say: Takes a line.
        clock: Seconds, from anywhere on.
    """

    def __init__(self, say: Callable[[str], object], clock: Callable[[], float]) -> None:
        self._say = say
        self._clock = clock
        self._second = -1
        self._said = 0
        self._left_out = 0

    def note(self, line: str) -> None:
        """Say a line, or count it."""
        second = int(self._clock())
        if second != self._second:
            self.flush()
            self._second, self._said = second, 0
        if self._said >= LINES_PER_S:
            self._left_out += 1
            return
        self._said += 1
        printable = "".join(each if each.isprintable() else "?" for each in line[:LINE_MAX])
        self._say(printable)

    def flush(self) -> None:
        """Say how many lines were left out."""
        if self._left_out:
            self._say(f"… and {self._left_out} more of this kind in that second")
            self._left_out = 0
