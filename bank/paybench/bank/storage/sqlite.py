"""The durable storage: a log and the data files that follow it, each an SQLite file."""

import fcntl
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import Any, TextIO

import msgspec

from paybench.bank.account import AccountNumber
from paybench.bank.approval import ReplayWindow
from paybench.bank.errors import (
    StorageBrokenError,
    StorageBusyError,
    StorageError,
)
from paybench.bank.money import Money
from paybench.bank.reason import Reason
from paybench.bank.restriction import Held, Restriction

from . import DataFile, Entry, Kind, Leg, LogRecord, Storage
from .sqlite_file import SqliteFile
from .sqlite_schema import ACCOUNTS, LOG

_PAGE = 1000
_to_text = msgspec.json.Encoder().encode
_from_text = msgspec.json.Decoder(Restriction).decode
_WINDOW_BYTES = 8

_LOG_COLUMNS = (
    "number, settlement_id, payer, payee, amount_minor, currency, counter, signature, reason, "
    "payer_balance_minor, created_ns, kind, restriction, held, due_ns, follows"
)
# A record has one withdrawal and up to two deposits: an entry's row is computed from its record.
_ENTRIES_PER_RECORD = 3


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
        with self._accounts_on_disk() as execute:
            execute(
                "INSERT INTO data_file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
                (
                    data_file.number.place,
                    data_file.holder,
                    data_file.approval_key,
                    data_file.balance_minor,
                    *_window_row(data_file.window),
                    data_file.blocked_minor,
                    None if data_file.born is None else data_file.born.isoformat(),
                    *_window_row(data_file.proofs),
                ),
            )

    def keep_proofs(self, number: AccountNumber, proofs: ReplayWindow) -> None:
        """Keep the proof counters of an account, on the disk on return, likewise."""
        with self._accounts_on_disk() as execute:
            execute(
                "UPDATE data_file SET highest_proof = ?, seen_proofs = ? WHERE place = ?",
                (*_window_row(proofs), number.place),
            )

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
                f"INSERT INTO log_record ({_LOG_COLUMNS}) "  # noqa: S608 - constants
                "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
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
                    record.kind,
                    None if record.restriction is None else _to_text(record.restriction).decode(),
                    record.held,
                    record.due_ns,
                    record.follows,
                ),
            )
            if record.held is not None:
                execute("DELETE FROM provisory WHERE number = ?", (record.follows,))
            if record.due_ns is not None:
                execute("INSERT INTO provisory VALUES (?, ?)", (record.number, record.due_ns))
        self.logged_to = record.number

    def record(self, settlement_id: str) -> LogRecord | None:
        """The newest log record with this id, None when there is none."""
        newest = "WHERE settlement_id = ? ORDER BY follows DESC LIMIT 1"
        rows = self._select(newest, (settlement_id,))
        return _log_record(rows[0]) if rows else None

    def records(self, after: int) -> Iterable[LogRecord]:
        """The log records numbered above `after`, in order."""
        page = self._select("WHERE number > ? ORDER BY number LIMIT ?", (after, _PAGE))
        while page:
            yield from map(_log_record, page)
            after += len(page)
            page = self._select("WHERE number > ? ORDER BY number LIMIT ?", (after, _PAGE))

    def due(self) -> LogRecord | None:
        """The provisory record without successor that is due first, None when there is none."""
        first = "WHERE number = (SELECT number FROM provisory ORDER BY due_ns, number LIMIT 1)"
        rows = self._select(first, ())
        return _log_record(rows[0]) if rows else None

    # Withdrawals and deposits

    def withdraw(self, record: LogRecord) -> None:
        """Apply the record's withdrawal and move the watermark, in one transaction."""
        leg = record.withdrawal
        with self._accounts.transaction() as execute:
            data_file, newest = self._must_read(leg.account)
            data_file = data_file.changed(leg, record.counter)
            if record.kind is not Kind.REFUSED:
                newest = self._enter(0, newest, record, leg, data_file)
            self._write(data_file, newest)
            execute("UPDATE watermark SET withdrawn_to = ?", (record.number,))
        self.withdrawn_to = record.number

    def deposit(self, records: Iterable[LogRecord]) -> None:
        """Apply the records' deposits, each account written once, in one transaction."""
        deposited_to = self.deposited_to
        changed: dict[AccountNumber, tuple[DataFile, int | None]] = {}
        with self._accounts.transaction() as execute:
            for record in records:
                deposited_to = record.number
                for place, leg in enumerate(record.deposits, 1):
                    account = leg.account
                    data_file, newest = changed.get(account) or self._must_read(account)
                    data_file = data_file.changed(leg)
                    newest = self._enter(place, newest, record, leg, data_file)
                    changed[account] = data_file, newest
            for data_file, newest in changed.values():
                self._write(data_file, newest)
            execute("UPDATE watermark SET deposited_to = ?", (deposited_to,))
        self.deposited_to = deposited_to

    def entries(self, number: AccountNumber, limit: int) -> list[Entry]:
        """The newest entries of an account, newest first."""
        found: list[Entry] = []
        newest = self._must_read(number)[1]
        while newest is not None and len(found) < limit:
            (row,) = self._accounts.rows(
                "SELECT previous, log_number, settlement_id, counterparty, amount_minor, "
                "balance_minor, at_ns, kind, blocked_minor FROM entry WHERE id = ?",
                (newest,),
            )
            newest, log_number, settlement_id, counterparty, amount_minor, balance_minor = row[:6]
            at_ns, kind, blocked_minor = row[6:]
            found.append(
                Entry(
                    log_number,
                    settlement_id,
                    AccountNumber.at(counterparty),
                    amount_minor,
                    balance_minor,
                    at_ns,
                    Kind(kind),
                    blocked_minor,
                )
            )
        return found

    def close(self) -> None:
        """Close the files and let go of the folder; closing twice is fine."""
        self._opened.close()

    def _select(self, where: str, values: Sequence[object]) -> list[Any]:
        sql = f"SELECT {_LOG_COLUMNS} FROM log_record {where}"  # noqa: S608 - constants
        return self._log.rows(sql, values)

    @contextmanager
    def _accounts_on_disk(self) -> Generator[Callable[..., Any]]:
        """A transaction of the accounts that is on the disk when it ends."""
        self._accounts.rows("PRAGMA synchronous = FULL")
        try:
            with self._accounts.transaction() as execute:
                yield execute
        finally:
            self._accounts.rows("PRAGMA synchronous = NORMAL")

    def _read(self, number: AccountNumber) -> tuple[DataFile, int | None] | None:
        rows = self._accounts.rows(
            "SELECT holder, approval_key, balance_minor, highest_counter, seen_counters, "
            "blocked_minor, born, highest_proof, seen_proofs, newest_entry "
            "FROM data_file WHERE place = ?",
            (number.place,),
        )
        if not rows:
            return None
        ((holder, approval_key, balance_minor, highest, seen, blocked_minor, *rest),) = rows
        born, highest_proof, seen_proofs, newest = rest
        data_file = DataFile(
            number,
            holder,
            approval_key,
            balance_minor,
            _window(highest, seen),
            blocked_minor,
            None if born is None else date.fromisoformat(born),
            _window(highest_proof, seen_proofs),
        )
        return data_file, newest

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
            "blocked_minor = ?, newest_entry = ? WHERE place = ?",
            (
                data_file.balance_minor,
                *_window_row(data_file.window),
                data_file.blocked_minor,
                newest,
                data_file.number.place,
            ),
        )

    def _enter(
        self, place: int, previous: int | None, record: LogRecord, leg: Leg, data_file: DataFile
    ) -> int:
        # Computed from the log number, so a second withdrawal or deposit of one record cannot be
        # written at all.
        row = _ENTRIES_PER_RECORD * record.number + place
        entry = record.entry(leg, data_file.balance_minor, data_file.blocked_minor)
        self._accounts.rows(
            "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                row,
                leg.account.place,
                previous,
                entry.log_number,
                entry.settlement_id,
                entry.counterparty.place,
                entry.amount_minor,
                entry.balance_minor,
                entry.at_ns,
                entry.kind,
                entry.blocked_minor,
            ),
        )
        return row


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


def _window(highest: int, seen: bytes) -> ReplayWindow:
    return ReplayWindow(highest, int.from_bytes(seen, "big"))


def _window_row(window: ReplayWindow) -> tuple[int, bytes]:
    return window.highest, window.seen.to_bytes(_WINDOW_BYTES, "big")


def _log_record(row: Sequence[Any]) -> LogRecord:
    number, settlement_id, payer, payee, amount_minor, currency, counter, signature = row[:8]
    reason, payer_balance_minor, created_ns, kind, restriction, held, *rest = row[8:]
    due_ns, follows = rest
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
    )
