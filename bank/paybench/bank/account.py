"""Account numbers: a branch and a number within it, from which the account's place is computed."""

import re
from typing import Self

from msgspec import Struct

from .errors import AccountError

BRANCH_MAX = 999
NUMBER_MAX = 9_999_999
BANKS_BRANCH = 0

_TEXT = re.compile(r"([0-9]{3})-([0-9]{7})")
_NUMBERS_PER_BRANCH = NUMBER_MAX + 1


class AccountNumber(Struct, frozen=True, gc=False):
    """Branch and account number, "001-0000042" as text; hashable (Fig 12, [0130]).

    Args:
        branch: 0 to 999.
        number: 0 to 9,999,999, within the branch.

    Raises:
        AccountError: a part is no integer or out of range.
    """

    branch: int
    number: int

    def __post_init__(self) -> None:
        _check_part("branch", self.branch, BRANCH_MAX)
        _check_part("number", self.number, NUMBER_MAX)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The number written as three digits, a hyphen and seven digits.

        Raises:
            AccountError: the text is anything else.
        """
        match = _TEXT.fullmatch(text)
        if match is None:
            raise AccountError(
                f"expected an account number like 001-0000042, seen {text!r}: "
                "write three digits of branch, a hyphen and seven digits of number"
            )
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def at(cls, place: int) -> Self:
        """The account number whose data file is at `place`; the inverse of `place`."""
        return cls(*divmod(place, _NUMBERS_PER_BRANCH))

    @property
    def place(self) -> int:
        """Where the data file is: computed, so there is no table to search ([0130-0131])."""
        return self.branch * _NUMBERS_PER_BRANCH + self.number

    @property
    def is_banks_own(self) -> bool:
        """Whether the account is the bank's: branch 0 is, and nobody but the bank pays from it."""
        return self.branch == BANKS_BRANCH

    def __str__(self) -> str:
        return f"{self.branch:03d}-{self.number:07d}"


def _check_part(name: str, value: int, maximum: int) -> None:
    if type(value) is not int or not 0 <= value <= maximum:
        raise AccountError(
            f"expected {name} to be an integer from 0 to {maximum}, seen {value!r}: "
            "an account number is written like 001-0000042"
        )


CAPITAL = AccountNumber(BANKS_BRANCH, 0)
"""The bank's own account. Money enters through it, so its balance is minus what all others hold."""

ESCROW = AccountNumber(BANKS_BRANCH, 1)
"""Where the bank keeps what is paid and may still be cancelled ([0085])."""

ISSUER = AccountNumber(BANKS_BRANCH, 2)
"""What electronic money is worth: paid in when it is issued, and out when it is redeemed."""
