"""Claims 38 to 41: a web shop whose number is shown on the customer's computer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.bank.money import Money
from paybench.devices.faults import Fault
from paybench.devices.web_messages import BasketLine
from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from paybench.devices.customer_computer import CustomerComputer
    from paybench.devices.phone import Phone
    from paybench.devices.web_shop import WebShop
    from paybench.scenarios.rig import Rig

# T1, T2, T4, T5 and T8 twice: between computer and shop, and between shop and apparatus.
STEPS = (
    *("T1", "T1", "T2", "T2", "T3", "T4", "T4", "T4"),
    *("T5", "T5", "T6", "T7", "T8", "T9", "T8"),
)
LOST = ["T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9"]
BEFORE = {"A": "0.00", "B": "90.00"}
PAID = {"A": "54.00", "B": "36.00"}
PASSWORD = "2468"
LATER_S = 900
"""After so long whatever was under way has come to its end."""


def shop_and_customer(rig: Rig, balance: str = "90.00") -> tuple[WebShop, CustomerComputer, Phone]:
    """A sells lamps and bulbs, and B has a computer, and a phone that pays by number."""
    shop = rig.shop("A").web_shop(place="lamps.example")
    shop.offer("lamp", price="49.00")
    shop.offer("bulb", price="2.50")
    computer, phone = customer(rig, "B", balance)
    return shop, computer, phone


def customer(rig: Rig, name: str, balance: str) -> tuple[CustomerComputer, Phone]:
    """Somebody's computer, with a lamp and two bulbs in the basket, and their phone."""
    person = rig.customer(name, balance=balance, password=PASSWORD)
    computer, phone = person.computer(), person.phone()
    person.subscribes(password="sesame", shows=("name", "address"), attributes={"address": "Ulm"})
    computer.put("lamp", price="49.00")
    computer.put("bulb", price="2.50", count=2)
    return computer, phone


def number(computer: CustomerComputer) -> str:
    """The number that a page shows."""
    computer.expects("TIN *")
    return computer.display.lines[0].removeprefix("TIN ")


def connected(rig: Rig) -> tuple[WebShop, CustomerComputer, Phone]:
    """The page knows that B's phone is there, and asks for the order."""
    shop, computer, phone = shop_and_customer(rig)
    computer.check_out(shop)
    phone.payer.enter(number(computer))
    computer.expects("ORDER NOW")
    return shop, computer, phone


def ordered(rig: Rig) -> tuple[WebShop, CustomerComputer, Phone]:
    """The amount has been billed, and B's phone asks for the confirmation."""
    shop, computer, phone = connected(rig)
    computer.order()
    phone.expects("PAY 54.00")
    return shop, computer, phone


def buy(shop: WebShop, computer: CustomerComputer, phone: Phone) -> None:
    """From the order to the end, once the phone is there; whatever gets lost on the way."""
    computer.expects("ORDER NOW")
    computer.order()
    phone.expects("PAY 54.00")
    phone.approve(password=PASSWORD)
    computer.expects("PAID 54.00")
    phone.expects("PAID 54.00")
    shop.expects_article(computer, "sent out")


def check_out_and_buy(rig: Rig, shop: WebShop, computer: CustomerComputer, phone: Phone) -> None:
    """From the basket to the end, whatever befalls a step: it is paid once, and sent out."""
    computer.check_out(shop)
    phone.payer.enter(number(computer))
    buy(shop, computer, phone)
    rig.expects_balances(**PAID)


@scenario(figure="TIN 38", variants=["typed", "camera"])
def tin_web(rig: Rig, variant: str) -> None:
    """B's computer shows a number, B's phone sends it; the computer orders, the phone confirms."""
    shop, computer, phone = shop_and_customer(rig)
    computer.check_out(shop)  # T1, T2
    computer.expects("TOTAL 54.00")
    if variant == "typed":
        phone.payer.enter(number(computer))  # T3
    elif variant == "camera":
        phone.payer.read(computer)
    computer.expects("CONNECTED")  # T4 (claim 41)
    phone.expects("lamps.example")
    computer.order()  # T5 (claim 40)
    phone.expects("PAY 54.00")  # T6
    computer.expects("CONFIRM ON YOUR PHONE")
    rig.expects_balances(**BEFORE)
    phone.approve(password=PASSWORD)  # T7
    phone.expects("PAID 54.00")  # T9
    computer.expects("PAID 54.00")  # T8 (claim 41)
    shop.expects_article(computer, "sent out")
    rig.expects_steps(*STEPS)
    rig.expects_decisions("synchronised", "settled", "article sent out")
    rig.expects_balances(**PAID)


@scenario(figure="TIN 38", variants=["password", "wrong password"])
def tin_web_authenticated(rig: Rig, variant: str) -> None:
    """The shop demands the password: the page says so, and asks for an order if it is right."""
    shop = rig.shop("A").web_shop(demands="password")
    shop.offer("lamp", price="49.00")
    shop.offer("bulb", price="2.50")
    computer, phone = customer(rig, "B", "90.00")
    computer.check_out(shop)
    phone.payer.read(computer)
    computer.expects("LOOK AT YOUR PHONE")
    phone.payer.answer(password="sesame" if variant == "password" else "guessed")
    if variant == "password":
        buy(shop, computer, phone)
        rig.expects_steps(*STEPS)
        rig.expects_balances(**PAID)
    elif variant == "wrong password":
        computer.expects("The payer could not be authenticated.")
        phone.expects("REFUSED")
        shop.expects_article(computer, "kept")
        rig.expects_balances(**BEFORE)


@scenario(figure="TIN 39")
def tin_web_several_customers(rig: Rig) -> None:
    """Three customers are at the pages of one shop at a time: each pays what is in their basket."""
    shop, computer, phone = shop_and_customer(rig)
    pairs = [(computer, phone), *(customer(rig, name, "90.00") for name in "CD")]
    pairs[2][0].put("bulb", price="2.50")
    rig.at_once(*(lambda page=page: page.check_out(shop) for page, _ in pairs))
    numbers = [number(page) for page, _ in pairs]
    assert len(set(numbers)) == len(numbers), "each page has a number of its own"
    for (_, payer), tin in zip(reversed(pairs), reversed(numbers), strict=True):
        payer.payer.enter(tin)
    rig.at_once(*(page.order for page, _ in pairs))
    for page, payer in pairs:
        payer.expects(f"PAY {page.total.text}")
    pairs[1][1].decline()
    pairs[1][0].expects("The payer declined.")
    for page, payer in (pairs[0], pairs[2]):
        payer.approve(password=PASSWORD)
        page.expects("THANK YOU")
        shop.expects_article(page, "sent out")
    shop.expects_article(pairs[1][0], "kept")
    rig.expects_balances(A="110.50", B="36.00", C="90.00", D="33.50")


@scenario(figure="TIN 39")
def tin_web_two_pages(rig: Rig) -> None:
    """C, to whom B has read out the number of B's page, pays for B; nobody pays for C."""
    shop, computer, phone = shop_and_customer(rig)
    computer.check_out(shop)
    friends, friends_phone = customer(rig, "C", "90.00")
    friends.check_out(shop)
    friends_phone.payer.enter(number(computer))
    phone.payer.enter(number(friends))
    buy(shop, computer, friends_phone)
    phone.payer.leave()
    friends.expects("The payer declined.")
    shop.expects_article(friends, "kept")
    rig.expects_balances(A="54.00", B="90.00", C="36.00")


@scenario(figure="TIN 40", variants=["amount", "basket", "price went up"])
def tin_web_not_what_it_costs(rig: Rig, variant: str) -> None:
    """The computer's amount is not what the basket costs: nothing is billed, the page says so."""
    shop, computer, phone = connected(rig)
    if variant == "amount":
        rig.alters("T5", "amount", "5.40")
    elif variant == "basket":
        rig.alters("T5", "basket", (BasketLine("lamp", 1), BasketLine("bulb", 20)))
    elif variant == "price went up":
        shop.offer("lamp", price="59.00")
    computer.order()
    computer.expects("The amount is not what the basket costs.")
    rig.expects_balances(**BEFORE)
    if variant == "price went up":
        computer.leave()
        computer.expects("REFUSED")
        phone.expects("The shop withdrew.")
        shop.expects_article(computer, "kept")
        rig.expects_balances(**BEFORE)
    else:
        buy(shop, computer, phone)  # and the next time it gets through as it was
        rig.expects_balances(**PAID)


@scenario(figure="TIN 40", variants=["B declines", "B confirms"])
def tin_web_another_amount(rig: Rig, variant: str) -> None:
    """Somebody between shop and apparatus changes the amount: B's phone shows it.

    If B confirms it all the same, nothing is sent out, and the shop gives it back (R1, R2).
    """
    shop, computer, phone = connected(rig)
    rig.passes("T5")  # the one from the computer
    rig.alters("T5", "body.amount", "84.00")
    computer.order()
    phone.expects("PAY 84.00")
    computer.expects("TOTAL 54.00")
    if variant == "B declines":
        phone.decline()
        computer.expects("REFUSED")
    elif variant == "B confirms":
        phone.approve(password=PASSWORD)
        computer.expects("NOT PAID")
        rig.expects_decisions("settled", "reversed", "article kept")
    shop.expects_article(computer, "kept")
    rig.expects_balances(**BEFORE)


@scenario(figure="TIN 40")
def tin_web_another_basket(rig: Rig) -> None:
    """Somebody between computer and shop puts in another basket, with its price: the page warns."""
    shop, computer, phone = connected(rig)
    other = {"basket": (BasketLine("bulb", 1),), "amount": Money.parse("2.50", rig.currency)}
    rig.world.faults.add("T5", Fault(1, "alter", other))
    computer.order()
    computer.expects("ANOTHER AMOUNT 2.50")
    phone.expects("PAY 2.50")
    phone.decline()
    computer.expects("REFUSED")
    shop.expects_article(computer, "kept")
    rig.expects_balances(**BEFORE)


@scenario(figure="TIN 40")
def tin_web_over_available(rig: Rig) -> None:
    """B has too little: the apparatus refuses the amount, and page and phone say so."""
    shop, computer, phone = shop_and_customer(rig, balance="53.99")
    computer.check_out(shop)
    phone.payer.read(computer)
    computer.order()
    computer.expects("The amount is more than the payer has available.")
    phone.expects("REFUSED")
    shop.expects_article(computer, "kept")
    rig.expects_balances(A="0.00", B="53.99")


@scenario(figure="TIN 39", variants=["page", "phone", "nobody", "shop"])
def tin_web_left(rig: Rig, variant: str) -> None:
    """B leaves the page or declines, or lets the time run out, or the shop is nobody known."""
    if variant == "shop":
        shop = rig.shop("A").web_shop(registered=False)
        computer, _ = customer(rig, "B", "90.00")
        computer.check_out(shop)
        computer.expects("No billing terminal is registered under this id.")
        rig.expects_steps("T1", "T1")
    else:
        shop, computer, phone = ordered(rig)
        if variant == "page":
            computer.leave()
            phone.expects("The shop withdrew.")
            computer.expects("The shop withdrew.")
        elif variant == "phone":
            phone.decline()
            computer.expects("The payer declined.")
        elif variant == "nobody":
            rig.waits(LATER_S)
            computer.expects("The time for this transaction is over: ask for a new number.")
    computer.expects("REFUSED")
    shop.expects_article(computer, "kept")
    rig.expects_balances(**BEFORE)


@scenario(figure="TIN 41", variants=["T2", "T4", "T5", "T8"])
def tin_web_computer_gone(rig: Rig, variant: str) -> None:
    """B's computer is gone for good at a step: what is confirmed on the phone is sent out."""
    shop, computer, phone = shop_and_customer(rig)
    rig.passes(variant)  # the one between shop and apparatus, or to the shop
    rig.cuts_power(computer, at=variant)
    computer.check_out(shop)
    if variant != "T2":
        phone.payer.enter(number(computer))
    if variant in ("T5", "T8"):
        computer.expects("ORDER NOW")
        computer.order()
        phone.expects("PAY 54.00")
        phone.approve(password=PASSWORD)
        phone.expects("PAID 54.00")
    rig.waits(LATER_S)
    paid = variant in ("T5", "T8")
    shop.expects_article(computer, "sent out" if paid else "kept")
    rig.expects_balances(**(PAID if paid else BEFORE))
    computer.regain_power()
    computer.expects("PAID 54.00" if paid else "REFUSED")


@scenario(figure="TIN 41", variants=LOST)
def tin_web_lost(rig: Rig, variant: str) -> None:
    """A message gets lost wherever a step has one: it is paid once, and sent out."""
    shop, computer, phone = shop_and_customer(rig)
    rig.loses(variant, times=2 if STEPS.count(variant) > 1 else 1)
    check_out_and_buy(rig, shop, computer, phone)


@scenario(figure="TIN 41", variants=LOST)
def tin_web_shop_power_loss(rig: Rig, variant: str) -> None:
    """The shop's server loses its power at a step, and has it back: the same end."""
    shop, computer, phone = shop_and_customer(rig)
    rig.cuts_power(shop, at=variant, for_s=10)
    check_out_and_buy(rig, shop, computer, phone)


@scenario(figure="TIN 41", variants=LOST)
def tin_web_computer_power_loss(rig: Rig, variant: str) -> None:
    """B's computer loses its power at a step, and has it back: the page is there again."""
    shop, computer, phone = shop_and_customer(rig)
    rig.cuts_power(computer, at=variant, for_s=10)
    check_out_and_buy(rig, shop, computer, phone)
