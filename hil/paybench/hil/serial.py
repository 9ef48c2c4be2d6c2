"""The serial driver: readers and line displays on a tty (USB-serial, RS-232, pty).

    serial:/dev/ttyACM0
    serial:/dev/ttyUSB0?baud=115200&frame=8N1&prefix=0x02&suffix=CRLF
    serial:socket://10.0.0.7:4001      serial:rfc2217://10.0.0.7:4001

Bytes are read by whole buffers as they arrive, never one by one. Where the loop can watch a file
descriptor it does (`reader=descriptor`, the default); `reader=thread` reads in a thread of its own,
for systems whose loop cannot, and for ports without a descriptor. docs/decisions/serial-reader.md
has the figures.
"""

from __future__ import annotations

import os
import select
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paybench.devices.environment import NS_PER_S
from paybench.hil.byte_driver import READER_OPTIONS, ByteDriver
from paybench.hil.errors import PortLost, PortUnavailable, SpecError
from paybench.hil.transport import nothing, watch

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    from paybench.hil.spec import Spec
    from paybench.hil.transport import Take

READ_BYTES = 65536
WRITE_TIMEOUT_S = 0.5
RFC2217_POLL_S = 0.2
URLS = ("socket", "rfc2217")
BAUD = (9600, 50, 4_000_000)
"""The default, the lowest and the highest."""

FRAMES = ("8N1", "8E1", "8O1", "7E1", "7O1", "8N2")
OPTIONS = {
    "baud": "bits per second, default 9600",
    "frame": f"data bits, parity, stop bits: {', '.join(FRAMES)}",
    "reader": "descriptor or thread",
}


class SerialDriver(ByteDriver):
    """A tty with a code reader or a line display behind it."""

    options = OPTIONS | READER_OPTIONS

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec, SerialTransport(spec))
        # A start and a stop bit beside eight of data.
        self.byte_ns = 10 * NS_PER_S // spec.number("baud", *BAUD)


class SerialTransport:
    """A tty, or a serial port somewhere else by one of pyserial's URLs."""

    def __init__(self, spec: Spec) -> None:
        self.name = spec.address
        scheme, is_url, _ = spec.address.partition("://")
        self._is_url = bool(is_url)
        if is_url and scheme not in URLS:
            raise SpecError(f"{spec.address}: expected a path, or one of {', '.join(URLS)}://")
        # pyserial plays an RFC 2217 port with a queue and a thread: there is nothing to watch.
        self._has_descriptor = scheme != "rfc2217"
        self._baud = spec.number("baud", *BAUD)
        self._frame = spec.choice("frame", *FRAMES)
        self._in_thread = spec.choice("reader", "descriptor", "thread") == "thread"
        self._tty: Any = None
        self._stop_reading: Callable[[], None] = nothing

    def open(self) -> None:
        """Open the tty for ourselves alone, and drop what waited in it.

        Raises:
            PortUnavailable: It is missing, busy, not permitted, or no tty.
        """
        import serial

        bits, parity, stops = self._frame
        more: dict[str, Any] = {} if self._is_url else {"exclusive": True}
        if self._has_descriptor:  # pyserial's RFC 2217 refuses to be given one
            more["write_timeout"] = WRITE_TIMEOUT_S
        try:
            with warnings.catch_warnings():
                # pyserial 3.5 makes its RFC 2217 thread in a way Python has deprecated.
                warnings.simplefilter("ignore", DeprecationWarning)
                self._tty = serial.serial_for_url(
                    self.name,
                    self._baud,
                    bytesize=int(bits),
                    parity=parity,
                    stopbits=int(stops),
                    timeout=0 if self._has_descriptor else RFC2217_POLL_S,
                    **more,
                )
            self._tty.reset_input_buffer()
        # A pty may raise termios.error (no OSError) on a frame it does not do.
        except Exception as error:
            self.close()
            raise PortUnavailable(f"{self.name}: {self._why_not(error)}") from error

    def start(self, loop: AbstractEventLoop, take: Take) -> None:
        """Watch the tty's descriptor, or read it in a thread."""
        descriptor = self._tty.fileno() if self._has_descriptor else None
        if self._in_thread or descriptor is None:
            reader = _ReaderThread(descriptor, self._read, loop, take)
            reader.start()
            self._stop_reading = reader.stop
            return

        self._stop_reading = watch(loop, descriptor, self._read, take)

    def discard(self) -> None:
        """Drop what waits in the tty.

        Raises:
            PortLost: The tty is gone.
        """
        try:
            self._tty.reset_input_buffer()
        except Exception as error:  # termios.error is no OSError
            raise PortLost(f"{self.name} went away ({error})") from error

    def write(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            PortLost: The tty is gone, or its buffer stays full.
        """
        try:
            self._tty.write(data)
        except (OSError, TypeError) as error:  # pyserial's own errors are OSErrors
            raise PortLost(f"{self.name} takes no more bytes ({error})") from error

    def close(self) -> None:
        """Stop reading, and close the tty."""
        self._stop_reading()
        self._stop_reading = nothing
        if self._tty is not None:
            self._tty.close()
            self._tty = None

    def _read(self) -> tuple[bytes, str]:
        """Everything that has arrived; or why there will be nothing more."""
        try:
            if self._has_descriptor:
                return self._tty.read(READ_BYTES), ""
            first = self._tty.read(1)  # waits on pyserial's queue; the rest is there already
            return first + self._tty.read(self._tty.in_waiting if first else 0), ""
        except (OSError, TypeError) as error:
            return b"", f"{self.name} went away ({error})"

    def _why_not(self, error: Exception) -> str:
        """Why the port could not be opened, and what to do."""
        text = str(error)
        if self._is_url:
            return f"it cannot be reached ({text}): is the server there running?"
        if not Path(self.name).exists():
            return f"there is no such port; ports here: {_ports()}. Is it plugged in?"
        if isinstance(error, PermissionError) or "Permission denied" in text:
            group = "'sudo usermod -aG dialout $USER', then log in again"
            return f"permission denied: add yourself to its group with {group}"
        if "lock" in text or "busy" in text:
            return "another program has it open: close that first (lsof names it)"
        return f"it cannot be opened as a serial port ({text or type(error).__name__})"


class _ReaderThread(threading.Thread):
    """Waits for bytes beside the loop, and hands them over to it."""

    def __init__(
        self,
        descriptor: int | None,
        read: Callable[[], tuple[bytes, str]],
        loop: AbstractEventLoop,
        take: Take,
    ) -> None:
        super().__init__(name="paybench serial reader", daemon=True)
        self._descriptor = descriptor
        self._read = read
        self._loop = loop
        self._take = take
        self._stopping = False
        # Closing a tty another thread waits on wakes nobody: a pipe of our own does.
        self._wake_read, self._wake_write = os.pipe()

    def run(self) -> None:
        lost = ""
        while not lost:
            if self._descriptor is not None:
                select.select([self._descriptor, self._wake_read], [], [])
            if self._stopping:
                return
            data, lost = self._read()
            if (data or lost) and not self._stopping:
                with suppress(RuntimeError):  # the loop is closed: the run has ended
                    self._loop.call_soon_threadsafe(self._take, data, lost)

    def stop(self) -> None:
        self._stopping = True
        os.write(self._wake_write, b"!")
        self.join()
        os.close(self._wake_read)
        os.close(self._wake_write)


def _ports() -> str:
    from serial.tools.list_ports import comports

    return ", ".join(sorted(port.device for port in comports())) or "none"
