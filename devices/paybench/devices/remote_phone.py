"""A phone that is somewhere else: a real one, or a twin in another process.

In the world it is a phone like the simulated one: the same name, the same ports, the same verbs.
What arrives at its ports goes down a line to the real thing, and what that says leaves by the same
ports. Its customer is a person, who is asked to do what the verbs say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from paybench.bank.tin import AmountDue
from paybench.devices.bill import Bill
from paybench.devices.device import Device, verb
from paybench.devices.errors import RouteError
from paybench.devices.payment import DueRequest
from paybench.devices.phone import Phone
from paybench.devices.purchase import PurchaseInformation
from paybench.devices.short_range import SHORT_RANGE
from paybench.devices.tin_messages import PayingNotice
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.devices.message import Message
    from paybench.devices.port import Port
    from paybench.devices.trace import Sent

NEAR, NETWORK, TELEPHONE = 0, 1, 3
"""Channels of a line: which of the phone's ports is meant."""


class Line(Protocol):
    """The way to a phone that is somewhere else."""

    def say(self, channel: int, message: Message) -> None:
        """Send the phone what has arrived at one of its ports."""
        ...

    def ask(self, wish: str) -> None:
        """Ask the phone's customer for something."""
        ...


class RemotePhone(Phone):
    """A phone whose doing happens elsewhere; the arguments are those of `Phone`.

    It is a part of its own, as far as drivers are concerned: of kind ``phone``.

    Attributes:
        line: The way to it; None while nobody has laid one.
        gone: Why it is not there now.
        returns: Whether somebody tries to get it back.
        heard: What came from it that meant nothing, if something did.
        spoken: How many messages have come from it.
    """

    kind = "phone"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.line: Line | None = None
        self.gone = ""
        self.returns = False
        self.heard = ""
        self.spoken = 0
        self._unheard = -1
        self._peer = ""
        self._due: AmountDue | None = None
        super().__init__(*args, **kwargs)

    @verb("password", "finger")
    def approve(self, password: str = "", taps: int = 1, finger: str = "") -> None:
        """Have the customer authenticate the bill, and wait until the phone says so.

        Raises:
            OutOfOrder: There is no bill to approve.
            PartSilent: Nothing came from the phone.
        """
        del password, finger  # the customer knows it; nobody else has to
        times = "" if taps == 1 else f", {taps} times"
        self.asked("approve")
        asked = self._due if isinstance(self.request, DueRequest) else self.bill
        what = asked.amount if asked is not None else "it"
        self._have_done(f"approve {what} on {self.name}{times}")

    @verb()
    def decline(self) -> None:
        """Have the customer say no to the bill.

        Raises:
            OutOfOrder: There is no bill to decline.
            PartSilent: Nothing came from the phone.
        """
        self.asked("decline")
        self._have_done(f"decline on {self.name}")

    def subscribe(self) -> Port:
        """The phone may speak over the paying network; its camera and sensors are its own."""
        telephone = super().subscribe()
        telephone.listen(self._ring)
        return telephone

    @property
    def apps_by_hand(self) -> Callable[[str, dict[str, Any], tuple[str, ...]], Any]:
        """The customer does on the real phone what the verbs of its apps say."""
        return self._by_hand

    def identity(self) -> dict[str, Any]:
        """Who the phone is in this run, for the bench to tell it: account, key, password."""
        return {
            "name": self.name,
            "owner": self.owner,
            "currency": self.currency,
            "account": self.account,
            "approval_key": self.signer.reveal(),
            "password": self.approver.reveal(),
        }

    def hear(self, channel: int, step: str, message: Message) -> None:
        """The phone says something: it leaves by the port of the channel."""
        self.spoken += 1
        port, to = {
            NEAR: (self.short_range, self._peer),
            NETWORK: (self.network, ""),
            TELEPHONE: (self.telephone, ""),
        }[channel]
        kind = type(message).__name__
        if port is None:
            self.decided(IGNORED, f"a {kind} for nobody: {self.owner} has not subscribed")
            return
        try:
            port.send(message, step, to)
        except RouteError as error:
            self.decided(IGNORED, f"a {kind} for nobody: {error}")

    def shown(self, lines: tuple[str, ...]) -> None:
        """The phone's display has changed."""
        self.spoken += 1
        self.display.show(*lines)

    def lose(self, why: str) -> None:
        """The phone went away."""
        self.world.lose(self, why)

    def find(self) -> None:
        """The phone is back."""
        self.world.regain(self)

    def _by_hand(self, name: str, arguments: dict[str, Any], secrets: tuple[str, ...]) -> None:
        words = [name]
        for key, value in arguments.items():
            port: Port | None = getattr(value, "short_range", None)
            if port is not None:  # held to another device
                self.world.connect(self.short_range, port, SHORT_RANGE)
                self._peer = value.name
            if key not in secrets:
                words.append(value.name if isinstance(value, Device) else str(value))
        self._have_done(f"{' '.join(words)} on {self.name}")

    def _have_done(self, wish: str) -> None:
        # A customer answers what the phone shows, so it has to show the question first.
        self.world.wait_for(lambda: self.spoken > self._unheard, self, "the bill on display")
        before = self.spoken
        if self.line is not None:
            self.line.ask(wish)
        self.world.wait_for(lambda: self.spoken > before, self, "the customer's answer")

    def _take(self, sent: Sent) -> None:
        message = sent.message
        if isinstance(message, PurchaseInformation):
            self.request = Bill(self, message, sent.sender)
            self.bills.append(message)
        self._peer = sent.sender
        self._unheard = self.spoken
        self._say(NEAR, message)

    def _take_code(self, code: str) -> None:
        self.decided(IGNORED, f"{code}, which a camera of the bench has read and not the phone's")

    def _hear(self, sent: Sent) -> None:
        self._say(NETWORK, sent.message)

    def _ring(self, sent: Sent) -> None:
        message = sent.message
        if isinstance(message, PayingNotice) and isinstance(message.body, AmountDue):
            self._due = message.body
            self.request = DueRequest(self.payer, message.body.session)
        self._say(TELEPHONE, message)

    def _say(self, channel: int, message: Message) -> None:
        if self.line is not None:
            self.line.say(channel, message)
