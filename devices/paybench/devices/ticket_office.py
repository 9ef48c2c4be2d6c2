"""The ticket vending apparatus 40 of Fig 10 ([0112] to [0116])."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import msgspec

from paybench.bank.money import Money
from paybench.devices.bank_line import hear
from paybench.devices.device import verb
from paybench.devices.document import Document, issue
from paybench.devices.errors import OutOfOrder
from paybench.devices.seller import Seller, SellerOptions
from paybench.devices.short_range import SHORT_RANGE
from paybench.devices.ticket import (
    TICKET,
    Ticket,
    TicketIssued,
    TicketKind,
    TicketOffer,
    TicketStored,
)

if TYPE_CHECKING:
    from collections.abc import Generator

    from paybench.devices.document import Seal
    from paybench.devices.phone import Phone
    from paybench.devices.sale import Sale
    from paybench.devices.world import World

STORED_TIMEOUT_S = 2.0
TRIES = 3


class Pending(msgspec.Struct):
    """A ticket that was paid and is not on the customer's phone yet; they are kept in the store.

    Attributes:
        settlement_id: Of the payment.
        customer: Name of the phone.
        document: The ticket.
    """

    settlement_id: str
    customer: str
    document: Document


class TicketOffice(Seller):
    """Sells tickets: bills a phone (D91), and sends the ticket (D96) if it was paid.

    It settles ``relayed`` (D93, D94, D95) or ``direct`` (D92, D95). A ticket that did not reach
    the phone stays here for it until the phone is held to the office again.

    Args:
        world: What it shares with the others.
        name: Full name, e.g. ``T.tickets``.
        seal: What tickets are signed with.
        options: Those of `Seller`.
    """

    role = "tickets"
    bill_type = TicketOffer
    bill_step = "D91"
    demand_step = "D94"
    nothing_to_bill = "enter a ticket first"

    def __init__(
        self, world: World, name: str, *, seal: Seal, **options: Unpack[SellerOptions]
    ) -> None:
        super().__init__(world, name, **options)
        self._seal = seal
        self._sending: set[str] = set()

    # -- what the seller does -------------------------------------------------------------------

    @verb()
    def enter(
        self, kind: str, event: str, price: str, place: str = "", good_for_s: int = 0
    ) -> None:
        """Enter what ticket is wanted ([0113]).

        Args:
            kind: One of `TicketKind`, e.g. ``theatre``.
            event: What it is good for.
            price: What it costs, e.g. ``"30.00"``.
            place: Which place; "" for any.
            good_for_s: How long it is good from now on, in seconds; 0 for ever.

        Raises:
            MoneyError: The price is malformed.
            OutOfOrder: There is no such kind of ticket, or a sale is under way.
        """
        if kind not in list(TicketKind):
            raise OutOfOrder(f"there is no ticket {kind!r} (there are: {', '.join(TicketKind)})")
        self.refuse_if_selling()
        money = Money.parse(price, self.currency)
        until_ns = self.env.now_ns + good_for_s * 1_000_000_000 if good_for_s else 0
        sale = self.begin(event, money)
        self.store.put("ticket", Ticket(TicketKind(kind), event, place, money, until_ns))
        self.display.show(f"{kind.upper()} {event}", f"TOTAL {sale.total.text}")

    def meet(self, phone: Phone) -> None:
        """A phone is held to the office: it gets the tickets that wait for it, if some do.

        Raises:
            OutOfOrder: None does.
        """
        waiting = [pending for pending in self._pending() if pending.customer == phone.name]
        if not waiting:
            raise OutOfOrder(f"no ticket waits at {self.name} for {phone.name}")
        self.world.connect(self.short_range, phone.short_range, SHORT_RANGE)
        for pending in waiting:
            if pending.settlement_id not in self._sending:
                self.run(self._send(pending))

    # -- what the office does -------------------------------------------------------------------

    def boot(self) -> None:
        """Take up what was under way; a ticket that is not on its phone yet is sent again."""
        super().boot()
        self._sending.clear()
        for pending in self._pending():
            self.run(self._send(pending))

    def hand_over(self, sale: Sale) -> None:
        """It was paid: sign the ticket, and send it."""
        ticket = self.store.get("ticket", Ticket)
        if ticket is None:
            raise AssertionError("what was billed is a ticket")
        serial = sale.settlement_id  # one payment, one ticket
        document = issue(self._seal, TICKET, self.shop, serial, ticket)
        pending = Pending(sale.settlement_id, sale.customer, document)
        if not any(known.settlement_id == serial for known in self._pending()):
            self.store.put("pending", [*self._pending(), pending])
        self.stand(sale, "paid")
        self.display.show(f"PAID {sale.total.text}")
        self.run(self._send(pending))

    def _send(self, pending: Pending) -> Generator[Any, Any, None]:
        """D96, until the phone says that it has stored it."""
        settlement_id, customer = pending.settlement_id, pending.customer
        self._sending.add(settlement_id)
        inbox = self.short_range.inbox(settlement_id)  # meanwhile another one may be sold
        try:
            for _ in range(TRIES):
                self.short_range.send(
                    TicketIssued(settlement_id, pending.document), "D96", customer
                )
                answer = yield from hear(
                    self,
                    inbox,
                    settlement_id,
                    STORED_TIMEOUT_S,
                    sender=customer,
                    kinds=(TicketStored,),
                )
                if answer is not None:
                    self._handed_over(pending)
                    return
        finally:
            self._sending.discard(settlement_id)
            self.short_range.close_inbox(settlement_id)
        self.display.show("TICKET NOT DELIVERED", "HOLD THE PHONE HERE AGAIN")

    def _pending(self) -> list[Pending]:
        return self.store.get("pending", list[Pending]) or []

    def _handed_over(self, pending: Pending) -> None:
        rest = [known for known in self._pending() if known.settlement_id != pending.settlement_id]
        if rest:
            self.store.put("pending", rest)
        else:
            self.store.drop("pending")
        sale = self.sale
        if sale is not None and sale.settlement_id == pending.settlement_id:
            sale.article = "handed over"
            self.stand(sale, "paid")
        self.decided("ticket handed over", "paid", pending.settlement_id)
        self.display.show("TICKET DELIVERED")
