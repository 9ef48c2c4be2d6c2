"""The authentication of the user of a session, once it is synchronised (claims 14-26)."""

from collections.abc import Callable

from paybench.bank.authentication import (
    AuthenticationRun,
    Authenticator,
    Disagreement,
    Failed,
    FailureReason,
    Method,
    Order,
    Passed,
    agree,
)

from .limits import Limits
from .messages import (
    AuthenticationAnswered,
    AuthenticationOrdered,
    AuthenticationResult,
    ClerksWord,
    Connected,
    Notice,
    PasswordWanted,
    PortraitShown,
    Side,
    Synchronised,
)
from .refusal import Refusal
from .session import Session
from .session_machine import Finding, State
from .synchroniser import Synchroniser
from .terminal_register import TerminalRegister
from .user_register import UserRegister

_LIMITS = Limits()


class UserAuthentication(Synchroniser):
    """A synchroniser that has the user authenticated as both sides agree.

    Args:
        terminals: as a synchroniser's.
        users: likewise.
        below: likewise; it also picks the questions.
        authenticator: carries it out; None: a new one.
        limits: as a synchroniser's.
        name: likewise.
    """

    def __init__(
        self,
        terminals: TerminalRegister,
        users: UserRegister,
        below: Callable[[int], int],
        *,
        authenticator: Authenticator | None = None,
        limits: Limits = _LIMITS,
        name: str = "aut",
    ) -> None:
        super().__init__(terminals, users, below, limits=limits, name=name)
        self._authenticator = Authenticator() if authenticator is None else authenticator

    # T4

    def _synchronise(self, session: Session, at_ns: int) -> list[Notice]:
        terminal, user = session.ends
        registered = user.enrolment.methods
        if not terminal.kind.has_clerk:
            registered = frozenset(method for method in registered if not method.is_visual)
        demand = terminal.demand if session.demand is None else session.demand
        agreement = agree(demand, user.demand, registered)
        if isinstance(agreement, Disagreement):
            session.sentence = agreement.sentence
            refusal = Refusal.DISAGREEMENT
            return self._end(session, "TinPresented", Finding.FAILED, refusal, at_ns)
        session.methods = agreement.methods
        session.run = self._authenticator.begin(
            user.calling_number, user.enrolment, agreement.methods, self._below, at_ns
        )
        went_on = self._advance(session, "TinPresented", at_ns)
        if session.refusal is not None:  # locked out: then nobody is told who it is
            return went_on
        return [self._synchronised(session, side) for side in Side] + went_on

    def _synchronised(self, session: Session, side: Side) -> Notice:
        (terminal, user), name, tin = session.ends, session.session_id, session.tin
        if side is Side.BILLING:
            told = Synchronised(name, tin, user.visible, session.methods)
            return Notice(side, terminal.line, "T4", told)
        told = Connected(name, tin, terminal.details, session.methods)
        return Notice(side, user.calling_number, "T4", told)

    def _presented_again(self, session: Session) -> list[Notice]:
        notices: list[Notice] = []
        if not session.state.is_closed:
            notices = [self._synchronised(session, side) for side in Side]
        return notices + [told for told in self._say_again(session) if told not in notices]

    # Orders and answers

    def _answer(
        self, session: Session, message: AuthenticationAnswered | ClerksWord, at_ns: int
    ) -> list[Notice]:
        """The payer's answer, or the clerk's word: only one of them fits the state."""
        event = type(message).__name__
        side = Side.BILLING if isinstance(message, ClerksWord) else Side.PAYING
        if (side, message.order) in session.answered:
            return self._say_again(session)
        if not self.machine.takes(session.state, event):
            return self._out_of_place(side, session)
        run = _run(session)
        if not (isinstance(run.step, Order) and run.step.number == message.order):
            return self._out_of_place(side, session)
        session.answered += ((side, message.order),)
        if isinstance(message, ClerksWord):
            run.clerk_says(message.order, is_the_user=message.is_the_user, at_ns=at_ns)
        else:
            run.answer(message.order, message.answer, at_ns)
        return self._advance(session, event, at_ns)

    def _demand_password(
        self, session: Session, message: PasswordWanted, at_ns: int
    ) -> list[Notice]:
        """The shop wants the password (claims 16, 36); once in a session is enough."""
        event = type(message).__name__
        if session.wants_password:
            return self._say_again(session)
        if not self.machine.takes(session.state, event):
            return self._out_of_place(Side.BILLING, session)
        session.wants_password = True
        _run(session).demand_password(at_ns)
        return self._advance(session, event, at_ns)

    def _advance(self, session: Session, event: str, at_ns: int) -> list[Notice]:
        """Go where the authentication stands now, and tell whom it concerns."""
        step = _run(session).step
        if isinstance(step, Failed):
            session.sentence = step.reason.sentence
            locked = step.reason is FailureReason.LOCKED_OUT
            refusal = Refusal.LOCKED_OUT if locked else Refusal.AUTHENTICATION_FAILED
            ended = self._end(session, event, Finding.FAILED, refusal, at_ns)
            return [self._result(session, Side.BILLING), *ended]
        if isinstance(step, Passed):
            self._move(session, event, Finding.PASSED, at_ns)
            return [self._result(session, side) for side in Side if step.methods]
        finding = Finding.CLERK_ASKED if step.method.is_visual else Finding.PAYER_ASKED
        self._move(session, event, finding, at_ns)
        return [self._asked(session, step)]

    def _asked(self, session: Session, order: Order) -> Notice:
        (terminal, user), name = session.ends, session.session_id
        if order.method.is_visual:
            portrait = user.enrolment.portrait
            assert portrait is not None, "a portrait that is agreed on is registered"
            shown = PortraitShown(name, order.number, portrait)
            return Notice(Side.BILLING, terminal.line, "auth", shown)
        ordered = AuthenticationOrdered(name, order.number, order.method, order.prompt)
        return Notice(Side.PAYING, user.calling_number, "auth", ordered)

    def _result(self, session: Session, side: Side) -> Notice:
        step = _run(session).step
        methods: tuple[Method, ...] = ()
        if isinstance(step, Passed):
            methods = step.methods
        elif isinstance(step, Failed):
            methods = (step.method,)
        result = AuthenticationResult(session.session_id, isinstance(step, Passed), methods)
        return Notice(side, session.address(side) or "", "auth", result)

    def _standing(self, session: Session, side: Side) -> Notice:
        asked = {State.AUTHENTICATING: Side.PAYING, State.PORTRAIT: Side.BILLING}
        if session.state in asked:
            step = _run(session).step
            if asked[session.state] is side and isinstance(step, Order):
                return self._asked(session, step)
            return self._synchronised(session, side)
        if session.state in (State.READY, State.AUTHENTICATED):
            step = _run(session).step
            if isinstance(step, Passed) and step.methods:
                return self._result(session, side)
            return self._synchronised(session, side)
        return super()._standing(session, side)


def _run(session: Session) -> AuthenticationRun:
    assert session.run is not None, "a session that is synchronised has begun its authentication"
    return session.run
