"""The storage on servers: one PostgreSQL server for the log, and one for each database server."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from paybench.bank.books import server_name
from paybench.bank.errors import StorageBrokenError, StorageError

from . import DatabaseServer, LogServer, Standing, Storage
from .bank_file import read_bank_file
from .postgres_log import PostgresLog
from .postgres_server import PostgresServer
from .standing import ALL_ARRIVED


class PostgresStorage(Storage):
    """Keeps a bank on PostgreSQL servers, each reached by its URL.

    The log is on its server's disk when `append` returns; the database servers follow it. One
    object at a time opens them: it holds a lock on each.

    Args:
        log: the URL of the log data server.
        servers: the URLs of the database servers, in order, at least one. Where there is a bank
            already, it has those that it has, in this order.
        spare: those of servers that `add_server` may take.

    Raises:
        StorageBusyError: another bank has the servers open.
        StorageVersionError: the tables there are of another schema version, or somebody else's.
        StorageBrokenError: the servers are not those of one bank, in order.
        StorageError: a server cannot be reached; or psycopg is not installed.
    """

    outlives_process = True

    def __init__(self, log: str, servers: Sequence[str], spare: Sequence[str] = ()) -> None:
        self._urls = [*servers, *spare]
        with ExitStack() as opened:
            self._log = PostgresLog(log)
            self.log: LogServer = self._log
            opened.callback(self._log.connection.close)
            self._opened = opened
            self.servers: list[DatabaseServer] = []
            count = self._log.servers()
            for _ in range(count or len(servers)):
                self.servers.append(self._open_server(None if count else ALL_ARRIVED))
            if not count:
                self._log.count_servers(len(self.servers))
            self._opened = opened.pop_all()

    @classmethod
    def at(cls, path: Path) -> Self:
        """The servers that a bank file names, or that of a folder.

        Raises:
            StorageError: the file cannot be read; and as above.
        """
        file = read_bank_file(path)
        return cls(file.log, file.servers, file.spare)

    def add_server(self) -> DatabaseServer:
        """Take the next spare server, empty."""
        server = self._open_server(-1)
        with ExitStack() as failing:
            failing.callback(server.connection.close)  # so that it can be taken once more
            if server.standing != Standing(arrived_to=-1):
                raise StorageBrokenError(
                    f"expected an empty server to add, seen one with {server.standing}: give a URL "
                    "of an empty database or schema"
                )
            self._log.count_servers(len(self.servers) + 1)
            failing.pop_all()
        self.servers.append(server)
        return server

    def close(self) -> None:
        """End the connections, and let go of the servers; closing twice is fine."""
        self._opened.close()

    def _open_server(self, arrived_to: int | None) -> PostgresServer:
        index = len(self.servers)
        if index >= len(self._urls):
            raise StorageError(
                f"expected the URL of database server {index + 1}, seen {len(self._urls)} URLs: "
                "write a further one into the bank file, under spare"
            )
        head = self._log.connection
        server = PostgresServer(
            self._urls[index], server_name(index), head.bank_id, head.epoch, arrived_to
        )
        self._opened.callback(server.connection.close)
        return server
