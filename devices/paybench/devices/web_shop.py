"""The web shop: a billing terminal on a server, with customers' computers behind it (claims 38-41).

A customer's computer shows the number; the phone that sends it pays. The amount comes from the
computer, and the shop bills it if that is what the basket costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from paybench.bank.money import Money
from paybench.bank.recall import Reversal
from paybench.bank.settlement import is_well_formed
from paybench.devices.bank_line import BankLine
from paybench.devices.device import Device, verb
from paybench.devices.sending_line import SendingLine
from paybench.devices.web_messages import (
    PAGE,
    BasketLine,
    BasketOrdered,
    CheckoutLeft,
    CheckoutWanted,
    Page,
    PageWanted,
)
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from collections.abc import Generator

    from paybench.bank.account import AccountNumber
    from paybench.devices.billing import Billing
    from paybench.devices.trace import Sent
    from paybench.devices.world import World

RECORD, CATALOGUE = "web purchases", "catalogue"
OPEN_MAX = 4
"""Purchases that one computer may have open at a time."""
KEPT = 64
"""So many purchases that are over the shop remembers."""
LINES_MAX, COUNT_MAX = 64, 99

TAKEN = (BasketOrdered, CheckoutLeft, CheckoutWanted, PageWanted)
ENDED = ("paid", "refused", "given back")
_PAGES = {
    "waiting": "waiting",
    "authenticating": "connected",
    "portrait": "connected",
    "ready": "ready",
    "billed": "billed",
}
"""What the page says, by what the billing says; anything else is ``please wait``."""

_STEPS = {"waiting": "T2", "paid": "T8"}


class WebPurchase(msgspec.Struct):
    """One purchase, from the checkout to the end; kept in the shop's store.

    Attributes:
        computer: Name of the customer's computer.
        checkout_id: Its name of the purchase.
        billing: Request id of the billing; "" before there is one.
        session: Name of its session, under which it is settled.
        page: What the computer's page says: see `Page`.
        connected: Whether the computer has been told that the payer is there.
        tin: The number.
        basket: What is bought.
        amount: What was billed.
        article: ``sent out`` or ``kept`` in the end.
        sentence: Why it was refused.
    """

    computer: str
    checkout_id: str
    billing: str = ""
    session: str = ""
    page: str = "please wait"
    connected: bool = False
    tin: str = ""
    basket: tuple[BasketLine, ...] = ()
    amount: Money | None = None
    article: str = ""
    sentence: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing changes any more."""
        return self.page in ENDED


class WebShop(Device):
    """A shop's server: sells to as many computers at a time as there are.

    Args:
        world: What it shares with the others.
        name: Full name, e.g. ``A.web``.
        terminal_id: The id it gives itself at the apparatus.
        account: The shop's account.
        account_key: Its key: what was settled otherwise than billed is given back with it.
        currency: ISO 4217 code all prices are in.

    Attributes:
        line: Its way to the apparatus.
        internet: Its port towards computers.
        purchases: Those under way and the last ones that are over, oldest first.
    """

    role = "web"

    def __init__(
        self,
        world: World,
        name: str,
        *,
        terminal_id: str,
        account: AccountNumber,
        account_key: bytes,
        currency: str = "EUR",
    ) -> None:
        super().__init__(world, name)
        self.account = account
        self.currency = currency
        self.internet = self.port("internet")
        self.internet.listen(self._take)
        self.bank_line = self.port("bank line")
        self.bank = BankLine(self, self.bank_line)
        self.line = SendingLine(self, self.port("billing line"), terminal_id, self._moved)
        self.purchases: list[WebPurchase] = []
        self._account_key = account_key

    @verb()
    def offer(self, article: str, price: str) -> None:
        """Put an article into the catalogue, or change its price.

        Raises:
            MoneyError: The price is malformed.
        """
        catalogue = self._catalogue()
        catalogue[article] = Money.parse(price, self.currency)
        self.store.put(CATALOGUE, catalogue)

    def expects_article(self, computer: Device, state: str) -> None:
        """Expect what a computer has bought last to be ``sent out`` or ``kept``.

        Raises:
            Unmet: It is not.
        """

        def seen() -> str:
            theirs = [one.article for one in self.purchases if one.computer == computer.name]
            return theirs[-1] if theirs else "no purchase"

        self.world.expect(
            lambda: seen() == state, who=self.name, expected=f"article {state}", seen=seen
        )

    # -- what computers say ---------------------------------------------------------------------

    def boot(self) -> None:
        """Take up the purchases that were under way when the power went."""
        self.purchases = self.store.get(RECORD, list[WebPurchase]) or []
        self.bank.forget()
        self.line.boot()
        for purchase in self.purchases:
            if purchase.page == "giving back":
                self.run(self._give_back(purchase))

    def _take(self, sent: Sent) -> None:
        message = sent.message
        purchase = self._purchase(sent.sender, sent.correlation)
        if isinstance(message, CheckoutWanted) and purchase is None:
            self._check_out(sent.sender, message.checkout_id)
        elif not isinstance(message, TAKEN) or not is_well_formed(sent.correlation):
            why = f"a {type(message).__name__} is nothing for a shop"
            self.decided(IGNORED, why, sent.correlation)
        elif purchase is None:
            self.decided("no such purchase", sent.sender, sent.correlation)
            page = Page(sent.correlation, "refused", sentence="There is no such purchase.")
            self.internet.send(page, PAGE, sent.sender)
        elif isinstance(message, BasketOrdered):
            self._order(purchase, message)
        elif isinstance(message, CheckoutLeft):
            self._leave(purchase)
        else:
            self._tell(purchase, PAGE)

    def _check_out(self, computer: str, checkout_id: str) -> None:
        """A customer wants to pay: have a number for the page (T1, claim 38)."""
        theirs = [one for one in self.purchases if one.computer == computer and not one.is_over]
        if len(theirs) >= OPEN_MAX or not is_well_formed(checkout_id):
            why = "a checkout too many, or without a proper name"
            self.decided(IGNORED, why, checkout_id[:64])
            return
        over = [one for one in self.purchases if one.is_over]
        for one in over[: max(len(over) - KEPT, 0)]:
            self.purchases.remove(one)
        self.purchases.append(WebPurchase(computer, checkout_id))
        self.line.start()

    def _order(self, purchase: WebPurchase, message: BasketOrdered) -> None:
        """The amount comes from the computer: bill it if that is what the basket costs (T5)."""
        billing = self._billing(purchase)
        if billing is None or billing.state != "ready":
            self._tell(purchase, PAGE)
            return
        flaw = self._flaw(message)
        if flaw:
            self.decided("order refused", flaw, purchase.session)
            self._tell(purchase, PAGE, flaw)
            return
        purchase.basket, purchase.amount = message.basket, message.amount
        self.line.bill(billing, message.amount)

    def _flaw(self, message: BasketOrdered) -> str:
        """Why a basket cannot be billed; "" if it can."""
        catalogue, total = self._catalogue(), Money(0, self.currency)
        if not 0 < len(message.basket) <= LINES_MAX:
            return f"A basket has 1 to {LINES_MAX} lines."
        for line in message.basket:
            price = catalogue.get(line.article)
            if price is None or not 0 < line.count <= COUNT_MAX:
                return "There is something in the basket that cannot be bought here."
            total += Money(price.amount_minor * line.count, self.currency)
        return "" if total == message.amount else "The amount is not what the basket costs."

    def _leave(self, purchase: WebPurchase) -> None:
        billing = self._billing(purchase)
        if billing is None or billing.is_over or billing.state == "withdrawing":
            self._tell(purchase, PAGE)
        else:
            self.line.withdraw(billing)

    # -- what its line says ---------------------------------------------------------------------

    def _moved(self, billing: Billing) -> None:
        """A billing stands somewhere else: so does the page."""
        purchase = self._of(billing)
        if purchase is None or purchase.is_over or purchase.page == "giving back":
            return
        purchase.session, purchase.tin = billing.session, billing.tin
        before = purchase.page, purchase.sentence
        purchase.sentence = billing.sentence
        match billing.state:
            case "paid":
                purchase.page, purchase.article = "paid", "sent out"
                bought = ", ".join(f"{line.count} {line.article}" for line in purchase.basket)
                self.decided("article sent out", bought, purchase.session)
            case "refused":
                purchase.page, purchase.article = "refused", "kept"
                self.decided("article kept", billing.sentence, purchase.session)
            case "unknown":  # something else was settled than what was billed
                self.run(self._give_back(purchase))
            case _:
                purchase.page = _PAGES.get(billing.state, "please wait")
        self._keep()
        if (purchase.page, purchase.sentence) != before:
            self._tell(purchase, self._step(purchase))

    def _give_back(self, purchase: WebPurchase) -> Generator[Any, Any, None]:
        """Nothing is sent out: have the payment reversed (R1, R2)."""
        purchase.page = "giving back"
        self._keep()
        reversal = Reversal.signed(
            self._account_key, settlement_id=purchase.session, payee=self.account
        )
        outcome = yield from self.bank.reverse(reversal)
        purchase.page, purchase.article = "given back", "kept"
        self._keep()
        self.decided("article kept", outcome.sentence, purchase.session)
        self._tell(purchase, PAGE)

    # -- within ---------------------------------------------------------------------------------

    def _step(self, purchase: WebPurchase) -> str:
        """What is passed on: the number (T2), that the payer is there (T4), payment (T8)."""
        if purchase.page in ("connected", "ready") and not purchase.connected:
            purchase.connected = True
            self._keep()
            return "T4"
        return _STEPS.get(purchase.page, PAGE)

    def _tell(self, purchase: WebPurchase, step: str, sentence: str = "") -> None:
        page = Page(
            purchase.checkout_id,
            purchase.page,
            purchase.tin if purchase.page == "waiting" else "",
            purchase.amount,
            sentence or purchase.sentence,
        )
        self.internet.send(page, step, purchase.computer)

    def _purchase(self, computer: str, checkout_id: str) -> WebPurchase | None:
        """The purchase of whoever speaks: another computer's is as good as none."""
        for purchase in reversed(self.purchases):
            if (purchase.computer, purchase.checkout_id) == (computer, checkout_id):
                return purchase
        return None

    def _of(self, billing: Billing) -> WebPurchase | None:
        for purchase in reversed(self.purchases):
            if not purchase.billing and billing is self.line.newest:
                purchase.billing = billing.request_id
            if purchase.billing == billing.request_id:
                return purchase
        return None

    def _billing(self, purchase: WebPurchase) -> Billing | None:
        for billing in self.line.billings:
            if billing.request_id == purchase.billing:
                return billing
        return None

    def _catalogue(self) -> dict[str, Money]:
        return self.store.get(CATALOGUE, dict[str, Money]) or {}

    def _keep(self) -> None:
        self.store.put(RECORD, self.purchases)
