"""A code reader that speaks in bytes, in the place of a simulated scanner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.devices.environment import FOREVER
from paybench.hil.payload import Noise, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.devices.scanner import Scanner
    from paybench.devices.world import World
    from paybench.hil.payload import ReaderCodec, Report

NOISE_MAX_BYTES = 256 * 1024
"""So much without a readable code, and the reader is taken for broken: a trace is no place for
an endless stream."""


class ByteReader:
    """Turns what a real reader sends into readings, on the simulated scanner's own cable.

    It is the `Source` of the environment, and the `Operated` of the scanner: what is presented
    is asked of a person. The codec works inside the run, so a replay decodes the recorded bytes
    again; and the silences that end a code are alarms of the environment, so they end it there at
    the same nanosecond.

    Args:
        scanner: The part it stands in for.
        world: The part's world.
        codec: How the reader speaks.
        operator: Asks a person for something.
        write: Sends bytes to the reader, which answers it; does nothing in a replay. None for a
            reader that does not listen.
    """

    def __init__(
        self,
        scanner: Scanner,
        world: World,
        codec: ReaderCodec,
        operator: Callable[[str], None],
        write: Callable[[bytes], None] | None = None,
    ) -> None:
        self._scanner = scanner
        self._world = world
        self._codec = codec
        self._operator = operator
        self._write = write
        self._noise_bytes = 0
        self._silent_ns: int = FOREVER
        self._alarm_ns: int = FOREVER

    def ask(self, code: str) -> None:
        """Ask a person to hold a code before the reader."""
        self._operator(f"hold {code} before {self._scanner.name}")

    def received(self, data: bytes) -> None:
        """Bytes came from the reader."""
        if not self._scanner.gone:
            self._hear(self._codec.feed(data))

    def lost(self, why: str) -> None:
        """The reader went away."""
        self._silent_ns = FOREVER
        self._world.lose(self._scanner, why)

    def found(self) -> None:
        """The reader is back."""
        if self._world.regain(self._scanner):
            self._hear(self._codec.drop())

    def _hear(self, reports: list[Report]) -> None:
        for report in reports:
            if isinstance(report, Reply):
                if self._write is not None:
                    self._write(report.data)
            elif isinstance(report, Noise):
                self._noise_bytes += report.byte_count
                self._scanner.misreads(report.byte_count, report.why)
            else:
                self._noise_bytes = 0
                self._scanner.reads(report.payload, report.symbology)
        self._await_silence()
        if self._noise_bytes + self._codec.pending_bytes > NOISE_MAX_BYTES:
            self._scanner.heard = f"more than {NOISE_MAX_BYTES >> 10} KiB without a readable code"
            self._scanner.returns = False  # it is there; it is no use
            self.lost(f"it sent {self._scanner.heard}: check its suffix and its baud rate")

    def _await_silence(self) -> None:
        silence_ns = self._codec.silence_ns
        self._silent_ns = self._world.env.now_ns + silence_ns if silence_ns else FOREVER
        # One alarm at a time: it moves on to where the silence ends by then, so that a code that
        # comes byte by byte costs one alarm and not one a byte.
        if self._silent_ns < self._alarm_ns:
            self._alarm_ns = self._silent_ns
            self._world.env.alarm_at(self._alarm_ns, self._ring)

    def _ring(self, due_ns: int) -> None:
        if due_ns != self._alarm_ns:
            return  # an earlier one took over
        self._alarm_ns = FOREVER
        if due_ns < self._silent_ns < FOREVER:
            self._alarm_ns = self._silent_ns
            self._world.env.alarm_at(self._alarm_ns, self._ring)
        elif due_ns == self._silent_ns and not self._scanner.gone:
            self._world.env.now_ns = due_ns
            self._silent_ns = FOREVER
            self._hear(self._codec.idle())
