"""The bank host: the electronic bank 1 behind a port, with service times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paybench.devices.device import Device
from paybench.devices.environment import to_ns
from paybench.devices.purchase import Inquiry, InquiryAnswer, SettledResult, SettlementDemand
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from collections.abc import Generator

    from paybench.bank.bank import Bank
    from paybench.bank.settlement import Outcome
    from paybench.devices.world import World


class BankHost(Device):
    """The bank as the devices see it: requests queue for its workers, each takes its time.

    Args:
        world: What it shares with the others.
        bank: The bank core that does the settling.
        service_time_s: How long one worker is busy with one request, in seconds.
        workers: How many requests are served side by side.
        deposit_delay_s: How long after the result the payee's deposit is made ([0141]).
    """

    role = "bank"

    def __init__(
        self,
        world: World,
        bank: Bank,
        *,
        service_time_s: float = 0.004,
        workers: int = 4,
        deposit_delay_s: float = 0.001,
    ) -> None:
        super().__init__(world, "bank")
        self.bank = bank
        self.network = self.port("network")
        self.service_time_s = service_time_s
        self._deposit_delay_ns = to_ns(deposit_delay_s)
        self._deposit_due = False
        for _ in range(workers):
            self.env.process(self._work())

    def _work(self) -> Generator[Any, Any, None]:
        while True:
            message, sender = yield self.network.receive_from()
            yield self.env.timeout(self.service_time_s)
            if isinstance(message, SettlementDemand):
                self._settle(message, sender)
            elif isinstance(message, Inquiry):
                answer = self.bank.inquire(message.settlement_id)
                self.network.send(InquiryAnswer(message.settlement_id, answer), "S108", sender)
            else:
                self.decided(IGNORED, f"a {type(message).__name__} is nothing for a bank")

    def _settle(self, demand: SettlementDemand, sender: str) -> None:
        """Withdraw, tell the sender, and have the deposit made afterwards ([0141], [0142])."""
        information = demand.information
        outcome = self.bank.settle(information, self.env.now_ns)
        self.decided(
            "settled" if outcome.settled else f"refused: {outcome.reason}",
            outcome.sentence,
            outcome.settlement_id,
        )
        terminal = information.terminal
        if terminal in ("", sender):
            self._send_result(outcome, "D4", sender)
        else:  # the phone came directly: the shop hears it first, then the customer
            if terminal in self.network.ways:
                self._send_result(outcome, "D4", terminal)
            else:
                self.decided("told nobody at the shop", f"there is no line to {terminal}")
            self._send_result(outcome, "D6", sender)
        if outcome.settled and not self._deposit_due:
            self._deposit_due = True
            self.env.call_at(self.env.now_ns + self._deposit_delay_ns, self._deposit, None)

    def _send_result(self, outcome: Outcome, step: str, to: str) -> None:
        # Only the payer's own phone may see the payer's balance.
        if step != "D6" and outcome.payer_balance is not None:
            outcome = outcome.without_balance()
        self.network.send(SettledResult(outcome.settlement_id, outcome), step, to)

    def _deposit(self, _: None) -> None:
        self._deposit_due = False
        self.bank.deposit()
