"""What a purse holds: the stretch of an e-money datum it has not passed on yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from paybench.bank.emoney.datum import Datum

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from paybench.bank.emoney.signing import SigningKey


class Holding(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A datum of the purse's, and what of it is left.

    Attributes:
        datum: As the purse came by it.
        start_minor: The first minor unit of its mintage that is left.
        end_minor: One past the last of them.
        redeem_only: It was endorsed to the bank once, so nobody else takes it.
    """

    datum: Datum
    start_minor: int
    end_minor: int
    redeem_only: bool = False

    @property
    def amount_minor(self) -> int:
        """What is left, in minor units."""
        return self.end_minor - self.start_minor

    @property
    def is_payable(self) -> bool:
        """Whether it can be passed on to another purse; if not, the bank redeems it."""
        return not (self.redeem_only or self.datum.is_worn)

    def overlaps(self, datum: Datum) -> bool:
        """Whether some minor unit that is left is in this datum, too."""
        return (
            self.datum.mintage.transfer_id == datum.mintage.transfer_id
            and self.start_minor < datum.end_minor
            and datum.start_minor < self.end_minor
        )


class Piece(msgspec.Struct, frozen=True, gc=False):
    """How much of a holding is to go.

    Attributes:
        position: Of the holding among all.
        holding: The holding.
        amount_minor: How much of it, in minor units.
    """

    position: int
    holding: Holding
    amount_minor: int

    def endorsed(self, key: SigningKey, owner: bytes, transfer_id: str) -> Datum:
        """The datum of the next owner."""
        start_minor = self.holding.start_minor
        return self.holding.datum.endorsed(key, start_minor, self.amount_minor, owner, transfer_id)


def to_pay(holdings: Sequence[Holding], amount_minor: int) -> list[Piece]:
    """Pieces of payable holdings that make up the amount, as few as there can be.

    One holding if one is large enough, and of those the smallest; else the largest ones. Less
    than the amount when that is all there is.
    """
    payable = [(at, holding) for at, holding in enumerate(holdings) if holding.is_payable]
    payable.sort(key=lambda one: one[1].amount_minor)
    for at, holding in payable:
        if holding.amount_minor >= amount_minor:
            return [Piece(at, holding, amount_minor)]
    return _taken(reversed(payable), amount_minor)


def to_redeem(holdings: Sequence[Holding], amount_minor: int) -> list[Piece]:
    """Pieces that make up the amount, first of what cannot be paid with, the largest first."""
    in_order = sorted(
        enumerate(holdings), key=lambda one: (one[1].is_payable, -one[1].amount_minor)
    )
    return _taken(in_order, amount_minor)


def without(holdings: Sequence[Holding], pieces: Iterable[Piece]) -> tuple[Holding, ...]:
    """What is left when the pieces are gone."""
    gone = {piece.position: piece.amount_minor for piece in pieces}
    left = (
        Holding(one.datum, one.start_minor + gone.get(at, 0), one.end_minor, one.redeem_only)
        for at, one in enumerate(holdings)
    )
    return tuple(holding for holding in left if holding.amount_minor)


def _taken(holdings: Iterable[tuple[int, Holding]], amount_minor: int) -> list[Piece]:
    pieces: list[Piece] = []
    for position, holding in holdings:
        if amount_minor == 0:
            break
        taken_minor = min(amount_minor, holding.amount_minor)
        pieces.append(Piece(position, holding, taken_minor))
        amount_minor -= taken_minor
    return pieces
