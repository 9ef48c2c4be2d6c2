"""Cards in a phone, and what it says to a card terminal: Fig 9 ([0104] to [0111])."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from paybench.bank.approval import Approval
from paybench.bank.money import Money
from paybench.bank.secret import MASK, Secret
from paybench.devices.settling import SettlementMessage

CREDIT = "1"
DEBIT = "2"
KINDS = {CREDIT: "credit card", DEBIT: "debit card"}
"""What the owner enters to choose a kind of card ([0105])."""

NUMBER_DIGITS = range(12, 20)
"""How many digits a card's number may have: ISO/IEC 7812-1 and what ISO 9564 can put in a block."""

PIN_DIGITS = range(4, 13)
"""How many digits a PIN may have: ISO 9564-1."""

HOLDER_MAX = 26

_SHOWN_FIRST, _SHOWN_LAST = 6, 4
_DIGITS = re.compile(r"[0-9]+")


class CardNumber(Secret):
    """A card's number, which shows its first six and last four digits (PCI DSS, 3.4)."""

    __slots__ = ()

    def __repr__(self) -> str:
        digits = self.reveal()
        if not is_digits(digits, NUMBER_DIGITS):
            return MASK
        hidden = "•" * (len(digits) - _SHOWN_FIRST - _SHOWN_LAST)
        shown = digits[:_SHOWN_FIRST] + hidden + digits[-_SHOWN_LAST:]
        return " ".join(shown[at : at + 4] for at in range(0, len(shown), 4))


class Card(msgspec.Struct, frozen=True):
    """A card, as a phone keeps it ([0104]).

    Attributes:
        kind: ``1`` credit, ``2`` debit.
        number: Its number.
        expiry: The last month it is good in, ``YYMM``.
        holder: Whose name is on it.
        pin: Its PIN, if the owner had the phone keep it; else empty.
    """

    kind: str
    number: CardNumber
    expiry: str
    holder: str
    pin: Secret

    def flaw(self) -> str:
        """What is wrong with its form, as a sentence; "" if nothing is."""
        pin = self.pin.reveal()
        return form_flaw(self.kind, self.number, self.expiry, self.holder) or (
            pin_flaw(pin) if pin else ""
        )


class CardInformation(SettlementMessage, frozen=True, gc=False):
    """D81, phone to card terminal: the card a bill is to be paid with ([0106]).

    Attributes:
        kind: ``1`` credit, ``2`` debit.
        number: The card's number.
        expiry: The last month it is good in, ``YYMM``.
        holder: Whose name is on it.
        pin: The PIN.
        approval: The owner's signature under the bill, for a debit card: its account pays.
    """

    kind: str
    number: CardNumber
    expiry: str
    holder: str
    pin: Secret
    approval: Approval | None = None

    def flaw(self) -> str:
        """What is wrong with its form, as a sentence; "" if nothing is."""
        return form_flaw(self.kind, self.number, self.expiry, self.holder) or pin_flaw(
            self.pin.reveal()
        )


class CardSlip(SettlementMessage, frozen=True, gc=False):
    """Card terminal to phone: how it ended (the source text has no name for this step).

    Attributes:
        card: The card's number, masked.
        amount: What was to be paid.
        paid: Whether it was.
        authorisation: What the card company's permission is known by; "" without one.
        why: Why it was not paid; "" if it was.
    """

    card: str
    amount: Money
    paid: bool
    authorisation: str = ""
    why: str = ""


def form_flaw(kind: str, number: CardNumber, expiry: str, holder: str) -> str:
    """What is wrong with the form of a card's data, as a sentence; "" if nothing is."""
    if kind not in KINDS:
        return "A card is of type 1 (credit) or 2 (debit)."
    if not is_digits(number.reveal(), NUMBER_DIGITS):
        return "A card's number has 12 to 19 digits."
    if not is_digits(expiry, range(4, 5)) or not 1 <= int(expiry[2:]) <= 12:  # noqa: PLR2004
        return "A card's term of validity is a year and a month, YYMM."
    if len(holder) > HOLDER_MAX:
        return f"A card holder's name has {HOLDER_MAX} characters at most."
    return ""


def pin_flaw(pin: str) -> str:
    """What is wrong with the form of a PIN, as a sentence; "" if nothing is."""
    return "" if is_digits(pin, PIN_DIGITS) else "A PIN has 4 to 12 digits."


def is_digits(text: Any, lengths: range) -> bool:
    """Whether it is a text of digits, so many."""
    return isinstance(text, str) and len(text) in lengths and bool(_DIGITS.fullmatch(text))


def check_digit_fits(number: str) -> bool:
    """Whether a number's last digit is the one its others call for (Luhn, ISO/IEC 7812-1 B)."""
    doubled = (int(digit) * 2 for digit in number[-2::-2])
    rest = (int(digit) for digit in number[-1::-2])
    return (sum(digit - 9 * (digit > 9) for digit in doubled) + sum(rest)) % 10 == 0  # noqa: PLR2004
