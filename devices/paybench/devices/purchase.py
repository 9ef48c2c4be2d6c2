"""What is said about a purchase between a shop and a phone: Fig 3 ([0043] to [0055])."""

from __future__ import annotations

from paybench.bank.account import AccountNumber
from paybench.bank.approval import Approval
from paybench.bank.money import Money
from paybench.devices.settling import SettlementMessage


class PurchaseInformation(SettlementMessage, frozen=True, gc=False):
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


class AuthenticatedPurchase(SettlementMessage, frozen=True, gc=False):
    """D2, phone to register: the customer authenticated the purchase, and signed it ([0048])."""

    approval: Approval


class PurchaseDeclined(SettlementMessage, frozen=True, gc=False):
    """D2 in its other form, phone to register: the customer does not want it."""

    why: str


class TransferBill(PurchaseInformation, frozen=True, gc=False):
    """D41, phone to phone: one customer bills another ([0074])."""
