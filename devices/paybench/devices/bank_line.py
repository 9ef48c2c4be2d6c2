"""The bank line: how a device settles, and finds out what became of it.

A result that never comes is *unknown*, and never taken for a refusal: the device asks by the
settlement's id (S108), sends its demand again if the bank never got it, and if it still does not
know, has the settlement reversed as soon as the bank answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paybench.bank.settlement import Reason
from paybench.devices.environment import NS_PER_S, to_ns
from paybench.devices.port import Port
from paybench.devices.settling import (
    Inquiry,
    InquiryAnswer,
    ReversalDemand,
    ReversalResult,
    SettledResult,
)
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from collections.abc import Generator

    from paybench.bank.recall import Reversal
    from paybench.bank.settlement import Outcome
    from paybench.devices.device import Device
    from paybench.devices.message import Message
    from paybench.devices.port import Receive
    from paybench.devices.settling import SettlementDemand
    from paybench.devices.trace import Sent

_TELLING = SettledResult | InquiryAnswer

PAUSE_MAX_S = 300.0
"""The longest pause between two tries to have a payment reversed."""


class BankLine:
    """A device's way to the bank.

    Args:
        device: Whose it is.
        port: The device's port towards the bank, or towards a host in between.
        shared: Whether the device listens at the port itself, and hands results over by `put`.
        result_timeout_s: How long the bank may take before the device inquires.
        inquiries: How often it inquires before it gives up.
    """

    __slots__ = "_device", "_inboxes", "_shared", "inquiries", "port", "result_timeout_s"

    def __init__(
        self,
        device: Device,
        port: Port,
        *,
        shared: bool = False,
        result_timeout_s: float = 5.0,
        inquiries: int = 5,
    ) -> None:
        self.port = port
        self.result_timeout_s = result_timeout_s
        self.inquiries = inquiries
        self._device = device
        self._shared = shared
        self._inboxes: dict[str, Port] = {}

    def put(self, sent: Sent) -> bool:
        """Hand over what came at a shared port; tells whether anybody here waits for it."""
        inbox = self._inboxes.get(sent.correlation)
        if inbox is not None:
            inbox.put(sent)
        return inbox is not None

    def settle(self, demand: SettlementDemand, step: str) -> Generator[Any, Any, Outcome | None]:
        """Have the bank settle; gives the outcome, or None for unknown.

        Args:
            demand: What to settle. Its id sees to it that it settles once.
            step: The demand's step name, e.g. ``D3``.
        """
        self.send(demand, step)
        return self.outcome(demand, step)

    def send(self, demand: SettlementDemand, step: str) -> None:
        """Send a demand; `outcome` waits for what comes of it."""
        self.open(demand.settlement_id)
        self.port.send(demand, step)

    def outcome(self, demand: SettlementDemand, step: str) -> Generator[Any, Any, Outcome | None]:
        """What comes of a demand that was sent; None for unknown."""
        settlement_id = demand.settlement_id
        outcome = _outcome_in((yield from self._answer(settlement_id)))
        if outcome is None:
            outcome = yield from self.inquire(settlement_id, demand, step)
        self.close(settlement_id)
        return outcome

    def inquire(
        self, settlement_id: str, demand: SettlementDemand | None = None, step: str = ""
    ) -> Generator[Any, Any, Outcome | None]:
        """Ask what became of a settlement (S108), more than once if need be.

        Args:
            settlement_id: Its id.
            demand: What to send again where the bank never got it. Without one, the answer
                "unknown settlement" is an outcome like others.
            step: The demand's step name.
        """
        for _ in range(self.inquiries):
            self._device.become("inquiring", settlement_id)
            self._device.display.show("ASKING THE BANK")
            self.port.send(Inquiry(settlement_id), "S108")
            outcome = _outcome_in((yield from self._answer(settlement_id)))
            if demand is not None and outcome is not None and is_unknown(outcome):
                self.port.send(demand, step)
                outcome = _outcome_in((yield from self._answer(settlement_id)))
            # "Unknown to the bank" is no end while a demand may be under way.
            if outcome is not None and (demand is None or not is_unknown(outcome)):
                return outcome
        return None

    def reverse(self, reversal: Reversal) -> Generator[Any, Any, Outcome]:
        """Have a payment given back (R1), asking until the bank answers for good (R2).

        An id the bank does not know is barred: a demand that comes late does not settle.
        """
        settlement_id = reversal.settlement_id
        demand = ReversalDemand(settlement_id, reversal)
        pause_s = self.result_timeout_s
        # It may take long: meanwhile the device may settle something else at the same port.
        self._inboxes[settlement_id] = self.port.inbox(settlement_id)
        try:
            while True:
                self.port.send(demand, "R1")
                answer: Message | None = demand
                while answer is not None and not isinstance(answer, ReversalResult):
                    answer = yield from self.hear(settlement_id, pause_s)
                if answer is not None and answer.outcome.reason is not Reason.PAYEE_BALANCE_TOO_LOW:
                    return answer.outcome
                pause_s = min(2 * pause_s, PAUSE_MAX_S)
                if answer is not None:
                    yield self._device.rest(pause_s)
        finally:
            self._inboxes.pop(settlement_id, None)
            self.port.close_inbox(settlement_id)

    def hear(self, settlement_id: str, timeout_s: float) -> Generator[Any, Any, Message | None]:
        """The next message that belongs to a settlement; None when the time is up."""
        port = self._inboxes.get(settlement_id, self.port)
        return hear(self._device, port, settlement_id, timeout_s)

    def _answer(self, settlement_id: str) -> Generator[Any, Any, Message | None]:
        """What the bank says of a settlement, as `hear`, within its usual time."""
        return self.hear(settlement_id, self.result_timeout_s)

    def awaits(self, settlement_id: str) -> bool:
        """Whether somebody waits for a result of this settlement."""
        return settlement_id in self._inboxes

    def receive(self, settlement_id: str, timeout_s: float) -> Receive:
        """The next message about a settlement that was opened, for ``yield`` or a condition.

        For a shared port: what belongs to other settlements does not come here.
        """
        return self._inboxes.get(settlement_id, self.port).receive(timeout_s)

    def open(self, settlement_id: str) -> None:
        """From now on, results of this settlement are awaited here."""
        if self._shared and settlement_id not in self._inboxes:
            self._inboxes[settlement_id] = Port(self._device.env, self._device.name, "inbox")

    def close(self, settlement_id: str) -> None:
        """Nobody waits for this settlement any more."""
        if self._shared:
            self._inboxes.pop(settlement_id, None)

    def forget(self) -> None:
        """The power is back: nobody waits for anything any more."""
        self._inboxes.clear()


def hear(
    device: Device,
    port: Port,
    correlation: str,
    timeout_s: float,
    *,
    sender: str = "",
    kinds: tuple[type[Message], ...] = (),
) -> Generator[Any, Any, Message | None]:
    """The next message at a port that belongs to something; None when the time is up.

    Args:
        device: Whose port it is.
        port: The port.
        correlation: What the message has to belong to.
        timeout_s: How long in all, whatever else may come meanwhile.
        sender: Who has to have sent it; "" for anybody.
        kinds: Of which kinds it has to be; none for any.
    """
    began_ns, left_s = device.env.now_ns, timeout_s
    while True:
        sent: Sent | None = yield port.receive_sent(left_s)
        if sent is None:
            return None
        message = sent.message
        if message.correlation != correlation:
            why = f"a {type(message).__name__} that belongs to {message.correlation or 'nothing'}"
        elif sender and sent.sender != sender:
            why = f"a {type(message).__name__} from {sent.sender}, who is not asked"
        elif kinds and not isinstance(message, kinds):
            why = f"a {type(message).__name__} that answers nothing asked now"
        else:
            return message
        device.decided(IGNORED, why, correlation)
        left_s = max(began_ns + to_ns(timeout_s) - device.env.now_ns, 0) / NS_PER_S


def _outcome_in(answer: Message | None) -> Outcome | None:
    """The outcome that an answer of the bank tells; None in any other message, and in none."""
    return answer.outcome if isinstance(answer, _TELLING) else None


NOT_FINAL = frozenset(
    {
        Reason.APPROVAL_ALTERED,
        Reason.APPROVAL_MISSING,
        Reason.APPROVAL_REPLAYED,
        Reason.UNKNOWN_PAYER,
        Reason.UNKNOWN_SETTLEMENT,
        Reason.CONSENT_WANTED,
    }
)
"""Why the bank refuses a demand without keeping that under its id: anybody could have sent it."""


def is_final(outcome: Outcome) -> bool:
    """Whether a refusal is the settlement's end, and no better demand can come under its id."""
    return not outcome.settled and outcome.reason not in NOT_FINAL


def is_unknown(outcome: Outcome) -> bool:
    """Whether the bank knows no such settlement."""
    return outcome.reason is Reason.UNKNOWN_SETTLEMENT
