"""A tty with nothing behind it but this process: what a driver under test opens as its port."""

import os
import pty
import select
import tty
from pathlib import Path
from types import TracebackType
from typing import Self

from paybench.hil.errors import PortLost, PortUnavailable


class VirtualTty:
    """A pseudo-terminal pair in raw mode, seen from the device's side.

    `path`, e.g. /dev/pts/7, is the port which the driver under test opens; it may close it and open
    it again as often as it likes. Use it as a context manager: leaving it hangs up, and what the
    driver has not read by then is gone, as when a cable is pulled.

    Args:
        link: a path for a symbolic link to the port, so that a bench file can name it. A dangling
            link (its process was killed) is replaced, and the link goes when the port goes.

    Raises:
        PortUnavailable: the system has no pseudo-terminal left, or the link cannot be made.
    """

    def __init__(self, link: Path | None = None) -> None:
        try:
            # The slave stays open here: otherwise the driver's closing it would end in EIO.
            self._master, self._slave = pty.openpty()
        except OSError as error:
            raise PortUnavailable(
                f"no pseudo-terminal to be had ({error}): is /dev/pts mounted, and "
                "/proc/sys/kernel/pty/nr below its limit /proc/sys/kernel/pty/max?"
            ) from error
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._link: Path | None = None
        if link is not None:
            try:
                _make_link(link, self.path)
            except PortUnavailable:
                self.close()
                raise
            self._link = link

    def fileno(self) -> int:
        """Return the descriptor that is readable when the driver has written, for `select`."""
        return self._master

    def read(self) -> bytes:
        """Return what the driver has written since the last call, b"" for nothing; never waits."""
        try:
            return os.read(self._master, 65536)
        except BlockingIOError:
            return b""

    def write(self, data: bytes, patience_s: float = 10.0) -> None:
        """Send all of `data`, waiting while the driver's buffer is full.

        Raises:
            PortLost: the buffer was full and nobody read a byte from it for `patience_s` seconds.
        """
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._master, rest) :]
            except BlockingIOError:
                if not select.select([], [self._master], [], patience_s)[1]:
                    raise PortLost(
                        f"nobody reads {self.path}: {len(data) - len(rest)} of {len(data)} bytes "
                        f"went out, then none for {patience_s:g} s; attach a reader to the port"
                    ) from None

    def close(self) -> None:
        """Hang up, and remove the link; a second call does nothing."""
        if self._master < 0:
            return
        if self._link is not None and _target(self._link) == self.path:
            self._link.unlink()
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _make_link(link: Path, path: str) -> None:
    if link.is_symlink() and not link.exists():
        link.unlink()
    try:
        link.symlink_to(path)
    except FileExistsError:
        raise PortUnavailable(
            f"{link} exists already{_pointing(link)}: remove it or choose another link"
        ) from None
    except OSError as error:
        raise PortUnavailable(f"{link}: the link cannot be made: {error.strerror}") from error


def _pointing(link: Path) -> str:
    target = _target(link)
    return f" and points to {target}" if target else ""


def _target(link: Path) -> str | None:
    return str(link.readlink()) if link.is_symlink() else None
