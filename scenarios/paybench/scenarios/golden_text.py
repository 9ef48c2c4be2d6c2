"""A golden text: what a regression test keeps of a trace, in an order that only causes decide.

`paybench.scenarios.golden` keeps such texts in files; `docs/ladder.md` shows one.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from paybench.devices.trace import (
    Act,
    Altered,
    Decision,
    Delivered,
    Displayed,
    Injected,
    Lost,
    Sent,
    Served,
    State,
    Verdict,
)
from paybench.scenarios.cells import clean
from paybench.scenarios.lifelines import lifelines
from paybench.scenarios.marks import marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from paybench.devices.trace import AnyEvent
    from paybench.scenarios.marks import Mark

_WORDS = {"act": "does", "decision": "decides", "input": "hears", "gone": "loses"}


def golden(events: Iterable[AnyEvent]) -> str:
    """A trace as a regression test keeps it: what happened in which order, and nothing else.

    Neither times nor signatures nor counters are in it, and things that happened side by side
    stand in an order that does not depend on which was faster. So traces of one flow over links
    that jitter differently give the same text, unless a device really meets them in another order.
    """
    # How long somebody waited is a time, and which server it was at depends on the bank's size.
    causes: list[AnyEvent] = [event for event in events if not isinstance(event, Served)]
    told = list(marks(_in_causal_order(causes)))
    names = ", ".join(sorted(map(clean, lifelines(told))))
    return "\n".join([f"participants: {names}", "", *map(_line, told), ""])


def _line(mark: Mark) -> str:
    why = f" ({mark.why})" if mark.why else ""
    if mark.kind == "display":
        text = f"{mark.who} shows {' '.join(f'[{line}]' for line in mark.lines)}".rstrip()
    elif mark.to:
        arrow = "-x" if mark.kind == "lost" else "->"
        text = f"{mark.who} {arrow} {mark.to}: {mark.text}{why}"
    elif not mark.who:
        text = f"{mark.kind}: {mark.text}{why}"
    elif mark.kind == "act" and mark.text.startswith("expects "):
        text = f"{mark.who} {mark.text}"
    else:
        text = f"{mark.who} {_WORDS.get(mark.kind, mark.kind)}: {mark.text}{why}"
    return clean(text)


def _in_causal_order(events: list[AnyEvent]) -> list[AnyEvent]:
    """The events in an order that only causes decide, not times.

    Causes are: a lifeline's own order, that a message is sent before it arrives, and that what
    comes from outside (an act, an input) comes after all that was before it.
    """
    ordered: list[AnyEvent] = []
    since: list[AnyEvent] = []
    for event in events:
        if isinstance(event, Act | Injected | Verdict):
            ordered += [*_side_by_side(since), event]
            since = []
        else:
            since.append(event)
    return [*ordered, *_side_by_side(since)]


def _side_by_side(events: list[AnyEvent]) -> Iterator[AnyEvent]:
    """Lifeline by lifeline, each as far as it comes without a message not yet sent."""
    unsent: set[int] = set()
    early: set[int] = set()  # arrives before it is sent, which only a damaged trace says
    for event in events:
        if isinstance(event, Sent):
            unsent.add(event.number)
        elif isinstance(event, Delivered) and event.number not in unsent:
            early.add(event.number)
    unsent -= early
    queues: dict[str, deque[AnyEvent]] = {}
    for event in events:
        queues.setdefault(_lifeline(event), deque()).append(event)
    while any(queues.values()):
        for _, waiting in sorted(queues.items()):
            while waiting and not (
                isinstance(waiting[0], Delivered) and waiting[0].number in unsent
            ):
                event = waiting.popleft()
                if isinstance(event, Sent):
                    unsent.discard(event.number)
                yield event


def _lifeline(event: AnyEvent) -> str:
    match event:
        case Delivered():
            return event.receiver
        case Sent() | Lost() | Altered():
            return event.sender
        case Displayed() | State():
            return event.device
        case Decision() | Served():
            return event.by
        case Act() | Injected() | Verdict():  # come from outside, and have no lifeline
            return ""
