"""A card payment at a terminal, as the terminal keeps it, and the messages made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from paybench.bank.approval import Approval
from paybench.bank.currency_number import NUMBERS
from paybench.bank.money import Money
from paybench.devices import iso_message as iso
from paybench.devices.iso_message import IsoMessage, pack

if TYPE_CHECKING:
    from paybench.devices.card import CardInformation, CardNumber
    from paybench.devices.card_keys import CardKeys


class CardPayment(msgspec.Struct):
    """One payment by card, from D81 until it is settled or taken back.

    Attributes:
        settlement_id: The id its settlement has at the bank.
        customer: Name of the phone.
        kind: ``1`` credit, ``2`` debit.
        card: The card's number, masked.
        sealed_number: The number itself, enciphered: taking back needs it.
        expiry: The last month the card is good in, ``YYMM``.
        amount: What is to be paid.
        trace_number: Field 11: the terminal's number for the demand, 6 digits.
        reference: Field 37: what the demand is known by, 12 digits.
        sent_at: Field 7: when, UTC, ``MMDDhhmmss``.
        authorisation: Field 38: what the permission is known by; "" without one.
        approval: What the bank is shown: the customer's, or the company's.
        back: Fields 11 and 7 of the demand to take it back; "" before there is one.
        back_at: When that was first sent.
    """

    settlement_id: str
    customer: str
    kind: str
    card: str
    sealed_number: bytes
    expiry: str
    amount: Money
    trace_number: str
    reference: str
    sent_at: str
    authorisation: str = ""
    approval: Approval | None = None
    back: str = ""
    back_at: str = ""


class CardForms:
    """Fills in card messages for one terminal.

    Args:
        terminal_id: Field 41, 8 characters.
        merchant_id: Field 42, up to 15 characters.
        keys: What it shares with the company.
    """

    def __init__(self, terminal_id: str, merchant_id: str, keys: CardKeys) -> None:
        self.terminal_id = terminal_id
        self._merchant_id = merchant_id.ljust(15)
        self.keys = keys

    def authorise(self, payment: CardPayment, card: CardInformation) -> IsoMessage:
        """0100: may this be paid with this card?

        Raises:
            CardMessageError: Something does not fit its field.
        """
        from paybench.devices.pin_block import encipher

        number, filler = card.number.reveal(), self.keys.filler(payment.reference)
        block = encipher(self.keys.pin, card.pin.reveal(), number, filler)
        fields = {
            **self._common(payment, number),
            iso.LOCAL_TIME: payment.sent_at[4:],
            iso.LOCAL_DATE: payment.sent_at[:4],
            iso.EXPIRY: payment.expiry,
            iso.ENTRY_MODE: iso.CONTACTLESS_WITH_PIN,
            iso.TRACE_NUMBER: payment.trace_number,
            iso.SENT_AT: payment.sent_at,
            iso.PIN_BLOCK: block.hex().upper(),
        }
        return pack(iso.AUTHORISE, fields, self.keys.mac)

    def take_back(self, payment: CardPayment, *, again: bool) -> IsoMessage:
        """0400, or 0401 when it is said again: whatever came of it, it is not used."""
        asked = {
            "t": iso.AUTHORISE,
            iso.TRACE_NUMBER: payment.trace_number,
            iso.SENT_AT: payment.sent_at,
            iso.ACQUIRER: ACQUIRER_ID,
        }
        fields = {
            **self._common(payment, self.unsealed(payment.sealed_number)),
            iso.TRACE_NUMBER: payment.back,
            iso.SENT_AT: payment.back_at,
            iso.ORIGINAL: iso.original(asked),
        }
        if payment.authorisation:
            fields[iso.AUTHORISATION] = payment.authorisation
        return pack(iso.REVERSE_AGAIN if again else iso.REVERSE, fields, self.keys.mac)

    def sealed(self, number: CardNumber) -> bytes:
        """A card's number as it may be kept."""
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        return AESSIV(self.keys.store).encrypt(number.reveal().encode(), None)

    def unsealed(self, sealed: bytes) -> str:
        """The number in what `sealed` gave."""
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        return AESSIV(self.keys.store).decrypt(sealed, None).decode()

    def _common(self, payment: CardPayment, number: str) -> dict[str, str]:
        return {
            iso.NUMBER: number,
            iso.PROCESSING: iso.PROCESSING_CODES[payment.kind],
            iso.AMOUNT: f"{payment.amount.amount_minor:012d}",
            iso.ACQUIRER: ACQUIRER_ID,
            iso.REFERENCE: payment.reference,
            iso.TERMINAL: self.terminal_id,
            iso.MERCHANT: self._merchant_id,
            iso.CURRENCY: NUMBERS[payment.amount.currency],
            iso.SETTLEMENT_ID: payment.settlement_id,
        }


ACQUIRER_ID = "1"
"""Field 32: there is one acquirer, the electronic bank."""
