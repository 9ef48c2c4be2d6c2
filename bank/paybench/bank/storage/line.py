"""A line: one row of the history that a database server keeps, as it is written."""

from paybench.bank.account import ESCROW, AccountNumber

from .data_file import DataFile
from .entry import Entry
from .kind import Kind
from .leg import Leg
from .log_record import LogRecord

# A record has one withdrawal and up to two deposits: a row's number is computed from its record's,
# so a second withdrawal or deposit of one record cannot be written at all.
LINES_PER_RECORD = 3

# Python's cycle collector lets go of a tuple of plain texts and numbers, not of one of a Kind.
_TEXTS = {kind: kind.value for kind in Kind}

Line = tuple[int, int | None, int, str, int, int, int, int, str, int]
"""Row number, the row before it of the same account, account, settlement id, counterparty, amount,
balance, time, kind, blocked. Plain values: a group of a thousand is handed to SQL as it is."""


def line_of(record: LogRecord, nth: int, leg: Leg, data_file: DataFile) -> Line:
    """The line that a record adds to the history of a leg's account.

    Args:
        record: what is done.
        nth: which of its legs it is, 0 for the withdrawal.
        leg: that leg.
        data_file: the account's, with the leg already done.
    """
    account = leg.account
    pays = account == record.payer
    if account == ESCROW:  # from the payer; to the payee, or back to the payer
        pays = record.kind is Kind.FORMAL
    return (
        LINES_PER_RECORD * record.number + nth,
        data_file.newest,
        data_file.place,
        record.settlement_id,
        (record.payee if pays else record.payer).place,
        leg.amount_minor,
        data_file.balance_minor,
        record.created_ns,
        _TEXTS[record.kind],
        data_file.blocked_minor,
    )


def entry_of(line: Line) -> Entry:
    """The line as a statement shows it."""
    row, _, _, settlement_id, counterparty, amount_minor, balance_minor, at_ns, kind, blocked = line
    return Entry(
        row // LINES_PER_RECORD,
        settlement_id,
        AccountNumber.at(counterparty),
        amount_minor,
        balance_minor,
        at_ns,
        Kind(kind),
        blocked,
    )
