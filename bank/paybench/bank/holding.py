"""Holding: money that is set aside for a payee who will say later how much it is."""

from .account import AccountNumber
from .errors import BankError
from .group import AT_MAX_NS, Group
from .ledger import out_of_time
from .money import Money
from .outcome import Outcome
from .reason import Reason
from .recall import Cancellation, Capture, Reversal
from .settlement import SettlingInformation, is_well_formed
from .settling import Settling
from .storage import Kind, LogRecord

HOLD_MAX_S = 366 * 24 * 3600
_NS_PER_S = 10**9


class Holding(Settling):
    """Authorisation and capture, as of a card at a pump or a hotel.

    A held amount stays on the payer's account, blocked: part of its balance and not of what is
    available. It has one end: it is captured in full or in part, given up by the payee with a
    `Reversal`, or it expires.
    """

    def authorise(self, order: SettlingInformation, at_ns: int, *, hold_s: int) -> Outcome:
        """Hold the amount for the payee; the outcome's state is HELD, and it is not settled yet.

        It is decided and refused as a settlement, and its id is one.

        Args:
            order: the settling information, without a restriction; the payer's approval covers
                what is captured.
            at_ns: now, in nanoseconds of the caller's clock.
            hold_s: after how many seconds the hold expires, 1 to 366 days.

        Raises:
            BankError: a time is out of range.
            StorageError: the storage failed. Ask again with the same id.
        """
        if not 1 <= hold_s <= HOLD_MAX_S or order.restriction is not None:
            raise out_of_hold(hold_s)
        self._catch_up(at_ns)
        group = Group(self._books)
        outcome = self._settle(group, order, at_ns, None, at_ns + hold_s * _NS_PER_S)
        self._enter(group)
        return outcome

    def capture(self, capture: Capture, at_ns: int) -> Outcome:
        """Settle what is held, in full or in part, once; the rest is the payer's again.

        The outcome's state is SETTLED when it is done, also when it was done before for the same
        amount. Otherwise it says how the settlement stands, and its reason why it was not captured.

        Args:
            capture: signed by the payee.
            at_ns: now, in nanoseconds; at the end of the hold it has expired.

        Raises:
            BankError: at_ns is out of range.
            StorageError: the storage failed. Ask again.
        """
        settlement_id, payee = capture.settlement_id, capture.payee
        reason = self._check_recall(capture, settlement_id, payee, at_ns)
        known = None if reason else self._books.record(settlement_id)
        if known is not None and known.payee != payee:
            reason = Reason.ID_REUSED
        if known is None or reason is not None:
            nothing = Money(0, self.currency)
            return Outcome.of(settlement_id, nothing, reason or Reason.UNKNOWN_SETTLEMENT)
        outcome = known.outcome().without_balance()
        if known.kind is Kind.CAPTURED:
            same = known.amount == capture.amount
            return outcome if same else outcome.but(Reason.CAPTURED_ALREADY)
        if known.kind is not Kind.HELD:
            return outcome if known.reason else outcome.but(Reason.NOTHING_HELD)
        reason = self._capture_reason(known, capture.amount)
        if reason is not None:
            return outcome.but(reason)
        done = self._release(known, Kind.CAPTURED, capture.signature, at_ns, capture.amount)
        return done.without_balance()

    def _capture_reason(self, held: LogRecord, amount: Money) -> Reason | None:
        if amount.currency != self.currency:
            return Reason.CURRENCY_MISMATCH
        if amount.amount_minor <= 0:
            return Reason.AMOUNT_NOT_POSITIVE
        if amount.amount_minor > held.amount.amount_minor:
            return Reason.MORE_THAN_HELD
        if self._books.must_have(held.payee).closed:
            return Reason.ACCOUNT_CLOSED
        return None

    def _release(
        self,
        held: LogRecord,
        kind: Kind,
        signature: bytes,
        at_ns: int,
        amount: Money | None = None,
    ) -> Outcome:
        """End a hold, with an amount captured or with none."""
        balance_minor = self._books.must_have(held.payer).balance_minor
        record = held.successor(
            self._books.next_number,
            kind,
            at_ns,
            payer_balance_minor=balance_minor - (amount.amount_minor if amount else 0),
            signature=signature,
            amount=amount,
        )
        self._enter_one(record)
        return record.outcome()

    def _check_recall(
        self,
        recall: Cancellation | Capture | Reversal,
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


def out_of_hold(hold_s: int) -> BankError:
    """The error for a hold that cannot be."""
    return BankError(
        f"expected a hold of 1 to {HOLD_MAX_S} seconds and no restriction, seen {hold_s} seconds: "
        "give the time in which the payee is to capture"
    )
