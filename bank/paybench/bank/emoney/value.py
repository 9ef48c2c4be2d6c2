"""Values, which answer requests, and receipts, which answer values."""

from hashlib import sha256
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from paybench.bank.money import Money

from .certificate import Signature
from .datum import Datum, Id, flaw_of
from .refusal import Refusal
from .signing import SigningKey, is_signed

DATA_MAX = 8
"""How many data a value has at most."""

_DOMAIN = "paybench-emoney-receipt-1"
_encode = msgspec.msgpack.Encoder().encode


class Value(Struct, frozen=True, gc=False, array_like=True):
    """What was asked for: data made out to the payee, for this one transfer.

    Args:
        transfer_id: of the request it answers.
        data: 1 to 8 data whose amounts sum to what was asked for.
    """

    transfer_id: Id
    data: Annotated[tuple[Datum, ...], Meta(min_length=1, max_length=DATA_MAX)]

    @property
    def amount_minor(self) -> int:
        """What it is worth, in minor units."""
        return sum(datum.last.amount_minor for datum in self.data)

    def digest(self) -> bytes:
        """SHA-256 of its data's digests."""
        return sha256(b"".join(datum.digest() for datum in self.data)).digest()

    def flaw(self, payee_key: bytes, amount: Money, bank_key: bytes) -> Refusal | None:
        """Why the payee cannot take it, as far as can be told without asking the bank.

        Args:
            payee_key: the public key of the purse that takes it.
            amount: what that purse asked for under this transfer id.
            bank_key: public key of the bank that issues.
        """
        flaw = flaw_of(
            self.data,
            DATA_MAX,
            bank_key=bank_key,
            currency=amount.currency,
            owner=payee_key,
            transfer_id=self.transfer_id,
        )
        if flaw is None and self.amount_minor != amount.amount_minor:
            return Refusal.OTHER_AMOUNT
        return flaw


class Receipt(Struct, frozen=True, gc=False):
    """The payee has the value, and will still have it after a power cut.

    Args:
        transfer_id: of the value.
        digest: the value's, 32 bytes.
        signature: the payee's over both, 64 bytes.
    """

    transfer_id: Id
    digest: Annotated[bytes, Meta(min_length=32, max_length=32)]
    signature: Signature

    def is_for(self, value: Value, payee_key: bytes) -> bool:
        """Whether the payee with this public key acknowledges this very value."""
        return (
            self.transfer_id == value.transfer_id
            and self.digest == value.digest()
            and is_signed(payee_key, self.signature, _signed(self.transfer_id, self.digest))
        )


def receipt(key: SigningKey, transfer_id: str, digest: bytes) -> Receipt:
    """A receipt signed with the payee's key."""
    return Receipt(transfer_id, digest, key.sign(_signed(transfer_id, digest)))


def _signed(transfer_id: str, digest: bytes) -> bytes:
    return _encode((_DOMAIN, transfer_id, digest))
