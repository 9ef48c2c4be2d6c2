"""The synchroniser: gives out numbers, and joins the two communications that name the same one."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from paybench.bank.errors import TinError
from paybench.bank.group import AT_MAX_NS
from paybench.bank.ledger import out_of_time
from paybench.bank.reason import Reason
from paybench.bank.settlement import is_well_formed

from .guard import Guard
from .limits import Limits
from .messages import (
    Declined,
    Notice,
    Refused,
    SessionState,
    Side,
    TinIssued,
    TinPresented,
    Withdrawn,
)
from .number import parse
from .refusal import Refusal
from .session import Direction, Session
from .session_book import SessionBook
from .session_machine import DEADLINE, Finding, Machine, State
from .terminal_register import TerminalRecord, TerminalRegister, check_named
from .user_register import UserRecord, UserRegister

ABOUT_MAX = 64

_RANDOM_PART = 10**6
_NS_PER_S = 10**9


class Synchroniser(ABC):
    """T1 to T4, time-outs and inquiries: what apparatuses of both kinds have in common.

    It knows no clock and no network: each call brings the time, and takes away what is to be sent.

    Args:
        terminals: the registered billing terminals.
        users: the registered users.
        below: draws evenly from 0 up to its argument, that one excluded; nobody may foresee it.
        limits: how long, and how many.
        name: what the names of its sessions begin with.

    Attributes:
        machine: the states of a session; each kind of apparatus has its own.

    Raises:
        TinError: the name is too long, or not printable ASCII.
    """

    machine: ClassVar[Machine]

    def __init__(
        self,
        terminals: TerminalRegister,
        users: UserRegister,
        below: Callable[[int], int],
        *,
        limits: Limits,
        name: str,
    ) -> None:
        check_named("name", f"{name}-{10**9}-{_RANDOM_PART}")
        self.terminals = terminals
        self.users = users
        self.limits = limits
        self._below = below
        self._name = name
        self._book = SessionBook(limits, below)
        self._guard = Guard(limits.tries, limits.window_s)
        self._count = 0

    # Time

    def due_ns(self) -> int | None:
        """When to call `expire` next, in nanoseconds; None while no session is open."""
        return self._book.next_due_ns()

    def expire(self, at_ns: int) -> list[Notice]:
        """End the sessions whose time is over; both sides are told.

        Every message does this first: what comes too late is too late in any case.

        Args:
            at_ns: now, in nanoseconds.

        Raises:
            BankError: at_ns is out of range.
        """
        if not 0 <= at_ns <= AT_MAX_NS:
            raise out_of_time(at_ns)
        notices: list[Notice] = []
        while (session := self._book.overdue(at_ns)) is not None:
            notices += self._end(session, DEADLINE, Finding.OVER, Refusal.EXPIRED, at_ns)
        self._book.forget(at_ns)
        return notices

    # Who it is

    def _terminal(self, line: str, terminal_id: str) -> TerminalRecord | Refusal:
        """The terminal that says it calls on this line (claim 9)."""
        terminal = self.terminals.find(terminal_id)
        if terminal is None:
            return Refusal.UNREGISTERED_TERMINAL
        return terminal if terminal.line == line else Refusal.WRONG_LINE

    def _user(self, calling_number: str) -> UserRecord | Refusal:
        """The user who calls (claim 11)."""
        user = self.users.find(calling_number)
        if user is None:
            return Refusal.UNREGISTERED_CALLER
        return Refusal.BLOCKED_USER if user.blocked else user

    def _session(self, side: Side, address: str, session_id: str) -> Session | Refusal:
        """The session of whoever speaks: somebody else's is as good as none."""
        session = self._book.find(session_id)
        if session is None or session.address(side) != address:
            return Refusal.UNKNOWN_SESSION
        terminal = session.terminal
        if side is Side.BILLING and terminal is not None:
            known = self.terminals.find(terminal.terminal_id)
            return session if known == terminal else Refusal.UNREGISTERED_TERMINAL
        return session

    # T1, T2

    def _issue(
        self, side: Side, end: TerminalRecord | UserRecord, request_id: str, at_ns: int
    ) -> list[Notice]:
        """Give a number to a registered end."""
        name, address = _named(end)
        if not is_well_formed(request_id):
            return self._refuse(side, address, Refusal.MALFORMED, request_id)
        session = self._book.of_request((side, name), request_id)
        if session is None:
            direction = Direction.FORWARD if side is Side.BILLING else Direction.REVERSE
            session = self._book.issue((side, name), direction, request_id, self._new_id(), at_ns)
            if session is None:
                return self._refuse(side, address, Refusal.BUSY, request_id)
            _seat(session, end)
        elif session.state.is_closed:
            return [self._standing(session, side)]
        waits = session.state is State.ISSUED
        left_s = (session.due_ns - at_ns) // _NS_PER_S if waits else 0
        issued = TinIssued(session.session_id, request_id, session.tin, left_s)
        return [Notice(side, address, "T2", issued)]

    def _new_id(self) -> str:
        """A name for a session. Nobody can tell it in advance, and settle something under it."""
        while True:
            self._count += 1
            name = f"{self._name}-{self._count:06d}-{self._below(_RANDOM_PART):06d}"
            if not self._is_taken(name):
                return name

    def _is_taken(self, session_id: str) -> bool:
        """Whether there was a session of this name, before a restart."""
        return self._book.find(session_id) is not None

    # T3

    def _present(
        self, side: Side, end: TerminalRecord | UserRecord, message: TinPresented, at_ns: int
    ) -> list[Notice]:
        """A registered end sends a number."""
        name, address = _named(end)
        about = message.tin[:ABOUT_MAX]
        if self._guard.closed_until_ns((side, name), at_ns) is not None:
            return self._refuse(side, address, Refusal.TOO_MANY_TRIES, about)
        try:
            session = self._book.of_tin(parse(message.tin, self.limits.digits))
        except TinError:  # no guess: who guesses knows the check digit
            return self._refuse(side, address, Refusal.TYPING_ERROR, about)
        if session is not None and session.direction.presenter is side:
            if session.end(side) == name:
                return self._presented_again(session)
            if session.state is State.ISSUED:
                return self._join(side, end, session, about, at_ns)
        refusal = Refusal.UNKNOWN_TIN
        if session is not None and session.direction.presenter is side:
            refusal = Refusal.EXPIRED if session.state is State.EXPIRED else Refusal.USED
        self._guard.missed((side, name), at_ns)
        return self._refuse(side, address, refusal, about)

    def _join(
        self,
        side: Side,
        end: TerminalRecord | UserRecord,
        session: Session,
        about: str,
        at_ns: int,
    ) -> list[Notice]:
        name, address = _named(end)
        if not self._book.has_room((side, name)):
            return self._refuse(side, address, Refusal.BUSY, about)
        _seat(session, end)
        self._book.join(session, (side, name), at_ns)
        return self._synchronise(session, at_ns)

    @abstractmethod
    def _synchronise(self, session: Session, at_ns: int) -> list[Notice]:
        """Both ends are there."""

    @abstractmethod
    def _presented_again(self, session: Session) -> list[Notice]:
        """The answer to T3 may have been lost."""

    # The end

    def _give_up(
        self, side: Side, session: Session, message: Declined | Withdrawn, at_ns: int
    ) -> list[Notice]:
        """One side does not want to go on."""
        event = type(message).__name__
        if not self.machine.takes(session.state, event):
            return self._out_of_place(side, session)
        refusal = Refusal.DECLINED if isinstance(message, Declined) else Refusal.WITHDRAWN
        return self._end(session, event, Finding.OVER, refusal, at_ns)

    def _end(
        self,
        session: Session,
        event: str,
        finding: Finding,
        refusal: Refusal,
        at_ns: int,
        bank: Reason | None = None,
    ) -> list[Notice]:
        """End a session without success, and tell both sides."""
        session.refusal, session.bank = refusal, bank
        self._move(session, event, finding, at_ns)
        return self._say_again(session)

    def _move(self, session: Session, event: str, finding: Finding, at_ns: int) -> None:
        session.state = self.machine.then(session.state, event, finding)
        if session.state.is_closed:
            self._book.close(session, at_ns)

    # What is said

    def _say_again(self, session: Session) -> list[Notice]:
        """What each side was last told of the session."""
        return [self._standing(session, side) for side in Side if session.address(side)]

    def _standing(self, session: Session, side: Side) -> Notice:
        """What one side was last told of the session."""
        if session.refusal is None:
            state = SessionState(session.session_id, session.state)
            return Notice(side, session.address(side) or "", "S108", state)
        return self._refused(session, side, session.refusal, session.bank)

    def _refused(
        self, session: Session, side: Side, refusal: Refusal, bank: Reason | None = None
    ) -> Notice:
        """A refusal that names session and state."""
        sentence = refusal.sentence
        if bank is not None:
            sentence = bank.sentence
        elif side is Side.PAYING and session.sentence:
            sentence = session.sentence
        name = session.session_id
        refused = Refused(name, refusal, sentence, name, session.state, bank)
        return Notice(side, session.address(side) or "", "refused", refused)

    def _out_of_place(self, side: Side, session: Session) -> list[Notice]:
        """There is no row for what was said in this state."""
        if session.refusal is not None:
            return [self._standing(session, side)]
        return [self._refused(session, side, Refusal.WRONG_STATE)]

    def _refuse(self, side: Side, to: str, refusal: Refusal, about: str) -> list[Notice]:
        """A refusal to somebody who has no session, or not this one."""
        return [Notice(side, to, "refused", Refused(about[:ABOUT_MAX], refusal, refusal.sentence))]


def _named(end: TerminalRecord | UserRecord) -> tuple[str, str]:
    """Its id or calling number, and where it is reached."""
    if isinstance(end, TerminalRecord):
        return end.terminal_id, end.line
    return end.calling_number, end.calling_number


def _seat(session: Session, end: TerminalRecord | UserRecord) -> None:
    if isinstance(end, TerminalRecord):
        session.terminal = end
    else:
        session.user = end
