"""Messages: what a frame holds, before a login and after it."""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from paybench.hil.bank_face.calls import AnyCall
from paybench.hil.bank_face.errors import FrameError

VERSION = 1

encode = msgspec.msgpack.Encoder().encode


class Message(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    """A message of either side."""


class Hello(Message, frozen=True, tag="hello"):
    """The server's first word.

    Args:
        version: Of the protocol.
        nonce: 32 random bytes, for this connection.
    """

    version: int
    nonce: bytes


class Login(Message, frozen=True, tag="login"):
    """The client's first word.

    Args:
        version: Of the protocol.
        name: The device's.
        nonce: 32 random bytes, for this connection.
        proof: That it has the device's key.
    """

    version: int
    name: str
    nonce: bytes
    proof: bytes


class Welcome(Message, frozen=True, tag="welcome"):
    """The login is good.

    Args:
        proof: That the server has the device's key, too.
        currency: ISO 4217 code of the bank's accounts.
        epoch: The day at whose beginning the bank's clock is 0, as 2026-01-01.
        role: What the device may do.
        frame_max_bytes: The longest request from now on.
        in_flight_max: How many requests may wait for answers; more are not read meanwhile.
    """

    proof: bytes
    currency: str
    epoch: str
    role: str
    frame_max_bytes: int
    in_flight_max: int


class Request(Message, frozen=True, tag="request"):
    """A call.

    Args:
        number: 1 for the first of a connection, and one more for each.
        call: What is asked.
    """

    number: int
    call: AnyCall


class Answer(Message, frozen=True, tag="answer"):
    """What the bank returned.

    Args:
        number: The request's.
        result: As the bank's method returns it.
    """

    number: int
    result: Raw


class Given(Message, frozen=True, tag="answer"):
    """An answer as the server writes it."""

    number: int
    result: Any


class Refusal(Message, frozen=True, tag="refusal"):
    """What the bank raised.

    Args:
        number: The request's.
        error: Name of the exception's class.
        sentence: What it said.
    """

    number: int
    error: str
    sentence: str


class Bye(Message, frozen=True, tag="bye"):
    """The server's last word on a connection.

    Args:
        why: The reason, as a sentence.
        taken: Number of the last request that it took; those after it were not done.
        final: Whether it is of no use to come back as this device.
    """

    why: str
    taken: int
    final: bool = False


_request = msgspec.msgpack.Decoder(Request).decode
_login = msgspec.msgpack.Decoder(Login).decode
_reply = msgspec.msgpack.Decoder(Hello | Welcome | Answer | Refusal | Bye).decode


def read_login(payload: bytes) -> Login:
    """A client's first message.

    Raises:
        FrameError: It is none.
    """
    try:
        return _login(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise _unreadable("a login", error) from error


def read_request(payload: bytes) -> Request:
    """A client's message after the login.

    Raises:
        FrameError: It is no request.
    """
    try:
        return _request(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise _unreadable("a request", error) from error


def read_reply(payload: bytes) -> Hello | Welcome | Answer | Refusal | Bye:
    """A server's message.

    Raises:
        FrameError: It is none.
    """
    try:
        return _reply(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise _unreadable("a word of the bank's", error) from error


def _unreadable(what: str, error: Exception) -> FrameError:
    return FrameError(
        f"expected {what}, seen something else ({str(error)[:120]}): docs/bank_face.md has "
        "the messages"
    )
