"""Calls: what a client may ask of a served bank, one struct for each method of the bank."""

from datetime import date
from typing import Any, ClassVar, cast

from msgspec import Struct
from msgspec.structs import replace

from paybench.bank.account import AccountNumber
from paybench.bank.any_bank import AnyBank
from paybench.bank.errors import BankError
from paybench.bank.group import Batch, Mode
from paybench.bank.money import Money
from paybench.bank.outcome import Outcome
from paybench.bank.proof import Authentication, Proof
from paybench.bank.recall import Cancellation, Capture, Reversal
from paybench.bank.restriction import Consent
from paybench.bank.secret import MASK
from paybench.bank.servers import ServerStatus
from paybench.bank.settlement import SettlingInformation
from paybench.bank.storage import Entry
from paybench.hil.bank_face.errors import RightsMissing

ORDERS_MAX = 1000
ENTRIES_MAX = 1000


class Call(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="call"):
    """Something that is asked of a bank; the fields are the arguments of the bank's method.

    Attributes:
        for_terminals: Whether terminals may ask it; hosts may ask everything.
        repeatable: Whether it may be asked again when its answer was lost.
        answer: What the answer is.
    """

    for_terminals: ClassVar[bool] = False
    repeatable: ClassVar[bool] = True
    answer: ClassVar[Any] = None

    def ask(self, bank: AnyBank) -> Any:
        """Ask it of a bank that is at hand."""
        raise NotImplementedError

    def batch(self) -> Batch | None:
        """The batch it is, where it can share a flush with others; None where it cannot."""
        return None

    def of_terminal(self, now_ns: int) -> "Call":
        """The call as it counts when a terminal asks: at the server's time, not at its own.

        Args:
            now_ns: The server's time, in nanoseconds of the bank's clock.

        Raises:
            RightsMissing: A terminal may not ask it.
        """
        del now_ns
        if self.for_terminals:
            return self
        raise missing(self)


class TimedCall(Call, frozen=True, kw_only=True):
    """A call that has a time, and is a terminal's to make.

    Args:
        at_ns: Now, in nanoseconds of the bank's clock. A terminal's is not looked at: with it,
            one could have others' cooling-off periods pass.
    """

    at_ns: int

    for_terminals: ClassVar[bool] = True
    answer: ClassVar[Any] = Outcome

    def of_terminal(self, now_ns: int) -> Call:
        """The call at the server's time."""
        return replace(self, at_ns=now_ns)


class Settle(TimedCall, frozen=True, tag="settle"):
    """`Bank.settle`; a shop's consent is a host's to give."""

    order: SettlingInformation
    consent: Consent | None = None

    def ask(self, bank: AnyBank) -> Outcome:
        """Settle."""
        return bank.settle(self.order, self.at_ns, self.consent)

    def batch(self) -> Batch | None:
        """A batch of one."""
        return Batch((self.order,), self.at_ns) if self.consent is None else None

    def of_terminal(self, now_ns: int) -> Call:
        """The call at the server's time, if it gives no consent."""
        if self.consent is not None:
            raise missing(self)
        return replace(self, at_ns=now_ns)


class SettleMany(TimedCall, frozen=True, tag="settle_many"):
    """`Bank.settle_many`, of at most `ORDERS_MAX`."""

    orders: list[SettlingInformation]
    mode: Mode = Mode.CONTINUE

    answer: ClassVar[Any] = list[Outcome]

    def ask(self, bank: AnyBank) -> list[Outcome]:
        """Settle them."""
        return bank.settle_many(self.orders, self.at_ns, self.mode)

    def batch(self) -> Batch | None:
        """All of them."""
        _check_most("settlements in a batch", len(self.orders), ORDERS_MAX)
        return Batch(self.orders, self.at_ns, self.mode)


class Authorise(TimedCall, frozen=True, tag="authorise"):
    """`Bank.authorise`."""

    order: SettlingInformation
    hold_s: int

    def ask(self, bank: AnyBank) -> Outcome:
        """Hold."""
        return bank.authorise(self.order, self.at_ns, hold_s=self.hold_s)


class Captured(TimedCall, frozen=True, tag="capture"):
    """`Bank.capture`."""

    capture: Capture

    def ask(self, bank: AnyBank) -> Outcome:
        """Capture."""
        return bank.capture(self.capture, self.at_ns)


class Cancel(TimedCall, frozen=True, tag="cancel"):
    """`Bank.cancel`."""

    cancellation: Cancellation

    def ask(self, bank: AnyBank) -> Outcome:
        """Cancel."""
        return bank.cancel(self.cancellation, self.at_ns)


class Reverse(TimedCall, frozen=True, tag="reverse"):
    """`Bank.reverse`."""

    reversal: Reversal

    def ask(self, bank: AnyBank) -> Outcome:
        """Give back."""
        return bank.reverse(self.reversal, self.at_ns)


class Inquire(Call, frozen=True, tag="inquire"):
    """`Bank.inquire`."""

    settlement_id: str

    for_terminals: ClassVar[bool] = True
    answer: ClassVar[Any] = Outcome

    def ask(self, bank: AnyBank) -> Outcome:
        """Inquire."""
        return bank.inquire(self.settlement_id)


class Parties(Call, frozen=True, tag="parties"):
    """`Bank.parties`."""

    settlement_id: str

    answer: ClassVar[Any] = tuple[AccountNumber, AccountNumber] | None

    def ask(self, bank: AnyBank) -> tuple[AccountNumber, AccountNumber] | None:
        """Look up who it is between."""
        return bank.parties(self.settlement_id)


class OpenAccount(Call, frozen=True, tag="open_account"):
    """`Bank.open_account`. Asked twice it is refused, so it is not asked again by itself."""

    number: AccountNumber
    holder: str
    approval_key: bytes | None = None
    born: date | None = None

    repeatable: ClassVar[bool] = False

    def ask(self, bank: AnyBank) -> None:
        """Open it."""
        bank.open_account(self.number, self.holder, approval_key=self.approval_key, born=self.born)

    def __repr__(self) -> str:
        return f"OpenAccount({self.number}, {MASK})"


class CloseAccount(Call, frozen=True, tag="close_account"):
    """`Bank.close_account`."""

    number: AccountNumber

    def ask(self, bank: AnyBank) -> None:
        """Close it."""
        bank.close_account(self.number)


class Holder(Call, frozen=True, tag="holder"):
    """`Bank.holder`."""

    number: AccountNumber

    answer: ClassVar[Any] = str

    def ask(self, bank: AnyBank) -> str:
        """Look up whose it is."""
        return bank.holder(self.number)


class Balance(Call, frozen=True, tag="balance"):
    """`Bank.balance`."""

    number: AccountNumber

    answer: ClassVar[Any] = Money

    def ask(self, bank: AnyBank) -> Money:
        """Look it up."""
        return bank.balance(self.number)


class Available(Call, frozen=True, tag="available"):
    """`Bank.available`."""

    number: AccountNumber

    answer: ClassVar[Any] = Money

    def ask(self, bank: AnyBank) -> Money:
        """Look it up."""
        return bank.available(self.number)


class BalanceAt(Call, frozen=True, tag="balance_at"):
    """`Bank.balance_at`."""

    number: AccountNumber
    at_ns: int

    answer: ClassVar[Any] = Money

    def ask(self, bank: AnyBank) -> Money:
        """Work it out."""
        return bank.balance_at(self.number, self.at_ns)


class Statement(Call, frozen=True, tag="statement"):
    """`Bank.statement`, of at most `ENTRIES_MAX` entries."""

    number: AccountNumber
    limit: int = 50

    answer: ClassVar[Any] = list[Entry]

    def ask(self, bank: AnyBank) -> list[Entry]:
        """Look it up."""
        _check_most("entries of a statement", self.limit, ENTRIES_MAX)
        return bank.statement(self.number, self.limit)


class Authenticate(Call, frozen=True, tag="authenticate"):
    """`Bank.authenticate`. A proof counts once, so it is not asked again by itself."""

    proof: Proof
    purpose: str
    verifier: str
    challenge: bytes | None = None

    repeatable: ClassVar[bool] = False
    answer: ClassVar[Any] = Authentication

    def ask(self, bank: AnyBank) -> Authentication:
        """Check the proof."""
        return bank.authenticate(
            self.proof, purpose=self.purpose, verifier=self.verifier, challenge=self.challenge
        )


class Fund(Call, frozen=True, tag="fund"):
    """`Bank.fund`."""

    number: AccountNumber
    amount: Money
    funding_id: str
    at_ns: int = 0

    def ask(self, bank: AnyBank) -> None:
        """Issue the money."""
        bank.fund(self.number, self.amount, self.funding_id, self.at_ns)


class PayOut(Call, frozen=True, tag="pay_out"):
    """`Bank.pay_out`."""

    own: AccountNumber
    payee: AccountNumber
    amount: Money
    payment_id: str
    at_ns: int

    answer: ClassVar[Any] = Outcome

    def ask(self, bank: AnyBank) -> Outcome:
        """Pay."""
        return bank.pay_out(self.own, self.payee, self.amount, self.payment_id, self.at_ns)


class Deposit(Call, frozen=True, tag="deposit"):
    """`Bank.deposit`; asked again, it tells what the second one did."""

    limit: int | None = None

    answer: ClassVar[Any] = int

    def ask(self, bank: AnyBank) -> int:
        """Deposit."""
        return bank.deposit(self.limit)


class Mature(Call, frozen=True, tag="mature"):
    """`Bank.mature`; asked again, it tells what the second one did."""

    at_ns: int

    answer: ClassVar[Any] = int

    def ask(self, bank: AnyBank) -> int:
        """Make formal what is due."""
        return bank.mature(self.at_ns)


class NextDue(Call, frozen=True, tag="next_due_ns"):
    """`Bank.next_due_ns`."""

    answer: ClassVar[Any] = int | None

    def ask(self, bank: AnyBank) -> int | None:
        """Look it up."""
        return bank.next_due_ns()


class InTransit(Call, frozen=True, tag="in_transit"):
    """`Bank.in_transit`."""

    answer: ClassVar[Any] = Money

    def ask(self, bank: AnyBank) -> Money:
        """Look it up."""
        return bank.in_transit()


class Total(Call, frozen=True, tag="total"):
    """`Bank.total`."""

    answer: ClassVar[Any] = Money

    def ask(self, bank: AnyBank) -> Money:
        """Look it up."""
        return bank.total()


class Route(Call, frozen=True, tag="route"):
    """`Bank.route`."""

    payer: AccountNumber
    payee: AccountNumber

    answer: ClassVar[Any] = tuple[str, str]

    def ask(self, bank: AnyBank) -> tuple[str, str]:
        """Compute it."""
        return bank.route(self.payer, self.payee)


class Servers(Call, frozen=True, tag="servers"):
    """`Bank.servers`."""

    answer: ClassVar[Any] = list[ServerStatus]

    def ask(self, bank: AnyBank) -> list[ServerStatus]:
        """Look at them."""
        return bank.servers()


AnyCall = (
    Settle
    | SettleMany
    | Authorise
    | Captured
    | Cancel
    | Reverse
    | Inquire
    | Parties
    | OpenAccount
    | CloseAccount
    | Holder
    | Balance
    | Available
    | BalanceAt
    | Statement
    | Authenticate
    | Fund
    | PayOut
    | Deposit
    | Mature
    | NextDue
    | InTransit
    | Total
    | Route
    | Servers
)


def for_terminal(answer: object) -> object:
    """What a terminal may see of an answer: no payer's balance, whoever relays."""
    if isinstance(answer, Outcome):
        return answer.without_balance()
    if isinstance(answer, list):
        return [for_terminal(each) for each in cast("list[object]", answer)]
    return answer


def missing(call: Call) -> RightsMissing:
    """The error for a call that is a host's."""
    what = call.__struct_config__.tag
    return RightsMissing(
        f"expected a call that terminals may make, seen {what!r}: have the bank's host make it, "
        "or make a key with --role host"
    )


def _check_most(what: str, count: int, maximum: int) -> None:
    if count > maximum:
        raise BankError(
            f"expected at most {maximum} {what} over the network, seen {count}: ask for fewer"
        )
