"""Cards, PINs, days, breaks and losses of power in any order: nobody gets anything for nothing."""

from contextlib import suppress

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from rounds import rounds

from paybench.devices.card_file import PIN_TRIES
from paybench.devices.errors import OutOfOrder
from paybench.scenarios.rig import Rig

NUMBERS = {"1": "4111111111111111", "2": "5555555555554444"}
PIN = "73916428"
LIMIT_MINOR = 3000
STEPS = st.sampled_from(["D1", "D81", "D82", "D83", "D3", "D4", "S108", "R1", "R2", "R3", "R4"])
CARDS = st.sampled_from(sorted(NUMBERS))
UNDER_WAY = {"billed", "authorising", "settling by card"}
LONG_S = 4000
"""After so long everything has come to its end, also what is said again with growing pauses."""


class Cards(RuleBasedStateMachine):
    """A register that takes cards, one customer with a card of each kind, and bad luck.

    The model has what was handed over: by card and day, in minor units.
    """

    @initialize(seed=st.integers(0, 3), settles=st.sampled_from(["relayed", "direct"]))
    def open(self, seed, settles) -> None:
        self.rig = Rig(seed=seed)
        self.register = self.rig.shop("A").cash_register(settles=settles)
        company = self.rig.card_company("C", balance="150.00")
        company.terminal(self.register)
        self.authority = company.authority
        customer = self.rig.customer("B", balance="150.00", password="2468")
        self.phone = customer.phone()
        for kind, number in NUMBERS.items():
            customer.card(kind, number=number, expiry="12/27", pin=PIN, limit="30.00")
        self.days = 0
        self.stolen: set[str] = set()
        self.sold: dict[tuple[str, int], int] = {}
        self.sale = None
        self.kind = ""

    def card(self, kind):
        return self.authority.file.card(self.authority.file.token(NUMBERS[kind]))

    def book(self) -> None:
        """The sale under way has come to its end, or not yet."""
        sale = self.register.sale
        if self.sale is None or sale.settlement_id != self.sale or sale.state in UNDER_WAY:
            return
        if sale.article == "handed over":
            assert self.may_sell, "sold with a card that was stolen or blocked"
            day = self.kind, self.days
            self.sold[day] = self.sold.get(day, 0) + sale.total.amount_minor
        self.sale = None

    # What people do

    @rule(kind=CARDS, cents=st.integers(1, 1700), right=st.booleans() | st.just(True))
    def buy(self, kind, cents, right) -> None:
        if self.sale is not None:
            self.wait(300)
        if self.sale is not None or not self.register.powered or not self.phone.powered:
            return
        self.may_sell = kind not in self.stolen and self.card(kind).tries < PIN_TRIES and right
        self.register.key_in("coffee", f"{cents // 100}.{cents % 100:02}")
        self.sale, self.kind = self.register.sale.settlement_id, kind
        with suppress(OutOfOrder):  # D1 got lost, or the power went
            self.register.bill(self.phone)
            pin = PIN if right else "11111111"
            self.phone.cards.pay(kind, pin=pin, password="2468")
        self.book()

    @rule(seconds=st.sampled_from([1, 12, 60, 300]))
    def wait(self, seconds) -> None:
        self.rig.waits(seconds)
        self.book()

    @rule()
    def sleep(self) -> None:
        self.rig.waits_days(1)
        self.book()
        self.days += 1

    @rule(kind=CARDS)
    def unblock(self, kind) -> None:
        if self.authority.powered:
            self.authority.unblock(NUMBERS[kind])

    @rule(kind=CARDS)
    def report(self, kind) -> None:
        if self.sale is None and self.days > 1 and self.authority.powered:
            self.authority.report_stolen(NUMBERS[kind])
            self.stolen.add(kind)

    # What goes wrong

    @rule(step=STEPS, times=st.integers(1, 3))
    def lose(self, step, times) -> None:
        self.rig.loses(step, times)

    @rule(step=STEPS)
    def duplicate(self, step) -> None:
        self.rig.duplicates(step)

    @rule(step=STEPS, seconds=st.sampled_from([4, 9, 15, 40]))
    def delay(self, step, seconds) -> None:
        self.rig.delays(step, by_s=seconds)

    @rule(step=STEPS, arrived=st.booleans(), whose=st.integers(0, 2))
    def cut_power(self, step, arrived, whose) -> None:
        device = [self.register, self.authority, self.phone][whose]
        self.rig.cuts_power(device, at=step, arrived=arrived, for_s=20)

    # What holds

    @invariant()
    def no_limit_is_exceeded(self) -> None:
        assert all(minor <= LIMIT_MINOR for minor in self.sold.values())
        for kind in NUMBERS:
            card = self.card(kind)
            assert 0 <= card.spent_minor <= LIMIT_MINOR
            assert card.owed_minor >= 0
            assert card.tries <= PIN_TRIES

    def teardown(self) -> None:
        """Nothing goes wrong any more: in the end what was handed over is paid, and no more."""
        if not hasattr(self, "rig"):
            return
        self.rig.world.faults.by_step.clear()
        self.rig.waits(LONG_S)
        self.book()
        assert self.sale is None or self.register.sale.state == "open"
        by_kind = {
            kind: sum(minor for (sold, _), minor in self.sold.items() if sold == kind)
            for kind in NUMBERS
        }
        left = {name: money.amount_minor for name, money in self.rig.balances().items()}
        assert left == {
            "A": by_kind["1"] + by_kind["2"],
            "B": 15000 - by_kind["2"],
            "C": 15000 - by_kind["1"],
        }
        assert self.authority.owed().amount_minor == by_kind["1"]
        assert self.register.store.get("card payments to take back", list) in (None, [])
        self.rig.finish()
        self.rig.close()


TestCards = Cards.TestCase
TestCards.settings = settings(
    max_examples=rounds(12),
    stateful_step_count=14,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
