"""Settling: what is settled and what is refused, one by one and in groups (Fig 14)."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from .account import BANKS_BRANCH, CAPITAL, ESCROW, AccountNumber
from .accounts import Accounts
from .approval import verify
from .group import AT_MAX_NS, Batch, Group, Linked, Mode
from .ledger import out_of_time
from .money import Money
from .outcome import Outcome
from .reason import Reason
from .restriction import Consent, DecidedBy, Restriction, age_years
from .settlement import SettlingInformation, is_well_formed
from .storage import DataFile, Kind, LogRecord

NOT_PAYABLE = CAPITAL, ESCROW

_SETTLED = Kind.SETTLED
_NS_PER_S = 10**9
_NS_PER_DAY = 24 * 3600 * _NS_PER_S
_REASONS_BY_CONSENT = {
    None: Reason.CONSENT_WANTED,
    Consent.APPROVED: None,
    Consent.DENIED: Reason.CONSENT_DENIED,
    Consent.NO_ANSWER: Reason.CONSENT_OVERDUE,
}


class Settling(Accounts):
    """The settling of a bank: every request is answered, and those that are new are decided."""

    epoch: date

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
        if at_ns >= self._due_ns or not self._books.is_level:
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
        answers = self.begin_batches(batches)
        self.end_batches()
        return answers

    def begin_batches(self, batches: Iterable[Batch]) -> list[list[Outcome]]:
        """Decide batches and begin to log them: their answers hold when `end_batches` has returned.

        Further ones may be begun before. They are decided while the log is written, and when their
        own writing begins the answers before them hold.

        Raises:
            BankError: a time is out of range; nothing was decided.
            StorageError: the storage failed. Ask again with the same ids, also with those that were
                begun and not ended.
        """
        batches = list(batches)
        for batch in batches:
            if not 0 <= batch.at_ns <= AT_MAX_NS:
                raise out_of_time(batch.at_ns)
        answers: list[list[Outcome]] = []
        group: Group | None = None
        for batch in batches:
            if group is None or batch.at_ns >= min(self._due_ns, group.due_ns):
                if group is not None:
                    self._enter(group)
                self._catch_up(batch.at_ns)
                self._books.relieve()
                group = Group(self._books)
            if batch.mode is Mode.ATOMIC:
                answers.append(self._settle_linked(group, batch))
            else:
                settle, at_ns = self._settle, batch.at_ns
                answers.append([settle(group, order, at_ns, None) for order in batch.orders])
        if group is None:
            self._books.land()
        elif group.held:  # when it is due is read from the log
            self._enter(group)
        else:
            self._books.begin(group)
        return answers

    @property
    def is_logging(self) -> bool:
        """Whether what was begun is not in the log yet, as far as is known without waiting."""
        return self._books.is_logging

    def end_batches(self) -> None:
        """Wait until all batches that were begun are logged.

        Raises:
            StorageError: the storage failed. Ask again with the same ids.
        """
        self._books.land()
        self._books.relieve()

    def inquire(self, settlement_id: str) -> Outcome:
        """How a settlement stands (S108), without the payer's balance: anyone may ask.

        An id that is not in the log is refused with UNKNOWN_SETTLEMENT.
        """
        nothing = Money(0, self.currency)
        if not is_well_formed(settlement_id):
            return Outcome.of(settlement_id, nothing, Reason.ID_MALFORMED)
        self._books.land()
        known = self._books.record(settlement_id)
        if known is None:
            return Outcome.of(settlement_id, nothing, Reason.UNKNOWN_SETTLEMENT)
        return known.outcome().without_balance()

    def parties(self, settlement_id: str) -> tuple[AccountNumber, AccountNumber] | None:
        """Payer and payee of what is in the log under an id; None where nothing is."""
        self._books.land()
        known = self._books.record(settlement_id) if is_well_formed(settlement_id) else None
        return None if known is None else (known.payer, known.payee)

    # Deciding

    def _catch_up(self, at_ns: int) -> None:
        """Do first what is due before a decision at this time."""
        if not self._books.is_level:
            self.recover()
        if at_ns >= self._due_ns:
            self.mature(at_ns)

    def _settle(
        self,
        group: Group,
        order: SettlingInformation,
        at_ns: int,
        consent: Consent | None,
        hold_to_ns: int | None = None,
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
            return answer(known, order)
        if not payer.window.accepts(approval.counter):
            return order.refused(Reason.APPROVAL_REPLAYED)
        return self._decide(group, order, payer, at_ns, consent, hold_to_ns)

    def _settle_linked(self, group: Group, batch: Batch) -> list[Outcome]:
        """Answer requests of which all are settled or none."""
        part = Linked(group)
        answers = [self._settle(part, order, batch.at_ns, None) for order in batch.orders]
        if all(answer.settled for answer in answers):
            part.join()
            return answers
        return [
            order.refused(answer.reason or Reason.LINKED)
            if part.decided(order.settlement_id)
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
        hold_to_ns: int | None = None,
    ) -> Outcome:
        """Settle or refuse a sound new request, and log it unless the shop has to be asked."""
        amount_minor, balance_minor = order.amount.amount_minor, payer.balance_minor
        payee, restriction = order.payee, order.restriction
        reason = None
        unpayable = payee.branch == BANKS_BRANCH and payee in NOT_PAYABLE
        payees = None if unpayable else group.data_file(payee)
        if payees is None:
            reason = Reason.UNKNOWN_PAYEE
        elif payer.closed or payees.closed:
            reason = Reason.ACCOUNT_CLOSED
        elif amount_minor > balance_minor:
            reason = Reason.INSUFFICIENT_BALANCE
        elif amount_minor > balance_minor - payer.blocked_minor:
            reason = Reason.BALANCE_BLOCKED
        elif restriction is not None:
            reason = self._age_reason(restriction, payer.born, at_ns, consent)
            if reason is Reason.CONSENT_WANTED:
                return order.refused(reason)
        if reason is None and hold_to_ns is None:
            balance_minor -= amount_minor
        return self._log(group, order, payer, reason, balance_minor, at_ns, hold_to_ns)

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

    def _log(
        self,
        group: Group,
        order: SettlingInformation,
        payer: DataFile,
        reason: Reason | None,
        balance_minor: int,
        at_ns: int,
        hold_to_ns: int | None = None,
    ) -> Outcome:
        """Add the first record of a settlement; its answer."""
        if not 0 <= at_ns <= AT_MAX_NS:
            raise out_of_time(at_ns)
        approval, restriction = order.approval, order.restriction
        kind, held, due_ns = _SETTLED, None, None
        if reason is not None:
            kind = Kind.REFUSED
        elif hold_to_ns is not None:
            kind, due_ns, reason = Kind.HELD, hold_to_ns, Reason.HELD
        elif restriction is not None and restriction.cooling_off_s:
            kind, held = Kind.PROVISORY, restriction.held
            due_ns = at_ns + restriction.cooling_off_s * _NS_PER_S
        if due_ns is not None and due_ns > AT_MAX_NS:
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
        group.add(record, payer)
        return record.outcome()


def answer(known: LogRecord, order: SettlingInformation) -> Outcome:
    """The answer to a request under an id that is in the log."""
    if same_body(known, order):
        return known.outcome()
    if known.overtook and known.payee == order.payee:
        return order.refused(Reason.REVERSED)
    return order.refused(Reason.ID_REUSED)


def same_body(record: LogRecord, order: SettlingInformation) -> bool:
    """Whether a request repeats what is in the log under its id."""
    return (
        record.payer == order.payer
        and record.payee == order.payee
        and record.asked == order.amount
        and record.restriction == order.restriction
    )
