"""What a web shop and a customer's computer say to each other (claims 38 to 41).

What the shop passes on from the apparatus has the name of the step it passes on: the number (T2),
that the payer is there (T4), that it is paid (T8). So has the amount on its way to the shop (T5).
"""

from __future__ import annotations

from msgspec import Struct

from paybench.bank.money import Money
from paybench.devices.link import LinkProfile
from paybench.devices.message import Message

INTERNET = LinkProfile(latency_s=0.025, jitter_s=0.015)
"""The Internet between a computer and a shop's server."""

PAGE = "page"
"""The step of what is said about a page and has no name in the claims."""

LEAVE = "leave"


class BasketLine(Struct, frozen=True):
    """So many of one article.

    Attributes:
        article: Its name.
        count: How many.
    """

    article: str
    count: int


class WebMessage(Message, frozen=True, gc=False):
    """Base of all of them.

    Attributes:
        checkout_id: The computer's own name of the purchase.
    """

    checkout_id: str

    @property
    def correlation(self) -> str:
        """The purchase."""
        return self.checkout_id


class CheckoutWanted(WebMessage, frozen=True, gc=False):
    """Computer to shop: the customer wants to pay. The same again gets the same page."""


class PageWanted(WebMessage, frozen=True, gc=False):
    """Computer to shop: how does it stand?"""


class CheckoutLeft(WebMessage, frozen=True, gc=False):
    """Computer to shop: the customer wants it no more."""


class BasketOrdered(WebMessage, frozen=True, gc=False):
    """Computer to shop: what is bought, and the purchase amount (claim 40).

    Attributes:
        basket: What is in the basket.
        amount: What that costs, as the customer was shown.
    """

    basket: tuple[BasketLine, ...]
    amount: Money


class Page(WebMessage, frozen=True, gc=False):
    """Shop to computer: the page of a purchase, as it is now (claims 38, 41).

    Attributes:
        state: ``please wait``, ``waiting`` for the payer, ``connected``, ``ready`` for the order,
            ``billed``, and in the end ``paid``, ``refused`` or ``given back``.
        tin: The number to send by phone; "" where there is none.
        amount: What was billed, or None.
        sentence: What else there is to say; "" for nothing.
    """

    state: str
    tin: str = ""
    amount: Money | None = None
    sentence: str = ""
