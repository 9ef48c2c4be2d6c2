"""The book of sessions: found by name, number and request, with their deadlines. Nothing scans."""

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush

from .limits import Limits
from .messages import Side
from .session import Direction, Session
from .tin_pool import TinPool

End = tuple[Side, str]
"""A terminal by its id, or a payer by the calling number."""

_NS_PER_S = 10**9


class SessionBook:
    """Keeps the open sessions, and the closed ones for a while.

    Args:
        limits: how long, and how many.
        below: draws the numbers.

    Attributes:
        live: how many numbers wait for their other side.
    """

    def __init__(self, limits: Limits, below: Callable[[int], int]) -> None:
        self.live = 0
        self._limits = limits
        self._pool = TinPool(below, limits.digits, limits.rest_s * _NS_PER_S)
        self._by_id: dict[str, Session] = {}
        self._by_tin: dict[str, Session] = {}
        self._by_request: dict[tuple[End, str], Session] = {}
        self._open: dict[End, int] = {}
        self._deadlines: list[tuple[int, str]] = []
        self._closed: deque[tuple[int, Session]] = deque()

    def find(self, session_id: str) -> Session | None:
        """The session of this name; None if there is none, or none any more."""
        return self._by_id.get(session_id)

    def of_tin(self, tin: str) -> Session | None:
        """The session of this number, likewise."""
        return self._by_tin.get(tin)

    def of_request(self, end: End, request_id: str) -> Session | None:
        """The session that this end has asked for under this id, likewise."""
        return self._by_request.get((end, request_id))

    def has_room(self, end: End) -> bool:
        """Whether this end may have one more open session."""
        limits = self._limits
        most = limits.per_terminal_max if end[0] is Side.BILLING else limits.per_caller_max
        return self._open.get(end, 0) < most

    def issue(
        self, end: End, direction: Direction, request_id: str, session_id: str, at_ns: int
    ) -> Session | None:
        """Begin a session with a new number; None when there are too many of them."""
        if self.live >= self._limits.live_max or not self.has_room(end):
            return None
        tin = self._pool.draw(at_ns)
        if tin is None:
            return None
        due_ns = at_ns + self._limits.tin_s * _NS_PER_S
        session = Session(session_id, tin, direction, request_id, due_ns)
        self._by_id[session_id] = self._by_tin[tin] = session
        self._by_request[end, request_id] = session
        self._enter(end)
        self.live += 1
        heappush(self._deadlines, (due_ns, session_id))
        return session

    def join(self, session: Session, end: End, at_ns: int) -> None:
        """The other side has sent the number: it is nobody else's any more."""
        self.live -= 1
        self._enter(end)
        session.due_ns = at_ns + self._limits.session_s * _NS_PER_S
        heappush(self._deadlines, (session.due_ns, session.session_id))

    def close(self, session: Session, at_ns: int) -> None:
        """A session is over: its number is used up, and it is known for a while."""
        ends = [(side, name) for side in Side if (name := session.end(side)) is not None]
        if len(ends) == 1:
            self.live -= 1
        for end in ends:
            self._open[end] -= 1
            if not self._open[end]:
                del self._open[end]
        self._pool.rest(session.tin, at_ns)
        self._closed.append((at_ns + self._limits.kept_s * _NS_PER_S, session))

    def next_due_ns(self) -> int | None:
        """When the next open session's time is over; None while none is open."""
        while self._deadlines:
            due_ns, session_id = self._deadlines[0]
            session = self._by_id.get(session_id)
            if session is not None and not session.state.is_closed and session.due_ns == due_ns:
                return due_ns
            heappop(self._deadlines)
        return None

    def overdue(self, at_ns: int) -> Session | None:
        """The open session whose time was over first, and which is to be closed."""
        due_ns = self.next_due_ns()
        if due_ns is None or due_ns > at_ns:
            return None
        return self._by_id[self._deadlines[0][1]]

    def forget(self, at_ns: int) -> None:
        """Let go of the closed sessions that need not be known any longer."""
        while self._closed and self._closed[0][0] <= at_ns:
            _, session = self._closed.popleft()
            del self._by_id[session.session_id], self._by_tin[session.tin]
            issued_to = Side.BILLING if session.direction is Direction.FORWARD else Side.PAYING
            name = session.end(issued_to)
            assert name is not None, "who the number is issued to is known from the start"
            del self._by_request[(issued_to, name), session.request_id]

    def _enter(self, end: End) -> None:
        self._open[end] = self._open.get(end, 0) + 1
