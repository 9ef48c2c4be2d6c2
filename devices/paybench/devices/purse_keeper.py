"""The purse keeper: speaks for a device's purse, with other purses and with the bank ([0100]).

`Purse` decides; the keeper says what it decided, and says it again until that has come through.
What must outlive a loss of power is in the device's store before it is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from paybench.bank.emoney.refusal import Refusal
from paybench.bank.money import Money
from paybench.devices.emoney import (
    RedemptionAnswer,
    RedemptionDemand,
    TransferDeclined,
    TransferOffer,
    TransferReceipt,
    TransferRefused,
    TransferRequest,
    TransferValue,
)
from paybench.devices.insisting import Insisting
from paybench.devices.purse_notes import forgotten, remembered
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from paybench.bank.account import AccountNumber
    from paybench.bank.emoney.redemption import Redemption, RedemptionResult
    from paybench.bank.emoney.request import Request
    from paybench.bank.emoney.value import Receipt, Value
    from paybench.devices.device import Device
    from paybench.devices.message import Message
    from paybench.devices.port import Port
    from paybench.devices.purse_identity import PurseIdentity
    from paybench.devices.trace import Sent

OFFERS_MAX = 64
"""Offers it remembers having answered; the oldest is forgotten."""

_PEERS, _OFFERS, _ANSWERED = "purse peers", "purse offers", "purse offers answered"


class Offer(msgspec.Struct, frozen=True):
    """What the owner gives somebody, until it is paid; kept in the device's store.

    Attributes:
        to: Name of the device that it is for.
        amount: How much.
        from_store: Whether the bank shall pay it, out of the owner's store 1b1 (D71).
        lasting: Whether it stands until they meet, however long that takes.
    """

    to: str
    amount: Money
    from_store: bool = False
    lasting: bool = False


class PurseOwner(Protocol):
    """The software around a purse keeper: is told what happened, and asks the people."""

    def asked(self, message: TransferRequest, sender: str) -> None:
        """A purse asks for money that nobody has approved yet."""
        ...

    def demands(self, request: Request, offer: Offer) -> None:
        """A request has come that is to be paid out of the store (D71)."""
        ...

    def received(self, value: Value, sender: str) -> None:
        """A value is in the purse. Its payer has no receipt yet."""
        ...

    def paid(self, value: Value) -> None:
        """A receipt has come."""
        ...

    def failed(self, what: str, why: str) -> None:
        """A request or an offer, by its id, was declined, or nobody answers."""
        ...

    def redeemed(self, order: Redemption, result: RedemptionResult) -> None:
        """The bank has answered a redemption."""
        ...


class PurseKeeper:
    """Says what a purse has to say, and hears what is said to it.

    Args:
        device: The device that the purse is in.
        short_range: Its port towards other purses.
        network: Its port towards the bank.
        identity: What the bank gave the device.
        owner: The software around it.

    Attributes:
        purse: The purse.
        identity: What the bank gave the device.
        insisting: What it says again.
    """

    def __init__(
        self,
        device: Device,
        short_range: Port,
        network: Port,
        identity: PurseIdentity,
        owner: PurseOwner,
    ) -> None:
        self.identity = identity
        self.purse = identity.purse(device.store)
        self.insisting = Insisting(device)
        self._device = device
        self._store = device.store
        self._short_range = short_range
        self._network = network
        self._owner = owner
        self._asked: dict[str, str] = {}

    def resume(self) -> None:
        """The power is back: say again what is open, to the bank and to whoever is near."""
        self.meet("")
        for order in self.purse.redeeming():
            self._insist_on_order(order.redemption_id)

    def meet(self, name: str) -> None:
        """A device is near again: say what is open between the two; "" for all devices."""
        peers = self._peers()
        for value in self.purse.under_way():
            if name in ("", peers.get(value.transfer_id)):
                self._insist_on_value(value.transfer_id)
        for offer_id, offer in self._offers().items():
            if name in ("", offer.to):
                self._insist_on_offer(offer_id)

    # -- being paid ---------------------------------------------------------------------------

    def ask(self, to: str, amount: Money, cause: str = "") -> Request | Refusal:
        """Ask a purse that is near for money.

        Args:
            to: Name of its device.
            amount: How much.
            cause: The bill that the other device is to see it belongs to.

        Raises:
            EmoneyError: The amount is not positive, or in another currency.
        """
        asked = self.purse.ask(amount)
        if not isinstance(asked, Refusal):
            self.ask_for(asked, to, cause)
        return asked

    def ask_for(self, asked: Request, to: str, cause: str = "") -> None:
        """Have a purse that is near hear a request, and again if it does not answer."""
        name = asked.transfer_id
        self._asked[name] = to

        def say() -> bool:
            return name in self._asked and self._say(TransferRequest(asked, cause), "request", to)

        def give_up() -> None:
            self._fail(name, "The other purse does not answer.")

        self.insisting.say(name, say, given_up=give_up)

    def ask_no_more(self, name: str) -> None:
        """Say a request no more, by its transfer id. A value that still comes is taken."""
        self._asked.pop(name, None)

    def receive(self, value: Value, sender: str) -> Receipt | Refusal:
        """Take a value, whatever way it came, and tell the owner if it is new."""
        before = self.purse.notes
        taken = self.purse.take(value)
        if isinstance(taken, Refusal):
            self._device.decided("e-money refused", taken.sentence, value.transfer_id)
            return taken
        self._asked.pop(value.transfer_id, None)
        if self.purse.notes is not before:
            self._owner.received(value, sender)
        return taken

    # -- paying -------------------------------------------------------------------------------

    def offer(self, offer_id: str, offer: Offer) -> None:
        """Give somebody money: the other purse will ask for it, and then it is paid."""
        self._store.put(_OFFERS, {**self._offers(), offer_id: offer})
        self._insist_on_offer(offer_id)

    def offers(self, offer_id: str) -> bool:
        """Whether an offer stands: nobody has asked for it or declined it yet."""
        return offer_id in self._offers()

    def pay(self, request: Request, to: str) -> Refusal | None:
        """Pay a request that the owner approved; why not, if it cannot be."""
        name = request.transfer_id
        self._store.put(_PEERS, {**self._peers(), name: to})
        value = self.purse.pay(request)
        if isinstance(value, Refusal):
            self._forget_peer(name)
            self.decline(name, value, to)
            return value
        self._insist_on_value(name)
        return None

    def decline(self, name: str, reason: Refusal, to: str) -> None:
        """Say no to a request or an offer."""
        self._device.decided("e-money declined", reason.sentence, name)
        self._say(TransferDeclined(name, reason), "declined", to)

    # -- redeeming ----------------------------------------------------------------------------

    def redeem(self, account: AccountNumber, amount: Money | None) -> Redemption | Refusal:
        """Have the bank pay e-money into a store, and ask until it answers ([0101]).

        Raises:
            EmoneyError: The amount is not positive, or in another currency.
        """
        order = self.purse.redeem(account, amount)
        if not isinstance(order, Refusal):
            self._insist_on_order(order.redemption_id)
        return order

    # -- what is said to it -------------------------------------------------------------------

    def take(self, sent: Sent) -> None:
        """Another purse speaks."""
        message: Message = sent.message
        if isinstance(message, TransferRequest):
            self._take_request(message, sent.sender)
        elif isinstance(message, TransferValue):
            self._take_value(message.value, sent.sender)
        elif isinstance(message, TransferReceipt):
            self._take_receipt(message.receipt)
        elif isinstance(message, TransferOffer):
            self._take_offer(message, sent.sender)
        elif isinstance(message, TransferDeclined):
            self._fail(message.transfer_id, message.reason.sentence)
        elif isinstance(message, TransferRefused):
            # It stays under way: what is whole the next time is taken.
            why = message.reason.sentence
            self._device.decided("e-money was not taken", why, message.transfer_id)

    def hear(self, answer: RedemptionAnswer) -> None:
        """The bank answers a redemption."""
        order = self.purse.notes.redeeming.get(answer.result.redemption_id)
        flaw = self.purse.close(answer.result)
        if flaw or order is None:
            why = Refusal.UNKNOWN_TRANSFER if flaw is None else flaw
            self._device.decided(IGNORED, why.sentence, answer.correlation)
        else:
            self._owner.redeemed(order, answer.result)

    def _take_request(self, message: TransferRequest, sender: str) -> None:
        name, amount = message.request.transfer_id, message.request.amount
        if name in self.purse.notes.sent:
            self._insist_on_value(name)
            return
        offer = self._offers().get(message.cause)
        if offer is None or (offer.to, offer.amount) != (sender, amount):
            self._owner.asked(message, sender)
            return
        flaw = None
        if offer.from_store:
            self._owner.demands(message.request, offer)
        else:
            flaw = self.pay(message.request, sender)
        self._forget_offer(message.cause)  # it pays one request
        if flaw:
            self._owner.failed(message.cause, flaw.sentence)

    def _take_value(self, value: Value, sender: str) -> None:
        taken = self.receive(value, sender)
        if isinstance(taken, Refusal):
            self._say(TransferRefused(value.transfer_id, taken), "refused", sender)
        else:
            self._say(TransferReceipt(taken), "receipt", sender)

    def _take_receipt(self, receipt: Receipt) -> None:
        name = receipt.transfer_id
        sent = self.purse.notes.sent.get(name)
        flaw = self.purse.acknowledge(receipt)
        if flaw:
            self._device.decided(IGNORED, flaw.sentence, name)
        elif sent is not None:
            self._forget_peer(name)
            self._owner.paid(sent.value)

    def _take_offer(self, message: TransferOffer, sender: str) -> None:
        """Ask for what is offered; the same offer is asked for once."""
        offer_id, amount = message.offer_id, message.amount
        if amount.currency != self.purse.currency or amount.amount_minor <= 0:
            self.decline(offer_id, Refusal.OTHER_CURRENCY, sender)
            return
        answered = self._store.get(_ANSWERED, dict[str, str]) or {}
        key = f"{sender}>{offer_id}"
        if key in answered:
            asked = next(
                (one for one in self.purse.open_requests() if one.transfer_id == answered[key]),
                None,
            )
            if asked is None:
                return  # it was paid, or is too old
        else:
            asked = self.purse.ask(amount)
            if isinstance(asked, Refusal):
                self.decline(offer_id, asked, sender)
                return
            answered = remembered(answered, key, asked.transfer_id, OFFERS_MAX)
            self._store.put(_ANSWERED, answered)
        self._say(TransferRequest(asked, offer_id), "request", sender)

    def _fail(self, what: str, why: str) -> None:
        """A request or an offer came to nothing, unless it is over already."""
        if what in self._asked or what in self._offers():
            self._asked.pop(what, None)
            self._forget_offer(what)
            self._owner.failed(what, why)

    # -- what it says -------------------------------------------------------------------------

    def _insist_on_value(self, name: str) -> None:
        def say() -> bool:
            sent = self.purse.notes.sent.get(name)
            to = self._peers().get(name, "")
            return sent is not None and self._say(TransferValue(sent.value), "value", to)

        self.insisting.say(name, say)

    def _insist_on_offer(self, offer_id: str) -> None:
        def say() -> bool:
            offer = self._offers().get(offer_id)
            if offer is None:
                return False
            return self._say(TransferOffer(offer_id, offer.amount), "offer", offer.to)

        def give_up() -> None:
            offer = self._offers().get(offer_id)
            if offer is not None and not offer.lasting:
                self._fail(offer_id, "The other purse does not answer.")

        self.insisting.say(offer_id, say, given_up=give_up)

    def _insist_on_order(self, name: str) -> None:
        def say() -> bool:
            order = self.purse.notes.redeeming.get(name)
            if order is not None:
                self._network.send(RedemptionDemand(order), "redeem")
            return order is not None

        self.insisting.say(name, say, tries=None)

    def _say(self, message: Message, step: str, to: str) -> bool:
        """Say something to a device that is near; tells whether it is."""
        if to not in self._short_range.ways:
            return False
        self._short_range.send(message, step, to)
        return True

    # -- what it keeps ------------------------------------------------------------------------

    def _peers(self) -> dict[str, str]:
        return self._store.get(_PEERS, dict[str, str]) or {}

    def _forget_peer(self, name: str) -> None:
        self._store.put(_PEERS, forgotten(self._peers(), name))

    def _offers(self) -> dict[str, Offer]:
        return self._store.get(_OFFERS, dict[str, Offer]) or {}

    def _forget_offer(self, offer_id: str) -> None:
        self._store.put(_OFFERS, forgotten(self._offers(), offer_id))
