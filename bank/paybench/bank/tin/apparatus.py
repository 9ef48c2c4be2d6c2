"""The settlement apparatus: settles between two terminals that name the same number (claim 3)."""

from typing import assert_never

from msgspec.structs import replace

from .messages import (
    AmountBilled,
    AuthenticationAnswered,
    ClerksWord,
    Confirmed,
    Declined,
    FromBilling,
    FromPaying,
    HistoryWanted,
    Notice,
    PasswordWanted,
    PurchaseHistory,
    SessionInquiry,
    SessionState,
    Side,
    Status,
    StatusWanted,
    TinPresented,
    TinWanted,
    Withdrawn,
)
from .refusal import Refusal
from .session import Session
from .session_machine import State
from .settling import Settling
from .user_register import AVAILABLE, PAYMENTS, UserRecord


class SettlementApparatus(Settling):
    """Settles a transaction between a billing and a paying terminal over two networks.

    Nothing is settled but what the billing side has billed and the payer has signed, for this
    session and this amount, and no session settles twice.

    Args:
        bank: settles. Where apparatus and bank differ, the bank is right.
        terminals: the registered billing terminals.
        users: the registered users.
        below: draws evenly from 0 up to its argument, that one excluded; nobody may foresee it.
        authenticator: authenticates users; None: a new one.
        limits: how long, and how many.
        name: what the names of its sessions begin with, and so the ids of its settlements.
    """

    def from_billing(self, line: str, message: FromBilling, at_ns: int) -> list[Notice]:
        """Take a message from the billing network.

        Args:
            line: the line it came on, as the network says.
            message: what was said.
            at_ns: now, in nanoseconds.

        Returns:
            What is to be sent, in this order.

        Raises:
            BankError: at_ns is out of range.
        """
        notices = self.expire(at_ns)
        if isinstance(message, TinWanted | TinPresented):
            return notices + self._hear_terminal(line, message, at_ns)
        session = self._session(Side.BILLING, line, message.session)
        if isinstance(message, SessionInquiry):
            return notices + self._inquire(Side.BILLING, line, session, message.session)
        if isinstance(session, Refusal):
            return notices + self._refuse(Side.BILLING, line, session, message.session)
        return notices + self._hear_shop(session, message, at_ns)

    def from_paying(self, calling_number: str, message: FromPaying, at_ns: int) -> list[Notice]:
        """Take a message from the paying network.

        Args:
            calling_number: who calls, as the network says.
            message: what was said.
            at_ns: now, in nanoseconds.

        Returns:
            What is to be sent, in this order.

        Raises:
            BankError: at_ns is out of range.
            StorageError: the bank's storage failed at T7. Send it again.
        """
        notices = self.expire(at_ns)
        user = self._user(calling_number)
        if isinstance(user, Refusal):
            return notices + self._refuse(Side.PAYING, calling_number, user, _about(message))
        if isinstance(message, TinWanted | TinPresented | HistoryWanted | StatusWanted):
            return notices + self._hear_user(user, message, at_ns)
        session = self._session(Side.PAYING, calling_number, message.session)
        if isinstance(message, SessionInquiry):
            return notices + self._inquire(Side.PAYING, calling_number, session, message.session)
        if isinstance(session, Refusal):
            return notices + self._refuse(Side.PAYING, calling_number, session, message.session)
        return notices + self._hear_payer(session, message, at_ns)

    # Who speaks

    def _hear_terminal(
        self, line: str, message: TinWanted | TinPresented, at_ns: int
    ) -> list[Notice]:
        terminal = self._terminal(line, message.terminal_id)
        if isinstance(message, TinWanted):
            if isinstance(terminal, Refusal):
                return self._refuse(Side.BILLING, line, terminal, message.request_id)
            return self._issue(Side.BILLING, terminal, message.request_id, at_ns)
        if isinstance(terminal, Refusal):
            return self._refuse(Side.BILLING, line, terminal, message.tin)
        return self._present(Side.BILLING, terminal, message, at_ns)

    def _hear_shop(
        self,
        session: Session,
        message: ClerksWord | PasswordWanted | AmountBilled | Withdrawn | StatusWanted,
        at_ns: int,
    ) -> list[Notice]:
        match message:
            case ClerksWord():
                return self._answer(session, message, at_ns)
            case PasswordWanted():
                return self._demand_password(session, message, at_ns)
            case AmountBilled():
                return self._bill(session, message, at_ns)
            case Withdrawn():
                return self._give_up(Side.BILLING, session, message, at_ns)
            case StatusWanted():
                return self._tell_status(session, at_ns)
            case _:
                assert_never(message)

    def _hear_user(
        self,
        user: UserRecord,
        message: TinWanted | TinPresented | HistoryWanted | StatusWanted,
        at_ns: int,
    ) -> list[Notice]:
        match message:
            case TinWanted():
                return self._issue(Side.PAYING, user, message.request_id, at_ns)
            case TinPresented():
                return self._present(Side.PAYING, user, message, at_ns)
            case HistoryWanted():
                return [self._history(user, message.limit)]
            case StatusWanted():
                payments = self.users.payments(user.calling_number)
                status = Status("", True, payments, self.available(user, at_ns))
                return [Notice(Side.PAYING, user.calling_number, "status", status)]
            case _:
                assert_never(message)

    def _hear_payer(
        self, session: Session, message: AuthenticationAnswered | Confirmed | Declined, at_ns: int
    ) -> list[Notice]:
        match message:
            case AuthenticationAnswered():
                return self._answer(session, message, at_ns)
            case Confirmed():
                return self._confirm(session, message, at_ns)
            case Declined():
                return self._give_up(Side.PAYING, session, message, at_ns)
            case _:
                assert_never(message)

    # What is asked

    def _history(self, user: UserRecord, limit: int) -> Notice:
        """The purchases, and how they stand now (claim 13)."""
        purchases = tuple(
            replace(purchase, state=self.bank.inquire(purchase.session).state)
            for purchase in self.users.purchases(user.calling_number, limit)
        )
        return Notice(Side.PAYING, user.calling_number, "history", PurchaseHistory(purchases))

    def _tell_status(self, session: Session, at_ns: int) -> list[Notice]:
        """What the shop may know of the user (claim 11): no more than the user allows."""
        if session.state is State.ISSUED or session.state.is_closed:
            return self._out_of_place(Side.BILLING, session)
        terminal, user = session.ends
        payments = self.users.payments(user.calling_number) if PAYMENTS in user.shown else None
        available = self.available(user, at_ns) if AVAILABLE in user.shown else None
        registered = not isinstance(self._user(user.calling_number), Refusal)
        status = Status(session.session_id, registered, payments, available)
        return [Notice(Side.BILLING, terminal.line, "status", status)]

    def _inquire(
        self, side: Side, address: str, session: Session | Refusal, session_id: str
    ) -> list[Notice]:
        """How a session stands; of one that is forgotten, the bank's log still knows (S108)."""
        outcome = self._known_outcome(session_id)
        if isinstance(session, Session):
            state = session.state
        elif session is Refusal.UNKNOWN_SESSION and self._was_of(side, address, session_id):
            settled = outcome is not None and outcome.settled
            state = State.SETTLED if settled else State.REFUSED
        else:
            return self._refuse(side, address, session, session_id)
        return [Notice(side, address, "S108", SessionState(session_id, state, outcome))]

    def _was_of(self, side: Side, address: str, session_id: str) -> bool:
        """Whether a settlement in the bank's log pays, or is paid by, whoever asks."""
        parties = self.bank.parties(session_id)
        if parties is None:
            return False
        payer, payee = parties
        if side is Side.BILLING:
            return any(terminal.account == payee for terminal in self.terminals.on_line(address))
        user = self.users.find(address)
        return user is not None and user.account == payer


def _about(message: FromPaying) -> str:
    """What a refusal says that it is about."""
    match message:
        case TinWanted():
            return message.request_id
        case TinPresented():
            return message.tin
        case HistoryWanted():
            return ""
        case _:
            return message.session
