"""One SQLite file of the durable storage: its version, its transactions, its errors."""

import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from paybench.bank.errors import StorageError, StorageVersionError

from .sqlite_schema import SCHEMA_VERSION


class SqliteFile:
    """An open SQLite file with the tables of this version; a new file gets them.

    Args:
        path: the file; its folder exists.
        schema: SQL statements, a blank line between any two.
        synchronous: FULL, and a commit is on the disk when it returns; NORMAL, and it follows.

    Raises:
        StorageVersionError: the tables are of another version.
        StorageError: the file cannot be read or is no SQLite file.
    """

    def __init__(self, path: Path, schema: str, synchronous: str) -> None:
        self._path = path
        with self._failing():
            self._connection = sqlite3.connect(path, isolation_level=None)
        try:
            self._check_version()
            self.rows("PRAGMA journal_mode = WAL")
            self.rows(f"PRAGMA synchronous = {synchronous}")
            if self._is_new():
                self._create(schema)
        except BaseException:
            self.close()
            raise

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """Every row that the statement gives, as tuples."""
        with self._failing():
            return self._connection.execute(sql, values).fetchall()

    @contextmanager
    def transaction(self) -> Generator[Callable[..., sqlite3.Cursor]]:
        """All that is executed in the block or, if it raises, nothing of it."""
        connection = self._connection
        with self._failing():
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection.execute
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        self._connection.close()

    def _is_new(self) -> bool:
        return self.rows("SELECT count(*) FROM sqlite_schema") == [(0,)]

    def _check_version(self) -> None:
        ((version,),) = self.rows("PRAGMA user_version")
        if version != SCHEMA_VERSION and not self._is_new():
            raise StorageVersionError(
                f"expected {self._path} at schema version {SCHEMA_VERSION}, seen version {version}:"
                " open it with the paybench that wrote it, or move the folder away to start anew"
            )

    def _create(self, schema: str) -> None:
        with self.transaction() as execute:
            for statement in schema.split(";\n\n"):
                execute(statement)
            execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextmanager
    def _failing(self) -> Generator[None]:
        """Turn what SQLite raises into the bank's own error, with the file's name."""
        try:
            yield
        except sqlite3.Error as error:
            raise StorageError(
                f"expected SQLite to read and write {self._path}, seen {type(error).__name__} "
                f"({error}): check that the bank is open and the disk has room"
            ) from error
