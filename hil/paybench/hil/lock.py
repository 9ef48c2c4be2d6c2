"""Locks: one run at a time for a real thing, with an owner and an expiry.

A lock is a file in a folder of the user's, held by `flock`: the kernel lets go of it when its
process ends, however that ends. The file says who holds it, for what, since when and until when;
that time is the hour of the bench's clock, for people, and no part of any run.

After its expiry a lock counts no more, even while its process lives (it may hang, or a child may
have inherited the lock): whoever asks next puts a file of their own in the place of the old one,
and the former holder finds that out by `Lock.lost`.
"""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import os
import re
import socket
import stat
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from paybench.hil.errors import PortLocked, PortUnavailable

if TYPE_CHECKING:
    from collections.abc import Generator

    from paybench.hil.spec import Spec

NOTE_MAX_BYTES = 4096
PURPOSE_MAX = 200
OURS_ALONE = 0o700
_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class Holder(msgspec.Struct, frozen=True):
    """Who holds a lock, as its file says.

    Attributes:
        user: Login name.
        host: Name of the machine.
        pid: Process.
        purpose: What for: a scenario or test.
        owner: Whom to ask about the bench; "" if the bench file does not say.
        since: Since when.
        until: Until when; afterwards the lock may be taken over.
    """

    user: str
    host: str
    pid: int
    purpose: str
    owner: str
    since: datetime
    until: datetime

    def __str__(self) -> str:
        ask = f" (ask {self.owner})" if self.owner else ""
        return (
            f"{self.user}@{self.host}{ask}, process {self.pid}, for {self.purpose}, "
            f"since {_hour(self.since)} until {_hour(self.until)}"
        )


class Lock:
    """The right to use a real thing, taken at once or not at all.

    Args:
        thing: What is locked, as `thing_of` names it.
        purpose: What for, e.g. the scenario's name.
        owner: Whom to ask about it, for those who wait.
        term_s: How long it counts, in seconds.
        folder: Where the lock files are; `lock_folder()` by default.

    Attributes:
        displaced: Whose lock had expired and was taken over, if anybody's.
    """

    def __init__(
        self,
        thing: str,
        purpose: str,
        owner: str = "",
        term_s: float = 600.0,
        folder: Path | None = None,
    ) -> None:
        self.thing = thing
        self.displaced: Holder | None = None
        self._purpose = purpose
        self._owner = owner
        self._term_s = term_s
        self._folder = folder
        self._path = Path()
        self._descriptor = -1

    def take(self) -> None:
        """Take the lock.

        Raises:
            PortLocked: Somebody has it; the error names them, since when and until when.
            PortUnavailable: There is no safe folder for lock files.
        """
        folder = self._folder or lock_folder()
        self._path = folder / _file_name(self.thing)
        try:
            with _alone(folder):
                self._take()
        except OSError as error:
            raise PortUnavailable(
                f"{self._path}: the lock file cannot be written ({error.strerror})"
            ) from error

    def lost(self) -> str:
        """Why the lock counts no more, as a sentence; "" while it does, or if it was not taken."""
        if self._descriptor < 0 or self._is_in_place():
            return ""
        with suppress(OSError):
            successor = _read(self._path)
            if successor is not None:
                return f"the lock on {self.thing} expired and was taken over by {successor}"
        return f"the lock on {self.thing} expired and was taken over"

    def release(self) -> None:
        """Let go of the lock; harmless when it was never taken, or taken over."""
        if self._descriptor < 0:
            return
        # Without its folder, there is nothing to clean up either.
        with suppress(OSError), _alone(self._path.parent):
            if self._is_in_place():
                self._path.unlink()
        os.close(self._descriptor)
        self._descriptor = -1

    def _take(self) -> None:
        self._descriptor = os.open(self._path, _OPEN, 0o600)
        try:
            if not _flocked(self._descriptor):
                self.displaced = self._expired(_read(self._path))
                ours = self._path.with_suffix(".new")
                ours.unlink(missing_ok=True)
                os.close(self._descriptor)
                self._descriptor = -1
                self._descriptor = os.open(ours, _OPEN | os.O_EXCL, 0o600)
                _flocked(self._descriptor)
                ours.replace(self._path)
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, msgspec.json.encode(self._note()), 0)
        except BaseException:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
            raise

    def _note(self) -> Holder:
        since = datetime.now().astimezone()
        return Holder(
            user=_user(),
            host=socket.gethostname(),
            pid=os.getpid(),
            purpose=self._purpose[:PURPOSE_MAX],
            owner=self._owner,
            since=since,
            until=since + timedelta(seconds=self._term_s),
        )

    def _expired(self, holder: Holder | None) -> Holder:
        """The holder, if their time is over.

        Raises:
            PortLocked: It is not.
        """
        if holder is None:
            raise PortLocked(
                f"{self.thing} is locked by a process that left no note in {self._path}: "
                f"'lsof {self._path}' names it"
            )
        if datetime.now().astimezone() < holder.until:
            raise PortLocked(
                f"{self.thing} is locked by {holder}: wait until then, or end that process"
            )
        return holder

    def _is_in_place(self) -> bool:
        """Whether the file we hold is still the one others look at."""
        try:
            seen = os.lstat(self._path)
        except OSError:
            return False
        held = os.fstat(self._descriptor)
        return (seen.st_dev, seen.st_ino) == (held.st_dev, held.st_ino)


def thing_of(spec: Spec) -> str:
    """The name of the real thing a spec means, the same whatever way it is addressed.

    A path is followed to its end, so that ``/dev/serial/by-id/usb-…`` and ``/dev/ttyACM0`` are
    one thing. Any other address means something to its driver only.
    """
    address = spec.address
    if address.startswith("/") or Path(address).exists():
        return os.path.realpath(address)
    return f"{spec.driver}:{address}"


def lock_folder() -> Path:
    """The folder of this user's lock files, made if need be.

    It is in ``$XDG_RUNTIME_DIR``; where that is not set, as in a cron job, in the folder it
    usually means; where there is none, in ``~/.cache``.

    Raises:
        PortUnavailable: It cannot be made, belongs to another user, or is open to others.
    """
    runtime = [os.environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{os.getuid()}"]
    home = next((p for p in runtime if p.startswith("/") and _is_ours(Path(p))), "")
    try:
        cache = os.environ.get("XDG_CACHE_HOME", "")
        base = Path(home or (cache if cache.startswith("/") else Path.home() / ".cache"))
        base.mkdir(mode=OURS_ALONE, parents=True, exist_ok=True)
        folder = base
        for name in ("paybench", "locks"):
            folder /= name
            folder.mkdir(mode=OURS_ALONE, exist_ok=True)
    except (OSError, RuntimeError) as error:
        raise PortUnavailable(
            f"there is no folder for lock files ({error}): set XDG_RUNTIME_DIR to one of yours"
        ) from error
    if not _is_ours(folder):
        raise PortUnavailable(
            f"{folder}: a folder for lock files has to be yours alone: chmod 700, or remove it"
        )
    return folder


def _is_ours(folder: Path) -> bool:
    """Whether a path is a folder of this user's that nobody else may write to."""
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    others_write = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not others_write


def _file_name(thing: str) -> str:
    """A file name for a thing. A home folder may be shared by hosts, whose ports are not."""
    digest = hashlib.sha256(f"{socket.gethostname()}\n{thing}".encode()).hexdigest()[:16]
    shown = re.sub("[^A-Za-z0-9]+", "-", thing).strip("-")[-40:]
    return f"{shown}.{digest}.lock"


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Keep others from taking or releasing a lock meanwhile; each takes a moment."""
    descriptor = os.open(folder / "taking", _OPEN, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _flocked(descriptor: int) -> bool:
    """Take a file's flock, unless somebody has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(path: Path) -> Holder | None:
    """What a lock file says; None if that is nothing sensible."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        holder = msgspec.json.decode(os.read(descriptor, NOTE_MAX_BYTES), type=Holder)
    except (msgspec.MsgspecError, RecursionError):
        return None
    finally:
        os.close(descriptor)
    return holder if holder.since.tzinfo and holder.until.tzinfo else None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in a container
        return str(os.getuid())


def _hour(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"
