"""What is said about electronic money: the messages of Fig 8 ([0092] to [0103]).

Between two purses: request, then value (or declined), then receipt (or refused). Whoever misses an
answer says the same again. A value or a receipt may come by any way, also through the bank.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from paybench.bank.account import AccountNumber
from paybench.bank.emoney.redemption import Redemption, RedemptionResult
from paybench.bank.emoney.refusal import Refusal
from paybench.bank.emoney.request import Request
from paybench.bank.emoney.value import Receipt, Value
from paybench.bank.money import Money
from paybench.bank.outcome import Outcome
from paybench.bank.proof import Proof
from paybench.bank.settlement import SettlingInformation
from paybench.devices.message import Message
from paybench.devices.settling import SettlementMessage

Cause = Annotated[str, Meta(max_length=64)]


class TransferMessage(Message, frozen=True, gc=False):
    """Base of the messages that name one transfer.

    Attributes:
        transfer_id: Given by the payee's purse; the same id brings money once.
    """

    transfer_id: str

    @property
    def correlation(self) -> str:
        """The transfer's id."""
        return self.transfer_id


class ValueMessage(Message, frozen=True, gc=False):
    """Base of the messages that bring a value."""

    value: Value

    @property
    def correlation(self) -> str:
        """The transfer's id."""
        return self.value.transfer_id


class TransferOffer(Message, frozen=True, gc=False):
    """Payer's purse to payee's: ask me for so much. It promises nothing.

    Attributes:
        offer_id: Given by the payer's device; whoever hears it again asks for the same once.
        amount: How much.
    """

    offer_id: Cause
    amount: Money

    @property
    def correlation(self) -> str:
        """The offer's id."""
        return self.offer_id


class TransferRequest(Message, frozen=True, gc=False):
    """Payee's purse to payer's: what is to be paid, and to whom.

    Attributes:
        request: What the payee signed.
        cause: The offer or the bill that it answers; "" where the payee asks by itself.
    """

    request: Request
    cause: Cause = ""

    @property
    def correlation(self) -> str:
        """The transfer's id."""
        return self.request.transfer_id


class TransferDeclined(TransferMessage, frozen=True, gc=False):
    """Payer's purse to payee's: it does not pay, and holds nothing for the payee.

    It is not signed and nothing follows from it: a value that comes nevertheless is taken. The
    payee declines an offer with it, by the offer's id.
    """

    reason: Refusal


class TransferValue(ValueMessage, frozen=True, gc=False):
    """Payer's purse to payee's: the e-money, which is the payee's already ([0100])."""


class TransferReceipt(Message, frozen=True, gc=False):
    """Payee's purse to payer's: the value is noted and will not get lost."""

    receipt: Receipt

    @property
    def correlation(self) -> str:
        """The transfer's id."""
        return self.receipt.transfer_id


class TransferRefused(TransferMessage, frozen=True, gc=False):
    """Payee's purse to payer's: the value cannot be taken. The payer keeps it to send again.

    It is not signed: what arrives whole the next time is taken.
    """

    reason: Refusal


class IssuanceDemand(Message, frozen=True, gc=False):
    """D71, phone to bank: pay this purse's request with e-money, out of my store 1b1 ([0094]).

    Attributes:
        information: From the user's store to the issuer store 1b2, under the request's
            `settlement_id`, signed with the user's approval key.
        request: Of the receiver: the user's own purse, or another one.
    """

    information: SettlingInformation
    request: Request

    @property
    def correlation(self) -> str:
        """The transfer's id."""
        return self.request.transfer_id


class IssuanceResult(TransferMessage, frozen=True, gc=False):
    """Bank to the demanding phone: what became of D71.

    Attributes:
        refusal: Why nothing was settled, if the mint refused it.
        outcome: Of the settlement, if there was one.
    """

    refusal: Refusal | None
    outcome: Outcome | None


class EmoneyData(ValueMessage, frozen=True, gc=False):
    """D72 (bank to the demanding phone) and D73 (bank to the receiver's): the e-money ([0097])."""


class RedemptionDemand(Message, frozen=True, gc=False):
    """Phone to bank: e-money, to be paid into a store 1b1 ([0101])."""

    redemption: Redemption

    @property
    def correlation(self) -> str:
        """The redemption's id."""
        return self.redemption.redemption_id


class RedemptionAnswer(Message, frozen=True, gc=False):
    """Bank to phone: how much was paid into the store ([0102])."""

    result: RedemptionResult

    @property
    def correlation(self) -> str:
        """The redemption's id."""
        return self.result.redemption_id


class EmoneyTender(SettlementMessage, frozen=True, gc=False):
    """Phone to register, in answer to a bill: ask my purse for it ([0100], [0111])."""


class StoreInquiry(Message, frozen=True, gc=False):
    """Phone to bank: how much is in my store 1b1?

    Attributes:
        account: The store.
        proof: That its holder asks.
    """

    account: AccountNumber
    proof: Proof


class StoreStatement(Message, frozen=True, gc=False):
    """Bank to phone: what is in the store.

    Attributes:
        account: The store.
        balance: What is in it; None where the holder's proof does not do.
        sentence: Why not, for a person to read.
    """

    account: AccountNumber
    balance: Money | None
    sentence: str = ""


class CashTaken(Message, frozen=True, gc=False):
    """Cash counter to bank: cash was paid in for a store 1b1 ([0092]).

    Attributes:
        cash_id: Given by the counter; the same id is entered once.
        store: Whose cash it is.
        amount: How much.
    """

    cash_id: Cause
    store: AccountNumber
    amount: Money

    @property
    def correlation(self) -> str:
        """The id of the payment."""
        return self.cash_id


class CashEntered(Message, frozen=True, gc=False):
    """Bank to cash counter: the cash is in the store, or why it cannot be.

    Attributes:
        cash_id: As in what it answers.
        why: Why not, as a sentence; "" if it is.
    """

    cash_id: Cause
    why: str = ""

    @property
    def correlation(self) -> str:
        """The id of the payment."""
        return self.cash_id
