"""The fleet: builds a town, lets its people live a day, and sees what came of it."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from paybench.bank.money import Money
from paybench.devices.environment import to_ns
from paybench.devices.world import RIG
from paybench.scenarios.errors import ConservationBroken
from paybench.scenarios.fleet.behaviour import Behaviour, happens
from paybench.scenarios.fleet.commuter import Commuter, Home
from paybench.scenarios.fleet.curve import NS_PER_S, Demand
from paybench.scenarios.fleet.summary import summary
from paybench.scenarios.fleet.tally import Tally
from paybench.scenarios.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from paybench.bank.account import AccountNumber
    from paybench.devices.choices import Stream
    from paybench.scenarios.figures import Figures
    from paybench.scenarios.fleet.town import Station, Town
    from paybench.scenarios.rig import Rig

SLICE_S = 60
"""How long a fleet lives between two looks at it, in seconds of its day."""
CHECKS_EVERY_S = 900
DAY_S = 24 * 3600
NIGHT_S = 6 * 3600
"""How long after midnight the last ones are waited for."""


class Fleet:
    """A town and its people. Made by `Rig.populate`.

    Args:
        rig: The rig it lives on.
        town: What there is.
        customers: How many people.
        demand: When they come.
        behaviour: What they do, and what befalls the devices.

    Attributes:
        town: What there is.
        people: The customers.
        tally: What is counted, from the trace.
        waiting: Likewise for how long settlements waited at the bank's servers.
        midnight_ns: When the day began, on the run's clock.
    """

    def __init__(
        self, rig: Rig, town: Town, customers: int, demand: Demand, behaviour: Behaviour
    ) -> None:
        self.rig = rig
        self.town = town
        self.demand = demand
        self.behaviour = behaviour
        self.tally = Tally(town.kinds)
        self.waiting = Waiting()
        self.midnight_ns = 0
        self.issued = Money(0, rig.currency)
        self.paid_in = Money(0, rig.currency)
        self.people = [self._person(f"C{number + 1}") for number in range(customers)]
        self._befriend()
        self._out = 0
        self._seen = 0
        self._goods = Money(0, rig.currency)

    # -- the day ------------------------------------------------------------------------------

    def lives(self) -> None:
        """Live a day, from midnight until the last one is at home.

        Nobody stands outside meanwhile: what people do is no act of the scenario's.

        Raises:
            ConservationBroken: Money appeared or vanished, or something was had for nothing.
        """
        world = self.rig.world
        world.env.outside(RIG, "lives", {"customers": str(len(self.people))})
        self.midnight_ns = world.env.now_ns
        world.staged = False
        try:
            with _frozen():
                self._begin()
                for second in range(SLICE_S, DAY_S + NIGHT_S, SLICE_S):
                    world.env.run(until=self.midnight_ns / NS_PER_S + second)
                    self._look(second)
                    if second >= DAY_S and not self._out:
                        break
                world.env.settle()
                self._look(DAY_S)
        finally:
            world.staged = True
        self._check_goods()

    @property
    def figures(self) -> tuple[Figures, ...]:
        """What came of the day, as tables."""
        return (*summary(self), self.waiting.figures)

    @property
    def goods(self) -> Money:
        """What everything cost that was handed over, discharged or ridden."""
        return self._goods

    def pay_in(self, account: AccountNumber, amount: str) -> None:
        """Somebody pays cash in at the bank, e.g. ``"20.00"``."""
        money, now_ns = Money.parse(amount, self.rig.currency), self.rig.world.env.now_ns
        self.rig.bank.fund(account, money, f"cash for {account} at {now_ns}", now_ns)
        self.paid_in += money

    def expects_nobody_inside_who_got_out(self) -> None:
        """Expect the lines' registers of admissions to take nobody for inside who is not.

        Raises:
            Unmet: They do.
        """
        inside = {str(person.account) for person in self.people if person.inside}

        def wrong() -> set[str]:
            registers = [track.line.admissions for track in self.town.tracks]
            return {account for register in registers for account in register.inside()} - inside

        self.rig.world.expect(
            lambda: not wrong(),
            who=RIG,
            expected="nobody noted as inside who got out",
            seen=lambda: f"{len(wrong())} of them",
        )

    # -- people -------------------------------------------------------------------------------

    def _person(self, name: str) -> Commuter:
        chance = self.rig.world.choices.stream(name, "life")
        poor = happens(chance, self.behaviour.poor_ppm)
        balance = Money(chance.below(600) if poor else 4000 + chance.below(8000), self.rig.currency)
        password = f"{chance.below(10_000):04d}"
        customer = self.rig.customer(name, balance=balance.text, password=password)
        self.issued += balance
        return Commuter(self, customer, password, self._home(chance))

    def _home(self, chance: Stream) -> Home:
        town = self.town
        if not town.tracks:
            return Home(town.stations[0], None)
        track = town.tracks[chance.below(len(town.tracks))]
        home = track.home(chance)
        commutes = happens(chance, self.behaviour.commutes_ppm)
        return Home(home, track.work(chance, home) if commutes else None)

    def _befriend(self) -> None:
        """Make friends of those who work at the same place, two by two."""
        alone: dict[Station, Commuter] = {}
        for person in self.people:
            work = person.home.work
            if work is not None and work in alone:
                other = alone.pop(work)
                person.friend, other.friend = other, person
            elif work is not None:
                alone[work] = person

    # -- what happens in the day --------------------------------------------------------------

    def _begin(self) -> None:
        env = self.rig.world.env
        waking = [(person.wakes_ns(), person) for person in self.people]
        waking.sort(key=lambda pair: pair[0])
        env.process(self._wake(waking))
        for moment_ns, deed in self._mishaps():
            env.call_at(self.midnight_ns + moment_ns, _call, deed)

    def _wake(self, waking: list[tuple[int, Commuter]]) -> Generator[Any, Any, None]:
        """Begin everybody's day in its time: before that, nobody costs anything."""
        env = self.rig.world.env
        for moment_ns, person in waking:
            rest_ns = self.midnight_ns + moment_ns - env.now_ns
            if rest_ns > 0:
                yield env.timeout(rest_ns / NS_PER_S)
            env.process(self._live(person))

    def _live(self, person: Commuter) -> Generator[Any, Any, None]:
        self._out += 1
        yield from person.live()
        self._out -= 1

    def _mishaps(self) -> Generator[tuple[int, Callable[[], object]]]:
        """What is going to befall devices, and when it is over."""
        behaviour, choices = self.behaviour, self.rig.world.choices
        for gate in self.town.gates:
            chance = choices.stream(gate.name, "mishaps")
            if happens(chance, behaviour.stuck_ppm):
                begins_ns = self.demand.leaves_home.moment_ns(chance)
                yield begins_ns, gate.block
                yield begins_ns + to_ns(behaviour.repair.pick_s(chance)), gate.free
        for machine in self.town.machines:
            chance = choices.stream(machine.name, "mishaps")
            if happens(chance, behaviour.jam_ppm):
                begins_ns = self.demand.errand.moment_ns(chance)
                column = list(machine.dispenser.columns.values())[chance.below(2)]
                yield begins_ns, lambda c=column: setattr(c, "jammed", True)
                ends_ns = begins_ns + to_ns(behaviour.repair.pick_s(chance))
                yield ends_ns, lambda c=column: setattr(c, "jammed", False)
        for device in self.town.devices:
            chance = choices.stream(device.name, "power")
            if happens(chance, behaviour.outage_ppm):
                outage_s = behaviour.outage.pick_s(chance)
                moment_ns = self.demand.leaves_home.moment_ns(chance)
                yield moment_ns, lambda d=device, s=outage_s: d.lose_power(s)

    # -- looking at it ------------------------------------------------------------------------

    def _look(self, second: int) -> None:
        """Count what has happened since, and let the run forget it."""
        trace = self.rig.world.trace
        events = list(trace.since(self._seen))
        self.tally.feed(events)
        self.waiting.feed(events)
        self._seen = len(trace)
        for settlement_id in self.tally.goods:
            outcome = self.rig.bank.inquire(settlement_id)
            if not outcome.settled:
                raise ConservationBroken(
                    f"something was had for nothing: {settlement_id} is {outcome.state}"
                )
            self._goods += outcome.amount
        self.tally.goods.clear()
        self.rig.world.let_go()
        if second % CHECKS_EVERY_S == 0:
            self.rig.check_conservation()
        self.rig.progress(second, DAY_S)

    def _check_goods(self) -> None:
        """What was handed over is what its sellers have got for it."""
        bank = self.rig.bank
        income = sum(bank.balance(seller.account).amount_minor for seller in self.town.sellers)
        if income != self._goods.amount_minor:
            raise ConservationBroken(
                f"goods and rides for {self._goods} were had, and their sellers got "
                f"{Money(income, self.rig.currency)}"
            )


@contextmanager
def _frozen() -> Generator[None]:
    """Spare the cycle collector what was there before: a town lives as long as its run."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _call(deed: Callable[[], object]) -> None:
    deed()
