"""A database server 300 in a process of its own, as Fig 11 draws it: it works beside the bank's."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from paybench.bank.account import AccountNumber
from paybench.bank.approval import ReplayWindow

from . import Change, DatabaseServer, DataFile, Line, Standing
from .child_process import ChildProcess
from .sqlite_rows import rows_of

_UNHEARD_MAX = 4


class ServerProcess(DatabaseServer):
    """An SQLite file that a process of its own writes; the bank does not wait for it.

    What is to be on the disk is waited for, and what is read. Other changes are on their way when
    `write` returns; one that fails is told by the next call, and whatever was on its way after it
    is not written either. From then on each call fails until `standing` is read again: who reads
    it has understood that it fell back.

    Args:
        path: the file.
        held: descriptors that the process holds too.

    Raises:
        StorageVersionError: the file is of another schema version.
        StorageError: the file cannot be read, or no process can be started.
    """

    def __init__(self, path: Path, held: Sequence[int] = ()) -> None:
        self.child = ChildProcess("accounts", path, held)

    @property
    def standing(self) -> Standing:  # pyright: ignore[reportIncompatibleVariableOverride] - read only
        """How far it follows the log, with all that was on its way written or lost.

        Raises:
            StorageError: it does not say; and it is asked anew the next time.
        """
        return self.child.resume()

    def add(self, data_files: Sequence[DataFile]) -> None:
        """Keep new data files, on the disk on return."""
        self.child.ask("add", data_files)

    def keep_proofs(self, number: AccountNumber, proofs: ReplayWindow) -> None:
        """Keep the proof counters of an account, on the disk on return."""
        self.child.ask("keep_proofs", number, proofs)

    def data_file(self, number: AccountNumber) -> DataFile | None:
        """An account's data file."""
        return self.child.ask("data_file", number)

    def particular(self) -> list[DataFile]:
        """The particular users whose main file is here, and all auxiliary files here."""
        return self.child.ask("particular")

    def numbers(self) -> list[AccountNumber]:
        """Every account whose main file is here, in order of its number."""
        return self.child.ask("numbers")

    def total_minor(self) -> int:
        """The sum of all balances here, in minor units."""
        return self.child.ask("total_minor")

    def write(self, change: Change) -> None:
        """Send a change on its way; on the disk on return where it has to be."""
        rows = rows_of(change)
        if change.on_disk:
            self.child.ask("write_rows", rows)
        else:
            self.child.send("write_rows", rows)
            while self.child.unheard > _UNHEARD_MAX:
                self.child.hear()

    def arrive(
        self, data_files: Sequence[DataFile], lines: Iterable[Line], standing: Standing
    ) -> None:
        """Take over accounts with their histories, on the disk on return."""
        self.child.ask("arrive", data_files, list(lines), standing)

    def leave(self, numbers: Iterable[AccountNumber], standing: Standing) -> None:
        """Let accounts go with their histories, on the disk on return."""
        self.child.ask("leave", list(numbers), standing)

    def lines(self, newest: int | None, limit: int) -> list[Line]:
        """A history from its newest line on backwards, at most `limit` lines."""
        return self.child.ask("lines", newest, limit)

    def close(self) -> None:
        """Have all that is on its way written, and end the process; closing twice is fine.

        Raises:
            StorageError: some of it could not be written; it is in the log.
        """
        self.child.close()
