"""The servers of a bank: application server 200, database servers 300, log data server 400."""

from msgspec import Struct

from .account import AccountNumber
from .audit import audit
from .errors import BankError
from .ledger import Ledger

LOG_DATA_SERVER = "400"
_MOVED_AT_ONCE = 200


class ServerStatus(Struct, frozen=True, gc=False):
    """How it stands with a server.

    Args:
        name: as in Fig 11: 300a, 300b, … or 400.
        accounts: how many main data files it has; 0 for the log data server.
        flushes: how often it was written to since the bank was opened.
        written: how many log records, or lines of histories, were written to it since.
        lag: how many log records it has yet to deposit, or to withdraw and deposit.
        in_transit_minor: its in-transit account, in minor units.
    """

    name: str
    accounts: int
    flushes: int
    written: int
    lag: int
    in_transit_minor: int


class Servers(Ledger):
    """The servers of a ledger: seen, added, relieved, and audited."""

    def servers(self) -> list[ServerStatus]:
        """How it stands with the log data server and each database server."""
        self._finish()
        books = self._books
        logged_to = books.log.logged_to
        flushes, written = books.logged
        status = [ServerStatus(LOG_DATA_SERVER, 0, flushes, written, 0, 0)]
        for follower in books.followers:
            accounts = len(follower.server.numbers())
            lag = logged_to - max(follower.deposited_to, books.deposited_to)
            status.append(
                ServerStatus(
                    follower.name,
                    accounts,
                    follower.flushes,
                    follower.written,
                    lag,
                    follower.in_transit_minor,
                )
            )
        return status

    def server_of(self, number: AccountNumber) -> str:
        """The name of the server that an account is on.

        Raises:
            AccountUnknownError: no account has this number.
        """
        self._finish()
        return self._books.followers[self._books.must_have(number).server].name

    def route(self, payer: AccountNumber, payee: AccountNumber) -> tuple[str, str]:
        """On which servers a settlement is withdrawn and deposited; "" where there is no account.

        What is paid to a particular user lands on the payer's server ([0135]).
        """
        self._finish()
        return self._books.route(payer, payee)

    def add_server(self) -> str:
        """Add a database server, empty at first, and say its name ([0127]).

        From now on `move_accounts` fills it, some accounts at a time, and the bank goes on in
        between. As the nth server it takes every nth account; the others stay where they are.

        Raises:
            BankError: the last one that was added is still being filled.
            StorageError: there is no such server to be had.
        """
        self._finish()
        self._books.add_server()
        return self._books.followers[-1].name

    def is_filled(self) -> bool:
        """Whether the server that was added last has all its accounts, and is known to."""
        self._finish()
        return self._books.is_filled

    def to_move(self) -> int:
        """How many accounts are still to move to the server that was added last.

        Raises:
            StorageError: a server failed.
        """
        self._finish()
        return self._books.to_move()

    def move_accounts(self, limit: int = _MOVED_AT_ONCE) -> int:
        """Move the next accounts to the server that was added last.

        Args:
            limit: how many at most, more than zero; it says how long others wait.

        Returns:
            How many were moved; 0 when it has them all.

        Raises:
            BankError: the limit is not above zero.
            StorageError: a server failed. Call it again.
        """
        if limit <= 0:
            raise BankError(f"expected to move one account at least, seen a limit of {limit}")
        self._finish()
        return self._books.move_accounts(limit)

    def checkpoint(self) -> None:
        """Deposit all that is under way, and have all of it on the disk, on every server.

        What is answered is safe without it: a crash redoes it from the log. Afterwards the servers'
        files are as far as the log is, as for a copy of them all.

        Raises:
            StorageError: a server failed; nothing is lost.
        """
        self._finish()
        self._books.level()

    def mark_particular(self, number: AccountNumber, *, particular: bool = True) -> None:
        """Make the account of a payee of many a particular user's, or no longer ([0132-0136]).

        What such a user gets lands in an auxiliary data file at the payer's server, and is
        integrated into the main data file afterwards.

        Raises:
            AccountUnknownError: no account has this number.
            StorageError: a server failed; nothing has changed.
        """
        self._finish()
        self._books.must_have(number)
        self._books.particular.mark(number, particular=particular)

    def is_particular(self, number: AccountNumber) -> bool:
        """Whether the account is a particular user's.

        Raises:
            AccountUnknownError: no account has this number.
        """
        self._finish()
        self._books.must_have(number)
        return self._books.particular.is_one(number)

    def audit(self) -> str | None:
        """Derive every balance from the log alone, and compare.

        Returns:
            The first difference in a sentence; None when there is none.
        """
        self._finish()
        return audit(self._books)
