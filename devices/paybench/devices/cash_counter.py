"""The cash counter: where cash becomes electronic money in a user's store 1b1 ([0092])."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.bank.money import Money
from paybench.devices.device import Device, verb
from paybench.devices.emoney import CashEntered, CashTaken
from paybench.devices.insisting import Insisting
from paybench.devices.purse_notes import forgotten
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from paybench.bank.account import AccountNumber
    from paybench.devices.message import Message
    from paybench.devices.trace import Sent
    from paybench.devices.world import World

_RECORD = "cash"


class CashCounter(Device):
    """A machine of the bank's that takes cash in, and tells the bank until it is entered.

    Args:
        world: What it shares with the others.
        name: Full name, e.g. ``branch.counter``.
        currency: ISO 4217 code of the cash.

    Attributes:
        network: The port towards the bank.
    """

    role = "counter"

    def __init__(self, world: World, name: str, *, currency: str = "EUR") -> None:
        super().__init__(world, name)
        self.currency = currency
        self.network = self.port("network")
        self.network.listen(self._hear)
        self._insisting = Insisting(self)

    def boot(self) -> None:
        """Tell the bank again what it has not confirmed."""
        self._insisting = Insisting(self)
        for cash_id in self._taken():
            self._insist(cash_id)

    @verb()
    def pay_in(self, store: AccountNumber, amount: str) -> None:
        """Put cash in, for a store.

        Args:
            store: The store's account number.
            amount: How much, e.g. ``"50.00"``.

        Raises:
            MoneyError: The amount is malformed.
        """
        money = Money.parse(amount, self.currency)
        number = self.store.count_up("count")
        cash = CashTaken(f"{self.name}-{number:06d}", store, money)
        self.store.put(_RECORD, {**self._taken(), cash.cash_id: cash})
        self.display.show(f"CASH {money.text}", "PLEASE WAIT")
        self._insist(cash.cash_id)

    def _insist(self, cash_id: str) -> None:
        def say() -> bool:
            cash = self._taken().get(cash_id)
            if cash is not None:
                self.network.send(cash, "cash")
            return cash is not None

        self._insisting.say(cash_id, say, tries=None)

    def _hear(self, sent: Sent) -> None:
        message: Message = sent.message
        cash = self._taken().get(message.correlation)
        if not isinstance(message, CashEntered) or cash is None:
            self.decided(IGNORED, f"a {type(message).__name__} that nobody waits for")
            return
        self.store.put(_RECORD, forgotten(self._taken(), message.cash_id))
        if message.why:
            self.display.show("TAKE YOUR CASH BACK", message.why)
        else:
            self.display.show(f"PAID IN {cash.amount.text}", f"TO {cash.store}")

    def _taken(self) -> dict[str, CashTaken]:
        return self.store.get(_RECORD, dict[str, CashTaken]) or {}
