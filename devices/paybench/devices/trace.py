"""The trace: every message, state change and decision of a run, in order.

Reports, golden ladders, replay and checks read the trace and nothing else. An event is a frozen
value; appending one is a list append. Times are integer nanoseconds of the run's own clock.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from paybench.devices.secret import MASK, Secret

if TYPE_CHECKING:
    from collections.abc import Iterator


class Event(msgspec.Struct, frozen=True, gc=False, tag=True, tag_field="event"):
    """Base of all trace events.

    Attributes:
        at_ns: When, in nanoseconds of the run's clock.
    """

    at_ns: int


class Sent(Event, frozen=True, gc=False):
    """A message left its sender. `number` is its place in the trace, counted from 0."""

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
    Sent | Delivered | Lost | Altered | State | Displayed | Decision | Act | Injected | Verdict
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
        return MASK
    raise TypeError(f"a message field of type {type(value).__name__} cannot be written to a trace")


_encoder = msgspec.json.Encoder(enc_hook=_plain)


class Trace:
    """The events of one run, in the order they happened.

    Attributes:
        events: The list itself. Appending to it is the hot path, so ports and devices hold
            `events.append` directly.
    """

    __slots__ = ("events",)

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []

    def __len__(self) -> int:
        return len(self.events)

    def __iter__(self) -> Iterator[AnyEvent]:
        return iter(self.events)

    def encode(self, header: Header) -> bytes:
        """The whole trace as JSON Lines, header first: the bytes of its file."""
        return _encoder.encode(header) + b"\n" + _encoder.encode_lines(self.events)

    def digest(self, header: Header) -> str:
        """SHA-256 of `encode`, as ``sha256sum`` prints it for the file."""
        return hashlib.sha256(self.encode(header)).hexdigest()
