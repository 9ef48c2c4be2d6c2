"""A connection, as the server has it: bytes become requests, and answers become bytes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from paybench.bank.errors import BankError, BusyError
from paybench.hil.bank_face.calls import for_terminal
from paybench.hil.bank_face.devices_file import Role
from paybench.hil.bank_face.errors import FrameError, RightsMissing
from paybench.hil.bank_face.frames import (
    BEFORE_LOGIN_MAX_BYTES,
    FRAME_MAX_BYTES,
    TERMINALS_MAX_BYTES,
    FrameReader,
    framed,
)
from paybench.hil.bank_face.handshake import NONCE_BYTES, fresh_nonce
from paybench.hil.bank_face.messages import (
    VERSION,
    Bye,
    Given,
    Hello,
    Refusal,
    Request,
    Welcome,
    encode,
    read_login,
    read_request,
)

if TYPE_CHECKING:
    from paybench.hil.bank_face.calls import Call
    from paybench.hil.bank_face.messages import Login
    from paybench.hil.bank_face.server import BankServer

WHY_MAX = 500
CLOSING_S = 1.0
"""How long a dropped client may take to read why."""


class Connection(asyncio.Protocol):
    """One client's connection.

    Args:
        server: Whose it is.

    Attributes:
        role: What the device may do; None before it has logged in.
        name: The device's name, "" before.
        waiting: How many of its requests wait for answers.
    """

    def __init__(self, server: BankServer) -> None:
        self.role: Role | None = None
        self.name = ""
        self.waiting = 0
        self.address = ""
        self._server = server
        self._limits = server.limits
        self._loop = asyncio.get_running_loop()
        self._frames = FrameReader(BEFORE_LOGIN_MAX_BYTES)
        self._nonce = fresh_nonce()
        self._taken = 0
        self._out = bytearray()
        self._transport: asyncio.Transport | None = None
        self._secured = self._gone = self._ending = self._reading_paused = False
        self._since_s = self._touched_s = self._loop.time()
        self._partial_since_s: float | None = None
        self._unread_since_s: float | None = None

    # -- its life -----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody has called: let him in, if there is room, and speak TLS with him."""
        plain = cast("asyncio.Transport", transport)
        plain.pause_reading()  # until TLS does the reading
        self._transport = plain
        self.address = str((plain.get_extra_info("peername") or ("unknown",))[0])
        if not self._server.let_in(self):
            self._gone = True
            plain.abort()
            return
        self._server.keep(self._loop.create_task(self._secure(plain)))

    async def _secure(self, plain: asyncio.Transport) -> None:
        try:
            secured = await self._loop.start_tls(
                plain,
                self,
                self._server.context,
                server_side=True,
                ssl_handshake_timeout=self._limits.login_s,
                ssl_shutdown_timeout=CLOSING_S,
            )
        except (OSError, asyncio.CancelledError) as error:  # ssl's errors are OSErrors
            why = getattr(error, "reason", None) or type(error).__name__
            self.cut(f"no TLS 1.3 with it ({why})")
            return
        if self._gone or secured is None:
            plain.abort()
            return
        self._transport, self._secured = secured, True
        secured.set_write_buffer_limits(high=self._limits.unread_max_bytes)
        self._write(Hello(VERSION, self._nonce))
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        del exc
        self._gone = True
        self._server.lose(self)

    def eof_received(self) -> bool:
        """The other side has closed."""
        return False

    def drop(self, why: str, *, said: bool = True, final: bool = False) -> None:
        """Close the connection with a reason, which the client is told.

        Args:
            why: The reason, as a sentence.
            said: Whether the server's owner is told, too.
            final: Whether it is of no use to come back as this device.
        """
        if self._gone or self._ending:
            return
        if said:
            self._server.note(self, why)
        self._ending = True
        if not self._secured:
            self._abort()
            return
        self._write(Bye(why[:WHY_MAX], self._taken, final))
        self.flush()
        if self._transport is not None:
            self._transport.close()
        self._loop.call_later(CLOSING_S, self._abort)

    def cut(self, why: str) -> None:
        """Close the connection without a word to a client who would not hear it."""
        if not self._gone:
            self._ending = True
            self._server.note(self, why)
            self._abort()

    def _abort(self) -> None:
        if not self._gone:
            self._gone = True
            if self._transport is not None:
                self._transport.abort()
            self._server.lose(self)

    def last_orders(self) -> None:
        """The server closes: nothing new is taken; strangers have to go."""
        if self.role is None:
            self.drop("the bank is closing: come back later", said=False)
        else:
            self._pause()

    def check(self, now_s: float) -> None:
        """Drop it if something takes too long.

        Args:
            now_s: The loop's time.
        """
        limits = self._limits
        if self._ending:
            return
        if self._unread_since_s is not None:
            if now_s - self._unread_since_s > limits.unread_s:
                self.cut(f"it has not read its answers for {limits.unread_s:g} s")
        elif self.role is None and now_s - self._since_s > limits.login_s:
            self.drop(f"expected a login within {limits.login_s:g} s: log in at once")
        elif self._partial_since_s is not None:
            if now_s - self._partial_since_s > limits.frame_s:
                self.drop(f"expected the rest of a frame within {limits.frame_s:g} s: send faster")
        elif not self.waiting and now_s - self._touched_s > limits.idle_s:
            self.drop(f"idle for {limits.idle_s:g} s: connect again when needed")

    # -- reading ------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take what arrived."""
        if self._ending:
            return
        self._touched_s = self._loop.time()
        self._frames.feed(data)
        self._take()

    def _may_take(self) -> bool:
        return not (
            self._ending
            or self._server.closing
            or self.waiting >= self._limits.in_flight_max
            or self._unread_since_s is not None
        )

    def _take(self) -> None:
        """Take the requests that are complete, as many as may be under way."""
        try:
            while self._may_take():
                payload = self._frames.take()
                if payload is None:
                    break
                self._partial_since_s = None
                if self.role is None:
                    self._server.log_in(self, read_login(payload))
                else:
                    self._ask(read_request(payload))
        except FrameError as error:
            self.drop(str(error))
        self.flush()
        if not self._may_take() or not self._frames.pending_bytes:
            self._partial_since_s = None
        elif self._partial_since_s is None:
            self._partial_since_s = self._loop.time()
        self._pause()

    def _pause(self) -> None:
        """Read no more than may be taken: whoever sends more waits in his own buffers."""
        paused = not self._may_take()
        if paused != self._reading_paused and self._transport is not None and not self._gone:
            self._reading_paused = paused
            if paused:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def handshake_nonce(self, login: Login) -> bytes | None:
        """The server's nonce that a login answers; None for a login that cannot be one."""
        if login.version != VERSION or len(login.nonce) != NONCE_BYTES:
            return None
        return self._nonce

    def admit(self, login: Login, role: Role, proof: bytes, currency: str, epoch: str) -> None:
        """The login is good: say so, with the server's own proof."""
        self.role, self.name = role, login.name
        self._frames.max_bytes = FRAME_MAX_BYTES if role is Role.HOST else TERMINALS_MAX_BYTES
        in_flight_max = self._limits.in_flight_max
        self._write(Welcome(proof, currency, epoch, role, self._frames.max_bytes, in_flight_max))

    def _ask(self, request: Request) -> None:
        if request.number != self._taken + 1:
            raise FrameError(
                f"expected request {self._taken + 1}, seen {request.number}: requests are numbered "
                "from 1 on, one by one; none is sent twice on one connection"
            )
        self._taken = request.number
        call: Call = request.call
        try:
            if self.role is not Role.HOST:
                call = call.of_terminal(self._server.now_ns())
            self._server.ask(self, request.number, call)
        except (BusyError, RightsMissing, BankError) as error:
            self.refuse(request.number, error)
        else:
            self.waiting += 1

    # -- writing ------------------------------------------------------------------------------

    def answer(self, number: int, result: Any) -> None:
        """Answer a request; `flush` sends it."""
        if self.role is not Role.HOST:
            result = for_terminal(result)
        payload = encode(Given(number, result))
        if len(payload) > FRAME_MAX_BYTES:
            too_long = BankError(
                f"expected an answer of at most {FRAME_MAX_BYTES} bytes, seen one of "
                f"{len(payload)}: ask for less at a time"
            )
            self.refuse(number, too_long)
        else:
            self._out += framed(payload)

    def refuse(self, number: int, error: BaseException) -> None:
        """Tell a client what the bank raised; `flush` sends it."""
        if isinstance(error, (BankError, RightsMissing)):
            name, sentence = type(error).__name__, str(error)
        else:  # our own bug: the client is told that, and the owner which
            self._server.note(self, f"request {number}: {type(error).__name__}: {error}")
            name, sentence = "BankError", "the bank's server has a bug: see what it says there"
        self._write(Refusal(number, name, sentence))

    def answered(self) -> None:
        """A request is answered: there is room for another one."""
        self.waiting -= 1

    def flush(self) -> None:
        """Send what is to be sent, at once."""
        if self._out and self._transport is not None and not self._gone:
            data = bytes(self._out)
            self._out.clear()
            self._transport.write(data)

    def go_on(self) -> None:
        """Answers are on their way: take what has been left waiting meanwhile."""
        self._touched_s = self._loop.time()
        self.flush()
        self._take()

    def pause_writing(self) -> None:
        """The client does not read: take no more requests."""
        self._unread_since_s = self._loop.time()
        self._pause()

    def resume_writing(self) -> None:
        """It reads again."""
        self._unread_since_s = None
        self._take()

    def _write(self, message: object) -> None:
        self._out += framed(encode(message))
