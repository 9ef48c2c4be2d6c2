"""A log record: the one durable fact that a settlement is (Fig 14B, [0138])."""

from msgspec import Struct

from paybench.bank.account import AccountNumber
from paybench.bank.money import Money
from paybench.bank.settlement import Outcome, Reason

from .entry import Entry


class LogRecord(Struct, frozen=True, gc=False):
    """What was asked and decided; withdrawal, result and deposit are derived from it.

    Args:
        number: position in the log, from 1 without gaps.
        settlement_id: unique in the log.
        payer: the account that pays; the capital account when money is issued.
        payee: the account that is paid.
        amount: what is paid.
        counter: the approval's counter, None when money is issued.
        signature: the approval's signature, so that the log can be audited; empty likewise.
        reason: why it was refused, None when settled.
        payer_balance_minor: the payer's balance afterwards, in minor units.
        created_ns: when, in nanoseconds of the caller's clock.
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

    @property
    def moved_minor(self) -> int:
        """How much left the payer, in minor units: nothing when refused."""
        return self.amount.amount_minor if self.reason is None else 0

    def outcome(self) -> Outcome:
        """The answer, the same however often it is asked for."""
        balance = Money(self.payer_balance_minor, self.amount.currency)
        return Outcome.of(self.settlement_id, self.amount, self.reason, balance)

    def entry(self, number: AccountNumber, balance_minor: int) -> Entry:
        """The line this record adds to the payer's or the payee's statement.

        Args:
            number: the payer or the payee.
            balance_minor: that account's balance afterwards, in minor units.
        """
        pays = number == self.payer
        return Entry(
            self.number,
            self.settlement_id,
            self.payee if pays else self.payer,
            -self.moved_minor if pays else self.moved_minor,
            balance_minor,
            self.created_ns,
        )
