"""A bill on a phone: purchase information its owner approves or declines ([0046] to [0048])."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paybench.bank.errors import ApprovalError, BankError
from paybench.bank.settlement import SettlingInformation, is_well_formed
from paybench.devices.purchase import AuthenticatedPurchase, PurchaseDeclined
from paybench.devices.settling import SettlementDemand

if TYPE_CHECKING:
    from collections.abc import Generator

    from paybench.bank.approval import Approval
    from paybench.devices.phone import Phone
    from paybench.devices.purchase import PurchaseInformation

RELAYED_STEPS = {
    "PurchaseInformation": "D2",
    "TicketOffer": "D93",
    "TransferBill": "D42",
}
DIRECT_STEPS = {"PurchaseInformation": "D5", "TicketOffer": "D92", "TransferBill": "D43"}
"""Step names of the two ways to answer, by the kind of bill."""

UNNAMED = "approval"


class Bill:
    """What a phone has been asked to pay, and by whom.

    Args:
        phone: The phone.
        information: The purchase information.
        biller: Name of the device it came from.
    """

    __slots__ = "_approval", "_kind", "biller", "correlation", "information", "phone"

    def __init__(self, phone: Phone, information: PurchaseInformation, biller: str) -> None:
        self.phone = phone
        self.information = information
        self.biller = biller
        self.correlation = information.settlement_id
        self._approval: Approval | None = None
        self._kind = type(information).__name__

    def show(self) -> None:
        """Show it to the owner."""
        information = self.information
        self.phone.display.show(f"PAY {information.amount.text}", f"TO {information.shop}")

    def approve(self, taps: int) -> None:
        """Sign it and send it off: back to the biller, or to the bank."""
        try:
            approval = self._sign()
        except BankError as error:
            self.phone.decided("approval refused", str(error), self.correlation)
            self.phone.display.show("NO PROPER BILL")
            return
        self.phone.become("approved", self.correlation)
        self.phone.display.show("SENDING")
        for _ in range(taps):
            if self.information.settles == "direct":
                self._settle(approval)
            else:
                answer = AuthenticatedPurchase(self.correlation, approval)
                self.phone.short_range.send(answer, self._relayed_step, self.biller)

    def decline(self) -> None:
        """Say no; the biller is told, and the bank never hears of it."""
        self.phone.become("declined", self.correlation)
        self.phone.display.show("DECLINED")
        answer = PurchaseDeclined(self.correlation, "the customer declined")
        self.phone.short_range.send(answer, self._relayed_step, self.biller)

    @property
    def _relayed_step(self) -> str:
        return RELAYED_STEPS.get(self._kind, UNNAMED)

    def _sign(self) -> Approval:
        """The approval; tapping again sends the same one, never a second."""
        if self._approval is None:
            bill = self.information
            if not is_well_formed(bill.settlement_id) or bill.amount.amount_minor <= 0:
                raise ApprovalError(f"{self.biller} bills {bill.amount} under no proper id")
            self._approval = self.phone.signer.approve(bill.settlement_id, bill.payee, bill.amount)
        return self._approval

    def _settle(self, approval: Approval) -> None:
        bill = self.information
        demand = SettlementDemand(
            self.correlation,
            SettlingInformation(
                bill.settlement_id,
                approval.payer,
                bill.payee,
                bill.amount,
                approval,
                bill.terminal,
            ),
        )
        bank, step = self.phone.bank, DIRECT_STEPS.get(self._kind, UNNAMED)
        awaited = bank.awaits(self.correlation)
        bank.send(demand, step)
        if not awaited:
            self.phone.run(self._wait_for_bank(demand, step))

    def _wait_for_bank(self, demand: SettlementDemand, step: str) -> Generator[Any, Any, None]:
        outcome = yield from self.phone.bank.outcome(demand, step)
        self.phone.show_outcome(self.correlation, outcome)
