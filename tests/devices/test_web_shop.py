"""A web shop with customers at a time: what is sent out is paid, and costs what was billed."""

from contextlib import suppress
from functools import partial
from itertools import pairwise

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from rounds import rounds

from paybench.bank.money import Money
from paybench.devices.errors import OutOfOrder
from paybench.devices.trace import Decision
from paybench.devices.web_messages import INTERNET, BasketLine, BasketOrdered, CheckoutWanted
from paybench.devices.web_shop import COUNT_MAX, ENDED, LINES_MAX, OPEN_MAX
from paybench.scenarios.rig import Rig

PRICES_MINOR = {"lamp": 4900, "bulb": 250}
STEPS = st.sampled_from(
    [*(f"T{number}" for number in range(1, 10)), "S108", "page", "leave", "withdraw", "refused",
     "R1", "R2"]
)  # fmt: skip
WHO = st.integers(0, 2)
PASSWORD = "2468"
LONG_S = 4000
"""After so long everything has come to its end, also what is said again with growing pauses."""


def euro(minor):
    return Money(minor, "EUR")


def cost(purchase):
    """What the basket of a purchase costs."""
    return euro(sum(PRICES_MINOR[line.article] * line.count for line in purchase.basket))


class Shop(RuleBasedStateMachine):
    """One shop, three customers with a computer and a phone each, and bad luck."""

    @initialize(seed=st.integers(0, 3))
    def open(self, seed) -> None:
        self.rig = rig = Rig(seed=seed)
        self.shop = rig.shop("A").web_shop()
        for article, minor in PRICES_MINOR.items():
            self.shop.offer(article, price=euro(minor).text)
        self.customers = [rig.customer(name, balance="200.00", password=PASSWORD) for name in "BCD"]
        self.computers = [customer.computer() for customer in self.customers]
        self.phones = [customer.phone() for customer in self.customers]
        for customer in self.customers:
            customer.subscribes(password="sesame")

    def sent_out_minor(self) -> int:
        """What everything that was sent out costs."""
        sent = [one for one in self.shop.purchases if one.article == "sent out"]
        assert all(one.amount == cost(one) for one in sent), "billed is what the basket costs"
        return sum(one.amount.amount_minor for one in sent)

    # What people do

    @rule(who=WHO, whose=WHO)
    def buy(self, who, whose) -> None:
        """A whole purchase, as far as it goes; the phone may be somebody else's."""
        self.put(who, "lamp")
        self.check_out(who)
        self.send(whose, who)
        self.order(who)
        self.confirm(whose)

    @rule(who=WHO, article=st.sampled_from(sorted(PRICES_MINOR)))
    def put(self, who, article) -> None:
        with suppress(OutOfOrder):
            self.computers[who].put(article, price=euro(PRICES_MINOR[article]).text)

    @rule(who=WHO)
    def check_out(self, who) -> None:
        with suppress(OutOfOrder):
            self.computers[who].check_out(self.shop)

    @rule(who=WHO, whose=WHO)
    def send(self, who, whose) -> None:
        """A phone sends the number of somebody's page."""
        page = self.computers[whose].page
        if page is not None and page.tin:
            with suppress(OutOfOrder):
                self.phones[who].payer.enter(page.tin)

    @rule(who=WHO)
    def order(self, who) -> None:
        with suppress(OutOfOrder):
            self.computers[who].order()

    @rule(who=WHO)
    def confirm(self, who) -> None:
        with suppress(OutOfOrder):
            self.phones[who].approve(password=PASSWORD)

    @rule(who=WHO)
    def decline(self, who) -> None:
        with suppress(OutOfOrder):
            self.phones[who].decline()

    @rule(who=WHO)
    def leave(self, who) -> None:
        with suppress(OutOfOrder):
            self.computers[who].leave()

    @rule(who=WHO, whose=WHO)
    def leave_while_confirming(self, who, whose) -> None:
        self.rig.at_once(lambda: self.leave(who), lambda: self.confirm(whose))

    @rule(seconds=st.sampled_from([1, 12, 70, 700]))
    def wait(self, seconds) -> None:
        self.rig.waits(seconds)

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

    @rule(who=WHO, behind=st.booleans(), dark=st.booleans())
    def buy_altered(self, who, behind, dark) -> None:
        """A whole purchase of an amount that somebody changes; confirmed all the same."""
        self.put(who, "bulb")
        self.check_out(who)
        self.send(who, who)
        self.order_altered(who, behind)
        if dark:
            self.rig.cuts_power(self.shop, at="R1", for_s=20)
        self.confirm(who)

    @rule(who=WHO, behind=st.booleans())
    def order_altered(self, who, behind) -> None:
        """Somebody on the way to the shop, or behind it, changes the amount."""
        computer, faults = self.computers[who], self.rig.world.faults.by_step
        states = [one.page for one in self.shop.purchases if one.computer == computer.name]
        if states[-1:] != ["ready"] or computer.state != "ready" or faults.get("T5"):
            return
        if not (self.shop.powered and computer.powered):
            return
        self.rig.passes("T5", times=int(behind))
        self.rig.alters("T5", "body.amount" if behind else "amount", "1.00")
        computer.order()
        faults.pop("T5", None)  # an empty basket goes no further

    @rule(step=STEPS, arrived=st.booleans(), whose=st.integers(0, 6))
    def cut_power(self, step, arrived, whose) -> None:
        device = [self.shop, *self.computers, *self.phones][whose]
        self.rig.cuts_power(device, at=step, arrived=arrived, for_s=20)

    # What holds

    @invariant()
    def nothing_is_sent_out_unpaid(self) -> None:
        if hasattr(self, "rig"):
            left = sum(self.rig.balances()[name].amount_minor for name in "BCD")
            assert 60_000 - left >= self.sent_out_minor()

    def teardown(self) -> None:
        """Nothing goes wrong any more: in the end what was sent out is paid, and no more."""
        if not hasattr(self, "rig"):
            return
        self.rig.world.faults.by_step.clear()
        self.rig.waits(LONG_S)
        assert all(purchase.page in ENDED for purchase in self.shop.purchases)
        assert self.rig.balances()["A"].amount_minor == self.sent_out_minor()
        for computer in self.computers:
            assert computer.page is None or computer.page.state in ENDED
            self.agrees(computer)
        self.rig.finish()
        self.rig.close()

    def agrees(self, computer) -> None:
        """The page says what became of the purchase."""
        for purchase in self.shop.purchases:
            if computer.page and purchase.checkout_id == computer.page.checkout_id:
                assert computer.page.state == purchase.page


Shop.TestCase.settings = settings(
    max_examples=rounds(50),
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestShop = Shop.TestCase


class Purchase:
    """One purchase, to its end."""

    def __init__(self) -> None:
        self.rig = rig = Rig()
        self.shop = rig.shop("A").web_shop()
        self.shop.offer("lamp", price="49.00")
        customer = rig.customer("B", balance="200.00", password=PASSWORD)
        self.computer, self.phone = customer.computer(), customer.phone()
        customer.subscribes(password="sesame")
        self.computer.put("lamp", price="49.00")

    def tell(self) -> None:
        """What B does, as long as there is power to do it with."""
        with suppress(OutOfOrder):
            self.computer.check_out(self.shop)
            self.phone.payer.enter(self.computer.page.tin)
            self.rig.waits(1)
            self.computer.order()
            self.rig.waits(1)
            self.phone.approve(password=PASSWORD)
        self.rig.waits(LONG_S)

    def sent_out(self) -> int:
        events = self.rig.world.trace.events
        return [getattr(event, "decision", "") for event in events].count("article sent out")


def cut(device, due_ns) -> None:
    device.env.now_ns = due_ns
    device.lose_power(10)


def test_power_may_go_at_any_moment():
    """Shop, computer or phone go dark between any two events: sent out if and only if paid."""
    whole = Purchase()
    whole.tell()
    assert whole.sent_out() == 1
    at_ns = sorted({event.at_ns for event in whole.rig.world.trace.events})
    for before, after in pairwise(at_ns):
        for name in ("shop", "computer", "phone"):
            purchase = Purchase()
            device = getattr(purchase, name)
            device.env.alarm_at((before + after) // 2, partial(cut, device))
            purchase.tell()
            purchase.rig.finish()
            paid = purchase.rig.balances()["A"] == euro(4900)
            assert purchase.sent_out() == paid, f"{name} dark after {before / 1e9:.3f} s"
            purchase.rig.close()


class Stranger:
    """A computer whose software says whatever it likes."""

    def __init__(self) -> None:
        self.purchase = Purchase()
        self.computer, self.shop = self.purchase.computer, self.purchase.shop
        self.rig = self.purchase.rig
        self.rig.world.connect(self.computer.internet, self.shop.internet, INTERNET)

    def say(self, message):
        self.computer.internet.send(message, "page", self.shop.name)
        self.rig.waits(1)


BASKETS = {
    "empty": (),
    "too many lines": (BasketLine("lamp", 1),) * (LINES_MAX + 1),
    "none of it": (BasketLine("lamp", 0),),
    "less than none": (BasketLine("lamp", 2), BasketLine("lamp", -1)),
    "too many": (BasketLine("lamp", COUNT_MAX + 1),),
    "not in the catalogue": (BasketLine("lamp", 1), BasketLine("yacht", 1)),
}


@pytest.mark.parametrize("basket", BASKETS.values(), ids=BASKETS)
def test_a_basket_that_cannot_be_bought_is_not_billed(basket):
    """Whatever amount comes with it: counts and lines have bounds, articles are the shop's."""
    stranger = Stranger()
    stranger.computer.check_out(stranger.shop)
    stranger.purchase.phone.payer.enter(stranger.computer.page.tin)
    checkout_id = stranger.computer.page.checkout_id
    for minor in (4900, 4900 * sum(line.count for line in basket)):
        stranger.say(BasketOrdered(checkout_id, basket, euro(minor)))
    assert stranger.shop.purchases[0].amount is None
    assert stranger.shop.line.newest.state == "ready"
    stranger.rig.close()


def test_a_computer_has_few_purchases_open():
    """Whoever checks out again and again gets no number for it."""
    stranger = Stranger()
    for number in range(2 * OPEN_MAX):
        stranger.say(CheckoutWanted(f"c{number}"))
    assert len(stranger.shop.purchases) == OPEN_MAX
    stranger.rig.close()


def test_a_checkout_has_a_proper_name():
    """A name that no settlement could have begins nothing."""
    stranger = Stranger()
    for name in ("", "x" * 65, "ö"):
        stranger.say(CheckoutWanted(name))
    assert stranger.shop.purchases == []
    stranger.rig.close()


def test_another_computer_sees_nothing_of_a_purchase():
    """Who knows the name of somebody's purchase gets no page of it, and cannot order for it."""
    stranger = Stranger()
    stranger.computer.check_out(stranger.shop)
    stranger.purchase.phone.payer.enter(stranger.computer.page.tin)
    thief = stranger.rig.customer("M", password=PASSWORD).computer()
    stranger.rig.world.connect(thief.internet, stranger.shop.internet, INTERNET)
    checkout_id = stranger.computer.page.checkout_id
    order = BasketOrdered(checkout_id, (BasketLine("lamp", 1),), euro(4900))
    thief.internet.send(order, "T5", stranger.shop.name)
    stranger.rig.waits(1)
    assert stranger.shop.purchases[0].amount is None
    assert thief.page is None
    decisions = [one for one in stranger.rig.world.trace.events if isinstance(one, Decision)]
    assert (stranger.shop.name, "no such purchase") in {(one.by, one.decision) for one in decisions}
    stranger.rig.close()


def test_what_cannot_be_done_is_said():
    """Buttons that mean nothing at the moment raise, and say what to do first."""
    purchase = Purchase()
    for deed in (purchase.computer.order, purchase.computer.leave):
        with pytest.raises(OutOfOrder, match="check_out"):
            deed()
    purchase.computer.check_out(purchase.shop)
    with pytest.raises(OutOfOrder, match="leave"):
        purchase.computer.check_out(purchase.shop)
    purchase.rig.close()
