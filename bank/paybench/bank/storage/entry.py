"""An entry: one line of an account's statement."""

from msgspec import Struct

from paybench.bank.account import AccountNumber

from .kind import Kind


class Entry(Struct, frozen=True, gc=False):
    """One withdrawal or deposit in an account's history ([0124]), or a notice that moves nothing.

    Args:
        log_number: the log record it follows from.
        settlement_id: the settlement's id.
        counterparty: the account on the other side.
        amount_minor: in minor units; below zero when it left the account, zero for a notice: a
            provisory settlement became formal, or one that the bank holds in escrow changed.
        balance_minor: the account's balance with this entry, in minor units.
        at_ns: when the settlement was logged, in nanoseconds of the sender's clock.
        kind: what became of the settlement with this entry.
        blocked_minor: the part of the balance that the holder cannot dispose of, with this entry.
    """

    log_number: int
    settlement_id: str
    counterparty: AccountNumber
    amount_minor: int
    balance_minor: int
    at_ns: int
    kind: Kind
    blocked_minor: int
