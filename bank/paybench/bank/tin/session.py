"""A session: one TIN, and the two communications that it synchronises."""

import enum

from msgspec import Struct

from paybench.bank.authentication import AuthenticationRun, BillingDemand, Method
from paybench.bank.money import Money
from paybench.bank.reason import Reason
from paybench.bank.restriction import Restriction

from .messages import Side
from .refusal import Refusal
from .session_machine import State
from .terminal_register import TerminalRecord
from .user_register import UserRecord


class Direction(enum.StrEnum):
    """Which side the number is issued to."""

    FORWARD = "forward"
    """To the billing terminal; the payer sends it (claims 1-6)."""
    REVERSE = "reverse"
    """To the paying terminal; the billing terminal reads and sends it (claims 47-53)."""

    @property
    def presenter(self) -> Side:
        """The side that has to send the number."""
        return Side.PAYING if self is Direction.FORWARD else Side.BILLING


class Session(Struct, gc=False):
    """A session, as an apparatus keeps it.

    Args:
        session_id: its name, and the id of its settlement.
        tin: its number.
        direction: which side the number is issued to.
        request_id: of the request for it.
        due_ns: when its time is over.
        state: where it stands.
        terminal: the billing terminal; None until it has sent the number.
        user: the payer; None until the payer has sent the number.
        demand: how the payer is to be authenticated, if not as is registered for the terminal.
        methods: what both sides have agreed on.
        run: the authentication; None before there is an agreement on it.
        answered: the orders of the authentication that have been answered, and by whom.
        wants_password: whether the shop has demanded the password.
        amount: as billed; None before.
        restriction: likewise.
        refusal: why it is over; None while it is not, or if it ended well.
        sentence: the same for the payer; "" for the refusal's own.
        bank: the bank's reason, where it is the bank that refused.
    """

    session_id: str
    tin: str
    direction: Direction
    request_id: str
    due_ns: int
    state: State = State.ISSUED
    terminal: TerminalRecord | None = None
    user: UserRecord | None = None
    demand: BillingDemand | None = None
    methods: tuple[Method, ...] = ()
    run: AuthenticationRun | None = None
    answered: tuple[tuple[Side, int], ...] = ()
    wants_password: bool = False
    amount: Money | None = None
    restriction: Restriction | None = None
    refusal: Refusal | None = None
    sentence: str = ""
    bank: Reason | None = None

    @property
    def ends(self) -> tuple[TerminalRecord, UserRecord]:
        """Both ends of a session that is synchronised."""
        assert self.terminal is not None, "the billing terminal is there"
        assert self.user is not None, "the payer is there"
        return self.terminal, self.user

    def end(self, side: Side) -> str | None:
        """The terminal id or the calling number on a side; None while there is none."""
        if side is Side.BILLING:
            return None if self.terminal is None else self.terminal.terminal_id
        return None if self.user is None else self.user.calling_number

    def address(self, side: Side) -> str | None:
        """Where a side is reached: on its line, under its calling number."""
        if side is Side.BILLING:
            return None if self.terminal is None else self.terminal.line
        return None if self.user is None else self.user.calling_number
