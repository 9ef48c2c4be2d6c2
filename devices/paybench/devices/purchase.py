"""What is said in a purchase: the messages of Fig 3 ([0043] to [0055])."""

from __future__ import annotations

from paybench.bank.account import AccountNumber
from paybench.bank.approval import Approval
from paybench.bank.money import Money
from paybench.bank.settlement import Outcome, SettlingInformation
from paybench.devices.message import Message


class PurchaseMessage(Message, frozen=True, gc=False):
    """Base of the messages that belong to one purchase.

    Attributes:
        settlement_id: Given by the register; the same id settles once.
    """

    settlement_id: str

    @property
    def correlation(self) -> str:
        """The settlement's id."""
        return self.settlement_id


class PurchaseInformation(PurchaseMessage, frozen=True, gc=False):
    """D1, register to phone: what is bought, from whom, for how much ([0046]).

    Attributes:
        settles: Where the phone takes the authenticated purchase: ``relayed`` back to the register
            (D2), ``direct`` to the bank (D5).
        articles: Codes of the articles.
        terminal: Name of the register at the bank: who is to be told the result of a D5.
    """

    payee: AccountNumber
    shop: str
    amount: Money
    settles: str
    articles: tuple[str, ...] = ()
    terminal: str = ""


class AuthenticatedPurchase(PurchaseMessage, frozen=True, gc=False):
    """D2, phone to register: the customer authenticated the purchase, and signed it ([0048])."""

    approval: Approval


class PurchaseDeclined(PurchaseMessage, frozen=True, gc=False):
    """D2 in its other form, phone to register: the customer does not want it."""

    why: str


class SettlementDemand(PurchaseMessage, frozen=True, gc=False):
    """D3 (register to bank, [0048]) and D5 (phone to bank, [0055]): the settling information."""

    information: SettlingInformation


class SettledResult(PurchaseMessage, frozen=True, gc=False):
    """D4 (bank to register) and D6 (bank to phone): whether it was properly executed ([0049])."""

    outcome: Outcome


class Inquiry(PurchaseMessage, frozen=True, gc=False):
    """S108, device to bank: has the money of this settlement arrived ([0040])?"""


class InquiryAnswer(PurchaseMessage, frozen=True, gc=False):
    """S108, bank to device: the outcome, or that the bank knows no such settlement."""

    outcome: Outcome
