"""Lifelines: whose there are in a trace, and where they stand in a ladder."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from paybench.scenarios.marks import Mark

GAP_MIN = 16
"""Fewest columns from lifeline to lifeline: an arrow that says ``D1 2.50 EUR`` fits in."""

GAP_MAX = 48
"""Most columns from lifeline to lifeline: beyond, the eye loses the row."""

BANK = "bank"


def owner(name: str, participants: Sequence[str]) -> str:
    """The participant that a name is, or is a part of; the name itself if there is none."""
    if name in participants:
        return name
    owners = [owner for owner in participants if name.startswith(f"{owner}.")]
    return max(owners, key=len, default=name)


def lifelines(marks: Iterable[Mark]) -> list[str]:
    """Who takes part, in the order of first appearance, the bank last; parts go with their device.

    ``A.register.scanner`` is a part because there is an ``A.register``.
    """
    names = list(dict.fromkeys(name for mark in marks for name in (mark.who, mark.to) if name))
    return _bank_last(
        [name for name in names if not any(name.startswith(f"{other}.") for other in names)]
    )


def _bank_last(names: list[str]) -> list[str]:
    # Everybody speaks to the bank: at the edge, its arrows cross no more lifelines than they must.
    return sorted(names, key=lambda name: name == BANK)


class Layout:
    """Where the lifelines stand in a ladder.

    Args:
        names: Whose lifelines there are, from left to right.
        left: The first column one may stand in.
        width: Columns no line exceeds.

    Attributes:
        names: Those names, each once, and then whom `meet` added.
        columns: The lifelines' columns; none at all when they would stand too close.
    """

    def __init__(self, names: Iterable[str], left: int, width: int) -> None:
        self.names = list(dict.fromkeys(names))
        self._left = left
        self._width = width
        self.columns = self._placed()

    def meet(self, names: Iterable[str]) -> bool:
        """Give newcomers a lifeline, a device before its part; tells whether there were any."""
        known = len(self.names)
        for name in sorted(filter(None, names), key=len):
            if owner(name, self.names) not in self.names:
                self.names.append(name)
        if len(self.names) == known:
            return False
        self.names = _bank_last(self.names)
        self.columns = self._placed()
        return True

    def index(self, name: str) -> int:
        """Which lifeline is a participant's or a part's, counted from the left."""
        return self.names.index(owner(name, self.names))

    def room(self, who: int, *, left: bool) -> tuple[int, int]:
        """First column and number of columns for text beside a lifeline."""
        at = self.columns[who]
        if left:
            start = self.columns[who - 1] + 2
            return start, at - 1 - start
        end = self.columns[who + 1] if who + 1 < len(self.columns) else self._width + 1
        return at + 2, end - at - 3

    def _placed(self) -> list[int]:
        """Columns for all, evenly; nowhere when they would stand too close."""
        gaps = len(self.names) - 1
        span = min(self._width - 1 - self._left, max(gaps, 0) * GAP_MAX)
        fits = gaps == 0 or (gaps > 0 and span // gaps >= GAP_MIN)
        return [self._left + n * span // max(gaps, 1) for n in range(gaps + 1)] if fits else []
