"""The way to a real thing: a tty, a socket, a radio; a keyboard, a camera."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    Take = Callable[[bytes, str], None]
    Read = Callable[[], tuple[bytes, str]]


class Transport(Protocol):
    """Hands over what comes from a real thing; knows nothing of what it means."""

    def open(self) -> None:
        """Take hold of the thing; what waited in it from before is dropped.

        Raises:
            PortUnavailable: It is missing, busy or not permitted; the error says what to do.
        """
        ...

    def start(self, loop: AbstractEventLoop, take: Take) -> None:
        """Hand over what comes in, on the loop's thread.

        Args:
            loop: The loop of wall time. It runs whenever the world does.
            take: Called with bytes and ""; or, once and last, with b"" and why the thing is lost.
        """
        ...

    def close(self) -> None:
        """Let go of the thing; harmless when it was never opened or is lost."""
        ...


class ByteTransport(Transport, Protocol):
    """Carries bytes both ways.

    Attributes:
        name: What the thing is called in sentences: where it is, as the spec says.
    """

    name: str

    def discard(self) -> None:
        """Drop what has come in since `open`, as long as nothing is handed over.

        Raises:
            PortLost: The thing is gone.
        """
        ...

    def write(self, data: bytes) -> None:
        """Send bytes, without waiting for the other side.

        Raises:
            PortLost: The thing takes no more bytes.
        """
        ...


def watch(loop: AbstractEventLoop, descriptor: int, read: Read, take: Take) -> Callable[[], None]:
    """Hand over what comes in on a descriptor, until it is lost or watched no more.

    Args:
        loop: The loop to watch it on.
        descriptor: What to watch.
        read: Takes out what has arrived, and tells why there will be nothing more, if so.
        take: As for `ByteTransport.start`.

    Returns:
        What to call to watch it no more; calling it again is harmless.
    """
    watching = True

    def stop() -> None:
        nonlocal watching
        if watching and not loop.is_closed():
            loop.remove_reader(descriptor)
        watching = False

    def readable() -> None:
        if not watching:
            return
        data, lost = read()
        if lost:
            stop()
        if data:
            take(data, "")
        if lost:
            take(b"", lost)

    loop.add_reader(descriptor, readable)
    loop.call_soon(readable)  # TLS may hold bytes already that the descriptor does not show
    return stop


def nothing() -> None:
    """What there is to stop before anything is watched."""
