"""A sale at a register: what is bought, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paybench.bank.money import Money


class Sale:
    """One sale, from the first article to the handing over.

    Attributes:
        settlement_id: The id its settlement has at the bank.
        total: What is to be paid.
        total_text: The same as displays show it.
        articles: Codes of the articles.
        customer: Name of the phone that was billed.
        state: ``open``, ``billed``, ``paid``, ``refused`` (for whatever reason), or ``unknown``
            (the bank could not be reached for an answer).
        article: ``kept`` or ``handed over``.
    """

    def __init__(self, settlement_id: str, code: str, price: Money) -> None:
        self.settlement_id = settlement_id
        self.total = price
        self.articles = [code]
        self.customer = ""
        self.state = "open"
        self.article = "kept"
        self.total_text = price.text

    def add(self, code: str, price: Money) -> None:
        """Add an article."""
        self.articles.append(code)
        self.total += price
        self.total_text = self.total.text
