"""The cards in a phone: the phone's side of Fig 9 ([0104], [0105])."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.bank.secret import Secret
from paybench.devices.app import App
from paybench.devices.bill import Bill
from paybench.devices.card import (
    DEBIT,
    KINDS,
    Card,
    CardInformation,
    CardNumber,
    CardSlip,
    pin_flaw,
)
from paybench.devices.device import verb
from paybench.devices.errors import OutOfOrder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paybench.devices.message import Message
    from paybench.devices.phone import Phone
    from paybench.devices.trace import Sent

CARDS_MAX = 32

PAYABLE = {"PurchaseInformation", "TicketOffer"}
"""Bills that a card can pay, by their kind: another phone's and a gate's cannot."""

_RECORD = "cards"


class CardApp(App):
    """Keeps its owner's cards in the phone's store, and pays bills with them."""

    def __init__(self, phone: Phone) -> None:
        super().__init__(phone)
        self._paying = ""

    @verb("number", "pin")
    def add(self, kind: str, number: str, expiry: str, holder: str, pin: str = "") -> None:
        """Have the phone keep a card ([0104]).

        Args:
            kind: ``1`` credit, ``2`` debit.
            number: Its number.
            expiry: The last month it is good in, as printed on it: ``MM/YY``.
            holder: Whose name is on it.
            pin: Its PIN, if the phone shall keep it: then the owner need not enter it.

        Raises:
            OutOfOrder: These are no card's data, or there are too many cards.
        """
        card = Card(kind, CardNumber(number), yymm(expiry), holder, Secret(pin))
        flaw = card.flaw()
        if flaw:
            raise OutOfOrder(f"{self.name} cannot keep this card: {flaw}")
        others = [known for known in self.cards() if known.number != card.number]
        if len(others) >= CARDS_MAX:
            raise OutOfOrder(f"{self.name} keeps {CARDS_MAX} cards, and no more: remove one first")
        self._keep([*others, card])

    @verb()
    def remove(self, ending: str) -> None:
        """Have the phone forget the cards whose numbers end so."""
        self._keep(card for card in self.cards() if not card.number.reveal().endswith(ending))

    @verb("pin", "password", "finger")
    def pay(
        self, kind: str, pin: str = "", password: str = "", finger: str = "", ending: str = ""
    ) -> None:
        """Pay the bill with a card: D81 goes out ([0105], [0106]).

        Args:
            kind: ``1`` credit, ``2`` debit.
            pin: The card's PIN; "" for the one the phone keeps.
            password: The phone's password, unless a finger is presented.
            finger: The finger on the phone's sensor.
            ending: The last digits of the card's number, where there are several of the kind.

        Raises:
            OutOfOrder: There is no bill.
        """
        bill = self.phone.asked("pay by card")
        card = next(self.cards(kind, ending), None)
        if not isinstance(bill, Bill) or type(bill.information).__name__ not in PAYABLE:
            self.phone.display.show("NO CARDS TAKEN THERE")
        elif card is None:
            self.phone.display.show(f"NO {KINDS.get(kind, 'SUCH CARD').upper()}", ending)
        elif pin_flaw(pin or card.pin.reveal()):
            self.phone.display.show("ENTER THE PIN", pin_flaw(pin or card.pin.reveal()))
        elif self.phone.authenticates(bill.correlation, password, finger):
            self._send(bill, card, Secret(pin) if pin else card.pin)

    def cards(self, kind: str = "", ending: str = "") -> Iterator[Card]:
        """The cards of a kind whose numbers end so, oldest first; all by default."""
        for known, number, expiry, holder, pin in self._kept():
            if kind in ("", known) and number.endswith(ending):
                yield Card(known, CardNumber(number), expiry, holder, Secret(pin))

    def take(self, sent: Sent) -> None:
        """A card terminal says how it ended."""
        message: Message = sent.message
        if isinstance(message, CardSlip) and message.settlement_id == self._paying:
            self._paying = ""
            self.phone.become("paid" if message.paid else "refused", message.settlement_id)
            if message.paid:
                self.phone.display.show(
                    f"PAID {message.amount.text}",
                    f"CARD {message.card}",
                    f"AUTHORISED {message.authorisation}",
                )
            else:
                self.phone.display.show("NOT PAID", message.why)

    def _send(self, bill: Bill, card: Card, pin: Secret) -> None:
        phone, information = self.phone, bill.information
        approval = None
        if card.kind == DEBIT:
            approval = phone.signer.approve(
                information.settlement_id, information.payee, information.amount
            )
        phone.become("approved", bill.correlation)
        phone.display.show("SENDING", f"CARD {card.number}")
        self._paying = bill.correlation
        shown = CardInformation(
            bill.correlation, card.kind, card.number, card.expiry, card.holder, pin, approval
        )
        phone.short_range.send(shown, "D81", bill.biller)

    def _kept(self) -> list[tuple[str, str, str, str, str]]:
        return self.phone.store.get(_RECORD, list[tuple[str, str, str, str, str]]) or []

    def _keep(self, cards: Iterator[Card] | list[Card]) -> None:
        # The store is the phone's own and shows nothing of its records.
        kept = [
            (card.kind, card.number.reveal(), card.expiry, card.holder, card.pin.reveal())
            for card in cards
        ]
        self.phone.store.put(_RECORD, kept)


def yymm(expiry: str) -> str:
    """``YYMM`` of what is printed on a card, ``MM/YY``; the text itself if it is no such."""
    month, slash, year = expiry.partition("/")
    return year + month if slash else expiry
