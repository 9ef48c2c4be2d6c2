"""The serial driver: readers and line displays on a tty (USB-serial, RS-232, pty).

    serial:/dev/ttyACM0
    serial:/dev/ttyUSB0?baud=115200&frame=8N1&prefix=0x02&suffix=CRLF

Bytes are read by whole buffers as they arrive, never one by one. Where the loop can watch a file
descriptor it does (`reader=descriptor`, the default); `reader=thread` reads in a thread of its own,
for systems whose loop cannot. docs/decisions/serial-reader.md has the figures.
"""

from __future__ import annotations

import os
import select
import threading
from typing import TYPE_CHECKING, Any

from paybench.devices.display import Display
from paybench.devices.scanner import Scanner
from paybench.hil.errors import PortUnavailable, SpecError
from paybench.hil.reader import ByteReader
from paybench.hil.scanner import ScannerCodec, preamble, terminator
from paybench.hil.screen import ByteScreen

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    from paybench.devices.environment import Environment
    from paybench.devices.part import Part
    from paybench.devices.world import World
    from paybench.hil.spec import Spec

READ_BYTES = 65536
WRITE_TIMEOUT_S = 0.5
FRAMES = ("8N1", "8E1", "8O1", "7E1", "7O1", "8N2")
OPTIONS = {
    "baud": "bits per second, default 9600",
    "frame": f"data bits, parity, stop bits: {', '.join(FRAMES)}",
    "prefix": "what stands before each payload: text or hex (0x02)",
    "suffix": "what ends a payload: CR, LF, CRLF, TAB or hex (0x0D0A)",
    "reader": "descriptor or thread",
}


class SerialDriver:
    """A tty with a code reader or a line display behind it. `kinds`: scanner, display."""

    kinds = frozenset({Scanner.kind, Display.kind})
    options = OPTIONS

    def __init__(self, spec: Spec) -> None:
        spec.check_options(OPTIONS)
        self.path = spec.address
        self._baud = spec.number("baud", 9600, 50, 4_000_000)
        self._frame = spec.choice("frame", *FRAMES)
        self._in_thread = spec.choice("reader", "descriptor", "thread") == "thread"
        prefix = spec.options.get("prefix", "")
        self._codec = ScannerCodec(
            prefix=preamble(prefix) if prefix else b"",
            suffix=terminator(spec.options.get("suffix", "CR")),
        )
        self._tty: Any = None
        self._name = ""
        self._env: Environment | None = None
        self._stop_reading: Callable[[], None] = lambda: None

    def probe(self) -> None:
        """Open the tty and let go of it again.

        Raises:
            PortUnavailable: It is missing, busy, not permitted, or no tty.
        """
        self.open()
        self.close()

    def open(self) -> None:
        """Open the tty for ourselves alone, and drop what waited in it.

        Raises:
            PortUnavailable: It is missing, busy, not permitted, or no tty.
        """
        import serial

        bits, parity, stops = self._frame
        try:
            self._tty = serial.Serial(
                self.path,
                self._baud,
                bytesize=int(bits),
                parity=parity,
                stopbits=int(stops),
                timeout=0,
                write_timeout=WRITE_TIMEOUT_S,
                exclusive=True,
            )
            self._tty.reset_input_buffer()
        # A pty raises termios.error (no OSError) on a frame it does not do.
        except Exception as error:
            raise PortUnavailable(f"{self.path}: {_why_not(self.path, error)}") from error

    def stand_in(self, part: Part, world: World, operator: Callable[[str], None]) -> None:
        """Take the place of a scanner or a display.

        Raises:
            SpecError: The part is of another kind.
        """
        self._name, self._env = part.name, world.env
        if isinstance(part, Scanner):
            source = part.operated = ByteReader(part, world, self._codec, operator)
        elif isinstance(part, Display):
            source = part.screen = ByteScreen(part, world, self._write)
        else:
            raise SpecError(f"a serial port cannot be {part.name}, which is a {part.kind}")
        world.env.attach(part.name, source)
        if self._tty is not None and world.env.wall is not None:
            self._start_reading(world.env.wall.loop)

    def close(self) -> None:
        """Stop reading, and close the tty."""
        self._stop_reading()
        self._stop_reading = lambda: None
        if self._tty is not None:
            self._tty.close()
            self._tty = None

    def _start_reading(self, loop: AbstractEventLoop) -> None:
        descriptor = self._tty.fileno()
        if not self._in_thread:
            loop.add_reader(descriptor, self._readable)

            def stop() -> None:
                if not loop.is_closed():
                    loop.remove_reader(descriptor)

            self._stop_reading = stop
            return
        reader = _ReaderThread(descriptor, self._read, loop)
        reader.deliver = self._take
        reader.start()
        self._stop_reading = reader.stop

    def _readable(self) -> None:
        self._take(*self._read())

    def _read(self) -> tuple[bytes, str]:
        """Everything that has arrived; or why there will be nothing more."""
        try:
            return self._tty.read(READ_BYTES), ""
        except (OSError, TypeError) as error:  # pyserial's own errors are OSErrors
            return b"", f"{self.path} went away ({error})"

    def _take(self, data: bytes, lost: str) -> None:
        if self._env is None or not (data or lost):
            return
        if lost:
            self._stop_reading()
            self._stop_reading = lambda: None
        self._env.inject(self._name, data, lost)

    def _write(self, data: bytes) -> None:
        if self._tty is None:
            return
        try:
            self._tty.write(data)
        except (OSError, TypeError) as error:
            self._take(b"", f"{self.path} takes no more bytes ({error})")


class _ReaderThread(threading.Thread):
    """Waits for bytes beside the loop, and hands them over to it."""

    def __init__(
        self, descriptor: int, read: Callable[[], tuple[bytes, str]], loop: AbstractEventLoop
    ) -> None:
        super().__init__(name="paybench serial reader", daemon=True)
        self.deliver: Callable[[bytes, str], None] = _drop
        self._descriptor = descriptor
        self._read = read
        self._loop = loop
        # Closing a tty another thread waits on wakes nobody: a pipe of our own does.
        self._wake_read, self._wake_write = os.pipe()

    def run(self) -> None:
        lost = ""
        while not lost:
            ready, _, _ = select.select([self._descriptor, self._wake_read], [], [])
            if self._wake_read in ready:
                return
            data, lost = self._read()
            self._loop.call_soon_threadsafe(self.deliver, data, lost)

    def stop(self) -> None:
        os.write(self._wake_write, b"!")
        self.join()
        os.close(self._wake_read)
        os.close(self._wake_write)


def _drop(_data: bytes, _lost: str) -> None:
    """What a thread does with bytes before it is told where to."""


def _why_not(path: str, error: Exception) -> str:
    """Why a port could not be opened, and what to do."""
    text = str(error)
    if not os.path.exists(path):  # noqa: PTH110 - the address may be no path at all
        return f"there is no such port; ports here: {_ports()}. Is it plugged in?"
    if isinstance(error, PermissionError) or "Permission denied" in text:
        return "permission denied: add yourself to its group with 'sudo usermod -aG dialout $USER'"
    if "lock" in text or "busy" in text:
        return "another program has it open: close that first (lsof names it)"
    return f"it cannot be opened as a serial port ({text or type(error).__name__})"


def _ports() -> str:
    from serial.tools.list_ports import comports

    return ", ".join(sorted(port.device for port in comports())) or "none"
