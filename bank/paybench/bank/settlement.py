"""A settlement as it is asked for: the settling information."""

from msgspec import Struct, field

from .account import AccountNumber
from .approval import Approval
from .money import Money
from .outcome import Outcome, State
from .reason import Reason
from .restriction import Restriction

__all__ = ["Outcome", "Reason", "SettlingInformation", "State", "is_well_formed"]

SETTLEMENT_ID_MAX = 64


class SettlingInformation(Struct, frozen=True, gc=False, omit_defaults=True):
    """The request to settle: who pays whom how much (S103, D3, D5; [0138]).

    The body, which a retransmission under the same id must repeat, is payer, payee, amount and
    restriction.

    Args:
        settlement_id: the sender's own id, 1 to 64 printable ASCII characters; settles once.
        payer: the account that pays.
        payee: the account that is paid.
        amount: what is paid, more than zero.
        approval: the payer's signature over the body and the id.
        terminal: the device at which the payee wants to be told, "" for the sender. It only
            routes the answer: it is neither signed nor part of the body.
        restriction: the settlement restriction information (D51, D61); None, and not encoded, for
            a settlement on the spot.
    """

    settlement_id: str
    payer: AccountNumber
    payee: AccountNumber
    amount: Money
    approval: Approval | None
    # A factory: only so is an empty one encoded, as it always was.
    terminal: str = field(default_factory=str)
    restriction: Restriction | None = None

    def flaw(self, currency: str) -> Reason | None:
        """What is wrong with the request in itself, whatever the accounts hold.

        Args:
            currency: the bank's, as ISO 4217 code.
        """
        if not is_well_formed(self.settlement_id):
            return Reason.ID_MALFORMED
        if self.amount.amount_minor <= 0:
            return Reason.AMOUNT_NOT_POSITIVE
        if self.amount.currency != currency:
            return Reason.CURRENCY_MISMATCH
        if self.payer == self.payee:
            return Reason.SAME_ACCOUNT
        return None

    def matches(self, approval: Approval) -> bool:
        """Whether this is what the approval consents to; its signature is left to `verify`."""
        return (
            approval.settlement_id == self.settlement_id
            and approval.payer == self.payer
            and approval.payee == self.payee
            and approval.amount == self.amount
            and approval.restriction == self.restriction
        )

    def refused(self, reason: Reason) -> Outcome:
        """The outcome that refuses this request and names no balance."""
        return Outcome.of(self.settlement_id, self.amount, reason)


def is_well_formed(name: str) -> bool:
    """Whether an id, or another name that is signed, is 1 to 64 printable ASCII characters."""
    return 0 < len(name) <= SETTLEMENT_ID_MAX and name.isascii() and name.isprintable()
