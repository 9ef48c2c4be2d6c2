"""A log record as a row of SQL: the columns, in order, and the record that a row is."""

from collections.abc import Sequence
from typing import Any

import msgspec

from paybench.bank.account import AccountNumber
from paybench.bank.errors import StorageBrokenError
from paybench.bank.money import Money
from paybench.bank.reason import Reason
from paybench.bank.restriction import Held, Restriction
from paybench.bank.settlement_id import is_time_ordered

from .kind import Kind
from .log_record import LogRecord

COLUMNS = (
    "number, settlement_id, payer, payee, amount_minor, currency, counter, signature, reason, "
    "payer_balance_minor, created_ns, kind, restriction, held, due_ns, follows, held_minor"
)

_to_text = msgspec.json.Encoder().encode
_from_text = msgspec.json.Decoder(Restriction).decode


def restriction_text(restriction: Restriction | None) -> str | None:
    """A restriction as a column keeps it, JSON; None for none."""
    return None if restriction is None else _to_text(restriction).decode()


def newest_id(newest: str, records: Sequence[LogRecord]) -> str:
    """The newest of an id and those of new records, as far as they were made by a clock."""
    for record in reversed(records):  # the newest is the last one, as a rule
        if record.settlement_id > newest and is_time_ordered(record.settlement_id):
            newest = record.settlement_id
    return newest


def record_of(row: Sequence[Any]) -> LogRecord:
    """The record that a row of COLUMNS is.

    Raises:
        StorageBrokenError: it is none.
    """
    try:
        return _record_of(row)
    except (ValueError, msgspec.DecodeError) as error:
        raise StorageBrokenError(
            f"expected log record {row[0]} as it was written, seen another: {error}; restore log "
            "and accounts together"
        ) from error


def _record_of(row: Sequence[Any]) -> LogRecord:
    number, settlement_id, payer, payee, amount_minor, currency, counter, signature = row[:8]
    reason, payer_balance_minor, created_ns, kind, restriction, held, *rest = row[8:]
    due_ns, follows, held_minor = rest
    return LogRecord(
        number,
        settlement_id,
        AccountNumber.at(payer),
        AccountNumber.at(payee),
        Money(amount_minor, currency),
        counter,
        signature,
        None if reason is None else Reason(reason),
        payer_balance_minor,
        created_ns,
        Kind(kind),
        None if restriction is None else _from_text(restriction),
        None if held is None else Held(held),
        due_ns,
        follows,
        held_minor,
    )
