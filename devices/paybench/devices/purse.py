"""The purse: electronic money in a phone or at a shop's till ([0098] to [0101]).

A state machine over values; what it knows is in its notes, and they are in the device's
non-volatile store before anything it answers can leave the device. So a purse made anew from the
store goes on where the old one was, and whoever asks again gets the same answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from paybench.bank.emoney.datum import Datum
from paybench.bank.emoney.redemption import ORDER_DATA_MAX, Redemption, redemption, reference
from paybench.bank.emoney.refusal import Refusal
from paybench.bank.emoney.request import Request, request, transfer_id
from paybench.bank.emoney.value import DATA_MAX, Receipt, Value, receipt
from paybench.bank.errors import EmoneyError
from paybench.bank.money import Money
from paybench.devices.holding import Holding, Piece, to_pay, to_redeem, without
from paybench.devices.purse_notes import (
    ASKED_MAX,
    HOLDINGS_MAX,
    PAID_MAX,
    RECEIVED_MAX,
    REDEEMING_MAX,
    SENT_MAX,
    SURPLUS_MAX,
    Notes,
    Sent,
    Taken,
    forgotten,
    remembered,
)

if TYPE_CHECKING:
    from paybench.bank.account import AccountNumber
    from paybench.bank.emoney.certificate import Certificate
    from paybench.bank.emoney.redemption import RedemptionResult
    from paybench.bank.emoney.signing import SigningKey
    from paybench.devices.store import Store

_RECORD = "purse"


class Purse:
    """Holds e-money in one currency, and pays, takes and redeems it without asking the bank.

    Args:
        key: What it signs with.
        certificate: The bank's word that the key is this purse's.
        bank_key: Public key of the bank.
        currency: ISO 4217 code.
        store: The device's store, with the notes of the purse before.

    Raises:
        EmoneyError: The certificate is not the bank's, or is of another key.
    """

    def __init__(
        self,
        key: SigningKey,
        certificate: Certificate,
        bank_key: bytes,
        currency: str,
        store: Store,
    ) -> None:
        if certificate.key != key.public or not certificate.is_genuine(bank_key):
            raise EmoneyError(
                f"expected the bank's certificate of the key of {certificate.purse_id}, seen one "
                "of another bank or another key: have the mint certify the key"
            )
        self.certificate = certificate
        self.currency = currency
        self._key = key
        self._bank_key = bank_key
        self._store = store
        self.notes = store.get(_RECORD, Notes) or Notes()

    @property
    def balance(self) -> Money:
        """What it holds; nothing that is under way."""
        return self._money(sum(holding.amount_minor for holding in self.notes.holdings))

    @property
    def payable(self) -> Money:
        """What of its balance can be passed on. The rest can only be redeemed at the bank."""
        left = (one.amount_minor for one in self.notes.holdings if one.is_payable)
        return self._money(sum(left))

    # As payee

    def ask(self, amount: Money) -> Request | Refusal:
        """Ask to be paid, by another purse or by the bank (the receiver in D71).

        Raises:
            EmoneyError: The amount is not positive, or in another currency.
        """
        self._check(amount)
        notes = self.notes
        if len(notes.holdings) >= HOLDINGS_MAX:
            return Refusal.SCATTERED
        number = notes.next_number
        asked = remembered(notes.asked, self._id(number), amount.amount_minor, ASKED_MAX)
        self._keep(replace(notes, next_number=number + 1, asked=asked))
        return request(self._key, self.certificate, number, amount)

    def open_requests(self) -> list[Request]:
        """What it asked for and may still come, to be sent again; oldest first."""
        asked = self.notes.asked.items()
        return [
            request(self._key, self.certificate, _number(name), self._money(amount_minor))
            for name, amount_minor in asked
        ]

    def take(self, value: Value) -> Receipt | Refusal:
        """Take what it asked for, from a purse (a transfer's value) or the bank (D72, D73).

        The same value again gives the same receipt. A second purse that paid the same request is
        not refused: its value is this purse's already, and the owner may pay it back. What is
        refused stays with the payer, to be sent again.
        """
        notes, name = self.notes, value.transfer_id
        digests = tuple(datum.digest() for datum in value.data)
        taken = notes.received.get(name) or Taken(notes.asked.get(name, 0), ())
        if digests and set(digests) <= set(taken.digests):
            return receipt(self._key, name, value.digest())
        flaw = self._taking_flaw(value, taken, digests)
        if flaw:
            return flaw
        new = (Holding(datum, datum.start_minor, datum.end_minor) for datum in value.data)
        taken = Taken(taken.amount_minor, (*taken.digests, *digests))
        self._keep(
            replace(
                notes,
                holdings=(*notes.holdings, *new),
                asked=forgotten(notes.asked, name),
                received=remembered(notes.received, name, taken, RECEIVED_MAX),
            )
        )
        return receipt(self._key, name, value.digest())

    # As payer

    def flaw(self, asked: Request) -> Refusal | None:
        """Why it would not pay a request, for the owner to know before approving it."""
        paid = self._prepared(asked)
        return paid if isinstance(paid, Refusal) else None

    def pay(self, asked: Request) -> Value | Refusal:
        """Pay a request that the owner approved: from now on the value is the payee's.

        The same request again gives the same value, until its receipt has come.
        """
        pieces = self._prepared(asked)
        if isinstance(pieces, Refusal | Value):
            return pieces
        name, payee_key = asked.transfer_id, asked.payee.key
        value = Value(name, tuple(one.endorsed(self._key, payee_key, name) for one in pieces))
        self._keep(
            replace(
                self.notes,
                holdings=without(self.notes.holdings, pieces),
                sent={**self.notes.sent, name: Sent(payee_key, value)},
            )
        )
        return value

    def under_way(self) -> list[Value]:
        """What it paid and no receipt has come for, to be sent again; oldest first."""
        return [sent.value for sent in self.notes.sent.values()]

    def acknowledge(self, received: Receipt) -> Refusal | None:
        """Let go of a value that its payee has; why not, if the receipt is not for it."""
        notes, name = self.notes, received.transfer_id
        sent = notes.sent.get(name)
        if sent is None:
            return None if notes.paid.get(name) == received else Refusal.UNKNOWN_TRANSFER
        if not received.is_for(sent.value, sent.payee_key):
            return Refusal.RECEIPT_FORGED
        paid = remembered(notes.paid, name, received, PAID_MAX)
        self._keep(replace(notes, sent=forgotten(notes.sent, name), paid=paid))
        return None

    # With the bank

    def redeem(self, account: AccountNumber, amount: Money | None = None) -> Redemption | Refusal:
        """Have the bank pay into a user's store, the owner's own or another's ([0101], [0102]).

        Args:
            account: The store.
            amount: How much; None for all, or for the 64 largest data of it.

        Raises:
            EmoneyError: The amount is not positive, or in another currency.
        """
        notes = self.notes
        if amount is not None:
            self._check(amount)
        amount_minor = (amount or self.balance).amount_minor
        if len(notes.redeeming) >= REDEEMING_MAX:
            return Refusal.TOO_MANY_UNDER_WAY
        pieces = to_redeem(notes.holdings, amount_minor)
        if amount is None:
            pieces = pieces[:ORDER_DATA_MAX]
        elif _total(pieces) < amount_minor:
            pieces = []
        if not pieces:
            return Refusal.INSUFFICIENT
        if len(pieces) > ORDER_DATA_MAX:
            return Refusal.SCATTERED
        number, name = notes.next_number, self._id(notes.next_number)
        what_for = reference(name, account)
        data = tuple(one.endorsed(self._key, self._bank_key, what_for) for one in pieces)
        order = redemption(self._key, self.certificate.purse_id, number, account, data)
        self._keep(
            replace(
                notes,
                next_number=number + 1,
                holdings=without(notes.holdings, pieces),
                redeeming={**notes.redeeming, name: order},
            )
        )
        return order

    def redeeming(self) -> list[Redemption]:
        """Redemptions that no result has come for, to be sent again; oldest first."""
        return list(self.notes.redeeming.values())

    def close(self, result: RedemptionResult) -> Refusal | None:
        """Let go of what was redeemed, or take it back if the bank refused all of it.

        Why not, if the result is not for a redemption of this purse's.
        """
        notes, name = self.notes, result.redemption_id
        order = notes.redeeming.get(name)
        if order is None:
            return Refusal.UNKNOWN_TRANSFER
        if not result.is_for(order, self._bank_key):
            return Refusal.RESULT_FORGED
        back = [_taken_back(datum) for datum in order.data] if result.refusal else []
        lost_minor = sum(order.data[at].last.amount_minor for at in result.spent_before)
        self._keep(
            replace(
                notes,
                holdings=(*notes.holdings, *back),
                redeeming=forgotten(notes.redeeming, name),
                written_off_minor=notes.written_off_minor + lost_minor,
            )
        )
        return None

    # Within

    def _prepared(self, asked: Request) -> list[Piece] | Value | Refusal:
        """What a request would be paid with, or the value it was paid with."""
        notes, name = self.notes, asked.transfer_id
        flaw = asked.flaw(self._bank_key, self.currency)
        if flaw is None and asked.payee.key == self.certificate.key:
            flaw = Refusal.SAME_PURSE
        if flaw:
            return flaw
        if name in notes.sent:
            return notes.sent[name].value
        if name in notes.paid:
            return Refusal.PAID_BEFORE
        if len(notes.sent) >= SENT_MAX:
            return Refusal.TOO_MANY_UNDER_WAY
        if asked.amount > self.payable:
            return Refusal.REDEEM_FIRST if asked.amount <= self.balance else Refusal.INSUFFICIENT
        pieces = to_pay(notes.holdings, asked.amount.amount_minor)
        return pieces if len(pieces) <= DATA_MAX else Refusal.SCATTERED

    def _taking_flaw(
        self, value: Value, taken: Taken, digests: tuple[bytes, ...]
    ) -> Refusal | None:
        """Why a value is not taken."""
        if not taken.amount_minor:
            return Refusal.UNKNOWN_TRANSFER
        if len(taken.digests) + len(digests) > SURPLUS_MAX:
            return Refusal.OVERSIZED
        amount = self._money(taken.amount_minor)
        flaw = value.flaw(self.certificate.key, amount, self._bank_key)
        if flaw:
            return flaw
        held = self.notes.holdings
        doubled = any(one.overlaps(datum) for one in held for datum in value.data)
        return Refusal.OVERLAPS if doubled or set(digests) & set(taken.digests) else None

    def _check(self, amount: Money) -> None:
        if amount.currency != self.currency or amount.amount_minor <= 0:
            raise EmoneyError(
                f"expected an amount of {self.currency} above zero, seen {amount}: a purse is of "
                "one currency"
            )

    def _keep(self, notes: Notes) -> None:
        # First the store: what it fails to keep has not happened.
        self._store.put(_RECORD, notes)
        self.notes = notes

    def _id(self, number: int) -> str:
        return transfer_id(self.certificate.purse_id, number)

    def _money(self, amount_minor: int) -> Money:
        return Money(amount_minor, self.currency)


def _number(name: str) -> int:
    return int(name.rpartition("/")[2])


def _total(pieces: list[Piece]) -> int:
    return sum(piece.amount_minor for piece in pieces)


def _taken_back(datum: Datum) -> Holding:
    """What was endorsed to the bank, and refused by it."""
    before = Datum(datum.mintage, datum.endorsements[:-1])
    return Holding(before, datum.start_minor, datum.end_minor, redeem_only=True)
