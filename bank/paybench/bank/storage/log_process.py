"""The log data server 400 in a process of its own, as in Fig 11: it works beside the bank's."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from . import LogRecord, LogServer
from .child_process import ChildProcess
from .sqlite_log import SqliteLog
from .sqlite_rows import log_rows_of

# To wake another process costs as much as to write some records.
_HERE_MAX = 32


class LogProcess(LogServer):
    """A log in an SQLite file that a process of its own writes; it is read here.

    A few records are written here too: SQLite has the file written by one at a time.

    After something has failed or was left unfinished, `logged_to` says what is in the log.

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
            self._here = SqliteLog(path)
        except BaseException:
            self.child.close()
            raise
        self._begun: Sequence[LogRecord] = ()

    @property
    def logged_to(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride] - read only
        """The number of the newest log record, 0 when there is none."""
        self._take_up()
        return self._here.logged_to

    def append(self, records: Sequence[LogRecord]) -> None:
        """Write the records to the log in one transaction; on the disk on return."""
        self.begin(records)
        self.end()

    def begin(self, records: Sequence[LogRecord]) -> bool:
        """Send the records on their way, or write them if they are few."""
        if len(records) <= _HERE_MAX:
            self._here.append(records)
            return False
        self.child.send("append_rows", log_rows_of(records))
        self._begun = records
        return True

    def end(self) -> None:
        """Wait until what was begun is on the disk."""
        begun, self._begun = self._begun, ()
        if begun:
            self._here.doubt()
            self.child.hear()
            self._here.note(begun)

    def record(self, settlement_id: str) -> LogRecord | None:
        """The newest log record with this id, None when there is none."""
        if not self._begun:
            self._take_up()  # what has failed may be there all the same
        return self._here.record(settlement_id)

    def records(self, after: int) -> Iterable[LogRecord]:
        """The log records numbered above `after`, in order."""
        return self._here.records(after)

    def due(self, limit: int) -> list[LogRecord]:
        """The pending records without successor that are due first, in order."""
        return self._here.due(limit)

    def servers(self) -> int:
        """How many database servers follow this log; 0 until they are there."""
        return self._here.servers()

    def count_servers(self, count: int) -> None:
        """Note how many database servers follow this log; on the disk on return."""
        self.child.ask("count_servers", count)

    def close(self) -> None:
        """Have what is on its way written, and end the process; closing twice is fine."""
        self._here.close()
        self.child.close()

    def _take_up(self) -> None:
        """Have the process go on, if something has failed or was left unfinished."""
        if self.child.has_failed or self.child.unheard:
            self._begun = ()
            self._here.doubt()
            self.child.resume()
