"""A rush: customers who all pay at the registers of one shop at the same moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from paybench.bank.money import Money
from paybench.devices.world import RIG
from paybench.scenarios.waiting import MS, Waiting

if TYPE_CHECKING:
    from collections.abc import Generator

    from paybench.devices.cash_register import CashRegister
    from paybench.devices.phone import Phone
    from paybench.scenarios.party import Shop
    from paybench.scenarios.rig import Rig

PURCHASES = 3
"""How many things everybody buys."""
REST_S = 60.0

ARTICLE, PASSWORD = "4901234567894", "2468"


class Rush:
    """Registers of one shop, with a customer at each.

    Args:
        rig: The rig it is on.
        shop: Who is paid.
        registers: How many registers, and customers.
        balance: What each customer has, e.g. ``"20.00"``.
    """

    def __init__(self, rig: Rig, shop: Shop, registers: int, balance: str) -> None:
        self._rig = rig
        self._pairs: list[tuple[CashRegister, Phone]] = []
        for number in range(registers):
            customer = rig.customer(f"C{number + 1}", balance=balance, password=PASSWORD)
            phone = customer.phone()
            phone.customer = lambda phone: phone.approve(PASSWORD)
            self._pairs.append((shop.cash_register(), phone))

    def pays(self, price: str) -> Waiting:
        """Everybody buys a few things, one after the other, and the bank comes to rest.

        Returns for how long the settlements waited at the bank's servers.

        What people do meanwhile is no act of the scenario's, as in a fleet.
        """
        world = self._rig.world
        world.env.outside(RIG, "rush", {"registers": str(len(self._pairs)), "price": price})
        seen = len(world.trace.events)
        world.staged = False
        try:
            for register, phone in self._pairs:
                world.env.process(self._shop(register, phone, price))
            world.env.settle()
            world.env.run(until=world.env.now + REST_S)
        finally:
            world.staged = True
        self._rig.check_conservation()
        waiting = Waiting()
        waiting.feed(world.trace.events[seen:])
        counted = self._rig.counted
        name = f"rush {len(counted) + 1}"
        title = f"{name}: {waiting.figures.title}"
        counted.append(replace(waiting.figures, name=name, title=title))
        return waiting

    def _shop(self, register: CashRegister, phone: Phone, price: str) -> Generator[Any, Any, None]:
        for _ in range(PURCHASES):
            sale = register.ring_up(ARTICLE, Money.parse(price, self._rig.currency))
            yield from register.sell(sale, phone)

    def expects_shorter(self, now_s: float, before_s: float, *, ratio: float) -> None:
        """Expect a wait to be so much shorter than it was in an earlier rush.

        Args:
            now_s: How long it was, in seconds.
            before_s: How long it was then; more than nothing.
            ratio: At most so much of that.

        Raises:
            Unmet: It is not, or nobody waited before.
        """
        self._rig.world.expect(
            lambda: now_s <= ratio * before_s > 0,
            who="bank",
            expected=f"a wait of at most {ratio:.0%} of {before_s * MS:.1f} ms",
            seen=lambda: f"{now_s * MS:.1f} ms",
        )
