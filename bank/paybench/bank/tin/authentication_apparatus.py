"""The authentication apparatus: proves to a third party who a caller is (claims 42, 43)."""

from typing import assert_never

from .messages import (
    AuthenticationAnswered,
    AuthenticationWanted,
    ClerksWord,
    Declined,
    FromFirst,
    FromSecond,
    Notice,
    PasswordWanted,
    SessionInquiry,
    SessionState,
    Side,
    TinPresented,
    Withdrawn,
)
from .refusal import Refusal
from .session_machine import AUTHENTICATION
from .user_authentication import UserAuthentication


class AuthenticationApparatus(UserAuthentication):
    """Synchronises as a settlement apparatus does, authenticates, and no money is in it.

    The second terminal, which demands, has the place of a billing terminal; the first one, whose
    user is meant, that of a paying terminal.

    Args:
        terminals: the registered second terminals; their accounts are not used.
        users: the registered users.
        below: draws evenly from 0 up to its argument, that one excluded; nobody may foresee it.
        authenticator: authenticates users; None: a new one.
        limits: how long, and how many.
        name: what the names of its sessions begin with.
    """

    machine = AUTHENTICATION

    def from_second(self, line: str, message: FromSecond, at_ns: int) -> list[Notice]:
        """Take a message from a second terminal.

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
        side = Side.BILLING
        if isinstance(message, AuthenticationWanted):
            return notices + self._demand(line, message, at_ns)
        session = self._session(side, line, message.session)
        if isinstance(session, Refusal):
            return notices + self._refuse(side, line, session, message.session)
        match message:
            case ClerksWord():
                return notices + self._answer(session, message, at_ns)
            case PasswordWanted():
                return notices + self._demand_password(session, message, at_ns)
            case Withdrawn():
                return notices + self._give_up(side, session, message, at_ns)
            case SessionInquiry():
                state = SessionState(session.session_id, session.state)
                return [*notices, Notice(side, line, "S108", state)]
            case _:
                assert_never(message)

    def from_first(self, calling_number: str, message: FromFirst, at_ns: int) -> list[Notice]:
        """Take a message from a first terminal.

        Args:
            calling_number: who calls, as the network says.
            message: what was said.
            at_ns: now, in nanoseconds.

        Returns:
            What is to be sent, in this order.

        Raises:
            BankError: at_ns is out of range.
        """
        notices = self.expire(at_ns)
        side = Side.PAYING
        user = self._user(calling_number)
        about = message.tin if isinstance(message, TinPresented) else message.session
        if isinstance(user, Refusal):
            return notices + self._refuse(side, calling_number, user, about)
        if isinstance(message, TinPresented):
            return notices + self._present(side, user, message, at_ns)
        session = self._session(side, calling_number, message.session)
        if isinstance(session, Refusal):
            return notices + self._refuse(side, calling_number, session, about)
        match message:
            case AuthenticationAnswered():
                return notices + self._answer(session, message, at_ns)
            case Declined():
                return notices + self._give_up(side, session, message, at_ns)
            case SessionInquiry():
                state = SessionState(session.session_id, session.state)
                return [*notices, Notice(side, calling_number, "S108", state)]
            case _:
                assert_never(message)

    def _demand(self, line: str, message: AuthenticationWanted, at_ns: int) -> list[Notice]:
        """A number, and how the user who sends it is to be authenticated."""
        side, request_id = Side.BILLING, message.request_id
        terminal = self._terminal(line, message.terminal_id)
        if isinstance(terminal, Refusal):
            return self._refuse(side, line, terminal, request_id)
        demand = terminal.demand if message.demand is None else message.demand
        if demand.method is None:
            return self._refuse(side, line, Refusal.NO_METHOD, request_id)
        notices = self._issue(side, terminal, request_id, at_ns)
        session = self._book.of_request((side, terminal.terminal_id), request_id)
        if session is not None and session.demand is None:
            session.demand = demand
        return notices
