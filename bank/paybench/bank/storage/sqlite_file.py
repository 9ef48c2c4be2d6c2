"""One SQLite file of the durable storage: its version, its transactions, its errors."""

import ctypes
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from paybench.bank.errors import StorageError, StorageVersionError

from .sqlite_schema import SCHEMA_VERSION

# A checkpoint waits for the disk twice and writes each page once: seldom is better. What waits
# for it is 64 MiB at most.
_CHECKPOINT_PAGES = 16_000
_CACHE_KIB = 64_000
_TRIM_THRESHOLD, _TOP_PAD = -1, -2  # glibc's malloc.h
_KEPT_BYTES = 1 << 30

Step = tuple[str, Iterable[tuple[Any, ...]]]
"""A statement, and the rows that it is executed for."""


class SqliteFile:
    """An open SQLite file with the tables of this version; a new file gets them.

    Args:
        path: the file; its folder exists.
        schema: SQL statements.
        synchronous: FULL, and a commit is on the disk when it returns; NORMAL, and it follows.
        version: of the schema.

    Raises:
        StorageVersionError: the tables are of another version.
        StorageError: the file cannot be read or is no SQLite file.
    """

    def __init__(
        self, path: Path, schema: str, synchronous: str, version: int = SCHEMA_VERSION
    ) -> None:
        self.path = path
        self._version = version
        self._synchronous = synchronous
        _keep_memory()
        with self._failing():
            self.connection: Any = apsw.Connection(str(path))
        try:
            self._check_version()
            self.rows("PRAGMA journal_mode = WAL")
            self.rows(f"PRAGMA synchronous = {synchronous}")
            self.rows(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            self.rows(f"PRAGMA cache_size = -{_CACHE_KIB}")
            if self._is_new():
                self._create(schema)
        except BaseException:
            self.close()
            raise

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Every row that the statement gives, as tuples."""
        with self._failing():
            return self.connection.execute(sql, tuple(values)).fetchall()

    def write(self, *steps: Step, on_disk: bool = False) -> None:
        """Execute each statement once for each of its rows; all of it or nothing.

        Args:
            steps: statements with their rows, in order.
            on_disk: wait for the disk, whatever the file does otherwise.
        """
        if not on_disk or self._synchronous == "FULL":
            self._write(steps)
            return
        self.rows("PRAGMA synchronous = FULL")
        try:
            self._write(steps)
        finally:
            self.rows(f"PRAGMA synchronous = {self._synchronous}")

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        self.connection.close()

    def _write(self, steps: Iterable[Step]) -> None:
        connection = self.connection
        with self._failing():
            try:
                connection.execute("BEGIN IMMEDIATE")
                for sql, rows in steps:
                    connection.executemany(sql, rows)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _is_new(self) -> bool:
        return self.rows("SELECT count(*) FROM sqlite_schema") == [(0,)]

    def _check_version(self) -> None:
        ((version,),) = self.rows("PRAGMA user_version")
        if version != self._version and not self._is_new():
            raise StorageVersionError(
                f"expected {self.path} at schema version {self._version}, seen version {version}:"
                " open it with the paybench that wrote it, or move the folder away to start anew"
            )

    def _create(self, schema: str) -> None:
        self.write((f"{schema}; PRAGMA user_version = {self._version}", [()]))

    @contextmanager
    def _failing(self) -> Generator[None]:
        """Turn what SQLite raises into the bank's own error, with the file's name."""
        try:
            yield
        except apsw.Error as error:
            raise StorageError(
                f"expected SQLite to read and write {self.path}, seen {type(error).__name__} "
                f"({error}): check that the bank is open and the disk has room"
            ) from error


def _keep_memory() -> None:
    """Have glibc keep what a large commit has freed: the next one wants it again."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_TOP_PAD, _KEPT_BYTES >> 4)
