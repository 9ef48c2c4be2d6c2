"""A user's data file: what the bank keeps of one account, read in one access (Fig 12, [0124])."""

from msgspec import Struct

from paybench.bank.account import CAPITAL, AccountNumber
from paybench.bank.approval import ReplayWindow
from paybench.bank.errors import StorageBrokenError


class DataFile(Struct, frozen=True, gc=False):
    """One account's holder, key, balance and used counters; its history is in the entries.

    A value: a storage replaces it whole, so a reader never sees half a change.

    Args:
        number: the account.
        holder: the account holder's name.
        approval_key: the secret shared with the payer's phone; None: the account only receives.
            Left out of every representation.
        balance_minor: in minor units; below zero for the capital account alone.
        window: the approval counters used.
    """

    number: AccountNumber
    holder: str
    approval_key: bytes | None
    balance_minor: int = 0
    window: ReplayWindow = ReplayWindow()

    def withdrawn(self, amount_minor: int, counter: int | None) -> "DataFile":
        """The data file after a withdrawal, or after a logged refusal (amount 0).

        Raises:
            StorageBrokenError: the balance would fall below zero, so the log and the accounts
                contradict each other.
        """
        balance_minor = self.balance_minor - amount_minor
        if balance_minor < 0 and self.number != CAPITAL:
            raise StorageBrokenError(
                f"expected {self.number} to hold {amount_minor} minor units as logged, seen "
                f"{self.balance_minor}: log and accounts are not of one bank; restore both"
            )
        window = self.window if counter is None else self.window.after(counter)
        return DataFile(self.number, self.holder, self.approval_key, balance_minor, window)

    def deposited(self, amount_minor: int) -> "DataFile":
        """The data file after a deposit of an amount in minor units."""
        balance_minor = self.balance_minor + amount_minor
        return DataFile(self.number, self.holder, self.approval_key, balance_minor, self.window)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"DataFile({shown})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [
            ("number", str(self.number)),
            ("holder", self.holder),
            ("balance_minor", self.balance_minor),
        ]
