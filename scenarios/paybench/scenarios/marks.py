"""Marks: what the events of a trace are to its reader.

A ladder, a Mermaid diagram and a golden text all show the same marks, each in its own form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

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
from paybench.devices.world import RIG
from paybench.scenarios.gist import changes, gist

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from paybench.devices.trace import AnyEvent

NS_PER_MS = 10**6


class Mark(NamedTuple):
    """One thing to draw: a message's arrow, or a note at somebody's lifeline.

    Attributes:
        at_ns: When, in nanoseconds of the run's clock.
        kind: For arrows ``message``, ``altered``, ``again``, ``lost`` or ``under way``; for notes
            ``display``, ``decision``, ``act``, ``input``, ``gone`` or ``state``; for what is
            nobody's alone ``rig`` or ``verdict``.
        who: Whose note it is, or who sent the message; "" for what is nobody's alone.
        to: Who the message is for; "" for notes.
        text: What it says.
        why: The reason, if there is one to give.
        lines: What a display shows.
    """

    at_ns: int
    kind: str
    who: str
    to: str
    text: str
    why: str = ""
    lines: tuple[str, ...] = ()


class _Flight:
    """A message that was sent: what is known of it while it may still arrive."""

    __slots__ = ("arrived", "kind", "sent", "text")

    def __init__(self, sent: Sent) -> None:
        self.sent = sent
        self.kind = "message"
        self.text = f"{sent.step} {gist(sent.message)}".rstrip()
        self.arrived = False


class Telling:
    """Makes marks of the events of one trace, fed in their order.

    A message is one mark, made when it arrives: that is when it has an effect, so that a row's
    cause stands above it. A lost one is marked when it is lost, which is when it was sent.

    Args:
        states: Whether changes of state are told. They repeat what messages and displays say.
    """

    def __init__(self, *, states: bool = False) -> None:
        self._states = states
        self._flights: dict[int, _Flight] = {}

    def tell(self, event: AnyEvent) -> list[Mark]:
        """The marks this event adds: none or one, and more at the end of the trace."""
        if isinstance(event, Sent):
            self._flights[event.number] = _Flight(event)
            return []
        if isinstance(event, Altered):
            self._alter(event)
            return []
        if isinstance(event, Delivered | Lost):
            return [self._end_of_flight(event)]
        if isinstance(event, Verdict):
            return [*self.under_way(), Mark(event.at_ns, "verdict", "", "", *_told(event))]
        return [] if self._is_passed_over(event) else [_note(event)]

    def _is_passed_over(self, event: AnyEvent) -> bool:
        # Where nobody waits, which servers did it is for `paybench show --servers`.
        if isinstance(event, Served):
            return not any(event.waited_ns.values())
        return isinstance(event, State) and not self._states

    def under_way(self) -> list[Mark]:
        """Marks for the messages that neither arrived nor got lost; each is told once."""
        waiting = [flight for flight in self._flights.values() if not flight.arrived]
        for flight in waiting:
            flight.arrived = True
        return [
            Mark(
                flight.sent.at_ns,
                "under way",
                flight.sent.sender,
                flight.sent.receiver,
                flight.text,
                "under way when the trace ended",
            )
            for flight in waiting
        ]

    def _alter(self, event: Altered) -> None:
        flight = self._flights.get(event.number)
        if flight is None:
            return
        flight.kind = "altered"
        was, now = gist(flight.sent.message), gist(event.message)
        if was == now:
            paths = changes(flight.sent.message, event.message)
            flight.text = f"{event.step} altered: {', '.join(paths)}"
        else:
            flight.text = f"{event.step} altered: {now}, was {was}"

    def _end_of_flight(self, event: Delivered | Lost) -> Mark:
        flight = self._flights.get(event.number)
        kind, text, why = "message", event.step, ""  # all that a piece of a trace may tell
        if flight is not None:
            kind, text = flight.kind, flight.text
            if flight.arrived:
                kind, text = "again", f"{text} (again)"
            flight.arrived = True
        if isinstance(event, Lost):
            kind, why = "lost", event.why
        return Mark(event.at_ns, kind, event.sender, event.receiver, text, why)


def marks(events: Iterable[AnyEvent], *, states: bool = False) -> Iterator[Mark]:
    """The marks of a whole trace, and of what was still under way at its end."""
    telling = Telling(states=states)
    for event in events:
        yield from telling.tell(event)
    yield from telling.under_way()


def _told(event: Verdict | Decision) -> tuple[str, str]:
    """A judgement and its reason, unless the reason only repeats it."""
    said = event.verdict if isinstance(event, Verdict) else event.decision
    same = said.casefold().rstrip(".") == event.why.casefold().rstrip(".")
    return said, "" if same else event.why


def _note(event: Displayed | Decision | Served | Act | Injected | State) -> Mark:
    at_ns = event.at_ns
    match event:
        case Displayed():
            return Mark(at_ns, "display", event.device, "", "", lines=event.lines)
        case Decision():
            return Mark(at_ns, "decision", event.by, "", *_told(event))
        case Served():
            waits = [f"{ns / NS_PER_MS:.1f} ms at {at}" for at, ns in event.waited_ns.items() if ns]
            return Mark(at_ns, "decision", event.by, "", f"waited {' and '.join(waits)}")
        case Act():
            arguments = ", ".join(event.arguments.values())
            kind, who = (RIG, "") if event.who == RIG else ("act", event.who)
            return Mark(at_ns, kind, who, "", f"{event.verb} {arguments}".rstrip())
        case Injected():
            return _input(event)
        case State():
            return Mark(at_ns, "state", event.device, "", event.state)


def _input(event: Injected) -> Mark:
    at_ns, port = event.at_ns, event.port
    if event.lost:
        return Mark(at_ns, "gone", port, "", f"{port} is gone", event.lost)
    return Mark(at_ns, "input", port, "", _input_text(event.data))


def _input_text(data: bytes) -> str:
    try:
        text = data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        text = ""
    if text and text.isprintable():
        return text
    return f"{len(data)} byte{'' if len(data) == 1 else 's'}"
