"""The register of users, who are known by their calling numbers (claims 11-13)."""

from collections import deque

from msgspec import Struct, field
from msgspec.structs import replace

from paybench.bank.account import AccountNumber
from paybench.bank.authentication import Enrolment, UserDemand
from paybench.bank.errors import TinError
from paybench.bank.money import MINOR_MAX, Money
from paybench.bank.outcome import State

from .terminal_register import TerminalDetails, check_named, check_shown

NAME = "name"
PAYMENTS = "payments"
AVAILABLE = "available"
ATTRIBUTES_MAX = 16
HISTORY_MAX = 100

_OWN = frozenset({NAME, PAYMENTS, AVAILABLE})
_NS_PER_DAY = 24 * 3600 * 10**9


class UserRecord(Struct, frozen=True):
    """What is known of a user (claim 11).

    Args:
        calling_number: by which the paying network names the user; 1 to 64 printable ASCII
            characters.
        account: the account that pays.
        name: 1 to 80 printable characters.
        attributes: what else is known, by name; at most 16, texts as the name's.
        shown: what billing terminals may be told (claim 12): names of attributes, "name",
            "payments" (how often the user has paid) and "available" (how much is available).
        enrolment: what the user has registered to be authenticated by.
        demand: how the user wants to be authenticated (claim 20).
        blocked: reported lost or stolen: neither pays nor is synchronised.
        limit_minor: what the user may pay by TIN in a day (UTC), in minor units; None: no limit.

    Raises:
        TinError: a text or a figure is out of bounds, or an attribute has a name of our own.
    """

    calling_number: str
    account: AccountNumber
    name: str
    attributes: dict[str, str] = field(default_factory=dict[str, str])
    shown: frozenset[str] = frozenset()
    enrolment: Enrolment = Enrolment()
    demand: UserDemand = UserDemand()
    blocked: bool = False
    limit_minor: int | None = None

    def __post_init__(self) -> None:
        check_named("calling_number", self.calling_number)
        check_shown("name", self.name)
        if len(self.attributes) > ATTRIBUTES_MAX or _OWN & self.attributes.keys():
            raise TinError(
                f"expected at most {ATTRIBUTES_MAX} attributes, none of them called "
                f"{', '.join(sorted(_OWN))}, seen {', '.join(self.attributes)}: rename or leave out"
            )
        for name, value in self.attributes.items():
            check_shown("an attribute's name", name)
            check_shown(f"attribute {name!r}", value)
        limit_minor = self.limit_minor
        if limit_minor is not None and not 0 <= limit_minor <= MINOR_MAX:
            raise TinError(
                f"expected limit_minor from 0 to {MINOR_MAX}, seen {limit_minor}: give minor units"
            )

    @property
    def visible(self) -> dict[str, str]:
        """The part of name and attributes that a billing terminal may be told (claim 12)."""
        known = {NAME: self.name, **self.attributes}
        return {name: known[name] for name in sorted(self.shown & known.keys())}


class Purchase(Struct, frozen=True, gc=False):
    """A line of the purchase history (claim 13).

    Args:
        session: the session, which is also the settlement.
        at_ns: when it was settled.
        terminal: where.
        amount: how much.
        state: how the settlement stands: it may have been cancelled or given back since.
    """

    session: str
    at_ns: int
    terminal: TerminalDetails
    amount: Money
    state: State = State.SETTLED


class _Payments:
    """What a user has paid by TIN: the newest purchases, how many in all, how much in a day."""

    __slots__ = ("count", "day", "day_minor", "newest")

    def __init__(self) -> None:
        self.count = 0
        self.day = -1
        self.day_minor = 0
        self.newest: deque[Purchase] = deque(maxlen=HISTORY_MAX)

    def note(self, purchase: Purchase) -> None:
        day = purchase.at_ns // _NS_PER_DAY
        if day != self.day:
            self.day, self.day_minor = day, 0
        self.day_minor += purchase.amount.amount_minor
        self.count += 1
        self.newest.appendleft(purchase)

    def minor_on(self, day: int) -> int:
        return self.day_minor if day == self.day else 0


class UserRegister:
    """The users who may pay by TIN, and what they have paid. It has no clock."""

    def __init__(self) -> None:
        self._records: dict[str, UserRecord] = {}
        self._payments: dict[str, _Payments] = {}

    def add(self, record: UserRecord) -> None:
        """Register a user.

        Raises:
            TinError: the calling number is taken.
        """
        if record.calling_number in self._records:
            raise TinError(
                f"expected a free calling number, seen {record.calling_number!r}, which is "
                "registered: change() it, or choose another"
            )
        self._records[record.calling_number] = record
        self._payments[record.calling_number] = _Payments()

    def change(self, record: UserRecord) -> None:
        """Put another record in place of the user's; the history stays.

        Raises:
            TinError: nobody is registered under the calling number.
        """
        self._registered(record.calling_number)
        self._records[record.calling_number] = record

    def block(self, calling_number: str, *, blocked: bool = True) -> None:
        """Block a user whose phone was reported lost or stolen, or let the user pay again.

        Raises:
            TinError: nobody is registered under the calling number.
        """
        record = self._registered(calling_number)
        self._records[calling_number] = replace(record, blocked=blocked)

    def find(self, calling_number: str) -> UserRecord | None:
        """The record of a user; None where nobody is registered under the number."""
        return self._records.get(calling_number)

    def note(self, calling_number: str, purchase: Purchase) -> None:
        """Enter a purchase into the user's history.

        Raises:
            TinError: nobody is registered under the calling number.
        """
        self._registered(calling_number)
        self._payments[calling_number].note(purchase)

    def purchases(self, calling_number: str, limit: int = HISTORY_MAX) -> list[Purchase]:
        """The newest purchases, newest first, at most `limit` and at most 100.

        Raises:
            TinError: nobody is registered under the calling number.
        """
        self._registered(calling_number)
        return list(self._payments[calling_number].newest)[: max(limit, 0)]

    def payments(self, calling_number: str) -> int:
        """How often the user has paid.

        Raises:
            TinError: nobody is registered under the calling number.
        """
        self._registered(calling_number)
        return self._payments[calling_number].count

    def left_minor(self, calling_number: str, at_ns: int) -> int | None:
        """What is left of the day's limit, in minor units; None where there is no limit.

        What was cancelled or given back is not added again.

        Raises:
            TinError: nobody is registered under the calling number.
        """
        limit_minor = self._registered(calling_number).limit_minor
        if limit_minor is None:
            return None
        paid_minor = self._payments[calling_number].minor_on(at_ns // _NS_PER_DAY)
        return max(limit_minor - paid_minor, 0)

    def _registered(self, calling_number: str) -> UserRecord:
        record = self._records.get(calling_number)
        if record is None:
            raise TinError(
                f"expected a registered calling number, seen {calling_number!r}: add() it first"
            )
        return record
