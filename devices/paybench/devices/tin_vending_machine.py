"""The vending machine that bills by transaction identifying number (claim 37).

It shows a number; once the customer's phone has sent it, the machine offers its items. The price of
the one that is chosen becomes the amount, and it falls if it was paid, and only then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from paybench.bank.money import Money
from paybench.bank.recall import Reversal
from paybench.bank.restriction import Held, Restriction
from paybench.bank.tin import spaced
from paybench.devices.bank_line import BankLine
from paybench.devices.device import verb
from paybench.devices.dispensing_machine import ENDED, DispensingMachine
from paybench.devices.errors import OutOfOrder
from paybench.devices.sending_line import SendingLine
from paybench.devices.short_range import SHORT_RANGE
from paybench.devices.tin_code import tin_code
from paybench.devices.tin_messages import OFFERED, TinOffered
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from collections.abc import Generator

    from paybench.bank.account import AccountNumber
    from paybench.devices.billing import Billing
    from paybench.devices.emoney_slot import EmoneySlot
    from paybench.devices.phone import Phone
    from paybench.devices.trace import Sent
    from paybench.devices.world import World

RECORD = "tin vend"
_S_PER_DAY = 86_400


class Tender(msgspec.Struct, frozen=True):
    """E-money that a customer offers instead of confirming on the phone.

    Attributes:
        phone: Name of the phone.
        offer_id: Its name of the offer.
    """

    phone: str
    offer_id: str


class TinVend(msgspec.Struct):
    """One vend, from the number to the end; kept in the machine's store.

    Attributes:
        billing: Request id of its billing; "" before there is one.
        state: ``open`` as long as its billing tells how it stands, ``collecting`` e-money,
            ``discharging``, ``reversing``, and in the end ``discharged``, ``refused`` or
            ``reversed``.
        session: Name of its session, under which it is settled.
        number: Number of the item chosen.
        price: Its price.
        fallen: What the drop sensor said before the discharge.
        tender: The e-money that was offered for it, or None.
        transfer_id: Under which the machine asks for it; "" for none.
    """

    billing: str = ""
    state: str = "open"
    session: str = ""
    number: str = ""
    price: Money | None = None
    fallen: int = 0
    tender: Tender | None = None
    transfer_id: str = ""


class TinVendingMachine(DispensingMachine):
    """A machine with columns and keys of its own: one customer at a time.

    Args:
        world: What it shares with the others.
        name: Full name, e.g. ``V.tin-machine``.
        terminal_id: The id it gives itself at the apparatus.
        account: The account of the company that runs it.
        account_key: The key of that account: what jams after payment is given back with it.
        currency: ISO 4217 code all prices are in.
        cooling_off_days: For how long a customer may take a purchase back; 0 for not at all.
        held: Where the money is meanwhile.
        choice_timeout_s: How long the customer may take to choose.

    Attributes:
        line: Its way to the apparatus.
        bank: Its way to the bank.
        slot: What takes e-money, or None.
        vend: The vend under way or last ended, or None.
    """

    role = "tin-machine"

    def __init__(
        self,
        world: World,
        name: str,
        *,
        terminal_id: str,
        account: AccountNumber,
        account_key: bytes,
        currency: str = "EUR",
        cooling_off_days: float = 0,
        held: str = Held.RESTRICTED_DEPOSIT,
        choice_timeout_s: float = 60.0,
    ) -> None:
        super().__init__(world, name, currency)
        self.account = account
        self.choice_timeout_s = choice_timeout_s
        self.restriction: Restriction | None = None
        if cooling_off_days:
            self.restriction = Restriction(round(cooling_off_days * _S_PER_DAY), Held(held))
        self.short_range = self.port("short-range")
        self.short_range.listen(self._take)
        self.bank_line = self.port("bank line")
        self.bank = BankLine(self, self.bank_line)
        self.line = SendingLine(self, self.port("billing line"), terminal_id, self._moved)
        self.slot: EmoneySlot | None = None
        self.vend: TinVend | None = None
        self._account_key = account_key

    @property
    def billing(self) -> Billing | None:
        """The billing of the vend, or None."""
        vend, newest = self.vend, self.line.newest
        known = vend is not None and newest is not None and newest.request_id == vend.billing
        return newest if known else None

    # -- what the customer does -----------------------------------------------------------------

    @verb()
    def start(self) -> None:
        """Press a key: the machine wants a number to show (T1).

        Raises:
            OutOfOrder: It is busy with another customer, or with giving money back.
        """
        if self.vend is not None and self.vend.state not in ENDED:
            raise OutOfOrder(f"{self.name} is busy with another customer: cancel() or wait")
        if not any(column.stock for column in self.dispenser.columns.values()):
            self.display.show("SOLD OUT")
            return
        self.vend = TinVend()
        self.line.start()

    @verb()
    def choose(self, number: str) -> None:
        """Choose an item: its price is billed (T5).

        Args:
            number: The item's number, as the display shows it.

        Raises:
            OutOfOrder: Nothing is on offer.
        """
        vend, billing = self.vend, self.billing
        if vend is None or billing is None or billing.state != "ready" or vend.state != "open":
            raise OutOfOrder(
                f"{self.name} has nothing on offer: start() it, and send its number by phone first"
            )
        column = self.dispenser.columns.get(number)
        if column is None or column.stock == 0:
            flaw = "NO SUCH ITEM" if column is None else "SOLD OUT"
            self.decided("not on offer", f"{number[:16]}: {flaw.lower()}", billing.session)
            self.display.show(flaw, *self._items())
            return
        vend.number, vend.price = number, column.price
        self._keep(vend)
        self.line.bill(billing, column.price, self.restriction)

    @verb()
    def cancel(self) -> None:
        """Give up. If the customer has confirmed meanwhile, it is paid, and falls.

        Raises:
            OutOfOrder: There is nothing to give up.
        """
        billing = self.billing
        if billing is None or self.vend is None or self.vend.state != "open":
            raise OutOfOrder(f"{self.name} has nothing to cancel: start() it first")
        self.line.withdraw(billing)

    def meet(self, phone: Phone) -> None:
        """A customer holds a phone to the machine: it is sent the number (claim 30).

        What is open between the purses of a machine that takes e-money and of the phone goes on.

        Raises:
            OutOfOrder: There is nothing to send.
        """
        if not self.powered:
            raise OutOfOrder(f"{self.name} has no power")
        billing = self.billing
        waits = billing is not None and billing.state == "waiting"
        if self.slot is None and not waits:
            raise OutOfOrder(f"{self.name} has no number to send: start() it first")
        self.world.connect(self.short_range, phone.short_range, SHORT_RANGE)
        if self.slot is not None:
            self.slot.meet(phone)
        if billing is not None and waits:
            self.short_range.send(TinOffered(billing.tin), OFFERED, phone.name)

    # -- what the machine does ------------------------------------------------------------------

    def boot(self) -> None:
        """Take up the vend that was under way when the power went."""
        self.vend = vend = self.store.get(RECORD, TinVend)
        self.line.boot()
        if self.slot is not None:
            self.slot.resume()
        if vend is not None and vend.state == "discharging":
            self.run(self._discharge(vend))
        elif vend is not None and vend.state == "reversing":
            self.run(self._give_back(vend, "Power was lost."))

    def _moved(self, billing: Billing) -> None:
        """The billing stands somewhere else: so does the vend, as long as it is open."""
        vend = self.vend
        if vend is None or vend.state != "open":
            return
        if not vend.billing:
            vend.billing = billing.request_id
        if vend.billing != billing.request_id:
            return
        vend.session = billing.session
        self._keep(vend)
        self.become(billing.state, billing.session)
        match billing.state:
            case "paid":
                self._paid(vend)
            case "unknown":  # something else was settled than what was billed
                self.run(self._give_back(vend, billing.sentence))
            case "refused" if vend.tender is not None and self.slot is not None:
                self.slot.collect(vend)  # nobody can confirm the amount any more
            case "refused":
                self.refuse(vend, billing.sentence)
            case "ready":
                self._offer(vend, billing)
            case _:
                self.display.show(*self._lines(billing))

    def _offer(self, vend: TinVend, billing: Billing) -> None:
        """Show the items (claim 37); who does not choose is not waited for."""
        flaw = (billing.sentence,) if billing.sentence else ()
        self.display.show("CHOOSE AN ITEM", *flaw, *self._items())
        self.run(self._wait_for_choice(vend, billing))

    def _wait_for_choice(self, vend: TinVend, billing: Billing) -> Generator[Any, Any, None]:
        yield self.rest(self.choice_timeout_s)
        if self.vend is vend and vend.state == "open" and billing.state == "ready":
            self.decided("no choice", "The customer has chosen nothing.", billing.session)
            self.line.withdraw(billing)

    def tenders(self, tender: Tender, amount: Money) -> bool:
        """A customer offers e-money instead of confirming; tells whether the machine wants it.

        It takes the amount back first: only when nobody can confirm it any more is the e-money
        asked for. Whoever does both pays by the one that was first.
        """
        vend, billing = self.vend, self.billing
        if vend is None or billing is None or vend.state != "open" or vend.tender is not None:
            return False
        if billing.state != "billed" or amount != vend.price:
            return False
        vend.tender = tender
        self._keep(vend)
        self.line.withdraw(billing)
        return True

    def collects(self, vend: TinVend) -> None:
        """E-money is asked for."""
        self._stand(vend, "collecting")
        price = vend.price.text if vend.price is not None else ""
        self.display.show(f"E-MONEY {price}", "PLEASE WAIT")

    def discharges(self, vend: TinVend) -> None:
        """It is paid: let the article fall."""
        vend.fallen = self.column(vend.number).fallen
        self._stand(vend, "discharging")
        self.run(self._discharge(vend))

    def refuse(self, vend: TinVend, why: str) -> None:
        """It is not paid: nothing falls."""
        self._stand(vend, "refused")
        self.decided("article kept", why, vend.session)
        self.display.show("REFUSED", why)

    def _paid(self, vend: TinVend) -> None:
        if vend.tender is not None and self.slot is not None:
            self.slot.decline(vend.tender)  # the amount was confirmed before it was taken back
        self.discharges(vend)

    def _discharge(self, vend: TinVend) -> Generator[Any, Any, None]:
        """Turn the column; what does not fall is given back."""
        fell = yield from self.drops(vend.number, vend.fallen)
        if not fell:
            yield from self._give_back(vend, "The item is stuck.")
            return
        self._stand(vend, "discharged")
        self.decided("article discharged", "paid", vend.session)
        price = vend.price.text if vend.price is not None else ""
        self.display.show("THANK YOU", f"PAID {price}")

    def _give_back(self, vend: TinVend, why: str) -> Generator[Any, Any, None]:
        """Nothing was discharged: have the payment reversed (R1, R2), or give the e-money back."""
        self._stand(vend, "reversing")
        self.display.show("OUT OF ORDER", "MONEY COMES BACK")
        if vend.transfer_id and self.slot is not None:
            self.slot.give_back(vend)
            sentence = "The e-money is given back."
        else:
            reversal = Reversal.signed(
                self._account_key, settlement_id=vend.session, payee=self.account
            )
            outcome = yield from self.bank.reverse(reversal)
            sentence = outcome.sentence
        self._stand(vend, "reversed")
        self.decided("not paid", sentence, vend.session)
        self.display.show("NOT PAID", why)

    # -- what it shows and keeps ----------------------------------------------------------------

    def _lines(self, billing: Billing) -> tuple[str, ...]:
        match billing.state:
            case "waiting":
                return (f"TIN {spaced(billing.tin)}", tin_code(billing.tin).text)
            case "authenticating":
                return ("LOOK AT YOUR PHONE",)
            case "billed" if billing.amount is not None:
                return (f"TOTAL {billing.amount.text}", "CONFIRM ON YOUR PHONE")
            case "withdrawing":
                return ("CANCELLING",)
            case _:
                return ("PLEASE WAIT",)

    def _items(self) -> list[str]:
        return [
            f"{column.number} {column.name} {column.price.text if column.stock else 'SOLD OUT'}"
            for column in self.dispenser.columns.values()
        ]

    def _take(self, sent: Sent) -> None:
        if self.slot is None or not self.slot.take(sent):
            why = f"a {type(sent.message).__name__} is nothing for this machine"
            self.decided(IGNORED, why)

    def _stand(self, vend: TinVend, state: str) -> None:
        vend.state = state
        self._keep(vend)
        self.become(state, vend.session)

    def _keep(self, vend: TinVend) -> None:
        self.store.put(RECORD, vend)
