"""Approvals: what a payer's phone signs, how the bank verifies it, and that each counts once."""

import hmac

import msgspec
from msgspec import Struct

from .account import AccountNumber
from .errors import ApprovalError
from .money import Money
from .restriction import Restriction

KEY_MIN_BYTES = 16
COUNTER_MAX = 2**63 - 1

_WINDOW = 64
_ALL_SEEN = 2**_WINDOW - 1

# The tag keeps a signature made for anything else from ever being taken for an approval.
_DOMAIN = "paybench-approval-1"
_encode = msgspec.msgpack.Encoder().encode


class Approval(Struct, frozen=True, gc=False, omit_defaults=True):
    """The payer's signed consent to one settlement (D2, D5; encoding, [0120]).

    A register can relay it and cannot change it: the signature covers every other field.

    Args:
        settlement_id: the settlement consented to.
        payer: the account that pays, whose key signs.
        payee: the account that is paid.
        amount: what is paid.
        counter: grows with each approval of the payer, 0 to 2^63 - 1; each value counts once.
        signature: HMAC-SHA-256 over `canonical_bytes`, 32 bytes.
        restriction: what restricts the settlement; None, and not encoded, where nothing does.
    """

    settlement_id: str
    payer: AccountNumber
    payee: AccountNumber
    amount: Money
    counter: int
    signature: bytes
    restriction: Restriction | None = None


def canonical_bytes(
    settlement_id: str,
    payer: AccountNumber,
    payee: AccountNumber,
    amount: Money,
    counter: int,
    restriction: Restriction | None = None,
) -> bytes:
    """What is signed: a MessagePack array of the domain tag and every field, in this order.

    MessagePack writes each value with its type and length and in its shortest form, so no two
    approvals share their bytes. A restriction's fields, if there is one, follow the others.
    """
    fields = (
        _DOMAIN,
        settlement_id,
        payer.branch,
        payer.number,
        payee.branch,
        payee.number,
        amount.amount_minor,
        amount.currency,
        counter,
    )
    if restriction is None:
        return _encode(fields)
    return _encode((*fields, *msgspec.structs.astuple(restriction)))


def sign(
    key: bytes,
    *,
    settlement_id: str,
    payer: AccountNumber,
    payee: AccountNumber,
    amount: Money,
    counter: int,
    restriction: Restriction | None = None,
) -> Approval:
    """The approval of one settlement with the payer's key.

    Args:
        key: the secret the payer shares with the bank, at least 16 bytes.
        settlement_id: the settlement consented to.
        payer: the account that pays.
        payee: the account that is paid.
        amount: what is paid.
        counter: not used before with this key, 0 to 2^63 - 1.
        restriction: what restricts the settlement, None: nothing.

    Raises:
        ApprovalError: the key is too short or the counter out of range.
    """
    check_key(key)
    if not 0 <= counter <= COUNTER_MAX:
        raise ApprovalError(
            f"expected a counter from 0 to 2^63 - 1, seen {counter}: count approvals up from 0"
        )
    message = canonical_bytes(settlement_id, payer, payee, amount, counter, restriction)
    signature = hmac.digest(key, message, "sha256")
    return Approval(settlement_id, payer, payee, amount, counter, signature, restriction)


def verify(key: bytes, approval: Approval) -> bool:
    """Whether the approval was signed with this key and not altered since; in constant time."""
    if not 0 <= approval.counter <= COUNTER_MAX:
        return False
    message = canonical_bytes(
        approval.settlement_id,
        approval.payer,
        approval.payee,
        approval.amount,
        approval.counter,
        approval.restriction,
    )
    return hmac.compare_digest(hmac.digest(key, message, "sha256"), approval.signature)


def check_key(key: bytes) -> None:
    """Accept a key of at least 16 bytes; the key itself is in no message.

    Raises:
        ApprovalError: the key is shorter.
    """
    if len(key) < KEY_MIN_BYTES:
        raise ApprovalError(
            f"expected an approval key of at least {KEY_MIN_BYTES} bytes, seen {len(key)} bytes: "
            "use 32 random bytes"
        )


class ReplayWindow(Struct, frozen=True, gc=False):
    """Which counters of a payer have been used: the highest one and the 63 before it.

    As in IPsec's anti-replay service (RFC 4303, 3.4.3): approvals may arrive out of order, each
    counter is accepted once, and one that is 64 or more behind the highest is refused as too old.

    Args:
        highest: the highest counter used, -1 when none was.
        seen: bit n set means that counter `highest - n` was used; 64 bits.
    """

    highest: int = -1
    seen: int = 0

    def accepts(self, counter: int) -> bool:
        """Whether the counter is unused and not too old."""
        behind = self.highest - counter
        return behind < 0 or (behind < _WINDOW and not self.seen >> behind & 1)

    def after(self, counter: int) -> "ReplayWindow":
        """The window once the counter is used.

        Raises:
            ApprovalError: the window does not accept the counter.
        """
        ahead = counter - self.highest
        if ahead > 0:
            # A jump past the window forgets it; shifting that far would build one of 2^60 bits.
            seen = 1 if ahead >= _WINDOW else (self.seen << ahead | 1) & _ALL_SEEN
            return ReplayWindow(counter, seen)
        if not self.accepts(counter):
            raise ApprovalError(
                f"expected a counter not used before, seen {counter} with {self.highest} the "
                "highest: ask accepts() first"
            )
        return ReplayWindow(self.highest, self.seen | 1 << -ahead)
