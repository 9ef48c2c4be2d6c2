"""The bank: settles once, from the log (Fig 11-14)."""

from types import TracebackType
from typing import Self

from .account import CAPITAL, AccountNumber
from .approval import check_key, verify
from .currency import DECIMALS, unknown_currency
from .errors import (
    AccountError,
    AccountExistsError,
    AccountUnknownError,
    BankError,
    FundingError,
    StorageBrokenError,
)
from .money import MINOR_MAX, Money
from .settlement import Outcome, Reason, SettlingInformation, is_well_formed
from .storage import DataFile, Entry, LogRecord, Storage
from .storage.memory import MemoryStorage

AT_MAX_NS = 2**63 - 1
HOLDER_MAX = 200


class Bank:
    """An embedded bank core in one currency.

    A settlement is decided, logged, withdrawn and answered; its deposit follows with `deposit()`
    ([0138-0142]). Everything after the log can be redone from it, so a crash loses nothing and
    doubles nothing. Not for several threads at once.

    Args:
        storage: where log and data files are kept; None keeps them in memory.
        currency: ISO 4217 code of every account.

    Raises:
        MoneyError: the currency is unknown.
        StorageError: the storage cannot be read, contradicts itself, or is in another currency.
    """

    def __init__(self, storage: Storage | None = None, currency: str = "EUR") -> None:
        if currency not in DECIMALS:
            raise unknown_currency(currency)
        self.currency = currency
        self._storage: Storage = MemoryStorage() if storage is None else storage
        self._check_currency()
        if self._storage.data_file(CAPITAL) is None:
            self._storage.add(DataFile(CAPITAL, "capital", None))
        self.recover()

    # Accounts

    def open_account(
        self, number: AccountNumber, holder: str, *, approval_key: bytes | None = None
    ) -> None:
        """Open an account with nothing on it.

        Args:
            number: a free account number.
            holder: the account holder's name, 1 to 200 printable characters.
            approval_key: the secret the holder's phone signs with, at least 16 bytes. None: the
                account receives and never pays.

        Raises:
            AccountExistsError: the number is taken.
            AccountError: the holder's name is empty, too long or not printable.
            ApprovalError: the key is too short.
        """
        if not (1 <= len(holder) <= HOLDER_MAX and holder.isprintable()):
            raise AccountError(
                f"expected a holder of 1 to {HOLDER_MAX} printable characters, seen {holder!r}: "
                "give the account holder's name"
            )
        if approval_key is not None:
            check_key(approval_key)
        if self._storage.data_file(number) is not None:
            raise AccountExistsError(
                f"expected a free account number, seen {number}, which is open: choose another"
            )
        self._storage.add(DataFile(number, holder, approval_key))

    def accounts(self) -> list[AccountNumber]:
        """Every account, the capital account first."""
        return self._storage.numbers()

    def holder(self, number: AccountNumber) -> str:
        """The account holder's name.

        Raises:
            AccountUnknownError: no account has this number.
        """
        return self._data_file(number).holder

    def balance(self, number: AccountNumber) -> Money:
        """What the account holds, deposits still under way not counted (S107).

        Raises:
            AccountUnknownError: no account has this number.
        """
        return Money(self._data_file(number).balance_minor, self.currency)

    def statement(self, number: AccountNumber, limit: int = 50) -> list[Entry]:
        """The account's newest entries, newest first, at most `limit` (S107).

        Raises:
            AccountUnknownError: no account has this number.
            BankError: the limit is below zero.
        """
        self._data_file(number)
        _check_limit(limit)
        return self._storage.entries(number, limit)

    # Money

    def fund(self, number: AccountNumber, amount: Money, funding_id: str, at_ns: int = 0) -> None:
        """Issue money to an account from the capital account; the same id issues once.

        It is logged like a settlement and at once deposited, with all deposits logged before.

        Args:
            number: the account that receives.
            amount: how much, more than zero; all money issued is at most 10^15 minor units.
            funding_id: an id as a settlement's, and among the same ids.
            at_ns: when, in nanoseconds.

        Raises:
            AccountUnknownError: no account has this number.
            FundingError: amount or id cannot be used, or the id is used for something else.
        """
        self._data_file(number)
        if self._storage.withdrawn_to != self._storage.logged_to:
            self.recover()
        order = SettlingInformation(funding_id, CAPITAL, number, amount, None)
        reason = order.flaw(self.currency)
        known = None if reason else self._storage.record(funding_id)
        if known and not _same_body(known, order):
            reason = Reason.ID_REUSED
        if reason:
            raise FundingError(
                f"expected money that can be issued, seen {amount} to {number} under id "
                f"{funding_id!r}: {reason.sentence}"
            )
        if known is None:
            self._issue(order, at_ns)
        self.deposit()

    def settle(self, order: SettlingInformation, at_ns: int) -> Outcome:
        """Settle once, or refuse; the same request again gets the same answer (Fig 14, [0137]).

        The answer is given when the payer's side is done: the deposit follows ([0142]). A refusal
        that anyone could cause without the payer's signature is not stored under the id.

        Args:
            order: the settling information.
            at_ns: now, in nanoseconds of the caller's clock, 0 to 2^63 - 1.

        Raises:
            BankError: at_ns is out of range.
            StorageError: the storage failed. Ask again with the same id.
        """
        storage = self._storage
        if storage.withdrawn_to != storage.logged_to:  # the storage failed in between last time
            self.recover()
        reason = order.flaw(self.currency)
        if reason is not None:
            return order.refused(reason)
        payer = storage.data_file(order.payer)
        if payer is None:
            return order.refused(Reason.UNKNOWN_PAYER)
        approval, key = order.approval, payer.approval_key
        if approval is None or key is None:
            return order.refused(Reason.APPROVAL_MISSING)
        if not order.matches(approval) or not verify(key, approval):
            return order.refused(Reason.APPROVAL_ALTERED)
        known = storage.record(order.settlement_id)
        if known is not None:
            # Before the replay window: a retransmission carries the counter that was used.
            same = _same_body(known, order)
            return known.outcome() if same else order.refused(Reason.ID_REUSED)
        return self._decide(order, approval.counter, payer, at_ns)

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
            _check_limit(limit)
        count = 0
        batch: list[LogRecord] = []
        for record in self._storage.records(self._storage.deposited_to):
            if count == limit or record.number > self._storage.withdrawn_to:
                break
            batch.append(record)
            count += record.reason is None
        if batch:
            self._storage.deposit(batch)
        return count

    def inquire(self, settlement_id: str) -> Outcome:
        """How a settlement ended (S108), without the payer's balance: anyone may ask.

        An id that is not in the log is refused with UNKNOWN_SETTLEMENT.
        """
        nothing = Money(0, self.currency)
        if not is_well_formed(settlement_id):
            return Outcome.of(settlement_id, nothing, Reason.ID_MALFORMED)
        known = self._storage.record(settlement_id)
        if known is None:
            return Outcome.of(settlement_id, nothing, Reason.UNKNOWN_SETTLEMENT)
        return known.outcome().without_balance()

    # Conservation

    def in_transit(self) -> Money:
        """What has been withdrawn and not yet deposited."""
        storage = self._storage
        under_way = (
            record.moved_minor
            for record in storage.records(storage.deposited_to)
            if record.number <= storage.withdrawn_to
        )
        return Money(sum(under_way), self.currency)

    def total(self) -> Money:
        """The sum of all accounts and of what is in transit: always zero."""
        return Money(self._storage.total_minor(), self.currency) + self.in_transit()

    # Life

    def recover(self) -> int:
        """Redo from the log the withdrawals that a crash cut off; run on construction.

        Deposits are left to `deposit()`, except where a payer had already spent them.

        Returns:
            How many log records were redone.

        Raises:
            StorageBrokenError: the accounts are ahead of the log, or the total is not zero.
        """
        storage = self._storage
        if not storage.deposited_to <= storage.withdrawn_to <= storage.logged_to:
            raise StorageBrokenError(
                f"expected the accounts to follow the log, seen deposits to record "
                f"{storage.deposited_to}, withdrawals to {storage.withdrawn_to}, log to "
                f"{storage.logged_to}: the files are not of one bank; restore both together"
            )
        redone = 0
        for record in storage.records(storage.withdrawn_to):
            self._redo(record)
            redone += 1
        total = self.total()
        if total.amount_minor != 0:
            raise StorageBrokenError(
                f"expected all accounts to sum to zero, seen {total}: balances were changed "
                "outside the bank; restore the storage"
            )
        return redone

    def close(self) -> None:
        """Close the storage; closing twice is fine."""
        self._storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _decide(
        self, order: SettlingInformation, counter: int, payer: DataFile, at_ns: int
    ) -> Outcome:
        """Settle or refuse a sound, signed, new request; log it unless its counter was used."""
        if not payer.window.accepts(counter):
            return order.refused(Reason.APPROVAL_REPLAYED)
        balance_minor = payer.balance_minor
        reason = None
        if order.payee == CAPITAL or self._storage.data_file(order.payee) is None:
            reason = Reason.UNKNOWN_PAYEE
        elif order.amount.amount_minor > balance_minor:
            reason = Reason.INSUFFICIENT_BALANCE
        else:
            balance_minor -= order.amount.amount_minor
        return self._log_and_withdraw(order, reason, balance_minor, at_ns)

    def _issue(self, order: SettlingInformation, at_ns: int) -> None:
        balance_minor = self._data_file(CAPITAL).balance_minor - order.amount.amount_minor
        if balance_minor < -MINOR_MAX:
            raise FundingError(
                f"expected at most 10^15 minor units issued in all, seen {-balance_minor} with "
                f"{order.amount} to {order.payee}: issue less"
            )
        self._log_and_withdraw(order, None, balance_minor, at_ns)

    def _log_and_withdraw(
        self, order: SettlingInformation, reason: Reason | None, balance_minor: int, at_ns: int
    ) -> Outcome:
        if not 0 <= at_ns <= AT_MAX_NS:
            raise BankError(
                f"expected at_ns from 0 to 2^63 - 1, seen {at_ns}: give nanoseconds since the start"
            )
        storage = self._storage
        approval = order.approval
        record = LogRecord(
            storage.logged_to + 1,
            order.settlement_id,
            order.payer,
            order.payee,
            order.amount,
            None if approval is None else approval.counter,
            b"" if approval is None else approval.signature,
            reason,
            balance_minor,
            at_ns,
        )
        storage.append(record)
        storage.withdraw(record)
        return record.outcome()

    def _redo(self, record: LogRecord) -> None:
        payer, payee = self._storage.data_file(record.payer), self._storage.data_file(record.payee)
        if payer is None or (payee is None and record.reason is None):
            raise StorageBrokenError(
                f"expected data files for {record.payer} and {record.payee}, seen none for one of "
                f"them, while log record {record.number} names both: the files are not of one "
                "bank; restore both together"
            )
        # A power cut may have taken deposits back that this payer was spending.
        if payer.balance_minor < record.moved_minor and payer.number != CAPITAL:
            self.deposit()
        self._storage.withdraw(record)

    def _check_currency(self) -> None:
        # Without a record there is no money, and a bank without money may take any currency.
        first = next(iter(self._storage.records(0)), None)
        if first is not None and first.amount.currency != self.currency:
            raise StorageBrokenError(
                f"expected a storage in {self.currency}, seen {first.amount.currency} in its log: "
                f"open it with currency={first.amount.currency!r}"
            )

    def _data_file(self, number: AccountNumber) -> DataFile:
        data_file = self._storage.data_file(number)
        if data_file is None:
            raise AccountUnknownError(
                f"expected the number of an open account, seen {number}: open_account() it first"
            )
        return data_file


def _same_body(record: LogRecord, order: SettlingInformation) -> bool:
    return (
        record.payer == order.payer
        and record.payee == order.payee
        and record.amount == order.amount
    )


def _check_limit(limit: int) -> None:
    if limit < 0:
        raise BankError(
            f"expected a limit of 0 or more, seen {limit}: leave it out for the default"
        )
