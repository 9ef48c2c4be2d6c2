"""Settling, cancelling, giving back and the passing of time, in any order, against a small model.

The model keeps what everybody has once all deposits are made. While some are under way the bank
may refuse for want of money that is on its way; it may never allow what the model would not.
"""

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from on_disk import OnDisk
from rounds import rounds
from town import ANNA, BERT, CARL, KEYS, KIOSK, cancellation, found, order, reversal

from paybench.bank import (
    Bank,
    Held,
    Kind,
    MemoryStorage,
    Money,
    Reason,
    Restriction,
    SettlingInformation,
    State,
)

PEOPLE = [ANNA, BERT, CARL, KIOSK]
PEOPLE_DRAWN = st.sampled_from(PEOPLE)
AMOUNTS = st.integers(1, 900).map(lambda minor: Money(minor, "EUR"))
RESTRICTIONS = st.none() | st.builds(Restriction, st.integers(1, 60), st.sampled_from(Held))
SHORT = {Reason.INSUFFICIENT_BALANCE, Reason.BALANCE_BLOCKED}
S = 10**9


class Recalls(RuleBasedStateMachine):
    """The model: what each can spend, and for each id its request, its state and its due time."""

    def __init__(self) -> None:
        super().__init__()
        self.spendable = {ANNA: 1000, BERT: 1000, CARL: 0, KIOSK: 0}
        self.requests: dict[str, SettlingInformation] = {}
        self.states: dict[str, State] = {}
        self.due_ns: dict[str, int] = {}
        self.now_ns = 0
        self.counter = 0

    @initialize()
    def open(self) -> None:
        self.storage = MemoryStorage(2)
        self.bank = found(self.storage)

    # What happens

    @rule(
        payer=PEOPLE_DRAWN,
        payee=PEOPLE_DRAWN,
        amount=AMOUNTS,
        restriction=RESTRICTIONS,
        deposit_first=st.booleans(),
    )
    def settle(self, payer, payee, amount, restriction, deposit_first) -> None:
        if payer == payee:
            return
        self.counter += 1
        settlement_id = f"s{self.counter}"
        request = order(
            settlement_id, amount, self.counter, payer=payer, payee=payee, restriction=restriction
        )
        if deposit_first:
            self.bank.deposit()
        self.mature()
        outcome = self.bank.settle(request, self.now_ns)
        allowed = amount.amount_minor <= self.spendable[payer]
        assert allowed if outcome.settled else outcome.reason in SHORT
        assert outcome.settled == allowed or not deposit_first
        self.requests[settlement_id] = request
        self.states[settlement_id] = outcome.state
        if outcome.settled:
            self.spendable[payer] -= amount.amount_minor
            assert (outcome.state is State.PROVISORY) == (restriction is not None)
            if restriction is None:
                self.spendable[payee] += amount.amount_minor
            else:
                self.due_ns[settlement_id] = self.now_ns + restriction.cooling_off_s * S

    @rule(seconds=st.integers(1, 40))
    def wait(self, seconds) -> None:
        self.now_ns += seconds * S

    @rule()
    def mature_now(self) -> None:
        count = len(self.due_ns)
        self.mature()
        assert self.bank.mature(self.now_ns) == count - len(self.due_ns)

    @precondition(lambda self: self.requests)
    @rule(data=st.data())
    def cancel(self, data) -> None:
        settlement_id = data.draw(st.sampled_from(sorted(self.requests)))
        request = self.requests[settlement_id]
        self.mature()
        outcome = self.bank.cancel(cancellation(settlement_id, request.payer), self.now_ns)
        if settlement_id in self.due_ns:
            self.give_back(settlement_id, State.CANCELLED)
        if settlement_id in self.states:
            assert outcome.state is self.states[settlement_id]
        if self.states.get(settlement_id) is State.SETTLED:
            assert outcome.reason is Reason.COOLING_OFF_OVER

    @rule(data=st.data(), deposit_first=st.booleans())
    def reverse(self, data, deposit_first) -> None:
        """Of a settlement there has been, or of one that there has not been yet."""
        self.counter += 1
        settlement_id = data.draw(st.sampled_from([*sorted(self.requests), f"s{self.counter}"]))
        new = order(f"s{self.counter}", Money(5, "EUR"), self.counter, payee=KIOSK)
        request = self.requests.setdefault(settlement_id, new)
        if deposit_first:
            self.bank.deposit()
        self.mature()
        outcome = self.bank.reverse(reversal(settlement_id, request.payee), self.now_ns)
        state = self.states.get(settlement_id)
        if state is None:
            self.states[settlement_id] = State.REVERSED
        elif settlement_id in self.due_ns:
            self.give_back(settlement_id, State.REVERSED)
        elif state is State.SETTLED:
            if request.amount.amount_minor <= self.spendable[request.payee]:
                self.spendable[request.payee] -= request.amount.amount_minor
                self.give_back(settlement_id, State.REVERSED)
            else:
                assert outcome.reason is Reason.PAYEE_BALANCE_TOO_LOW
        assert outcome.state is self.states[settlement_id]

    @precondition(lambda self: self.states)
    @rule(data=st.data())
    def ask_again(self, data) -> None:
        """The till that lost the answer, or whose demand was overtaken."""
        settlement_id = data.draw(st.sampled_from(sorted(self.states)))
        self.mature()
        outcome = self.bank.settle(self.requests[settlement_id], self.now_ns)
        assert outcome.state is self.states[settlement_id]

    @rule(limit=st.none() | st.integers(0, 3))
    def deposit(self, limit) -> None:
        self.bank.deposit(limit)

    @rule()
    def reopen(self) -> None:
        self.bank.close()
        self.bank = Bank(self.storage)

    # The model's own steps

    def mature(self) -> None:
        for settlement_id, due_ns in list(self.due_ns.items()):
            if due_ns <= self.now_ns:
                del self.due_ns[settlement_id]
                self.states[settlement_id] = State.SETTLED
                request = self.requests[settlement_id]
                self.spendable[request.payee] += request.amount.amount_minor

    def give_back(self, settlement_id: str, state: State) -> None:
        self.due_ns.pop(settlement_id, None)
        self.states[settlement_id] = state
        request = self.requests[settlement_id]
        self.spendable[request.payer] += request.amount.amount_minor

    # What always holds

    @invariant()
    def money_is_conserved(self) -> None:
        assert self.bank.total().amount_minor == 0

    @invariant()
    def nobody_has_more_than_is_theirs(self) -> None:
        for number, spendable in self.spendable.items():
            available = self.bank.available(number).amount_minor
            assert 0 <= available <= self.bank.balance(number).amount_minor
            assert available <= spendable

    @invariant()
    def every_state_is_the_models(self) -> None:
        seen = {name: self.bank.inquire(name).state for name in self.states}
        assert seen == self.states
        assert self.bank.next_due_ns() == min(self.due_ns.values(), default=None)

    def teardown(self) -> None:
        if not hasattr(self, "bank"):
            return
        self.bank.deposit()
        available = {number: self.bank.available(number).amount_minor for number in PEOPLE}
        assert available == self.spendable
        for number in KEYS:
            lines = self.bank.statement(number, 10**6)
            balance_minor = self.bank.balance(number).amount_minor
            assert sum(line.amount_minor for line in lines) == balance_minor
            ended = [line.settlement_id for line in lines if line.kind in ENDS and pays(line)]
            assert len(ended) == len(set(ended)), "given back once, formal once"


ENDS = {Kind.CANCELLED, Kind.REVERSED}


def pays(line) -> bool:
    return line.amount_minor > 0


class RecallsOnDisk(OnDisk, Recalls):
    """The same on SQLite, with power cuts that take the accounts back to an earlier day."""

    @initialize()
    def open(self) -> None:
        self.begin(3)

    @rule(taken=st.sets(st.integers(0, 2), min_size=1))
    def cut_power(self, taken) -> None:
        self.take_back(taken)


TestRecalls = Recalls.TestCase
TestRecalls.settings = settings(max_examples=rounds(60), stateful_step_count=40, deadline=None)

TestRecallsOnDisk = RecallsOnDisk.TestCase
TestRecallsOnDisk.settings = settings(
    max_examples=rounds(8),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
