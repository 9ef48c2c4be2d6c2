"""A driver of things that speak in bytes: readers, displays, phones, on whatever carries them."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from paybench.devices.display import Display
from paybench.devices.remote_phone import RemotePhone
from paybench.devices.scanner import Scanner
from paybench.hil.conversation import SESSION_BYTES
from paybench.hil.errors import PortLost, ResetFailed, SpecError
from paybench.hil.phone_line import PhoneLine
from paybench.hil.pluggable import RECONNECT, PluggableDriver
from paybench.hil.profile import OPTIONS, reader_codec
from paybench.hil.reader import ByteReader
from paybench.hil.screen import RealScreen, in_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from paybench.devices.part import Part
    from paybench.devices.world import World
    from paybench.hil.spec import Spec
    from paybench.hil.transport import ByteTransport

READER_OPTIONS = OPTIONS | RECONNECT


class ByteDriver(PluggableDriver):
    """A reader, a line display or a phone behind a byte transport. Base of `serial`, `tcp`, `tls`.

    Args:
        spec: Its spec, of whose options it takes those of `READER_OPTIONS`.
        transport: What carries the bytes; not yet open.
    """

    kinds = frozenset({Scanner.kind, Display.kind, RemotePhone.kind})
    options: Mapping[str, str] = READER_OPTIONS
    byte_ns = 0
    """What a byte takes on the line, in nanoseconds, where that matters."""

    def __init__(self, spec: Spec, transport: ByteTransport) -> None:
        super().__init__(spec, transport)
        self.transport = transport
        self._codec = reader_codec(spec.options)

    def reset(self, data: bytes, settle_s: float) -> None:
        """Send it bytes that reset it, and drop what it says to them.

        Args:
            data: The bytes.
            settle_s: How long it has to come to rest, in seconds.

        Raises:
            ResetFailed: It takes no bytes, or went away over them.
        """
        name = self.transport.name
        try:
            self.transport.write(data)
            time.sleep(settle_s)
            self.transport.discard()
        except PortLost as lost:
            raise ResetFailed(
                f"{name}: {lost} at its reset bytes: if they make it restart, reset it by a command"
            ) from lost

    def stand_in(self, part: Part, world: World, operator: Callable[[str], None]) -> None:
        """Take the place of a scanner or a display, or be a phone.

        Raises:
            SpecError: The part is of another kind.
        """
        first = b""
        if isinstance(part, Scanner):
            source = part.operated = ByteReader(part, world, self._codec, operator, self._write)
        elif isinstance(part, Display):
            source = part.screen = RealScreen(part, world, self._show)
        elif isinstance(part, RemotePhone):
            source = part.line = PhoneLine(part, world, self._write, operator, self.byte_ns)
            first = secrets.token_bytes(SESSION_BYTES)
        else:
            raise SpecError(f"{self.transport.name} cannot be {part.name}, a {part.kind}")
        self.attach(part, world, source, first)

    def _show(self, lines: tuple[str, ...]) -> None:
        self._write(in_bytes(lines))

    def _write(self, data: bytes) -> None:
        if not self.is_there:
            return
        try:
            self.transport.write(data)
        except PortLost as lost:
            self.take(b"", str(lost))
