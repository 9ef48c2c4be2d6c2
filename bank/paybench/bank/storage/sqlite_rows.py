"""Log records, data files and changes as rows of SQLite: plain values, which are soon handed on."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from msgspec import Struct

from paybench.bank.approval import ReplayWindow

from . import Change, DataFile, Line, LogRecord, Standing
from .log_row import restriction_text

Row = tuple[Any, ...]

_WINDOW_BYTES = 8


class ChangeRows(Struct, frozen=True, gc=False, array_like=True):
    """A change as it is written.

    Args:
        main: balance, highest counter, seen counters, blocked, newest line, particular since,
            closed, and place of each main file.
        auxiliary: place, balance and newest line of each auxiliary file.
        lines: as in the change, likewise the others.
    """

    main: list[Row]
    auxiliary: list[Row]
    lines: Sequence[Line]
    standing: Standing
    on_disk: bool


class LogRows(Struct, frozen=True, gc=False, array_like=True):
    """Log records as they are written.

    Args:
        records: all columns of each.
        ended: the numbers of the pending records that they end.
        begun: number and due time of those that are pending.
    """

    records: list[Row]
    ended: list[tuple[int]]
    begun: list[tuple[int, int]]


def rows_of(change: Change) -> ChangeRows:
    """The rows that a change writes."""
    main: list[Row] = []
    auxiliary: list[Row] = []
    for each in change.data_files:
        if each.auxiliary:
            auxiliary.append((each.place, each.balance_minor, each.newest))
        else:
            main.append(
                (
                    each.balance_minor,
                    *window_row(each.window),
                    each.blocked_minor,
                    each.newest,
                    each.particular_since,
                    each.closed,
                    each.place,
                )
            )
    return ChangeRows(main, auxiliary, change.lines, change.standing, change.on_disk)


def log_rows_of(records: Sequence[LogRecord]) -> LogRows:
    """The rows that records are."""
    return LogRows(
        list(map(_log_row, records)),
        [(record.follows,) for record in records if record.follows],
        [(record.number, record.due_ns) for record in records if record.due_ns is not None],
    )


def row_of(data_file: DataFile) -> Row:
    """All columns of a main file."""
    return (
        data_file.place,
        data_file.holder,
        data_file.approval_key,
        data_file.balance_minor,
        *window_row(data_file.window),
        data_file.blocked_minor,
        None if data_file.born is None else data_file.born.isoformat(),
        *window_row(data_file.proofs),
        data_file.newest,
        data_file.particular_since,
        data_file.closed,
    )


def data_file_of(row: Sequence[Any]) -> DataFile:
    """The main file that a row of all columns is."""
    place, holder, approval_key, balance_minor, highest, seen, blocked_minor, born, *rest = row
    highest_proof, seen_proofs, newest, particular_since, closed = rest
    return DataFile(
        place,
        holder,
        approval_key,
        balance_minor,
        _window(highest, seen),
        blocked_minor,
        None if born is None else date.fromisoformat(born),
        _window(highest_proof, seen_proofs),
        bool(closed),
        newest,
        particular_since,
    )


def window_row(window: ReplayWindow) -> tuple[int, bytes]:
    """A window's highest counter, and its 64 counters as bytes."""
    return window.highest, window.seen.to_bytes(_WINDOW_BYTES, "big")


def _window(highest: int, seen: bytes) -> ReplayWindow:
    return ReplayWindow(highest, int.from_bytes(seen, "big"))


def _log_row(record: LogRecord) -> Row:
    amount = record.amount
    return (
        record.number,
        record.settlement_id,
        record.payer.place,
        record.payee.place,
        amount.amount_minor,
        amount.currency,
        record.counter,
        record.signature,
        record.reason,
        record.payer_balance_minor,
        record.created_ns,
        record.kind,
        restriction_text(record.restriction),
        record.held,
        record.due_ns,
        record.follows,
        record.held_minor,
    )
