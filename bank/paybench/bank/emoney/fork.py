"""Forks: two data in which one owner passed the same on twice."""

from msgspec import Struct

from .datum import Datum, Endorsement


class Fork(Struct, frozen=True, gc=False):
    """The proof that somebody spent the same twice: two endorsements under one signature.

    Args:
        mintage_id: the mintage it happened to.
        spender: public key of the owner who signed both.
        before: digest of what that owner had, 32 bytes.
        first: the endorsement that was paid.
        second: the one that came later.
        answerable: public keys of the owners from the spender back to the first one. The spender
            answers for it; if the bank has certified no such purse, whoever passed money on to an
            unknown one does.
    """

    mintage_id: str
    spender: bytes
    before: bytes
    first: Endorsement
    second: Endorsement
    answerable: tuple[bytes, ...]


def fork(first: Datum, second: Datum) -> Fork:
    """Where two data without a flaw, that overlap and differ, part.

    Both go back to the bank, so neither is the beginning of the other: there is such a place. Each
    endorsement lies within the one before it, so the two that part overlap as the data do.
    """
    owners = [first.mintage.owner]
    before = first.digests()
    for number, (one, other) in enumerate(
        zip(first.endorsements, second.endorsements, strict=False)
    ):
        if one.signed(before[number]) != other.signed(before[number]):
            return Fork(
                first.mintage.transfer_id,
                owners[-1],
                before[number],
                one,
                other,
                tuple(reversed(owners)),
            )
        owners.append(one.owner)
    raise AssertionError("two data that part nowhere are the same, or one lacks its end")
