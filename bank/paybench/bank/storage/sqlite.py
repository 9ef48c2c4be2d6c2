"""The durable storage: a log and the data files that follow it, in SQLite files of one folder."""

import fcntl
import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from paybench.bank.errors import StorageBrokenError, StorageBusyError, StorageError

from . import DatabaseServer, LogServer, Storage
from .log_process import LogProcess
from .server_process import ServerProcess
from .sqlite_log import SqliteLog
from .sqlite_server import SqliteServer


class SqliteStorage(Storage):
    """Keeps a bank in a folder, through crashes and power cuts.

    `log.sqlite` is on the disk when `append` returns. The servers' files, `accounts.sqlite`,
    `accounts-2.sqlite` and so on, follow it. One object at a time opens a folder.

    Args:
        folder: where the files are; made, for its owner alone, if it does not exist.
        servers: how many database servers a new folder gets, at least one. A folder that is
            there has those that it has.
        processes: whether each server is a process of its own. The bank then does not wait while
            accounts are written, and decides while the log is: for a bank with much to do, and
            processors to spare.

    Raises:
        StorageBusyError: the folder is open elsewhere.
        StorageVersionError: the files are of another schema version.
        StorageError: the folder or a file cannot be read.
    """

    outlives_process = True

    def __init__(self, folder: Path, servers: int = 1, *, processes: bool = False) -> None:
        self._processes = processes
        with ExitStack() as opened:
            self._lock = opened.enter_context(_locked(folder))
            self._log = self._open_log(folder / "log.sqlite")
            self.log: LogServer = self._log
            opened.callback(self._log.close)
            self._folder = folder
            self._opened = opened
            self.servers: list[DatabaseServer] = []
            count = self._log.servers()
            if not (count or _path(folder, 0).exists()):
                # The first one last: where it is there, so are the others. Of a folder whose
                # making was cut off some may be there: none of them is left out.
                for index in reversed(range(max(servers, _made(folder)))):
                    SqliteServer(_path(folder, index)).close()
            while _path(folder, len(self.servers)).exists():
                self._open_server()
            if len(self.servers) < count:
                raise StorageBrokenError(
                    f"expected {count} database servers of this log in {folder}, seen no file "
                    f"{_path(folder, len(self.servers)).name}: restore it"
                )
            if len(self.servers) > count:
                self._log.count_servers(len(self.servers))
            self._opened = opened.pop_all()

    def add_server(self) -> DatabaseServer:
        """Add an empty database server: a further file, which is there whole or not at all."""
        path = _path(self._folder, len(self.servers))
        unfinished = path.with_suffix(".new")
        try:
            unfinished.unlink(missing_ok=True)
            SqliteServer(unfinished, -1).close()
            unfinished.rename(path)
            _sync(self._folder)
        except OSError as error:
            raise StorageError(
                f"expected room for a further file in {self._folder}, seen {error}: make room"
            ) from error
        self._log.count_servers(len(self.servers) + 1)
        return self._open_server()

    def close(self) -> None:
        """Close the files and let go of the folder; closing twice is fine."""
        self._opened.close()

    def _open_log(self, path: Path) -> LogProcess | SqliteLog:
        return LogProcess(path, [self._lock.fileno()]) if self._processes else SqliteLog(path)

    def _open_server(self) -> DatabaseServer:
        path = _path(self._folder, len(self.servers))
        if self._processes:
            server = ServerProcess(path, [self._lock.fileno()])
        else:
            server = SqliteServer(path)
        self._opened.callback(server.close)
        self.servers.append(server)
        return server


def _path(folder: Path, index: int) -> Path:
    return folder / (f"accounts-{index + 1}.sqlite" if index else "accounts.sqlite")


def _made(folder: Path) -> int:
    """How many servers there are, with those in between that are not."""
    numbers = [path.stem.partition("-")[2] for path in folder.glob("accounts-*.sqlite")]
    return max((int(number) for number in numbers if number.isdecimal()), default=0)


def _sync(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(folder: Path) -> Generator[TextIO]:
    """Hold the folder for this object; the system lets go of it when the process ends."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise StorageError(
            f"expected a folder to write to, seen {folder}: {error}; choose another folder"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StorageBusyError(
                f"expected a folder nobody has open, seen {folder} in use: "
                "close the other bank first, or choose another folder"
            ) from error
        yield lock
