"""The collector: the app with which one customer bills another, Fig 6 ([0072] to [0078])."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from paybench.bank.approval import Approval
from paybench.bank.money import Money
from paybench.bank.settlement import SettlingInformation
from paybench.devices.app import App
from paybench.devices.bank_line import hear, is_final, is_unknown
from paybench.devices.device import verb
from paybench.devices.errors import OutOfOrder
from paybench.devices.port import Port
from paybench.devices.purchase import AuthenticatedPurchase, PurchaseDeclined, TransferBill
from paybench.devices.settling import SettledResult, SettlementDemand
from paybench.devices.short_range import SHORT_RANGE
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from collections.abc import Generator

    from simpy.events import Process

    from paybench.bank.settlement import Outcome
    from paybench.devices.message import Message
    from paybench.devices.phone import Phone
    from paybench.devices.short_range import Near
    from paybench.devices.trace import Sent

APPROVAL_TIMEOUT_S = 120.0
"""How long the other customer may take."""

ENDED = ("received", "refused")
"""The states of a collection that is over."""


class Collection(msgspec.Struct):
    """A bill to another customer; kept in the phone's store.

    Attributes:
        settlement_id: The id its settlement has at the bank.
        amount: What is to be paid.
        customer: Name of the other phone.
        settles: ``relayed`` (D42, D43, D44) or ``direct``.
        state: ``billed``, ``settling``, ``received``, ``refused``, or ``unknown``: it is being
            reversed, so that it is refused in the end, or has been received after all.
        approval: What the other customer signed.
    """

    settlement_id: str
    amount: Money
    customer: str
    settles: str
    state: str = "billed"
    approval: Approval | None = None


class Collector(App):
    """Bills another phone, and takes what that customer has authenticated to the bank."""

    def __init__(self, phone: Phone) -> None:
        super().__init__(phone)
        self._answers = Port(phone.env, phone.name, "answers")

    @verb()
    def bill(self, phone: Near, amount: str, settles: str = "relayed") -> Process:
        """Ask the customer of another phone for money: D41 goes out.

        Args:
            phone: The other phone.
            amount: How much, in euros if the account is in euros, e.g. ``"5.00"``.
            settles: ``relayed`` through this phone, or ``direct`` from the other one.

        Returns:
            The process that waits for the money.

        Raises:
            MoneyError: The amount is malformed.
            OutOfOrder: Another bill of this phone is open.
            ValueError: It settles in no such way.
        """
        former = self.phone.store.get("collection", Collection)
        if former is not None and former.state not in ENDED:
            raise OutOfOrder(f"{self.name} has a bill to {former.customer} open: wait for its end")
        if settles not in ("relayed", "direct"):
            raise ValueError(f"customers settle 'relayed' or 'direct', not {settles!r}")
        money = Money.parse(amount, self.phone.currency)
        number = self.phone.store.count_up("collections")
        collection = Collection(f"{self.name}-{number:06d}", money, phone.name, settles)
        self.world.connect(self.phone.short_range, phone.short_range, SHORT_RANGE)
        self._stand(collection, "billed")
        return self.phone.run(self._collect(collection))

    def take(self, sent: Sent) -> None:
        """The other customer has answered."""
        former = self.phone.store.get("collection", Collection)
        if former is None or former.settlement_id != sent.correlation or former.state != "billed":
            why = f"a {type(sent.message).__name__} to no open bill"
            self.phone.decided(IGNORED, why, sent.correlation)
        else:
            self._answers.put(sent)

    def owns(self, settlement_id: str) -> bool:
        """Whether that is the bill last made here."""
        former = self.phone.store.get("collection", Collection)
        return former is not None and former.settlement_id == settlement_id

    def resume(self) -> None:
        """The power is back: find out what became of the bill."""
        collection = self.phone.store.get("collection", Collection)
        if collection is None:
            return
        if collection.state == "settling" and collection.approval is not None:
            demand = self._demand(collection, collection.approval)
            self.phone.run(self._find_out(collection, demand))
        elif collection.state == "billed" and collection.settles == "direct":
            self.phone.run(self._find_out(collection, None))
        elif collection.state == "billed":
            self._fail(collection, "POWER WAS LOST", "The bank was not asked to settle.")
        elif collection.state == "unknown":
            self.phone.run(self._have_reversed(collection))

    def _collect(self, collection: Collection) -> Generator[Any, Any, None]:
        settlement_id, phone = collection.settlement_id, self.phone
        self._answers.drain()
        bill = TransferBill(
            settlement_id,
            phone.account,
            phone.owner,
            collection.amount,
            collection.settles,
            terminal=phone.name,
        )
        phone.short_range.send(bill, "D41", collection.customer)
        phone.display.show(f"BILLED {collection.amount.text}", "WAITING")
        if collection.settles == "direct":
            yield from self._wait_for_bank(collection)
            return
        answer = yield from hear(
            phone, self._answers, settlement_id, APPROVAL_TIMEOUT_S, sender=collection.customer
        )
        if isinstance(answer, AuthenticatedPurchase):
            collection.approval = answer.approval
            self._stand(collection, "settling")
            demand = self._demand(collection, answer.approval)
            outcome = yield from phone.bank.settle(demand, "D43")
            self._conclude(collection, outcome)
        elif isinstance(answer, PurchaseDeclined):
            self._fail(collection, "DECLINED", answer.why)
        else:
            self._fail(collection, "NO ANSWER", "The other phone did not answer.")

    def _wait_for_bank(self, collection: Collection) -> Generator[Any, Any, None]:
        """D44 after the other phone went to the bank itself ([0078]), or its refusal."""
        bank, settlement_id = self.phone.bank, collection.settlement_id
        bank.open(settlement_id)
        try:
            result = bank.receive(settlement_id, APPROVAL_TIMEOUT_S)
            declined: PurchaseDeclined | None = None
            while not result.triggered and declined is None:
                answer: Any = self._answers.receive_sent()
                yield result | answer
                declined = None if result.triggered else self._no(collection, answer.value)
            message = result.value if result.triggered else None
            outcome = message.outcome if isinstance(message, SettledResult) else None
            if declined is None and outcome is None:
                outcome = yield from bank.inquire(settlement_id)
        finally:
            bank.close(settlement_id)
        if declined is None:
            self._conclude(collection, outcome)
        else:
            self._give_up(collection, "DECLINED", declined.why)

    def _no(self, collection: Collection, sent: Sent) -> PurchaseDeclined | None:
        """What the customer says, if it is no."""
        message: Message = sent.message
        if sent.sender == collection.customer and isinstance(message, PurchaseDeclined):
            return message
        return None

    def _find_out(
        self, collection: Collection, demand: SettlementDemand | None
    ) -> Generator[Any, Any, None]:
        bank = self.phone.bank
        bank.open(collection.settlement_id)
        outcome = yield from bank.inquire(collection.settlement_id, demand, "D43")
        bank.close(collection.settlement_id)
        self._conclude(collection, outcome)

    def _demand(self, collection: Collection, approval: Approval) -> SettlementDemand:
        information = SettlingInformation(
            collection.settlement_id,
            approval.payer,
            self.phone.account,
            collection.amount,
            approval,
            self.phone.name,
        )
        return SettlementDemand(collection.settlement_id, information)

    def _conclude(self, collection: Collection, outcome: Outcome | None) -> None:
        if outcome is None:
            self._give_up(collection, "RESULT UNKNOWN", "The bank does not answer.")
        elif is_unknown(outcome):
            self._give_up(collection, "NO ANSWER", "The other phone did not go to the bank.")
        elif not outcome.settled and collection.settles == "direct" and not is_final(outcome):
            self._give_up(collection, "REFUSED", outcome.sentence)
        elif not outcome.settled:
            self._fail(collection, "REFUSED", outcome.sentence)
        elif outcome.amount != collection.amount:
            self._give_up(collection, "WRONG AMOUNT", f"The bank settled {outcome.amount}.")
        else:
            self._stand(collection, "received")
            self.phone.display.show(f"RECEIVED {outcome.amount.text}")

    def _give_up(self, collection: Collection, line: str, why: str) -> None:
        """It may still be settled: see to it that it is not, so that both know where they are."""
        self._stand(collection, "unknown")
        self.phone.display.show(line, why)
        self.phone.run(self._have_reversed(collection))

    def _have_reversed(self, collection: Collection) -> Generator[Any, Any, None]:
        reversal = self.phone.signer.reverse(collection.settlement_id)
        outcome = yield from self.phone.bank.reverse(reversal)
        if collection.state == "unknown":
            self._stand(collection, "refused")
            self.phone.decided("nothing received", outcome.sentence, collection.settlement_id)

    def _fail(self, collection: Collection, line: str, why: str) -> None:
        self._stand(collection, "refused")
        self.phone.decided("nothing received", why, collection.settlement_id)
        self.phone.display.show(line, why)

    def _stand(self, collection: Collection, state: str) -> None:
        collection.state = state
        self.phone.store.put("collection", collection)
        self.phone.become(state, collection.settlement_id)
