"""Requests: a purse asks to be paid, by another purse or by the bank."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from paybench.bank.money import MINOR_MAX, Money

from .certificate import Certificate, Signature
from .refusal import Refusal
from .signing import SigningKey, is_signed

NUMBER_MAX = 999_999_999

_DOMAIN = "paybench-emoney-request-1"
_encode = msgspec.msgpack.Encoder().encode


class Request(Struct, frozen=True, gc=False):
    """What a purse asks for: so much, under a number of its own, signed with its key.

    Args:
        payee: the certificate of the purse that asks.
        number: the purse's own, 1 to 999,999,999; never used for anything else.
        amount: what is to be paid.
        signature: the payee's over all of it, 64 bytes.
    """

    payee: Certificate
    number: Annotated[int, Meta(ge=1, le=NUMBER_MAX)]
    amount: Money
    signature: Signature

    @property
    def transfer_id(self) -> str:
        """Names the transfer: what is endorsed for it counts for no other."""
        return transfer_id(self.payee.purse_id, self.number)

    @property
    def settlement_id(self) -> str:
        """Under which a user has the bank pay the request, out of the user's store (D71)."""
        return f"issue/{self.transfer_id}"

    def flaw(self, bank_key: bytes, currency: str) -> Refusal | None:
        """What is wrong with the request, whoever it is presented to.

        Args:
            bank_key: the public key of the bank that certifies purses.
            currency: of the purse or the bank that is to pay, as ISO 4217 code.
        """
        if self.amount.currency != currency:
            return Refusal.OTHER_CURRENCY
        if not (0 < self.amount.amount_minor <= MINOR_MAX and 0 < self.number <= NUMBER_MAX):
            return Refusal.AMOUNT_OUT_OF_RANGE
        if not self.payee.is_genuine(bank_key):
            return Refusal.CERTIFICATE_FORGED
        if not is_signed(self.payee.key, self.signature, _signed(self.transfer_id, self.amount)):
            return Refusal.REQUEST_FORGED
        return None


def request(key: SigningKey, payee: Certificate, number: int, amount: Money) -> Request:
    """A request signed with the payee's key."""
    signed = _signed(transfer_id(payee.purse_id, number), amount)
    return Request(payee, number, amount, key.sign(signed))


def transfer_id(purse_id: str, number: int) -> str:
    """The id of what a purse has numbered, e.g. "B.phone/7"; at most 34 characters."""
    return f"{purse_id}/{number}"


def _signed(transfer_id: str, amount: Money) -> bytes:
    return _encode((_DOMAIN, transfer_id, amount.amount_minor, amount.currency))
