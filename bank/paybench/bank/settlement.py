"""A settlement as asked for and as answered: settling information, reason, outcome."""

import enum
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from .account import AccountNumber
from .approval import Approval
from .money import Money

SETTLEMENT_ID_MAX = 64


class SettlingInformation(Struct, frozen=True, gc=False):
    """The request to settle: who pays whom how much (S103, D3, D5; [0138]).

    The body, which a retransmission under the same id must repeat, is payer, payee and amount.

    Args:
        settlement_id: the sender's own id, 1 to 64 printable ASCII characters; settles once.
        payer: the account that pays.
        payee: the account that is paid.
        amount: what is paid, more than zero.
        approval: the payer's signature over all of the above.
        terminal: the device at which the payee wants to be told, "" for the sender. It only
            routes the answer: it is neither signed nor part of the body.
    """

    settlement_id: str
    payer: AccountNumber
    payee: AccountNumber
    amount: Money
    approval: Approval | None
    terminal: str = ""

    def flaw(self, currency: str) -> "Reason | None":
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
        )

    def refused(self, reason: "Reason") -> "Outcome":
        """The outcome that refuses this request and names no balance."""
        return Outcome.of(self.settlement_id, self.amount, reason)


def is_well_formed(settlement_id: str) -> bool:
    """Whether the id is 1 to 64 printable ASCII characters."""
    return (
        0 < len(settlement_id) <= SETTLEMENT_ID_MAX
        and settlement_id.isascii()
        and settlement_id.isprintable()
    )


class Reason(enum.StrEnum):
    """Why the bank refused. Each has a `sentence` for the person in front of the device."""

    ID_MALFORMED = "id-malformed"
    AMOUNT_NOT_POSITIVE = "amount-not-positive"
    CURRENCY_MISMATCH = "currency-mismatch"
    SAME_ACCOUNT = "same-account"
    UNKNOWN_PAYER = "unknown-payer"
    APPROVAL_MISSING = "approval-missing"
    APPROVAL_ALTERED = "approval-altered"
    ID_REUSED = "id-reused"
    APPROVAL_REPLAYED = "approval-replayed"
    UNKNOWN_PAYEE = "unknown-payee"
    INSUFFICIENT_BALANCE = "insufficient-balance"
    UNKNOWN_SETTLEMENT = "unknown-settlement"

    @property
    def sentence(self) -> str:
        """The reason in one sentence. It names no figures: a payee may read it."""
        return _SENTENCES[self]


_SENTENCES = {
    Reason.ID_MALFORMED: "A settlement id is 1 to 64 printable ASCII characters.",
    Reason.AMOUNT_NOT_POSITIVE: "The amount must be more than zero.",
    Reason.CURRENCY_MISMATCH: "The bank does not keep accounts in this currency.",
    Reason.SAME_ACCOUNT: "Payer and payee are the same account.",
    Reason.UNKNOWN_PAYER: "The payer has no account here.",
    Reason.APPROVAL_MISSING: "The payer has not signed, or the payer's account has no key.",
    Reason.APPROVAL_ALTERED: "The approval does not match what is to be settled.",
    Reason.ID_REUSED: "This settlement id belongs to another settlement.",
    Reason.APPROVAL_REPLAYED: "The approval's counter was used before or is too old.",
    Reason.UNKNOWN_PAYEE: "The payee has no account here.",
    Reason.INSUFFICIENT_BALANCE: "The payer's balance is too low.",
    Reason.UNKNOWN_SETTLEMENT: "The bank knows no settlement with this id.",
}
_SETTLED = "Settled."


class Outcome(Struct, frozen=True, gc=False):
    """The settled result (D4, D6): settled, or refused with a reason.

    Args:
        settlement_id: as in the request.
        settled: whether the money has left the payer for the payee.
        amount: as in the request; zero when an inquiry finds nothing.
        reason: why it was refused, None when settled.
        sentence: the same for a person to read.
        payer_balance: the payer's balance afterwards. Only the payer may see it: send a payee
            `without_balance()`. None where the bank could not tell that the payer is asking.
    """

    settlement_id: str
    settled: bool
    amount: Money
    reason: Reason | None
    sentence: str
    payer_balance: Money | None

    @classmethod
    def of(
        cls,
        settlement_id: str,
        amount: Money,
        reason: Reason | None,
        payer_balance: Money | None = None,
    ) -> Self:
        """The outcome for a reason, or for None: settled."""
        sentence = _SETTLED if reason is None else _SENTENCES[reason]
        return cls(settlement_id, reason is None, amount, reason, sentence, payer_balance)

    def without_balance(self) -> "Outcome":
        """What the payee, or whoever relays, may see."""
        return replace(self, payer_balance=None)
