"""Transaction numbers when messages get lost, power goes, and people type what is not theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.bank.tin import Limits, guess_chance, tin
from paybench.scenarios.library.tin_at_shop import (
    NUMBERS,
    PAID,
    UNPAID,
    buy,
    connect,
    customer,
    number,
    pay,
    refused,
)
from paybench.scenarios.library.tin_authentication import EVERYTHING, prove
from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from paybench.devices.billing_terminal import BillingTerminal
    from paybench.devices.phone import Phone
    from paybench.scenarios.rig import Rig

STEPS = ["T1", "T2", "T3", "T4", "T4 to customer", "T5", "T6", "T7", "T8", "T9"]
MESSAGES = [*STEPS, *(f"{step} in reverse" for step in STEPS)]
CUTS = [f"{step} {when}" for step in STEPS[:4] + STEPS[5:] for when in ("sent", "arrived")]
PHONE_CUTS = [cut for cut in CUTS if cut[:2] not in ("T1", "T2") and cut != "T9 arrived"]
PAID_ONCE = {"A": "2.50", "B": "17.50"}


def begin(rig: Rig, variant: str) -> tuple[BillingTerminal, Phone, str]:
    """A terminal, a phone, and the step that a variant is about; of two T4, to the first or second.

    A variant that is about the second one lets the first pass.
    """
    terminal = rig.shop("A").billing_terminal()
    phone = customer(rig)
    step = variant.partition(" ")[0]
    if "to customer" in variant:
        rig.passes(step)
    return terminal, phone, step


def tell(terminal: BillingTerminal, phone: Phone, variant: str) -> None:
    """The whole purchase, in the direction that a variant says."""
    if "in reverse" in variant:
        phone.payer.show_tin()
        phone.expects("TIN *")
        terminal.read(phone)
        pay(terminal, phone)
    else:
        buy(terminal, phone)


@scenario(figure="TIN 3", variants=MESSAGES)
def tin_message_lost(rig: Rig, variant: str) -> None:
    """One message gets lost: whoever waits for it asks again, and B pays once."""
    terminal, phone, step = begin(rig, variant)
    rig.loses(step)
    tell(terminal, phone, variant)
    rig.expects_balances(**PAID_ONCE)


@scenario(figure="TIN 3", variants=MESSAGES)
def tin_message_repeated(rig: Rig, variant: str) -> None:
    """The line brings one message twice: it is answered alike, and B pays once."""
    terminal, phone, step = begin(rig, variant)
    rig.duplicates(step)
    tell(terminal, phone, variant)
    phone.payer.ask_history()
    phone.expects("PURCHASES 1")
    rig.expects_balances(**PAID_ONCE)


@scenario(figure="TIN 3", variants=["order", "answer", "result", "portrait", "clerk's word"])
def tin_authentication_lost(rig: Rig, variant: str) -> None:
    """What is said to authenticate B gets lost: it is said again, and what was answered counts."""
    method = "portrait" if variant in ("portrait", "clerk's word") else "password"
    terminal = rig.shop("A").billing_terminal(demands=method)
    phone = customer(rig, **EVERYTHING)
    passes = {"order": 0, "portrait": 0, "answer": 1, "clerk's word": 1, "result": 2}[variant]
    rig.passes("auth", passes)
    rig.loses("auth")
    connect(terminal, phone)
    prove(terminal, phone, method)
    if variant == "clerk's word":
        rig.waits(30)  # the clerk is asked again
        prove(terminal, phone, method)
    pay(terminal, phone)
    rig.expects_balances(**PAID_ONCE)


@scenario(figure="TIN 3", variants=CUTS)
def tin_terminal_loses_power(rig: Rig, variant: str) -> None:
    """The terminal's power goes at any step and comes back: it asks, and the sale goes on."""
    terminal, phone, step = begin(rig, variant)
    rig.cuts_power(terminal, at=step, arrived="arrived" in variant, for_s=10)
    tell(terminal, phone, variant)
    rig.expects_balances(**PAID_ONCE)


@scenario(figure="TIN 3", variants=PHONE_CUTS)
def tin_phone_loses_power(rig: Rig, variant: str) -> None:
    """B's phone loses its power at any step and has it again: it knows, and asks what it missed."""
    terminal, phone, step = begin(rig, variant)
    rig.cuts_power(phone, at=step, arrived="arrived" in variant, for_s=10)
    tell(terminal, phone, variant)
    rig.expects_balances(**PAID_ONCE)


@scenario(figure="TIN 8", variants=["a minute", "two hours"])
def tin_terminal_gone(rig: Rig, variant: str) -> None:
    """The terminal is gone after T7 and comes back: it inquires (S108) and hands over."""
    terminal = rig.shop("A").billing_terminal()
    phone = customer(rig)
    connect(terminal, phone)
    terminal.bill("2.50")
    phone.expects("PAY 2.50")
    rig.cuts_power(terminal, at="T7", for_s=60 if variant == "a minute" else 7200)
    phone.approve(password="2468")
    phone.expects("PAID 2.50")
    rig.waits(59)
    terminal.expects_article("")
    rig.waits(7200)
    terminal.expects("PAID 2.50")
    terminal.expects_article("handed over")
    rig.expects_steps(*PAID, "S108", "S108")
    rig.expects_balances(**PAID_ONCE)


@scenario(figure="TIN 8")
def tin_withdrawn_too_late(rig: Rig) -> None:
    """T8 is late, the clerk gives up, but B has paid: the article is handed over all the same."""
    terminal = rig.shop("A").billing_terminal()
    phone = customer(rig)
    connect(terminal, phone)
    terminal.bill("2.50")
    phone.expects("PAY 2.50")
    rig.loses("T8")
    phone.approve(password="2468")
    phone.expects("PAID 2.50")
    terminal.expects("WAITING FOR CUSTOMER")
    terminal.cancel()
    terminal.expects("PAID 2.50")
    terminal.expects_article("handed over")
    rig.expects_balances(**PAID_ONCE)


@scenario(figure="TIN 6", variants=["declined", "paid"])
def tin_each_others_numbers(rig: Rig, variant: str) -> None:
    """B and C type the numbers from each other's counters: both see where they are, and for what.

    Who declines then pays at the right counter. Who confirms pays what was confirmed, once, and
    has the article of that counter handed over; nobody pays what somebody else has confirmed.
    """
    shop = rig.shop("A")
    first, second = shop.billing_terminal(), shop.billing_terminal()
    b, c = customer(rig), customer(rig, "C")
    first.start()
    second.start()
    b.payer.enter(number(second))
    c.payer.enter(number(first))
    b.expects("Counter 2")
    c.expects("Counter 1")
    first.bill("2.50")
    second.bill("4.00")
    b.expects("PAY 4.00")
    c.expects("PAY 2.50")
    if variant == "declined":
        b.decline()
        c.decline()
        for terminal in (first, second):
            terminal.expects("The payer declined.")
            terminal.expects_article("kept")
        buy(first, b)
        rig.expects_balances(A="2.50", B="17.50", C="20.00")
    else:
        b.approve(password="2468")
        c.decline()
        second.expects("PAID 4.00")
        second.expects_article("handed over")
        first.expects_article("kept")
        rig.expects_balances(A="4.00", B="16.00", C="20.00")


@scenario(figure="TIN 6")
def tin_same_number_twice(rig: Rig) -> None:
    """B and C both type the number on one counter: it is the first one's, and C pays nothing."""
    terminal = rig.shop("A").billing_terminal()
    b, c = customer(rig), customer(rig, "C")
    terminal.start()
    shown = number(terminal)
    b.payer.enter(shown)
    c.payer.enter(shown)
    c.expects("REFUSED")
    c.expects(NUMBERS["used"])
    pay(terminal, b)
    rig.expects_balances(A="2.50", B="17.50", C="20.00")


@scenario(figure="TIN 5", variants=["waiting", "asked", "connected", "billed", "T7 late"])
def tin_expires(rig: Rig, variant: str) -> None:
    """Nobody goes on, and the time is over in mid-session: both are told, and nothing is paid."""
    terminal = rig.shop("A").billing_terminal(demands="password" if variant == "asked" else "")
    phone = customer(rig, password="long enough")
    terminal.start()
    if variant != "waiting":
        phone.payer.enter(number(terminal))
    if variant in ("billed", "T7 late"):
        terminal.bill("2.50")
        phone.expects("PAY 2.50")
    if variant == "T7 late":
        rig.delays("T7", by_s=700)
        rig.loses("T7", times=8)
        phone.approve(password="2468")
    rig.waits(800)
    if variant == "waiting":
        terminal.expects("The time for this transaction is over: ask for a new number.")
    else:
        refused(terminal, phone, "The time for this transaction is over: ask for a new number.")
    terminal.expects_article("kept")
    rig.expects_decisions("refused: expired", "article kept")
    rig.expects_balances(**UNPAID)


@scenario(figure="TIN 2", variants=["by phone", "by terminal"])
def tin_guessed(rig: Rig, variant: str) -> None:
    """M guesses numbers, and after five wrong ones is not listened to for ten minutes.

    Numbers of three digits here, and the chance that one of five hits is 1 in 200 while one is
    out. With the eight digits that are usual it is 1 in 20,000,000; the trace has both. Who hits
    could pay for somebody else, or bill somebody, who has to confirm it: there is nothing to gain.
    """
    rig.tin_office.limits = Limits(digits=3)
    shop = rig.shop("A")
    terminal, phone = shop.billing_terminal(), customer(rig)
    thief, false_terminal = customer(rig, "M"), rig.shop("N").billing_terminal()
    for digits in (3, 8):
        chance = guess_chance(live=1, tries=5, digits=digits)
        rig.world.decided("M", "guesses", f"chance of 5 tries among {digits} digits: {chance:.1e}")
    if variant == "by phone":
        terminal.start()
        live = number(terminal).replace(" ", "")
    else:
        phone.payer.show_tin()
        phone.expects("TIN *")
        live = phone.display.lines[1].removeprefix("TIN ").replace(" ", "")
    guesses = [guess for guess in map(tin_of_three, range(0, 700, 100)) if guess != live]
    for at, guess in enumerate(guesses[:6]):
        sentence = NUMBERS["unknown"]
        if at == Limits().tries:
            sentence = "There were too many wrong numbers: try again later."
        if variant == "by phone":
            thief.payer.enter(guess)
            thief.expects(sentence)
        else:
            false_terminal.key_in(guess)
            false_terminal.expects(sentence)
    if variant == "by phone":
        thief.payer.enter(live)  # too late
        thief.expects("There were too many wrong numbers: try again later.")
        phone.payer.enter(live)
    else:
        false_terminal.key_in(live)
        false_terminal.expects("There were too many wrong numbers: try again later.")
        terminal.key_in(live)
    pay(terminal, phone)
    rig.expects_balances(A="2.50", B="17.50", M="20.00", N="0.00")


def tin_of_three(number: int) -> str:
    """A number of three digits, with the right check digit: whoever guesses knows it."""
    return tin(number, digits=3)


@scenario(figure="TIN 30", variants=["lost", "out of reach"])
def tin_not_handed_over(rig: Rig, variant: str) -> None:
    """The number does not get to the phone by radio: B holds the phone there again, or types it."""
    terminal = rig.shop("A").billing_terminal()
    phone = customer(rig)
    terminal.start()
    rig.loses("offered")
    phone.hold_to(terminal)
    terminal.expects("TIN *")
    if variant == "lost":
        phone.hold_to(terminal)
    else:
        phone.payer.enter(number(terminal))
    pay(terminal, phone)
    rig.expects_balances(**PAID_ONCE)


@scenario(figure="TIN 5")
def tin_apparatus_loses_power(rig: Rig) -> None:
    """The apparatus has no power while B confirms: B's phone says it again, and it is settled."""
    terminal = rig.shop("A").billing_terminal()
    phone = customer(rig)
    connect(terminal, phone)
    terminal.bill("2.50")
    phone.expects("PAY 2.50")
    rig.apparatus.lose_power(30)
    phone.approve(password="2468")
    terminal.expects("PAID 2.50")
    phone.expects("PAID 2.50")
    terminal.expects_article("handed over")
    rig.expects_balances(**PAID_ONCE)
