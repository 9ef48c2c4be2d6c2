"""Real PostgreSQL servers for the tests: started once, and for each bank schemas of its own."""

import shutil
import tempfile
from itertools import count
from pathlib import Path

import psycopg

from paybench.bank.storage.postgres import PostgresStorage
from paybench.bank.storage.postgres_cluster import PostgresCluster

# Servers that are killed lose what they had not written, not what the system has yet to put on
# the disk: nothing here tries power cuts of the machine, so nothing waits for its disk.
SETTINGS = {"fsync": "off", "max_connections": "60", "shared_buffers": "32MB"}


class Servers:
    """A log data server and three database servers in a folder of their own.

    Spare ones are further schemas on the same servers.
    """

    def __init__(self, servers=3, programs=None) -> None:
        self.servers = servers
        self.home = Path(tempfile.mkdtemp(prefix="paybench-test-"))
        self.home.chmod(0o711)  # root's servers are somebody else's processes
        self.cluster = PostgresCluster(
            self.home / "bank", servers, settings=SETTINGS, programs=programs
        ).start()
        self._connections = []
        self.connect()
        self._schemas = count(1)

    def fresh(self, spare=0) -> list[str]:
        """The URLs of a bank that is not there yet: of the log, the servers, the spare ones."""
        name = f"t{next(self._schemas)}"
        return [self._schema(index, name) for index in range(len(self.cluster.urls))] + [
            self._schema(1 + each % self.servers, f"{name}_{each}") for each in range(spare)
        ]

    def storage(self, urls) -> PostgresStorage:
        count = 1 + self.servers
        return PostgresStorage(urls[0], urls[1:count], urls[count:])

    def _schema(self, index, name) -> str:
        self._connections[index].execute(f"CREATE SCHEMA {name}")
        return f"{self.cluster.urls[index]}?options=-csearch_path%3D{name}"

    def connect(self) -> None:
        """Connect, once more after a server was killed."""
        self.disconnect()
        self._connections = [psycopg.connect(url, autocommit=True) for url in self.cluster.urls]

    def disconnect(self) -> None:
        for connection in self._connections:
            connection.close()

    def close(self) -> None:
        self.disconnect()
        self.cluster.stop()
        shutil.rmtree(self.home)
