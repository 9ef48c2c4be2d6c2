"""What follows a settlement: the payer's cancellation, the payee's reversal and capture."""

import hmac
from typing import Self

import msgspec
from msgspec import Struct

from .account import AccountNumber
from .approval import check_key
from .money import Money

_CANCELLATION = "paybench-cancellation-1"
_REVERSAL = "paybench-reversal-1"
_CAPTURE = "paybench-capture-1"
_encode = msgspec.msgpack.Encoder().encode


class Cancellation(Struct, frozen=True, gc=False):
    """The payer takes a provisory settlement back, within its cooling-off period ([0084]).

    It has no counter: whoever repeats it can do no more than it did the first time.

    Args:
        settlement_id: the settlement to cancel.
        payer: the account that paid, whose key signs.
        signature: HMAC-SHA-256 over the MessagePack array of "paybench-cancellation-1", the id,
            and the payer's branch and number.
    """

    settlement_id: str
    payer: AccountNumber
    signature: bytes

    @classmethod
    def signed(cls, key: bytes, *, settlement_id: str, payer: AccountNumber) -> Self:
        """The cancellation under the payer's approval key.

        Raises:
            ApprovalError: the key is too short.
        """
        check_key(key)
        return cls(settlement_id, payer, _digest(key, _CANCELLATION, settlement_id, payer))

    def verified(self, key: bytes) -> bool:
        """Whether it was signed with this key and not altered since; in constant time."""
        digest = _digest(key, _CANCELLATION, self.settlement_id, self.payer)
        return hmac.compare_digest(digest, self.signature)


class Reversal(Struct, frozen=True, gc=False):
    """The payee gives a settlement back, or will not take it: a jam, a result that never came.

    It may overtake the demand that it is about, which is refused when it comes. It has no
    counter, as a cancellation has none.

    Args:
        settlement_id: the settlement to give back.
        payee: the account that was paid, or was to be, whose key signs.
        signature: HMAC-SHA-256 over the MessagePack array of "paybench-reversal-1", the id, and
            the payee's branch and number.
    """

    settlement_id: str
    payee: AccountNumber
    signature: bytes

    @classmethod
    def signed(cls, key: bytes, *, settlement_id: str, payee: AccountNumber) -> Self:
        """The reversal under the payee's approval key.

        Raises:
            ApprovalError: the key is too short.
        """
        check_key(key)
        return cls(settlement_id, payee, _digest(key, _REVERSAL, settlement_id, payee))

    def verified(self, key: bytes) -> bool:
        """Whether it was signed with this key and not altered since; in constant time."""
        digest = _digest(key, _REVERSAL, self.settlement_id, self.payee)
        return hmac.compare_digest(digest, self.signature)


class Capture(Struct, frozen=True, gc=False):
    """The payee says how much of what is held for it is to be paid.

    Args:
        settlement_id: the settlement that was authorised.
        payee: the account that it is held for, whose key signs.
        amount: what is to be paid, at most what is held.
        signature: HMAC-SHA-256 over the MessagePack array of "paybench-capture-1", the id, the
            payee's branch and number, and the amount in minor units and its currency.
    """

    settlement_id: str
    payee: AccountNumber
    amount: Money
    signature: bytes

    @classmethod
    def signed(cls, key: bytes, *, settlement_id: str, payee: AccountNumber, amount: Money) -> Self:
        """The capture under the payee's approval key.

        Raises:
            ApprovalError: the key is too short.
        """
        check_key(key)
        digest = _digest(key, _CAPTURE, settlement_id, payee, amount.amount_minor, amount.currency)
        return cls(settlement_id, payee, amount, digest)

    def verified(self, key: bytes) -> bool:
        """Whether it was signed with this key and not altered since; in constant time."""
        money = self.amount.amount_minor, self.amount.currency
        digest = _digest(key, _CAPTURE, self.settlement_id, self.payee, *money)
        return hmac.compare_digest(digest, self.signature)


def _digest(
    key: bytes, domain: str, settlement_id: str, account: AccountNumber, *more: int | str
) -> bytes:
    message = _encode((domain, settlement_id, account.branch, account.number, *more))
    return hmac.digest(key, message, "sha256")
