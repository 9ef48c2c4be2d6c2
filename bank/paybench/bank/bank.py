"""The bank: decides what is settled, refused, cancelled and given back (Fig 11-14)."""

from datetime import date, datetime

from .account import CAPITAL, ESCROW, AccountNumber
from .errors import AccountError, BankError, FundingError
from .group import Group
from .holding import Holding
from .money import MINOR_MAX, Money
from .outcome import Outcome
from .reason import Reason
from .recall import Cancellation, Reversal
from .settlement import SettlingInformation
from .settling import NOT_PAYABLE, answer, same_body
from .storage import Kind, LogRecord, Storage
from .storage.memory import MemoryStorage

EPOCH = date(2026, 1, 1)

_EPOCH_MAX = date(9000, 1, 1)
_HAVE = Kind.SETTLED, Kind.FORMAL, Kind.HELD, Kind.CAPTURED
_ENDED = Kind.REFUSED, Kind.CANCELLED, Kind.REVERSED, Kind.VOIDED, Kind.EXPIRED
_NS_PER_S = 10**9
_NS_PER_DAY = 24 * 3600 * _NS_PER_S


class Bank(Holding):
    """An embedded bank core in one currency.

    A settlement is decided, logged, withdrawn and answered; its deposit follows with `deposit()`
    ([0138-0142]). Not for several threads at once.

    Args:
        storage: where log and data files are kept; None keeps them in memory.
        currency: ISO 4217 code of every account.
        epoch: the calendar day (UTC) at whose beginning `at_ns` is 0: it tells the payers' ages.
        lag_max: how many withdrawals may be answered before they are written to the database
            servers; a crash redoes them from the log. 0: none. With some thousands, large groups
            cost a third less.
        particular_per_s: how many deposits within a second of the bank's time make a payee a
            particular user, where there are several database servers; None: nobody becomes one by
            itself.

    Raises:
        MoneyError: the currency is unknown, or another one than the storage is in.
        BankError: the epoch is beyond the calendar.
        StorageError: the storage cannot be read, or contradicts itself.
    """

    def __init__(
        self,
        storage: Storage | None = None,
        currency: str = "EUR",
        *,
        epoch: date = EPOCH,
        lag_max: int = 0,
        particular_per_s: int | None = 100,
    ) -> None:
        if isinstance(epoch, datetime) or epoch > _EPOCH_MAX:
            raise BankError(
                f"expected an epoch that is a day before the year 9000, seen {epoch!r}: give the "
                "date, without a time, on which the clock starts"
            )
        self.epoch = epoch
        super().__init__(
            MemoryStorage() if storage is None else storage, currency, lag_max, particular_per_s
        )

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
        self._finish()
        data_file = self._books.must_have(number)
        order = SettlingInformation(funding_id, CAPITAL, number, amount, None)
        reason = order.flaw(self.currency)
        known = None if reason else self._books.record(funding_id)
        if known and not same_body(known, order):
            reason = Reason.ID_REUSED
        if number == ESCROW:
            reason = Reason.UNKNOWN_PAYEE
        if known is None and data_file.closed:
            reason = reason or Reason.ACCOUNT_CLOSED
        if reason:
            raise FundingError(
                f"expected money that can be issued, seen {amount} to {number} under id "
                f"{funding_id!r}: {reason.sentence}"
            )
        if known is None:
            self._issue(order, at_ns)
        self.deposit()

    def pay_out(
        self,
        own: AccountNumber,
        payee: AccountNumber,
        amount: Money,
        payment_id: str,
        at_ns: int,
    ) -> Outcome:
        """Pay from an account of the bank's own, as when electronic money is redeemed.

        It is logged and answered like a settlement, and likewise its deposit follows. What is
        under way to the bank's own account is deposited first, and counts.

        Args:
            own: an account of branch 0, neither CAPITAL nor ESCROW.
            payee: the account that is paid.
            amount: how much, more than zero.
            payment_id: an id as a settlement's, and among the same ids; pays once.
            at_ns: now, in nanoseconds.

        Raises:
            AccountError: the account is not one that the bank pays out of.
            AccountUnknownError: the account is not open.
            BankError: at_ns is out of range.
            StorageError: the storage failed. Ask again with the same id.
        """
        if not own.is_banks_own or own in NOT_PAYABLE:
            raise AccountError(
                f"expected an account of the bank's own to pay out of, seen {own}: use one of "
                "branch 0 that you opened, or fund() to issue money"
            )
        self._catch_up(at_ns)
        self._books.must_have(own)
        order = SettlingInformation(payment_id, own, payee, amount, None)
        reason = order.flaw(self.currency)
        if reason is not None:
            return order.refused(reason)
        known = self._books.record(payment_id)
        if known is not None:
            return answer(known, order)
        self.deposit()
        group = Group(self._books)
        outcome = self._decide(group, order, self._books.must_have(own), at_ns, None)
        self._enter(group)
        return outcome

    # Taking back

    def cancel(self, cancellation: Cancellation, at_ns: int) -> Outcome:
        """Undo a provisory settlement within its period: both accounts as before ([0084]).

        The outcome's state is CANCELLED when it is done, also when it was done before. Otherwise
        the outcome says how the settlement stands, and its reason why it was not cancelled.

        Args:
            cancellation: signed by the payer.
            at_ns: now, in nanoseconds; at the due time itself the period is over.

        Raises:
            BankError: at_ns is out of range.
            StorageError: the storage failed. Ask again.
        """
        settlement_id, payer = cancellation.settlement_id, cancellation.payer
        reason = self._check_recall(cancellation, settlement_id, payer, at_ns)
        known = None if reason else self._books.record(settlement_id)
        if known is not None and known.payer != payer and not known.overtook:
            reason = Reason.ID_REUSED
        if known is None or reason is not None:
            nothing = Money(0, self.currency)
            return Outcome.of(settlement_id, nothing, reason or Reason.UNKNOWN_SETTLEMENT)
        if known.kind in _HAVE:
            return known.outcome().but(Reason.COOLING_OFF_OVER)
        if known.kind is Kind.PROVISORY:
            return self._give_back(known, Kind.CANCELLED, cancellation.signature, at_ns)
        outcome = _given_back(known)
        return outcome.without_balance() if known.overtook else outcome

    def reverse(self, reversal: Reversal, at_ns: int) -> Outcome:
        """Give a settlement back to its payer in full, once; or refuse one that has yet to come.

        The outcome's state is REVERSED when it is done, also when it was done before or when the
        id was unknown: a demand that comes later under this id is refused. Otherwise the outcome
        says how the settlement stands, and its reason why it was not given back.

        Args:
            reversal: signed by the payee.
            at_ns: now, in nanoseconds.

        Raises:
            BankError: at_ns is out of range.
            StorageError: the storage failed. Ask again.
        """
        settlement_id, payee = reversal.settlement_id, reversal.payee
        reason = self._check_recall(reversal, settlement_id, payee, at_ns)
        known = None if reason else self._books.record(settlement_id)
        if known is not None and known.payee != payee:
            reason = Reason.ID_REUSED
        if reason is not None:
            return Outcome.of(settlement_id, Money(0, self.currency), reason)
        if known is None:
            return self._refuse_beforehand(reversal, at_ns)
        return self._reverse(known, reversal, at_ns)

    def _reverse(self, known: LogRecord, reversal: Reversal, at_ns: int) -> Outcome:
        """Give back a settlement that is in the log, if it can be."""
        if known.kind in _ENDED:
            return _given_back(known).without_balance()
        if known.kind is Kind.HELD:
            return self._release(known, Kind.VOIDED, reversal.signature, at_ns).without_balance()
        outcome = known.outcome().without_balance()
        if known.payer.is_banks_own:
            return outcome.but(Reason.BANKS_OWN)
        self.deposit()
        blocked = known.kind is Kind.PROVISORY  # what is given back is there and nobody's to spend
        if not blocked and self.available(known.payee) < known.amount:
            return outcome.but(Reason.PAYEE_BALANCE_TOO_LOW)
        done = self._give_back(known, Kind.REVERSED, reversal.signature, at_ns)
        return done.without_balance()

    def _issue(self, order: SettlingInformation, at_ns: int) -> None:
        capital = self._books.must_have(CAPITAL)
        balance_minor = capital.balance_minor - order.amount.amount_minor
        if balance_minor < -MINOR_MAX:
            raise FundingError(
                f"expected at most 10^15 minor units issued in all, seen {-balance_minor} with "
                f"{order.amount} to {order.payee}: issue less"
            )
        group = Group(self._books)
        self._log(group, order, capital, None, balance_minor, at_ns)
        self._enter(group)

    def _give_back(self, known: LogRecord, kind: Kind, signature: bytes, at_ns: int) -> Outcome:
        """Undo a settlement, down to the deposit with its payer."""
        self.deposit()
        record = known.successor(
            self._books.next_number,
            kind,
            at_ns,
            payer_balance_minor=self._books.must_have(known.payer).balance_minor
            + known.amount.amount_minor,
            signature=signature,
        )
        self._enter_one(record)
        self.deposit()
        return record.outcome()

    def _refuse_beforehand(self, reversal: Reversal, at_ns: int) -> Outcome:
        """Log that the payee will not take what has not come: a demand that comes is refused."""
        record = LogRecord(
            self._books.next_number,
            reversal.settlement_id,
            reversal.payee,
            reversal.payee,
            Money(0, self.currency),
            None,
            reversal.signature,
            Reason.REVERSED,
            0,
            at_ns,
            Kind.REFUSED,
        )
        self._enter_one(record)
        return record.outcome().without_balance()


def _given_back(known: LogRecord) -> Outcome:
    """The answer to whoever wants back what the payee has not, or has no more."""
    outcome = known.outcome()
    if known.kind is Kind.REFUSED and not known.overtook:
        return outcome.but(Reason.NOTHING_TO_GIVE_BACK)
    return outcome
