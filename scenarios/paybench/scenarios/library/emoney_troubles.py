"""Fig 8, when messages get lost or come twice, links break, and power goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.scenarios.library.electronic_money import PASSWORDS, bill, town
from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from paybench.devices.device import Device
    from paybench.scenarios.library.electronic_money import Town
    from paybench.scenarios.rig import Rig

TRANSFER = ["offer", "request", "value", "receipt"]
AT_SHOP = ["tender", "request", "value", "receipt"]
TO_OTHER = ["offer", "request", "D71", "D73", "receipt"]
LONG_S = 700
"""After so long a register has given up waiting, and whatever is repeated has come through."""


def expects_given(rig: Rig, there: Town) -> None:
    """5.00 went from A to B, once, and both know."""
    rig.waits(60)
    there.b.expects("RECEIVED 5.00")
    there.a.expects("PAID 5.00")
    rig.expects_purses(A="15.00", B="5.00")
    rig.expects_stores(A="30.00", bank="20.00")
    rig.circulation.expects_nothing_under_way()


def expects_sold(rig: Rig, there: Town) -> None:
    """A has the coffee and the shop 2.50, once, and both know."""
    there.register.expects("PAID 2.50")
    there.register.expects_article("handed over")
    there.a.expects("PAID 2.50")
    rig.expects_purses(A="17.50", S="2.50")
    rig.circulation.expects_nothing_under_way()


# -- messages get lost, or come twice -----------------------------------------------------------


@scenario(figure="8", variants=["D71", "D72"])
def emoney_issue_lost(rig: Rig, variant: str) -> None:
    """D71 or D72 gets lost, three times: A's phone demands until the data have come, once."""
    there = town(rig, loaded="")
    rig.loses(variant, times=3)
    there.a.purse.load("20.00", password=PASSWORDS["A"])
    there.a.expects("RECEIVED 20.00")
    rig.expects_steps(*(["D71"] * 4 + ["D72"] if variant == "D71" else ["D71", "D72"] * 4))
    rig.expects_purses(A="20.00")
    rig.expects_stores(A="30.00", bank="20.00")


@scenario(figure="8", variants=TO_OTHER)
def emoney_issue_to_other_lost(rig: Rig, variant: str) -> None:
    """What leads to B's e-money gets lost: B has it once, and A learns that B has."""
    there = town(rig, loaded="")
    rig.loses(variant, times=2)
    there.a.purse.load("20.00", receiver=there.b, password=PASSWORDS["A"])
    there.a.expects("SENT 20.00")
    there.b.expects("RECEIVED 20.00")
    rig.expects_purses(A="0.00", B="20.00")
    rig.expects_stores(A="30.00", bank="20.00")
    rig.circulation.expects_nothing_under_way()


@scenario(figure="8", variants=TRANSFER)
def emoney_transfer_lost(rig: Rig, variant: str) -> None:
    """A message between the two phones gets lost, twice: it is said again, and B is paid once."""
    there = town(rig)
    rig.loses(variant, times=2)
    there.a.purse.give(there.b, "5.00")
    expects_given(rig, there)


@scenario(figure="8", variants=AT_SHOP)
def emoney_at_shop_lost(rig: Rig, variant: str) -> None:
    """A message between phone and till gets lost, twice: the coffee is paid once, and A has it."""
    there = town(rig)
    rig.loses(variant, times=2)
    bill(there.register, there.a)
    there.a.purse.pay()
    rig.waits(60)
    expects_sold(rig, there)


@scenario(figure="8", variants=["redeem", "redeemed"])
def emoney_redemption_lost(rig: Rig, variant: str) -> None:
    """The demand to redeem or its answer gets lost, three times: the bank pays once."""
    there = town(rig)
    rig.loses(variant, times=3)
    there.a.purse.redeem("5.00")
    there.a.expects("REDEEMED 5.00")
    rig.expects_purses(A="15.00")
    rig.expects_stores(A="35.00", bank="15.00")


@scenario(figure="8", variants=["cash", "entered", "convert", "result"])
def emoney_conversion_lost(rig: Rig, variant: str) -> None:
    """Cash was taken in or balance converted, and a message gets lost: it is in the store once."""
    there = town(rig, loaded="")
    rig.loses(variant, times=1)
    if variant in ("cash", "entered"):
        counter = rig.circulation.counter()
        counter.pay_in(there.user.store, "25.00")
        counter.expects("PAID IN 25.00")
        rig.expects_balances(A="30.00")
    else:
        there.a.purse.fill_store("25.00", password=PASSWORDS["A"])
        there.a.expects("PAID 25.00")
        rig.expects_balances(A="5.00")
    rig.expects_stores(A="75.00")


@scenario(figure="8", variants=[*TO_OTHER, "value", "D72", "redeem", "redeemed", "tender", "cash"])
def emoney_repeated(rig: Rig, variant: str) -> None:
    """A line brings a message twice: everything is paid, issued and redeemed once."""
    there = town(rig, loaded="")
    counter = rig.circulation.counter()
    rig.duplicates(variant, times=3)
    counter.pay_in(there.user.store, "10.00")
    there.a.purse.load("20.00", password=PASSWORDS["A"])
    there.a.purse.load("5.00", receiver=there.b, password=PASSWORDS["A"])
    there.a.purse.give(there.b, "5.00")
    bill(there.register, there.a)
    there.a.purse.pay()
    there.a.purse.redeem("2.50")
    rig.expects_purses(A="10.00", B="10.00", S="2.50")
    rig.expects_stores(A="37.50", B="0.00", S="0.00", bank="22.50")
    there.register.expects_article("handed over")
    rig.circulation.expects_nothing_under_way()


@scenario(figure="8")
def emoney_declined_lost(rig: Rig) -> None:
    """A says no and that gets lost: B's phone asks again, and is told so without asking A."""
    there = town(rig)
    rig.loses("declined", times=2)
    there.b.purse.ask(there.a, "5.00")
    there.a.decline()
    there.b.expects("The payer declined.")
    there.a.expects("DECLINED")
    rig.expects_purses(A="20.00", B="0.00")


# -- the link breaks ----------------------------------------------------------------------------


@scenario(figure="8", variants=TRANSFER)
def emoney_link_broken(rig: Rig, variant: str) -> None:
    """A walks off after a message: when A and B meet again, what was begun is finished, once."""
    there = town(rig)
    rig.separates(there.a, there.b, at=variant)
    there.a.purse.give(there.b, "5.00")
    rig.waits(LONG_S)
    has_come = variant in ("value", "receipt")
    gone = variant != "offer"  # paid, as far as A's purse is concerned
    rig.expects_purses(A="15.00" if gone else "20.00", B="5.00" if has_come else "0.00")
    there.a.hold_to(there.b.purse)
    expects_given(rig, there)


@scenario(figure="8", variants=AT_SHOP)
def emoney_at_shop_link_broken(rig: Rig, variant: str) -> None:
    """A walks off after a message, and comes back: handed over if and only if the till has it."""
    there = town(rig)
    rig.separates(there.a, there.register, at=variant)
    bill(there.register, there.a)
    there.a.purse.pay()
    rig.waits(LONG_S)
    there.register.expects_article("handed over" if variant in ("value", "receipt") else "kept")
    there.a.hold_to(there.till)
    rig.waits(60)
    if variant == "tender":  # the till's request never reached the phone
        there.register.expects("NO E-MONEY CAME")
        there.register.expects_article("kept")
        rig.expects_purses(A="20.00", S="0.00")
    else:
        expects_sold(rig, there)


@scenario(figure="8")
def emoney_late_at_shop(rig: Rig) -> None:
    """A's e-money comes when the till has sold to B already: A gets it back, and no coffee."""
    there = town(rig)
    there.a.purse.give(there.b, "5.00")
    there.b.expects("RECEIVED 5.00")
    rig.separates(there.a, there.register, at="request")
    bill(there.register, there.a)
    there.a.purse.pay()
    rig.waits(LONG_S)
    there.register.expects("NO E-MONEY CAME")
    bill(there.register, there.b)
    there.b.purse.pay()
    there.register.expects_article("handed over")
    rig.expects_purses(A="12.50", B="2.50", S="2.50")
    there.a.hold_to(there.till)
    there.a.expects("RECEIVED 2.50")
    rig.expects_purses(A="15.00", B="2.50", S="2.50")
    rig.expects_decisions("e-money given back")
    rig.circulation.expects_nothing_under_way()


# -- power goes ---------------------------------------------------------------------------------


@scenario(figure="8", variants=[f"{who} at {step}" for step in TO_OTHER for who in "AB"])
def emoney_issue_power_loss(rig: Rig, variant: str) -> None:
    """A phone's battery fails at a step of D71 to D73: the e-money is issued once, or not yet."""
    there = town(rig, loaded="")
    who, _, step = variant.partition(" at ")
    rig.cuts_power({"A": there.a, "B": there.b}[who], at=step, for_s=10)
    there.a.purse.load("20.00", receiver=there.b, password=PASSWORDS["A"])
    rig.waits(LONG_S)
    rig.expects_purses(A="0.00", B="20.00")
    rig.expects_stores(A="30.00", bank="20.00")
    rig.circulation.expects_nothing_under_way()


@scenario(figure="8", variants=["D71", "D71 arrived", "D72", "D72 arrived"])
def emoney_load_power_loss(rig: Rig, variant: str) -> None:
    """A's battery fails while e-money is under way to A: it comes when the power is back."""
    there = town(rig, loaded="")
    step, _, arrived = variant.partition(" ")
    rig.cuts_power(there.a, at=step, arrived=bool(arrived), for_s=10)
    there.a.purse.load("20.00", password=PASSWORDS["A"])
    rig.waits(60)
    rig.expects_purses(A="20.00")
    rig.expects_stores(A="30.00", bank="20.00")
    rig.circulation.expects_nothing_under_way()


@scenario(figure="8", variants=[f"{who} at {step}" for step in TRANSFER for who in "AB"])
def emoney_transfer_power_loss(rig: Rig, variant: str) -> None:
    """A phone's battery fails at a step of a transfer: it is finished when the power is back."""
    there = town(rig)
    who, _, step = variant.partition(" at ")
    rig.cuts_power({"A": there.a, "B": there.b}[who], at=step, for_s=10)
    there.a.purse.give(there.b, "5.00")
    rig.waits(LONG_S)
    rig.expects_purses(A="15.00", B="5.00")
    rig.circulation.expects_nothing_under_way()


@scenario(
    figure="8", variants=[f"{who} at {step}" for step in ("D1", *AT_SHOP) for who in ("A", "till")]
)
def emoney_at_shop_power_loss(rig: Rig, variant: str) -> None:
    """Phone or register lose power at a step: handed over if and only if the till has the value."""
    there = town(rig)
    who, _, step = variant.partition(" at ")
    victim: Device = there.a if who == "A" else there.register
    if step == "D1":
        bill(there.register, there.a)
        victim.lose_power(10)
        if who == "till":
            there.a.purse.pay()
    else:
        rig.cuts_power(victim, at=step, for_s=10)
        bill(there.register, there.a)
        there.a.purse.pay()
    if variant in ("A at tender", "A at request"):
        rig.waits(30)
        there.a.expects("E-MONEY TO S.register")  # it has forgotten what A approved
        there.a.purse.pay()
    rig.waits(LONG_S)
    sold = variant not in ("A at D1", "till at D1", "till at tender")
    there.register.expects_article("handed over" if sold else "kept")
    rig.expects_purses(**({"A": "17.50", "S": "2.50"} if sold else {"A": "20.00", "S": "0.00"}))
    rig.circulation.expects_nothing_under_way()


@scenario(figure="8", variants=["redeem", "redeem arrived", "redeemed", "redeemed arrived"])
def emoney_redemption_power_loss(rig: Rig, variant: str) -> None:
    """A's battery fails while e-money goes back to the bank: it is paid into the store once."""
    there = town(rig)
    step, _, arrived = variant.partition(" ")
    rig.cuts_power(there.a, at=step, arrived=bool(arrived), for_s=10)
    there.a.purse.redeem("5.00")
    rig.waits(60)
    rig.expects_purses(A="15.00")
    rig.expects_stores(A="35.00", bank="15.00")
    rig.circulation.expects_nothing_under_way()


@scenario(figure="8", variants=["cash", "convert", "convert lost"])
def emoney_conversion_power_loss(rig: Rig, variant: str) -> None:
    """The machine or the phone loses power while it converts: it is in the store once."""
    there = town(rig, loaded="")
    if variant == "cash":
        counter = rig.circulation.counter()
        rig.cuts_power(counter, at=variant, for_s=10)
        counter.pay_in(there.user.store, "25.00")
    else:
        if variant == "convert lost":
            rig.loses("convert")
        else:
            rig.cuts_power(there.a, at="convert", for_s=10)
        there.a.purse.fill_store("25.00", password=PASSWORDS["A"])
        there.a.lose_power(10)
    rig.waits(60)
    rig.expects_balances(A="30.00" if variant == "cash" else "5.00")
    rig.expects_stores(A="75.00")
