"""What the trace costs: appending an event, and turning a run's events into its file and digest.

Beside it, the same events as JSON by the standard library, which is what one writes first.
"""

from __future__ import annotations

import json
import statistics
import time
from typing import TYPE_CHECKING

from paybench.devices.trace import Delivered, Trace
from paybench.scenarios.discovery import find
from paybench.scenarios.run import run

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS = 200_000


def append(trace: Trace) -> None:
    """Make and append events, as a port does."""
    note = trace.events.append
    for number in range(EVENTS):
        note(Delivered(number, number, "D1", "A.register", "B.phone", "A.register-000001"))


def nothing(trace: Trace) -> None:
    """The loop alone."""
    note = trace.events.append
    del note
    for _ in range(EVENTS):
        pass


def dump(trace: Trace) -> None:
    """The same events as dicts, each dumped by the standard library."""
    note = trace.events.append
    for number in range(EVENTS):
        note(
            json.dumps(  # pyright: ignore[reportArgumentType]
                {"at_ns": number, "number": number, "step": "D1", "sender": "A.register"}
                | {"receiver": "B.phone", "correlation": "A.register-000001"}
            )
        )


def ns_each(work: Callable[[Trace], None]) -> float:
    """Median of five rounds, in nanoseconds for one event."""
    rounds: list[float] = []
    for _ in range(5):
        trace = Trace()
        start = time.perf_counter_ns()
        work(trace)
        rounds.append((time.perf_counter_ns() - start) / EVENTS)
    return statistics.median(rounds)


def main() -> None:
    """Print the figures, as the last line as JSON."""
    append_ns = ns_each(append) - ns_each(nothing)
    dump_ns = ns_each(dump) - ns_each(nothing)
    one = run(find("shop-purchase")[0], "direct")
    events = one.trace.events * 2000
    big = Trace()
    big.events.extend(events)
    start = time.perf_counter_ns()
    big.digest(one.header)
    digest_ns = (time.perf_counter_ns() - start) / len(events)
    print(f"an event: append {append_ns:.0f} ns, digest {digest_ns:.0f} ns")
    print(f"json.dumps of the same fields {dump_ns:.0f} ns")
    print(json.dumps({"append_ns": round(append_ns), "digest_ns": round(digest_ns)}))


if __name__ == "__main__":
    main()
