"""The handshake: client and server prove to each other that they have a device's key.

Each proof is made for one connection (both nonces), for one device, for one server's certificate,
and for one direction. So none can be used again, elsewhere, or to answer itself.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

import msgspec

NONCE_BYTES = 32
KEY_BYTES = 32
PROOF_BYTES = 32
CLIENTS, SERVERS = "paybench-bank-face-client-1", "paybench-bank-face-server-1"

_encode = msgspec.msgpack.Encoder().encode


class Handshake(msgspec.Struct, frozen=True):
    """What both sides know of a connection when they prove who they are.

    Attributes:
        server_nonce: The server's 32 random bytes.
        client_nonce: The client's.
        name: The device's name.
        certificate: SHA-256 of the server's certificate, as DER.
    """

    server_nonce: bytes
    client_nonce: bytes
    name: str
    certificate: bytes

    def proof(self, key: bytes, side: str) -> bytes:
        """HMAC-SHA-256 over the side's name and all of this, as a MessagePack array.

        Args:
            key: The device's.
            side: `CLIENTS` or `SERVERS`.
        """
        fields = (side, self.server_nonce, self.client_nonce, self.name, self.certificate)
        return hmac.digest(key, _encode(fields), "sha256")

    def proves(self, proof: bytes, key: bytes, side: str) -> bool:
        """Whether a proof was made with this key; in constant time."""
        return hmac.compare_digest(proof, self.proof(key, side))


def fresh_nonce() -> bytes:
    """32 random bytes."""
    return secrets.token_bytes(NONCE_BYTES)


def digest_of(certificate: bytes) -> bytes:
    """What stands for a certificate.

    Args:
        certificate: As DER.
    """
    return hashlib.sha256(certificate).digest()
