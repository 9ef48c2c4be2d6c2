"""The e-money slot: a purse in a vending machine, which takes e-money in place of a confirmation.

A customer to whom the amount has been billed (T6) may confirm it (T7), or give the machine
e-money over the short-range link, by `phone.purse.give`. Which of the two it is, is decided at the
apparatus: the machine takes the amount back, and asks for the e-money when that has been done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paybench.bank.emoney.refusal import Refusal
from paybench.bank.money import Money
from paybench.devices.device import verb
from paybench.devices.emoney import RedemptionAnswer, TransferOffer, TransferRequest
from paybench.devices.purse_identity import PurseIdentity
from paybench.devices.purse_keeper import Offer, PurseKeeper
from paybench.devices.till import TRANSFERS
from paybench.devices.tin_vending_machine import Tender, TinVend

if TYPE_CHECKING:
    from collections.abc import Generator

    from paybench.bank.account import AccountNumber
    from paybench.bank.emoney.redemption import Redemption, RedemptionResult
    from paybench.bank.emoney.request import Request
    from paybench.bank.emoney.value import Value
    from paybench.devices.phone import Phone
    from paybench.devices.tin_vending_machine import TinVendingMachine
    from paybench.devices.trace import Sent


COLLECT_S = 60.0
"""How long the machine waits for e-money that was offered."""


class EmoneySlot:
    """Takes e-money for a machine: what it asked for and wants no more, it gives back.

    Args:
        machine: The machine it is built into; its purse identity is in the machine's store.

    Raises:
        ValueError: The machine has no purse identity, or a slot already.
    """

    def __init__(self, machine: TinVendingMachine) -> None:
        identity = PurseIdentity.of(machine.store)
        if identity is None or machine.slot is not None:
            raise ValueError(f"{machine.name} has no purse identity, or a slot already")
        self.name = machine.name
        self.world = machine.world
        self._machine = machine
        self._identity = identity
        self._keeper = self._new_keeper()
        machine.slot = self
        machine.bank_line.listen(self._hear)

    @property
    def by_hand(self) -> None:
        """A slot is simulated: it does what its verbs say."""
        return

    @property
    def powered(self) -> bool:
        """Whether its machine has power."""
        return self._machine.powered

    @property
    def balance(self) -> Money:
        """What is in its purse; nothing that is under way."""
        return self._keeper.purse.balance

    @verb()
    def redeem(self, into: AccountNumber | None = None) -> None:
        """Have the bank take all the e-money back, and pay it into a store 1b1.

        Args:
            into: The store, or another account; the company's own store by default.
        """
        order = self._keeper.redeem(into or self._identity.account, None)
        if isinstance(order, Refusal):
            self._machine.display.show("REFUSED", order.sentence)

    # -- for its machine ------------------------------------------------------------------------

    def take(self, sent: Sent) -> bool:
        """Something came over the short-range link; tells whether it was said to a purse."""
        message = sent.message
        if isinstance(message, TransferOffer):
            self._take_offer(Tender(sent.sender, message.offer_id), message.amount)
        elif isinstance(message, TRANSFERS):
            self._keeper.take(sent)
        else:
            return False
        return True

    def meet(self, phone: Phone) -> None:
        """A phone is near: what is open between the two purses goes on."""
        self._keeper.meet(phone.name)
        if PurseIdentity.of(phone.store) is not None:
            phone.purse.keeper.meet(self.name)

    def collect(self, vend: TinVend) -> None:
        """Ask for the e-money that was offered: it is the only way to pay now."""
        tender, price = vend.tender, vend.price
        if tender is None or price is None:
            raise AssertionError("what is collected was offered, for a price")
        asked = self._keeper.purse.ask(price)
        if isinstance(asked, Refusal):
            self.decline(tender)
            self._machine.refuse(vend, asked.sentence)
            return
        vend.transfer_id = asked.transfer_id
        self._ask(vend, asked, tender)

    def decline(self, tender: Tender) -> None:
        """What was offered is not wanted."""
        self._keeper.decline(tender.offer_id, Refusal.DECLINED, tender.phone)

    def give_back(self, vend: TinVend) -> None:
        """Nothing has fallen: give back what was taken for it, however long that takes."""
        if vend.tender is not None and vend.price is not None:
            self._offer_back(vend.transfer_id, vend.tender.phone, vend.price)

    def resume(self) -> None:
        """The power is back: take up what was under way."""
        self._keeper = keeper = self._new_keeper()
        keeper.resume()
        vend = self._machine.vend
        if vend is None or vend.state != "collecting" or vend.tender is None:
            return
        name = vend.transfer_id
        asked = next((one for one in keeper.purse.open_requests() if one.transfer_id == name), None)
        if name in keeper.purse.notes.received:
            self._machine.discharges(vend)
        elif asked is not None:
            self._ask(vend, asked, vend.tender)
        else:
            self._machine.refuse(vend, "No e-money came.")

    # -- what its keeper tells it ---------------------------------------------------------------

    def received(self, value: Value, sender: str) -> None:
        """E-money has come: discharge for it, or give it back."""
        vend = self._waiting_for(value.transfer_id)
        if vend is not None:
            self._machine.discharges(vend)
        else:
            self._machine.decided("e-money given back", "it came too late", value.transfer_id)
            self._offer_back(value.transfer_id, sender, self._money(value))

    def asked(self, message: TransferRequest, sender: str) -> None:
        """A machine pays nobody who asks for it."""
        self._keeper.decline(message.correlation, Refusal.DECLINED, sender)

    def demands(self, request: Request, offer: Offer) -> None:
        """A machine has nothing demanded for it."""

    def paid(self, value: Value) -> None:
        """A customer has what was given back."""
        self._machine.decided("e-money is back", self._money(value).text, value.transfer_id)

    def failed(self, what: str, why: str) -> None:
        """The customer does not pay, or does not take what is given back."""
        vend = self._waiting_for(what)
        if vend is None:
            self._machine.decided("no e-money passed", why, what)
        else:
            self._machine.refuse(vend, why)

    def redeemed(self, order: Redemption, result: RedemptionResult) -> None:
        """The bank has taken e-money back, or has not."""
        del order
        told = result.refusal.sentence if result.refusal else result.paid.text
        self._machine.decided("redeemed", told, result.redemption_id)

    # -- within ---------------------------------------------------------------------------------

    def _new_keeper(self) -> PurseKeeper:
        machine = self._machine
        return PurseKeeper(machine, machine.short_range, machine.bank_line, self._identity, self)

    def _ask(self, vend: TinVend, asked: Request, tender: Tender) -> None:
        self._machine.collects(vend)
        self._keeper.ask_for(asked, tender.phone, tender.offer_id)
        self._machine.run(self._wait(asked.transfer_id))

    def _wait(self, transfer_id: str) -> Generator[Any, Any, None]:
        """The customer may have walked away."""
        yield self._machine.rest(COLLECT_S)
        if self._waiting_for(transfer_id) is not None:
            self._keeper.ask_no_more(transfer_id)
            self.failed(transfer_id, "No e-money came.")

    def _take_offer(self, tender: Tender, amount: Money) -> None:
        vend = self._machine.vend
        if vend is not None and vend.tender == tender and vend.state in ("open", "collecting"):
            return  # the phone says it again until it is asked
        if not self._machine.tenders(tender, amount):
            self.decline(tender)

    def _hear(self, sent: Sent) -> None:
        if isinstance(sent.message, RedemptionAnswer):
            self._keeper.hear(sent.message)
        else:
            self._machine.bank_line.put(sent)

    def _waiting_for(self, transfer_id: str) -> TinVend | None:
        vend = self._machine.vend
        waits = vend is not None and vend.state == "collecting" and vend.transfer_id == transfer_id
        return vend if waits else None

    def _offer_back(self, transfer_id: str, to: str, amount: Money) -> None:
        offer = Offer(to, amount, lasting=True)
        self._keeper.offer(f"back>{transfer_id}>{to}"[:64], offer)

    def _money(self, value: Value) -> Money:
        return Money(value.amount_minor, self._identity.currency)
