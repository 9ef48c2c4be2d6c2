"""The log data server 400 in a process of its own, as in Fig 11: it works beside the bank's."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from . import LogRecord, LogServer
from .child_process import ChildProcess
from .sqlite_log import SqliteLog
from .sqlite_rows import log_rows_of


class LogProcess(LogServer):
    """A log in an SQLite file that a process of its own writes; it is read here.

    After something has failed, `logged_to` says what is in the log all the same.

    Args:
        path: the file.
        held: descriptors that the process holds too.

    Raises:
        StorageVersionError: the file is of another schema version.
        StorageError: the file cannot be read, or no process can be started.
    """

    def __init__(self, path: Path, held: Sequence[int] = ()) -> None:
        self.child = ChildProcess("log", path, held)
        try:
            self._reader = SqliteLog(path, writes=False)
        except BaseException:
            self.child.close()
            raise
        self._begun: Sequence[LogRecord] = ()

    @property
    def logged_to(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride] - read only
        """The number of the newest log record, 0 when there is none."""
        if self.child.has_failed:
            self.child.resume()
            self._reader.resume()
        return self._reader.logged_to

    def append(self, records: Sequence[LogRecord]) -> None:
        """Write the records to the log in one transaction; on the disk on return."""
        self.begin(records)
        self.end()

    def begin(self, records: Sequence[LogRecord]) -> None:
        """Send the records on their way."""
        self.child.send("append_rows", log_rows_of(records))
        self._begun = records

    def end(self) -> None:
        """Wait until what was begun is on the disk."""
        begun, self._begun = self._begun, ()
        if begun:
            self.child.hear()
            self._reader.note(begun)

    def record(self, settlement_id: str) -> LogRecord | None:
        """The newest log record with this id, None when there is none."""
        return self._reader.record(settlement_id)

    def records(self, after: int) -> Iterable[LogRecord]:
        """The log records numbered above `after`, in order."""
        return self._reader.records(after)

    def due(self, limit: int) -> list[LogRecord]:
        """The pending records without successor that are due first, in order."""
        return self._reader.due(limit)

    def servers(self) -> int:
        """How many database servers follow this log; 0 until they are there."""
        return self._reader.servers()

    def count_servers(self, count: int) -> None:
        """Note how many database servers follow this log; on the disk on return."""
        self.child.ask("count_servers", count)

    def close(self) -> None:
        """Have what is on its way written, and end the process; closing twice is fine."""
        self._reader.close()
        self.child.close()
