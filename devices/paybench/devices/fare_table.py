"""Fare tables: what a ride costs, for each line of business ([0062])."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from paybench.bank.money import Money

HOUR_S = 3600.0


class Business(msgspec.Struct, frozen=True):
    """A line of business: what its places are called, and how long a ride may take.

    Attributes:
        name: What it is.
        place: What its entrances and exits are called.
        ride_max_s: After how long an admission is no good any more, in seconds.
        holds_open_s: How long a gate stays open for one passage, in seconds.
    """

    name: str
    place: str
    ride_max_s: float
    holds_open_s: float


BUSINESSES = {
    "railway": Business("railway", "station", 6 * HOUR_S, 2.0),
    "toll road": Business("toll road", "interchange", 24 * HOUR_S, 6.0),
    "ferry": Business("ferry", "pier", 48 * HOUR_S, 4.0),
    "air": Business("air", "airport", 72 * HOUR_S, 4.0),
}


class FareTable:
    """What it costs from one place to another; the same in both directions.

    Args:
        fares: Fare by pair of places.
        there_and_back: What it costs to leave where one went in; None: that is not in the table.
    """

    def __init__(
        self, fares: dict[tuple[str, str], Money], there_and_back: Money | None = None
    ) -> None:
        self._fares = dict(fares)
        self._there_and_back = there_and_back

    @property
    def places(self) -> list[str]:
        """All places in the table, each once, in order of first appearance."""
        return list(dict.fromkeys(place for pair in self._fares for place in pair))

    def fare(self, start: str, end: str) -> Money | None:
        """The fare of a ride, or None where the table has none."""
        if start == end:
            return self._there_and_back
        there = self._fares.get((start, end))
        return self._fares.get((end, start)) if there is None else there
