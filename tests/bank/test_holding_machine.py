"""Holding, capturing, giving up, waiting and spending, in any order, against a small model."""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from rounds import rounds
from town import ANNA, BERT, KEYS, KIOSK, found, order, reversal

from paybench.bank import Bank, Capture, MemoryStorage, Money, Reason, State

AMOUNTS = st.integers(1, 700)
SHORT = {Reason.INSUFFICIENT_BALANCE, Reason.BALANCE_BLOCKED}
S = 10**9


class Holds(RuleBasedStateMachine):
    """The model: what each has, what is held of it, and how each id stands."""

    def __init__(self) -> None:
        super().__init__()
        self.has = {ANNA: 1000, BERT: 1000, KIOSK: 0}
        self.held: dict[str, tuple[object, int, int]] = {}  # payer, amount, end
        self.ends: dict[str, State] = {}
        self.now_ns = 0
        self.counter = 0

    @initialize(servers=st.integers(1, 3))
    def open(self, servers) -> None:
        self.storage = MemoryStorage(servers)
        self.bank = found(self.storage)

    def free(self, number) -> int:
        return self.has[number] - sum(a for payer, a, _ in self.held.values() if payer == number)

    def request(self, payer, minor):
        self.counter += 1
        return order(
            f"h{self.counter}", Money(minor, "EUR"), self.counter, payer=payer, payee=KIOSK
        )

    @rule(payer=st.sampled_from([ANNA, BERT]), minor=AMOUNTS, hold_s=st.integers(1, 50))
    def hold(self, payer, minor, hold_s) -> None:
        request = self.request(payer, minor)
        self.expire()
        outcome = self.bank.authorise(request, self.now_ns, hold_s=hold_s)
        if minor <= self.free(payer):
            assert outcome.state is State.HELD
            self.held[request.settlement_id] = payer, minor, self.now_ns + hold_s * S
        else:
            assert outcome.reason in SHORT
            self.ends[request.settlement_id] = State.REFUSED

    @rule(payer=st.sampled_from([ANNA, BERT]), minor=AMOUNTS)
    def spend(self, payer, minor) -> None:
        request = self.request(payer, minor)
        self.expire()
        outcome = self.bank.settle(request, self.now_ns)
        assert outcome.settled == (minor <= self.free(payer))
        if outcome.settled:
            self.has[payer] -= minor
            self.has[KIOSK] += minor
        self.ends[request.settlement_id] = outcome.state

    @precondition(lambda self: self.held or self.ends)
    @rule(data=st.data(), minor=AMOUNTS)
    def capture(self, data, minor) -> None:
        name = data.draw(st.sampled_from(sorted({*self.held, *self.ends})))
        amount = Money(minor, "EUR")
        self.expire()
        asked = Capture.signed(KEYS[KIOSK], settlement_id=name, payee=KIOSK, amount=amount)
        outcome = self.bank.capture(asked, self.now_ns)
        if name not in self.held:
            assert outcome.state is self.ends[name]
        elif minor > self.held[name][1]:
            assert outcome.reason is Reason.MORE_THAN_HELD
        else:
            payer, _, _ = self.held.pop(name)
            self.has[payer] -= minor
            self.has[KIOSK] += minor
            self.ends[name] = State.SETTLED
            assert outcome.amount == amount

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def void(self, data) -> None:
        name = data.draw(st.sampled_from(sorted(self.held)))
        self.expire()
        outcome = self.bank.reverse(reversal(name), self.now_ns)
        if name in self.held:
            del self.held[name]
            self.ends[name] = State.REVERSED
        assert outcome.state is self.ends[name]

    @rule(seconds=st.integers(1, 30))
    def wait(self, seconds) -> None:
        self.now_ns += seconds * S

    @rule()
    def reopen(self) -> None:
        self.bank.close()
        self.bank = Bank(self.storage)

    def expire(self) -> None:
        for name, (_, _, end_ns) in list(self.held.items()):
            if end_ns <= self.now_ns:
                del self.held[name]
                self.ends[name] = State.EXPIRED

    @invariant()
    def agrees(self) -> None:
        self.expire()
        self.bank.mature(self.now_ns)
        self.bank.deposit()
        for number, minor in self.has.items():
            assert self.bank.balance(number).amount_minor == minor
            assert self.bank.available(number).amount_minor == self.free(number)
        states = {name: self.bank.inquire(name).state for name in (*self.held, *self.ends)}
        assert states == dict.fromkeys(self.held, State.HELD) | self.ends
        assert self.bank.audit() is None


TestHolds = Holds.TestCase
TestHolds.settings = settings(max_examples=rounds(40), stateful_step_count=30, deadline=None)
