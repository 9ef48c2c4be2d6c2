"""A phone that is somewhere else: a real one, or a twin in another process.

In the world it is a phone like the simulated one: the same name, the same ports, the same verbs.
What arrives at its ports goes down a line to the real thing, and what that says leaves by the same
ports. Its customer is a person, who is asked to do what the verbs say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from paybench.devices.device import verb
from paybench.devices.phone import Phone
from paybench.devices.purchase import PurchaseInformation

if TYPE_CHECKING:
    from collections.abc import Generator

    from paybench.devices.message import Message

SHORT_RANGE, NETWORK = 0, 1
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
        self._before_bill = 0
        super().__init__(*args, **kwargs)

    @verb("password")
    def approve(self, password: str, taps: int = 1) -> None:
        """Have the customer authenticate the bill, and wait until the phone says so.

        Raises:
            OutOfOrder: There is no bill to approve.
            PartSilent: Nothing came from the phone.
        """
        del password  # the customer knows it; nobody else has to
        times = "" if taps == 1 else f", {taps} times"
        self._have_done(f"approve {self._open_bill('approve').amount} on {self.name}{times}")

    @verb()
    def decline(self) -> None:
        """Have the customer say no to the bill.

        Raises:
            OutOfOrder: There is no bill to decline.
            PartSilent: Nothing came from the phone.
        """
        self._open_bill("decline")
        self._have_done(f"decline on {self.name}")

    def identity(self) -> dict[str, Any]:
        """Who the phone is in this run, for the bench to tell it: account, key, password."""
        return {
            "account": self.account,
            "approval_key": self._approval_key,
            "password": self._password.reveal(),
        }

    def hear(self, channel: int, step: str, message: Message) -> None:
        """The phone says something: it leaves by the port of the channel."""
        self.spoken += 1
        if channel == NETWORK:
            self.network.send(message, step)
        else:
            self.short_range.send(message, step, self.biller)

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

    def _have_done(self, wish: str) -> None:
        # A customer answers what the phone shows, so it has to show the bill first.
        self.world.wait_for(lambda: self.spoken > self._before_bill, self, "the bill on display")
        before = self.spoken
        if self.line is not None:
            self.line.ask(wish)
        self.world.wait_for(lambda: self.spoken > before, self, "the customer's answer")

    def _listen(self) -> Generator[Any, Any, None]:
        while True:
            message, sender = yield self.short_range.receive_from()
            if isinstance(message, PurchaseInformation):
                self.bill, self.biller = message, sender
                self.bills.append(message)
                self._before_bill = self.spoken
            self._say(SHORT_RANGE, message)

    def _hear_from_bank(self) -> Generator[Any, Any, None]:
        while True:
            self._say(NETWORK, (yield self.network.receive()))

    def _say(self, channel: int, message: Message) -> None:
        if self.line is not None:
            self.line.say(channel, message)
