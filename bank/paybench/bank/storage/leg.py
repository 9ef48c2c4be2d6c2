"""A leg: what one log record does to one account."""

from msgspec import Struct

from paybench.bank.account import AccountNumber


class Leg(Struct, frozen=True, gc=False):
    """A change of one account.

    Args:
        account: whose.
        amount_minor: what is added to its balance, in minor units; below zero: taken.
        blocked_minor: what is added to the part of it that its holder cannot dispose of.
    """

    account: AccountNumber
    amount_minor: int
    blocked_minor: int = 0
