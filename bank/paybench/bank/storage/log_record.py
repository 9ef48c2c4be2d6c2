"""A log record: the one durable fact that a settlement, or what becomes of it, is (Fig 14B)."""

from msgspec import Struct
from msgspec.structs import replace

from paybench.bank.account import ESCROW, AccountNumber
from paybench.bank.money import Money
from paybench.bank.outcome import Outcome
from paybench.bank.reason import Reason
from paybench.bank.restriction import Held, Restriction

from .kind import Kind
from .leg import Leg

# Looked up once: on this path an enumeration's attribute costs as much as a struct.
_RELEASED = Kind.CAPTURED, Kind.VOIDED, Kind.EXPIRED
_REASONS = {
    Kind.FORMAL: None,
    Kind.CAPTURED: None,
    Kind.CANCELLED: Reason.CANCELLED,
    Kind.REVERSED: Reason.REVERSED,
    Kind.VOIDED: Reason.REVERSED,
    Kind.EXPIRED: Reason.EXPIRED,
}
_SETTLED, _PROVISORY, _REFUSED = Kind.SETTLED, Kind.PROVISORY, Kind.REFUSED


class LogRecord(Struct, frozen=True, gc=False):
    """What was asked and decided; withdrawal, result and deposit are derived from it ([0138]).

    What becomes of a settlement later is a record of its own, which says who pays whom how much
    as the first one does.

    Args:
        number: position in the log, from 1 without gaps.
        settlement_id: the settlement's; together with `follows` unique in the log.
        payer: the account that pays; an account of the bank when the bank itself pays.
        payee: the account that is paid.
        amount: what is paid; zero where a payee refused what had not come yet.
        counter: the approval's counter, None where there is no approval.
        signature: what the payer, or the payee who reverses, signed, so that the log can be
            audited; empty where nobody did.
        reason: why it is not settled, None when it is.
        payer_balance_minor: the payer's balance afterwards, in minor units; for a formal one,
            that of the provisory one.
        created_ns: when, in nanoseconds of the caller's clock.
        kind: what became of the settlement.
        restriction: what restricts it.
        held: where a provisory settlement puts the money, or whence its successor takes it; None
            where nothing is held.
        due_ns: when a provisory settlement becomes formal, likewise; None for any other record.
        follows: the number of the record that this one succeeds, 0 for a settlement's first.
        held_minor: how much was held before a capture, in minor units; 0 where nothing was.
    """

    number: int
    settlement_id: str
    payer: AccountNumber
    payee: AccountNumber
    amount: Money
    counter: int | None
    signature: bytes
    reason: Reason | None
    payer_balance_minor: int
    created_ns: int
    kind: Kind
    restriction: Restriction | None = None
    held: Held | None = None
    due_ns: int | None = None
    follows: int = 0
    held_minor: int = 0

    @property
    def withdrawal(self) -> Leg:
        """What happens at once; for a refusal, nothing but that the payer's counter is used."""
        kind, amount_minor = self.kind, self.amount.amount_minor
        if kind is _SETTLED or kind is _PROVISORY:
            return Leg(self.payer, -amount_minor)
        if kind is _REFUSED:
            return Leg(self.payer, 0)
        if kind is Kind.HELD:
            return Leg(self.payer, 0, amount_minor)
        if kind in _RELEASED:
            taken_minor = amount_minor if kind is Kind.CAPTURED else 0
            return Leg(self.payer, -taken_minor, -self.held_minor)
        if self.held == Held.ESCROW:
            return Leg(ESCROW, -amount_minor)
        # What is formal is the payee's already, and from now on to dispose of.
        taken_minor = 0 if kind is Kind.FORMAL else amount_minor
        return Leg(self.payee, -taken_minor, 0 if self.held is None else -amount_minor)

    @property
    def deposits(self) -> tuple[Leg, ...]:
        """What follows later ([0142]); a change of zero is a notice in the account's history."""
        kind, amount_minor = self.kind, self.amount.amount_minor
        if kind is _SETTLED or kind is Kind.CAPTURED:
            return (Leg(self.payee, amount_minor),)
        if kind is _REFUSED or kind is Kind.HELD or kind in _RELEASED:
            return ()
        in_escrow = self.held == Held.ESCROW
        if kind is _PROVISORY and in_escrow:
            return Leg(ESCROW, amount_minor), Leg(self.payee, 0)
        if kind is _PROVISORY:
            return (Leg(self.payee, amount_minor, amount_minor),)
        if kind is Kind.FORMAL:
            notice = Leg(self.payer, 0)
            return (Leg(self.payee, amount_minor), notice) if in_escrow else (notice,)
        refund = Leg(self.payer, amount_minor)
        return (refund, Leg(self.payee, 0)) if in_escrow else (refund,)

    @property
    def legs(self) -> tuple[Leg, ...]:
        """All that it does: the withdrawal, and then the deposits."""
        return self.withdrawal, *self.deposits

    @property
    def asked(self) -> Money:
        """What was asked for: of a held settlement, all that was held."""
        return Money(self.held_minor, self.amount.currency) if self.held_minor else self.amount

    @property
    def overtook(self) -> bool:
        """Whether the payee refused what had not come: who would have paid is not known."""
        return self.kind is _REFUSED and self.reason is Reason.REVERSED

    @property
    def deposited_minor(self) -> int:
        """How much is in transit until the deposits are made, in minor units."""
        return sum(leg.amount_minor for leg in self.deposits)

    def outcome(self) -> Outcome:
        """The answer, the same however often it is asked for."""
        balance = Money(self.payer_balance_minor, self.amount.currency)
        return Outcome.of(self.settlement_id, self.amount, self.reason, balance, self.due_ns)

    def successor(
        self,
        number: int,
        kind: Kind,
        created_ns: int,
        *,
        payer_balance_minor: int,
        signature: bytes = b"",
        amount: Money | None = None,
    ) -> "LogRecord":
        """The record of what became of this settlement; of a held one an amount is captured."""
        return replace(
            self,
            number=number,
            counter=None,
            signature=signature,
            amount=amount or self.amount,
            reason=_REASONS[kind],
            payer_balance_minor=payer_balance_minor,
            created_ns=created_ns,
            kind=kind,
            due_ns=None,
            held=self.held if self.kind is _PROVISORY else None,
            follows=self.number,
            held_minor=self.amount.amount_minor if self.kind is Kind.HELD else self.held_minor,
        )
