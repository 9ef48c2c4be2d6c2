"""Everything a bank may be asked, in any order, against a model of a few lines."""

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace
from on_disk import OnDisk
from rounds import rounds
from town import ANNA, BAKERY, BERT, CARL, KEYS, KIOSK, NOBODY, found, order

from paybench.bank import (
    CAPITAL,
    ESCROW,
    Bank,
    MemoryStorage,
    Money,
    Outcome,
    Reason,
    SettlingInformation,
)
from paybench.bank.storage.standing import ALL_ARRIVED

PAYERS = st.sampled_from([ANNA, BERT, CARL, KIOSK])
PAYEES = st.sampled_from([ANNA, BERT, CARL, KIOSK, BAKERY])
AMOUNTS = st.integers(1, 1200).map(lambda minor: Money(minor, "EUR"))
SERVERS_MAX = 4
START = {CAPITAL: -2000, ESCROW: 0, ANNA: 1000, BERT: 1000, CARL: 0, KIOSK: 0, BAKERY: 0}


class Town(RuleBasedStateMachine):
    """The model: balances, what is under way, every logged request and its answer."""

    def __init__(self) -> None:
        super().__init__()
        self.balances = dict(START)
        self.under_way: list[SettlingInformation] = []
        self.answers: dict[str, tuple[SettlingInformation, Outcome]] = {}
        self.counters = dict.fromkeys(KEYS, 0)
        self.next_id = 0

    @initialize()
    def open(self) -> None:
        self.storage = MemoryStorage()
        self.bank = found(self.storage)

    def new_id(self) -> str:
        self.next_id += 1
        return f"s{self.next_id}"

    def expect(self, request: SettlingInformation) -> Reason | None:
        if request.payee not in self.balances:
            return Reason.UNKNOWN_PAYEE
        if request.amount.amount_minor > self.balances[request.payer]:
            return Reason.INSUFFICIENT_BALANCE
        return None

    @rule(payer=PAYERS, payee=PAYEES | st.just(NOBODY), amount=AMOUNTS)
    def settle(self, payer, payee, amount) -> None:
        if payer == payee:
            return
        self.counters[payer] += 1
        request = order(self.new_id(), amount, self.counters[payer], payer=payer, payee=payee)
        expected = self.expect(request)
        outcome = self.bank.settle(request, self.next_id)
        assert outcome.reason == expected
        if expected is None:
            self.balances[payer] -= amount.amount_minor
            self.under_way.append(request)
        assert outcome.payer_balance == Money(self.balances[payer], "EUR")
        self.answers[request.settlement_id] = (request, outcome)

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def retransmit(self, data) -> None:
        request, outcome = data.draw(st.sampled_from(list(self.answers.values())))
        assert self.bank.settle(request, self.next_id) == outcome

    @precondition(lambda self: self.answers)
    @rule(data=st.data(), amount=AMOUNTS)
    def reuse_id(self, data, amount) -> None:
        request, _ = data.draw(st.sampled_from(list(self.answers.values())))
        if amount != request.amount:
            other = order(request.settlement_id, amount, 10**6, payer=request.payer)
            assert self.bank.settle(other, 0).reason == Reason.ID_REUSED

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def replay(self, data) -> None:
        request, _ = data.draw(st.sampled_from(list(self.answers.values())))
        again = order(
            self.new_id(),
            request.amount,
            request.approval.counter,
            payer=request.payer,
            payee=request.payee,
        )
        assert self.bank.settle(again, 0).reason == Reason.APPROVAL_REPLAYED

    @rule(payer=PAYERS, amount=AMOUNTS, data=st.data())
    def tamper(self, payer, amount, data) -> None:
        payee = BAKERY
        known = [request for request, _ in self.answers.values()]
        fresh = order(self.new_id(), amount, self.counters[payer] + 1, payer=payer, payee=payee)
        request = data.draw(st.sampled_from([*known, fresh]))
        forged = data.draw(
            st.sampled_from(
                [
                    replace(request, amount=request.amount + Money(1, "EUR")),
                    replace(request, payee=KIOSK if request.payee != KIOSK else BAKERY),
                    replace(request, settlement_id=request.settlement_id + "x"),
                    replace(request, approval=replace(request.approval, counter=77_777)),
                    replace(request, approval=replace(request.approval, signature=b"")),
                ]
            )
        )
        expected = {Reason.APPROVAL_ALTERED, Reason.SAME_ACCOUNT}
        assert self.bank.settle(forged, 0).reason in expected

    @rule(limit=st.none() | st.integers(0, 3))
    def deposit(self, limit) -> None:
        count = len(self.under_way) if limit is None else min(limit, len(self.under_way))
        assert self.bank.deposit(limit) == count
        for request in self.under_way[:count]:
            self.balances[request.payee] += request.amount.amount_minor
        del self.under_way[:count]

    @rule(payee=PAYEES, amount=AMOUNTS)
    def fund(self, payee, amount) -> None:
        funding_id = self.new_id()
        for _ in range(2):
            self.bank.fund(payee, amount, funding_id)
        self.deposit_model_all()
        self.balances[CAPITAL] -= amount.amount_minor
        self.balances[payee] += amount.amount_minor

    def deposit_model_all(self) -> None:
        for request in self.under_way:
            self.balances[request.payee] += request.amount.amount_minor
        self.under_way.clear()

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def inquire(self, data) -> None:
        settlement_id = data.draw(st.sampled_from(list(self.answers)))
        _, outcome = self.answers[settlement_id]
        assert self.bank.inquire(settlement_id) == outcome.without_balance()

    @rule()
    def inquire_about_nothing(self) -> None:
        assert self.bank.inquire("never sent").reason == Reason.UNKNOWN_SETTLEMENT

    @rule()
    def reopen(self) -> None:
        self.bank.close()
        self.bank = Bank(self.storage)

    # What is durable at once, with all that was under way

    @rule(limit=st.integers(1, 4))
    def move_accounts(self, limit) -> None:
        """A server is added, or filled a little further."""
        followers = self.bank._books.followers
        if followers[-1].arrived_to != ALL_ARRIVED:
            self.bank.move_accounts(limit)
        elif len(followers) < SERVERS_MAX:
            self.bank.add_server()
        else:
            assert self.bank.move_accounts(limit) == 0
            return
        self.settled_down()

    @rule(payee=PAYEES, particular=st.booleans())
    def mark(self, payee, particular) -> None:
        if self.bank.is_particular(payee) != particular:
            self.bank.mark_particular(payee, particular=particular)
            self.settled_down()

    def settled_down(self) -> None:
        self.bank.deposit()
        self.deposit_model_all()

    @invariant()
    def money_is_conserved(self) -> None:
        assert self.bank.total().amount_minor == 0
        for follower in self.bank._books.followers:
            assert follower.server.total_minor() + follower.in_transit_minor == 0
        under_way = sum(request.amount.amount_minor for request in self.under_way)
        assert self.bank.in_transit().amount_minor == under_way

    @invariant()
    def balances_are_the_models(self) -> None:
        seen = {number: self.bank.balance(number).amount_minor for number in self.bank.accounts()}
        assert seen == self.balances

    @invariant()
    def statements_add_up(self) -> None:
        for number, balance_minor in self.balances.items():
            lines = self.bank.statement(number, 10**6)
            assert sum(line.amount_minor for line in lines) == balance_minor
            assert not lines or lines[0].balance_minor == balance_minor


class TownOnDisk(OnDisk, Town):
    """The same on SQLite, with power cuts that take the accounts back to an earlier day."""

    @initialize()
    def open(self) -> None:
        self.begin(2)

    def settled_down(self) -> None:
        super().settled_down()
        self.keep_accounts()

    @rule(taken=st.sets(st.integers(0, SERVERS_MAX - 1), min_size=1))
    def cut_power(self, taken) -> None:
        self.take_back(taken)
        # How many deposits had to be redone is the bank's own affair: all of them may be now.
        self.bank.deposit()
        self.deposit_model_all()


TestTown = Town.TestCase
TestTown.settings = settings(max_examples=rounds(60), stateful_step_count=40, deadline=None)

TestTownOnDisk = TownOnDisk.TestCase
TestTownOnDisk.settings = settings(
    max_examples=rounds(8),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
