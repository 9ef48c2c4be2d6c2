"""Redemptions: e-money goes back to the bank, and into a user's store ([0101], [0102])."""

from hashlib import sha256
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from paybench.bank.account import AccountNumber
from paybench.bank.money import Money

from .certificate import PURSE_ID_MAX, Signature
from .datum import Datum, Id, flaw_of
from .refusal import Refusal
from .request import NUMBER_MAX, transfer_id
from .signing import SigningKey, is_signed

ORDER_DATA_MAX = 64
"""How many data are redeemed at once."""

_ORDER = "paybench-emoney-redemption-1"
_RESULT = "paybench-emoney-redeemed-1"
_encode = msgspec.msgpack.Encoder().encode


class Redemption(Struct, frozen=True, gc=False):
    """The demand to pay data into a user's store: the owner's own, or any other ([0101]).

    Each datum is endorsed to the bank for this redemption and this account alone.

    Args:
        purse_id: whose data they are.
        number: the purse's own, from the same row as its requests; asked again, the same.
        account: the store to pay into.
        data: 1 to 64, endorsed to the bank.
        signature: the purse's over all of it, 64 bytes.
    """

    purse_id: Annotated[str, Meta(max_length=PURSE_ID_MAX)]
    number: Annotated[int, Meta(ge=1, le=NUMBER_MAX)]
    account: AccountNumber
    data: Annotated[tuple[Datum, ...], Meta(min_length=1, max_length=ORDER_DATA_MAX)]
    signature: Signature

    @property
    def redemption_id(self) -> str:
        """Names the redemption, e.g. "B.phone/8"."""
        return transfer_id(self.purse_id, self.number)

    @property
    def amount_minor(self) -> int:
        """What the data are worth, in minor units, if none was spent before."""
        return sum(datum.last.amount_minor for datum in self.data)

    def digest(self) -> bytes:
        """SHA-256 of what the purse signs."""
        return sha256(self._signed()).digest()

    def flaw(self, bank_key: bytes, purse_key: bytes, currency: str) -> Refusal | None:
        """Why the bank cannot take it, whatever was redeemed before.

        Args:
            bank_key: the bank's public key.
            purse_key: the purse's.
            currency: the bank's, as ISO 4217 code.
        """
        if not is_signed(purse_key, self.signature, self._signed()):
            return Refusal.ORDER_FORGED
        return flaw_of(
            self.data,
            ORDER_DATA_MAX,
            bank_key=bank_key,
            currency=currency,
            owner=bank_key,
            transfer_id=reference(self.redemption_id, self.account),
        )

    def _signed(self) -> bytes:
        return _order_signed(self.purse_id, self.number, self.account, self.data)


class RedemptionResult(Struct, frozen=True, gc=False):
    """The bank's answer, signed; the same however often it is asked for.

    Args:
        redemption_id: as in the demand.
        paid: what was paid into the store.
        spent_before: positions of the demand's data that were paid to somebody before.
        refusal: why nothing of it was taken; the data are still the purse's then.
        signature: the bank's over these and the demand, 64 bytes.
    """

    redemption_id: Id
    paid: Money
    spent_before: tuple[int, ...]
    refusal: Refusal | None
    signature: Signature

    def is_for(self, redemption: Redemption, bank_key: bytes) -> bool:
        """Whether the bank with this public key gives this answer to this very demand."""
        if self.redemption_id != redemption.redemption_id:
            return False
        signed = _result_signed(redemption.digest(), self.paid, self.spent_before, self.refusal)
        return is_signed(bank_key, self.signature, signed)


def reference(redemption_id: str, account: AccountNumber) -> str:
    """What data are endorsed to the bank for, e.g. "B.phone/8>900-0000042"."""
    return f"{redemption_id}>{account}"


def redemption(
    key: SigningKey, purse_id: str, number: int, account: AccountNumber, data: tuple[Datum, ...]
) -> Redemption:
    """A redemption signed with the purse's key.

    Args:
        key: the purse's.
        purse_id: the purse.
        number: one it has not used.
        account: the store to pay into.
        data: endorsed to the bank with the `reference`.
    """
    signed = _order_signed(purse_id, number, account, data)
    return Redemption(purse_id, number, account, data, key.sign(signed))


def result(
    key: SigningKey,
    redemption: Redemption,
    paid: Money,
    spent_before: tuple[int, ...] = (),
    refusal: Refusal | None = None,
) -> RedemptionResult:
    """A result signed with the bank's key."""
    signature = key.sign(_result_signed(redemption.digest(), paid, spent_before, refusal))
    return RedemptionResult(redemption.redemption_id, paid, spent_before, refusal, signature)


def _order_signed(
    purse_id: str, number: int, account: AccountNumber, data: tuple[Datum, ...]
) -> bytes:
    digests = [datum.digest() for datum in data]
    return _encode((_ORDER, purse_id, number, account.branch, account.number, digests))


def _result_signed(
    order: bytes, paid: Money, spent_before: tuple[int, ...], refusal: Refusal | None
) -> bytes:
    return _encode((_RESULT, order, paid.amount_minor, paid.currency, spent_before, refusal))
