"""The log data server 400 as an SQLite file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import LogRecord
from .log_row import COLUMNS
from .sql_log import SqlLog
from .sqlite_file import SqliteFile
from .sqlite_rows import LogRows, log_rows_of
from .sqlite_schema import LOG

_INSERT = (
    f"INSERT INTO log_record ({COLUMNS}) "  # noqa: S608 - constants
    "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
)


class SqliteLog(SqlLog):
    """Keeps the log in a file of its own, on the disk when `append` returns.

    Args:
        path: the file.

    Raises:
        StorageVersionError: the file is of another schema version.
        StorageError: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.file = SqliteFile(path, LOG, "FULL")
        try:
            self.resume()
        except BaseException:
            self.file.close()
            raise

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """Every row that the statement gives; %s stands for a value."""
        return self.file.rows(sql.replace("%s", "?"), values)

    def resume(self) -> int:
        """Read anew how far the log goes."""
        self.doubt()
        return self.logged_to

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

    def count_servers(self, count: int) -> None:
        """Note how many database servers follow this log; on the disk on return."""
        self.file.write(("UPDATE servers SET count = ?", [(count,)]))

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        self.file.close()
