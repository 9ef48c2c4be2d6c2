"""Tickets, and what is said when one is sold: Fig 10 ([0112] to [0119])."""

from __future__ import annotations

import enum

import msgspec

from paybench.bank.money import Money
from paybench.devices.admission import PassageMessage
from paybench.devices.document import Document
from paybench.devices.purchase import PurchaseInformation
from paybench.devices.settling import SettlementMessage

TICKET = "ticket"
"""The kind of document a ticket is."""

NAME_MAX = 80


class TicketKind(enum.StrEnum):
    """What a ticket is for ([0112])."""

    ADMISSION = "admission"
    RAILWAY = "railway"
    BUS = "bus"
    TRAM = "tram"
    GIFT_CERTIFICATE = "gift certificate"
    THEATRE = "theatre"


class Ticket(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a ticket says.

    Attributes:
        kind: What it is for.
        event: Which performance, ride or shop it is good for, e.g. ``Hamlet, 24 Dec, 20:00``.
        place: Which place, e.g. ``row 4 seat 7``; "" for any.
        price: What was paid for it; of a gift certificate, what it is worth.
        good_until_ns: Until when it is good, in nanoseconds of the run's clock; 0 for ever.
    """

    kind: TicketKind
    event: str
    place: str
    price: Money
    good_until_ns: int = 0


class TicketOffer(PurchaseInformation, frozen=True, gc=False):
    """D91, ticket vending apparatus to phone: the ticket purchase information ([0113])."""


class TicketIssued(SettlementMessage, frozen=True, gc=False):
    """D96, ticket vending apparatus to phone: the ticket data, for the phone to store ([0116])."""

    document: Document


class TicketStored(SettlementMessage, frozen=True, gc=False):
    """Phone to ticket vending apparatus: the ticket is stored."""

    serial: str


class TicketWanted(PassageMessage, frozen=True, gc=False):
    """Entrance to phone: a ticket is wanted.

    Attributes:
        issuer: Whose tickets are good here.
        event: For which event.
    """

    issuer: str
    event: str


class TicketShown(PassageMessage, frozen=True, gc=False):
    """Phone to entrance: the ticket data ([0118]); None where there is none."""

    document: Document | None
