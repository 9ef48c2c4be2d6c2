"""The settling of a session that is synchronised: from the amount to the receipt (claims 6-8)."""

from collections.abc import Callable

from paybench.bank.any_bank import AnyBank
from paybench.bank.approval import Approval
from paybench.bank.authentication import Authenticator
from paybench.bank.errors import AccountUnknownError
from paybench.bank.money import Money
from paybench.bank.outcome import Outcome
from paybench.bank.reason import Reason
from paybench.bank.restriction import DecidedBy
from paybench.bank.settlement import SettlingInformation

from .limits import Limits
from .messages import (
    AmountBilled,
    AmountDue,
    Completed,
    Confirmed,
    Notice,
    Receipt,
    Side,
)
from .refusal import Refusal
from .session import Session
from .session_machine import SETTLEMENT, Finding, State
from .terminal_register import TerminalRegister
from .user_authentication import UserAuthentication
from .user_register import Purchase, UserRecord, UserRegister

# The bank logs none of these: a sound confirmation may still follow.
_UNSIGNED = frozenset({Reason.APPROVAL_MISSING, Reason.APPROVAL_ALTERED, Reason.APPROVAL_REPLAYED})

_LIMITS = Limits()


class Settling(UserAuthentication):
    """T5 to T9. Whether a session is settled is for the bank's log to say.

    Args:
        bank: settles.
        terminals: as a synchroniser's.
        users: likewise.
        below: likewise.
        authenticator: authenticates users; None: a new one.
        limits: as a synchroniser's.
        name: likewise.
    """

    machine = SETTLEMENT

    def __init__(
        self,
        bank: AnyBank,
        terminals: TerminalRegister,
        users: UserRegister,
        below: Callable[[int], int],
        *,
        authenticator: Authenticator | None = None,
        limits: Limits = _LIMITS,
        name: str = "tin",
    ) -> None:
        super().__init__(
            terminals, users, below, authenticator=authenticator, limits=limits, name=name
        )
        self.bank = bank

    def available(self, user: UserRecord, at_ns: int) -> Money:
        """How much the user can pay by TIN now (claim 11): balance and limit bound it.

        Args:
            user: a registered user.
            at_ns: now, in nanoseconds; it tells the day.

        Raises:
            TinError: the user is not registered.
        """
        left_minor = self.users.left_minor(user.calling_number, at_ns)
        try:
            available = self.bank.available(user.account)
        except AccountUnknownError:
            return Money(0, self.bank.currency)
        if left_minor is None:
            return available
        return Money(min(left_minor, available.amount_minor), self.bank.currency)

    def _is_taken(self, session_id: str) -> bool:
        return super()._is_taken(session_id) or self.bank.parties(session_id) is not None

    # T5, T6

    def _bill(self, session: Session, message: AmountBilled, at_ns: int) -> list[Notice]:
        """The amount comes: can it be paid?"""
        billed = (session.amount, session.restriction)
        if billed == (message.amount, message.restriction):
            return self._say_again(session)
        if not self.machine.takes(session.state, "AmountBilled"):
            return self._out_of_place(Side.BILLING, session)
        flaw = self._flaw(message)
        if flaw is not None:
            return [self._refused(session, Side.BILLING, flaw)]
        _, user = session.ends
        if message.amount > self.available(user, at_ns):
            # The end: whoever bills again and again would learn how much there is.
            over = Refusal.OVER_AVAILABLE
            return self._end(session, "AmountBilled", Finding.OVER_AVAILABLE, over, at_ns)
        session.amount, session.restriction = message.amount, message.restriction
        self._move(session, "AmountBilled", Finding.PAYABLE, at_ns)
        return [self._standing(session, Side.PAYING)]

    def _flaw(self, message: AmountBilled) -> Refusal | None:
        amount, restriction = message.amount, message.restriction
        if amount.currency != self.bank.currency or amount.amount_minor <= 0:
            return Refusal.AMOUNT_NOT_PAYABLE
        if restriction is None or not restriction.minimum_age_years:
            return None
        return Refusal.NEEDS_CONSENT if restriction.decided_by is DecidedBy.SHOP else None

    # T7, T8, T9

    def _confirm(self, session: Session, message: Confirmed, at_ns: int) -> list[Notice]:
        """The payer's signature comes: settle, or answer once more how it was settled."""
        state = session.state
        order = _order(session, message.approval)
        if order is None or state not in (State.BILLED, State.SETTLED):
            return self._out_of_place(Side.PAYING, session)
        barred = self._barred(session, order.amount, at_ns) if state is State.BILLED else None
        if barred is not None:
            return self._end(session, "Confirmed", Finding.NOT_SETTLED, barred, at_ns)
        outcome = self.bank.settle(order, at_ns)
        if outcome.reason in _UNSIGNED:
            refused = self._refused(session, Side.PAYING, Refusal.NOT_SETTLED, outcome.reason)
            return [refused]
        if state is State.BILLED:
            if not outcome.settled:
                reason = outcome.reason
                refusal = Refusal.NOT_SETTLED
                return self._end(session, "Confirmed", Finding.NOT_SETTLED, refusal, at_ns, reason)
            self._settled(session, "Confirmed", at_ns)
        return [self._told(session, side, outcome) for side in Side]

    def _barred(self, session: Session, amount: Money, at_ns: int) -> Refusal | None:
        """Why the apparatus itself does not have it settled; the balance is for the bank to see."""
        terminal, user = session.ends
        if self.terminals.find(terminal.terminal_id) != terminal:
            return Refusal.UNREGISTERED_TERMINAL
        left_minor = self.users.left_minor(user.calling_number, at_ns)
        over = left_minor is not None and amount.amount_minor > left_minor
        return Refusal.OVER_AVAILABLE if over else None

    def _settled(self, session: Session, event: str, at_ns: int) -> None:
        terminal, user = session.ends
        assert session.amount is not None, "only what was billed is settled"
        self._move(session, event, Finding.SETTLED, at_ns)
        purchase = Purchase(session.session_id, at_ns, terminal.details, session.amount)
        self.users.note(user.calling_number, purchase)

    def _end(
        self,
        session: Session,
        event: str,
        finding: Finding,
        refusal: Refusal,
        at_ns: int,
        bank: Reason | None = None,
    ) -> list[Notice]:
        if session.state is State.BILLED and self._is_paid(session):
            self._settled(session, event, at_ns)
            return self._say_again(session)
        return super()._end(session, event, finding, refusal, at_ns, bank)

    def _is_paid(self, session: Session) -> bool:
        """Whether the bank has settled it all the same.

        The payer may have taken the approval to the bank, or the bank's storage failed after the
        log was written. What the payer can still cancel, though the shop has not billed it so,
        does not count.
        """
        terminal, user = session.ends
        outcome = self._known_outcome(session.session_id)
        if outcome is None or not outcome.settled or outcome.amount != session.amount:
            return False
        restriction = session.restriction
        if outcome.formal_at_ns is not None and not (restriction and restriction.cooling_off_s):
            return False
        return self.bank.parties(session.session_id) == (user.account, terminal.account)

    def _known_outcome(self, session_id: str) -> Outcome | None:
        """What the bank knows of a settlement, without balance; None: nothing."""
        outcome = self.bank.inquire(session_id)
        unknown = outcome.reason in (Reason.UNKNOWN_SETTLEMENT, Reason.ID_MALFORMED)
        return None if unknown else outcome

    # What is said

    def _told(self, session: Session, side: Side, outcome: Outcome) -> Notice:
        """T8 or T9."""
        terminal, user = session.ends
        name = session.session_id
        if side is Side.BILLING:
            return Notice(side, terminal.line, "T8", Completed(name, outcome.without_balance()))
        return Notice(side, user.calling_number, "T9", Receipt(name, outcome, terminal.details))

    def _standing(self, session: Session, side: Side) -> Notice:
        if session.state is State.SETTLED:
            return self._told(session, side, self.bank.inquire(session.session_id))
        if session.state is State.BILLED and side is Side.PAYING and session.amount is not None:
            terminal, user = session.ends
            details, restriction = terminal.details, session.restriction
            due = AmountDue(
                session.session_id, terminal.account, session.amount, details, restriction
            )
            return Notice(side, user.calling_number, "T6", due)
        return super()._standing(session, side)


def _order(session: Session, approval: Approval) -> SettlingInformation | None:
    """What the payer has to have signed; None before there is an amount."""
    if session.amount is None:
        return None
    terminal, user = session.ends
    return SettlingInformation(
        session.session_id,
        user.account,
        terminal.account,
        session.amount,
        approval,
        restriction=session.restriction,
    )
