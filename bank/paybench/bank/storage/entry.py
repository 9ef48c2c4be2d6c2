"""An entry: one line of an account's statement."""

from msgspec import Struct

from paybench.bank.account import AccountNumber


class Entry(Struct, frozen=True, gc=False):
    """One withdrawal or deposit in an account's history ([0124]).

    Args:
        log_number: the log record it follows from.
        settlement_id: the settlement's id.
        counterparty: the account on the other side.
        amount_minor: in minor units; below zero when it left the account.
        balance_minor: the account's balance with this entry, in minor units.
        at_ns: when the settlement was logged, in nanoseconds of the sender's clock.
    """

    log_number: int
    settlement_id: str
    counterparty: AccountNumber
    amount_minor: int
    balance_minor: int
    at_ns: int
