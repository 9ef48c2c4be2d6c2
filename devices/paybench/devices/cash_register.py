"""The cash register: the purchase information input device 2 of Fig 3 ([0043] to [0055])."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from paybench.bank.money import Money
from paybench.devices.code_reader import CodeReader
from paybench.devices.device import verb
from paybench.devices.seller import Seller, SellerOptions
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from paybench.devices.sale import Sale
    from paybench.devices.world import World


class CashRegister(Seller):
    """A shop's register: rings up articles, bills a phone, settles, hands over if it was paid.

    It settles ``relayed`` (D2, D3, D4) or ``direct`` (D5, D4, D6).

    Args:
        world: What it shares with the others.
        name: Full name, e.g. ``A.register``.
        options: Those of `Seller`.

    Attributes:
        prices: Price by article code.
    """

    role = "register"
    nothing_to_bill = "scan an article first"

    def __init__(self, world: World, name: str, **options: Unpack[SellerOptions]) -> None:
        super().__init__(world, name, **options)
        self.prices: dict[str, Money] = {}
        self._reader = CodeReader(self, self._take_code)
        self.scanner = self._reader.scanner

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
            OutOfOrder: A sale is under way.
            PartSilent: Nothing, or nothing readable, came from the scanner.
            UnexpectedReading: The scanner read another code than the one presented.
        """
        self.refuse_if_selling()
        self.prices[code] = Money.parse(price, self.currency)
        self._reader.read(code)

    @verb()
    def key_in(self, code: str, price: str) -> None:
        """Enter an article by hand.

        Raises:
            MoneyError: The price is malformed.
            OutOfOrder: A sale is under way.
        """
        self.ring_up(code, Money.parse(price, self.currency))

    # -- what the register does ---------------------------------------------------------------

    def _take_code(self, code: str) -> None:
        price = self.prices.get(code)
        if self.is_selling:
            self.decided(IGNORED, "a code while a sale is under way")
        elif price is None:
            self.display.show("UNKNOWN ARTICLE", code)
        else:
            self.ring_up(code, price)

    def ring_up(self, code: str, price: Money) -> Sale:
        """Add an article to the open sale, or begin one with it."""
        sale = self.sale
        if sale is None or sale.state != "open":
            sale = self.begin(code, price)
        else:
            sale.add(code, price)
        self.display.show(f"TOTAL {sale.total.text}")
        return sale
