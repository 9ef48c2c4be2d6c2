"""The bank host: the electronic bank 1 behind a port, with the queues of its servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from paybench.bank.money import Money
from paybench.bank.outcome import Outcome, State
from paybench.bank.reason import Reason
from paybench.devices.account_desk import AccountDesk
from paybench.devices.bank_queues import BankQueues, BankTimes, Turn
from paybench.devices.device import Device
from paybench.devices.environment import to_ns
from paybench.devices.message import Message
from paybench.devices.settling import (
    Inquiry,
    InquiryAnswer,
    ReversalDemand,
    ReversalResult,
    SettledResult,
    SettlementDemand,
)
from paybench.devices.trace import Served
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.bank.account import AccountNumber
    from paybench.bank.any_bank import AnyBank
    from paybench.bank.restriction import Consent
    from paybench.devices.trace import Sent
    from paybench.devices.world import World

RESULT_STEPS = {
    "D3": "D4",
    "D5": "D4",
    "D13": "D14",
    "D32": "D33",
    "D43": "D44",
    "D92": "D95",
    "D94": "D95",
}
"""What the result of a demand is called, by what the demand is called."""

PAYERS_STEPS = {"D5": "D6"}
"""What it is called when it goes to the payer who sent the demand, where that has a name."""

UNNAMED = "result"

BY_RESTRICTION = {Reason.UNDER_AGE, Reason.AGE_UNKNOWN}
"""What the bank refuses uniformly (D62, [0091])."""

USUAL_TIMES = BankTimes()

M = TypeVar("M", bound=Message)


class BankHost(Device):
    """The bank as the devices see it: requests queue for its servers, each takes its time.

    Args:
        world: What it shares with the others.
        bank: The bank core that does the settling.
        times: How long its servers are busy.
        deposit_delay_s: How long after the result the payee's deposit is made ([0141]).

    Attributes:
        accounts: Whose account a device speaks for, by its name. It hears of settlements of that
            account only: who pays somebody else under the id of a sale has not paid for it.
        desk: Its desk for account holders.
    """

    role = "bank"

    def __init__(
        self,
        world: World,
        bank: AnyBank,
        *,
        times: BankTimes = USUAL_TIMES,
        deposit_delay_s: float = 0.001,
    ) -> None:
        super().__init__(world, "bank")
        self.bank = bank
        self.network = self.port("network")
        self.network.listen(self._take)
        self.accounts: dict[str, AccountNumber] = {}
        self._deposit_delay_ns = to_ns(deposit_delay_s)
        self._deposit_due = False
        self._updating = ""
        self.times = times
        self._deposit_at = ""
        self._deposits: dict[tuple[AccountNumber, str], None] = {}
        self._services: dict[type[Message], Callable[[Any, Sent], object]] = {}
        self.serve(SettlementDemand, self.settle)
        self.serve(Inquiry, self._inquire)
        self.serve(ReversalDemand, self._reverse)
        self.desk = AccountDesk(self)
        self.boot()

    def serve(self, kind: type[M], service: Callable[[M, Sent], object]) -> None:
        """Have messages of a kind served by a function of the message and of how it was sent."""
        self._services[kind] = service

    @property
    def times(self) -> BankTimes:
        """How long its servers are busy; set anew, all their queues are empty."""
        return self._times

    @times.setter
    def times(self, times: BankTimes) -> None:
        self._times = times
        self._queues = BankQueues(times)

    def boot(self) -> None:
        """Take requests; who was logged in, what a shop was asked, and all queues are forgotten."""
        self.desk.forget()
        self.times = self._times

    def _take(self, sent: Sent) -> None:
        env = self.env
        message: Message = sent.message
        service = self._services.get(message.__class__)
        served = None
        if isinstance(message, SettlementDemand):
            information = message.information
            withdrawn_at, deposit_at = self.bank.route(information.payer, information.payee)
            if withdrawn_at:
                served = self._queues.settlement(env.now_ns, withdrawn_at), deposit_at
        done_ns = served[0].done_ns if served else self._queues.other(env.now_ns)
        env.call_at(done_ns, self._serve, (self._outages, service, sent, served))

    def _serve(
        self,
        work: tuple[int, Callable[[Any, Sent], object] | None, Sent, tuple[Turn, str] | None],
    ) -> None:
        outage, service, sent, served = work
        if not self.powered or outage != self._outages:
            return  # it was on a server when the power went
        message: Message = sent.message
        self._deposit_at = ""
        if served is not None:
            turn, self._deposit_at = served
            self._note(
                Served(
                    self.env.now_ns,
                    self.name,
                    turn.waited_ns,
                    self._deposit_at,
                    message.correlation,
                )
            )
        if service is not None:
            service(message, sent)
        else:
            self.decided(IGNORED, f"a {type(message).__name__} is nothing for a bank")

    def _inquire(self, inquiry: Inquiry, sent: Sent) -> None:
        answer = self.bank.inquire(inquiry.settlement_id)
        account = self.accounts.get(sent.sender)
        parties = None if account is None else self.bank.parties(inquiry.settlement_id)
        if parties is not None and account not in parties:
            answer = Outcome.of(
                inquiry.settlement_id, Money(0, self.bank.currency), Reason.UNKNOWN_SETTLEMENT
            )
        self.network.send(InquiryAnswer(inquiry.settlement_id, answer), "S108", sent.sender)

    def _reverse(self, demand: ReversalDemand, sent: Sent) -> None:
        outcome = self.bank.reverse(demand.reversal, self.env.now_ns)
        self.decided(outcome.state, outcome.sentence, outcome.settlement_id)
        self.network.send(ReversalResult(demand.settlement_id, outcome), "R2", sent.sender)

    def settle(self, demand: SettlementDemand, sent: Sent, consent: Consent | None = None) -> None:
        """Withdraw, tell the sender, and have the deposit made afterwards ([0141], [0142]).

        Args:
            demand: What to settle.
            sent: How it was sent.
            consent: The shop's word, where it was wanted (D63).
        """
        information = demand.information
        in_fig_2 = sent.step == "S103"
        if in_fig_2 and consent is None:
            self.decided("S104 received", correlation=demand.settlement_id)
        outcome = self.bank.settle(information, self.env.now_ns, consent)
        state = outcome.state
        if state is State.UNDECIDED:
            self.desk.ask_shop(demand, sent)
            return
        if state is State.PROVISORY:
            self.desk.watch()
        decision = state if outcome.settled else f"refused: {outcome.reason}"
        self.decided(
            f"S105 {decision}" if in_fig_2 else decision, outcome.sentence, outcome.settlement_id
        )
        self._updating = outcome.settlement_id if in_fig_2 and outcome.settled else ""
        self.tell(outcome, information.terminal, sent, information.payee)
        if outcome.settled:
            self._deposits[information.payee, self._deposit_at] = None
            self.deposit_soon()

    def tell(
        self, outcome: Outcome, terminal: str, sent: Sent, payee: AccountNumber | None = None
    ) -> None:
        """Tell how a settlement ended: the device to be told, and the payer who came directly.

        Args:
            outcome: How it ended.
            terminal: The device to be told, "" for whoever sent the demand.
            sent: The demand as it was sent.
            payee: Who was to be paid: only a device of theirs is told; None for any.
        """
        sender = sent.sender
        step = _result_step(sent.step, outcome)
        if terminal in ("", sender):
            self._send_result(outcome.without_balance(), step, sender)
            return
        if payee is not None and self.accounts.get(terminal, payee) != payee:
            self.decided("told nobody at the shop", f"{terminal} is not the payee's")
        elif terminal in self.network.ways:
            self._send_result(outcome.without_balance(), step, terminal)
        else:
            self.decided("told nobody at the shop", f"there is no line to {terminal}")
        # Only the payer's own device may see the payer's balance.
        payers = step if step == "D62" else PAYERS_STEPS.get(sent.step, UNNAMED)
        self._send_result(outcome, payers, sender)

    def deposit_soon(self) -> None:
        """Have what is under way deposited a little later, all of it at once."""
        if not self._deposit_due:
            self._deposit_due = True
            self.env.call_at(self.env.now_ns + self._deposit_delay_ns, self._deposit, None)

    def _send_result(self, outcome: Outcome, step: str, to: str) -> None:
        self.network.send(SettledResult(outcome.settlement_id, outcome), step, to)

    def _deposit(self, _: None) -> None:
        self._deposit_due = False
        self._queues.deposits(self.env.now_ns, (server for _, server in self._deposits))
        self._deposits.clear()
        self.bank.deposit()
        if self._updating:
            self.decided("S106 both data files updated", correlation=self._updating)
            self._updating = ""


def _result_step(demand_step: str, outcome: Outcome) -> str:
    if demand_step == "D61" and outcome.reason in BY_RESTRICTION:
        return "D62"
    return RESULT_STEPS.get(demand_step, UNNAMED)
