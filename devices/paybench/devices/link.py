"""Links: the only way to speak.

A link joins two ports. It takes time, may jitter and lose (both are picks of the run's chance),
notes everything in the trace, and is where a scenario's faults strike. A message costs one place
on the agenda: its delivery.
"""

from __future__ import annotations

from heapq import heappush
from typing import TYPE_CHECKING

import msgspec

from paybench.devices.environment import to_ns
from paybench.devices.faults import altered
from paybench.devices.trace import Altered, Lost, Sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.devices.choices import Stream
    from paybench.devices.faults import Fault
    from paybench.devices.message import Message
    from paybench.devices.port import Port
    from paybench.devices.world import World

MILLION = 1_000_000


class LinkProfile(msgspec.Struct, frozen=True, kw_only=True):
    """How a kind of link behaves, the same in both directions.

    Attributes:
        latency_s: Time a message takes at least, in seconds.
        jitter_s: Up to how much longer it may take, evenly spread. Messages keep their order.
        loss_ppm: How many of a million messages get lost.
    """

    latency_s: float = 0.0
    jitter_s: float = 0.0
    loss_ppm: int = 0

    def __post_init__(self) -> None:
        if self.latency_s < 0 or self.jitter_s < 0 or not 0 <= self.loss_ppm <= MILLION:
            raise ValueError(
                f"latency and jitter are not negative and loss is 0 to {MILLION} ppm, not {self}"
            )


class Link:
    """Two ports joined, one way each."""

    def __init__(self, world: World, a: Port, b: Port, profile: LinkProfile) -> None:
        self.profile = profile
        self.forth = Way(world, a, b, profile)
        self.back = Way(world, b, a, profile)
        a.add_way(b.device, self.forth.send)
        b.add_way(a.device, self.back.send)


class Way:
    """One direction of a link."""

    __slots__ = (
        "_arrival_ns",
        "_chance",
        "_deliver",
        "_env",
        "_faults",
        "_jitter_ns",
        "_latency_ns",
        "_loss_ppm",
        "_note",
        "_receiver",
        "_sender",
        "_trace",
    )

    def __init__(self, world: World, sender: Port, receiver: Port, profile: LinkProfile) -> None:
        self._env = world.env
        self._trace = world.trace
        self._note = world.trace.note
        self._faults = world.faults
        self._sender = sender.device
        self._receiver = receiver.device
        self._deliver = receiver.deliver
        self._latency_ns = to_ns(profile.latency_s)
        self._jitter_ns = to_ns(profile.jitter_s)
        self._loss_ppm = profile.loss_ppm
        self._chance: Stream | None = None
        if self._jitter_ns or self._loss_ppm:
            self._chance = world.link_chance
            if self._chance is None:
                name = f"{sender.device}/{sender.name}>{receiver.device}/{receiver.name}"
                self._chance = world.choices.stream(name, "link")
        self._arrival_ns = 0

    def send(self, message: Message, step: str) -> None:
        """Send a message on its way."""
        env, trace = self._env, self._trace
        now_ns = env.now_ns
        sent = Sent(
            now_ns,
            trace.gone + len(trace.events),
            step,
            self._sender,
            self._receiver,
            message.correlation,
            message,
        )
        self._note(sent)
        if self._chance is not None or self._faults.by_step or self._arrival_ns:
            self._send_by_chance(sent)
        else:
            heappush(env.agenda, (now_ns + self._latency_ns, next(env.order), self._deliver, sent))

    def _send_by_chance(self, sent: Sent) -> None:
        delay_ns = self._latency_ns
        if self._chance is not None:
            # The quiet pick is 0, so a loss is a pick at the far end.
            if self._loss_ppm and self._chance.below(MILLION) >= MILLION - self._loss_ppm:
                self._lose(sent, "lost on the link")
                return
            if self._jitter_ns:
                delay_ns += self._chance.below(self._jitter_ns + 1)
        fault = self._faults.next_for(sent.step) if self._faults.by_step else None
        if fault is not None:
            if fault.kind == "lose":
                self._lose(sent, "lost by a fault of the scenario")
                return
            delay_ns += fault.delay_ns
            sent = self._befallen(sent, fault)
        self._deliver_after(delay_ns, sent)
        if fault is not None and fault.kind == "duplicate":
            self._deliver_after(delay_ns, sent)
        if fault is not None and fault.then is not None:
            at_ns = self._arrival_ns if fault.arrived else self._env.now_ns
            self._env.call_at(at_ns, _call, fault.then)

    def _deliver_after(self, delay_ns: int, sent: Sent) -> None:
        # Messages of one way do not overtake each other, neither by jitter nor by a delay of the
        # scenario: that is what serial, BLE and TCP promise.
        self._arrival_ns = max(self._env.now_ns + delay_ns, self._arrival_ns)
        self._env.call_at(self._arrival_ns, self._deliver, sent)

    def _befallen(self, sent: Sent, fault: Fault) -> Sent:
        if fault.kind != "alter":
            return sent
        message = altered(sent.message, fault.changes)
        self._note(Altered(*_about(sent), message))
        return msgspec.structs.replace(sent, message=message)

    def _lose(self, sent: Sent, why: str) -> None:
        self._note(Lost(*_about(sent), why))


def _call(then: Callable[[], object]) -> None:
    then()


def _about(sent: Sent) -> tuple[int, int, str, str, str, str]:
    """What every event about a sent message says of it."""
    return (sent.at_ns, sent.number, sent.step, sent.sender, sent.receiver, sent.correlation)
