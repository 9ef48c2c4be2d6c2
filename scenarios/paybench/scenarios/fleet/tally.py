"""The tally: what a fleet's customers met with, counted from the trace."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from paybench.devices.trace import Decision, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from paybench.devices.trace import AnyEvent

JOINS = "joins the queue"
SERVED = "served"
REFUSED = "refused"
GOES_WITHOUT = "goes without"
PAYS_IN = "pays in"
"""What a fleet's customers decide, as the trace shows it."""

HANDED_OVER = frozenset({"article handed over", "article discharged"})
"""What devices decide when they give something for money."""
PASSED = "passed"
"""The state of an exit gate when somebody has gone through who paid for the ride."""
EXIT = "gate out"

FRIEND = "friend"
NS_PER_HOUR = 3600 * 10**9


class Tally:
    """Counts flows, refusals by reason, and waiting times, event by event.

    A flow is one dealing with one device, from joining its queue to being done there.

    Args:
        kinds: What kind of place each device is, by its name; what is not here is a friend.

    Attributes:
        served: Flows that ended as they should, by kind of place.
        refused: Flows that ended otherwise, by kind and reason.
        without: People who did not join a queue, by kind and reason.
        waits_ns: How long each flow took, by kind, in nanoseconds.
        hours: Flows by kind and hour of the day.
        goods: Ids of what was paid for and handed over since somebody last took them out.
    """

    def __init__(self, kinds: Mapping[str, str]) -> None:
        self._kinds = kinds
        self._joined: dict[str, tuple[int, str]] = {}
        self.served: Counter[str] = Counter()
        self.refused: Counter[tuple[str, str]] = Counter()
        self.without: Counter[tuple[str, str]] = Counter()
        self.waits_ns: dict[str, array[int]] = defaultdict(lambda: array("q"))
        self.hours: Counter[tuple[str, int]] = Counter()
        self.goods: list[str] = []

    @property
    def flows(self) -> int:
        """How many flows there have been."""
        return sum(self.served.values()) + sum(self.refused.values())

    def feed(self, events: Iterable[AnyEvent]) -> None:
        """Count what has happened since."""
        for event in events:
            if isinstance(event, Decision):
                self._count(event)
            elif isinstance(event, State) and event.state == PASSED:
                self._count_passage(event)

    def _count_passage(self, event: State) -> None:
        if self._kinds.get(event.device) == EXIT:  # phones are in this state as well
            self.goods.append(event.correlation)

    def _count(self, event: Decision) -> None:
        decision = event.decision
        if decision == JOINS:
            self._joined[event.by] = (event.at_ns, self._kinds.get(event.why, FRIEND))
        elif decision in (SERVED, REFUSED) and event.by in self._joined:
            joined_ns, kind = self._joined.pop(event.by)
            self.waits_ns[kind].append(event.at_ns - joined_ns)
            self.hours[kind, event.at_ns // NS_PER_HOUR] += 1
            if decision == SERVED:
                self.served[kind] += 1
            else:
                self.refused[kind, event.why] += 1
        elif decision == GOES_WITHOUT:
            kind, _, why = event.why.partition(": ")
            self.without[kind, why] += 1
        elif decision in HANDED_OVER:
            self.goods.append(event.correlation)


def percentiles_s(times_ns: Sequence[int], *percents: int) -> list[float]:
    """The times that so many percent of all do not exceed, by nearest rank, in seconds."""
    ordered = sorted(times_ns)
    ranks = [-(-percent * len(ordered) // 100) for percent in percents]
    return [ordered[max(rank, 1) - 1] / 1e9 for rank in ranks]
