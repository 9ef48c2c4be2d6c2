"""The bank: decides what is settled, refused, cancelled and given back (Fig 11-14)."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from .account import BANKS_BRANCH, CAPITAL, ESCROW, AccountNumber
from .accounts import Accounts
from .approval import verify
from .errors import AccountError, BankError, FundingError
from .group import AT_MAX_NS, Batch, Group, Mode
from .ledger import out_of_time
from .money import MINOR_MAX, Money
from .outcome import Outcome
from .reason import Reason
from .recall import Cancellation, Reversal
from .restriction import Consent, DecidedBy, Restriction, age_years
from .settlement import SettlingInformation, is_well_formed
from .storage import DataFile, Kind, LogRecord, Storage
from .storage.memory import MemoryStorage

EPOCH = date(2026, 1, 1)

_EPOCH_MAX = date(9000, 1, 1)
_NOT_PAYABLE = CAPITAL, ESCROW
_SETTLED = Kind.SETTLED
_NS_PER_S = 10**9
_NS_PER_DAY = 24 * 3600 * _NS_PER_S
_REASONS_BY_CONSENT = {
    None: Reason.CONSENT_WANTED,
    Consent.APPROVED: None,
    Consent.DENIED: Reason.CONSENT_DENIED,
    Consent.NO_ANSWER: Reason.CONSENT_OVERDUE,
}


class Bank(Accounts):
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
        MoneyError: the currency is unknown.
        BankError: the epoch is beyond the calendar.
        StorageError: the storage cannot be read, contradicts itself, or is in another currency.
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
        self._books.must_have(number)
        self._finish()
        order = SettlingInformation(funding_id, CAPITAL, number, amount, None)
        reason = order.flaw(self.currency)
        known = None if reason else self._books.record(funding_id)
        if known and not _same_body(known, order):
            reason = Reason.ID_REUSED
        if number == ESCROW:
            reason = Reason.UNKNOWN_PAYEE
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
        if not own.is_banks_own or own in _NOT_PAYABLE:
            raise AccountError(
                f"expected an account of the bank's own to pay out of, seen {own}: use one of "
                "branch 0 that you opened, or fund() to issue money"
            )
        self._books.must_have(own)
        self._catch_up(at_ns)
        order = SettlingInformation(payment_id, own, payee, amount, None)
        reason = order.flaw(self.currency)
        if reason is not None:
            return order.refused(reason)
        known = self._books.record(payment_id)
        if known is not None:
            return _answer(known, order)
        self.deposit()
        group = Group(self._books)
        outcome = self._decide(group, order, self._books.must_have(own), at_ns, None)
        self._enter(group)
        return outcome

    def settle(
        self, order: SettlingInformation, at_ns: int, consent: Consent | None = None
    ) -> Outcome:
        """Settle once, or refuse; the same request again gets the same answer (Fig 14, [0137]).

        The answer is given when the payer's side is done: the deposit follows ([0142]). A refusal
        that anyone could cause without the payer's signature is not stored under the id. What was
        settled and has been cancelled or given back since is answered as that.

        Args:
            order: the settling information.
            at_ns: now, in nanoseconds of the caller's clock, 0 to 2^63 - 1.
            consent: the shop's word on a payer below the age that was set, where the shop is to
                decide (D63). None: it was not asked; if it has to be, the outcome says so
                (CONSENT_WANTED) and nothing is logged.

        Raises:
            BankError: at_ns is out of range.
            StorageError: the storage failed. Ask again with the same id.
        """
        if at_ns >= self._due_ns or self._books.withdrawn_to != self._books.log.logged_to:
            self._catch_up(at_ns)
        group = Group(self._books)
        outcome = self._settle(group, order, at_ns, consent)
        self._enter(group)
        return outcome

    def settle_many(
        self, orders: Sequence[SettlingInformation], at_ns: int, mode: Mode = Mode.CONTINUE
    ) -> list[Outcome]:
        """Settle a batch with one flush of the log; an answer for each, in order.

        Each is decided as `settle` would, one after the other. In an atomic batch, which is a
        linked settlement, all are settled or none: then those that could have been are refused with
        LINKED, nothing is logged, and the batch may be sent again.

        Args:
            orders: the settling information of each.
            at_ns: now, in nanoseconds of the caller's clock.
            mode: whether they are linked.

        Raises:
            BankError: at_ns is out of range.
            StorageError: the storage failed. Ask again with the same ids.
        """
        return self.settle_batches([Batch(orders, at_ns, mode)])[0]

    def settle_batches(self, batches: Iterable[Batch]) -> list[list[Outcome]]:
        """Settle the batches of several senders with one flush of the log.

        Raises:
            BankError: a time is out of range.
            StorageError: the storage failed. Ask again with the same ids.
        """
        answers: list[list[Outcome]] = []
        group: Group | None = None
        for batch in batches:
            if not 0 <= batch.at_ns <= AT_MAX_NS:
                raise out_of_time(batch.at_ns)
            if group is None or batch.at_ns >= min(self._due_ns, group.due_ns):
                if group is not None:
                    self._enter(group)
                self._catch_up(batch.at_ns)
                group = Group(self._books)
            if batch.mode is Mode.ATOMIC:
                answers.append(self._settle_linked(group, batch))
            else:
                settle, at_ns = self._settle, batch.at_ns
                answers.append([settle(group, order, at_ns, None) for order in batch.orders])
        if group is not None:
            self._enter(group)
        return answers

    def inquire(self, settlement_id: str) -> Outcome:
        """How a settlement stands (S108), without the payer's balance: anyone may ask.

        An id that is not in the log is refused with UNKNOWN_SETTLEMENT.
        """
        nothing = Money(0, self.currency)
        if not is_well_formed(settlement_id):
            return Outcome.of(settlement_id, nothing, Reason.ID_MALFORMED)
        known = self._books.record(settlement_id)
        if known is None:
            return Outcome.of(settlement_id, nothing, Reason.UNKNOWN_SETTLEMENT)
        return known.outcome().without_balance()

    def parties(self, settlement_id: str) -> tuple[AccountNumber, AccountNumber] | None:
        """Payer and payee of what is in the log under an id; None where nothing is."""
        known = self._books.record(settlement_id) if is_well_formed(settlement_id) else None
        return None if known is None else (known.payer, known.payee)

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
        if known.kind in (Kind.SETTLED, Kind.FORMAL):
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
        if known.kind in (Kind.REFUSED, Kind.CANCELLED, Kind.REVERSED):
            return _given_back(known).without_balance()
        outcome = known.outcome().without_balance()
        if known.payer.is_banks_own:
            return outcome.but(Reason.BANKS_OWN)
        self.deposit()
        blocked = known.kind is Kind.PROVISORY  # what is given back is there and nobody's to spend
        if not blocked and self.available(payee) < known.amount:
            return outcome.but(Reason.PAYEE_BALANCE_TOO_LOW)
        done = self._give_back(known, Kind.REVERSED, reversal.signature, at_ns)
        return done.without_balance()

    # Deciding

    def _catch_up(self, at_ns: int) -> None:
        """Do first what is due before a decision at this time."""
        if self._books.withdrawn_to != self._books.log.logged_to:
            self.recover()
        if at_ns >= self._due_ns:
            self.mature(at_ns)

    def _settle(
        self, group: Group, order: SettlingInformation, at_ns: int, consent: Consent | None
    ) -> Outcome:
        """Answer a request; what is decided anew is added to the group."""
        reason = order.flaw(self.currency)
        payer = None if reason else group.data_file(order.payer)
        if payer is None:
            return order.refused(reason or Reason.UNKNOWN_PAYER)
        approval, key = order.approval, payer.approval_key
        if approval is None or key is None:
            return order.refused(Reason.APPROVAL_MISSING)
        if not order.matches(approval) or not verify(key, approval):
            return order.refused(Reason.APPROVAL_ALTERED)
        known = group.record(order.settlement_id)
        if known is not None:
            # Before the replay window: a retransmission carries the counter that was used.
            return _answer(known, order)
        if not payer.window.accepts(approval.counter):
            return order.refused(Reason.APPROVAL_REPLAYED)
        return self._decide(group, order, payer, at_ns, consent)

    def _settle_linked(self, group: Group, batch: Batch) -> list[Outcome]:
        """Answer requests of which all are settled or none."""
        part = Group(group)
        answers = [self._settle(part, order, batch.at_ns, None) for order in batch.orders]
        if all(answer.settled for answer in answers):
            group.join(part)
            return answers
        return [
            order.refused(answer.reason or Reason.LINKED)
            if part.has(order.settlement_id)
            else answer
            for order, answer in zip(batch.orders, answers, strict=True)
        ]

    def _decide(
        self,
        group: Group,
        order: SettlingInformation,
        payer: DataFile,
        at_ns: int,
        consent: Consent | None,
    ) -> Outcome:
        """Settle or refuse a sound new request, and log it unless the shop has to be asked."""
        amount_minor, balance_minor = order.amount.amount_minor, payer.balance_minor
        payee, restriction = order.payee, order.restriction
        reason = None
        unpayable = payee.branch == BANKS_BRANCH and payee in _NOT_PAYABLE
        if unpayable or group.data_file(payee) is None:
            reason = Reason.UNKNOWN_PAYEE
        elif amount_minor > balance_minor:
            reason = Reason.INSUFFICIENT_BALANCE
        elif amount_minor > balance_minor - payer.blocked_minor:
            reason = Reason.BALANCE_BLOCKED
        elif restriction is not None:
            reason = self._age_reason(restriction, payer.born, at_ns, consent)
            if reason is Reason.CONSENT_WANTED:
                return order.refused(reason)
        if reason is None:
            balance_minor -= amount_minor
        return self._log(group, order, reason, balance_minor, at_ns)

    def _age_reason(
        self, restriction: Restriction, born: date | None, at_ns: int, consent: Consent | None
    ) -> Reason | None:
        """Why the payer's age forbids it; None when it does not."""
        minimum_years = restriction.minimum_age_years
        if minimum_years == 0:
            return None
        if born is None:
            return Reason.AGE_UNKNOWN
        if not 0 <= at_ns <= AT_MAX_NS:
            raise out_of_time(at_ns)
        today = self.epoch + timedelta(days=at_ns // _NS_PER_DAY)
        if age_years(born, today) >= minimum_years:
            return None
        if restriction.decided_by == DecidedBy.BANK:
            return Reason.UNDER_AGE
        return _REASONS_BY_CONSENT[consent]

    def _issue(self, order: SettlingInformation, at_ns: int) -> None:
        balance_minor = self._books.must_have(CAPITAL).balance_minor - order.amount.amount_minor
        if balance_minor < -MINOR_MAX:
            raise FundingError(
                f"expected at most 10^15 minor units issued in all, seen {-balance_minor} with "
                f"{order.amount} to {order.payee}: issue less"
            )
        group = Group(self._books)
        self._log(group, order, None, balance_minor, at_ns)
        self._enter(group)

    def _log(
        self,
        group: Group,
        order: SettlingInformation,
        reason: Reason | None,
        balance_minor: int,
        at_ns: int,
    ) -> Outcome:
        """Add the first record of a settlement; its answer."""
        if not 0 <= at_ns <= AT_MAX_NS:
            raise out_of_time(at_ns)
        approval, restriction = order.approval, order.restriction
        kind, held, due_ns = _SETTLED, None, None
        if reason is not None:
            kind = Kind.REFUSED
        elif restriction is not None and restriction.cooling_off_s:
            kind, held = Kind.PROVISORY, restriction.held
            due_ns = at_ns + restriction.cooling_off_s * _NS_PER_S
            if due_ns > AT_MAX_NS:
                raise out_of_time(due_ns)
        record = LogRecord(
            group.next_number,
            order.settlement_id,
            order.payer,
            order.payee,
            order.amount,
            None if approval is None else approval.counter,
            b"" if approval is None else approval.signature,
            reason,
            balance_minor,
            at_ns,
            kind,
            restriction,
            held,
            due_ns,
        )
        group.add(record)
        return record.outcome()

    def _check_recall(
        self,
        recall: Cancellation | Reversal,
        settlement_id: str,
        signer: AccountNumber,
        at_ns: int,
    ) -> Reason | None:
        """Why a cancellation or reversal is not worth a look at the log; None when it is."""
        if not 0 <= at_ns <= AT_MAX_NS:
            raise out_of_time(at_ns)
        self._catch_up(at_ns)
        if not is_well_formed(settlement_id):
            return Reason.ID_MALFORMED
        holder = self._books.data_file(signer)
        if holder is None:
            return Reason.UNKNOWN_ACCOUNT
        if holder.approval_key is None:
            return Reason.NO_KEY
        return None if recall.verified(holder.approval_key) else Reason.SIGNATURE_WRONG

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


def _answer(known: LogRecord, order: SettlingInformation) -> Outcome:
    """The answer to a request under an id that is in the log."""
    if _same_body(known, order):
        return known.outcome()
    if known.overtook and known.payee == order.payee:
        return order.refused(Reason.REVERSED)
    return order.refused(Reason.ID_REUSED)


def _given_back(known: LogRecord) -> Outcome:
    """The answer to whoever wants back what the payee has not, or has no more."""
    outcome = known.outcome()
    if known.kind is Kind.REFUSED and not known.overtook:
        return outcome.but(Reason.NOTHING_TO_GIVE_BACK)
    return outcome


def _same_body(record: LogRecord, order: SettlingInformation) -> bool:
    return (
        record.payer == order.payer
        and record.payee == order.payee
        and record.amount == order.amount
        and record.restriction == order.restriction
    )
