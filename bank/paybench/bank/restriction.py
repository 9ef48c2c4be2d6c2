"""Settlement restrictions: a period in which to cancel, an age below which not to sell."""

import enum
from datetime import date

from msgspec import Struct

from .errors import RestrictionError

COOLING_OFF_MAX_S = 366 * 24 * 3600
AGE_MAX_YEARS = 150


class Held(enum.StrEnum):
    """Where the money is while the payer may cancel."""

    RESTRICTED_DEPOSIT = "restricted-deposit"
    """On the payee's account, blocked ([0083])."""
    ESCROW = "escrow"
    """On an account of the bank ([0085])."""


class DecidedBy(enum.StrEnum):
    """Who decides when the payer is too young."""

    BANK = "bank"
    """The bank refuses (D62)."""
    SHOP = "shop"
    """The shop is asked (D63)."""


class Consent(enum.StrEnum):
    """The shop's word on a payer who is too young (D63)."""

    APPROVED = "approved"
    DENIED = "denied"
    NO_ANSWER = "no-answer"


class Restriction(Struct, frozen=True, gc=False):
    """Settlement restriction information: what keeps a settlement from being one on the spot.

    It restricts something: without any restriction there is none, which is None.

    Args:
        cooling_off_s: how long the payer may cancel (Fig 7A), in seconds, at most 366 days;
            0: not at all.
        held: where the money is meanwhile.
        minimum_age_years: the age that the payer must have reached (Fig 7B), at most 150; 0: any.
        decided_by: who decides when the payer has not.

    Raises:
        RestrictionError: a figure is out of range, or both are 0.
    """

    cooling_off_s: int = 0
    held: Held = Held.RESTRICTED_DEPOSIT
    minimum_age_years: int = 0
    decided_by: DecidedBy = DecidedBy.BANK

    def __post_init__(self) -> None:
        _check("cooling_off_s", self.cooling_off_s, COOLING_OFF_MAX_S)
        _check("minimum_age_years", self.minimum_age_years, AGE_MAX_YEARS)
        if not (self.cooling_off_s or self.minimum_age_years):
            raise RestrictionError(
                "expected a restriction to restrict something, seen neither a cooling-off period "
                "nor a minimum age: leave the restriction out"
            )


def age_years(born: date, on: date) -> int:
    """The age on a day, in full years; who was born on 29 February ages on 1 March otherwise."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def _check(name: str, value: int, maximum: int) -> None:
    if type(value) is not int or not 0 <= value <= maximum:
        raise RestrictionError(
            f"expected {name} to be an integer from 0 to {maximum}, seen {value!r}: 0 is for none"
        )
