"""The cash register: the purchase information input device 2 of Fig 3 ([0043] to [0055])."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paybench.bank.money import Money
from paybench.bank.settlement import Reason, SettlingInformation
from paybench.devices.device import Device, verb
from paybench.devices.errors import OutOfOrder, PartSilent, UnexpectedReading
from paybench.devices.link import LinkProfile
from paybench.devices.purchase import (
    AuthenticatedPurchase,
    Inquiry,
    InquiryAnswer,
    PurchaseDeclined,
    PurchaseInformation,
    SettledResult,
    SettlementDemand,
)
from paybench.devices.sale import Sale
from paybench.devices.scanner import Misreading, Scanner
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from collections.abc import Generator

    from simpy.events import Process

    from paybench.bank.account import AccountNumber
    from paybench.devices.message import Message
    from paybench.devices.phone import Phone
    from paybench.devices.port import Port
    from paybench.devices.world import World

SHORT_RANGE = LinkProfile(latency_s=0.015, jitter_s=0.010)
"""Infrared or Bluetooth between a phone and what stands before it."""

CABLE = LinkProfile()


class CashRegister(Device):
    """A shop's register: rings up articles, bills a phone, settles, hands over if it was paid.

    Args:
        world: What it shares with the others.
        name: Full name, e.g. ``A.register``.
        account: The shop's account.
        shop: What the customer's phone shows as the payee.
        currency: ISO 4217 code all prices are in.
        settles: ``relayed`` (D2, D3, D4) or ``direct`` (D5, D4, D6).
        approval_timeout_s: How long the customer may take.
        result_timeout_s: How long the bank may take before the register inquires (S108).
        inquiries: How often it inquires before it leaves the result open.

    Attributes:
        sale: The sale under way or last ended, or None.
        prices: Price by article code.
    """

    role = "register"

    def __init__(
        self,
        world: World,
        name: str,
        *,
        account: AccountNumber,
        shop: str,
        currency: str = "EUR",
        settles: str = "relayed",
        approval_timeout_s: float = 120.0,
        result_timeout_s: float = 5.0,
        inquiries: int = 5,
    ) -> None:
        if settles not in ("relayed", "direct"):
            raise ValueError(f"a register settles 'relayed' or 'direct', not {settles!r}")
        super().__init__(world, name)
        self.account = account
        self.shop = shop
        self.currency = currency
        self.settles = settles
        self.approval_timeout_s = approval_timeout_s
        self.result_timeout_s = result_timeout_s
        self.inquiries = inquiries
        self.short_range = self.port("short-range")
        self.bank_line = self.port("bank line")
        self.sale: Sale | None = None
        self.prices: dict[str, Money] = {}
        self._sales = 0
        self._read = ""
        self._misread = ""
        self._scanner_cable = self.port("scanner cable")
        self.scanner = Scanner(world, f"{name}.scanner")
        self.parts["scanner"] = self.scanner
        world.connect(self.scanner.port, self._scanner_cable, CABLE)
        self.env.process(self._read_codes())

    # -- what the salesperson does ------------------------------------------------------------

    @verb()
    def scan(self, code: str, price: str) -> None:
        """Hold an article before the scanner; its price is on record under its code.

        With a real scanner, waits until it has read something.

        Args:
            code: What is printed on the article, e.g. an EAN-13.
            price: Its price in the register's currency, e.g. ``"2.50"``.

        Raises:
            MoneyError: The price is malformed.
            PartSilent: Nothing, or nothing readable, came from the scanner.
            UnexpectedReading: The scanner read another code than the one presented.
        """
        self.prices[code] = Money.parse(price, self.currency)
        self._read, self._misread = "", ""
        self.scanner.present(code)
        try:
            self.world.wait_for(lambda: bool(self._read), self.scanner, f"code {code}")
        except PartSilent as silent:
            silent.heard = self._misread or self.scanner.heard
            raise
        if self._read not in ("", code):
            raise UnexpectedReading(
                f"{self.scanner.name} read {self._read} where {code} was presented: present the "
                f"article the scenario names, or mend the reader"
            )

    @verb()
    def key_in(self, code: str, price: str) -> None:
        """Enter an article by hand.

        Raises:
            MoneyError: The price is malformed.
        """
        self.ring_up(code, Money.parse(price, self.currency))

    @verb()
    def bill(self, phone: Phone) -> Process:
        """Send the purchase information to the customer's phone (D1).

        Returns:
            The process of the sale.

        Raises:
            OutOfOrder: Nothing was rung up, or the sale is under way already.
        """
        return self.env.process(self.sell(self._open_sale(), phone))

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

    # -- what the register does ---------------------------------------------------------------

    def _read_codes(self) -> Generator[Any, Any, None]:
        while True:
            message = yield self._scanner_cable.receive()
            if isinstance(message, Misreading):
                self._misread = message.why
                self.display.show("READ ERROR", "SCAN AGAIN")
                continue
            self._read = message.payload
            price = self.prices.get(message.payload)
            if price is None:
                self.display.show("UNKNOWN ARTICLE", message.payload)
            else:
                self.ring_up(message.payload, price)

    def ring_up(self, code: str, price: Money) -> Sale:
        """Add an article to the open sale, or begin one with it."""
        sale = self.sale
        if sale is None or sale.state != "open":
            self._sales += 1
            sale = self.sale = Sale(f"{self.name}-{self._sales:06d}", code, price)
        else:
            sale.add(code, price)
        self.display.show(f"TOTAL {sale.total_text}")
        return sale

    def _open_sale(self) -> Sale:
        if self.sale is None or self.sale.state != "open":
            raise OutOfOrder(f"{self.name} has nothing to bill: scan an article first")
        return self.sale

    def sell(self, sale: Sale, phone: Phone) -> Generator[Any, Any, None]:
        """One sale, from D1 to the handing over; for a process to run, or to be part of one."""
        self.world.connect(self.short_range, phone.short_range, SHORT_RANGE)
        sale.customer = phone.name
        sale.state = "billed"
        self.become("billed", sale.settlement_id)
        self.short_range.drain()  # whatever came too late for a former sale
        self.bank_line.drain()
        purchase = PurchaseInformation(
            sale.settlement_id,
            self.account,
            self.shop,
            sale.total,
            self.settles,
            tuple(sale.articles),
            self.name,
        )
        self.short_range.send(purchase, "D1", sale.customer)
        self.display.show(f"TOTAL {sale.total_text}", "WAITING FOR CUSTOMER")
        if self.settles == "relayed":
            yield from self._relay(sale)
        else:
            yield from self._leave_it_to_the_phone(sale)

    def _relay(self, sale: Sale) -> Generator[Any, Any, None]:
        """D2, D3, D4: take the authenticated purchase to the bank ([0048], [0049])."""
        answer = yield from self._hear(self.short_range, sale, self.approval_timeout_s)
        if answer is None:
            self._keep(sale, "NO ANSWER", "the customer's phone did not answer")
        elif isinstance(answer, PurchaseDeclined):
            self._keep(sale, "DECLINED", answer.why)
        elif isinstance(answer, AuthenticatedPurchase):
            approval = answer.approval
            demand = SettlementDemand(
                sale.settlement_id,
                SettlingInformation(
                    sale.settlement_id,
                    approval.payer,
                    self.account,
                    sale.total,
                    approval,
                    self.name,
                ),
            )
            self.become("settling", sale.settlement_id)
            self.bank_line.send(demand, "D3")
            result = yield from self._hear(self.bank_line, sale, self.result_timeout_s)
            yield from self._conclude(sale, result, demand)
        else:
            self._keep(sale, "WRONG ANSWER", f"a {type(answer).__name__} is no answer to a bill")

    def _leave_it_to_the_phone(self, sale: Sale) -> Generator[Any, Any, None]:
        """D5, D4: the phone settles; the bank tells the register ([0055])."""
        result = self.bank_line.receive(timeout_s=self.approval_timeout_s)
        answer = self.short_range.receive()
        while True:
            yield result | answer
            message: Any = result.value if result.triggered else answer.value
            mine = message is None or message.correlation == sale.settlement_id
            if mine and result.triggered:
                yield from self._conclude(sale, message, None)
                return
            if mine and isinstance(message, PurchaseDeclined):
                self._keep(sale, "DECLINED", message.why)
                return
            why = f"a {type(message).__name__} that is no end of this sale"
            self.decided(IGNORED, why, sale.settlement_id)
            if result.triggered:
                result = self.bank_line.receive(timeout_s=self.approval_timeout_s)
            else:
                answer = self.short_range.receive()

    def _hear(
        self, port: Port, sale: Sale, timeout_s: float
    ) -> Generator[Any, Any, Message | None]:
        """The next message on a port that belongs to this sale; None when the time is up."""
        while True:
            message = yield port.receive(timeout_s)
            if message is None or message.correlation == sale.settlement_id:
                return message
            why = f"a {type(message).__name__} that belongs to {message.correlation or 'nothing'}"
            self.decided(IGNORED, why, sale.settlement_id)

    def _inquire(
        self, sale: Sale, demand: SettlementDemand | None
    ) -> Generator[Any, Any, Message | None]:
        """No result came: ask the bank by the settlement's id (S108), more than once if need be."""
        for _ in range(self.inquiries):
            self.become("inquiring", sale.settlement_id)
            self.display.show("ASKING THE BANK")
            self.bank_line.send(Inquiry(sale.settlement_id), "S108")
            result = yield from self._hear(self.bank_line, sale, self.result_timeout_s)
            if result is not None and _unknown_to_bank(result) and demand is not None:
                # The bank never got it: send it again. Its id sees to it that it settles once.
                self.bank_line.send(demand, "D3")
                result = yield from self._hear(self.bank_line, sale, self.result_timeout_s)
            if result is not None and (demand is None or not _unknown_to_bank(result)):
                return result  # "unknown" is no end while a demand may be under way
        return None

    def _conclude(
        self, sale: Sale, result: Message | None, demand: SettlementDemand | None
    ) -> Generator[Any, Any, None]:
        """Hand over if it was paid ([0051]), and only then."""
        if result is None:
            result = yield from self._inquire(sale, demand)
        if not isinstance(result, SettledResult | InquiryAnswer):
            # Never "declined": somebody has to find out.
            sale.state = "unknown"
            self.become("unknown", sale.settlement_id)
            self.display.show("RESULT UNKNOWN", "CALL THE BANK")
            return
        if _unknown_to_bank(result):
            self._keep(sale, "NO ANSWER", "the customer's phone did not go to the bank")
            return
        outcome = result.outcome
        if not outcome.settled:
            self._keep(sale, "REFUSED", outcome.sentence)
        elif outcome.amount != sale.total:
            self._keep(sale, "WRONG AMOUNT", f"the bank settled {outcome.amount}")
        else:
            sale.state = "paid"
            sale.article = "handed over"
            self.become("paid", sale.settlement_id)
            self.decided("article handed over", "paid", sale.settlement_id)
            self.display.show(f"PAID {sale.total_text}")

    def _keep(self, sale: Sale, line: str, why: str) -> None:
        """The sale failed: keep the article, and say why."""
        sale.state = "refused"
        self.become("refused", sale.settlement_id)
        self.decided("article kept", why, sale.settlement_id)
        self.display.show(line, why)


def _unknown_to_bank(result: Message) -> bool:
    return isinstance(result, InquiryAnswer) and result.outcome.reason is Reason.UNKNOWN_SETTLEMENT
