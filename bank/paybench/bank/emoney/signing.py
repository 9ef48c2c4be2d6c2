"""Signing keys: Ed25519 (RFC 8032), whose signatures are a function of key and message."""

from functools import lru_cache

from paybench.bank.errors import EmoneyError

KEY_BYTES = 32
SIGNATURE_BYTES = 64


class SigningKey:
    """A key pair of the bank's mint or of a purse. The secret half is in no representation.

    Args:
        secret: 32 bytes, random or derived from a seed.

    Attributes:
        public: the 32 bytes others verify with.

    Raises:
        EmoneyError: the secret has another length.
    """

    __slots__ = ("_key", "public")

    def __init__(self, secret: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if len(secret) != KEY_BYTES:
            raise EmoneyError(
                f"expected a signing key of {KEY_BYTES} bytes, seen {len(secret)} bytes: "
                "use 32 random bytes"
            )
        self._key = Ed25519PrivateKey.from_private_bytes(secret)
        self.public = self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """The signature of a message, 64 bytes; the same every time."""
        return self._key.sign(message)

    def __repr__(self) -> str:
        return f"SigningKey({self.public.hex()[:8]}…)"


# What a datum's next owner verifies, the former one and all before have verified: in one process,
# once is enough.
@lru_cache(maxsize=4096)
def is_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the signature is this key's over this message. Bytes that are no key never sign."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
