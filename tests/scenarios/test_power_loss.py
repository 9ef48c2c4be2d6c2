"""Power may go at any moment: what was paid is handed over, and what was not is not."""

from contextlib import suppress
from functools import partial
from itertools import pairwise
from random import Random

import pytest
from rounds import rounds

from paybench.devices.errors import OutOfOrder
from paybench.devices.trace import Delivered, Displayed, Sent, State
from paybench.scenarios.rig import Rig

HAMLET = "Hamlet"
LIFE_S = 900
"""After so long everything has come to its end: the longest is a register that waits for approval,
then asks the bank, and then has the payment reversed."""


class Purchase:
    """Fig 3: a coffee at a register."""

    def __init__(self, rig, settles="relayed"):
        self.rig = rig
        self.register = rig.shop("A").cash_register(settles=settles)
        self.customer = rig.customer("B", balance="20.00", password="2468")
        self.phone = self.customer.phone()
        self.devices = [self.register, self.phone]

    def tell(self):
        self.register.key_in("coffee", price="2.50")
        self.register.bill(self.phone)
        self.rig.waits(1)
        self.phone.approve(password="2468")

    def goods(self):
        return self.register.sale is not None and self.register.sale.article == "handed over"

    def paid(self):
        return self.rig.balances()["A"].text == "2.50"


class DirectPurchase(Purchase):
    """Fig 3, where the phone goes to the bank itself."""

    def __init__(self, rig):
        super().__init__(rig, "direct")


class Vending:
    """Fig 4: a cola."""

    def __init__(self, rig, *, managed=False):
        self.rig = rig
        company = rig.shop("A")
        self.machine = company.vending_machine(managed=managed)
        self.machine.load("A1", "Cola", price="2.50", stock=3)
        self.phone = rig.customer("B", balance="20.00", password="2468").phone()
        self.devices = [self.machine, self.phone, *([company.host()] if managed else [])]

    def tell(self):
        self.phone.hold_to(self.machine)
        self.rig.waits(1)
        self.phone.vending.choose("A1", password="2468")

    def goods(self):
        return self.machine.dispenser.columns["A1"].fallen == 1

    def paid(self):
        return self.rig.balances()["A"].text == "2.50"


class ManagedVending(Vending):
    """Fig 4, through the company's host."""

    def __init__(self, rig):
        super().__init__(rig, managed=True)


class Ride:
    """Fig 5: out through a gate."""

    def __init__(self, rig):
        self.rig = rig
        line = rig.line("A", {("Kita", "Minami"): "2.50"})
        self.entrance, self.leave = line.gate("Kita", "in"), line.gate("Minami", "out")
        self.phone = rig.customer("B", balance="20.00", password="2468").phone()
        self.devices = [self.entrance, self.leave, self.phone, line.admissions]

    def tell(self):
        self.phone.hold_to(self.entrance)
        self.rig.waits(30)
        self.phone.hold_to(self.leave)

    def goods(self):
        return self.leave.arm.passed == 1

    def paid(self):
        return self.rig.balances()["A"].text == "2.50"


class TicketSale:
    """Fig 10: a ticket."""

    def __init__(self, rig, settles="relayed"):
        self.rig = rig
        self.office = rig.venue("A").ticket_office(settles=settles)
        self.phone = rig.customer("B", balance="20.00", password="2468").phone()
        self.devices = [self.office, self.phone]

    def tell(self):
        self.office.enter("theatre", HAMLET, price="2.50")
        self.office.bill(self.phone)
        self.rig.waits(1)
        self.phone.approve(password="2468")

    def goods(self):
        # A ticket the phone does not have yet waits at the office for it.
        return self.phone.wallet.ticket(HAMLET) is not None or "pending" in self.office.store

    def paid(self):
        return self.rig.balances()["A"].text == "2.50"


class DirectTicketSale(TicketSale):
    """Fig 10, where the phone goes to the bank itself."""

    def __init__(self, rig):
        super().__init__(rig, "direct")


class CreditPurchase(Purchase):
    """Fig 9: a coffee on credit."""

    kind = "1"

    def __init__(self, rig):
        super().__init__(rig)
        company = rig.card_company("C")
        company.terminal(self.register)
        self.customer.card(
            self.kind, number="4111111111111111", expiry="12/27", pin="739164", limit="9.00"
        )
        self.company = company.authority
        self.devices.append(self.company)

    def tell(self):
        self.register.key_in("coffee", price="2.50")
        self.register.bill(self.phone)
        self.rig.waits(1)
        self.phone.cards.pay(self.kind, pin="739164", password="2468")

    def paid(self):
        paid = super().paid()
        counted = next(self.company.file.cards()).spent_minor
        assert counted == (250 if paid else 0), f"{counted=} {paid=}"
        return paid


class DebitPurchase(CreditPurchase):
    """Fig 9: a coffee by debit card."""

    kind = "2"


class EmoneyPurchase(Purchase):
    """Fig 8: a coffee with e-money."""

    def __init__(self, rig):
        super().__init__(rig)
        self.customer.purse(cash="20.00")
        self.till = rig.shop("S").till(self.register)

    def tell(self):
        self.phone.purse.load("20.00", password="2468")
        self.rig.waits(1)
        self.register.key_in("coffee", price="2.50")
        self.register.bill(self.phone)
        self.rig.waits(1)
        self.phone.purse.pay()

    def paid(self):
        return self.till.balance.text == "2.50"


class EmoneyIssue:
    """Fig 8: e-money for another phone."""

    def __init__(self, rig):
        self.rig = rig
        self.people = [rig.customer(name, password="2468") for name in "AB"]
        self.devices = self.a, self.b = [person.phone() for person in self.people]
        for person in self.people:
            person.purse(cash="20.00")

    def tell(self):
        self.a.purse.load("2.50", receiver=self.b, password="2468")

    def goods(self):
        return self.b.purse.balance.text == "2.50"

    def paid(self):
        return self.rig.bank.balance(self.people[0].store).text == "17.50"


class EmoneyTransfer(EmoneyIssue):
    """Fig 8: e-money from phone to phone."""

    def tell(self):
        self.a.purse.load("15.00", password="2468")
        self.rig.waits(1)
        self.a.purse.give(self.b, "2.50")

    def paid(self):
        return (self.rig.bank.balance(self.people[0].store) + self.a.purse.balance).text == "17.50"


STORIES = [
    Purchase,
    DirectPurchase,
    Vending,
    ManagedVending,
    Ride,
    TicketSale,
    DirectTicketSale,
    CreditPurchase,
    DebitPurchase,
    EmoneyPurchase,
    EmoneyIssue,
    EmoneyTransfer,
]


def told(story, cuts=()):
    """A story with cuts of power, each ``(device's place, at_ns, for_s)``, to its end."""
    rig = Rig()
    try:
        played = story(rig)
        for place, at_ns, for_s in cuts:
            device = played.devices[place % len(played.devices)]
            rig.world.env.alarm_at(at_ns, partial(cut, rig.world.env, device, for_s))
        with suppress(OutOfOrder):  # nothing to approve on a phone that forgot the bill
            played.tell()
        rig.waits(LIFE_S)
        rig.finish()
        moments = sorted(
            {
                event.at_ns
                for event in rig.world.trace.events
                if isinstance(event, (Sent, Delivered, State, Displayed))
            }
        )
        return played, played.goods(), played.paid(), moments
    finally:
        rig.close()


def cut(env, device, for_s, due_ns):
    env.now_ns = due_ns
    device.lose_power(for_s)


def between(moments):
    """A moment within each stretch of time in which nothing happens."""
    return [(before + after) // 2 for before, after in pairwise(moments)]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_power_may_go_at_any_moment(story):
    """Each device loses its power between any two events of a flow: goods if and only if paid."""
    played, goods, paid, moments = told(story)
    assert (goods, paid) == (True, True)
    for place, device in enumerate(played.devices):
        for at_ns in between(moments):
            _, goods, paid, _ = told(story, [(place, at_ns, 10)])
            assert goods == paid, f"{device.name} dark at {at_ns / 1e9:.3f} s: {goods=} {paid=}"


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_power_may_go_more_than_once(story):
    """Several devices lose their power, at any time and for any time: goods if and only if paid."""
    _, _, _, moments = told(story)
    chance = Random(story.__name__)  # noqa: S311 - a trial, not a secret
    for _ in range(rounds(10)):
        cuts = [
            (chance.randrange(4), chance.randrange(moments[-1] + 1), chance.choice([1, 10, 60]))
            for _ in range(chance.randint(2, 4))
        ]
        _, goods, paid, _ = told(story, cuts)
        assert goods == paid, f"{cuts}: {goods=} {paid=}"
