"""The storage of a simulation: everything in dictionaries, nothing outlives the process."""

from collections.abc import Iterable
from heapq import heappop, heappush
from itertools import islice

from msgspec.structs import replace

from paybench.bank.account import AccountNumber
from paybench.bank.approval import ReplayWindow

from . import DataFile, Entry, Kind, Leg, LogRecord, Storage

_REFUSED = Kind.REFUSED


class _Kept:
    """An account's data file, and of what its entries are made when a statement is asked for.

    Most accounts never ask. Until then there is for each entry the record, which of its legs it is,
    and what was on the account and blocked after it.
    """

    __slots__ = ("data_file", "history")

    def __init__(self, data_file: DataFile) -> None:
        self.data_file = data_file
        self.history: list[tuple[LogRecord, int, int, int]] = []

    def apply(self, record: LogRecord, place: int, leg: Leg, counter: int | None = None) -> None:
        self.data_file = after = self.data_file.changed(leg, counter)
        if record.kind is not _REFUSED:
            self.history.append((record, place, after.balance_minor, after.blocked_minor))


class MemoryStorage(Storage):
    """Keeps a bank in memory. A second `Bank` on the same object finds all of it."""

    def __init__(self) -> None:
        self.logged_to = 0
        self.withdrawn_to = 0
        self.deposited_to = 0
        self._log: list[LogRecord] = []
        self._by_id: dict[str, LogRecord] = {}
        self._due: list[tuple[int, int]] = []
        self._kept: dict[AccountNumber, _Kept] = {}

    def add(self, data_file: DataFile) -> None:
        """Keep a new data file."""
        self._kept[data_file.number] = _Kept(data_file)

    def keep_proofs(self, number: AccountNumber, proofs: ReplayWindow) -> None:
        """Keep the proof counters of an account."""
        kept = self._kept[number]
        kept.data_file = replace(kept.data_file, proofs=proofs)

    def data_file(self, number: AccountNumber) -> DataFile | None:
        """The data file of an account, None when there is none."""
        kept = self._kept.get(number)
        return None if kept is None else kept.data_file

    def numbers(self) -> list[AccountNumber]:
        """Every account, in order of its number."""
        return sorted(self._kept, key=lambda number: number.place)

    def total_minor(self) -> int:
        """The sum of all balances, in minor units."""
        return sum(kept.data_file.balance_minor for kept in self._kept.values())

    def append(self, record: LogRecord) -> None:
        """Add the record to the log."""
        self._log.append(record)
        self._by_id[record.settlement_id] = record
        self.logged_to = record.number
        if record.due_ns is not None:
            heappush(self._due, (record.due_ns, record.number))

    def record(self, settlement_id: str) -> LogRecord | None:
        """The newest log record with this id, None when there is none."""
        return self._by_id.get(settlement_id)

    def records(self, after: int) -> Iterable[LogRecord]:
        """The log records numbered above `after`, in order."""
        return self._log[after:]

    def due(self) -> LogRecord | None:
        """The provisory record without successor that is due first, None when there is none."""
        while self._due:
            record = self._log[self._due[0][1] - 1]
            if self._by_id[record.settlement_id] is record:
                return record
            heappop(self._due)
        return None

    def withdraw(self, record: LogRecord) -> None:
        """Apply the record's withdrawal."""
        leg = record.withdrawal
        self._kept[leg.account].apply(record, 0, leg, record.counter)
        self.withdrawn_to = record.number

    def deposit(self, records: Iterable[LogRecord]) -> None:
        """Apply the records' deposits."""
        kept = self._kept
        for record in records:
            place = 1
            for leg in record.deposits:
                kept[leg.account].apply(record, place, leg)
                place += 1
            self.deposited_to = record.number

    def entries(self, number: AccountNumber, limit: int) -> list[Entry]:
        """The newest entries of an account, newest first."""
        newest = islice(reversed(self._kept[number].history), limit)
        return [
            record.entry(record.legs[place], balance_minor, blocked_minor)
            for record, place, balance_minor, blocked_minor in newest
        ]

    def close(self) -> None:
        """Nothing to let go of: the object stays usable."""
