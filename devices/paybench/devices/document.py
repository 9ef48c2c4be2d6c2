"""Signed documents on a phone, admissions and tickets: checked without asking the bank."""

from __future__ import annotations

import hmac
from typing import Protocol, TypeVar

import msgspec

from paybench.bank.errors import ApprovalError

SERIAL_MAX = 64
BODY_MAX_BYTES = 512
NAME_MAX = 80
SIGNATURE_MAX_BYTES = 64

S = TypeVar("S", bound=msgspec.Struct)

# The tag keeps a signature made for anything else from ever being taken for a document's.
_DOMAIN = "paybench-document-1"
_encode = msgspec.msgpack.Encoder().encode


class Document(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What somebody issued and a phone keeps.

    Args:
        kind: What it is, e.g. ``admission``.
        issuer: Who issued it.
        serial: The issuer's number of it, which no other document of that issuer has.
        body: What it says, as MessagePack.
        signature: Over all of that: 32 bytes of HMAC-SHA-256, or 64 of Ed25519.
    """

    kind: str
    issuer: str
    serial: str
    body: bytes
    signature: bytes

    def says(self, body: type[S]) -> S | None:
        """What it says, or None where it says no such thing."""
        if len(self.body) > BODY_MAX_BYTES:
            return None
        try:
            return msgspec.msgpack.decode(self.body, type=body)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None


class Seal(Protocol):
    """A key that documents are signed with, or only checked with."""

    def sign(self, content: bytes) -> bytes:
        """The signature of some content."""
        ...

    def verify(self, content: bytes, signature: bytes) -> bool:
        """Whether a signature is one of this content."""
        ...


class SharedSeal:
    """A secret that issuer and checkers share, as the gates of one line do: HMAC-SHA-256.

    Raises:
        ApprovalError: The secret has fewer than 16 bytes.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < 16:  # noqa: PLR2004 - as long as an approval's key must be
            raise ApprovalError(f"a seal has a key of at least 16 bytes, not {len(key)}")
        self._key = key

    def sign(self, content: bytes) -> bytes:
        """The signature of some content."""
        return hmac.digest(self._key, content, "sha256")

    def verify(self, content: bytes, signature: bytes) -> bool:
        """Whether a signature is one of this content; in constant time."""
        return hmac.compare_digest(self.sign(content), signature)


def is_of_proper_size(document: Document) -> bool:
    """Whether a document is one that can have been issued, as far as its size goes."""
    return (
        len(document.body) <= BODY_MAX_BYTES
        and 0 < len(document.serial) <= SERIAL_MAX
        and len(document.kind) <= NAME_MAX
        and len(document.issuer) <= NAME_MAX
        and len(document.signature) <= SIGNATURE_MAX_BYTES
    )


def issue(seal: Seal, kind: str, issuer: str, serial: str, body: msgspec.Struct) -> Document:
    """Issue a document.

    Raises:
        ValueError: It says more than a document may.
    """
    encoded = _encode(body)
    if len(encoded) > BODY_MAX_BYTES or not 0 < len(serial) <= SERIAL_MAX:
        raise ValueError(
            f"a document says at most {BODY_MAX_BYTES} bytes under a serial of 1 to {SERIAL_MAX} "
            f"characters, not {len(encoded)} under {serial[:SERIAL_MAX]!r}"
        )
    signature = seal.sign(_content(kind, issuer, serial, encoded))
    return Document(kind, issuer, serial, encoded, signature)


def is_genuine(seal: Seal, document: Document, kind: str, issuer: str) -> bool:
    """Whether a document is of this kind and issuer, and as it was issued."""
    if document.kind != kind or document.issuer != issuer or not is_of_proper_size(document):
        return False
    content = _content(document.kind, document.issuer, document.serial, document.body)
    return seal.verify(content, document.signature)


def _content(kind: str, issuer: str, serial: str, body: bytes) -> bytes:
    return _encode((_DOMAIN, kind, issuer, serial, body))
