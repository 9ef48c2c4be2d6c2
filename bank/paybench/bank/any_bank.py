"""Any bank: what devices, apparatus and mint ask of a bank, wherever it is.

`Bank` is one in the same process. A client of a bank that is served over a network is another.
"""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from .account import AccountNumber
from .group import Mode
from .money import Money
from .outcome import Outcome
from .proof import Authentication, Proof
from .recall import Cancellation, Capture, Reversal
from .restriction import Consent
from .servers import ServerStatus
from .settlement import SettlingInformation
from .storage import Entry


class AnyBank(Protocol):
    """A bank in one currency; each method is as `Bank` says.

    Attributes:
        currency: ISO 4217 code of every account.
        epoch: the calendar day (UTC) at whose beginning `at_ns` is 0.
    """

    currency: str
    epoch: date

    def settle(
        self, order: SettlingInformation, at_ns: int, consent: Consent | None = None
    ) -> Outcome:
        """As `Bank.settle`."""
        ...

    def settle_many(
        self, orders: Sequence[SettlingInformation], at_ns: int, mode: Mode = Mode.CONTINUE
    ) -> list[Outcome]:
        """As `Bank.settle_many`."""
        ...

    def authorise(self, order: SettlingInformation, at_ns: int, *, hold_s: int) -> Outcome:
        """As `Bank.authorise`."""
        ...

    def capture(self, capture: Capture, at_ns: int) -> Outcome:
        """As `Bank.capture`."""
        ...

    def cancel(self, cancellation: Cancellation, at_ns: int) -> Outcome:
        """As `Bank.cancel`."""
        ...

    def reverse(self, reversal: Reversal, at_ns: int) -> Outcome:
        """As `Bank.reverse`."""
        ...

    def inquire(self, settlement_id: str) -> Outcome:
        """As `Bank.inquire`."""
        ...

    def parties(self, settlement_id: str) -> tuple[AccountNumber, AccountNumber] | None:
        """As `Bank.parties`."""
        ...

    def open_account(
        self,
        number: AccountNumber,
        holder: str,
        *,
        approval_key: bytes | None = None,
        born: date | None = None,
    ) -> None:
        """As `Bank.open_account`."""
        ...

    def close_account(self, number: AccountNumber) -> None:
        """As `Bank.close_account`."""
        ...

    def holder(self, number: AccountNumber) -> str:
        """As `Bank.holder`."""
        ...

    def balance(self, number: AccountNumber) -> Money:
        """As `Bank.balance`."""
        ...

    def available(self, number: AccountNumber) -> Money:
        """As `Bank.available`."""
        ...

    def statement(self, number: AccountNumber, limit: int = 50) -> list[Entry]:
        """As `Bank.statement`."""
        ...

    def balance_at(self, number: AccountNumber, at_ns: int) -> Money:
        """As `Bank.balance_at`."""
        ...

    def authenticate(
        self, proof: Proof, *, purpose: str, verifier: str, challenge: bytes | None = None
    ) -> Authentication:
        """As `Bank.authenticate`."""
        ...

    def fund(self, number: AccountNumber, amount: Money, funding_id: str, at_ns: int = 0) -> None:
        """As `Bank.fund`."""
        ...

    def pay_out(
        self,
        own: AccountNumber,
        payee: AccountNumber,
        amount: Money,
        payment_id: str,
        at_ns: int,
    ) -> Outcome:
        """As `Bank.pay_out`."""
        ...

    def deposit(self, limit: int | None = None) -> int:
        """As `Bank.deposit`."""
        ...

    def mature(self, at_ns: int) -> int:
        """As `Bank.mature`."""
        ...

    def next_due_ns(self) -> int | None:
        """As `Bank.next_due_ns`."""
        ...

    def in_transit(self) -> Money:
        """As `Bank.in_transit`."""
        ...

    def total(self) -> Money:
        """As `Bank.total`."""
        ...

    def route(self, payer: AccountNumber, payee: AccountNumber) -> tuple[str, str]:
        """As `Bank.route`."""
        ...

    def servers(self) -> list[ServerStatus]:
        """As `Bank.servers`."""
        ...

    def close(self) -> None:
        """As `Bank.close`."""
        ...
