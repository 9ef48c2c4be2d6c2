"""The outcome: how a settlement stands, as the bank answers it."""

import enum
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from .money import Money
from .reason import Reason

_SETTLED = "Settled."
_PROVISORY = "Settled, and can be cancelled for a while."


class State(enum.StrEnum):
    """How a settlement stands."""

    SETTLED = "settled"
    PROVISORY = "provisory"
    CANCELLED = "cancelled"
    REVERSED = "reversed"
    REFUSED = "refused"
    UNDECIDED = "undecided"
    HELD = "held"
    EXPIRED = "expired"


_STATES = {
    Reason.CANCELLED: State.CANCELLED,
    Reason.REVERSED: State.REVERSED,
    Reason.CONSENT_WANTED: State.UNDECIDED,
    Reason.HELD: State.HELD,
    Reason.EXPIRED: State.EXPIRED,
}


class Outcome(Struct, frozen=True, gc=False, omit_defaults=True):
    """The settled result (D4, D6): how the settlement stands, and why not as was asked.

    Args:
        settlement_id: as in the request.
        settled: whether the money has left the payer for the payee, who may hand over.
        amount: as in the request; zero when an inquiry finds nothing.
        reason: why the bank did not do what was asked, None when it did. What was settled and
            then cancelled or given back is not settled, and its reason says which.
        sentence: the same for a person to read.
        payer_balance: the payer's balance afterwards. Only the payer may see it: send a payee
            `without_balance()`. None where the bank could not tell that the payer is asking.
        formal_at_ns: when a provisory settlement becomes a formal one, or a held one expires, in
            nanoseconds of the bank's clock; None, and not encoded, for any other.
    """

    settlement_id: str
    settled: bool
    amount: Money
    reason: Reason | None
    sentence: str
    payer_balance: Money | None
    formal_at_ns: int | None = None

    @classmethod
    def of(
        cls,
        settlement_id: str,
        amount: Money,
        reason: Reason | None,
        payer_balance: Money | None = None,
        formal_at_ns: int | None = None,
    ) -> Self:
        """The outcome for a reason, or for None: settled."""
        if reason is not None:
            sentence = reason.sentence
        else:
            sentence = _SETTLED if formal_at_ns is None else _PROVISORY
        return cls(
            settlement_id, reason is None, amount, reason, sentence, payer_balance, formal_at_ns
        )

    @property
    def state(self) -> State:
        """How the settlement stands, as far as whoever asked may know."""
        if self.settled:
            return State.SETTLED if self.formal_at_ns is None else State.PROVISORY
        return State.REFUSED if self.reason is None else _STATES.get(self.reason, State.REFUSED)

    def without_balance(self) -> "Outcome":
        """What the payee, or whoever relays, may see."""
        return replace(self, payer_balance=None)

    def but(self, reason: Reason) -> "Outcome":
        """The settlement stands as it does; what was asked of it was refused for a reason."""
        return replace(self, reason=reason, sentence=reason.sentence)
