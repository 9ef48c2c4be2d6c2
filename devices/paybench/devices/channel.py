"""Encoded channels between a phone and a device ([0120]): key agreement, then sealed records.

A handshake of three messages, in the manner of SIGMA (Krawczyk, 2003): both ends make a fresh
X25519 key, and each signs what both have said with its own certified key, unseen by others::

    begin    a's fresh key
    answer   b's fresh key, sealed: b's certificate, b's signature
    finish                  sealed: a's certificate, a's signature

From then on each record is sealed with ChaCha20-Poly1305 under a key for its direction and its
own number, and taken only if the number is higher than any before: what is altered, reflected
or replayed does not open. Values in, values out; who sends them, and when, is `encoder`'s business.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from paybench.devices.errors import ChannelError

if TYPE_CHECKING:
    from paybench.devices.identity import Identity

KEY_BYTES = 32
RECORD_MAX_BYTES = 16 * 1024
NUMBER_MAX = 2**63 - 1

_DOMAIN = b"paybench-channel-1"
_HANDSHAKE = b"handshake"
_encode = msgspec.msgpack.Encoder().encode


class Channel:
    """One end of an encoded channel.

    Args:
        identity: Who this end is, and whose word it takes for who others are.
        secret: 32 bytes for this end's fresh key; never used before.
        peer: Name of the other end.
        begins: Whether this end begins.
    """

    def __init__(self, identity: Identity, secret: bytes, peer: str, *, begins: bool) -> None:
        self.peer = peer
        self.begins = begins
        self.open = False
        self._identity = identity
        self._fresh = X25519PrivateKey.from_private_bytes(secret)
        self.fresh_key = self._fresh.public_key().public_bytes_raw()
        self._transcript = b""
        self._seals: ChaCha20Poly1305 | None = None
        self._opens: ChaCha20Poly1305 | None = None
        self._sent = 0
        self._taken = 0

    # -- the handshake --------------------------------------------------------------------------

    def answer(self, begun: bytes) -> bytes:
        """The second message's sealed half, for the first message of the other end.

        Raises:
            ChannelError: Its key is none.
        """
        self._agree(begun, begun + self.fresh_key)
        return self._prove()

    def finish(self, answered: bytes, proof: bytes) -> bytes:
        """The third message, for the second one; the channel is open.

        Raises:
            ChannelError: The other end is not who it says, or somebody stands between.
        """
        self._agree(answered, self.fresh_key + answered)
        self._check(proof)
        mine = self._prove()
        self._begin_records()
        return mine

    def finished(self, proof: bytes) -> None:
        """The third message has come; the channel is open.

        Raises:
            ChannelError: The other end is not who it says, or somebody stands between.
        """
        self._check(proof)
        self._begin_records()

    def _agree(self, theirs: bytes, transcript: bytes) -> None:
        try:
            shared = self._fresh.exchange(X25519PublicKey.from_public_bytes(theirs))
        except ValueError as error:
            raise ChannelError(f"{self.peer} sent a key that is none: begin anew") from error
        self._transcript = transcript
        self._shared = shared
        self._set_keys(_HANDSHAKE)

    def _set_keys(self, use: bytes) -> None:
        salt = hashlib.sha256(_DOMAIN + self._transcript).digest()
        keys = HKDF(hashes.SHA256(), 2 * KEY_BYTES, salt, use).derive(self._shared)
        forth, back = ChaCha20Poly1305(keys[:KEY_BYTES]), ChaCha20Poly1305(keys[KEY_BYTES:])
        self._seals, self._opens = (forth, back) if self.begins else (back, forth)
        self._sent = self._taken = 0

    def _prove(self) -> bytes:
        """This end's certificate, and its signature over what both have said."""
        identity = self._identity
        signature = identity.sign(self._signed(begins=self.begins))
        return self.seal(_encode((identity.name, identity.key, identity.certificate, signature)))

    def _check(self, proof: bytes) -> None:
        content = self.take(proof)
        try:
            name, key, certificate, signature = msgspec.msgpack.decode(
                content, type=tuple[str, bytes, bytes, bytes]
            )
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ChannelError(f"{self.peer} proved nothing: begin anew") from error
        if name != self.peer or not self._identity.vouches(name, key, certificate):
            raise ChannelError(f"{self.peer} is not who it says: its certificate is not good")
        if not self._identity.has_signed(key, self._signed(begins=not self.begins), signature):
            raise ChannelError(f"{self.peer} did not sign this: somebody stands between")

    def _signed(self, *, begins: bool) -> bytes:
        return _encode((_DOMAIN, begins, self._transcript))

    def _begin_records(self) -> None:
        self._set_keys(b"records")
        self.open = True

    # -- records --------------------------------------------------------------------------------

    def seal(self, content: bytes) -> bytes:
        """A record: its number, 8 bytes, then the sealed content.

        Raises:
            ChannelError: It is too long, or nothing has been agreed upon.
        """
        if self._seals is None or len(content) > RECORD_MAX_BYTES:
            raise ChannelError(f"{len(content)} bytes cannot be sealed for {self.peer}")
        self._sent += 1
        number = self._sent.to_bytes(8)
        return number + self._seals.encrypt(bytes(4) + number, content, number)

    def take(self, record: bytes) -> bytes:
        """The content of a record of the other end.

        Raises:
            ChannelError: It was altered, reflected or replayed; the sentence says which it can be.
        """
        if self._opens is None or not 8 < len(record) <= RECORD_MAX_BYTES + 24:  # noqa: PLR2004
            raise ChannelError("the record is none")
        number = int.from_bytes(record[:8])
        try:
            content = self._opens.decrypt(bytes(4) + record[:8], record[8:], record[:8])
        except InvalidTag as error:
            raise ChannelError("the record was altered, or is not from the other end") from error
        # Only now: an altered number must not bar the right record that has it.
        if number <= self._taken:
            raise ChannelError("the record was taken before, or is older than one that was")
        self._taken = number
        return content
