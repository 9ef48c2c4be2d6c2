"""Ports: where a device speaks and listens."""

# A receive is an event we trigger ourselves, without a place on the agenda.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from simpy.events import Condition, Event, Process

from paybench.devices.environment import FOREVER
from paybench.devices.errors import ReceiveGivenUp, RouteError
from paybench.devices.trace import Delivered, Sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.devices.environment import Environment
    from paybench.devices.message import Message


class Receive(Event):
    """What `Port.receive` gives to ``yield``: the message, or None when the time is up."""

    deadline_ns = FOREVER
    with_sender = False

    def conclude(self, value: Any) -> None:
        """Hand a value to whoever waits, at once: a receive takes no place on the agenda."""
        callbacks, self.callbacks = self.callbacks, None  # pyright: ignore[reportAttributeAccessIssue]
        self._ok = True
        self._value = value
        for callback in callbacks:
            callback(self)

    def give_up(self) -> None:
        """Nobody listens any more; whoever waits for this receive again is told so."""
        callbacks: list[Any] = self.callbacks
        self.callbacks = None  # pyright: ignore[reportAttributeAccessIssue]
        self._ok = False
        self._defused = True
        self._value = ReceiveGivenUp(
            "this receive was given up when its condition or process went on without it, and the "
            "message that came since is in the mailbox: call port.receive() again"
        )
        for callback in callbacks:  # conditions that nobody waits for either
            _defuse(callback.__self__)
            callback(self)


def _heard(event: Event) -> bool:
    """Whether a process waits for an event, by itself or through conditions."""
    callbacks: list[Any] = event.callbacks
    for callback in callbacks:
        condition = getattr(callback, "__self__", None)
        if not isinstance(condition, Condition):
            return True
        if condition is not event and condition.callbacks and _heard(condition):
            return True
    return False


def _defuse(condition: Condition) -> None:
    """Let a condition, and those it is part of, fail without anybody there to see it."""
    if not condition.defused:
        condition.defused = True
        callbacks: list[Any] = condition.callbacks or []
        for outer in callbacks:
            _defuse(outer.__self__)


class Port:
    """One of a device's places to speak and listen, with a mailbox.

    Args:
        env: The run's environment.
        device: Full name of the device, as traces show it.
        name: Name of the port within the device, e.g. ``short-range``.

    Links (`paybench.devices.link`) join two ports; a port may have many, and then `send` says
    to whom. A message that arrives goes to the oldest receive that somebody still listens to,
    else into the mailbox: a receive that timed out, whose process was interrupted, or whose
    condition was met otherwise never swallows one.
    """

    def __init__(self, env: Environment, device: str, name: str) -> None:
        self.env = env
        self.device = device
        self.name = name
        self.ways: dict[str, Callable[[Message, str], None]] = {}
        self._only_way: Callable[[Message, str], None] | None = None
        self._note = env.trace.events.append
        self._mailbox: deque[Sent] = deque()
        self._waiting: deque[Receive] = deque()
        self._alarm_ns = FOREVER

    def __repr__(self) -> str:
        return f"<Port {self.device}/{self.name}>"

    def add_way(self, receiver: str, send: Callable[[Message, str], None]) -> None:
        """A link has been laid: `send` takes messages to the device named `receiver`."""
        self.ways[receiver] = send
        self._only_way = send if len(self.ways) == 1 else None

    def send(self, message: Message, step: str, to: str = "") -> None:
        """Send a message; `step` is its name in the flow, e.g. ``D1``.

        Args:
            message: What is said.
            step: Step name for the trace.
            to: Name of the receiving device; may be left out while there is but one link.

        Raises:
            RouteError: There is no link, none to that device, or several and no `to`.
        """
        way = self.ways.get(to) if to else self._only_way
        if way is None:
            raise RouteError(self._no_way(to))
        way(message, step)

    def receive(self, timeout_s: float | None = None) -> Receive:
        """The next message, for ``yield``; None when `timeout_s` seconds pass without one.

        A message that arrives at the very instant of the deadline is in time.
        """
        receive = Receive(self.env)
        if self._mailbox:
            receive.conclude(self._mailbox.popleft().message)
            return receive
        self._waiting.append(receive)
        if timeout_s is not None:
            self._limit(receive, timeout_s)
        return receive

    def receive_from(self, timeout_s: float | None = None) -> Receive:
        """Like `receive`, but gives ``(message, name of the sending device)``."""
        receive = Receive(self.env)
        receive.with_sender = True
        if self._mailbox:
            sent = self._mailbox.popleft()
            receive.conclude((sent.message, sent.sender))
            return receive
        self._waiting.append(receive)
        if timeout_s is not None:
            self._limit(receive, timeout_s)
        return receive

    def drain(self) -> list[Message]:
        """Take out everything that waits in the mailbox."""
        if not self._mailbox:
            return []
        messages = [sent.message for sent in self._mailbox]
        self._mailbox.clear()
        return messages

    def deliver(self, sent: Sent) -> None:
        """A link brings a message. Called by links only."""
        self._note(
            Delivered(
                self.env.now_ns,
                sent.number,
                sent.step,
                sent.sender,
                sent.receiver,
                sent.correlation,
            )
        )
        waiting = self._waiting
        while waiting:
            receive = waiting.popleft()
            callbacks: list[Any] | None = receive.callbacks
            # A process that waits for the message alone is by far the most frequent case.
            if callbacks and (
                getattr(callbacks[0], "__self__", None).__class__ is Process or _heard(receive)
            ):
                message = sent.message
                receive.conclude((message, sent.sender) if receive.with_sender else message)
                return
            receive.give_up()
        self._mailbox.append(sent)

    def _limit(self, receive: Receive, timeout_s: float) -> None:
        receive.deadline_ns = deadline_ns = self.env.now_ns + int(timeout_s * 1e9 + 0.5)
        # One alarm serves the port: it rings at the earliest deadline there was when it was set
        # and moves on to the next. Most deadlines are met and never cost an alarm of their own.
        if deadline_ns < self._alarm_ns:
            self._alarm_ns = deadline_ns
            self.env.alarm_at(deadline_ns, self._ring)

    def _ring(self, due_ns: int) -> None:
        if due_ns != self._alarm_ns:
            return  # an earlier deadline took over, and this alarm is the old one
        late = [r for r in self._waiting if r.deadline_ns <= due_ns]
        self._waiting = deque(r for r in self._waiting if r.deadline_ns > due_ns)
        self._alarm_ns = min((r.deadline_ns for r in self._waiting), default=FOREVER)
        if self._alarm_ns < FOREVER:
            self.env.alarm_at(self._alarm_ns, self._ring)
        if any(_heard(receive) for receive in late):
            self.env.now_ns = due_ns
        for receive in late:
            receive.conclude(None)

    def _no_way(self, to: str) -> str:
        if not self.ways:
            return f"{self.device} has no link on its {self.name} port: connect it first"
        peers = ", ".join(sorted(self.ways))
        if to:
            return f"{self.device} has no link to {to} on its {self.name} port, only to {peers}"
        return f"{self.device} has several links on its {self.name} port: say to which of {peers}"
