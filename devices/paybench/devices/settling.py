"""What is said about settling: a demand and its result, an inquiry and its answer.

Every flow ends in these: who is to be paid tells the bank, and the bank tells the result. A
payment that nothing was handed over for is reversed (R1, R2), one that is only provisory may be
cancelled (C1, C2: these names are ours).
"""

from __future__ import annotations

from paybench.bank.recall import Cancellation, Reversal
from paybench.bank.settlement import Outcome, SettlingInformation
from paybench.devices.message import Message


class SettlementMessage(Message, frozen=True, gc=False):
    """Base of the messages that belong to one settlement.

    Attributes:
        settlement_id: Given by who is to be paid; the same id settles once.
    """

    settlement_id: str

    @property
    def correlation(self) -> str:
        """The settlement's id."""
        return self.settlement_id


class SettlementDemand(SettlementMessage, frozen=True, gc=False):
    """D3 (register to bank, [0048]) and D5 (phone to bank, [0055]): the settling information."""

    information: SettlingInformation


class SettledResult(SettlementMessage, frozen=True, gc=False):
    """D4 (bank to register) and D6 (bank to phone): whether it was properly executed ([0049])."""

    outcome: Outcome


class Inquiry(SettlementMessage, frozen=True, gc=False):
    """S108, device to bank: has the money of this settlement arrived ([0040])?"""


class InquiryAnswer(SettlementMessage, frozen=True, gc=False):
    """S108, bank to device: the outcome, or that the bank knows no such settlement."""

    outcome: Outcome


class ReversalDemand(SettlementMessage, frozen=True, gc=False):
    """R1, payee's device to bank: give the payment back, or never let it settle."""

    reversal: Reversal


class ReversalResult(SettlementMessage, frozen=True, gc=False):
    """R2, bank to the payee's device: how the settlement stands now."""

    outcome: Outcome


class CancellationDemand(SettlementMessage, frozen=True, gc=False):
    """C1, payer's device to bank: take it back, within the cooling-off period ([0084])."""

    cancellation: Cancellation


class CancellationResult(SettlementMessage, frozen=True, gc=False):
    """C2, bank to the payer's device: how the settlement stands now."""

    outcome: Outcome
