"""The open seal: documents signed by one and checked by anybody, with Ed25519 (RFC 8032)."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)


class PublicSeal:
    """What checks documents, and cannot sign any.

    Args:
        key: The issuer's public key, 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self.key = key
        self._public = Ed25519PublicKey.from_public_bytes(key)

    def sign(self, content: bytes) -> bytes:
        """Nobody signs with a public key.

        Raises:
            PermissionError: Always.
        """
        raise PermissionError(f"a public seal signs nothing, and not these {len(content)} bytes")

    def verify(self, content: bytes, signature: bytes) -> bool:
        """Whether a signature is one of this content."""
        try:
            self._public.verify(signature, content)
        except InvalidSignature:
            return False
        return True


class OpenSeal(PublicSeal):
    """What signs documents.

    Args:
        secret: The issuer's secret, 32 bytes; the same one makes the same key.
    """

    def __init__(self, secret: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(secret)
        super().__init__(self._private.public_key().public_bytes_raw())

    def sign(self, content: bytes) -> bytes:
        """The signature of some content; the same each time."""
        return self._private.sign(content)

    @property
    def public(self) -> PublicSeal:
        """What those get who only check."""
        return PublicSeal(self.key)
