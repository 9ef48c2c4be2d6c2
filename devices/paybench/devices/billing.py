"""A billing by transaction identifying number: what a device knows of one transaction."""

from __future__ import annotations

import msgspec

from paybench.bank.authentication import Method
from paybench.bank.money import Money
from paybench.bank.restriction import Restriction
from paybench.bank.tin import Refusal

CLOSED = ("paid", "refused", "unknown")
"""States of a billing that is over; ``unknown``: somebody has to ask at the bank."""


class Billing(msgspec.Struct):
    """One billing, from the number to its end; kept in the device's store.

    Attributes:
        request_id: The device's own name of it.
        state: ``wanted`` (T1), ``waiting`` for the payer (T2), ``presented`` (T3),
            ``authenticating``, ``portrait``, ``ready`` for the amount, ``billed`` (T5),
            ``inquiring``, ``withdrawing``, and in the end ``paid``, ``refused`` or ``unknown``.
        tin: The number.
        reverse: Whether the payer had the number first.
        session: The apparatus' name of it.
        attributes: What the apparatus tells of the payer (claims 12, 33).
        methods: How the payer is to be authenticated, and then was.
        authenticated: Whether that has been passed.
        order: Number of the portrait that is shown.
        amount: What is billed; None before T5.
        restriction: What restricts the settlement.
        reason: Why it was refused.
        sentence: The same for people.
        article: ``handed over`` or ``kept`` in the end.
    """

    request_id: str
    state: str
    tin: str = ""
    reverse: bool = False
    session: str = ""
    attributes: dict[str, str] = {}
    methods: tuple[Method, ...] = ()
    authenticated: bool = False
    order: int = 0
    amount: Money | None = None
    restriction: Restriction | None = None
    reason: Refusal | None = None
    sentence: str = ""
    article: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing changes any more."""
        return self.state in CLOSED
