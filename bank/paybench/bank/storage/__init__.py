"""Where a bank keeps its log and its data files. Data access only: the bank decides."""

from collections.abc import Iterable
from typing import Protocol

from paybench.bank.account import AccountNumber
from paybench.bank.approval import ReplayWindow

from .data_file import DataFile
from .entry import Entry
from .kind import Kind
from .leg import Leg
from .log_record import LogRecord

__all__ = ["DataFile", "Entry", "Kind", "Leg", "LogRecord", "Storage"]


class Storage(Protocol):
    """What a bank needs of its storage: a log, data files that follow it, and how far they do.

    Every method may raise `StorageError`; one that does has changed nothing.

    Attributes:
        logged_to: the number of the newest log record, 0 when there is none.
        withdrawn_to: the newest record whose withdrawal is in the data files.
        deposited_to: the newest record whose deposits are; deposited_to <= withdrawn_to <=
            logged_to.
    """

    logged_to: int
    withdrawn_to: int
    deposited_to: int

    def add(self, data_file: DataFile) -> None:
        """Keep a new data file, durably. Its number must be free."""
        ...

    def keep_proofs(self, number: AccountNumber, proofs: ReplayWindow) -> None:
        """Keep the proof counters of an account, durably."""
        ...

    def data_file(self, number: AccountNumber) -> DataFile | None:
        """The data file of an account, None when there is none."""
        ...

    def numbers(self) -> list[AccountNumber]:
        """Every account, in order of its number."""
        ...

    def total_minor(self) -> int:
        """The sum of all balances, in minor units."""
        ...

    def append(self, record: LogRecord) -> None:
        """Write the record, number logged_to + 1, to the log; durable on return ([0138]).

        A settlement begins once, and a record has one successor at most.
        """
        ...

    def record(self, settlement_id: str) -> LogRecord | None:
        """The newest log record with this id, None when there is none."""
        ...

    def records(self, after: int) -> Iterable[LogRecord]:
        """The log records numbered above `after`, in order."""
        ...

    def due(self) -> LogRecord | None:
        """The provisory record without successor that is due first, of two the older; or None."""
        ...

    def withdraw(self, record: LogRecord) -> None:
        """Apply the withdrawal of record withdrawn_to + 1 and move the watermark, in one step."""
        ...

    def deposit(self, records: Iterable[LogRecord]) -> None:
        """Apply the deposits of the records from deposited_to + 1 on, likewise in one step."""
        ...

    def entries(self, number: AccountNumber, limit: int) -> list[Entry]:
        """The newest entries of an account, newest first, at most `limit`."""
        ...

    def close(self) -> None:
        """Let go of files; closing twice is fine."""
        ...
