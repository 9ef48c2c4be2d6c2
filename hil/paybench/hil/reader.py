"""A code reader that speaks in bytes, in the place of a simulated scanner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.devices.scanner import Misreading, Reading
from paybench.devices.trace import State
from paybench.hil.scanner import Noise, ScannerCodec

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.devices.scanner import Scanner
    from paybench.devices.world import World

NOISE_MAX_BYTES = 256 * 1024
"""So much without a readable code, and the reader is taken for broken: a trace is no place for
an endless stream."""


class ByteReader:
    """Turns what a real reader sends into readings, on the simulated scanner's own cable.

    It is the `Source` of the environment, and the `Operated` of the scanner: what is presented
    is asked of a person. The codec works inside the run, so a replay decodes the recorded bytes
    again.
    """

    def __init__(
        self, scanner: Scanner, world: World, codec: ScannerCodec, operator: Callable[[str], None]
    ) -> None:
        self._scanner = scanner
        self._world = world
        self._codec = codec
        self._operator = operator
        self._noise_bytes = 0

    def ask(self, code: str) -> None:
        """Ask a person to hold a code before the reader."""
        self._operator(f"hold {code} before {self._scanner.name}")

    def received(self, data: bytes) -> None:
        """Bytes came from the reader."""
        if self._scanner.gone:
            return
        for item in self._codec.feed(data):
            if isinstance(item, Noise):
                self._noise_bytes += item.byte_count
                self._scanner.port.send(Misreading(item.byte_count, item.why), "scan")
            else:
                self._noise_bytes = 0
                self._scanner.port.send(Reading(item.payload), "scan")
        if self._noise_bytes + self._codec.pending_bytes > NOISE_MAX_BYTES:
            self._scanner.heard = f"more than {NOISE_MAX_BYTES >> 10} KiB without a readable code"
            self.lost(f"it sent {self._scanner.heard}: check its suffix and its baud rate")

    def lost(self, why: str) -> None:
        """The reader went away."""
        if not self._scanner.gone:
            self._scanner.gone = why
            self._world.trace.events.append(
                State(self._world.env.now_ns, self._scanner.name, f"gone: {why}", "")
            )
