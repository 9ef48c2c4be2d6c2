"""PostgreSQL servers of a bank's own, in one folder: started, stopped, and killed by nobody else.

They listen on a socket in the folder alone, and ask for a password.
"""

import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self
from urllib.parse import quote

from paybench.bank.books import server_name
from paybench.bank.errors import StorageBusyError, StorageError
from paybench.bank.secret import Secret

from .postgres_program import program_folder, runner, unreachable

USER = "paybench"
_LOG_PART = "400"
_SOCKET_MAX = 100  # bytes that the system allows a socket's path, less what is appended
_START_S = 60.0
_LOOK_S = 0.02
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "40",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "unix_socket_permissions": "0777",  # the folder and the password say who may
}


class PostgresCluster:
    """A log data server and database servers, each a PostgreSQL server of its own.

    Args:
        folder: where they are kept; made if it does not exist.
        servers: how many database servers; those that are there already stay.
        password: None: one is made up, and kept in the folder for its owner alone.
        settings: PostgreSQL settings, beside our own.
        programs: where `initdb` and `postgres` are; None: they are looked for.

    Raises:
        StorageBusyError: the folder's servers are up already.
        StorageError: PostgreSQL is not there, or cannot use the folder.
    """

    def __init__(
        self,
        folder: Path,
        servers: int,
        *,
        settings: dict[str, str] | None = None,
        programs: Path | None = None,
    ) -> None:
        self._folder = folder.absolute()
        self._runner = who = runner()
        self._uid, self._gid = (None, None) if who is None else (who.pw_uid, who.pw_gid)
        self._groups: list[int] | None = None if who is None else []
        self._settings = _SETTINGS | (settings or {})
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        with ExitStack() as opened:
            self._prepare(opened)
            self._programs = programs or program_folder(self._runner, self._folder / "wheel")
            self._password = self._secret()
            there = sum(each.is_dir() for each in self._folder.glob("300*") if each.suffix == "")
            self.parts = [_LOG_PART, *map(server_name, range(max(servers, there)))]
            self._opened = opened.pop_all()

    @property
    def urls(self) -> list[str]:
        """The URLs, with the password: first the log data server's, then the others'."""
        return list(map(self.url, self.parts))

    def url(self, part: str) -> str:
        """The URL of one server, with the password."""
        user = f"{USER}:{quote(self._password.reveal(), safe='')}"
        return self.shown_url(part).replace(USER, user, 1)

    def shown_url(self, part: str) -> str:
        """The URL of one server without the password."""
        host = quote(str(self._folder / "socket"), safe="")
        return f"postgresql://{USER}@{host}:{self._port(part)}/postgres"

    def pid(self, part: str) -> int:
        """The process id of a server's postmaster."""
        return self._processes[part].pid

    def start(self, parts: Sequence[str] = ()) -> Self:
        """Start servers, all by default, and wait until they answer.

        Raises:
            StorageError: one does not start; its own words are told.
        """
        starting = list(parts or self.parts)
        new = [part for part in self.parts if not self._is_there(part)]
        if new:
            self._initialise(new)
        for part in starting:
            _end_left_over(self._folder / part)
            self._processes[part] = self._run(part)
        for part in starting:
            self._await(part)
        return self

    def stop(self) -> None:
        """Stop the servers that were started here, cleanly; stopping twice is fine."""
        for process in self._processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
        for process in self._processes.values():
            process.wait()
        self._processes.clear()
        self._opened.close()

    def kill(self, part: str) -> None:
        """End a server and all its processes as a power cut would; for trials."""
        process = self._processes[part]
        family = [process.pid, *_children(process.pid)]
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()

    def ended(self) -> str | None:
        """The name of a server that has ended by itself, None when all run."""
        return next(
            (part for part, each in self._processes.items() if each.poll() is not None), None
        )

    def words(self, part: str) -> str:
        """The last that a server has said."""
        with suppress(OSError):
            return " / ".join((self._folder / f"{part}.log").read_text().splitlines()[-3:])
        return ""

    # The folder

    def _prepare(self, opened: ExitStack) -> None:
        folder, owner = self._folder, self._runner
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = opened.enter_context((folder / "up.lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            (folder / "socket").mkdir(mode=0o700, exist_ok=True)
        except BlockingIOError as error:
            raise StorageBusyError(
                f"expected servers in {folder} that are not up, seen that they are: stop them "
                "first, or use them as they are"
            ) from error
        except OSError as error:
            raise StorageError(
                f"expected a folder to write to, seen {folder}: {error}; choose another folder"
            ) from error
        if len(os.fsencode(folder / "socket")) > _SOCKET_MAX - len("/.s.PGSQL.00000"):
            raise StorageError(
                f"expected a folder whose path a socket's can begin with, seen {folder}: choose "
                "one with a shorter path"
            )
        if owner is not None:
            folder.chmod(0o711)  # that user enters it and cannot look around
            self._give(folder / "socket")
            closed = unreachable(folder, owner)
            if closed is not None:
                raise StorageError(
                    f"expected a folder that user {owner.pw_name}, who runs PostgreSQL for root, "
                    f"can reach, seen {closed} closed to it: choose another folder, as in /var/lib"
                )

    def _is_there(self, part: str) -> bool:
        return (self._folder / part).is_dir()

    def _secret(self) -> Secret:
        path = self._folder / "password"
        if not path.exists():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(24))
        return Secret(path.read_text())

    def _port(self, part: str) -> int:
        # No port of the machine's: it is part of the name of the socket's file.
        return 5432 + self.parts.index(part)

    # A server

    def _initialise(self, parts: Sequence[str]) -> None:
        """Make the servers that are not there yet: one anew, the others as copies of it."""
        for part in parts:
            unfinished = self._folder / f"{part}.new"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(mode=0o700)
            self._give(unfinished)
        first = self._folder / f"{parts[0]}.new"
        self._initdb(first)
        for part in parts[1:]:
            self._call(["cp", "-a", f"{first}/.", str(self._folder / f"{part}.new")])
        for part in parts:
            (self._folder / f"{part}.new").rename(self._folder / part)

    def _initdb(self, data: Path) -> None:
        told = self._folder / "socket" / "password"
        try:
            told.touch(mode=0o600)
            told.write_text(self._password.reveal())
            self._give(told)
            self._call(
                [
                    *(str(self._programs / "initdb"), "-D", str(data), "-U", USER),
                    *("--auth=scram-sha-256", f"--pwfile={told}"),
                    *("--encoding=UTF8", "--locale=C", "--no-sync"),
                ]
            )
        finally:
            told.unlink(missing_ok=True)

    def _give(self, path: Path) -> None:
        if self._runner is not None:
            shutil.chown(path, self._runner.pw_uid, self._runner.pw_gid)

    def _call(self, command: Sequence[str]) -> None:
        done = subprocess.run(  # noqa: S603 - PostgreSQL's own program, or a copy
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            user=self._uid,
            group=self._gid,
            extra_groups=self._groups,
        )
        if done.returncode:
            raise StorageError(
                f"expected {Path(command[0]).name} to make a server in {self._folder}, seen "
                f"{done.stderr.strip()!r}: choose a folder on a disk with room"
            )

    def _run(self, part: str) -> subprocess.Popen[bytes]:
        data = self._folder / part
        settings = self._settings | {
            "port": str(self._port(part)),
            "unix_socket_directories": str(self._folder / "socket"),
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        with (self._folder / f"{part}.log").open("wb") as said:
            return subprocess.Popen(  # noqa: S603 - PostgreSQL's own program
                [str(self._programs / "postgres"), "-D", str(data), *options],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd="/",
                start_new_session=True,  # Ctrl-C is for us: we stop it when the bank is told
                user=self._uid,
                group=self._gid,
                extra_groups=self._groups,
            )

    def _await(self, part: str) -> None:
        """Wait until a server takes connections."""
        process, status = self._processes[part], self._folder / part / "postmaster.pid"
        until_s = time.monotonic() + _START_S
        while process.poll() is None and time.monotonic() < until_s:
            with suppress(OSError):
                lines = status.read_text().splitlines()
                if lines[0:1] == [str(process.pid)] and lines[7:8] and "ready" in lines[7]:
                    return
            time.sleep(_LOOK_S)
        raise StorageError(
            f"expected server {part} to start, seen {self.words(part)!r}: see "
            f"{self._folder / f'{part}.log'}"
        )


def _end_left_over(data: Path) -> None:
    """End the server of these data that a killed run has left, and nobody else."""
    status = data / "postmaster.pid"
    try:
        pid = int(status.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return
    try:
        is_ours = Path(f"/proc/{pid}/cwd").resolve(strict=True) == data.resolve()
    except OSError:
        is_ours = False
    if not is_ours:
        status.unlink()  # its number may be anybody's by now
        return
    until_s = time.monotonic() + _START_S
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGINT)
        while time.monotonic() < until_s:
            os.kill(pid, 0)
            time.sleep(_LOOK_S)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            text = stat.read_text()
            if int(text.rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found
