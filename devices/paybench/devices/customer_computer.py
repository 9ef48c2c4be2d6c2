"""The customer's computer: shows the page of a purchase at a web shop (claims 38 to 41)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from paybench.bank.money import Money
from paybench.bank.tin import spaced
from paybench.devices.asking import ANSWER_S, WAIT_S, Asking
from paybench.devices.device import Device, verb
from paybench.devices.errors import OutOfOrder
from paybench.devices.plain_profile import PlainProfileError
from paybench.devices.tin_code import tin_code
from paybench.devices.web_messages import (
    INTERNET,
    LEAVE,
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
    from paybench.devices.trace import Sent
    from paybench.devices.web_shop import WebShop
    from paybench.devices.world import World

RECORD, BASKET = "purchase", "basket"
ENDED = ("paid", "refused", "given back")
BEFORE_ORDER = ("please wait", "waiting", "connected", "ready")
_STEPS = {CheckoutWanted: "T1", BasketOrdered: "T5", CheckoutLeft: LEAVE, PageWanted: PAGE}


class BasketEntry(msgspec.Struct, frozen=True):
    """Something in the basket, at the price that the shop's page showed."""

    article: str
    price: Money
    count: int


class OpenPage(msgspec.Struct):
    """The page of one purchase; kept in the computer's store.

    Attributes:
        shop: Name of the shop's server.
        checkout_id: The computer's name of the purchase.
        state: As in `Page`; ``wanted`` before the first one, ``ordered`` until the order has been
            answered, ``leaving`` likewise.
        tin: The number to send by phone.
        billed: What the shop says that it has billed, or None.
        sentence: What else the shop says.
    """

    shop: str
    checkout_id: str
    state: str = "wanted"
    tin: str = ""
    billed: Money | None = None
    sentence: str = ""


class CustomerComputer(Device):
    """A computer with a browser, a basket and a page.

    Args:
        world: What it shares with the others.
        name: Full name, e.g. ``B.computer``.
        currency: ISO 4217 code of prices.

    Attributes:
        internet: Its port towards shops.
        page: The page that is open, or None.
    """

    role = "computer"

    def __init__(self, world: World, name: str, *, currency: str = "EUR") -> None:
        super().__init__(world, name)
        self.currency = currency
        self.internet = self.port("internet")
        self.internet.listen(self._take)
        self.page: OpenPage | None = None
        self._asking = Asking(self)

    @property
    def total(self) -> Money:
        """What the basket costs, as the customer was shown."""
        total = sum(entry.price.amount_minor * entry.count for entry in self._basket())
        return Money(total, self.currency)

    # -- what the customer does -----------------------------------------------------------------

    @verb()
    def put(self, article: str, price: str, count: int = 1) -> None:
        """Put something into the basket, at the price that is shown.

        Raises:
            MoneyError: The price is malformed.
        """
        entry = BasketEntry(article, Money.parse(price, self.currency), count)
        self.store.put(BASKET, [*self._basket(), entry])
        self.display.show(f"TOTAL {self.total.text}")

    @verb()
    def check_out(self, shop: WebShop) -> None:
        """Ask for the page to pay at: it shows a number (claim 38).

        Raises:
            OutOfOrder: Another page is open.
        """
        if self.page is not None and self.page.state not in ENDED:
            raise OutOfOrder(f"{self.name} has a page open: leave() it or wait")
        number = self.store.count_up("checkout number")
        self.world.connect(self.internet, shop.internet, INTERNET)
        self.page = OpenPage(shop.name, f"{self.name}-{number:06d}")
        self._stand(self.page, "wanted")
        self._ask(self.page)

    @verb()
    def order(self) -> None:
        """Order what is in the basket: the amount goes to the shop (T5, claim 40).

        Raises:
            OutOfOrder: The page does not ask for it.
        """
        page = self.page
        if page is None or page.state != "ready":
            raise OutOfOrder(f"{self.name} cannot order now: check_out(), and send the number")
        self._stand(page, "ordered")
        self._ask(page)

    @verb()
    def leave(self) -> None:
        """Want it no more. Who has confirmed on the phone meanwhile has paid all the same.

        Raises:
            OutOfOrder: No page is open.
        """
        if self.page is None or self.page.state in ENDED:
            raise OutOfOrder(f"{self.name} has no page to leave: check_out() first")
        self._stand(self.page, "leaving")
        self._ask(self.page)

    # -- what the computer does -----------------------------------------------------------------

    def boot(self) -> None:
        """Open the page again that was open when the power went."""
        self._asking = Asking(self)
        self.page = page = self.store.get(RECORD, OpenPage)
        if page is not None and page.state not in ENDED:
            self._stand(page, page.state)
            self._ask(page)

    def _take(self, sent: Sent) -> None:
        message, page = sent.message, self.page
        known = page is not None and (sent.sender, sent.correlation) == (
            page.shop,
            page.checkout_id,
        )
        if not isinstance(message, Page) or page is None or not known or page.state in ENDED:
            why = f"a {type(message).__name__} that nothing here waits for"
            self.decided(IGNORED, why, sent.correlation)
            return
        if message.state == "waiting" and not _is_number(message.tin):
            self.decided(IGNORED, "a page without a proper number", sent.correlation)
            return  # it will be asked for again
        page.tin, page.billed, page.sentence = message.tin, message.amount, message.sentence
        self._stand(page, page.state if _is_overtaken(page, message) else message.state)

    def _stand(self, page: OpenPage, state: str) -> None:
        """The purchase has got so far; the store knows before anybody else does."""
        page.state = state
        self.store.put(RECORD, page)
        if state in ENDED:
            self._asking.moved(RECORD)
        else:
            unanswered = state in ("wanted", "ordered", "leaving", "please wait")
            pause_s = ANSWER_S if unanswered else WAIT_S
            self._asking.wait(RECORD, lambda: self._ask(page), pause_s)
        if state == "paid":
            self.store.drop(BASKET)
        self.become(state, page.checkout_id)
        self.display.show(*self._lines(page))

    def _ask(self, page: OpenPage) -> None:
        """Say again what has had no answer, or ask how it stands."""
        message = self._question(page)
        self.internet.send(message, _STEPS[type(message)], page.shop)

    def _question(
        self, page: OpenPage
    ) -> CheckoutWanted | BasketOrdered | CheckoutLeft | PageWanted:
        if page.state == "wanted":
            return CheckoutWanted(page.checkout_id)
        if page.state == "ordered":
            basket = tuple(BasketLine(entry.article, entry.count) for entry in self._basket())
            return BasketOrdered(page.checkout_id, basket, self.total)
        if page.state == "leaving":
            return CheckoutLeft(page.checkout_id)
        return PageWanted(page.checkout_id)

    def _lines(self, page: OpenPage) -> tuple[str, ...]:
        """What the page says; a number's code is its second line."""
        total = f"TOTAL {self.total.text}"
        said = (page.sentence,) if page.sentence else ()
        billed = page.billed.text if page.billed is not None else ""
        pages = {
            "ready": ("CONNECTED", *said, total, "ORDER NOW"),
            "connected": ("CONNECTED", "LOOK AT YOUR PHONE"),
            "billed": (total, "CONFIRM ON YOUR PHONE"),
            "paid": (f"PAID {billed}", "THANK YOU"),
            "refused": ("REFUSED", *said),
            "given back": ("NOT PAID", *said),
            "leaving": ("LEAVING",),
        }
        if page.state == "waiting":
            return (f"TIN {spaced(page.tin)}", tin_code(page.tin).text, total)
        if page.state == "billed" and page.billed != self.total:
            return (f"ANOTHER AMOUNT {billed}", "DECLINE ON YOUR PHONE")
        return pages.get(page.state, ("PLEASE WAIT",))

    def _basket(self) -> list[BasketEntry]:
        return self.store.get(BASKET, list[BasketEntry]) or []


def _is_overtaken(page: OpenPage, message: Page) -> bool:
    """Whether a page does not know yet what the customer has said since."""
    if page.state == "leaving":
        return message.state not in ENDED
    return page.state == "ordered" and message.state in BEFORE_ORDER and not message.sentence


def _is_number(tin: str) -> bool:
    try:
        tin_code(tin)
    except PlainProfileError:
        return False
    return True
