"""A machine that bills by number: what falls was paid, once, and what was paid falls or is back."""

from contextlib import suppress
from functools import partial
from itertools import pairwise

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from rounds import rounds

from paybench.bank.money import Money
from paybench.devices.dispensing_machine import ENDED
from paybench.devices.errors import OutOfOrder
from paybench.scenarios.errors import UsageError
from paybench.scenarios.rig import Rig

PRICES_MINOR = {"A1": 150, "A2": 120}
STEPS = st.sampled_from(
    [*(f"T{number}" for number in range(1, 10)), "S108", "R1", "R2", "withdraw", "refused",
     "offer", "request", "value", "receipt", "declined"]
)  # fmt: skip
ITEMS = st.sampled_from(["A1", "A2"])
WHO = st.integers(0, 1)
PASSWORD = "2468"
LONG_S = 4000
"""After so long everything has come to its end, also what is said again with growing pauses."""


class Street(RuleBasedStateMachine):
    """A machine that takes e-money, two customers with money of both kinds, and bad luck."""

    @initialize(seed=st.integers(0, 3), cooling_off_days=st.sampled_from([0, 14]))
    def open(self, seed, cooling_off_days) -> None:
        self.rig = rig = Rig(seed=seed)
        company = rig.shop("V")
        self.machine = company.tin_vending_machine(cooling_off_days=cooling_off_days)
        self.slot = company.emoney_slot(self.machine)
        for number, minor in PRICES_MINOR.items():
            self.machine.load(number, "snack", price=f"{minor // 100}.{minor % 100}", stock=99)
        self.customers = [rig.customer(name, balance="30.00", password=PASSWORD) for name in "AB"]
        self.phones = [customer.phone() for customer in self.customers]
        for customer in self.customers:
            customer.subscribes(password="sesame")
            customer.purse(cash="20.00")
        for phone in self.phones:
            phone.purse.load("20.00", password=PASSWORD)
        rig.waits(1)
        self.before_minor = self.owned_minor()

    def owned_minor(self) -> int:
        """What both customers have, on account, in the store and in the purse."""
        return sum(
            self.rig.bank.balance(customer.account).amount_minor
            + self.rig.bank.balance(customer.store).amount_minor
            + self.rig.circulation.check.balance_minor(phone.name)
            for customer, phone in zip(self.customers, self.phones, strict=True)
        )

    def fallen_minor(self) -> int:
        columns = self.machine.dispenser.columns
        return sum(columns[number].fallen * minor for number, minor in PRICES_MINOR.items())

    def taken_minor(self) -> int:
        """What the company has, on account and in the machine's purse."""
        purse = self.rig.circulation.check.balance_minor(self.machine.name)
        return self.rig.balances()["V"].amount_minor + purse

    # What people do

    @rule(who=WHO)
    def buy(self, who) -> None:
        """A whole purchase from the account, as far as it goes."""
        self.start()
        self.send(who)
        self.choose("A1")
        self.confirm(who)

    @rule(who=WHO, item=ITEMS)
    def buy_with_emoney(self, who, item) -> None:
        self.start()
        self.send(who)
        self.choose(item)
        self.give(who, item)

    @rule(who=WHO, emoney=st.booleans())
    def buy_what_is_stuck(self, who, emoney) -> None:
        self.machine.jam("A2")
        self.start()
        self.send(who)
        self.choose("A2")
        (self.give(who, "A2") if emoney else self.confirm(who))
        self.rig.waits(1)
        self.machine.free("A2")

    @rule()
    def start(self) -> None:
        with suppress(OutOfOrder):  # it is busy, or dark
            self.machine.start()

    @rule(who=WHO)
    def send(self, who) -> None:
        billing = self.machine.billing
        if billing is not None and billing.tin:
            with suppress(OutOfOrder):
                self.phones[who].payer.enter(billing.tin)

    @rule(item=ITEMS)
    def choose(self, item) -> None:
        with suppress(OutOfOrder):
            self.machine.choose(item)

    @rule(who=WHO)
    def confirm(self, who) -> None:
        with suppress(OutOfOrder):
            self.phones[who].approve(password=PASSWORD)

    @rule(who=WHO, item=ITEMS)
    def give(self, who, item) -> None:
        minor = PRICES_MINOR[item]
        with suppress(OutOfOrder):
            amount = Money(minor, "EUR").text
            self.phones[who].purse.give(self.machine, amount, password=PASSWORD)

    @rule(who=WHO, item=ITEMS)
    def do_both(self, who, item) -> None:
        self.rig.at_once(lambda: self.confirm(who), lambda: self.give(who, item))

    @rule(who=WHO)
    def decline(self, who) -> None:
        with suppress(OutOfOrder):
            self.phones[who].decline()

    @rule()
    def cancel(self) -> None:
        with suppress(OutOfOrder):
            self.machine.cancel()

    @rule(seconds=st.sampled_from([1, 12, 70, 700]))
    def wait(self, seconds) -> None:
        self.rig.waits(seconds)

    # What goes wrong

    @rule(item=ITEMS, stuck=st.booleans())
    def jam(self, item, stuck) -> None:
        (self.machine.jam if stuck else self.machine.free)(item)

    @rule(step=STEPS, times=st.integers(1, 3))
    def lose(self, step, times) -> None:
        self.rig.loses(step, times)

    @rule(step=STEPS)
    def duplicate(self, step) -> None:
        self.rig.duplicates(step)

    @rule(step=STEPS, seconds=st.sampled_from([4, 9, 40]))
    def delay(self, step, seconds) -> None:
        self.rig.delays(step, by_s=seconds)

    @rule(step=STEPS, arrived=st.booleans(), whose=st.integers(0, 2))
    def cut_power(self, step, arrived, whose) -> None:
        device = [self.machine, *self.phones][whose]
        self.rig.cuts_power(device, at=step, arrived=arrived, for_s=20)

    # What holds

    @invariant()
    def nothing_falls_unpaid(self) -> None:
        """Money leaves the customers before anything falls."""
        if hasattr(self, "rig"):
            assert self.before_minor - self.owned_minor() >= self.fallen_minor()

    def teardown(self) -> None:
        """Nothing goes wrong any more: in the end what has fallen is paid, and no more."""
        if not hasattr(self, "rig"):
            return
        rig = self.rig
        rig.world.faults.by_step.clear()
        rig.waits(LONG_S)
        for phone in self.phones:
            phone.hold_to(self.machine)
        rig.waits(LONG_S)
        rig.circulation.expects_nothing_under_way()
        assert self.taken_minor() == self.fallen_minor()
        assert self.before_minor - self.owned_minor() == self.fallen_minor()
        self.machine.free("A1")
        self.buy(0)  # it still sells
        rig.waits(5)
        assert self.taken_minor() == self.fallen_minor()
        assert self.machine.vend.state == "discharged"
        rig.finish()
        rig.close()


Street.TestCase.settings = settings(
    max_examples=rounds(15),
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestStreet = Street.TestCase


class Purchase:
    """One purchase by account or with e-money, of what falls or is stuck, to its end."""

    def __init__(self, *, emoney, stuck):
        self.rig = rig = Rig()
        company = rig.shop("V")
        self.machine = machine = company.tin_vending_machine()
        self.slot = company.emoney_slot(machine)
        machine.load("A1", "Cola", price="1.50", stock=9)
        customer = rig.customer("A", balance="30.00", password=PASSWORD)
        self.phone = phone = customer.phone()
        customer.subscribes(password="sesame")
        customer.purse(cash="20.00")
        phone.purse.load("20.00", password=PASSWORD)
        rig.waits(1)
        if stuck:
            machine.jam("A1")
        self.emoney = emoney
        self.begun_ns = rig.world.env.now_ns

    def tell(self) -> None:
        """What A does, as long as there is power to do it with."""
        with suppress(OutOfOrder):
            self.machine.start()
            self.phone.payer.enter(self.machine.billing.tin)
            self.rig.waits(1)
            self.machine.choose("A1")
            self.rig.waits(1)
            if self.emoney:
                self.phone.purse.give(self.machine, "1.50", password=PASSWORD)
            else:
                self.phone.approve(password=PASSWORD)
        self.rig.waits(LONG_S)
        self.phone.hold_to(self.machine)
        self.rig.waits(LONG_S)

    def fallen(self) -> int:
        return self.machine.dispenser.columns["A1"].fallen

    def taken(self) -> int:
        """How many colas V has the money for."""
        purse = self.rig.circulation.check.balance_minor(self.machine.name)
        return (self.rig.balances()["V"].amount_minor + purse) / PRICES_MINOR["A1"]

    def lie(self) -> str:
        """What the phone's last screen says that is not so; "" for nothing.

        What was paid from the account and came back is not told to the phone.
        """
        first = next(iter(self.phone.display.lines), "")
        if self.taken() and first in ("REFUSED", "NOT PAID", "DECLINED"):
            return f"{first}, and {self.taken():g} paid"
        if self.emoney and not self.taken() and first.startswith("PAID"):
            return f"{first}, and nothing paid"
        return ""

    def moments_ns(self) -> list[int]:
        """A moment within each stretch of time in which nothing happens, until it is over."""
        at_ns = sorted({event.at_ns for event in self.rig.world.trace.events})
        over_ns = self.begun_ns + 10 * 10**9
        return [(a + b) // 2 for a, b in pairwise(at_ns) if self.begun_ns <= a < over_ns]


def cut(device, due_ns) -> None:
    device.env.now_ns = due_ns
    device.lose_power(10)


@pytest.mark.parametrize("stuck", [False, True])
@pytest.mark.parametrize("emoney", [False, True])
def test_power_may_go_at_any_moment(emoney, stuck):
    """Machine or phone go dark at any time: what falls is paid, and the phone says no other."""
    whole = Purchase(emoney=emoney, stuck=stuck)
    whole.tell()
    assert (whole.fallen(), whole.taken()) == ((0, 0) if stuck else (1, 1))
    assert not whole.lie()
    for at_ns in whole.moments_ns():
        for name in ("machine", "phone"):
            purchase = Purchase(emoney=emoney, stuck=stuck)
            device = getattr(purchase, name)
            device.env.alarm_at(at_ns, partial(cut, device))
            purchase.tell()
            purchase.rig.finish()
            assert purchase.fallen() == purchase.taken(), f"{name} dark at {at_ns / 1e9:.3f} s"
            assert purchase.fallen() <= 1
            assert not purchase.lie(), f"{name} dark at {at_ns / 1e9:.3f} s: {purchase.lie()}"
            assert purchase.machine.vend is None or purchase.machine.vend.state in ENDED
            purchase.rig.close()


@pytest.mark.parametrize(
    "options", [{"held": "nowhere", "cooling_off_days": 1}, {"cooling_off_days": 400}]
)
def test_a_machine_with_no_proper_restriction_is_not_made(options):
    """What the bank knows no restriction for is refused when the scenario is written."""
    rig = Rig()
    with pytest.raises(UsageError, match="no such restriction"):
        rig.shop("V").tin_vending_machine(**options)
    rig.close()


def test_a_machine_has_one_slot():
    """Who puts a second slot into a machine is told so."""
    rig = Rig()
    company = rig.shop("V")
    machine = company.tin_vending_machine()
    company.emoney_slot(machine)
    with pytest.raises(UsageError, match="a slot already"):
        company.emoney_slot(machine)
    rig.close()


def test_what_cannot_be_done_is_said():
    """Keys that mean nothing at the moment raise, and say what to do first."""
    rig = Rig()
    machine = rig.shop("V").tin_vending_machine()
    machine.load("A1", "Cola", price="1.50", stock=1)
    phone = rig.customer("A", password=PASSWORD).phone()
    for deed in (lambda: machine.choose("A1"), machine.cancel, lambda: phone.hold_to(machine)):
        with pytest.raises(OutOfOrder, match="start"):
            deed()
    machine.start()
    with pytest.raises(OutOfOrder, match="busy"):
        machine.start()
    with pytest.raises(OutOfOrder, match="start"):
        machine.choose("A1")
    rig.close()
