"""Gates under random customers, copies, losses and power cuts: one fare, one way out, for each."""

from contextlib import suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from rounds import rounds

from paybench.devices.admission import AdmissionInformation
from paybench.devices.errors import OutOfOrder
from paybench.devices.gate_arm import CLOSED
from paybench.devices.trace import Sent
from paybench.scenarios.rig import Rig

FARE_MINOR = 250
STEPS = ["poll", "D21", "D22", "D23", "open", "D24", "stored", "D31", "claim", "fare", "approval"]
STEPS += ["D32", "D33", "S108", "R1", "R2", "spend", "release", "passed"]
GATES, PHONES = st.integers(0, 3), st.integers(0, 2)


class Station(RuleBasedStateMachine):
    """Two gates in, two gates out, three customers, one of whom has little money."""

    def __init__(self):
        super().__init__()
        self.rig = Rig()
        line = self.rig.line("R", {("Kita", "Minami"): "2.50"})
        self.entrances = [line.gate("Kita", "in"), line.gate("Kita", "in")]
        self.exits = [line.gate("Minami", "out"), line.gate("Minami", "out")]
        self.gates = [*self.entrances, *self.exits]
        self.line = line
        self.phones = [
            self.rig.customer(name, balance=balance).phone()
            for name, balance in (("A", "1000.00"), ("B", "1000.00"), ("C", "4.00"))
        ]

    def teardown(self):
        self.rig.close()

    @rule(phone=PHONES, gate=GATES)
    def somebody_goes(self, phone, gate):
        with suppress(OutOfOrder):  # somebody else is there
            self.phones[phone].hold_to(self.gates[gate])

    @rule(phones=st.permutations(range(3)), gates=st.permutations(range(4)))
    def everybody_goes_at_once(self, phones, gates):
        def hold(phone, gate):
            with suppress(OutOfOrder):
                self.phones[phone].hold_to(self.gates[gate])

        pairs = zip(phones, gates, strict=False)
        self.rig.at_once(*[lambda pair=pair: hold(*pair) for pair in pairs])

    @rule(giver=PHONES, taker=PHONES)
    def somebody_copies_admissions(self, giver, taker):
        for document in list(self.phones[giver].wallet.documents()):
            self.phones[taker].wallet.keep(document)

    @rule(phone=PHONES)
    def somebody_loses_admissions(self, phone):
        for document in list(self.phones[phone].wallet.documents()):
            self.phones[phone].wallet.drop(document.serial)

    @rule(step=st.sampled_from(STEPS), times=st.integers(1, 3))
    def messages_get_lost(self, step, times):
        self.rig.loses(step, times)

    @rule(step=st.sampled_from(STEPS))
    def a_message_comes_twice(self, step):
        self.rig.duplicates(step)

    @rule(gate=GATES, step=st.sampled_from(STEPS), arrived=st.booleans())
    def a_gate_will_lose_its_power(self, gate, step, arrived):
        self.rig.cuts_power(self.gates[gate], at=step, arrived=arrived, for_s=10)

    @rule(gate=GATES, stuck=st.booleans())
    def a_gate_gets_stuck_or_free(self, gate, stuck):
        self.gates[gate].block() if stuck else self.gates[gate].free()

    @rule(step=st.sampled_from(STEPS))
    def the_register_will_lose_its_power(self, step):
        self.rig.cuts_power(self.line.admissions, at=step, for_s=5)

    @rule(seconds=st.sampled_from([1, 20, 200]))
    def time_passes(self, seconds):
        self.rig.waits(seconds)

    @invariant()
    def an_admission_lets_out_once(self):
        outs = sum(gate.arm.passed for gate in self.exits)
        serials = {
            event.message.document.serial
            for event in self.rig.world.trace.events
            if isinstance(event, Sent) and isinstance(event.message, AdmissionInformation)
        }
        assert outs <= len(serials)

    @invariant()
    def whoever_has_gone_out_has_paid(self):
        outs = sum(gate.arm.passed for gate in self.exits)
        assert self.rig.balances()["R"].amount_minor >= outs * FARE_MINOR

    def whoever_has_paid_has_gone_out(self):
        """Once everything has come to its end."""
        self.rig.world.faults.by_step.clear()
        for gate in self.gates:
            gate.free()
        self.rig.waits(2000)
        outs = sum(gate.arm.passed for gate in self.exits)
        assert self.rig.balances()["R"].amount_minor == outs * FARE_MINOR
        assert {gate.arm.position for gate in self.gates} == {CLOSED}
        assert {gate.passage.state for gate in self.gates if gate.passage} <= {"passed", "refused"}


class EndingStation(Station):
    """The same, with a look at the end."""

    def teardown(self):
        try:
            self.whoever_has_paid_has_gone_out()
        finally:
            super().teardown()


EndingStation.TestCase.settings = settings(
    deadline=None, max_examples=rounds(30), stateful_step_count=20
)


class TestStation(EndingStation.TestCase):
    """Whoever goes out has come in and paid, once; whoever has paid gets out."""
