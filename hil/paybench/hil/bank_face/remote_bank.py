"""The remote bank: a bank elsewhere, with the methods of one in the same process."""

from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING, Any, Self

from paybench.bank.errors import BusyError
from paybench.bank.group import Mode
from paybench.hil.bank_face import calls
from paybench.hil.bank_face.errors import AnswerLost, BankUnreachable
from paybench.hil.bank_face.line import Line, LineLost

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from paybench.bank.account import AccountNumber
    from paybench.bank.money import Money
    from paybench.bank.outcome import Outcome
    from paybench.bank.proof import Authentication, Proof
    from paybench.bank.recall import Cancellation, Capture, Reversal
    from paybench.bank.restriction import Consent
    from paybench.bank.servers import ServerStatus
    from paybench.bank.settlement import SettlingInformation
    from paybench.bank.storage import Entry
    from paybench.hil.bank_face.calls import Call
    from paybench.hil.bank_face.credentials import Credentials

PAUSE_MIN_S, PAUSE_MAX_S = 0.05, 2.0


class RemoteBank:
    """A bank that is served elsewhere, for whoever asks a `Bank`. Not for several threads at once.

    A call that got no answer is asked again on a new connection, under the same id. What cannot be
    asked twice, opening an account and authenticating, is asked again only if the bank says that
    it was not done.

    Args:
        host: Where the bank is.
        port: And at which port.
        credentials: Who we are, and whom we trust.
        timeout_s: How long an answer may take, in seconds.
        patience_s: For how long to call again, in seconds, when the bank is not there or is busy.

    Attributes:
        currency: ISO 4217 code of every account.
        epoch: The calendar day (UTC) at whose beginning `at_ns` is 0.

    Raises:
        BankUnreachable: Nobody is there, it is not the bank, or it does not let us in.
        FaceFileError: The certificate that is to be trusted is none.
    """

    def __init__(
        self,
        host: str,
        port: int,
        credentials: Credentials,
        *,
        timeout_s: float = 10.0,
        patience_s: float = 30.0,
    ) -> None:
        self._line = Line(host, port, credentials, timeout_s)
        self._patience_s = patience_s
        try:
            welcome = self._line.open()
        except LineLost as error:
            raise BankUnreachable(str(error)) from error
        self.currency = welcome.currency
        self.epoch = date.fromisoformat(welcome.epoch)

    def _ask(self, call: Call) -> Any:
        """Ask the bank, again where that is needed.

        Raises:
            BankError: What the bank raised, of the same class and with the same sentence.
            RightsMissing: The device may not ask this.
            BankUnreachable: The bank is not there, for as long as we are patient.
            AnswerLost: It is not known whether the call was done.
        """
        end_s = time.monotonic() + self._patience_s
        pause_s = PAUSE_MIN_S
        while True:
            try:
                return self._line.ask(call)
            except BusyError:
                if time.monotonic() + pause_s > end_s:
                    raise
            except LineLost as error:
                if error.perhaps_done and not call.repeatable:
                    what = call.__struct_config__.tag
                    raise AnswerLost(
                        f"{error}: {what} may have been done or not, and is not asked twice; look "
                        "whether it was"
                    ) from error
                if error.for_good or time.monotonic() + pause_s > end_s:
                    raise BankUnreachable(str(error)) from error
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_MAX_S)

    # Settling

    def settle(
        self, order: SettlingInformation, at_ns: int, consent: Consent | None = None
    ) -> Outcome:
        """As `Bank.settle`."""
        return self._ask(calls.Settle(order, consent, at_ns=at_ns))

    def settle_many(
        self, orders: Sequence[SettlingInformation], at_ns: int, mode: Mode = Mode.CONTINUE
    ) -> list[Outcome]:
        """As `Bank.settle_many`, of at most 1000."""
        return self._ask(calls.SettleMany(list(orders), mode, at_ns=at_ns))

    def authorise(self, order: SettlingInformation, at_ns: int, *, hold_s: int) -> Outcome:
        """As `Bank.authorise`."""
        return self._ask(calls.Authorise(order, hold_s, at_ns=at_ns))

    def capture(self, capture: Capture, at_ns: int) -> Outcome:
        """As `Bank.capture`."""
        return self._ask(calls.Captured(capture, at_ns=at_ns))

    def cancel(self, cancellation: Cancellation, at_ns: int) -> Outcome:
        """As `Bank.cancel`."""
        return self._ask(calls.Cancel(cancellation, at_ns=at_ns))

    def reverse(self, reversal: Reversal, at_ns: int) -> Outcome:
        """As `Bank.reverse`."""
        return self._ask(calls.Reverse(reversal, at_ns=at_ns))

    def inquire(self, settlement_id: str) -> Outcome:
        """As `Bank.inquire`."""
        return self._ask(calls.Inquire(settlement_id))

    def parties(self, settlement_id: str) -> tuple[AccountNumber, AccountNumber] | None:
        """As `Bank.parties`."""
        return self._ask(calls.Parties(settlement_id))

    # Accounts

    def open_account(
        self,
        number: AccountNumber,
        holder: str,
        *,
        approval_key: bytes | None = None,
        born: date | None = None,
    ) -> None:
        """As `Bank.open_account`."""
        self._ask(calls.OpenAccount(number, holder, approval_key, born))

    def close_account(self, number: AccountNumber) -> None:
        """As `Bank.close_account`."""
        self._ask(calls.CloseAccount(number))

    def holder(self, number: AccountNumber) -> str:
        """As `Bank.holder`."""
        return self._ask(calls.Holder(number))

    def balance(self, number: AccountNumber) -> Money:
        """As `Bank.balance`."""
        return self._ask(calls.Balance(number))

    def available(self, number: AccountNumber) -> Money:
        """As `Bank.available`."""
        return self._ask(calls.Available(number))

    def statement(self, number: AccountNumber, limit: int = 50) -> list[Entry]:
        """As `Bank.statement`, of at most 1000 entries."""
        return self._ask(calls.Statement(number, limit))

    def balance_at(self, number: AccountNumber, at_ns: int) -> Money:
        """As `Bank.balance_at`."""
        return self._ask(calls.BalanceAt(number, at_ns))

    def authenticate(
        self, proof: Proof, *, purpose: str, verifier: str, challenge: bytes | None = None
    ) -> Authentication:
        """As `Bank.authenticate`."""
        return self._ask(calls.Authenticate(proof, purpose, verifier, challenge))

    # Money

    def fund(self, number: AccountNumber, amount: Money, funding_id: str, at_ns: int = 0) -> None:
        """As `Bank.fund`."""
        self._ask(calls.Fund(number, amount, funding_id, at_ns))

    def pay_out(
        self,
        own: AccountNumber,
        payee: AccountNumber,
        amount: Money,
        payment_id: str,
        at_ns: int,
    ) -> Outcome:
        """As `Bank.pay_out`."""
        return self._ask(calls.PayOut(own, payee, amount, payment_id, at_ns))

    def deposit(self, limit: int | None = None) -> int:
        """As `Bank.deposit`."""
        return self._ask(calls.Deposit(limit))

    def mature(self, at_ns: int) -> int:
        """As `Bank.mature`."""
        return self._ask(calls.Mature(at_ns))

    def next_due_ns(self) -> int | None:
        """As `Bank.next_due_ns`."""
        return self._ask(calls.NextDue())

    def in_transit(self) -> Money:
        """As `Bank.in_transit`."""
        return self._ask(calls.InTransit())

    def total(self) -> Money:
        """As `Bank.total`."""
        return self._ask(calls.Total())

    def route(self, payer: AccountNumber, payee: AccountNumber) -> tuple[str, str]:
        """As `Bank.route`."""
        return self._ask(calls.Route(payer, payee))

    def servers(self) -> list[ServerStatus]:
        """As `Bank.servers`."""
        return self._ask(calls.Servers())

    # Life

    def close(self) -> None:
        """Close the connection; the bank stays open. Closing twice is fine."""
        self._line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
