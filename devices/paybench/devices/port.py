"""Ports: where a device speaks and listens."""

# A receive is an event we trigger ourselves, without a place on the agenda.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from simpy.events import Condition, Event, Process

from paybench.devices.environment import FOREVER
from paybench.devices.errors import ReceiveGivenUp, RouteError
from paybench.devices.trace import Delivered, Lost, Sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.devices.encoder import Encoder
    from paybench.devices.environment import Environment
    from paybench.devices.message import Message


class Receive(Event):
    """What `Port.receive` gives to ``yield``: the message, or None when the time is up."""

    deadline_ns = FOREVER
    wants_sent = False

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


NO_MAIL: deque[Sent] = deque()
NOBODY: deque[Receive] = deque()
"""What a port has before it needs its own: never appended to."""


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

    __slots__ = (
        "_alarm_ns",
        "_inboxes",
        "_listener",
        "_mailbox",
        "_note",
        "_only_way",
        "_parted",
        "_waiting",
        "dark",
        "device",
        "encoder",
        "env",
        "name",
        "ways",
    )

    def __init__(self, env: Environment, device: str, name: str) -> None:
        self.env = env
        self.device = device
        self.name = name
        self.ways: dict[str, Callable[[Message, str], None]] = {}
        self._only_way: Callable[[Message, str], None] | None = None
        self._note = env.trace.note
        # Most ports of a fleet only listen, and an empty deque has the size of a full port.
        self._mailbox: deque[Sent] = NO_MAIL
        self._waiting: deque[Receive] = NOBODY
        self._alarm_ns = FOREVER
        self._listener: Callable[[Sent], object] | None = None
        self._inboxes: dict[str, Port] | None = None
        self.encoder: Encoder | None = None
        self.dark = False
        self._parted = False

    def __repr__(self) -> str:
        return f"<Port {self.device}/{self.name}>"

    def add_way(self, receiver: str, send: Callable[[Message, str], None]) -> None:
        """A link has been laid: `send` takes messages to the device named `receiver`."""
        self.ways[receiver] = send
        self._only_way = send if len(self.ways) == 1 else None

    def drop_way(self, receiver: str) -> None:
        """The link to the device named `receiver` is no more; harmless when there was none."""
        if self.ways.pop(receiver, None) is not None:
            self._parted = True
        self._only_way = next(iter(self.ways.values())) if len(self.ways) == 1 else None

    def send(self, message: Message, step: str, to: str = "") -> None:
        """Send a message; `step` is its name in the flow, e.g. ``D1``.

        Where links come and go, what is sent to a device that is not there is lost.

        Args:
            message: What is said.
            step: Step name for the trace.
            to: Name of the receiving device; may be left out while there is but one link.

        Raises:
            RouteError: There is no link, none to that device, or several and no `to`.
        """
        way = self.ways.get(to) if to else self._only_way
        if way is None:
            if not (to and self._parted):
                raise RouteError(self._no_way(to))
            self._send_in_vain(message, step, to)
            return
        if self.encoder is not None:
            encoded = self.encoder.outgoing(message, step, to or next(iter(self.ways)))
            if encoded is None:
                return
            message = encoded
        way(message, step)

    def receive(self, timeout_s: float | None = None) -> Receive:
        """The next message, for ``yield``; None when `timeout_s` seconds pass without one.

        A message that arrives at the very instant of the deadline is in time.
        """
        receive = Receive(self.env)
        if self._mailbox:
            receive.conclude(self._mailbox.popleft().message)
            return receive
        self._wait(receive, timeout_s)
        return receive

    def receive_sent(self, timeout_s: float | None = None) -> Receive:
        """Like `receive`, but gives the `Sent`: the message with its sender and its step."""
        receive = Receive(self.env)
        receive.wants_sent = True
        if self._mailbox:
            receive.conclude(self._mailbox.popleft())
            return receive
        self._wait(receive, timeout_s)
        return receive

    def listen(self, heard: Callable[[Sent], object]) -> None:
        """Call `heard` with each message as it arrives: no process waits, none can miss it."""
        self._listener = heard

    def put(self, sent: Sent) -> None:
        """Hand a message that came to another port of the device to who waits at this one."""
        self._hand(sent)

    def inbox(self, correlation: str) -> Port:
        """A place of its own for what comes here and belongs to one thing, until `close_inbox`.

        For two processes that wait at one port for different things.
        """
        if self._inboxes is None:
            self._inboxes = {}
        inbox = self._inboxes.get(correlation)
        if inbox is None:
            inbox = self._inboxes[correlation] = Port(self.env, self.device, self.name)
        return inbox

    def close_inbox(self, correlation: str) -> None:
        """What belongs to that comes here again; harmless when there is no such inbox."""
        if self._inboxes is not None:
            self._inboxes.pop(correlation, None)
            self._inboxes = self._inboxes or None

    def drain(self) -> list[Message]:
        """Take out everything that waits in the mailbox."""
        if not self._mailbox:
            return []
        messages = [sent.message for sent in self._mailbox]
        self._mailbox.clear()
        return messages

    def deliver(self, sent: Sent) -> None:
        """A link brings a message. Called by links only."""
        if self.dark:
            self._lose(sent, f"{self.device} has no power")
            return
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
        if self.encoder is not None:
            opened = self.encoder.incoming(sent)
            if opened is None:
                return
            sent = opened
        if self._listener is not None:
            self._listener(sent)
        else:
            self._hand(sent)

    def _hand(self, sent: Sent) -> None:
        """To the oldest receive that somebody listens to, else into the mailbox."""
        if self._inboxes is not None and sent.correlation in self._inboxes:
            self._inboxes[sent.correlation].put(sent)
            return
        waiting = self._waiting
        while waiting:
            receive = waiting.popleft()
            callbacks: list[Any] | None = receive.callbacks
            # A process that waits for the message alone is by far the most frequent case.
            if callbacks and (
                getattr(callbacks[0], "__self__", None).__class__ is Process or _heard(receive)
            ):
                receive.conclude(sent if receive.wants_sent else sent.message)
                return
            receive.give_up()
        if self._mailbox is NO_MAIL:
            self._mailbox = deque()
        self._mailbox.append(sent)

    def _send_in_vain(self, message: Message, step: str, to: str) -> None:
        trace = self.env.trace
        number = trace.gone + len(trace.events)
        sent = Sent(self.env.now_ns, number, step, self.device, to, message.correlation, message)
        self._note(sent)
        self._lose(sent, f"{to} is out of reach")

    def _lose(self, sent: Sent, why: str) -> None:
        self._note(
            Lost(
                self.env.now_ns,
                sent.number,
                sent.step,
                sent.sender,
                sent.receiver,
                sent.correlation,
                why,
            )
        )

    def _wait(self, receive: Receive, timeout_s: float | None) -> None:
        if self._waiting is NOBODY:
            self._waiting = deque()
        self._waiting.append(receive)
        if timeout_s is None:
            return
        receive.deadline_ns = deadline_ns = self.env.now_ns + int(timeout_s * 1e9 + 0.5)
        # One alarm serves the port: it rings at the earliest deadline there was when it was set
        # and moves on to the next. Most deadlines are met and never cost an alarm of their own.
        if deadline_ns < self._alarm_ns:
            self._alarm_ns = deadline_ns
            self.env.alarm_at(deadline_ns, self._ring)

    def _ring(self, due_ns: int) -> None:
        if due_ns != self._alarm_ns:
            return  # an earlier deadline took over, and this alarm is the old one
        if not self._waiting:
            self._alarm_ns = FOREVER
            return
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
