"""A commuter: what a customer of a fleet does in a day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from paybench.bank.money import Money
from paybench.bank.reason import Reason
from paybench.devices.collector import Collection
from paybench.devices.errors import OutOfOrder
from paybench.scenarios.fleet.curve import NS_PER_S
from paybench.scenarios.fleet.owner import Owner
from paybench.scenarios.fleet.tally import JOINS, PAYS_IN, REFUSED, SERVED
from paybench.scenarios.fleet.visitor import NO_POWER, Visitor

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from paybench.bank.account import AccountNumber
    from paybench.devices.gate import Gate
    from paybench.scenarios.fleet.fleet import Fleet
    from paybench.scenarios.fleet.place import Place
    from paybench.scenarios.fleet.town import Station
    from paybench.scenarios.party import Customer

    Steps = Generator[Any, Any, None]

COFFEE = (("4000000000013", "2.60"),)
LUNCH = (("4000000000112", "8.90"), ("4000000000129", "2.10"))
LUNCH_PRICE = "11.00"
GROCERIES = (
    ("4000000000211", "1.29"),
    ("4000000000228", "3.49"),
    ("4000000000235", "0.99"),
    ("4000000000242", "6.75"),
    ("4000000000259", "2.19"),
)
"""What people buy: code and price."""

TRIES_MAX = 5
ERRANDS_MAX = 3
PAID_IN = "20.00"


class Home(NamedTuple):
    """Where somebody belongs.

    Attributes:
        station: The station near home.
        work: The station near work; None for who does not commute.
    """

    station: Station
    work: Station | None


class Commuter(Visitor):
    """A customer who carries a phone through the day.

    Args:
        fleet: The fleet they belong to.
        customer: Who they are.
        password: Their phone's.
        home: Where they belong.

    Attributes:
        home: Where they belong.
        friend: Whom they work with, or None.
        free: Whether they sit at work and have a hand free.
        inside: Whether they went in somewhere and did not get out.
    """

    __slots__ = ("_customer", "_password", "free", "friend", "home", "inside")

    def __init__(self, fleet: Fleet, customer: Customer, password: str, home: Home) -> None:
        super().__init__(fleet, customer.name)
        self.home = home
        self.friend: Commuter | None = None
        self.free = False
        self.inside = False
        self._customer = customer
        self._password = password

    @property
    def account(self) -> AccountNumber:
        """Their account."""
        return self._customer.account

    # -- the day ------------------------------------------------------------------------------

    def wakes_ns(self) -> int:
        """When the day begins, in nanoseconds since midnight."""
        demand = self._fleet.demand
        curve = demand.errand if self.home.work is None else demand.leaves_home
        return curve.moment_ns(self._chance)

    def live(self) -> Steps:
        """One day, from leaving home to being there again."""
        behaviour = self._fleet.behaviour
        self.phone = phone = self._customer.phone()
        phone.customer = Owner(behaviour, self._chance, self._password).notified
        if self.does(behaviour.cautious_ppm):
            phone.wallet.fare_limit = Money(0, phone.currency)
        home, work = self.home
        if work is not None:
            yield from self._commute(home, work)
            return
        for _ in range(1 + self._chance.below(ERRANDS_MAX)):
            if self.does(behaviour.drink_ppm):
                yield from self._gets_drink(home)
            else:
                yield from self._buys(home, self._some(GROCERIES))

    def _commute(self, home: Station, work: Station) -> Steps:
        demand, behaviour = self._fleet.demand, self._fleet.behaviour
        if self.does(behaviour.drink_ppm):
            yield from self._gets_drink(home)
        yield from self._travel(home, work)
        if self.does(behaviour.coffee_ppm):
            yield from self._buys(work, COFFEE)
        if self.does(behaviour.lunch_ppm):
            yield from self._works_until(demand.lunch.moment_ns(self._chance))
            yield from self._has_lunch(work)
        yield from self._works_until(demand.leaves_work.moment_ns(self._chance))
        yield from self._travel(work, home)
        if self.does(behaviour.shopping_ppm):
            yield from self._buys(home, self._some(GROCERIES))

    def _works_until(self, at_ns: int) -> Steps:
        rest_ns = self._fleet.midnight_ns + at_ns - self._env.now_ns
        if rest_ns > 0:
            self.free = True
            yield self._env.timeout(rest_ns / NS_PER_S)
            self.free = False

    def _has_lunch(self, station: Station) -> Steps:
        friend = self.friend
        if friend is None or not friend.free or not self.does(self._fleet.behaviour.shares_ppm):
            yield from self._buys(station, LUNCH)
            return
        yield from self._buys(station, LUNCH * 2)
        if friend.free:  # and not gone meanwhile
            yield from self._is_paid_back(friend)

    # -- by train -----------------------------------------------------------------------------

    def _travel(self, start: Station, end: Station) -> Steps:
        """In, by train, and out; who is not let in walks, and who is not let out stays there."""
        if self.inside:
            return
        yield self.walk()
        if (yield from self._tries(start.ins)):
            return
        self.inside = True
        yield self._env.timeout(start.ride_s(end, self._env.now))
        yield self.walk()
        self.inside = bool((yield from self._tries(end.outs)))

    def _tries(self, gates: list[Place[Gate]]) -> Generator[Any, Any, str]:
        """Try the gates of a station until one lets through; gives why not, "" if one did."""
        why = NO_POWER
        last: Place[Gate] | None = None
        for _ in range(TRIES_MAX):
            lit = [place for place in gates if place.device.powered]
            others = [place for place in lit if place is not last] or lit
            if not others:
                self.goes_without(gates[0], NO_POWER)
            else:
                last = min(others, key=len)
                why = yield from self._passes(last)
                if not why:
                    return ""
                if why == Reason.INSUFFICIENT_BALANCE.sentence:
                    self._pays_in()
            yield self.walk()
        return why

    def _passes(self, place: Place[Gate]) -> Generator[Any, Any, str]:
        if why := (yield from self.queues(place)):
            return why
        gate = place.device
        try:
            yield from self.deals(gate, gate.meet(self.phone))
        except OutOfOrder as refused:
            return self.done(place, "", str(refused))
        passage = gate.passage
        if passage is None:
            raise AssertionError("a gate that met somebody has a passage")
        well = passage.state == "passed"
        return self.concludes(place, passage.session, passage.customer, well=well)

    def _pays_in(self) -> None:
        """Pay cash in at a counter of the bank."""
        self._fleet.pay_in(self.account, PAID_IN)
        self._world.decided(self.name, PAYS_IN, PAID_IN)

    # -- at a register or a machine -----------------------------------------------------------

    def _buys(self, station: Station, articles: Sequence[tuple[str, str]]) -> Steps:
        yield self.walk()
        place = self.finds(station.registers)
        if place is None or (yield from self.queues(place)):
            return
        register = place.device
        try:
            for code, price in articles:
                register.scan(code, price)
                yield self._env.timeout(self._fleet.behaviour.scanning.pick_s(self._chance))
            yield from self.deals(register, register.bill(self.phone))
        except OutOfOrder as refused:  # the power went while the articles were scanned
            self.done(place, "", str(refused))
            return
        sale = register.sale
        if sale is None:
            raise AssertionError("a register that billed somebody has a sale")
        well = sale.article == "handed over"
        self.concludes(place, sale.settlement_id, sale.customer, well=well)

    def _gets_drink(self, station: Station) -> Steps:
        yield self.walk()
        place = self.finds(station.machines)
        if place is None or (yield from self.queues(place)):
            return
        machine = place.device
        try:
            yield from self.deals(machine, machine.meet(self.phone))
        except OutOfOrder as refused:
            self.done(place, "", str(refused))
            return
        vend = machine.vend
        if vend is None:
            raise AssertionError("a machine that met somebody has a vend")
        self.concludes(place, vend.settlement_id, vend.customer, well=vend.state == "discharged")

    def _some(self, articles: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
        return articles[: 1 + self._chance.below(len(articles))]

    # -- with a friend ------------------------------------------------------------------------

    def _is_paid_back(self, friend: Commuter) -> Steps:
        """Bill a friend for a lunch (Fig 6)."""
        phone = self.phone
        settles = "direct" if self._chance.below(2) else "relayed"
        self._world.decided(self.name, JOINS, friend.phone.name)
        yield phone.collector.bill(friend.phone, LUNCH_PRICE, settles)
        collection = phone.store.get("collection", Collection)
        if collection is None:
            raise AssertionError("a phone that billed another has a collection")
        received = collection.state == "received"
        why = "" if received else phone.display.lines[-1]
        decision = SERVED if received else REFUSED
        self._world.decided(self.name, decision, why, collection.settlement_id)
        self._world.part(phone.short_range, friend.phone.short_range)
