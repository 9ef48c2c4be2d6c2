"""Proofs: how a holder's phone shows a gate or the bank whose it is (D21, D22, S101)."""

import hmac

import msgspec
from msgspec import Struct

from .account import AccountNumber
from .approval import COUNTER_MAX, check_key
from .errors import ApprovalError
from .reason import Reason
from .settlement import is_well_formed

CHALLENGE_MIN_BYTES = 8
CHALLENGE_MAX_BYTES = 64

_DOMAIN = "paybench-proof-1"
_AUTHENTICATED = "Authenticated."
_encode = msgspec.msgpack.Encoder().encode


class Proof(Struct, frozen=True, gc=False):
    """Authentication information: who signed it holds the account, and meant this verifier.

    Args:
        account: whose key signs.
        purpose: what it is for, as "gate entry"; 1 to 64 printable ASCII characters.
        verifier: the device that wants to know, likewise.
        challenge: what the verifier made up for this one time, 8 to 64 bytes.
        counter: grows with each proof of the account, 0 to 2^63 - 1; each value counts once.
            Approvals are counted apart.
        signature: HMAC-SHA-256 over the MessagePack array of "paybench-proof-1", the account's
            branch and number, and the fields from `purpose` to `counter`.
    """

    account: AccountNumber
    purpose: str
    verifier: str
    challenge: bytes
    counter: int
    signature: bytes

    def verified(self, key: bytes) -> bool:
        """Whether it was signed with this key and not altered since; in constant time."""
        if not (is_well_formed(self.purpose) and is_well_formed(self.verifier)):
            return False
        if not _in_bounds(self.challenge, self.counter):
            return False
        return hmac.compare_digest(_digest(key, self), self.signature)


class Authentication(Struct, frozen=True, gc=False):
    """The bank's word on a proof (D23).

    Args:
        account: as in the proof.
        authenticated: whether the account's holder signed it, for this verifier, just now.
        reason: why not; None when authenticated.
        sentence: the same for a person to read.
    """

    account: AccountNumber
    authenticated: bool
    reason: Reason | None
    sentence: str

    @classmethod
    def of(cls, account: AccountNumber, reason: Reason | None) -> "Authentication":
        """The answer for a reason, or for None: authenticated."""
        sentence = _AUTHENTICATED if reason is None else reason.sentence
        return cls(account, reason is None, reason, sentence)


def prove(
    key: bytes,
    *,
    account: AccountNumber,
    purpose: str,
    verifier: str,
    challenge: bytes,
    counter: int,
) -> Proof:
    """The proof with the account's approval key; the arguments are the proof's fields.

    Raises:
        ApprovalError: the key is too short, or a field is out of bounds.
    """
    check_key(key)
    proof = Proof(account, purpose, verifier, challenge, counter, b"")
    if not (is_well_formed(purpose) and is_well_formed(verifier)):
        raise ApprovalError(
            f"expected purpose and verifier of 1 to 64 printable ASCII characters, seen "
            f"{purpose!r} and {verifier!r}: name what the proof is for, and the device"
        )
    if not _in_bounds(challenge, counter):
        raise ApprovalError(
            f"expected a challenge of {CHALLENGE_MIN_BYTES} to {CHALLENGE_MAX_BYTES} bytes and a "
            f"counter from 0 to 2^63 - 1, seen {len(challenge)} bytes and {counter}: take the "
            "verifier's challenge as it is, and count proofs up from 0"
        )
    return msgspec.structs.replace(proof, signature=_digest(key, proof))


def _in_bounds(challenge: bytes, counter: int) -> bool:
    fits = CHALLENGE_MIN_BYTES <= len(challenge) <= CHALLENGE_MAX_BYTES
    return fits and 0 <= counter <= COUNTER_MAX


def _digest(key: bytes, proof: Proof) -> bytes:
    account = proof.account
    message = _encode(
        (
            _DOMAIN,
            account.branch,
            account.number,
            proof.purpose,
            proof.verifier,
            proof.challenge,
            proof.counter,
        )
    )
    return hmac.digest(key, message, "sha256")
