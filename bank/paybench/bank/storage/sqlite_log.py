"""The log data server 400 as an SQLite file."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from paybench.bank.settlement_id import is_time_ordered

from . import LogRecord, LogServer
from .log_row import COLUMNS, newest_id, record_of
from .sqlite_file import SqliteFile
from .sqlite_rows import LogRows, log_rows_of
from .sqlite_schema import LOG

_PAGE = 1000

_INSERT = (
    f"INSERT INTO log_record ({COLUMNS}) "  # noqa: S608 - constants
    "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
)
# The newest id of those made by a clock; other texts sort elsewhere, or are looked up.
_NEWEST_ID = "SELECT max(settlement_id) FROM log_record WHERE settlement_id < '8'"


class SqliteLog(LogServer):
    """Keeps the log in a file of its own, on the disk when `append` returns.

    Args:
        path: the file.

    Raises:
        StorageVersionError: the file is of another schema version.
        StorageError: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.file = SqliteFile(path, LOG, "FULL")
        try:
            self.resume()
        except BaseException:
            self.file.close()
            raise

    def resume(self) -> int:
        """Read anew how far the log goes."""
        ((logged_to,),) = self.file.rows("SELECT ifnull(max(number), 0) FROM log_record")
        ((newest,),) = self.file.rows(_NEWEST_ID)
        self._logged_to: int = logged_to
        self._newest_id: str = newest or ""
        self._is_unsure = False
        return logged_to

    @property
    def logged_to(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride] - read only
        """The number of the newest log record, 0 when there is none."""
        return self.resume() if self._is_unsure else self._logged_to

    def doubt(self) -> None:
        """Something is being written: unless it is noted, only the file knows how far it goes."""
        self._is_unsure = True

    def append(self, records: Sequence[LogRecord]) -> None:
        """Write the records to the log in one transaction; on the disk on return."""
        self.doubt()
        self.append_rows(log_rows_of(records))
        self.note(records)

    def append_rows(self, rows: LogRows) -> None:
        """Likewise records that were taken apart; `logged_to` says nothing of them."""
        self.file.write(
            (_INSERT, rows.records),
            ("DELETE FROM pending WHERE number = ?", rows.ended),
            ("INSERT INTO pending VALUES (?, ?)", rows.begun),
        )

    def note(self, records: Sequence[LogRecord]) -> None:
        """These are in the log now."""
        self._logged_to += len(records)
        self._newest_id = newest_id(self._newest_id, records)
        self._is_unsure = False

    def record(self, settlement_id: str) -> LogRecord | None:
        """The newest log record with this id, None when there is none."""
        if settlement_id > self._newest_id and is_time_ordered(settlement_id):
            return None  # newer than all that are there
        newest = "WHERE settlement_id = ? ORDER BY follows DESC LIMIT 1"
        rows = self._select(newest, (settlement_id,))
        return record_of(rows[0]) if rows else None

    def records(self, after: int) -> Iterable[LogRecord]:
        """The log records numbered above `after`, in order."""
        page = self._select("WHERE number > ? ORDER BY number LIMIT ?", (after, _PAGE))
        while page:
            yield from map(record_of, page)
            after += len(page)
            page = self._select("WHERE number > ? ORDER BY number LIMIT ?", (after, _PAGE))

    def due(self, limit: int) -> list[LogRecord]:
        """The pending records without successor that are due first, in order."""
        first = "SELECT number FROM pending ORDER BY due_ns, number LIMIT ?"
        rows = self._select(f"WHERE number IN ({first}) ORDER BY due_ns, number", (limit,))
        return list(map(record_of, rows))

    def servers(self) -> int:
        """How many database servers follow this log; 0 until they are there."""
        ((count,),) = self.file.rows("SELECT count FROM servers")
        return count

    def count_servers(self, count: int) -> None:
        """Note how many database servers follow this log; on the disk on return."""
        self.file.write(("UPDATE servers SET count = ?", [(count,)]))

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        self.file.close()

    def _select(self, where: str, values: Sequence[object]) -> list[Any]:
        return self.file.rows(f"SELECT {COLUMNS} FROM log_record {where}", values)  # noqa: S608
