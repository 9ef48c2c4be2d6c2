"""What is said at a vending machine: Fig 4 ([0056] to [0061])."""

from __future__ import annotations

import msgspec

from paybench.bank.account import AccountNumber
from paybench.bank.approval import Approval
from paybench.bank.money import Money
from paybench.devices.settling import SettlementMessage


class Item(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An article on offer.

    Attributes:
        number: What the customer chooses it by, e.g. ``A3``: the column it is in.
        name: What it is.
        price: What it costs.
        available: Whether it can be had now.
    """

    number: str
    name: str
    price: Money
    available: bool = True


class ItemsOffered(SettlementMessage, frozen=True, gc=False):
    """D11, machine to phone: what there is, and whom it is to be paid to ([0058])."""

    payee: AccountNumber
    shop: str
    items: tuple[Item, ...]


class ItemChosen(SettlementMessage, frozen=True, gc=False):
    """D12, phone to machine: the item's number, with the customer's approval of its price."""

    number: str
    approval: Approval


class NothingChosen(SettlementMessage, frozen=True, gc=False):
    """D12 in its other form, phone to machine: the customer wants nothing."""

    why: str


class Vended(SettlementMessage, frozen=True, gc=False):
    """Machine to phone: how it ended ([0061]; the source text has no name for this step).

    Attributes:
        number: The item's number.
        discharged: Whether the article came out.
        why: Why not, as a sentence; "" if it did.
    """

    number: str
    discharged: bool
    why: str = ""
