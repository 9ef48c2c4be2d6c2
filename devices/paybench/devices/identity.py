"""Identities: who a device is to others, certified by the bank."""

from __future__ import annotations

import msgspec

from paybench.bank.emoney.signing import SigningKey, is_signed

_DOMAIN = "paybench-identity-1"
_encode = msgspec.msgpack.Encoder().encode


class Identity:
    """A device's name and key, certified; and the key of who certifies.

    Args:
        name: The device's name, e.g. ``B.phone``.
        secret: 32 bytes its key is made of.
        authority: Who certifies it.

    Attributes:
        key: Its public key.
        certificate: The authority's signature over name and key.
    """

    def __init__(self, name: str, secret: bytes, authority: Authority) -> None:
        self.name = name
        self._key = SigningKey(secret)
        self.key = self._key.public
        self.certificate = authority.certify(name, self.key)
        self._authority_key = authority.key

    def sign(self, content: bytes) -> bytes:
        """This device's signature of some content."""
        return self._key.sign(content)

    def vouches(self, name: str, key: bytes, certificate: bytes) -> bool:
        """Whether the authority has certified that a key is that device's."""
        return is_signed(self._authority_key, certificate, _certified(name, key))

    def has_signed(self, key: bytes, content: bytes, signature: bytes) -> bool:
        """Whether a signature is one of this content with that key."""
        return is_signed(key, signature, content)


class Authority:
    """Who certifies devices: the bank.

    Args:
        secret: 32 bytes its key is made of.
    """

    def __init__(self, secret: bytes) -> None:
        self._key = SigningKey(secret)
        self.key = self._key.public

    def certify(self, name: str, key: bytes) -> bytes:
        """The certificate of a device's key."""
        return self._key.sign(_certified(name, key))


def _certified(name: str, key: bytes) -> bytes:
    return _encode((_DOMAIN, name, key))
