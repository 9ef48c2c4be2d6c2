"""The storage of a simulation: everything in dictionaries, nothing outlives the process."""

from collections.abc import Iterable
from itertools import islice

from paybench.bank.account import AccountNumber

from . import DataFile, Entry, LogRecord, Storage


class MemoryStorage(Storage):
    """Keeps a bank in memory. A second `Bank` on the same object finds all of it."""

    def __init__(self) -> None:
        self.logged_to = 0
        self.withdrawn_to = 0
        self.deposited_to = 0
        self._log: list[LogRecord] = []
        self._by_id: dict[str, LogRecord] = {}
        self._data_files: dict[AccountNumber, DataFile] = {}
        # Entries are made when a statement is asked for: most accounts never ask.
        self._history: dict[AccountNumber, list[tuple[LogRecord, int]]] = {}

    def add(self, data_file: DataFile) -> None:
        """Keep a new data file."""
        self._data_files[data_file.number] = data_file
        self._history[data_file.number] = []

    def data_file(self, number: AccountNumber) -> DataFile | None:
        """The data file of an account, None when there is none."""
        return self._data_files.get(number)

    def numbers(self) -> list[AccountNumber]:
        """Every account, in order of its number."""
        return sorted(self._data_files, key=lambda number: number.place)

    def total_minor(self) -> int:
        """The sum of all balances, in minor units."""
        return sum(data_file.balance_minor for data_file in self._data_files.values())

    def append(self, record: LogRecord) -> None:
        """Add the record to the log."""
        self._log.append(record)
        self._by_id[record.settlement_id] = record
        self.logged_to = record.number

    def record(self, settlement_id: str) -> LogRecord | None:
        """The log record with this id, None when there is none."""
        return self._by_id.get(settlement_id)

    def records(self, after: int) -> Iterable[LogRecord]:
        """The log records numbered above `after`, in order."""
        return self._log[after:]

    def withdraw(self, record: LogRecord) -> None:
        """Apply the record to its payer."""
        payer = record.payer
        amount_minor = record.moved_minor
        data_file = self._data_files[payer].withdrawn(amount_minor, record.counter)
        self._data_files[payer] = data_file
        self.withdrawn_to = record.number
        if amount_minor:
            self._history[payer].append((record, data_file.balance_minor))

    def deposit(self, records: Iterable[LogRecord]) -> None:
        """Apply the records to their payees."""
        for record in records:
            if amount_minor := record.moved_minor:
                payee = record.payee
                data_file = self._data_files[payee].deposited(amount_minor)
                self._data_files[payee] = data_file
                self._history[payee].append((record, data_file.balance_minor))
            self.deposited_to = record.number

    def entries(self, number: AccountNumber, limit: int) -> list[Entry]:
        """The newest entries of an account, newest first."""
        newest = islice(reversed(self._history[number]), limit)
        return [record.entry(number, balance_minor) for record, balance_minor in newest]

    def close(self) -> None:
        """Nothing to let go of: the object stays usable."""
