"""The durable storage: a log and the data files that follow it, each an SQLite file."""

import fcntl
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

from paybench.bank.account import AccountNumber
from paybench.bank.approval import ReplayWindow
from paybench.bank.errors import (
    StorageBrokenError,
    StorageBusyError,
    StorageError,
)
from paybench.bank.money import Money
from paybench.bank.settlement import Reason

from . import DataFile, Entry, LogRecord, Storage
from .sqlite_file import SqliteFile
from .sqlite_schema import ACCOUNTS, LOG

_PAGE = 1000
_WINDOW_BYTES = 8

_LOG_COLUMNS = (
    "number, settlement_id, payer, payee, amount_minor, currency, counter, signature, reason, "
    "payer_balance_minor, created_ns"
)


class SqliteStorage(Storage):
    """Keeps a bank in a folder, through crashes and power cuts.

    `log.sqlite` is on the disk when `append` returns. `accounts.sqlite` follows it without waiting
    for the disk, each change in one transaction with the watermark that says how far it got, so
    what a power cut takes from it is redone from the log. One object at a time opens a folder.

    Args:
        folder: where the files are; made, for its owner alone, if it does not exist.

    Raises:
        StorageBusyError: the folder is open elsewhere.
        StorageVersionError: the files are of another schema version.
        StorageError: the folder or a file cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        with ExitStack() as opened:
            opened.enter_context(_locked(folder))
            self._log = SqliteFile(folder / "log.sqlite", LOG, "FULL")
            opened.callback(self._log.close)
            self._accounts = SqliteFile(folder / "accounts.sqlite", ACCOUNTS, "NORMAL")
            opened.callback(self._accounts.close)
            ((self.logged_to,),) = self._log.rows("SELECT ifnull(max(number), 0) FROM log_record")
            ((self.withdrawn_to, self.deposited_to),) = self._accounts.rows(
                "SELECT withdrawn_to, deposited_to FROM watermark"
            )
            self._opened = opened.pop_all()

    # Data files

    def add(self, data_file: DataFile) -> None:
        """Keep a new data file, on the disk on return: the log will not repeat it."""
        self._accounts.rows("PRAGMA synchronous = FULL")
        try:
            with self._accounts.transaction() as execute:
                execute(
                    "INSERT INTO data_file VALUES (?, ?, ?, ?, ?, ?, NULL)",
                    (
                        data_file.number.place,
                        data_file.holder,
                        data_file.approval_key,
                        data_file.balance_minor,
                        data_file.window.highest,
                        data_file.window.seen.to_bytes(_WINDOW_BYTES, "big"),
                    ),
                )
        finally:
            self._accounts.rows("PRAGMA synchronous = NORMAL")

    def data_file(self, number: AccountNumber) -> DataFile | None:
        """The data file of an account, None when there is none."""
        found = self._read(number)
        return None if found is None else found[0]

    def numbers(self) -> list[AccountNumber]:
        """Every account, in order of its number."""
        rows = self._accounts.rows("SELECT place FROM data_file ORDER BY place")
        return [AccountNumber.at(place) for (place,) in rows]

    def total_minor(self) -> int:
        """The sum of all balances, in minor units."""
        ((total,),) = self._accounts.rows("SELECT ifnull(sum(balance_minor), 0) FROM data_file")
        return total

    # Log

    def append(self, record: LogRecord) -> None:
        """Write the record to the log; on the disk on return."""
        with self._log.transaction() as execute:
            execute(
                f"INSERT INTO log_record ({_LOG_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?)",  # noqa: S608 - constants
                (
                    record.number,
                    record.settlement_id,
                    record.payer.place,
                    record.payee.place,
                    record.amount.amount_minor,
                    record.amount.currency,
                    record.counter,
                    record.signature,
                    record.reason,
                    record.payer_balance_minor,
                    record.created_ns,
                ),
            )
        self.logged_to = record.number

    def record(self, settlement_id: str) -> LogRecord | None:
        """The log record with this id, None when there is none."""
        rows = self._select("WHERE settlement_id = ?", (settlement_id,))
        return _log_record(rows[0]) if rows else None

    def records(self, after: int) -> Iterable[LogRecord]:
        """The log records numbered above `after`, in order."""
        page = self._select("WHERE number > ? ORDER BY number LIMIT ?", (after, _PAGE))
        while page:
            yield from map(_log_record, page)
            after += len(page)
            page = self._select("WHERE number > ? ORDER BY number LIMIT ?", (after, _PAGE))

    # Withdrawals and deposits

    def withdraw(self, record: LogRecord) -> None:
        """Apply the record to its payer and move the watermark, in one transaction."""
        amount_minor = record.moved_minor
        with self._accounts.transaction() as execute:
            data_file, newest = self._must_read(record.payer)
            data_file = data_file.withdrawn(amount_minor, record.counter)
            if amount_minor:
                entry = record.entry(record.payer, data_file.balance_minor)
                newest = self._enter(2 * record.number, newest, data_file.number, entry)
            self._write(data_file, newest)
            execute("UPDATE watermark SET withdrawn_to = ?", (record.number,))
        self.withdrawn_to = record.number

    def deposit(self, records: Iterable[LogRecord]) -> None:
        """Apply the records to their payees, each payee written once, in one transaction."""
        deposited_to = self.deposited_to
        changed: dict[AccountNumber, tuple[DataFile, int | None]] = {}
        with self._accounts.transaction() as execute:
            for record in records:
                deposited_to = record.number
                if amount_minor := record.moved_minor:
                    payee = record.payee
                    data_file, newest = changed.get(payee) or self._must_read(payee)
                    data_file = data_file.deposited(amount_minor)
                    entry = record.entry(payee, data_file.balance_minor)
                    newest = self._enter(2 * record.number + 1, newest, payee, entry)
                    changed[payee] = data_file, newest
            for data_file, newest in changed.values():
                self._write(data_file, newest)
            execute("UPDATE watermark SET deposited_to = ?", (deposited_to,))
        self.deposited_to = deposited_to

    def entries(self, number: AccountNumber, limit: int) -> list[Entry]:
        """The newest entries of an account, newest first."""
        found: list[Entry] = []
        newest = self._must_read(number)[1]
        while newest is not None and len(found) < limit:
            ((newest, log_number, settlement_id, counterparty, *figures),) = self._accounts.rows(
                "SELECT previous, log_number, settlement_id, counterparty, amount_minor, "
                "balance_minor, at_ns FROM entry WHERE id = ?",
                (newest,),
            )
            found.append(Entry(log_number, settlement_id, AccountNumber.at(counterparty), *figures))
        return found

    def close(self) -> None:
        """Close the files and let go of the folder; closing twice is fine."""
        self._opened.close()

    def _select(self, where: str, values: Sequence[object]) -> list[Any]:
        sql = f"SELECT {_LOG_COLUMNS} FROM log_record {where}"  # noqa: S608 - constants
        return self._log.rows(sql, values)

    def _read(self, number: AccountNumber) -> tuple[DataFile, int | None] | None:
        rows = self._accounts.rows(
            "SELECT holder, approval_key, balance_minor, highest_counter, seen_counters, "
            "newest_entry FROM data_file WHERE place = ?",
            (number.place,),
        )
        if not rows:
            return None
        ((holder, approval_key, balance_minor, highest, seen, newest),) = rows
        window = ReplayWindow(highest, int.from_bytes(seen, "big"))
        return DataFile(number, holder, approval_key, balance_minor, window), newest

    def _must_read(self, number: AccountNumber) -> tuple[DataFile, int | None]:
        found = self._read(number)
        if found is None:
            raise StorageBrokenError(
                f"expected a data file for {number}, which the log names, seen none: "
                "log.sqlite and accounts.sqlite are not of one bank; restore both together"
            )
        return found

    def _write(self, data_file: DataFile, newest: int | None) -> None:
        self._accounts.rows(
            "UPDATE data_file SET balance_minor = ?, highest_counter = ?, seen_counters = ?, "
            "newest_entry = ? WHERE place = ?",
            (
                data_file.balance_minor,
                data_file.window.highest,
                data_file.window.seen.to_bytes(_WINDOW_BYTES, "big"),
                newest,
                data_file.number.place,
            ),
        )

    def _enter(self, place: int, previous: int | None, number: AccountNumber, entry: Entry) -> int:
        # The entry's place is computed from the log number, so a second withdrawal or deposit of
        # one record cannot be written at all.
        self._accounts.rows(
            "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                place,
                number.place,
                previous,
                entry.log_number,
                entry.settlement_id,
                entry.counterparty.place,
                entry.amount_minor,
                entry.balance_minor,
                entry.at_ns,
            ),
        )
        return place


@contextmanager
def _locked(folder: Path) -> Generator[TextIO]:
    """Hold the folder for this object; the system lets go of it when the process ends."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise StorageError(
            f"expected a folder to write to, seen {folder}: {error}; choose another folder"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StorageBusyError(
                f"expected a folder nobody has open, seen {folder} in use: "
                "close the other bank first, or choose another folder"
            ) from error
        yield lock


def _log_record(row: Sequence[Any]) -> LogRecord:
    number, settlement_id, payer, payee, amount_minor, currency, counter, signature = row[:8]
    reason, payer_balance_minor, created_ns = row[8:]
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
    )
