"""Purses and the mint over a link that loses, doubles and reorders, and with power cuts anywhere.

The model is a ledger of a few lines: what each purse holds, what is under way. The second machine
puts old copies of purses back, as a thief of a phone's memory would.
"""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from purses import STORES, Town
from rounds import rounds

from paybench.bank import Money
from paybench.bank.emoney import Datum, Refusal, Value

NAMES = st.sampled_from(list(STORES))
AMOUNTS = st.integers(1, 400).map(lambda minor: Money(minor, "EUR"))
LOADED_MINOR = 500


class Wires(RuleBasedStateMachine):
    """Every message is (kind, receiver, payload); it may be delivered never, once or often."""

    def __init__(self) -> None:
        super().__init__()
        self.town = Town()
        self.wires: list[tuple[str, str, object]] = []
        self.demands: list[tuple[object, object]] = []  # phones keep them until they are answered

    @initialize()
    def load(self) -> None:
        for name in STORES:
            self.town.load(name, "5.00")

    def say(self, kind, receiver, payload) -> None:
        self.wires.append((kind, receiver, payload))

    def payee(self, value) -> str:
        return value.transfer_id[0]

    # What people do

    @rule(payee=NAMES, payer=NAMES, amount=AMOUNTS)
    def ask(self, payee, payer, amount) -> None:
        self.say("request", payer, self.town.purses[payee].ask(amount))

    @rule(payee=NAMES, user=NAMES, amount=AMOUNTS)
    def demand(self, payee, user, amount) -> None:
        asked = self.town.purses[payee].ask(amount)
        self.demands.append((self.town.demand(user, asked), asked))
        self.say("demand", "bank", self.demands[-1])

    @rule(name=NAMES, account=st.sampled_from(list(STORES.values())), amount=AMOUNTS | st.none())
    def redeem(self, name, account, amount) -> None:
        order = self.town.purses[name].redeem(account, amount)
        if not isinstance(order, Refusal):
            self.redeemed(name, order)
            self.say("redemption", "bank", order)

    @rule(
        payee=NAMES,
        payer=NAMES,
        amount=AMOUNTS,
        messages=st.integers(0, 3),
        often=st.integers(1, 2),
    )
    def meet(self, payee, payer, amount, messages, often) -> None:
        """One transfer, cut off after so many messages, each of which comes so often."""
        before, self.wires = self.wires, []
        self.ask(payee, payer, amount)
        for _ in range(messages):
            said, self.wires = self.wires, []
            for message in said * often:
                self.hear(*message)
        self.wires = before

    # What the link does

    @precondition(lambda self: self.wires)
    @rule(data=st.data())
    def deliver(self, data) -> None:
        self.hear(*self.wires.pop(data.draw(st.integers(0, len(self.wires) - 1))))

    @precondition(lambda self: self.wires)
    @rule()
    def deliver_the_oldest(self) -> None:
        self.hear(*self.wires.pop(0))

    @precondition(lambda self: self.wires)
    @rule()
    def deliver_the_newest_and_keep_it(self) -> None:
        self.hear(*self.wires[-1])

    @rule()
    def break_off(self) -> None:
        """All that is on its way is lost, and what is said again later is all there is."""
        self.wires.clear()

    @precondition(lambda self: self.wires)
    @rule(data=st.data())
    def say_twice(self, data) -> None:
        self.wires.append(data.draw(st.sampled_from(self.wires)))

    @precondition(lambda self: self.wires)
    @rule(data=st.data(), receiver=NAMES)
    def misroute(self, data, receiver) -> None:
        kind, _, payload = data.draw(st.sampled_from(self.wires))
        if kind in ("request", "value", "receipt", "result"):
            self.hear(kind, receiver, payload)

    @rule(name=NAMES)
    def say_again(self, name) -> None:
        """Meet again: whatever the notes say is open goes out once more."""
        purse = self.town.purses[name]
        for value in purse.under_way():
            self.say("value", self.payee(value), value)
        for order in purse.redeeming():
            self.say("redemption", "bank", order)

    @rule(name=NAMES)
    def cut_power(self, name) -> None:
        self.town.purse(name)

    # What devices do

    def hear(self, kind, receiver, payload) -> None:
        if receiver == "bank":
            self.hear_at_bank(kind, payload)
            return
        purse = self.town.purses[receiver]
        if kind == "request":
            value = purse.pay(payload)
            if isinstance(value, Value):
                self.paid(receiver, value)
                self.say("value", self.payee(value), value)
        elif kind == "value":
            received = purse.take(payload)
            if not isinstance(received, Refusal):
                self.taken(receiver, payload)
                for payer in STORES:  # it goes to all: only the payer can use it
                    self.say("receipt", payer, received)
        elif kind == "receipt":
            purse.acknowledge(payload)
        elif kind == "result":
            purse.close(payload)

    def hear_at_bank(self, kind, payload) -> None:
        if kind == "demand":
            value = self.town.mint.issue(*payload, 1).value
            if value:
                self.issued(value)
                self.say("value", self.payee(value), value)
        else:
            result = self.town.mint.redeem(payload, 1)
            self.paid_out(payload, result)
            self.say("result", payload.purse_id[0], result)

    def heal(self) -> None:
        """Deliver everything until nobody has anything left to say."""
        for _ in range(3):
            for name in STORES:
                self.say_again(name)
            for demand in self.demands:
                self.say("demand", "bank", demand)
            while self.wires:
                self.hear(*self.wires.pop(0))

    # What the model notes

    def redeemed(self, name, order) -> None: ...
    def paid(self, name, value) -> None: ...
    def taken(self, name, value) -> None: ...
    def issued(self, value) -> None: ...
    def paid_out(self, order, result) -> None: ...


class HonestTown(Wires):
    """Nothing is lost and nothing doubled, after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.holds = dict.fromkeys(STORES, LOADED_MINOR)
        self.under_way: dict[bytes, int] = {}
        self.seen: set[bytes] = set()
        self.orders: dict[str, int] = {}

    def leaves(self, key, amount_minor) -> None:
        if key not in self.seen:
            self.seen.add(key)
            self.under_way[key] = amount_minor

    def redeemed(self, name, order) -> None:
        self.holds[name] -= order.amount_minor
        self.leaves(order.digest(), order.amount_minor)

    def paid(self, name, value) -> None:
        if value.digest() not in self.seen:
            self.holds[name] -= value.amount_minor
        self.leaves(value.digest(), value.amount_minor)

    def issued(self, value) -> None:
        self.leaves(value.digest(), value.amount_minor)

    def taken(self, name, value) -> None:
        self.holds[name] += self.under_way.pop(value.digest(), 0)

    def paid_out(self, order, result) -> None:
        assert result.paid.amount_minor == order.amount_minor
        self.under_way.pop(order.digest(), None)

    @invariant()
    def each_purse_holds_what_the_model_says(self) -> None:
        for name, purse in self.town.purses.items():
            assert purse.balance.amount_minor == self.holds[name]

    @invariant()
    def the_issuer_store_is_all_purses_and_what_is_under_way(self) -> None:
        held = sum(purse.balance.amount_minor for purse in self.town.purses.values())
        assert self.town.issuer_minor == held + sum(self.under_way.values())
        assert self.town.bank.total().amount_minor == 0

    @rule()
    def heal(self) -> None:
        super().heal()
        for purse in self.town.purses.values():
            assert (purse.under_way(), purse.redeeming()) == ([], [])
            assert purse.notes.written_off_minor == 0
        assert not self.under_way
        assert self.town.mint.double_spenders() == []

    def teardown(self) -> None:
        if self.town.purses:
            self.heal()
            self.the_issuer_store_is_all_purses_and_what_is_under_way()


class TownWithAThief(Wires):
    """A's memory is put back to earlier days: each minor unit is paid once, and only A is named."""

    def __init__(self) -> None:
        super().__init__()
        self.copies: list[object] = []
        self.issued_minor = 3 * LOADED_MINOR
        self.known: set[bytes] = set()
        self.redeemed_data: list[Datum] = []

    @rule()
    def copy(self) -> None:
        self.copies.append(self.town.purses["A"].notes)

    @precondition(lambda self: self.copies)
    @rule(data=st.data())
    def put_back(self, data) -> None:
        self.town.disks["A"].put("purse", data.draw(st.sampled_from(self.copies)))
        self.town.purse("A")

    @rule(payee=st.sampled_from("BC"), amount=AMOUNTS)
    def pay_and_forget(self, payee, amount) -> None:
        self.copy()
        value = self.town.purses["A"].pay(self.town.purses[payee].ask(amount))
        if isinstance(value, Value):
            self.hear("value", payee, value)
        self.town.disks["A"].put("purse", self.copies[-1])
        self.town.purse("A")

    def issued(self, value) -> None:
        if value.digest() not in self.known:
            self.known.add(value.digest())
            self.issued_minor += value.amount_minor

    def paid_out(self, order, result) -> None:
        if order.digest() in self.known:
            return
        self.known.add(order.digest())
        paid = [datum for at, datum in enumerate(order.data) if at not in result.spent_before]
        assert result.paid.amount_minor == sum(datum.last.amount_minor for datum in paid)
        assert not any(datum.overlaps(other) for datum in paid for other in self.redeemed_data)
        self.redeemed_data += paid

    @invariant()
    def the_issuer_store_is_what_was_issued_and_not_paid(self) -> None:
        paid_minor = sum(datum.last.amount_minor for datum in self.redeemed_data)
        assert self.town.issuer_minor == self.issued_minor - paid_minor

    @invariant()
    def only_the_thief_is_named(self) -> None:
        named = {found.purse_id for found in self.town.mint.double_spenders()}
        assert named <= {"A.phone"}

    def teardown(self) -> None:
        if not self.town.purses:
            return
        for name, account in STORES.items():
            order = self.town.purses[name].redeem(account)
            if not isinstance(order, Refusal):
                self.say("redemption", "bank", order)
        self.heal()
        self.the_issuer_store_is_what_was_issued_and_not_paid()
        self.only_the_thief_is_named()


TestHonestTown = HonestTown.TestCase
TestHonestTown.settings = settings(max_examples=rounds(25), stateful_step_count=40, deadline=None)

TestTownWithAThief = TownWithAThief.TestCase
TestTownWithAThief.settings = settings(
    max_examples=rounds(15), stateful_step_count=40, deadline=None
)
