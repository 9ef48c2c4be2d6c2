"""Money: an integer of minor units with its currency."""

import re
from functools import lru_cache
from typing import Self

from msgspec import Struct

from .currency import DECIMALS, unknown_currency
from .errors import MoneyError

MINOR_MAX = 10**15
"""The most an amount, or all money of one bank, may be: far below 2^63, so no sum overflows."""

_TEXT = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?")
# Longer than any amount within the cap; int() itself refuses only thousands of digits.
_TEXT_MAX = 24


class Money(Struct, frozen=True, gc=False, order=False):
    """An amount of money, exact; equal and ordered within one currency.

    Args:
        amount_minor: minor units (cents for EUR, yen for JPY), at most 10^15 either way.
        currency: ISO 4217 code with a minor unit, in capitals.

    Raises:
        MoneyError: the amount is no integer or too large, or the currency unknown.
    """

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if self.currency not in DECIMALS:
            raise unknown_currency(self.currency)
        if type(self.amount_minor) is not int:  # a bool is an int, and no amount
            raise MoneyError(
                f"expected an integer of minor units, seen {self.amount_minor!r}: "
                "write cents, not units, or use Money.parse"
            )
        if not -MINOR_MAX <= self.amount_minor <= MINOR_MAX:
            raise _too_large(str(self.amount_minor))

    @classmethod
    def parse(cls, text: str, currency: str, *, signed: bool = False) -> Self:
        """The amount written with a point and no more decimals than the currency has.

        Args:
            text: "2.50", "2.5" or "2"; ASCII digits only, no spaces, no leading zeros.
            currency: ISO 4217 code.
            signed: whether a leading minus is allowed.

        Raises:
            MoneyError: the text is anything else, or the currency is unknown.
        """
        decimals = DECIMALS.get(currency)
        if decimals is None:
            raise unknown_currency(currency)
        # Callers parse what came over a wire, so the type is checked although it is declared.
        match = _TEXT.fullmatch(text) if isinstance(text, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
        if match is None or (match[1] and not signed):
            example = f"{cls(250, currency).text!r}"
            raise MoneyError(
                f"expected an amount like {example}, seen {text!r}: write digits with a point, "
                + ("a minus in front at most" if signed else "without sign or spaces")
            )
        minus, units, fraction = match[1], match[2], match[3] or ""
        if len(fraction) > decimals:
            raise MoneyError(
                f"expected at most {decimals} decimals in {currency}, seen {text!r}: round it first"
            )
        if len(text) > _TEXT_MAX:
            raise _too_large(text)
        amount_minor = int(units + fraction.ljust(decimals, "0"))
        return cls(-amount_minor if minus else amount_minor, currency)

    @property
    def text(self) -> str:
        """The amount without its currency, with every decimal: "2.50"."""
        return _text(self.amount_minor, self.currency)

    def __str__(self) -> str:
        return f"{self.text} {self.currency}"

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount_minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount_minor - self._same(other), self.currency)

    # Python answers > and >= by asking the other side, which is Money too.
    def __lt__(self, other: "Money") -> bool:
        return self.amount_minor < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.amount_minor <= self._same(other)

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise MoneyError(
                f"expected two amounts of one currency, seen {self} and {other}: convert one first"
            )
        return other.amount_minor


@lru_cache(4096)
def _text(amount_minor: int, currency: str) -> str:
    # Displays show a few prices over and over, a handful of times in each purchase.
    decimals = DECIMALS[currency]
    if decimals == 0:
        return str(amount_minor)
    sign = "-" if amount_minor < 0 else ""
    digits = str(abs(amount_minor)).zfill(decimals + 1)
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"


def _too_large(amount: str) -> MoneyError:
    shown = amount if len(amount) <= _TEXT_MAX else amount[:_TEXT_MAX] + "…"
    return MoneyError(
        f"expected at most 10^15 minor units, seen {shown}: split the amount or check its unit"
    )
