"""A user's data file: what the bank keeps of one account, read in one access (Fig 12, [0124])."""

from datetime import date

from msgspec import Struct

from paybench.bank.account import CAPITAL, AccountNumber
from paybench.bank.approval import ReplayWindow
from paybench.bank.errors import StorageBrokenError

from .leg import Leg

_FRESH = ReplayWindow()
_CAPITAL = CAPITAL.place


class DataFile(Struct, gc=False, array_like=True):
    """One account's holder, key, balance and used counters, and where its history begins.

    Args:
        place: the account's.
        holder: the account holder's name.
        approval_key: the secret shared with the payer's phone; None: the account only receives.
            Left out of every representation.
        balance_minor: in minor units; below zero for the capital account alone.
        window: the approval counters used.
        blocked_minor: the part of the balance that the holder cannot dispose of, in minor units.
        born: the holder's date of birth, None: not on record. Likewise left out.
        proofs: the proof counters used.
        closed: whether nothing new is to be paid from it or to it.
        newest: the row of its newest line, None when there is none.
        particular_since: the log record after which what is paid to it lands in the auxiliary file
            at the payer's server; None: it is no particular user.
        auxiliary: whether this is an auxiliary file ([0134]), of which only place, balance and
            newest line count.
        server: the index of its server; the bank's own note, which no server keeps.
    """

    place: int
    holder: str
    approval_key: bytes | None
    balance_minor: int = 0
    window: ReplayWindow = _FRESH
    blocked_minor: int = 0
    born: date | None = None
    proofs: ReplayWindow = _FRESH
    closed: bool = False
    newest: int | None = None
    particular_since: int | None = None
    auxiliary: bool = False
    server: int = 0

    @property
    def number(self) -> AccountNumber:
        """The account."""
        return AccountNumber.at(self.place)

    @property
    def available_minor(self) -> int:
        """What the holder can dispose of, in minor units."""
        return self.balance_minor - self.blocked_minor

    def change(self, leg: Leg, counter: int | None = None) -> None:
        """Do what a leg says, with a counter used or with none.

        Raises:
            StorageBrokenError: less would be on the account than is blocked there, or nothing is
                blocked that is to be released: log and accounts contradict each other.
            ApprovalError: the counter was used before.
        """
        balance_minor = self.balance_minor + leg.amount_minor
        blocked_minor = self.blocked_minor + leg.blocked_minor
        if not 0 <= blocked_minor <= balance_minor and self.place != _CAPITAL:
            raise StorageBrokenError(
                f"expected {self.number} to allow for {leg.amount_minor:+} minor units, "
                f"{leg.blocked_minor:+} blocked, as logged, seen {self.balance_minor} and "
                f"{self.blocked_minor}: log and accounts are not of one bank; restore both"
            )
        if counter is not None:
            self.window = self.window.after(counter)
        self.balance_minor = balance_minor
        self.blocked_minor = blocked_minor

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
