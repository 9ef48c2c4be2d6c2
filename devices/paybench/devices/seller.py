"""What devices have in common that bill a phone and hand something over if it was paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Required, TypedDict

from paybench.bank.recall import Reversal
from paybench.bank.settlement import SettlingInformation
from paybench.devices.bank_line import BankLine, hear, is_final, is_unknown
from paybench.devices.device import Device, verb
from paybench.devices.environment import NS_PER_S, to_ns
from paybench.devices.errors import OutOfOrder
from paybench.devices.purchase import (
    AuthenticatedPurchase,
    PurchaseDeclined,
    PurchaseInformation,
)
from paybench.devices.sale import Sale
from paybench.devices.settling import SettledResult, SettlementDemand
from paybench.devices.short_range import SHORT_RANGE
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from simpy.events import Process

    from paybench.bank.account import AccountNumber
    from paybench.bank.approval import Approval
    from paybench.bank.money import Money
    from paybench.bank.outcome import Outcome
    from paybench.devices.message import Message
    from paybench.devices.phone import Phone
    from paybench.devices.world import World


ENDED = ("open", "paid", "refused", "unknown")
"""States of a sale that is not under way; a tender may have states of its own meanwhile."""


class SellerOptions(TypedDict, total=False):
    """The options of `Seller`, for what is built on it."""

    account: Required[AccountNumber]
    shop: Required[str]
    currency: str
    settles: str
    account_key: bytes | None
    approval_timeout_s: float
    result_timeout_s: float
    inquiries: int


class Seller(Device):
    """Bills a phone, settles, and hands over if it was paid; a register, a ticket office.

    Args:
        world: What it shares with the others.
        name: Full name, e.g. ``A.register``.
        account: The seller's account.
        shop: What the customer's phone shows as the payee.
        currency: ISO 4217 code all prices are in.
        settles: ``relayed``: the phone answers here, and this device goes to the bank; or
            ``direct``: the phone goes to the bank, and the bank tells this device.
        account_key: The key of the seller's account: with it, a payment is reversed that nothing
            was handed over for. None: that is left to the seller.
        approval_timeout_s: How long the customer may take.
        result_timeout_s: How long the bank may take before the device inquires (S108).
        inquiries: How often it inquires before it leaves the result open.

    Attributes:
        sale: The sale under way or last ended, or None.
        tenders: What else a phone may answer a bill with, and the process that goes on from
            there: it is given the sale and the answer.
        resumes: Called when the power is back and `sale` is what the store has: a tender that had
            something under way takes it up.
    """

    bill_type: ClassVar[type[PurchaseInformation]] = PurchaseInformation
    bill_step: ClassVar[str] = "D1"
    demand_step: ClassVar[str] = "D3"
    nothing_to_bill: ClassVar[str] = "enter what is sold first"

    def __init__(
        self,
        world: World,
        name: str,
        *,
        account: AccountNumber,
        shop: str,
        currency: str = "EUR",
        settles: str = "relayed",
        account_key: bytes | None = None,
        approval_timeout_s: float = 120.0,
        result_timeout_s: float = 5.0,
        inquiries: int = 5,
    ) -> None:
        if settles not in ("relayed", "direct"):
            raise ValueError(f"a {self.role} settles 'relayed' or 'direct', not {settles!r}")
        super().__init__(world, name)
        self.account = account
        self.shop = shop
        self.currency = currency
        self.settles = settles
        self.approval_timeout_s = approval_timeout_s
        self.short_range = self.port("short-range")
        self.bank_line = self.port("bank line")
        self.bank = BankLine(
            self, self.bank_line, result_timeout_s=result_timeout_s, inquiries=inquiries
        )
        self.sale: Sale | None = None
        self.tenders: dict[type[Message], Callable[[Sale, Any], Generator[Any, Any, None]]] = {}
        self.resumes: list[Callable[[], object]] = []
        self._account_key = account_key

    @verb()
    def bill(self, phone: Phone) -> Process:
        """Send the customer's phone the bill (D1 at a register).

        Returns:
            The process of the sale.

        Raises:
            OutOfOrder: There is nothing to bill, or the sale is under way already.
        """
        return self.run(self.sell(self._open_sale(), phone))

    def expects_article(self, state: str) -> None:
        """Expect the article of the last sale to be ``kept`` or ``handed over``.

        Raises:
            Unmet: It is not.
        """
        self.world.expect(
            lambda: self.sale is not None and self.sale.article == state,
            who=self.name,
            expected=f"article {state}",
            seen=lambda: f"article {self.sale.article}" if self.sale else "no sale",
        )

    # -- what each kind of seller does in its own way -------------------------------------------

    def make_bill(self, sale: Sale) -> PurchaseInformation:
        """What the phone is sent."""
        return self.bill_type(
            sale.settlement_id,
            self.account,
            self.shop,
            sale.total,
            self.settles,
            tuple(sale.articles),
            self.name,
        )

    def hand_over(self, sale: Sale) -> None:
        """It was paid: hand over, and note it."""
        sale.article = "handed over"
        self.stand(sale, "paid")
        self.decided("article handed over", "paid", sale.settlement_id)
        self.display.show(f"PAID {sale.total.text}")

    @property
    def reverses(self) -> bool:
        """Whether it has what stays unknown reversed at the bank; it needs the account's key."""
        return self._account_key is not None

    # -- what they all do -----------------------------------------------------------------------

    def begin(self, code: str, price: Money) -> Sale:
        """Begin a sale with an article.

        Raises:
            OutOfOrder: Another one is under way.
        """
        self.refuse_if_selling()
        number = self.store.count_up("sales")
        self.sale = Sale(f"{self.name}-{number:06d}", price, [code])
        return self.sale

    @property
    def is_selling(self) -> bool:
        """Whether a sale has been billed, and is neither paid nor refused yet."""
        return self.sale is not None and self.sale.state not in ENDED

    def refuse_if_selling(self) -> None:
        """A sale at a time.

        Raises:
            OutOfOrder: One is under way.
        """
        if self.is_selling:
            raise OutOfOrder(f"{self.name} is at another sale: wait until it is done")

    def _open_sale(self) -> Sale:
        if self.sale is None or self.sale.state != "open":
            raise OutOfOrder(f"{self.name} has nothing to bill: {self.nothing_to_bill}")
        return self.sale

    def boot(self) -> None:
        """Take up the sale that was under way when the power went."""
        if self._account_key is not None:
            for settlement_id in self._reversals():
                self.run(self._have_reversed(settlement_id, self._account_key))
        self.sale = sale = self.store.get("sale", Sale)
        for resume in self.resumes:
            resume()
        if sale is None:
            return
        if sale.state == "settling" and sale.approval is not None:
            self.run(self._find_out(sale, self.demand(sale, sale.approval)))
        elif sale.state == "billed" and self.settles == "direct":
            self.run(self._find_out(sale, None))
        elif sale.state == "billed":
            self.keep(sale, "POWER WAS LOST", "the bank was not asked to settle")

    def _find_out(self, sale: Sale, demand: SettlementDemand | None) -> Generator[Any, Any, None]:
        self.conclude(
            sale, (yield from self.bank.inquire(sale.settlement_id, demand, self.demand_step))
        )

    def sell(self, sale: Sale, phone: Phone) -> Generator[Any, Any, None]:
        """One sale, from D1 to the handing over; for a process to run, or to be part of one."""
        self.world.connect(self.short_range, phone.short_range, SHORT_RANGE)
        sale.customer = phone.name
        self.stand(sale, "billed")
        self.short_range.drain()  # whatever came too late for a former sale
        self.bank_line.drain()
        self.short_range.send(self.make_bill(sale), self.bill_step, sale.customer)
        self.display.show(f"TOTAL {sale.total.text}", "WAITING FOR CUSTOMER")
        if self.settles == "relayed":
            yield from self._relay(sale)
        else:
            yield from self._leave_it_to_the_phone(sale)

    def _relay(self, sale: Sale) -> Generator[Any, Any, None]:
        """D2, D3, D4: take the authenticated purchase to the bank ([0048], [0049])."""
        answer = yield from hear(
            self,
            self.short_range,
            sale.settlement_id,
            self.approval_timeout_s,
            sender=sale.customer,
        )
        if answer is None:
            self.keep(sale, "NO ANSWER", "the customer's phone did not answer")
        elif isinstance(answer, PurchaseDeclined):
            self.keep(sale, "DECLINED", answer.why)
        elif isinstance(answer, AuthenticatedPurchase):
            sale.approval = answer.approval
            self.stand(sale, "settling")
            outcome = yield from self.bank.settle(
                self.demand(sale, answer.approval), self.demand_step
            )
            self.conclude(sale, outcome)
        elif type(answer) in self.tenders:
            yield from self.tenders[type(answer)](sale, answer)
        else:
            self.keep(sale, "WRONG ANSWER", f"a {type(answer).__name__} is no answer to a bill")

    def demand(self, sale: Sale, approval: Approval) -> SettlementDemand:
        """What the bank is told."""
        return SettlementDemand(
            sale.settlement_id,
            SettlingInformation(
                sale.settlement_id, approval.payer, self.account, sale.total, approval, self.name
            ),
        )

    def _leave_it_to_the_phone(self, sale: Sale) -> Generator[Any, Any, None]:
        """D5, D4: the phone settles; the bank tells the register ([0055])."""
        # The customer has so long in all, whatever else may come meanwhile.
        deadline_ns = self.env.now_ns + to_ns(self.approval_timeout_s)
        result = self.bank_line.receive(timeout_s=self.approval_timeout_s)
        answer: Any = self.short_range.receive_sent()
        while True:
            yield result | answer
            message: Any = result.value if result.triggered else answer.value.message
            mine = message is None or message.correlation == sale.settlement_id
            if not result.triggered:
                mine = mine and answer.value.sender == sale.customer
            if mine and result.triggered:
                outcome = message.outcome if isinstance(message, SettledResult) else None
                if outcome is None:
                    outcome = yield from self.bank.inquire(sale.settlement_id)
                self.conclude(sale, outcome)
                return
            if mine and isinstance(message, PurchaseDeclined):
                self.keep(sale, "DECLINED", message.why)
                self.reverse(sale)  # the bank may have been told otherwise
                return
            if mine and message is not None and type(message) in self.tenders:
                yield from self.tenders[type(message)](sale, message)
                return
            why = f"a {type(message).__name__} that is no end of this sale"
            self.decided(IGNORED, why, sale.settlement_id)
            if result.triggered:
                left_s = (deadline_ns - self.env.now_ns) / NS_PER_S
                result = self.bank_line.receive(timeout_s=max(left_s, 0.0))
            else:
                answer = self.short_range.receive_sent()

    def conclude(self, sale: Sale, outcome: Outcome | None) -> None:
        """Hand over if it was paid ([0051]), and only then."""
        if outcome is None:
            # Never "declined": somebody has to find out.
            self.stand(sale, "unknown")
            self.display.show("RESULT UNKNOWN", "CALL THE BANK")
            self.reverse(sale)
        elif is_unknown(outcome):
            self.keep(sale, "NO ANSWER", "the customer's phone did not go to the bank")
            self.reverse(sale)  # it may still go there
        elif not outcome.settled:
            self.keep(sale, "REFUSED", outcome.sentence)
            if self.settles == "direct" and not is_final(outcome):
                self.reverse(sale)  # it was not the customer's demand, which may still come
        elif outcome.amount != sale.total:
            self.keep(sale, "WRONG AMOUNT", f"the bank settled {outcome.amount}")
            self.reverse(sale)
        else:
            self.hand_over(sale)

    def reverse(self, sale: Sale) -> None:
        """Nothing was handed over: see to it that nothing is paid, now or later."""
        if self._account_key is not None:
            if sale.settlement_id not in self._reversals():
                self.store.put("reversals", [*self._reversals(), sale.settlement_id])
            self.run(self._have_reversed(sale.settlement_id, self._account_key))

    def _have_reversed(self, settlement_id: str, key: bytes) -> Generator[Any, Any, None]:
        reversal = Reversal.signed(key, settlement_id=settlement_id, payee=self.account)
        outcome = yield from self.bank.reverse(reversal)
        self.store.put("reversals", [one for one in self._reversals() if one != settlement_id])
        self.decided("not paid", outcome.sentence, settlement_id)

    def _reversals(self) -> list[str]:
        """Ids of what is to be reversed, and is not yet for sure."""
        return self.store.get("reversals", list[str]) or []

    def keep(self, sale: Sale, line: str, why: str) -> None:
        """The sale failed: keep the article, and say why."""
        self.stand(sale, "refused")
        self.decided("article kept", why, sale.settlement_id)
        self.display.show(line, why)

    def stand(self, sale: Sale, state: str) -> None:
        """The sale has got so far; the store knows before anybody else does."""
        sale.state = state
        self.store.put("sale", sale)
        self.become(state, sale.settlement_id)
