"""Certificates: the bank's word that a key is a purse's."""

import re
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from paybench.bank.errors import EmoneyError

from .signing import KEY_BYTES, SIGNATURE_BYTES, SigningKey, is_signed

PURSE_ID_MAX = 24
"""Short, because each endorsement carries one."""

Key = Annotated[bytes, Meta(min_length=KEY_BYTES, max_length=KEY_BYTES)]
Signature = Annotated[bytes, Meta(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES)]

_DOMAIN = "paybench-emoney-certificate-1"
_PURSE_ID = re.compile(rf"[!-.0-=?-~]{{1,{PURSE_ID_MAX}}}")
_encode = msgspec.msgpack.Encoder().encode


class Certificate(Struct, frozen=True, gc=False, array_like=True):
    """A purse's name and key, signed by the bank.

    It does not expire: a purse has no clock that it could trust.

    Args:
        purse_id: 1 to 24 printable ASCII characters, none of them a space, "/" or ">".
        key: the purse's public key, 32 bytes.
        signature: the bank's, 64 bytes.
    """

    purse_id: Annotated[str, Meta(max_length=PURSE_ID_MAX)]
    key: Key
    signature: Signature

    def is_genuine(self, bank_key: bytes) -> bool:
        """Whether the bank whose public key this is has signed it."""
        return is_signed(bank_key, self.signature, _signed(self.purse_id, self.key))


def certify(bank_key: SigningKey, purse_id: str, key: bytes) -> Certificate:
    """The certificate of a purse. `Mint.certify` also sees to it that no two are called the same.

    Raises:
        EmoneyError: the id or the key cannot be a purse's.
    """
    if not _PURSE_ID.fullmatch(purse_id):
        raise EmoneyError(
            f"expected a purse id of 1 to {PURSE_ID_MAX} printable ASCII characters without "
            f"space, '/' and '>', seen {purse_id!r}: shorten it"
        )
    if len(key) != KEY_BYTES:
        raise EmoneyError(
            f"expected a purse's public key of {KEY_BYTES} bytes, seen {len(key)} bytes: "
            "give SigningKey.public"
        )
    return Certificate(purse_id, key, bank_key.sign(_signed(purse_id, key)))


def _signed(purse_id: str, key: bytes) -> bytes:
    return _encode((_DOMAIN, purse_id, key))
