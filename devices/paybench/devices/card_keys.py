"""The keys a card terminal shares with the card company it asks."""

from __future__ import annotations

import hashlib
import hmac

KEY_BYTES = 16


class CardKeys:
    """AES keys of one terminal, one for each purpose, made of one secret.

    Args:
        secret: At least 16 bytes; known to the terminal and the company.

    Attributes:
        pin: Enciphers PIN blocks.
        mac: Authenticates messages.
        store: 32 bytes; enciphers the card numbers a terminal has to keep for a while.

    Raises:
        ValueError: The secret is too short.
    """

    __slots__ = ("_secret", "mac", "pin", "store")

    def __init__(self, secret: bytes) -> None:
        if len(secret) < KEY_BYTES:
            raise ValueError(f"a card terminal's secret has {KEY_BYTES} bytes at least")
        self._secret = secret
        self.pin = self._derived("pin")
        self.mac = self._derived("mac")
        self.store = self._derived("store") + self._derived("store, authentic")

    def filler(self, reference: str) -> bytes:
        """8 bytes for one PIN block: never the same for two payments, and not to be foreseen."""
        return self._derived(f"filler {reference}")[:8]

    def _derived(self, purpose: str) -> bytes:
        label = f"paybench card terminal|{purpose}".encode()
        return hmac.digest(self._secret, label, hashlib.sha256)[:KEY_BYTES]
