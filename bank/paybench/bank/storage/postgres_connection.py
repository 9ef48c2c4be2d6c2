"""A connection to one PostgreSQL server: its lock, its tables, its transactions, its errors."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from paybench.bank.errors import (
    StorageBrokenError,
    StorageBusyError,
    StorageError,
    StorageVersionError,
)
from paybench.bank.secret import Secret

from .postgres_array import register
from .postgres_schema import SCHEMA_VERSION

MISSING = (
    "expected psycopg, which PostgreSQL is reached with, seen none: "
    "uv sync --extra postgres, or pip install 'paybench[postgres]'"
)
_SETTINGS = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "tcp_user_timeout": 30_000,
    "application_name": "paybench",
}
_LOCK = 0x7061_7962 << 32  # above every oid, so that nobody else locks these by chance
# A bank that was killed has its lock until its server has noticed.
_PATIENCE = "3s"
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
_HEAD = "SELECT version, part, bank_id, epoch FROM paybench_bank"
_OPEN = "INSERT INTO paybench_bank VALUES (1, %s, %s, {id}, 0)"

Step = tuple[str, Sequence[Any]]
"""A statement and its values."""


class PostgresConnection:
    """The tables of one part of a bank, in the schema that the URL leads to.

    It holds a lock on them, so that no other bank writes them. When the connection is lost, it
    and the lock are taken anew; if another bank has had the tables meanwhile, nothing is written
    any more.

    Args:
        url: where the server is. Its password is shown nowhere.
        part: which server of the bank, as in Fig 11: 400, 300a, 300b, …
        tables: SQL statements that make the tables where there are none; "": they have to be there.
        synchronous: whether a commit is on the disk when it returns; otherwise it follows.
        bank_id: whose tables they have to be; None: whosever they are, and a new bank's if new.
        epoch: how often the bank was opened; None: once more than the tables say.

    Raises:
        StorageBusyError: another bank has the tables.
        StorageVersionError: the tables are of another version, or somebody else's.
        StorageBrokenError: the tables are another part's, or another bank's.
        StorageError: the server cannot be reached; or psycopg is not installed.
    """

    def __init__(
        self,
        url: str,
        part: str,
        tables: str,
        *,
        synchronous: bool,
        bank_id: str | None = None,
        epoch: int | None = None,
    ) -> None:
        if find_spec("psycopg") is None:
            raise StorageError(MISSING)
        self._url = Secret(url)
        self._part = part
        self._synchronous = synchronous
        self.is_lost = False
        self._is_closed = False
        self._connection: Any = None
        with self._failing():
            self._connection = self._connect()
        try:
            self.bank_id = self._own(tables, bank_id)
            self._lock()
            self.epoch = self._enter(epoch)
        except BaseException:
            self.close()
            raise

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Every row that the statement gives, as tuples."""
        with self._failing():
            return self._connection.execute(sql, values, binary=True).fetchall()

    def write(self, *steps: Step, on_disk: bool = False) -> None:
        """Execute all statements, or none, in one round trip.

        Args:
            steps: statements with their values, in order.
            on_disk: wait for the disk, whatever the connection does otherwise.
        """
        waits = on_disk and not self._synchronous
        around = [("BEGIN", ()), *([("SET LOCAL synchronous_commit = on", ())] if waits else [])]
        with self._failing():
            connection = self._connection
            try:
                with connection.pipeline():
                    for sql, values in (*around, *steps, ("COMMIT", ())):
                        connection.execute(sql, values)
            except Exception:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        """End a transaction that has failed; or the connection, where it is stuck in a pipeline."""
        import psycopg

        connection = self._connection
        try:
            if connection.pgconn.pipeline_status:  # interrupted: an answer would never come
                connection.close()
            elif not connection.closed:
                connection.execute("ROLLBACK")
        except psycopg.Error:
            connection.close()

    def again(self) -> None:
        """Connect once more, and take the lock once more.

        Raises:
            StorageBusyError: another bank has the tables, or has had them meanwhile.
            StorageError: the server cannot be reached.
        """
        if self._is_closed:
            raise self._failed("that the bank is closed")
        self._connection.close()
        self.is_lost = False
        try:
            with self._failing():
                self._connection = self._connect()
            self._lock()
            self._check_that_nobody_had_it()
        except BaseException:
            self._connection.close()
            self.is_lost = True
            raise

    def close(self) -> None:
        """End the connection, and with it the lock; closing twice is fine."""
        self._is_closed = True
        self._connection.close()

    def _check_that_nobody_had_it(self) -> None:
        ((*seen,),) = self.rows(_HEAD)
        if seen != [SCHEMA_VERSION, self._part, self.bank_id, self.epoch]:
            raise StorageBusyError(
                f"expected {self._name} as it was before the connection was lost, seen that "
                "another bank has opened it meanwhile: close this one and open it anew"
            )

    # Opening

    def _connect(self) -> Any:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict

        url = self._url.reveal()
        known = conninfo_to_dict(url)
        settings: dict[str, Any] = {k: v for k, v in _SETTINGS.items() if k not in known}
        connect: Callable[..., Any] = psycopg.Connection.connect
        connection = connect(url, autocommit=True, prepare_threshold=0, **settings)
        register(connection)
        connection.execute(f"SET lock_timeout = '{_PATIENCE}'")
        connection.execute(f"SET synchronous_commit = {'on' if self._synchronous else 'off'}")
        return connection

    def _own(self, tables: str, bank_id: str | None) -> str:
        """Whose tables these are; make them where there are none.

        They are in the first schema of the search path.
        """
        names = {name for (name,) in self.rows(_TABLES)}
        if not names and not tables:
            raise StorageBrokenError(
                f"expected the tables of {self._name}, which belongs to this bank, seen none: "
                "restore them, or give the right URL"
            )
        if not names:
            values = [SCHEMA_VERSION, self._part, *([] if bank_id is None else [bank_id])]
            opening = _OPEN.format(id="gen_random_uuid()::text" if bank_id is None else "%s")
            made = [(each, ()) for each in _statements(tables)]
            self.write(*made, (opening, values), on_disk=True)
        elif "paybench_bank" not in names:
            raise StorageVersionError(
                f"expected a schema for a bank in {self._name}, seen somebody else's table "
                f"{min(names)!r}: give the bank a database or a schema of its own"
            )
        ((version, part, seen_id, _),) = self.rows(_HEAD)
        if version != SCHEMA_VERSION:
            raise StorageVersionError(
                f"expected {self._name} at schema version {SCHEMA_VERSION}, seen version "
                f"{version}: open it with the paybench that wrote it, or give another database"
            )
        if part != self._part or bank_id not in {None, seen_id}:
            whose = "this" if bank_id in {None, seen_id} else "another"
            raise StorageBrokenError(
                f"expected server {self._part} of this bank at {self._name}, seen server {part} of "
                f"{whose} bank: give each server's own URL, in the order of the servers"
            )
        return seen_id

    def _lock(self) -> None:
        from psycopg import errors

        try:
            self.rows("SELECT pg_advisory_lock(%s + 'paybench_bank'::regclass::oid::bigint)",
                      (_LOCK,))  # fmt: skip
        except StorageError as error:
            if not isinstance(error.__cause__, errors.LockNotAvailable):
                raise
            raise StorageBusyError(
                f"expected {self._name} to be nobody's, seen another bank that has it open: close "
                "the other bank first, or give other servers"
            ) from error

    def _enter(self, epoch: int | None) -> int:
        """Note that this bank has opened the tables."""
        if epoch is None:
            ((*_, before),) = self.rows(_HEAD)
            epoch = int(before) + 1
        self.write(("UPDATE paybench_bank SET epoch = %s", (epoch,)), on_disk=True)
        return epoch

    # Errors

    @property
    def _name(self) -> str:
        """The server and where it is, without the password."""
        from psycopg import conninfo

        known = conninfo.conninfo_to_dict(self._url.reveal())
        where = f"{known.get('host', 'localhost')}:{known.get('port', 5432)}"
        return f"server {self._part} ({where}/{known.get('dbname', '')})"

    @contextmanager
    def _failing(self) -> Generator[None]:
        """Turn what psycopg raises into the bank's own error, with the server's name."""
        import psycopg

        if self.is_lost or self._is_closed:
            raise self._failed("that the connection is lost or the bank closed")
        try:
            yield
        except psycopg.Error as error:
            self.is_lost = self._connection is None or self._connection.closed
            raise self._failed(f"{type(error).__name__} ({error})") from error
        except BaseException as error:
            if not isinstance(error, Exception):  # interrupted: nobody knows what was sent
                self.is_lost = True
                if self._connection is not None:
                    self._connection.close()
            raise

    def _failed(self, seen: str) -> StorageError:
        return StorageError(
            f"expected PostgreSQL to read and write {self._name}, seen {seen}: check that it runs "
            "and that its disk has room, then ask again with the same id"
        )


def _statements(tables: str) -> list[str]:
    """A pipeline takes one statement at a time; a blank line separates ours."""
    return [each.strip() for each in tables.strip().split(";\n\n")]
