"""The ledger: what follows from the log, and that it follows (Fig 13, 14)."""

from types import TracebackType
from typing import Self

from .account import CAPITAL, ESCROW
from .books import Books
from .currency import DECIMALS, unknown_currency
from .errors import BankError, MoneyError, StorageBrokenError
from .group import AT_MAX_NS, Group
from .money import Money
from .storage import DataFile, Kind, LogRecord, Storage

_NEVER_NS = AT_MAX_NS + 1
_DUE_MAX = 1000


class Ledger:
    """Accounts that follow a log: what is in the log is withdrawn, and later deposited.

    It decides nothing; `Bank` does. Everything after the log can be redone from it, so a crash
    loses nothing and doubles nothing.

    Args:
        storage: where log and data files are kept; closed with the bank, or if it cannot be
            opened.
        currency: ISO 4217 code of every account.
        lag_max: how many withdrawals may be done and not yet written to the database servers.
        particular_per_s: how many deposits within a second make a payee a particular user; None:
            nobody becomes one by itself.

    Raises:
        MoneyError: the currency is unknown, or another one than the storage is in.
        StorageError: the storage cannot be read, or contradicts itself.
    """

    def __init__(
        self, storage: Storage, currency: str, lag_max: int, particular_per_s: int | None
    ) -> None:
        if currency not in DECIMALS:
            raise unknown_currency(currency)
        self.currency = currency
        try:
            self._books = Books(storage, lag_max, particular_per_s)
            self._due_ns = _NEVER_NS
            self._check_currency()
            for number, holder in ((CAPITAL, "capital"), (ESCROW, "escrow")):
                if self._books.data_file(number) is None:
                    self._books.add([DataFile(number.place, holder, None)])
            self.recover()
        except BaseException:
            storage.close()
            raise

    # Deposits

    def deposit(self, limit: int | None = None) -> int:
        """Integrate withdrawn settlements into the payees' accounts, in log order ([0136, 0142]).

        Args:
            limit: how many at most, None for all.

        Returns:
            How many were integrated.

        Raises:
            BankError: the limit is below zero.
        """
        if limit is not None:
            check_limit(limit)
        self._finish()
        return self._deposit(limit)

    def _deposit(self, limit: int | None = None) -> int:
        batch, count = self._books.under_way(limit)
        if batch:
            self._books.deposit(batch)
        return count

    # Cooling-off

    def mature(self, at_ns: int) -> int:
        """Make formal every provisory settlement whose period has passed, in order ([0082]).

        Each becomes formal, or a held one expires, as of its due time. With it all deposits are
        made.

        Args:
            at_ns: now, in nanoseconds of the caller's clock.

        Returns:
            How many became formal or expired.

        Raises:
            BankError: at_ns is out of range.
        """
        if not 0 <= at_ns <= AT_MAX_NS:
            raise out_of_time(at_ns)
        self._finish()
        count = 0
        while at_ns >= self._due_ns:
            self.deposit()  # what becomes of them is built on it
            group = Group(self._books)
            for pending in self._books.log.due(_DUE_MAX):
                due_ns = pending.due_ns
                if due_ns is None or due_ns > at_ns:
                    break
                successor = pending.successor(
                    group.next_number,
                    Kind.EXPIRED if pending.kind is Kind.HELD else Kind.FORMAL,
                    due_ns,
                    payer_balance_minor=pending.payer_balance_minor,
                )
                group.add(successor)
            self._enter(group)
            if not group.records:  # what was due has come to its end, broken off before it was said
                self._watch_due()
            count += len(group.records)
        if count:
            self.deposit()
        return count

    def next_due_ns(self) -> int | None:
        """When to call `mature` next, in nanoseconds; None while nothing is provisory."""
        return None if self._due_ns == _NEVER_NS else self._due_ns

    # Conservation

    def in_transit(self) -> Money:
        """What has been withdrawn and not yet deposited."""
        self._finish()
        return Money(self._books.in_transit_minor(), self.currency)

    def total(self) -> Money:
        """The sum of all accounts and of what is in transit: always zero."""
        self._finish()
        return Money(self._books.total_minor(), self.currency)

    # Life

    def recover(self) -> int:
        """Redo from the log the withdrawals that a crash cut off; run on construction.

        Deposits are left to `deposit()`, except where they had already been built upon.

        Returns:
            How many log records were redone.

        Raises:
            StorageBrokenError: the accounts are ahead of the log, or the total is not zero.
        """
        self._books.land()
        with self._books.whole:
            return self._recover(self._books)

    def _recover(self, books: Books) -> int:
        logged_to = books.log.logged_to
        if books.fallen or books.withdrawn_to > logged_to:
            books.fall_back()
        for follower in books.followers:
            if not follower.deposited_to <= follower.withdrawn_to <= logged_to:
                raise StorageBrokenError(
                    f"expected the accounts of server {follower.name} to follow the log, seen "
                    f"deposits to record {follower.deposited_to}, withdrawals to "
                    f"{follower.withdrawn_to}, log to {logged_to}: the files are not of one bank; "
                    "restore all of them together"
                )
        redone = 0
        for record in books.log.records(books.withdrawn_to):
            self._redo(record)
            redone += 1
        books.particular.integrate()
        self._watch_due()
        total = Money(books.total_minor(), self.currency)
        if total.amount_minor != 0:
            raise StorageBrokenError(
                f"expected all accounts to sum to zero, seen {total}: balances were changed "
                "outside the bank; restore the storage"
            )
        return redone

    def close(self) -> None:
        """Write what is to be written, and close the storage; closing twice is fine."""
        try:
            self._books.land()
            if self._books.is_level:
                self._books.follow()
        finally:
            self._books.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # For the bank

    def _finish(self) -> None:
        """Withdraw what is in the log: the storage may have failed in between last time."""
        self._books.land()
        if not self._books.is_level:
            self.recover()

    def _enter(self, group: Group) -> None:
        """Write decisions to the log with one flush: from then on they hold."""
        if group.records:
            if group.held:  # it may be broken off before it is read from the log
                self._due_ns = min(self._due_ns, group.due_ns)
            self._books.begin(group)
            self._books.land()
            if group.held:
                self._watch_due()
            self._books.relieve()

    def _enter_one(self, record: LogRecord) -> None:
        """Likewise one decision, which may be about an earlier settlement."""
        if record.follows > self._books.deposited_to:  # what it undoes has to be done first
            self.deposit()
        group = Group(self._books)
        group.add(record)
        self._enter(group)

    def _redo(self, record: LogRecord) -> None:
        books = self._books
        payer, payee = books.data_file(record.payer), books.data_file(record.payee)
        if payer is None or (payee is None and record.kind is not Kind.REFUSED):
            raise StorageBrokenError(
                f"expected data files for {record.payer} and {record.payee}, seen none for one of "
                f"them, while log record {record.number} names both: the files are not of one "
                "bank; restore all of them together"
            )
        # A power cut may have taken deposits back that were already spent or built upon.
        if record.follows > books.deposited_to or not books.affords(record):
            self._deposit()
        books.redo(record)

    def _watch_due(self) -> None:
        due = self._books.log.due(1)
        due_ns = due[0].due_ns if due else None
        self._due_ns = _NEVER_NS if due_ns is None else due_ns

    def _check_currency(self) -> None:
        # Without a record there is no money, and a bank without money may take any currency.
        first = next(iter(self._books.log.records(0)), None)
        if first is not None and first.amount.currency != self.currency:
            raise MoneyError(
                f"expected a storage in {self.currency}, seen {first.amount.currency} in its log: "
                f"open it with currency={first.amount.currency!r}"
            )


def out_of_time(at_ns: int) -> BankError:
    """The error for a time that no log can hold: it is not from 0 to AT_MAX_NS."""
    return BankError(
        f"expected at_ns from 0 to 2^63 - 1, seen {at_ns}: give nanoseconds since the start"
    )


def check_limit(limit: int) -> None:
    """Accept a number of entries or deposits.

    Raises:
        BankError: it is below zero.
    """
    if limit < 0:
        raise BankError(
            f"expected a limit of 0 or more, seen {limit}: leave it out for the default"
        )
