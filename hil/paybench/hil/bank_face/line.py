"""The client's line to a bank: a socket with TLS, logged in, one request after the other."""

from __future__ import annotations

import select
import socket
import ssl
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import msgspec

from paybench.bank import errors as bank_errors
from paybench.bank.errors import BankError
from paybench.hil.bank_face.errors import FrameError, RightsMissing
from paybench.hil.bank_face.frames import FRAME_MAX_BYTES, FrameReader, framed
from paybench.hil.bank_face.handshake import CLIENTS, SERVERS, Handshake, digest_of, fresh_nonce
from paybench.hil.bank_face.messages import (
    VERSION,
    Answer,
    Bye,
    Hello,
    Login,
    Refusal,
    Request,
    Welcome,
    encode,
    read_reply,
)

if TYPE_CHECKING:
    from paybench.hil.bank_face.calls import AnyCall, Call
    from paybench.hil.bank_face.credentials import Credentials

READ_BYTES = 65536
_TREE = {
    name: kind
    for name, kind in vars(bank_errors).items()
    if isinstance(kind, type) and issubclass(kind, BankError)
} | {"RightsMissing": RightsMissing}


class LineLost(Exception):
    """The line cannot be had, or was lost.

    Attributes:
        perhaps_done: Whether what was asked last may have been done.
        for_good: Whether calling again is of no use.
    """

    def __init__(self, why: str, *, perhaps_done: bool = False, for_good: bool = False) -> None:
        super().__init__(why)
        self.perhaps_done = perhaps_done
        self.for_good = for_good


class Line:
    """A line to a bank, opened when it is first needed, and again after it was lost.

    Args:
        host: Where the bank is.
        port: And at which port.
        credentials: Who we are, and whom we trust.
        timeout_s: How long an answer may take, in seconds.
    """

    def __init__(self, host: str, port: int, credentials: Credentials, timeout_s: float) -> None:
        self._name = f"the bank at {host}:{port}"
        self._address = host, port
        self._credentials = credentials
        self._context = credentials.context()
        self._timeout_s = timeout_s
        self._socket: ssl.SSLSocket | None = None
        self._frames = FrameReader(FRAME_MAX_BYTES)
        self._number = 0
        self._max_bytes = FRAME_MAX_BYTES

    def open(self) -> Welcome:
        """Connect and log in.

        Raises:
            LineLost: Nobody is there, it is not the bank, or it does not let us in.
        """
        self.close()
        try:
            plain = socket.create_connection(self._address, timeout=self._timeout_s)
            try:
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                name = self._credentials.server_name
                self._socket = self._context.wrap_socket(plain, server_hostname=name)
            except BaseException:
                plain.close()
                raise
        except ssl.SSLCertVerificationError as error:
            raise LineLost(
                f"{self._name} has another certificate than it should ({error.verify_message}): "
                "have 'paybench bank key' make a new client's file there, if it is the bank",
                for_good=True,
            ) from error
        except OSError as error:  # ssl's errors are OSErrors
            raise LineLost(
                f"{self._name} cannot be reached ({error.strerror or error}): is it served?"
            ) from error
        self._frames = FrameReader(FRAME_MAX_BYTES)
        self._number = 0
        return self._log_in(self._socket)

    def ask(self, call: Call) -> Any:
        """Ask the bank and wait for its answer.

        Raises:
            BankError: What the bank raised.
            RightsMissing: The device may not ask this.
            LineLost: There is no answer.
        """
        if self._socket is None or self._is_stale(self._socket):
            self.open()
        self._number += 1
        try:
            payload = encode(Request(self._number, cast("AnyCall", call)))
        except OverflowError as error:
            self._number -= 1
            raise BankError("expected numbers of at most 64 bits, seen a larger one") from error
        if len(payload) > self._max_bytes:
            self._number -= 1
            raise BankError(
                f"expected a request of at most {self._max_bytes} bytes, seen {len(payload)}: "
                "ask for less at a time"
            )
        self._send(payload)
        reply = self._receive(self._number)
        if isinstance(reply, Answer) and reply.number == self._number:
            return None if call.answer is None else _decoder(type(call)).decode(reply.result)
        if isinstance(reply, Refusal) and reply.number == self._number:
            raise _TREE.get(reply.error, BankError)(reply.sentence)
        raise self._lost("answered something else than it was asked", perhaps_done=True)

    def close(self) -> None:
        """Close it; closing twice is fine."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
            self._socket = None

    def _log_in(self, connection: ssl.SSLSocket) -> Welcome:
        hello = self._receive(0)
        certificate = connection.getpeercert(binary_form=True)
        if not isinstance(hello, Hello) or hello.version != VERSION or certificate is None:
            raise self._lost(f"does not speak version {VERSION} of the protocol", for_good=True)
        name, key = self._credentials.name, self._credentials.key_bytes
        nonce = fresh_nonce()
        handshake = Handshake(hello.nonce, nonce, name, digest_of(certificate))
        self._send(encode(Login(VERSION, name, nonce, handshake.proof(key, CLIENTS))))
        welcome = self._receive(0)
        if not isinstance(welcome, Welcome) or not handshake.proves(welcome.proof, key, SERVERS):
            raise self._lost("does not have the key of this device", for_good=True)
        self._max_bytes = welcome.frame_max_bytes
        return welcome

    def _is_stale(self, connection: ssl.SSLSocket) -> bool:
        """Whether the bank has hung up since: before a request there is nothing else to hear."""
        return bool(select.select([connection], [], [], 0)[0])

    def _send(self, payload: bytes) -> None:
        assert self._socket is not None
        try:
            self._socket.sendall(framed(payload))
        except OSError as error:
            # What was not sent whole was not done, but TLS does not tell how far it came.
            done = self._number > 0
            raise self._lost(f"takes nothing more ({error})", perhaps_done=done) from error

    def _receive(self, number: int) -> Any:
        """The next message, which is to answer a request, or 0 for none.

        Raises:
            LineLost: There is none, or it is a farewell.
        """
        asked = number > 0
        connection = self._socket
        assert connection is not None
        try:
            while (payload := self._frames.take()) is None:
                data = connection.recv(READ_BYTES)
                if not data:
                    raise self._lost("closed the connection", perhaps_done=asked)
                self._frames.feed(data)
            reply = read_reply(payload)
        except TimeoutError as error:
            why = f"has not answered within {self._timeout_s:g} s"
            raise self._lost(why, perhaps_done=asked) from error
        except (OSError, FrameError) as error:
            raise self._lost(f"went away ({error})", perhaps_done=asked) from error
        if isinstance(reply, Bye):
            done = asked and reply.taken >= number
            raise self._lost(f"says: {reply.why}", perhaps_done=done, for_good=reply.final)
        return reply

    def _lost(self, why: str, *, perhaps_done: bool = False, for_good: bool = False) -> LineLost:
        self.close()
        return LineLost(f"{self._name} {why}", perhaps_done=perhaps_done, for_good=for_good)


@cache
def _decoder(kind: type[Call]) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(kind.answer)
