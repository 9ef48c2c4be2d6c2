"""What is said to and by an apparatus, on its two networks. The flows are in docs/tin.md.

Who sends is never in a message: on the paying network it is the calling number, on the billing
network the line. The names of the steps (T1 ... T9) are ours; the claims have none.
"""

import enum

from msgspec import Struct

from paybench.bank.account import AccountNumber
from paybench.bank.approval import Approval
from paybench.bank.authentication import BillingDemand, BiometricData, Method
from paybench.bank.money import Money
from paybench.bank.outcome import Outcome
from paybench.bank.reason import Reason
from paybench.bank.restriction import Restriction
from paybench.bank.secret import Secret

from .refusal import Refusal
from .session_machine import State
from .terminal_register import TerminalDetails
from .user_register import Purchase


class Body(Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """Base of all of them. A body is a value; its tag is the class's name."""


class SessionBody(Body, frozen=True, gc=False):
    """Base of what belongs to one session.

    Args:
        session: the session's name, which is also the id of its settlement.
    """

    session: str


# Either side says


class TinWanted(Body, frozen=True, gc=False):
    """T1: a number is wanted. The same again gets the same number.

    Args:
        request_id: the sender's own, 1 to 64 printable ASCII characters; another one for another
            number.
        terminal_id: which terminal wants it, on the billing network (claim 9). Not looked at on
            the paying network, which knows who calls.
    """

    request_id: str
    terminal_id: str = ""


class TinPresented(Body, frozen=True, gc=False):
    """T3: the number that the other side has shown. The same again gets the same answer.

    Args:
        tin: as it was typed or read; spaces and hyphens do not count.
        terminal_id: as in `TinWanted`.
    """

    tin: str
    terminal_id: str = ""


class StatusWanted(Body, frozen=True, gc=False):
    """The registration, the payment history and the available amount of a user (claim 11).

    Args:
        session: on the billing network, the session whose user is meant; the paying network knows
            who calls.
    """

    session: str = ""


class SessionInquiry(SessionBody, frozen=True, gc=False):
    """S108: how does a session stand? Also long after it."""


# The billing side says


class AuthenticationWanted(Body, frozen=True, gc=False):
    """A1, to an authentication apparatus: a number, and the user who sends it authenticated.

    Args:
        request_id: as in `TinWanted`.
        terminal_id: likewise.
        demand: how; None: as it is registered for the terminal (claims 42, 43).
    """

    request_id: str
    terminal_id: str
    demand: BillingDemand | None = None


class ClerksWord(SessionBody, frozen=True, gc=False):
    """Whether the payer is the one on the portrait (claim 34). Who cannot tell, wants a password.

    Args:
        order: the number of the `PortraitShown` that is answered.
        is_the_user: what the clerk says.
    """

    order: int
    is_the_user: bool


class PasswordWanted(SessionBody, frozen=True, gc=False):
    """The shop demands the password, instead of the portrait or in addition (claims 16, 36)."""


class AmountBilled(SessionBody, frozen=True, gc=False):
    """T5: the purchase amount (claim 7).

    Args:
        amount: more than zero, in the bank's currency.
        restriction: a cooling-off period, or an age on which the bank decides; None: nothing.
    """

    amount: Money
    restriction: Restriction | None = None


class Withdrawn(SessionBody, frozen=True, gc=False):
    """The shop gives up, before the payer has confirmed."""


# The paying side says


class AuthenticationAnswered(SessionBody, frozen=True, gc=False):
    """The payer's answer to an order (claims 16, 17).

    Args:
        order: the number of the order that is answered.
        answer: a text; for a biometric method a sample: `BiometricData`, or its base64 text.
    """

    order: int
    answer: Secret


class Confirmed(SessionBody, frozen=True, gc=False):
    """T7: the final purchase confirmation (claim 8), which the payer signs.

    Args:
        approval: over session, payer, payee, amount and restriction as they stand in T6.
    """

    approval: Approval


class Declined(SessionBody, frozen=True, gc=False):
    """The payer does not want to; at any point before the confirmation."""


class HistoryWanted(Body, frozen=True, gc=False):
    """The payer wants to see the purchase history (claim 13).

    Args:
        limit: so many purchases at most.
    """

    limit: int = 20


# An apparatus says


class TinIssued(SessionBody, frozen=True, gc=False):
    """T2: the number, to show to the other side (claim 5).

    Args:
        request_id: as in the request.
        tin: all of its digits; `spaced` writes them for people.
        expires_s: so long it waits for the other side, in seconds.
    """

    request_id: str
    tin: str
    expires_s: int


class Synchronised(SessionBody, frozen=True, gc=False):
    """T4, to the billing side: the communications are synchronised (claims 5, 12, 33).

    Args:
        tin: the number that synchronised them.
        attributes: of the user, as far as the user allows.
        methods: how the user will be authenticated, in this order; empty: not at all, and the
            amount may follow at once.
    """

    tin: str
    attributes: dict[str, str]
    methods: tuple[Method, ...]


class Connected(SessionBody, frozen=True, gc=False):
    """T4, to the paying side: the same, with whom it is talking to (claim 10).

    Args:
        tin: the number that synchronised them.
        terminal: the billing terminal.
        methods: how the user will be authenticated.
    """

    tin: str
    terminal: TerminalDetails
    methods: tuple[Method, ...]


class AuthenticationOrdered(SessionBody, frozen=True, gc=False):
    """To the paying side: the order to answer (claims 16, 17, 19).

    Args:
        order: its number, which the answer repeats.
        method: what is wanted.
        prompt: the same for a person to read; for a question, the question.
    """

    order: int
    method: Method
    prompt: str


class PortraitShown(SessionBody, frozen=True, gc=False):
    """To the billing side: the user's portrait, for the clerk (claims 14, 15, 35).

    Args:
        order: its number, which the clerk's word repeats.
        portrait: a PNG picture.
    """

    order: int
    portrait: BiometricData


class AuthenticationResult(SessionBody, frozen=True, gc=False):
    """To both sides: whether the user has been authenticated (claims 18, 42).

    Args:
        passed: whether by all methods.
        methods: by which, if passed; which one failed otherwise.
    """

    passed: bool
    methods: tuple[Method, ...]


class AmountDue(SessionBody, frozen=True, gc=False):
    """T6: what there is to confirm (claims 8, 10).

    Args:
        payee: the account that will be paid.
        amount: how much.
        terminal: the billing terminal.
        restriction: what restricts the settlement; None: nothing.
    """

    payee: AccountNumber
    amount: Money
    terminal: TerminalDetails
    restriction: Restriction | None = None


class Completed(SessionBody, frozen=True, gc=False):
    """T8, to the billing side: the settlement is completed (claim 8).

    Args:
        outcome: without the payer's balance. Goods are handed over if it is `settled`: asked for
            again late, it may have been cancelled or given back meanwhile.
    """

    outcome: Outcome


class Receipt(SessionBody, frozen=True, gc=False):
    """T9, to the paying side: the receipt (claim 8).

    Args:
        outcome: with the payer's balance, in answer to T7.
        terminal: where it was paid.
    """

    outcome: Outcome
    terminal: TerminalDetails


class Status(Body, frozen=True, gc=False):
    """How a user stands (claim 11).

    Args:
        session: as in the question.
        registered: whether the user is registered and not blocked.
        payments: how often the user has paid by TIN; None: the user does not have it told.
        available: how much the user can pay now; None likewise.
    """

    session: str
    registered: bool
    payments: int | None
    available: Money | None


class PurchaseHistory(Body, frozen=True, gc=False):
    """The purchases of the caller, newest first (claim 13)."""

    purchases: tuple[Purchase, ...]


class SessionState(SessionBody, frozen=True, gc=False):
    """How a session stands.

    Args:
        state: its state; of a session that is forgotten, what the bank knows of it.
        outcome: what the bank knows of its settlement, without balance; None: nothing.
    """

    state: State
    outcome: Outcome | None = None


class Refused(Body, frozen=True, gc=False):
    """Something cannot be, or a session is over without success; then both sides are told.

    Args:
        about: what is refused: of T1 the request id; of T3 the TIN as sent (its first 64
            characters), unless it was right and the two were joined; of anything else the session.
        reason: why.
        sentence: the same for a person to read.
        session: the session, if it is known; "" otherwise.
        state: where it stands, if it is known.
        bank: the bank's reason, where it is the bank that refused.
    """

    about: str
    reason: Refusal
    sentence: str
    session: str = ""
    state: State | None = None
    bank: Reason | None = None


FromBilling = (
    TinWanted
    | TinPresented
    | ClerksWord
    | PasswordWanted
    | AmountBilled
    | Withdrawn
    | StatusWanted
    | SessionInquiry
)
"""What comes to a settlement apparatus over the billing network."""

FromPaying = (
    TinWanted
    | TinPresented
    | AuthenticationAnswered
    | Confirmed
    | Declined
    | HistoryWanted
    | StatusWanted
    | SessionInquiry
)
"""What comes to a settlement apparatus over the paying network."""

FromSecond = AuthenticationWanted | ClerksWord | PasswordWanted | Withdrawn | SessionInquiry
"""What comes to an authentication apparatus from a second terminal, which demands."""

FromFirst = TinPresented | AuthenticationAnswered | Declined | SessionInquiry
"""What comes to an authentication apparatus from a first terminal, whose user is meant."""

ToBilling = (
    TinIssued
    | Synchronised
    | PortraitShown
    | AuthenticationResult
    | Completed
    | Status
    | SessionState
    | Refused
)
"""What goes out over the billing network."""

ToPaying = (
    TinIssued
    | Connected
    | AuthenticationOrdered
    | AuthenticationResult
    | AmountDue
    | Receipt
    | Status
    | PurchaseHistory
    | SessionState
    | Refused
)
"""What goes out over the paying network."""


class Side(enum.StrEnum):
    """Which of the two networks."""

    BILLING = "billing"
    PAYING = "paying"


class Notice(Struct, frozen=True, gc=False):
    """What an apparatus wants to be sent.

    Args:
        side: over which network.
        to: the line, or the calling number.
        step: the step's name.
        body: what is said.
    """

    side: Side
    to: str
    step: str
    body: ToBilling | ToPaying
