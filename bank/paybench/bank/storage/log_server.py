"""The log data server 400 ([0138], Fig 14)."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from .log_record import LogRecord


class LogServer(Protocol):
    """Keeps the log, which is the truth; all else is derived from it.

    Every method may raise `StorageError`; one that does has changed nothing.

    Attributes:
        logged_to: the number of the newest log record, 0 when there is none.
    """

    logged_to: int

    def append(self, records: Sequence[LogRecord]) -> None:
        """Write records, numbered from logged_to + 1 on, all or none; durable on return.

        A settlement begins once, and a record has one successor at most: the server itself sees
        to that.
        """
        ...

    def begin(self, records: Sequence[LogRecord]) -> bool:
        """Begin to append; whether `end` has to be waited for, or they are durable already.

        In between nothing but `record` is asked of the log; the next `begin` comes after `end`.
        """
        self.append(records)
        return False

    def end(self) -> None:
        """Wait until what was begun is durable; if it raises, none or all of it is there."""

    def record(self, settlement_id: str) -> LogRecord | None:
        """The newest log record with this id, None when there is none."""
        ...

    def records(self, after: int) -> Iterable[LogRecord]:
        """The log records numbered above `after`, in order."""
        ...

    def due(self, limit: int) -> list[LogRecord]:
        """The pending records without successor that are due first, of two the older, in order."""
        ...
