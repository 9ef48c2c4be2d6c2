"""Cooling-off among terminals: random purchases, cancellations, losses and power cuts."""

from contextlib import suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from rounds import rounds

from paybench.bank.outcome import State
from paybench.devices.errors import OutOfOrder
from paybench.scenarios.party import OFFICE_PASSWORD
from paybench.scenarios.rig import Rig

PRICE_MINOR = 1000
STEPS = st.sampled_from(["S101", "D51", "D61", "result", "offer", "C1", "C2", "R1", "R2", "S108"])
BUYERS = st.sampled_from(["B", "C"])
BORN = {"B": "1990-01-01", "C": "2015-01-01"}
DAYS = 14
LONG_DAYS = 40
"""After so long everything that is asked again has been, and every period is over."""


class Sales(RuleBasedStateMachine):
    """A shop's back office, and two customers, one of whom is a child."""

    @initialize(held=st.sampled_from(["restricted-deposit", "escrow"]))
    def open(self, held):
        self.held = held
        self.rig = Rig()
        self.office = self.rig.shop("A", balance="5.00").office()
        self.supplier = self.rig.shop("S").account
        self.terminals = {
            name: self.rig.customer(name, balance="60.00", password=name * 4, born=born).terminal()
            for name, born in BORN.items()
        }
        self.devices = [self.office, *self.terminals.values()]
        self.orders = {}
        self.cancelled = set()

    def log_in(self, terminal, password):
        if terminal.powered and not terminal.logged_in:
            with suppress(OutOfOrder):
                terminal.log_in(password=password)

    @rule(buyer=BUYERS, days=st.sampled_from([0, DAYS]), age=st.sampled_from([0, 18]))
    def offer(self, buyer, days, age):
        with suppress(OutOfOrder):
            self.office.offer(
                self.terminals[buyer],
                "lamp",
                price="10.00",
                cooling_off_days=days,
                held=self.held,
                minimum_age_years=age,
                decided_by="shop" if days else "bank",
            )
            self.orders[self.office.order.settlement_id] = self.office.order

    @rule(buyer=BUYERS)
    def buy(self, buyer):
        self.log_in(self.terminals[buyer], buyer * 4)
        with suppress(OutOfOrder):
            self.terminals[buyer].buy()

    @rule(buyer=BUYERS)
    def cancel(self, buyer):
        self.log_in(self.terminals[buyer], buyer * 4)
        with suppress(OutOfOrder):
            self.terminals[buyer].cancel()

    @rule(admits=st.booleans())
    def the_shop_decides(self, admits):
        with suppress(OutOfOrder):
            self.office.admit() if admits else self.office.refuse()

    @rule()
    def the_shop_withdraws(self):
        with suppress(OutOfOrder):
            self.office.withdraw()

    @rule()
    def the_shop_spends(self):
        self.log_in(self.office, OFFICE_PASSWORD)
        with suppress(OutOfOrder):
            self.office.pay(self.supplier, amount="10.00")

    @rule(step=STEPS, times=st.integers(1, 3))
    def messages_get_lost(self, step, times):
        self.rig.loses(step, times)

    @rule(step=STEPS)
    def a_message_comes_twice(self, step):
        self.rig.duplicates(step)

    @rule(device=st.integers(0, 2), step=STEPS, arrived=st.booleans())
    def power_will_go(self, device, step, arrived):
        self.rig.cuts_power(self.devices[device], at=step, arrived=arrived, for_s=10)

    @rule(device=st.integers(0, 2))
    def power_goes(self, device):
        self.devices[device].lose_power(10)

    @rule(seconds=st.sampled_from([1, 30, 7200, 5 * 86_400, DAYS * 86_400]))
    def time_passes(self, seconds):
        self.rig.waits(seconds)

    @invariant()
    def nothing_is_sent_out_that_was_never_paid(self):
        for order in getattr(self, "orders", {}).values():
            now = self.office.open_orders.get(order.settlement_id, order)
            if now.state == "sent out":
                assert self.rig.bank.parties(order.settlement_id) is not None

    def the_end(self):
        """Paid is sent out, and sent out was paid; what was given back is with who paid it."""
        self.rig.world.faults.by_step.clear()
        self.rig.waits(60)
        self.rig.waits_days(LONG_DAYS)
        earned_minor = 0
        states = self.states()
        for settlement_id in self.orders:
            outcome = self.rig.bank.inquire(settlement_id)
            state = states.get(settlement_id, "lost from sight")
            if outcome.settled:
                earned_minor += PRICE_MINOR
                assert outcome.state is State.SETTLED  # every period is over
                assert state == "sent out", settlement_id
            elif outcome.state is State.CANCELLED:
                assert state in ("sent out", "kept"), settlement_id
            else:
                assert state in ("offered", "kept"), settlement_id
        balances = {name: money.amount_minor for name, money in self.rig.balances().items()}
        assert balances["B"] + balances["C"] == 12000 - earned_minor
        assert balances["A"] + balances["S"] == 500 + earned_minor

    def states(self):
        """How the office's orders stand, by what it decided last about each."""
        decided = dict.fromkeys(self.orders, "offered")
        for event in self.rig.world.trace.events:
            if getattr(event, "decision", "").startswith("article "):
                decided[event.correlation] = event.decision.removeprefix("article ")
        return decided

    def teardown(self):
        if not hasattr(self, "rig"):
            return
        try:
            self.the_end()
        finally:
            self.rig.close()


class TestSales(Sales.TestCase):
    """Whatever happens, paid is sent out and sent out was paid, and cancelled money comes back."""


TestSales.settings = settings(deadline=None, max_examples=rounds(40), stateful_step_count=25)
