"""Waiting: for how long settlements waited at the bank's servers, from the trace (Fig 11, 13)."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from paybench.devices.trace import Served
from paybench.scenarios.figures import Figures
from paybench.scenarios.fleet.tally import percentiles_s

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paybench.devices.trace import AnyEvent

COLUMNS = ("server", "settlements", "deposits land", "waited", "p50 ms", "p95 ms", "most ms")
MS = 1000


class Waiting:
    """Counts what waited where, event by event.

    Attributes:
        times_ns: For how long each settlement waited, in nanoseconds, by the server's name.
        landed: How many deposits went to each database server.
    """

    def __init__(self) -> None:
        self.times_ns: dict[str, array[int]] = {}
        self.landed: dict[str, int] = {}

    def feed(self, events: Iterable[AnyEvent]) -> None:
        """Count what has happened since."""
        for event in events:
            if isinstance(event, Served):
                for server, waited_ns in event.waited_ns.items():
                    self.times_ns.setdefault(server, array("q")).append(waited_ns)
                self.landed[event.deposit_at] = self.landed.get(event.deposit_at, 0) + 1

    def mean_s(self) -> float:
        """How long a settlement waited in all, on average, in seconds."""
        count = len(next(iter(self.times_ns.values()), ()))
        return sum(map(sum, self.times_ns.values())) / max(count, 1) / 1e9

    def longest_s(self) -> float:
        """How long one waited at the most at one server, in seconds."""
        return max((max(times_ns) for times_ns in self.times_ns.values()), default=0) / 1e9

    @property
    def figures(self) -> Figures:
        """A row for each server, in the order of their names."""
        rows = tuple(self._row(server) for server in sorted({*self.times_ns, *self.landed} - {""}))
        return Figures("servers", "the bank's servers, and who waited there", COLUMNS, rows)

    def _row(self, server: str) -> tuple[str | int | float, ...]:
        times_ns = self.times_ns.get(server, array("q"))
        waited = len(times_ns) - times_ns.count(0)
        spread_s = percentiles_s(times_ns, 50, 95, 100) if times_ns else [0.0, 0.0, 0.0]
        spread_ms = (MS * each for each in spread_s)
        return (server, len(times_ns), self.landed.get(server, 0), waited, *spread_ms)
