"""A user's data file: what the bank keeps of one account, read in one access (Fig 12, [0124])."""

from datetime import date

from msgspec import Struct

from paybench.bank.account import CAPITAL, AccountNumber
from paybench.bank.approval import ReplayWindow
from paybench.bank.errors import StorageBrokenError

from .leg import Leg

_FRESH = ReplayWindow()


class DataFile(Struct, frozen=True, gc=False, array_like=True):
    """One account's holder, key, balance and used counters; its history is in the entries.

    A value: a storage replaces it whole, so a reader never sees half a change.

    Args:
        number: the account.
        holder: the account holder's name.
        approval_key: the secret shared with the payer's phone; None: the account only receives.
            Left out of every representation.
        balance_minor: in minor units; below zero for the capital account alone.
        window: the approval counters used.
        blocked_minor: the part of the balance that the holder cannot dispose of, in minor units.
        born: the holder's date of birth, None: not on record. Likewise left out.
        proofs: the proof counters used.
        closed: whether nothing new is to be paid from it or to it.
    """

    number: AccountNumber
    holder: str
    approval_key: bytes | None
    balance_minor: int = 0
    window: ReplayWindow = _FRESH
    blocked_minor: int = 0
    born: date | None = None
    proofs: ReplayWindow = _FRESH
    closed: bool = False

    @property
    def available_minor(self) -> int:
        """What the holder can dispose of, in minor units."""
        return self.balance_minor - self.blocked_minor

    def changed(self, leg: Leg, counter: int | None = None) -> "DataFile":
        """The data file after a leg, with a counter used or with none.

        Raises:
            StorageBrokenError: less would be on the account than is blocked there, or nothing is
                blocked that is to be released: log and accounts contradict each other.
        """
        balance_minor = self.balance_minor + leg.amount_minor
        blocked_minor = self.blocked_minor + leg.blocked_minor
        if not 0 <= blocked_minor <= balance_minor and self.number != CAPITAL:
            raise StorageBrokenError(
                f"expected {self.number} to allow for {leg.amount_minor:+} minor units, "
                f"{leg.blocked_minor:+} blocked, as logged, seen {self.balance_minor} and "
                f"{self.blocked_minor}: log and accounts are not of one bank; restore both"
            )
        return DataFile(
            self.number,
            self.holder,
            self.approval_key,
            balance_minor,
            self.window if counter is None else self.window.after(counter),
            blocked_minor,
            self.born,
            self.proofs,
            self.closed,
        )

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"DataFile({shown})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [
            ("number", str(self.number)),
            ("holder", self.holder),
            ("balance_minor", self.balance_minor),
            ("blocked_minor", self.blocked_minor),
        ]
