"""Three phones, a till and the bank, with bad luck of every kind: no e-money is lost or doubled.

After every step the rig compares the issuer store with all purses and what is under way. In the
end everything has arrived, and the till has what its articles cost.
"""

from contextlib import suppress
from itertools import combinations

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from rounds import rounds

from paybench.bank import ISSUER
from paybench.devices.errors import OutOfOrder
from paybench.devices.trace import Decision
from paybench.scenarios.rig import Rig

NAMES = "ABC"
PEOPLE = st.sampled_from(NAMES)
PASSWORD = "2468"
CENTS = st.integers(1, 400).map(lambda cents: f"{cents // 100}.{cents % 100:02}")
BETWEEN = ["offer", "request", "value", "receipt", "declined", "refused", "tender", "D1"]
SETTLING = ["D2", "D3", "D4", "D5", "D6", "S108", "R1", "R2"]
ISSUING = ["D71", "D72", "D73", "not issued", "redeem", "redeemed"]
STEPS = st.sampled_from([*BETWEEN, *SETTLING, *ISSUING])
ANSWERS = st.lists(st.sampled_from(["e-money", "account", "no"]), min_size=1, max_size=2)
LONG_S = 2000
"""After so long everything that is said again has been, also with the longest pauses."""


class Circulation(RuleBasedStateMachine):
    """What people do, and what goes wrong meanwhile."""

    @initialize(
        seed=st.integers(0, 3),
        encoded=st.booleans(),
        settles=st.sampled_from(["relayed", "direct"]),
    )
    def open(self, seed, encoded, settles) -> None:
        self.rig = Rig(seed=seed)
        if encoded:
            self.rig.encodes()
        people = {
            name: self.rig.customer(name, balance="50.00", password=PASSWORD) for name in NAMES
        }
        self.phones = {name: person.phone() for name, person in people.items()}
        for person in people.values():
            person.purse(cash="50.00")
        self.stores = {name: person.store for name, person in people.items()}
        shop = self.rig.shop("S")
        self.register = shop.cash_register(settles=settles)
        self.till = shop.till(self.register)
        self.stores["S"] = shop.store
        self.prices: dict[str, int] = {}
        for name in NAMES:
            self.load(name, name, "10.00")

    @property
    def devices(self):
        return [*self.phones.values(), self.register]

    # What people do

    @rule(user=PEOPLE, receiver=PEOPLE, amount=CENTS)
    def load(self, user, receiver, amount) -> None:
        to = None if user == receiver else self.phones[receiver]
        with suppress(OutOfOrder):
            self.phones[user].purse.load(amount, receiver=to, password=PASSWORD)

    @rule(payer=PEOPLE, payee=PEOPLE, amount=CENTS)
    def give(self, payer, payee, amount) -> None:
        if payer != payee:
            with suppress(OutOfOrder):
                self.phones[payer].purse.give(self.phones[payee], amount, password=PASSWORD)

    @rule(payee=PEOPLE, payer=PEOPLE, amount=CENTS, answers=ANSWERS)
    def ask(self, payee, payer, amount, answers) -> None:
        if payer == payee:
            return
        with suppress(OutOfOrder):
            self.phones[payee].purse.ask(self.phones[payer], amount)
        self.answer(payer, answers)

    @rule(payer=PEOPLE, answers=ANSWERS)
    def answer(self, payer, answers) -> None:
        """To what the phone shows: a request, or a bill; also twice, and in two ways."""
        phone = self.phones[payer]
        for answer in answers:
            with suppress(OutOfOrder):
                if answer == "e-money":
                    phone.purse.pay(password=PASSWORD)
                elif answer == "account":
                    phone.approve(password=PASSWORD)
                else:
                    phone.decline()

    @rule(buyer=PEOPLE, price=CENTS, answers=ANSWERS)
    def buy(self, buyer, price, answers) -> None:
        if self.register.is_selling:
            self.rig.waits(300)
        if not self.register.powered or self.register.is_selling:
            return
        self.register.key_in("coffee", price)
        sale = self.register.sale
        self.prices[sale.settlement_id] = sale.total.amount_minor
        self.register.bill(self.phones[buyer])
        self.answer(buyer, answers)

    @rule(who=PEOPLE, into=PEOPLE, amount=CENTS | st.just(""))
    def redeem(self, who, into, amount) -> None:
        with suppress(OutOfOrder):
            self.phones[who].purse.redeem(amount, into=self.stores[into], password=PASSWORD)

    @rule(amount=CENTS | st.just(""))
    def redeem_at_till(self, amount) -> None:
        with suppress(OutOfOrder):
            self.till.redeem(amount)

    @rule(seconds=st.sampled_from([1, 7, 30, 150]))
    def wait(self, seconds) -> None:
        self.rig.waits(seconds)

    @rule(one=PEOPLE, other=PEOPLE)
    def meet(self, one, other) -> None:
        with suppress(OutOfOrder):
            self.phones[one].hold_to(self.till if one == other else self.phones[other].purse)

    # What goes wrong

    @rule(step=STEPS, times=st.integers(1, 3))
    def lose(self, step, times) -> None:
        self.rig.loses(step, times)

    @rule(step=STEPS)
    def duplicate(self, step) -> None:
        self.rig.duplicates(step)

    @rule(step=STEPS, seconds=st.sampled_from([4, 9, 40]))
    def delay(self, step, seconds) -> None:
        self.rig.delays(step, by_s=seconds)

    @rule(step=st.sampled_from(BETWEEN), pair=st.sampled_from(list(combinations(range(4), 2))))
    def separate(self, step, pair) -> None:
        one, other = (self.devices[place] for place in pair)
        self.rig.separates(one, other, at=step)

    @rule(step=STEPS, arrived=st.booleans(), whose=st.integers(0, 3))
    def cut_power(self, step, arrived, whose) -> None:
        self.rig.cuts_power(self.devices[whose], at=step, arrived=arrived, for_s=20)

    @rule(whose=st.integers(0, 3), for_s=st.sampled_from([1, 60]))
    def lose_power(self, whose, for_s) -> None:
        self.devices[whose].lose_power(for_s)

    # What holds

    @invariant()
    def the_issuer_store_is_what_circulates(self) -> None:
        self.rig.check_conservation()

    def handed_over_minor(self) -> int:
        return sum(
            self.prices[event.correlation]
            for event in self.rig.world.trace.events
            if isinstance(event, Decision) and event.decision == "article handed over"
        )

    def teardown(self) -> None:
        """Nothing goes wrong any more, and everybody meets everybody: it all comes to its end."""
        if not hasattr(self, "rig"):
            return
        rig = self.rig
        rig.world.faults.by_step.clear()
        rig.waits(100)
        for device in self.devices:
            assert device.powered
        for _ in range(2):  # what was given back on meeting is acknowledged on meeting again
            for one, other in combinations(self.phones.values(), 2):
                one.hold_to(other.purse)
            for phone in self.phones.values():
                phone.hold_to(self.till)
            rig.waits(LONG_S)
        rig.circulation.expects_nothing_under_way()
        balances = {name: rig.bank.balance(store) for name, store in self.stores.items()}
        in_purses = sum(rig.circulation.check.balance_minor(device.name) for device in self.devices)
        assert rig.bank.balance(ISSUER).amount_minor == in_purses
        assert sum(money.amount_minor for money in balances.values()) + in_purses == 15000
        earned = self.till.balance + balances["S"] + rig.balances()["S"]
        assert earned.amount_minor == self.handed_over_minor()
        assert rig.circulation.mint.double_spenders() == []
        rig.finish()
        rig.close()


TestCirculation = Circulation.TestCase
TestCirculation.settings = settings(
    max_examples=rounds(15),
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
