"""What is said where a number joins two terminals, and over which network.

Between a terminal and the apparatus it is what `paybench.bank.tin` says, in an envelope of its
network: billing side, or paying side. The number itself may be handed over the short-range link.
"""

from __future__ import annotations

from paybench.bank.tin import FromBilling, FromFirst, FromPaying, FromSecond, ToBilling, ToPaying
from paybench.devices.message import Message

OFFERED = "offered"
HANDED = "handed"
"""Steps of a number over the short-range link; the claims have no names for them."""


class TinMessage(Message, frozen=True, gc=False):
    """Base of the envelopes.

    Attributes:
        body: What is said; answers, passwords, samples and portraits in it show as dots.
    """

    body: object

    @property
    def correlation(self) -> str:
        """The session; "" for what belongs to none, or to one that has no name yet."""
        return getattr(self.body, "session", "")


class BillingCall(TinMessage, frozen=True, gc=False):
    """Billing terminal to apparatus, over the billing network: T1, T5; T3 in reverse."""

    body: FromBilling | FromSecond


class BillingNotice(TinMessage, frozen=True, gc=False):
    """Apparatus to billing terminal, over the billing network: T2, T4, T8."""

    body: ToBilling


class PayingCall(TinMessage, frozen=True, gc=False):
    """Paying terminal to apparatus, over the paying network: T3, T7; T1 in reverse."""

    body: FromPaying | FromFirst


class PayingNotice(TinMessage, frozen=True, gc=False):
    """Apparatus to paying terminal, over the paying network: T4, T6, T9; T2 in reverse."""

    body: ToPaying


class TinOffered(Message, frozen=True, gc=False):
    """Billing terminal to phone, over the short-range link: the number (claim 30).

    Attributes:
        tin: All of its digits.
    """

    tin: str


class TinHanded(Message, frozen=True, gc=False):
    """Phone to billing terminal, over the short-range link: the number (claim 50).

    Attributes:
        tin: All of its digits.
    """

    tin: str
