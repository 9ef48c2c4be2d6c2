"""The trace: every message, state change and decision of a run, in order.

Reports, golden ladders, replay and checks read the trace and nothing else. An event is a frozen
value; appending one is a list append. Times are integer nanoseconds of the run's own clock.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from paybench.bank.secret import Secret
from paybench.devices.errors import TraceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Event(msgspec.Struct, frozen=True, gc=False, tag=True, tag_field="event"):
    """Base of all trace events.

    Attributes:
        at_ns: When, in nanoseconds of the run's clock.
    """

    at_ns: int


class Sent(Event, frozen=True, gc=False):
    """A message left its sender. `number` is its place in the whole trace, counted from 0."""

    number: int
    step: str
    sender: str
    receiver: str
    correlation: str
    message: Any


class Delivered(Event, frozen=True, gc=False):
    """The message sent as `number` reached its receiver."""

    number: int
    step: str
    sender: str
    receiver: str
    correlation: str


class Lost(Event, frozen=True, gc=False):
    """The message sent as `number` will not arrive, and why."""

    number: int
    step: str
    sender: str
    receiver: str
    correlation: str
    why: str


class Altered(Event, frozen=True, gc=False):
    """The message sent as `number` was changed on its way: what it says now."""

    number: int
    step: str
    sender: str
    receiver: str
    correlation: str
    message: Any


class State(Event, frozen=True, gc=False):
    """A device changed its state."""

    device: str
    state: str
    correlation: str


class Displayed(Event, frozen=True, gc=False):
    """A device's display shows these lines now."""

    device: str
    lines: tuple[str, ...]


class Decision(Event, frozen=True, gc=False):
    """A device, a person or the bank decided something, and why."""

    by: str
    decision: str
    why: str
    correlation: str


class Served(Event, frozen=True, gc=False):
    """The bank's servers have done a settlement.

    Attributes:
        by: The bank.
        waited_ns: For how long it waited in each server's queue, in nanoseconds, by the names of
            Fig 11: 200 the application server, 400 the log data server, 300a and so on the
            payer's database server.
        deposit_at: The database server on which its deposit will land; "" where there is none.
    """

    by: str
    waited_ns: dict[str, int]
    deposit_at: str
    correlation: str


class Act(Event, frozen=True, gc=False):
    """Somebody outside the clock did something: a verb of the scenario."""

    who: str
    verb: str
    arguments: dict[str, str]


class Injected(Event, frozen=True, gc=False):
    """Something came from a real thing.

    Attributes:
        port: Which thing, by the name of the part it stands in for.
        data: The bytes that came; none when it went away or is back.
        lost: Why it went away; "" when it did not.
    """

    port: str
    data: bytes
    lost: str = ""


class Verdict(Event, frozen=True, gc=False):
    """How the run ended: passed, failed, blocked or error; always the last event."""

    verdict: str
    why: str


AnyEvent = (
    Sent
    | Delivered
    | Lost
    | Altered
    | State
    | Displayed
    | Decision
    | Served
    | Act
    | Injected
    | Verdict
)


class Header(msgspec.Struct, frozen=True, tag="Header", tag_field="event"):
    """First line of a trace file: all that is needed to run the same run again.

    Attributes:
        format: Version of the trace format.
        paybench: Version of the package that wrote it.
        scenario: Name of the scenario, or "" for a rig used outside of one.
        source: File the scenario is in, relative to where the run was started; "" for the
            library's own.
        variant: Which of the scenario's variants; "" for the only one.
        seed: Seed of all chance.
        options: What else was asked for, by option name.
        bench: Which parts were real: part name to driver spec.
    """

    format: int
    paybench: str
    scenario: str
    source: str
    variant: str
    seed: int
    options: dict[str, str]
    bench: dict[str, str]


def _plain(value: object) -> object:
    if isinstance(value, Secret):
        return str(value)
    raise TypeError(f"a message field of type {type(value).__name__} cannot be written to a trace")


_encoder = msgspec.json.Encoder(enc_hook=_plain)

KEPT = 50_000
"""So many events a trace keeps when a long run lets go of the oldest ones."""


class Trace:
    """The events of one run, in the order they happened.

    It is kept whole, unless it has been told by `flow` where its oldest events may go: then a
    long run lets go of them, and what is left is the end.

    Attributes:
        events: The list itself.
        note: Appends an event to it. That is the hot path: ports and devices hold this one method
            of the list itself.
        gone: How many events there were before those.
    """

    __slots__ = ("_hash", "_keep", "_out", "events", "gone", "note")

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []
        self.note = self.events.append
        self.gone = 0
        self._hash = hashlib.sha256()
        self._keep = KEPT
        self._out: Callable[[bytes], object] | None = None

    def __len__(self) -> int:
        return self.gone + len(self.events)

    def __iter__(self) -> Iterator[AnyEvent]:
        return iter(self.events)

    def since(self, number: int) -> list[AnyEvent]:
        """The events from a place in the whole trace on, as far as they are kept."""
        return self.events[max(number - self.gone, 0) :]

    def encode(self, header: Header) -> bytes:
        """The whole trace as JSON Lines, header first: the bytes of its file.

        Raises:
            TraceError: The run has let go of its oldest events.
        """
        if self.gone:
            raise TraceError(
                f"the first {self.gone} events of this run are not kept: have the trace written "
                f"while it runs (paybench run --trace FILE)"
            )
        return _encoder.encode(header) + b"\n" + self.encode_kept()

    def encode_kept(self) -> bytes:
        """The events that are kept, as the lines of its file."""
        return _encoder.encode_lines(self.events)

    def digest(self, header: Header) -> str:
        """SHA-256 of the file's bytes, as ``sha256sum`` prints it.

        Args:
            header: The file's first line; of a trace that has let go of events, the one that
                `flow` was given.
        """
        if not self.gone:
            return hashlib.sha256(self.encode(header)).hexdigest()
        digest = self._hash.copy()
        digest.update(self.encode_kept())
        return digest.hexdigest()

    # -- long runs ----------------------------------------------------------------------------

    def flow(self, header: Header, out: Callable[[bytes], object], keep: int = KEPT) -> None:
        """Let `let_go` forget events from now on.

        Args:
            header: First line of the file.
            out: Takes the file's bytes as they come, up to those events that are kept.
            keep: So many events are kept.
        """
        self._keep = keep
        head = _encoder.encode(header) + b"\n"
        self._hash.update(head)

        def begin(content: bytes) -> object:
            self._out = out
            return out(head + content)

        self._out = begin

    def let_go(self) -> int:
        """Forget the oldest events, where it is known where they may go.

        To let go of a few is not worth while: there have to be twice as many as are kept.

        Returns:
            How many have been forgotten.
        """
        count = len(self.events) - self._keep
        if self._out is None or count < max(self._keep, 1):
            return 0
        content = _encoder.encode_lines(self.events[:count])
        self._hash.update(content)
        self._out(content)
        del self.events[:count]
        self.gone += count
        return count
