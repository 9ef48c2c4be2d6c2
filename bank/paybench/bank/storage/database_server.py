"""A database server 300 (Fig 11, 12)."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from paybench.bank.account import AccountNumber
from paybench.bank.approval import ReplayWindow

from .change import Change
from .data_file import DataFile
from .line import Line
from .standing import Standing


class DatabaseServer(Protocol):
    """Keeps the data files of its accounts, which follow the log. It decides nothing.

    Every method may raise `StorageError`; one that does has changed nothing.

    Attributes:
        standing: how far it follows the log, and what is in transit on it, as written.
    """

    standing: Standing

    def add(self, data_files: Sequence[DataFile]) -> None:
        """Keep new data files, durably, all or none. Their numbers must be free."""
        ...

    def keep_proofs(self, number: AccountNumber, proofs: ReplayWindow) -> None:
        """Keep the proof counters of an account, durably."""
        ...

    def data_file(self, number: AccountNumber) -> DataFile | None:
        """An account's data file, read in one access ([0124]); the caller's own."""
        ...

    def particular(self) -> list[DataFile]:
        """The particular users whose main file is here, and all auxiliary files here."""
        ...

    def numbers(self) -> list[AccountNumber]:
        """Every account whose main file is here, in order of its number."""
        ...

    def total_minor(self) -> int:
        """The sum of all balances here, auxiliary files' too, in minor units."""
        ...

    def write(self, change: Change) -> None:
        """Write a change in one step."""
        ...

    def arrive(
        self, data_files: Sequence[DataFile], lines: Iterable[Line], standing: Standing
    ) -> None:
        """Take over accounts with their histories from another server, durably, in one step."""
        ...

    def leave(self, numbers: Iterable[AccountNumber], standing: Standing) -> None:
        """Let accounts go with their histories, durably, in one step."""
        ...

    def lines(self, newest: int | None, limit: int) -> list[Line]:
        """A history from its newest line on backwards, at most `limit` lines."""
        ...
