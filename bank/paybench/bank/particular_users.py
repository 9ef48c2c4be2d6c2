"""Particular users: payees of many, with auxiliary data files where their payers are (Fig 13)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .account import AccountNumber
from .arrivals import Arrivals
from .storage import DataFile, Kind, Leg, LogRecord

if TYPE_CHECKING:
    from .books import Books


class ParticularUsers:
    """The accounts of particular users, and their auxiliary files on all servers ([0132-0136]).

    Args:
        books: whose accounts they are.
        per_s: how many deposits within a second make a payee one; None: nobody becomes one by
            itself.
    """

    def __init__(self, books: "Books", per_s: int | None) -> None:
        self._books = books
        self._arrivals = Arrivals(per_s)
        self._auxiliary: dict[AccountNumber, dict[int, DataFile]] = {}

    def fall_back(self) -> None:
        """Read anew who they are, and what their auxiliary files hold."""
        self._auxiliary = {}
        for index, follower in enumerate(self._books.followers):
            for data_file in follower.server.particular():
                files = self._auxiliary.setdefault(data_file.number, {})
                if data_file.auxiliary:
                    data_file.server = index
                    files[index] = data_file

    def is_one(self, number: AccountNumber) -> bool:
        """Whether an account is a particular user's."""
        return self._books.must_find(number).particular_since is not None

    def mark(self, number: AccountNumber, *, particular: bool) -> None:
        """Make an account a particular user's from the next record on, or no longer ([0132])."""
        books = self._books
        if self.is_one(number) == particular:
            return
        books.level()
        data_file = books.must_find(number)
        with books.whole:
            data_file.particular_since = books.withdrawn_to if particular else None
            self._auxiliary.setdefault(number, {})
            books.followers[data_file.server].note(data_file)
        books.follow(on_disk=True)

    def mark_hot(self, batch: Iterable[LogRecord]) -> None:
        """Mark those who have become particular users with these deposits ([0133])."""
        for number in self._arrivals.hot(batch):
            self.mark(number, particular=True)

    def files(self, number: AccountNumber) -> dict[int, DataFile] | None:
        """The auxiliary files of an account by their servers; None if it never was one."""
        return self._auxiliary.get(number)

    def has_minor(self, number: AccountNumber) -> int:
        """What an account has, with what was not integrated yet, in minor units."""
        balance_minor = self._books.must_find(number).balance_minor
        files = self._auxiliary.get(number)
        return balance_minor if files is None else balance_minor + _sum_minor(files)

    def payee_file(self, record: LogRecord, leg: Leg) -> DataFile:
        """The file that a deposit lands in: a particular user's at the payer's server ([0135])."""
        data_file = self._books.must_find(leg.account)
        if data_file.particular_since is None or record.kind is not Kind.SETTLED:
            return data_file
        index = self._books.must_find(record.payer).server
        if index == data_file.server or record.number <= data_file.particular_since:
            return data_file
        return self._file(leg.account, index)

    def integrate(self) -> None:
        """Transfer what the auxiliary files have got to the main files ([0136]).

        The main file's server alone is written: what was transferred stands there against the
        auxiliary files, whose balances only grow.
        """
        for number, files in self._auxiliary.items():
            transferred_minor = _sum_minor(files)
            if transferred_minor <= 0:  # a power cut took some that deposits will bring again
                continue
            main = self._books.must_find(number)
            against = self._file(number, main.server)
            main.change(Leg(number, transferred_minor))
            against.balance_minor -= transferred_minor
            follower = self._books.followers[main.server]
            follower.note(main)
            follower.note(against)

    def _file(self, number: AccountNumber, server: int) -> DataFile:
        """The auxiliary file of a particular user on a server, a new one if need be."""
        files = self._auxiliary[number]
        if server not in files:
            files[server] = DataFile(number.place, "", None, auxiliary=True, server=server)
        return files[server]


def _sum_minor(files: dict[int, DataFile]) -> int:
    return sum(each.balance_minor for each in files.values())
