"""The e-money datum: issued by the bank, and passed on from owner to owner by endorsements."""

from collections.abc import Sequence
from hashlib import sha256
from itertools import pairwise
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from paybench.bank.money import MINOR_MAX

from .certificate import Key, Signature
from .refusal import Refusal
from .signing import SigningKey, is_signed

HANDS_MAX = 5
"""How often a datum is passed on at most; once more goes back to the bank."""

ID_MAX = 48

_MINTAGE = "paybench-emoney-mintage-1"
_ENDORSEMENT = "paybench-emoney-endorsement-1"
_encode = msgspec.msgpack.Encoder().encode

Id = Annotated[str, Meta(min_length=1, max_length=ID_MAX)]
Minor = Annotated[int, Meta(ge=0, le=MINOR_MAX)]


class Mintage(Struct, frozen=True, gc=False, array_like=True):
    """What the bank issued: so much, to the purse that asked for it (D72, D73).

    Args:
        transfer_id: of the request it answers; no other mintage has the same.
        amount_minor: in minor units.
        currency: ISO 4217 code.
        owner: public key of the purse, 32 bytes.
        signature: the bank's, 64 bytes.
    """

    transfer_id: Id
    amount_minor: Minor
    currency: Annotated[str, Meta(max_length=3)]
    owner: Key
    signature: Signature

    def signed(self) -> bytes:
        """What the bank signs."""
        return _encode((_MINTAGE, self.transfer_id, self.amount_minor, self.currency, self.owner))

    @property
    def start_minor(self) -> int:
        """Where the mintage begins: it is the stretch of minor units from 0 to its amount."""
        return 0


class Endorsement(Struct, frozen=True, gc=False, array_like=True):
    """An owner passes a stretch of what they own on to the next owner.

    A mintage of 10.00 EUR is the minor units 0 to 1000, and each of them has one owner. So what is
    left with a payer, or was passed on to another, is told by comparing numbers, and spending
    does not lengthen the chain of what is left.

    Args:
        start_minor: the first of the minor units passed on.
        amount_minor: how many.
        owner: public key of the next owner; the bank's own when it is redeemed.
        transfer_id: of the request it answers; of a redemption, its id and account.
        signature: the former owner's over these and all before it, 64 bytes.
    """

    start_minor: Minor
    amount_minor: Minor
    owner: Key
    transfer_id: Id
    signature: Signature

    def signed(self, before: bytes) -> bytes:
        """What the former owner signs.

        Args:
            before: the digest of what is passed on.
        """
        return _signed(before, self.start_minor, self.amount_minor, self.owner, self.transfer_id)


class Datum(Struct, frozen=True, gc=False, array_like=True):
    """A mintage and how it came to its present owner.

    Copying it gains nothing: only its owner can pass it on, and the bank pays each minor unit once.

    Args:
        mintage: what the bank issued.
        endorsements: from the first owner on; at most 5, and one more back to the bank.
    """

    mintage: Mintage
    endorsements: Annotated[tuple[Endorsement, ...], Meta(max_length=HANDS_MAX + 1)] = ()

    @property
    def last(self) -> Mintage | Endorsement:
        """What made the present owner the owner."""
        return self.endorsements[-1] if self.endorsements else self.mintage

    @property
    def start_minor(self) -> int:
        """The first minor unit of the mintage that is in this datum."""
        return self.last.start_minor

    @property
    def end_minor(self) -> int:
        """One past the last of them."""
        return self.last.start_minor + self.last.amount_minor

    @property
    def is_worn(self) -> bool:
        """Whether it was passed on as often as it can be: now only the bank takes it."""
        return len(self.endorsements) >= HANDS_MAX

    def digests(self) -> list[bytes]:
        """SHA-256 of the mintage and of each endorsement with all before it, in order.

        They are of what is signed, not of signatures: who signs the same twice passes on once.
        """
        digests = [sha256(self.mintage.signed()).digest()]
        for endorsement in self.endorsements:
            digests.append(sha256(endorsement.signed(digests[-1])).digest())
        return digests

    def digest(self) -> bytes:
        """The last of the digests: it stands for the whole datum."""
        return self.digests()[-1]

    def endorsed(
        self, key: SigningKey, start_minor: int, amount_minor: int, owner: bytes, transfer_id: str
    ) -> "Datum":
        """The datum of the next owner.

        Args:
            key: the present owner's.
            start_minor: the first of the minor units passed on.
            amount_minor: how many.
            owner: the next owner's public key.
            transfer_id: what for.
        """
        signature = key.sign(_signed(self.digest(), start_minor, amount_minor, owner, transfer_id))
        passed = Endorsement(start_minor, amount_minor, owner, transfer_id, signature)
        return Datum(self.mintage, (*self.endorsements, passed))

    def flaw(self, bank_key: bytes, currency: str) -> Refusal | None:
        """What is wrong with the datum in itself, found without asking the bank.

        Not found is whether an owner has passed the same on to others, too: that is for the bank.

        Args:
            bank_key: public key of the bank that issues.
            currency: ISO 4217 code.
        """
        mintage = self.mintage
        hands = len(self.endorsements) - (self.last.owner == bank_key)
        if hands > HANDS_MAX or not all(map(_is_bounded, (mintage, *self.endorsements))):
            return Refusal.OVERSIZED
        if mintage.currency != currency:
            return Refusal.OTHER_CURRENCY
        signed = mintage.signed()
        if not is_signed(bank_key, mintage.signature, signed):
            return Refusal.NOT_ISSUED
        owner, start_minor, end_minor = mintage.owner, 0, mintage.amount_minor
        for endorsement in self.endorsements:
            signed = endorsement.signed(sha256(signed).digest())
            if not is_signed(owner, endorsement.signature, signed):
                return Refusal.NOT_ENDORSED
            passed_end_minor = endorsement.start_minor + endorsement.amount_minor
            if endorsement.start_minor < start_minor or passed_end_minor > end_minor:
                return Refusal.EXCEEDS
            owner, start_minor = endorsement.owner, endorsement.start_minor
            end_minor = passed_end_minor
        return None

    def overlaps(self, other: "Datum") -> bool:
        """Whether some minor unit is in both."""
        return (
            self.mintage.transfer_id == other.mintage.transfer_id
            and self.start_minor < other.end_minor
            and other.start_minor < self.end_minor
        )


def mint(
    key: SigningKey, transfer_id: str, amount_minor: int, currency: str, owner: bytes
) -> Datum:
    """A datum fresh from the bank.

    Args:
        key: the bank's.
        transfer_id: of the request it answers.
        amount_minor: in minor units.
        currency: ISO 4217 code.
        owner: the first owner's public key.
    """
    blank = Mintage(transfer_id, amount_minor, currency, owner, b"")
    return Datum(msgspec.structs.replace(blank, signature=key.sign(blank.signed())))


def flaw_of(
    data: Sequence[Datum],
    count_max: int,
    *,
    bank_key: bytes,
    currency: str,
    owner: bytes,
    transfer_id: str,
) -> Refusal | None:
    """Why these data cannot all be taken at once, as far as can be told from them.

    Args:
        data: one or more.
        count_max: how many are taken at once.
        bank_key: public key of the bank that issues.
        currency: ISO 4217 code.
        owner: public key of whom all must be made out to.
        transfer_id: what all must be made out for.
    """
    if not 0 < len(data) <= count_max:
        return Refusal.OVERSIZED
    for datum in data:
        flaw = datum.flaw(bank_key, currency)
        if flaw is None and datum.last.owner != owner:
            flaw = Refusal.OTHER_OWNER
        if flaw is None and datum.last.transfer_id != transfer_id:
            flaw = Refusal.OTHER_TRANSFER
        if flaw:
            return flaw
    in_order = sorted(data, key=lambda datum: (datum.mintage.transfer_id, datum.start_minor))
    overlap = any(one.overlaps(other) for one, other in pairwise(in_order))
    return Refusal.OVERLAPS if overlap else None


def _is_bounded(part: Mintage | Endorsement) -> bool:
    """Whether its values are such as can be signed and added up."""
    return (
        0 <= part.start_minor <= MINOR_MAX
        and 0 < part.amount_minor <= MINOR_MAX
        and 0 < len(part.transfer_id) <= ID_MAX
        and part.transfer_id.isascii()
    )


def _signed(
    before: bytes, start_minor: int, amount_minor: int, owner: bytes, transfer_id: str
) -> bytes:
    return _encode((_ENDORSEMENT, before, start_minor, amount_minor, owner, transfer_id))
