"""The app that buys from vending machines: the phone's side of Fig 4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.bank.errors import ApprovalError, BankError
from paybench.bank.settlement import is_well_formed
from paybench.devices.app import App
from paybench.devices.device import verb
from paybench.devices.errors import OutOfOrder
from paybench.devices.vending import ItemChosen, ItemsOffered, NothingChosen, Vended
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from paybench.devices.message import Message
    from paybench.devices.phone import Phone
    from paybench.devices.trace import Sent

LINES_MAX = 8


class VendingApp(App):
    """Shows what a machine offers, and has its owner choose.

    Attributes:
        offer: What is on offer, or None.
    """

    def __init__(self, phone: Phone) -> None:
        super().__init__(phone)
        self.offer: ItemsOffered | None = None
        self._machine = ""
        self._session = ""

    @verb("password", "finger")
    def choose(self, number: str, password: str = "", finger: str = "") -> None:
        """Choose an item, and approve its price: D12 goes out.

        Args:
            number: The item's number, as the display shows it.
            password: The password, unless a finger is presented.
            finger: The finger on the sensor.

        Raises:
            OutOfOrder: Nothing is on offer.
        """
        offer = self._open_offer()
        item = next((item for item in offer.items if item.number == number), None)
        if item is None:
            self.phone.display.show("NO SUCH ITEM", number)
            return
        if not self.phone.authenticates(offer.settlement_id, password, finger):
            return
        self.offer = None
        try:
            if not is_well_formed(offer.settlement_id) or item.price.amount_minor <= 0:
                raise ApprovalError(f"{self._machine} offers {item.price} under no proper id")
            approval = self.phone.signer.approve(offer.settlement_id, offer.payee, item.price)
        except BankError as error:
            self.phone.decided("approval refused", str(error), offer.settlement_id)
            self.phone.display.show("NO PROPER OFFER")
            return
        self.phone.become("approved", offer.settlement_id)
        self.phone.display.show("SENDING")
        choice = ItemChosen(offer.settlement_id, number, approval)
        self.phone.short_range.send(choice, "D12", self._machine)

    @verb()
    def leave(self) -> None:
        """Choose nothing.

        Raises:
            OutOfOrder: Nothing is on offer.
        """
        offer = self._open_offer()
        self.offer = None
        self.phone.become("declined", offer.settlement_id)
        self.phone.display.show("NOTHING CHOSEN")
        answer = NothingChosen(offer.settlement_id, "The customer chose nothing.")
        self.phone.short_range.send(answer, "D12", self._machine)

    def take(self, sent: Sent) -> None:
        """An offer, or how it ended."""
        message: Message = sent.message
        if isinstance(message, ItemsOffered):
            self.offer, self._machine = message, sent.sender
            self._session = message.settlement_id
            self.phone.become("choosing", message.settlement_id)
            lines = [
                f"{item.number} {item.name} {item.price.text if item.available else 'SOLD OUT'}"
                for item in message.items[:LINES_MAX]
            ]
            self.phone.display.show(f"CHOOSE AT {message.shop}", *lines)
            self.phone.notify()
        elif (sent.sender, sent.correlation) != (self._machine, self._session):
            why = f"a {type(message).__name__} of {sent.sender}, where nothing was chosen"
            self.phone.decided(IGNORED, why, sent.correlation)
        elif isinstance(message, Vended):
            self.offer = None
            self.phone.become("paid" if message.discharged else "refused", message.settlement_id)
            if message.discharged:
                self.phone.display.show(f"TAKE YOUR {message.number}")
            else:
                self.phone.display.show("NOT PAID", message.why)

    def _open_offer(self) -> ItemsOffered:
        if self.offer is None:
            raise OutOfOrder(
                f"{self.name} has nothing to choose from: hold it to a machine first "
                f"(phone.hold_to(machine))"
            )
        return self.offer
