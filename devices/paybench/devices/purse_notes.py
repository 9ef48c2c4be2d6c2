"""A purse's notes: all it knows, and what outlives a power cut."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from paybench.bank.emoney.redemption import Redemption
from paybench.bank.emoney.value import Receipt, Value
from paybench.devices.holding import Holding

V = TypeVar("V")

HOLDINGS_MAX = 256
"""Data in a purse beyond which it asks for no more."""

ASKED_MAX = 256
"""Requests it remembers that may still be answered; the oldest is forgotten."""

RECEIVED_MAX = 256
"""Requests it remembers having been paid, for payers who missed the receipt."""

SURPLUS_MAX = 16
"""Data it takes in answer to one request at most, when more than one purse pays it."""

SENT_MAX = 64
"""Values under way at most: it pays no further before one is acknowledged."""

PAID_MAX = 64
"""Receipts it keeps."""

REDEEMING_MAX = 8
"""Redemptions without a result at most."""


class Sent(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A value that left and is not acknowledged yet.

    Attributes:
        payee_key: Public key of the purse it is made out to.
        value: The value, to be sent again until a receipt comes.
    """

    payee_key: bytes
    value: Value


class Taken(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What was taken in answer to one request.

    Attributes:
        amount_minor: What was asked for, in minor units.
        digests: Of every datum taken; of two values when two purses paid the same request.
    """

    amount_minor: int
    digests: tuple[bytes, ...]


class Notes(msgspec.Struct, frozen=True):
    """All a purse knows, and all that has to outlive a power cut. No key is in it.

    Attributes:
        next_number: For its next request or redemption.
        holdings: What it holds.
        asked: What it asked for and may still come: transfer id to amount in minor units.
        received: What it took, by transfer id; newest last.
        sent: What it paid and is under way, by transfer id.
        paid: What it paid and was acknowledged, by transfer id; newest last.
        redeeming: Redemptions without a result, by their ids.
        written_off_minor: What turned out at the bank to have been spent before, in minor units.
    """

    next_number: int = 1
    holdings: tuple[Holding, ...] = ()
    asked: dict[str, int] = {}
    received: dict[str, Taken] = {}
    sent: dict[str, Sent] = {}
    paid: dict[str, Receipt] = {}
    redeeming: dict[str, Redemption] = {}
    written_off_minor: int = 0


def remembered(memory: dict[str, V], name: str, what: V, count_max: int) -> dict[str, V]:
    """The memory with one thing more; the oldest is forgotten if there are too many."""
    larger = {**memory, name: what}
    if len(larger) > count_max:
        del larger[next(iter(larger))]
    return larger


def forgotten(memory: dict[str, V], name: str) -> dict[str, V]:
    """The memory without one thing."""
    return {other: what for other, what in memory.items() if other != name}
