"""A sale at a register: what is bought, and how it ended."""

from __future__ import annotations

import msgspec

from paybench.bank.approval import Approval
from paybench.bank.money import Money


class Sale(msgspec.Struct):
    """One sale, from the first article to the handing over; kept in the register's store.

    Attributes:
        settlement_id: The id its settlement has at the bank.
        total: What is to be paid.
        articles: Codes of the articles.
        customer: Name of the phone that was billed.
        state: ``open``, ``billed``, ``settling``, ``paid``, ``refused`` (for whatever reason), or
            ``unknown`` (the bank could not be reached for an answer).
        article: ``kept`` or ``handed over``.
        approval: What the customer signed, once the register has it.
    """

    settlement_id: str
    total: Money
    articles: list[str]
    customer: str = ""
    state: str = "open"
    article: str = "kept"
    approval: Approval | None = None

    def add(self, code: str, price: Money) -> None:
        """Add an article."""
        self.articles.append(code)
        self.total += price
