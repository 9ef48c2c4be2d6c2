"""Payment by number under random customers, clerks, losses and power cuts."""

from collections import Counter
from contextlib import suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from rounds import rounds

from paybench.devices.errors import OutOfOrder
from paybench.devices.trace import Decision
from paybench.scenarios.rig import Rig

TS = [f"T{number}" for number in range(1, 10)]
OTHERS = ["S108", "auth", "refused", "withdraw", "decline", "offered", "handed"]
STEPS = st.sampled_from([*TS, *OTHERS])
TERMINALS, PHONES = st.integers(0, 2), st.integers(0, 2)
BALANCES = {"B": 100_00, "C": 100_00, "D": 4_00}
PRICES = ["1.00", "2.50", "4.00"]
PASSWORD, OWN = "correct horse", "2468"
LONG_S = 4 * 3600
"""After so long every session is over, forgotten, and asked for again."""


class Market(RuleBasedStateMachine):
    """Two counters of one shop, one of another that wants a password; three customers."""

    def __init__(self):
        super().__init__()
        self.rig = Rig()
        a, s = self.rig.shop("A"), self.rig.shop("S")
        self.terminals = [a.billing_terminal(), a.billing_terminal()]
        self.terminals.append(s.billing_terminal(demands="password"))
        self.phones = []
        for name, minor in BALANCES.items():
            customer = self.rig.customer(name, balance=f"{minor / 100:.2f}", password=OWN)
            self.phones.append(customer.phone())
            customer.subscribes(password=PASSWORD)
        self.devices = [*self.terminals, *self.phones, self.rig.apparatus]
        self.approved = {}

    # People

    @rule(terminal=TERMINALS)
    def a_clerk_starts(self, terminal):
        with suppress(OutOfOrder):
            self.terminals[terminal].start()

    @rule(terminal=TERMINALS, phone=PHONES, how=st.sampled_from(["read", "type", "hold"]))
    def somebody_sends_a_number(self, terminal, phone, how):
        terminal, phone = self.terminals[terminal], self.phones[phone]
        with suppress(OutOfOrder):
            if how == "read":
                phone.payer.read(terminal)
            elif how == "type" and terminal.billing is not None:
                phone.payer.enter(terminal.billing.tin)  # remembered, shown or not
            elif how == "hold":
                phone.hold_to(terminal)

    @rule(phone=PHONES)
    def somebody_shows_a_number(self, phone):
        with suppress(OutOfOrder):
            self.phones[phone].payer.show_tin()

    @rule(terminal=TERMINALS, phone=PHONES, how=st.sampled_from(["read", "type", "hand"]))
    def a_clerk_reads_a_number(self, terminal, phone, how):
        terminal, phone = self.terminals[terminal], self.phones[phone]
        with suppress(OutOfOrder):
            if how == "read":
                terminal.read(phone)
            elif how == "hand":
                phone.payer.hand_to(terminal)
            elif phone.payer.payment is not None:
                terminal.key_in(phone.payer.payment.tin)

    @rule(terminal=TERMINALS, price=st.sampled_from(PRICES))
    def a_clerk_bills(self, terminal, price):
        with suppress(OutOfOrder):
            self.terminals[terminal].bill(price)

    @rule(phone=PHONES, right=st.sampled_from([True, True, True, False]))
    def somebody_answers(self, phone, right):
        with suppress(OutOfOrder):
            self.phones[phone].payer.answer(password=PASSWORD if right else "battery")

    @rule(phone=PHONES, taps=st.integers(1, 2))
    def somebody_approves(self, phone, taps):
        phone = self.phones[phone]
        due = phone.payer.payment and phone.payer.payment.due
        with suppress(OutOfOrder):
            asked = phone.request is not None
            if asked:
                self.approved[due.session] = (phone.account, due.payee, due.amount)
            phone.approve(password=OWN, taps=taps)

    @rule(phone=PHONES)
    def somebody_declines(self, phone):
        with suppress(OutOfOrder):
            self.phones[phone].decline()

    @rule(phone=PHONES)
    def somebody_leaves(self, phone):
        with suppress(OutOfOrder):
            self.phones[phone].payer.leave()

    @rule(terminal=TERMINALS)
    def a_clerk_cancels(self, terminal):
        with suppress(OutOfOrder):
            self.terminals[terminal].cancel()

    @rule(terminal=TERMINALS)
    def a_clerk_wants_a_password(self, terminal):
        with suppress(OutOfOrder):
            self.terminals[terminal].demand_password()

    @rule(terminal=TERMINALS, phone=PHONES, price=st.sampled_from(PRICES))
    def somebody_buys(self, terminal, phone, price):
        """All of it at a stretch, as far as it goes."""
        self.a_clerk_starts(terminal)
        self.somebody_sends_a_number(terminal, phone, "read")
        self.somebody_answers(phone, right=True)
        self.a_clerk_bills(terminal, price)
        self.somebody_approves(phone, 1)

    # Troubles

    @rule(step=STEPS, times=st.integers(1, 3))
    def messages_get_lost(self, step, times):
        self.rig.loses(step, times)

    @rule(step=STEPS)
    def a_message_comes_twice(self, step):
        self.rig.duplicates(step)

    @rule(step=STEPS, by_s=st.sampled_from([3, 30, 700]))
    def a_message_is_late(self, step, by_s):
        self.rig.delays(step, by_s)

    @rule(
        device=st.integers(0, 6),
        step=STEPS,
        arrived=st.booleans(),
        for_s=st.sampled_from([10, 10, 7200]),
    )
    def power_will_go(self, device, step, arrived, for_s):
        self.rig.cuts_power(self.devices[device], at=step, arrived=arrived, for_s=for_s)

    @rule(device=st.integers(0, 6))
    def power_goes(self, device):
        self.devices[device].lose_power(10)

    @rule(seconds=st.sampled_from([1, 30, 200, 700]))
    def time_passes(self, seconds):
        self.rig.waits(seconds)

    # What must hold

    @invariant()
    def whatever_is_handed_over_is_paid(self):
        for session in self.decided("article handed over"):
            assert self.rig.bank.inquire(session).settled

    @invariant()
    def whatever_is_paid_was_approved_by_who_paid_it(self):
        for session, (payer, payee, amount) in self.approved.items():
            if self.rig.bank.inquire(session).settled:
                assert self.rig.bank.parties(session) == (payer, payee)
                assert self.rig.bank.inquire(session).amount == amount

    def decided(self, decision):
        return Counter(
            event.correlation
            for event in self.rig.world.trace.events
            if isinstance(event, Decision) and event.decision == decision
        )

    def the_end(self):
        """Handed over if and only if paid, once; nobody but who approved it has paid."""
        self.rig.world.faults.by_step.clear()
        for device in self.devices:
            device.regain_power()
        self.rig.waits(LONG_S)
        handed, kept = self.decided("article handed over"), self.decided("article kept")
        paid = {one for one in self.approved if self.rig.bank.inquire(one).settled}
        assert dict(handed) == dict.fromkeys(paid, 1)
        assert not set(handed) & set(kept)
        for terminal in self.terminals:
            assert terminal.billing is None or terminal.billing.state in ("paid", "refused")
        for phone in self.phones:
            payment = phone.payer.payment
            assert payment is None or payment.state in ("paid", "refused")
            if payment is not None and payment.session:
                assert (payment.state == "paid") == (payment.session in paid)
        spent_minor = Counter()
        for session in paid:
            payer, payee, amount = self.approved[session]
            spent_minor[payer] += amount.amount_minor
            spent_minor[payee] -= amount.amount_minor
        left = {name: money.amount_minor for name, money in self.rig.balances().items()}
        for phone in self.phones:
            assert left[phone.owner] == BALANCES[phone.owner] - spent_minor[phone.account]
        assert sum(left.values()) == sum(BALANCES.values())

    def teardown(self):
        try:
            self.the_end()
        finally:
            self.rig.close()


Market.TestCase.settings = settings(deadline=None, max_examples=rounds(25), stateful_step_count=25)


class TestMarket(Market.TestCase):
    """Handed over if and only if paid; whoever pays has approved it; nothing stays open."""
