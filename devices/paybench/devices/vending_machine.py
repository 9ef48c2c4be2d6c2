"""The automatic vending machine 4 of Fig 4 ([0056] to [0061])."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from paybench.bank.approval import Approval
from paybench.bank.money import Money
from paybench.bank.recall import Reversal
from paybench.bank.settlement import SettlingInformation
from paybench.devices.bank_line import BankLine, hear
from paybench.devices.dispensing_machine import ENDED, DispensingMachine
from paybench.devices.errors import OutOfOrder
from paybench.devices.settling import SettlementDemand
from paybench.devices.short_range import SHORT_RANGE
from paybench.devices.vending import Item, ItemChosen, ItemsOffered, NothingChosen, Vended

if TYPE_CHECKING:
    from collections.abc import Generator

    from simpy.events import Process

    from paybench.bank.account import AccountNumber
    from paybench.bank.settlement import Outcome
    from paybench.devices.phone import Phone
    from paybench.devices.world import World


class Vend(msgspec.Struct):
    """One vend, from the offer to the end; kept in the machine's store.

    Attributes:
        settlement_id: The id its settlement has at the bank.
        customer: Name of the phone.
        state: ``offered``, ``settling``, ``discharging``, ``discharged``, ``refused``,
            ``unknown``, ``reversing`` or ``reversed``.
        number: Number of the item chosen.
        price: Its price.
        approval: What the customer signed.
        fallen: What the drop sensor said before the discharge.
    """

    settlement_id: str
    customer: str
    state: str = "offered"
    number: str = ""
    price: Money | None = None
    approval: Approval | None = None
    fallen: int = 0


class VendingMachine(DispensingMachine):
    """A machine with columns: offers, settles, and discharges if it was paid, and only then.

    Args:
        world: What it shares with the others.
        name: Full name, e.g. ``V.machine``.
        account: The account of the company that runs it.
        account_key: The key of that account: what jams after payment is given back with it.
        shop: What the customer's phone shows as the payee.
        currency: ISO 4217 code all prices are in.
        choice_timeout_s: How long the customer may take to choose.
        result_timeout_s: How long the bank may take before the machine inquires.

    Attributes:
        vend: The vend under way or last ended, or None.
    """

    role = "machine"

    def __init__(
        self,
        world: World,
        name: str,
        *,
        account: AccountNumber,
        account_key: bytes,
        shop: str,
        currency: str = "EUR",
        choice_timeout_s: float = 60.0,
        result_timeout_s: float = 5.0,
    ) -> None:
        super().__init__(world, name, currency)
        self.account = account
        self.shop = shop
        self.choice_timeout_s = choice_timeout_s
        self.short_range = self.port("short-range")
        self.bank_line = self.port("bank line")
        self.bank = BankLine(self, self.bank_line, result_timeout_s=result_timeout_s)
        self.vend: Vend | None = None
        self._account_key = account_key

    # -- what people do -----------------------------------------------------------------------

    def meet(self, phone: Phone) -> Process:
        """A customer holds a phone to the machine: it offers what it has (D11).

        Returns:
            The process of the vend.

        Raises:
            OutOfOrder: It is busy with another customer or with giving money back, or it has no
                power.
        """
        if not self.powered:
            raise OutOfOrder(f"{self.name} has no power")
        if self.vend is not None and self.vend.state not in ENDED:
            raise OutOfOrder(f"{self.name} is busy with another customer: wait until it is done")
        self.world.connect(self.short_range, phone.short_range, SHORT_RANGE)
        return self.run(self._sell_to(self._begin(phone.name)))

    # -- what the machine does ----------------------------------------------------------------

    def boot(self) -> None:
        """Take up the vend that was under way when the power went."""
        self.vend = vend = self.store.get("vend", Vend)
        if vend is None:
            return
        if vend.state in ("settling", "unknown"):
            self.run(self._find_out(vend))
        elif vend.state == "discharging":
            self.run(self._discharge(vend))
        elif vend.state == "reversing":
            self.run(self._give_back(vend, "power was lost"))
        elif vend.state == "offered":
            self._refuse(vend, "POWER WAS LOST", "The machine lost its power.")

    def _begin(self, customer: str) -> Vend:
        number = self.store.count_up("vends")
        vend = self.vend = Vend(f"{self.name}-{number:06d}", customer)
        self._stand(vend, "offered")
        return vend

    def _sell_to(self, vend: Vend) -> Generator[Any, Any, None]:
        """One vend, from D11 to the discharge."""
        self.short_range.drain()  # whatever came too late for a former vend
        self.bank_line.drain()
        items = tuple(
            Item(column.number, column.name, column.price, column.stock > 0)
            for column in self.dispenser.columns.values()
        )
        offer = ItemsOffered(vend.settlement_id, self.account, self.shop, items)
        self.short_range.send(offer, "D11", vend.customer)
        self.display.show("CHOOSE AN ITEM")
        choice = yield from hear(
            self,
            self.short_range,
            vend.settlement_id,
            self.choice_timeout_s,
            sender=vend.customer,
        )
        if choice is None:
            self._refuse(vend, "NO CHOICE", "The customer's phone did not answer.")
        elif isinstance(choice, NothingChosen):
            self._refuse(vend, "NOTHING CHOSEN", choice.why)
        elif isinstance(choice, ItemChosen):
            yield from self._settle(vend, choice)
        else:
            why = f"A {type(choice).__name__} is no answer to an offer."
            self._refuse(vend, "WRONG ANSWER", why)

    def _settle(self, vend: Vend, choice: ItemChosen) -> Generator[Any, Any, None]:
        """D13, D14: have the price settled, if the item can be had ([0059], [0060])."""
        column = self.dispenser.columns.get(choice.number)
        vend.number = choice.number[:16]
        if column is None:
            self._refuse(vend, "NO SUCH ITEM", "There is no such item in this machine.")
            return
        if column.stock == 0:
            self._refuse(vend, "SOLD OUT", "The item is sold out.")
            return
        vend.price = column.price
        vend.approval = choice.approval
        self._stand(vend, "settling")
        self.display.show("PLEASE WAIT")
        outcome = yield from self.bank.settle(self._demand(vend), "D13")
        yield from self._conclude(vend, outcome)

    def _demand(self, vend: Vend) -> SettlementDemand:
        approval, price = vend.approval, vend.price
        if approval is None or price is None:
            raise AssertionError("a vend that is settled has both")
        information = SettlingInformation(
            vend.settlement_id, approval.payer, self.account, price, approval, self.name
        )
        return SettlementDemand(vend.settlement_id, information)

    def _find_out(self, vend: Vend) -> Generator[Any, Any, None]:
        outcome = yield from self.bank.inquire(vend.settlement_id, self._demand(vend), "D13")
        yield from self._conclude(vend, outcome)

    def _conclude(self, vend: Vend, outcome: Outcome | None) -> Generator[Any, Any, None]:
        """Discharge if it was paid ([0061]), and only then."""
        if outcome is None:
            # Nobody stands here for long: what may have been paid is given back.
            self._stand(vend, "unknown")
            yield from self._give_back(vend, "The bank does not answer.")
        elif not outcome.settled:
            self._refuse(vend, "REFUSED", outcome.sentence)
        elif outcome.amount != vend.price:
            yield from self._give_back(vend, f"The bank settled {outcome.amount}.")
        else:
            vend.fallen = self.column(vend.number).fallen
            self._stand(vend, "discharging")
            yield from self._discharge(vend)

    def _discharge(self, vend: Vend) -> Generator[Any, Any, None]:
        """Turn the column; what does not fall is given back."""
        fell = yield from self.drops(vend.number, vend.fallen)
        if not fell:
            yield from self._give_back(vend, "The item is stuck.")
            return
        self._stand(vend, "discharged")
        self.decided("article discharged", "paid", vend.settlement_id)
        self.display.show("THANK YOU", f"PAID {self.column(vend.number).price.text}")
        self._tell(vend, discharged=True, why="")

    def _give_back(self, vend: Vend, why: str) -> Generator[Any, Any, None]:
        """Nothing was discharged: have the payment reversed."""
        self._stand(vend, "reversing")
        self.display.show("OUT OF ORDER", "MONEY COMES BACK")
        reversal = Reversal.signed(
            self._account_key, settlement_id=vend.settlement_id, payee=self.account
        )
        outcome = yield from self.bank.reverse(reversal)
        self._stand(vend, "reversed")
        self.decided("not paid", outcome.sentence, vend.settlement_id)
        self.display.show("NOT PAID", why)
        self._tell(vend, discharged=False, why=why)

    def _refuse(self, vend: Vend, line: str, why: str) -> None:
        """Nothing is discharged: say so here and on the phone ([0061])."""
        self._stand(vend, "refused")
        self.decided("article kept", why, vend.settlement_id)
        self.display.show(line, why)
        self._tell(vend, discharged=False, why=why)

    def _tell(self, vend: Vend, *, discharged: bool, why: str) -> None:
        told = Vended(vend.settlement_id, vend.number, discharged, why)
        self.short_range.send(told, "vended", vend.customer)

    def _stand(self, vend: Vend, state: str) -> None:
        vend.state = state
        self.store.put("vend", vend)
        self.become(state, vend.settlement_id)
