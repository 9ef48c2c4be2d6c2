"""The terminal: any device from which an account holder reaches the bank, Figs 1 and 2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from paybench.bank.account import AccountNumber
from paybench.bank.approval import Approval
from paybench.bank.errors import ApprovalError, BankError
from paybench.bank.money import Money
from paybench.bank.outcome import State
from paybench.bank.restriction import Restriction
from paybench.bank.settlement import SettlingInformation, is_well_formed
from paybench.devices.approver import Approver
from paybench.devices.bank_line import BankLine, is_unknown
from paybench.devices.banking import (
    LOG_IN,
    AccountInquiry,
    AccountStatement,
    Challenge,
    LoggedIn,
    LogIn,
    LogOut,
    Offer,
    ProofOfHolder,
)
from paybench.devices.device import Device, verb
from paybench.devices.errors import OutOfOrder
from paybench.devices.fingerprint import FingerprintSensor
from paybench.devices.port import Port
from paybench.devices.profile import PROFILES
from paybench.devices.settling import (
    CancellationDemand,
    CancellationResult,
    SettledResult,
    SettlementDemand,
)
from paybench.devices.signer import Signer
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from collections.abc import Generator

    from paybench.bank.outcome import Outcome
    from paybench.devices.message import Message
    from paybench.devices.trace import Sent
    from paybench.devices.world import World

ANSWER_TIMEOUT_S = 10.0
"""How long the bank may take for what is no settlement."""


class Payment(msgspec.Struct):
    """A payment ordered at a terminal; kept in its store.

    Attributes:
        settlement_id: The id its settlement has at the bank.
        payee: The account that is paid.
        amount: How much.
        approval: What the account holder signed.
        restriction: What restricts it, or None.
        terminal: The payee's device that is to be told, "" for none.
        step: The demand's step name.
        state: ``settling``, ``paid``, ``refused``, ``cancelled`` or ``unknown``.
    """

    settlement_id: str
    payee: AccountNumber
    amount: Money
    approval: Approval
    restriction: Restriction | None
    terminal: str
    step: str
    state: str = "settling"

    @property
    def demand(self) -> SettlementDemand:
        """The settling information, as it goes to the bank, however often."""
        information = SettlingInformation(
            self.settlement_id,
            self.approval.payer,
            self.payee,
            self.amount,
            self.approval,
            self.terminal,
            self.restriction,
        )
        return SettlementDemand(self.settlement_id, information)


class Terminal(Device):
    """An account holder's terminal: log in, pay, look at the account, cancel.

    Args:
        world: What it shares with the others.
        name: Full name, e.g. ``B.terminal``.
        profile: Which of `PROFILES` it is.
        account: The holder's account.
        password: What the holder logs in with.
        approval_key: The key it signs with and the bank verifies with.
        currency: ISO 4217 code of the account.
        finger: The finger enrolled at its sensor; "" for no sensor.

    Attributes:
        logged_in: Whether the holder is logged in.
        payment: The payment last ordered, or None.
        statement: What the bank last told of the account, or None.
        offered: What a shop offers over the Internet, or None.
    """

    role = "terminal"

    def __init__(
        self,
        world: World,
        name: str,
        *,
        account: AccountNumber,
        password: str,
        approval_key: bytes,
        profile: str = "pc",
        currency: str = "EUR",
        finger: str = "",
    ) -> None:
        if profile not in PROFILES:
            raise ValueError(f"there is no terminal {profile!r}, only {', '.join(PROFILES)}")
        super().__init__(world, name)
        self.profile = PROFILES[profile]
        self.account = account
        self.currency = currency
        self.network = self.port("network")
        self.internet = self.port("internet")
        self.bank = BankLine(self, self.network, shared=True)
        self.signer = Signer(account, approval_key, self.store)
        sensor = None
        if finger:
            sensor = self.parts["fingerprint"] = FingerprintSensor(world, name, finger)
        self.approver = Approver(password, sensor, self.store)
        self.network.listen(self._hear)
        self.internet.listen(self._take_offer)
        self._answers: dict[tuple[type[Message], str], Port] = {}
        self.boot()

    def boot(self) -> None:
        """Start anew, logged out; a payment that was under way is asked for."""
        self.logged_in = False
        self.statement: AccountStatement | None = None
        self.offered: Offer | None = None
        self._touched_ns = self.env.now_ns
        self._answers.clear()
        self.bank.forget()
        self.payment = payment = self.store.get("payment", Payment)
        if payment is not None and payment.state in ("settling", "unknown"):
            self.run(self._find_out(payment))

    # -- what the account holder does ---------------------------------------------------------

    @verb("password", "finger")
    def log_in(self, password: str = "", finger: str = "") -> None:
        """Log in (S101): the terminal makes sure who it is, and proves it to the bank."""
        if self.approver.locked:
            self.show("LOCKED")
            return
        flaw = self.approver.flaw(password, finger)
        if flaw:
            self.become("locked" if self.approver.locked else "idle")
            self.show("LOCKED" if self.approver.locked else flaw.upper())
            self.decided("log in refused", flaw)
            return
        self.run(self._log_in())

    @verb()
    def log_out(self) -> None:
        """Log out; nothing can be ordered until the next log in."""
        self._end_session("LOGGED OUT")
        self.network.send(LogOut(), "log out")

    @verb()
    def pay(self, payee: AccountNumber, amount: str) -> None:
        """Order a transfer (S102): the settling information goes to the bank (S103).

        Args:
            payee: The account to be paid.
            amount: How much, e.g. ``"25.00"``.

        Raises:
            MoneyError: The amount is malformed.
            OutOfOrder: Nobody is logged in, or another payment is under way.
        """
        money = Money.parse(amount, self.currency)
        self._operate(f"pay {money} to {payee}")
        self._refuse_if_paying()
        self._order(self._next_id(), payee, money, None, "", "S103")

    @verb()
    def buy(self) -> None:
        """Buy what a shop offers: the settling information carries its restriction (D51, D61).

        Raises:
            OutOfOrder: Nothing is on offer, nobody is logged in, or a payment is under way.
        """
        offer = self.offered
        if offer is None:
            raise OutOfOrder(f"{self.name} has no offer: let a shop make one (office.offer(…))")
        self._operate(f"buy {offer.article}")
        self._refuse_if_paying()
        self.offered = None
        restriction = offer.restriction
        step = "D61" if restriction is not None and restriction.minimum_age_years else "D51"
        self._order(
            offer.settlement_id, offer.payee, offer.amount, restriction, offer.terminal, step
        )

    @verb()
    def cancel(self, settlement_id: str = "") -> None:
        """Cancel a purchase (C1), the last one if no other is named.

        Raises:
            OutOfOrder: There is none, or nobody is logged in.
        """
        settlement_id = settlement_id or (self.payment.settlement_id if self.payment else "")
        if not settlement_id:
            raise OutOfOrder(f"{self.name} has paid nothing that could be cancelled")
        self._operate(f"cancel {settlement_id}")
        self.run(self._cancel(settlement_id))

    @verb()
    def look(self, entries: int = 5) -> None:
        """Look at the account's balance and its newest entries (S107).

        Raises:
            OutOfOrder: Nobody is logged in.
        """
        self._operate("look at the account")
        self.run(self._look(entries))

    @verb()
    def ask(self, settlement_id: str) -> None:
        """Ask whether the money of a settlement has arrived (S108).

        Raises:
            OutOfOrder: Nobody is logged in.
        """
        self._operate(f"ask for {settlement_id}")
        self.run(self._ask(settlement_id))

    # -- what the terminal does ---------------------------------------------------------------

    def show(self, *lines: str) -> None:
        """Show lines, as many and as long as the display takes."""
        columns = self.profile.columns
        cut = [line if len(line) <= columns else line[: columns - 1] + "…" for line in lines]
        self.display.show(*cut[: self.profile.lines])

    def show_outcome(self, outcome: Outcome | None) -> None:
        """Show how a payment ended; None for unknown."""
        if outcome is None:
            self.show("RESULT UNKNOWN", "CALL THE BANK")
        elif outcome.settled:
            provisory = ["CAN BE CANCELLED FOR A WHILE"] if outcome.formal_at_ns else []
            self.show(f"PAID {outcome.amount.text}", *provisory)
        else:
            self.show("REFUSED", outcome.sentence)

    def _operate(self, what: str) -> None:
        """The holder operates the terminal (S102), logged in as it must be."""
        if self.logged_in and self.env.now - self._touched_ns / 1e9 > self.profile.idle_s:
            self._end_session("LOGGED OUT: NOBODY WAS HERE")
        if not self.logged_in:
            raise OutOfOrder(f"nobody is logged in at {self.name}: log in first")
        self._touched_ns = self.env.now_ns
        self.decided("S102 operated", what)

    def _refuse_if_paying(self) -> None:
        if self.payment is not None and self.payment.state == "settling":
            raise OutOfOrder(f"{self.name} is at another payment: wait for its end")

    def _end_session(self, line: str) -> None:
        self.logged_in = False
        self.become("idle")
        self.show(line)

    def _log_in(self) -> Generator[Any, Any, None]:
        self.show("LOGGING IN")
        self.network.send(LogIn(self.account), "S101")
        challenge = yield from self._answer(Challenge)
        if challenge is None:
            self.show("NO ANSWER", "The bank does not answer.")
            return
        proof = self.signer.prove(LOG_IN, self.name, challenge.challenge)
        self.network.send(ProofOfHolder(proof), "S101")
        answer = yield from self._answer(LoggedIn)
        if answer is None:
            self.show("NO ANSWER", "The bank does not answer.")
        elif answer.authentication.authenticated:
            self.logged_in = True
            self._touched_ns = self.env.now_ns
            self.become("logged in")
            self.show("LOGGED IN")
        else:
            self.show("NOT LOGGED IN", answer.authentication.sentence)

    def _order(
        self,
        settlement_id: str,
        payee: AccountNumber,
        amount: Money,
        restriction: Restriction | None,
        terminal: str,
        step: str,
    ) -> None:
        try:
            if not is_well_formed(settlement_id):
                raise ApprovalError(f"{settlement_id[:64]!r} is no id of a settlement")
            approval = self.signer.approve(settlement_id, payee, amount, restriction)
        except BankError as error:
            self.decided("approval refused", str(error))
            self.show("NO PROPER OFFER")
            return
        payment = self.payment = Payment(
            settlement_id, payee, amount, approval, restriction, terminal, step
        )
        self._stand(payment, "settling")
        self.show("SENDING")
        self.run(self._settle(payment))

    def _settle(self, payment: Payment) -> Generator[Any, Any, None]:
        outcome = yield from self.bank.settle(payment.demand, payment.step)
        self._conclude(payment, outcome)

    def _find_out(self, payment: Payment) -> Generator[Any, Any, None]:
        self.bank.open(payment.settlement_id)
        outcome = yield from self.bank.inquire(payment.settlement_id, payment.demand, payment.step)
        self.bank.close(payment.settlement_id)
        self._conclude(payment, outcome)

    def _conclude(self, payment: Payment, outcome: Outcome | None) -> None:
        if outcome is None:
            self._stand(payment, "unknown")
        else:
            self._stand(payment, "paid" if outcome.settled else "refused")
        self.show_outcome(outcome)

    def _cancel(self, settlement_id: str) -> Generator[Any, Any, None]:
        demand = CancellationDemand(settlement_id, self.signer.cancel(settlement_id))
        self.show("SENDING")
        self.network.send(demand, "C1")
        answer = yield from self._answer(CancellationResult, settlement_id)
        if answer is None:
            self.show("RESULT UNKNOWN", "Cancel again: it does no harm.")
        elif answer.outcome.state not in (State.CANCELLED, State.REVERSED):
            self.show("NOT CANCELLED", answer.outcome.sentence)
        else:
            if self.payment is not None and self.payment.settlement_id == settlement_id:
                self._stand(self.payment, answer.outcome.state)
            self.show(answer.outcome.state.upper(), answer.outcome.sentence)

    def _look(self, entries: int) -> Generator[Any, Any, None]:
        self.network.send(AccountInquiry(entries), "S107")
        statement = yield from self._answer(AccountStatement)
        if statement is None:
            self.show("NO ANSWER", "The bank does not answer.")
            return
        self.statement = statement
        if statement.refused:
            self.show("NOT SHOWN", statement.refused)
            return
        lines = [f"BALANCE {statement.balance.text}"]
        if statement.available != statement.balance:
            lines.append(f"AVAILABLE {statement.available.text}")
        for entry in statement.entries:
            moved = Money(entry.amount_minor, self.currency).text
            lines.append(f"{entry.kind} {moved} {entry.counterparty}")
        self.show(*lines)

    def _ask(self, settlement_id: str) -> Generator[Any, Any, None]:
        self.bank.open(settlement_id)
        outcome = yield from self.bank.inquire(settlement_id)
        self.bank.close(settlement_id)
        self.learned(settlement_id, outcome)
        if outcome is not None and outcome.settled:
            self.show(f"ARRIVED {outcome.amount.text}")
        else:
            self.show("NOT ARRIVED", outcome.sentence if outcome else "The bank does not answer.")

    def learned(self, settlement_id: str, outcome: Outcome | None) -> None:
        """How a settlement stands, from whatever way it became known; None for unknown."""
        payment = self.payment
        if payment is None or payment.settlement_id != settlement_id:
            return
        if outcome is not None and not is_unknown(outcome) and payment.state == "unknown":
            self._stand(payment, "paid" if outcome.settled else "refused")

    def _answer(self, kind: type[Any], correlation: str = "") -> Generator[Any, Any, Any]:
        """The bank's next answer of a kind about something; None when it does not come.

        What comes when nobody waits for it any more is ignored.
        """
        inbox = self._answers[kind, correlation] = Port(self.env, self.name, "answers")
        answer = yield inbox.receive(ANSWER_TIMEOUT_S)
        if self._answers.get((kind, correlation)) is inbox:
            del self._answers[kind, correlation]
        return answer

    def _hear(self, sent: Sent) -> None:
        if self.bank.put(sent):
            return
        message: Message = sent.message
        inbox = self._answers.get((type(message), sent.correlation))
        if inbox is not None:
            inbox.put(sent)
        elif isinstance(message, SettledResult):
            self.learned(message.settlement_id, message.outcome)
            self.show_outcome(message.outcome)
        else:
            self.decided(IGNORED, f"a {type(message).__name__} nobody waits for", sent.correlation)

    def _take_offer(self, sent: Sent) -> None:
        message: Message = sent.message
        if not isinstance(message, Offer):
            self.decided(IGNORED, f"a {type(message).__name__} is nothing for a terminal")
            return
        self.offered = message
        lines = [f"{message.shop}: {message.article}", f"PRICE {message.amount.text}"]
        restriction = message.restriction
        if restriction is not None and restriction.cooling_off_s:
            lines.append(f"CAN BE CANCELLED FOR {restriction.cooling_off_s // 86_400} DAYS")
        if restriction is not None and restriction.minimum_age_years:
            lines.append(f"FROM {restriction.minimum_age_years} YEARS OF AGE")
        self.show(*lines)

    def _next_id(self) -> str:
        number = self.store.count_up("payments")
        return f"{self.name}-{number:06d}"

    def _stand(self, payment: Payment, state: str) -> None:
        payment.state = state
        self.store.put("payment", payment)
        self.become(state, payment.settlement_id)
