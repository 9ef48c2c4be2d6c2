"""The phone: the portable information device 3 a customer carries ([0045])."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paybench.bank.approval import sign
from paybench.bank.settlement import SettlingInformation
from paybench.devices.device import Device, verb
from paybench.devices.errors import OutOfOrder
from paybench.devices.purchase import (
    AuthenticatedPurchase,
    PurchaseDeclined,
    PurchaseInformation,
    SettledResult,
    SettlementDemand,
)
from paybench.devices.secret import Secret
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from paybench.bank.account import AccountNumber
    from paybench.bank.approval import Approval
    from paybench.devices.world import World

TRIES = 3
"""Wrong passwords in a row that lock the phone."""


class Phone(Device):
    """A customer's phone: stores bills, lets its owner authenticate them, signs what was approved.

    Args:
        world: What it shares with the others.
        name: Full name, e.g. ``B.phone``.
        account: The owner's account.
        password: What the owner authenticates with.
        approval_key: The key the phone signs with and the bank verifies with.

    Attributes:
        bill: The purchase information last stored, or None.
        bills: All purchase information received, newest last.
        customer: Called when a bill has arrived, for fleets; a scenario's customer uses the verbs.
    """

    role = "phone"

    def __init__(
        self,
        world: World,
        name: str,
        *,
        account: AccountNumber,
        password: str,
        approval_key: bytes,
    ) -> None:
        super().__init__(world, name)
        self.account = account
        self.short_range = self.port("short-range")
        self.network = self.port("network")
        self.bill: PurchaseInformation | None = None
        self.biller = ""
        self.bills: list[PurchaseInformation] = []
        self.customer: Callable[[Phone], object] | None = None
        self._password = Secret(password)
        self._approval_key = approval_key
        self._counter = 0
        self._approval: Approval | None = None
        self._wrong = 0
        self.env.process(self._listen())
        self.env.process(self._hear_from_bank())

    def become(self, state: str, correlation: str = "") -> None:
        """Change the state, except that a locked phone stays locked."""
        if self.state != "locked":
            Device.become(self, state, correlation)

    # -- what the customer does ---------------------------------------------------------------

    @verb("password")
    def approve(self, password: str, taps: int = 1) -> None:
        """Authenticate the bill with the password: D2 or D5 goes out, once for each tap.

        Raises:
            OutOfOrder: There is no bill to approve.
        """
        bill = self._open_bill("approve")
        if self.state == "locked":
            self.display.show("LOCKED")
            return
        if Secret(password) != self._password:
            self._refuse_password(bill)
            return
        self._wrong = 0
        approval = self._sign(bill)
        self.become("approved", bill.settlement_id)
        self.display.show("SENDING")
        for _ in range(taps):
            if bill.settles == "direct":
                self._settle_directly(bill, approval)
            else:
                self.short_range.send(
                    AuthenticatedPurchase(bill.settlement_id, approval), "D2", self.biller
                )

    @verb()
    def decline(self) -> None:
        """Say no to the bill; the register is told, and the bank never hears of it.

        Raises:
            OutOfOrder: There is no bill to decline.
        """
        bill = self._open_bill("decline")
        self.become("declined", bill.settlement_id)
        self.display.show("DECLINED")
        self.short_range.send(
            PurchaseDeclined(bill.settlement_id, "the customer declined"), "D2", self.biller
        )
        self.bill = None

    # -- what the phone does ------------------------------------------------------------------

    def _listen(self) -> Generator[Any, Any, None]:
        while True:
            message, sender = yield self.short_range.receive_from()
            if not isinstance(message, PurchaseInformation):
                self.decided(IGNORED, f"a {type(message).__name__} is nothing for a phone")
                continue
            self.bill, self.biller, self._approval = message, sender, None
            self.bills.append(message)
            if self.state != "locked":
                self.become("billed", message.settlement_id)
            self.display.show(f"PAY {message.amount.text}", f"TO {message.shop}")
            if self.customer is not None:
                self.customer(self)

    def _hear_from_bank(self) -> Generator[Any, Any, None]:
        while True:
            message = yield self.network.receive()
            if not isinstance(message, SettledResult):
                self.decided(IGNORED, f"a {type(message).__name__} is nothing for a phone")
                continue
            outcome = message.outcome
            self.become("paid" if outcome.settled else "refused", message.settlement_id)
            if outcome.settled:
                self.display.show(f"PAID {outcome.amount.text}")
            else:
                self.display.show("REFUSED", outcome.sentence)

    def _open_bill(self, wish: str) -> PurchaseInformation:
        if self.bill is None:
            raise OutOfOrder(
                f"{self.name} has no bill to {wish}: let a register bill it first "
                f"(register.bill(phone))"
            )
        return self.bill

    def _refuse_password(self, bill: PurchaseInformation) -> None:
        self._wrong += 1
        if self._wrong >= TRIES:
            self.become("locked")
            self.display.show("LOCKED")
        else:
            self.display.show("WRONG PASSWORD")
        self.decided("approval refused", "wrong password", bill.settlement_id)

    def _sign(self, bill: PurchaseInformation) -> Approval:
        """The approval of a bill; tapping again sends the same one, never a second."""
        if self._approval is None:
            self._counter += 1
            self._approval = sign(
                self._approval_key,
                settlement_id=bill.settlement_id,
                payer=self.account,
                payee=bill.payee,
                amount=bill.amount,
                counter=self._counter,
            )
        return self._approval

    def _settle_directly(self, bill: PurchaseInformation, approval: Approval) -> None:
        information = SettlingInformation(
            settlement_id=bill.settlement_id,
            payer=self.account,
            payee=bill.payee,
            amount=bill.amount,
            approval=approval,
            terminal=bill.terminal,
        )
        self.network.send(SettlementDemand(bill.settlement_id, information), "D5")
