"""A driver of things that speak in bytes: readers, displays, phones, on whatever carries them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from paybench.devices.display import Display
from paybench.devices.remote_phone import RemotePhone
from paybench.devices.scanner import Scanner
from paybench.hil.conversation import SESSION_BYTES
from paybench.hil.errors import PortLost, PortUnavailable, SpecError
from paybench.hil.phone_line import PhoneLine
from paybench.hil.profile import OPTIONS, reader_codec
from paybench.hil.reader import ByteReader
from paybench.hil.screen import RealScreen, in_bytes

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable, Mapping

    from paybench.devices.environment import Environment
    from paybench.devices.part import Part
    from paybench.devices.world import World
    from paybench.hil.spec import Spec
    from paybench.hil.transport import ByteTransport

FIRST_RETRY_S = 0.05
LONGEST_RETRY_S = 2.0
READER_OPTIONS = OPTIONS | {
    "reconnect": "yes (default), or no: whether to look for a thing that went away",
}


class ByteDriver:
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
        spec.check_options(self.options)
        self.transport = transport
        self._codec = reader_codec(spec.options)
        self._reconnects = spec.choice("reconnect", "yes", "no") == "yes"
        self._opened = False
        self._away = False
        self._retry_s = FIRST_RETRY_S
        self._name = ""
        self._env: Environment | None = None

    def probe(self) -> None:
        """Open it, and let go of it again.

        Raises:
            PortUnavailable: It is missing, busy or not permitted.
        """
        self.open()
        self.close()

    def open(self) -> None:
        """Take hold of it.

        Raises:
            PortUnavailable: It is missing, busy or not permitted.
        """
        self.transport.open()
        self._opened = True

    def stand_in(self, part: Part, world: World, operator: Callable[[str], None]) -> None:
        """Take the place of a scanner or a display, or be a phone.

        Raises:
            SpecError: The part is of another kind.
        """
        self._name, self._env = part.name, world.env
        part.returns = self._reconnects
        if isinstance(part, Scanner):
            source = part.operated = ByteReader(part, world, self._codec, operator, self._write)
        elif isinstance(part, Display):
            source = part.screen = RealScreen(part, world, self._show)
        elif isinstance(part, RemotePhone):
            source = part.line = PhoneLine(part, world, self._write, operator, self.byte_ns)
        else:
            raise SpecError(f"{self.transport.name} cannot be {part.name}, a {part.kind}")
        world.env.attach(part.name, source)
        if self._opened and world.env.wall is not None:
            if isinstance(part, RemotePhone):
                self._take(secrets.token_bytes(SESSION_BYTES), "")
            self.transport.start(world.env.wall.loop, self._take)

    def close(self) -> None:
        """Let go of it."""
        self._opened = False
        self.transport.close()

    def _take(self, data: bytes, lost: str) -> None:
        if self._env is None or not self._opened:
            return
        if self._away:
            return  # what reading has noticed, writing notices too
        if lost:
            self._away = True
            self.transport.close()
        self._env.inject(self._name, data, lost)
        if lost and self._reconnects:
            self._retry_s = FIRST_RETRY_S
            self._look_again()

    def _look_again(self) -> None:
        """Try to open it once more, a little later, and later each time."""
        assert self._env is not None
        assert self._env.wall is not None
        loop = self._env.wall.loop

        def look() -> None:
            # In a thread: opening may wait, and the world must not.
            loop.run_in_executor(None, self._open_again).add_done_callback(opened)

        def opened(done: Future[bool]) -> None:
            if done.result() and self._opened:
                self._away = False
                self.transport.start(loop, self._take)
                if self._env is not None:
                    self._env.inject(self._name)
            elif self._opened:
                self._look_again()

        loop.call_later(self._retry_s, look)
        self._retry_s = min(self._retry_s * 2, LONGEST_RETRY_S)

    def _open_again(self) -> bool:
        try:
            self.transport.open()
        except PortUnavailable:
            return False
        if not self._opened:  # closed meanwhile: nobody wants it any more
            self.transport.close()
        return True

    def _show(self, lines: tuple[str, ...]) -> None:
        self._write(in_bytes(lines))

    def _write(self, data: bytes) -> None:
        if not self._opened or self._away:
            return  # a replay, or a thing that went away
        try:
            self.transport.write(data)
        except PortLost as lost:
            self._take(b"", str(lost))
