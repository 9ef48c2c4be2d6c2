"""Taking a settlement back: the payer's cancellation, and the payee's reversal."""

import hmac
from typing import Self

import msgspec
from msgspec import Struct

from .account import AccountNumber
from .approval import check_key

_CANCELLATION = "paybench-cancellation-1"
_REVERSAL = "paybench-reversal-1"
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


def _digest(key: bytes, domain: str, settlement_id: str, account: AccountNumber) -> bytes:
    message = _encode((domain, settlement_id, account.branch, account.number))
    return hmac.digest(key, message, "sha256")
