"""Claims 47 to 53: the number is on the customer's phone, and the shop's terminal reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.bank.tin import tin
from paybench.scenarios.library.tin_at_shop import (
    CALLERS,
    NUMBERS,
    PAID,
    SYNCHRONISED,
    UNPAID,
    customer,
    pay,
    refused,
)
from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from paybench.devices.phone import Phone
    from paybench.scenarios.rig import Rig


def shown(phone: Phone) -> str:
    """The number that a phone shows."""
    phone.expects("TIN *")
    return phone.display.lines[1].removeprefix("TIN ")


@scenario(figure="TIN 47", variants=["code", "short-range", "keyed in"])
def tin_shown_by_phone(rig: Rig, variant: str) -> None:
    """B's phone gets a number and shows it; the shop's terminal reads it, and bills."""
    terminal = rig.shop("A").billing_terminal()
    phone = customer(rig, shows=("name",))
    phone.payer.show_tin()  # T1, T2
    phone.expects("TIN *")
    if variant == "code":
        terminal.read(phone)  # T3
    elif variant == "short-range":
        phone.payer.hand_to(terminal)
    else:
        terminal.key_in(shown(phone))
    terminal.expects("CUSTOMER IS THERE")  # T4
    terminal.expects("name: B")
    pay(terminal, phone)
    phone.expects("BALANCE 17.50")
    rig.expects_steps(*PAID)
    rig.expects_balances(A="2.50", B="17.50")


@scenario(figure="TIN 48", variants=list(NUMBERS))
def tin_shown_number_refused(rig: Rig, variant: str) -> None:
    """The clerk keys in a number that is none, nobody's, too old, or read at another counter."""
    shop = rig.shop("A")
    terminal, other = shop.billing_terminal(), shop.billing_terminal()
    phone = customer(rig)
    phone.payer.show_tin()
    number = shown(phone)
    typed = {"mistyped": number[:-1] + str((int(number[-1]) + 1) % 10), "unknown": tin(1)}
    if variant == "expired":
        rig.waits(200)
        phone.expects("REFUSED")
    if variant == "used":
        other.read(phone)
    terminal.key_in(typed.get(variant, number))
    terminal.expects("REFUSED")
    terminal.expects(NUMBERS[variant])
    terminal.expects_article("kept")
    if variant == "used":
        pay(other, phone)
    rig.expects_balances(**({"A": "2.50", "B": "17.50"} if variant == "used" else UNPAID))


@scenario(figure="TIN 48", variants=list(CALLERS))
def tin_shown_caller_refused(rig: Rig, variant: str) -> None:
    """A phone whose calling number nobody has registered, or that is stolen, gets no number."""
    calling_number = "+81 90 1234 5678"
    rig.shop("A")
    phone = customer(rig, number=calling_number, registered=variant != "unregistered")
    if variant == "blocked":
        rig.tin_office.users.block(calling_number)
    phone.payer.show_tin()
    phone.expects("REFUSED")
    phone.expects(CALLERS[variant])
    rig.expects_steps("T1")
    rig.expects_balances(**UNPAID)


@scenario(figure="TIN 49")
def tin_shown_terminal_refused(rig: Rig) -> None:
    """A terminal that is not registered reads B's number: it is not synchronised with anybody."""
    terminal = rig.shop("A").billing_terminal(registered=False)
    phone = customer(rig)
    phone.payer.show_tin()
    terminal.read(phone)
    terminal.expects("REFUSED")
    terminal.expects("No billing terminal is registered under this id.")
    terminal.expects_article("kept")
    phone.expects("TIN *")
    rig.expects_steps("T1", "T2", "T3")
    rig.expects_balances(**UNPAID)


@scenario(figure="TIN 49", variants=["declines", "over available", "withdrawn"])
def tin_shown_not_paid(rig: Rig, variant: str) -> None:
    """B's number was read, but B declines, has too little, or the clerk gives up."""
    terminal = rig.shop("A").billing_terminal()
    phone = customer(rig)
    phone.payer.show_tin()
    phone.expects("TIN *")
    terminal.read(phone)
    terminal.expects("CUSTOMER IS THERE")
    terminal.bill("20.01" if variant == "over available" else "2.50")
    if variant == "declines":
        phone.decline()
        refused(terminal, phone, "The payer declined.")
    elif variant == "withdrawn":
        terminal.cancel()
        refused(terminal, phone, "The shop withdrew.")
    else:
        refused(terminal, phone, "The amount is more than the payer has available.")
    rig.expects_steps(*SYNCHRONISED, "T5", *(["T6"] if variant != "over available" else []))
    rig.expects_balances(**UNPAID)


@scenario(figure="TIN 49")
def tin_shown_methods_do_not_match(rig: Rig) -> None:
    """The terminal insists on an iris, and B has none registered: off as soon as it is read."""
    terminal = rig.shop("A").billing_terminal(demands="iris", insists=True)
    phone = customer(rig)
    phone.payer.show_tin()
    terminal.read(phone)
    terminal.expects("Shop and payer do not agree on a method of authentication.")
    phone.expects("*the shop requires your iris, which is not registered*")
    terminal.expects_article("kept")
    rig.expects_steps("T1", "T2", "T3")
    rig.expects_balances(**UNPAID)


@scenario(figure="TIN 50", variants=["smeared glass", "another code"])
def tin_code_not_read(rig: Rig, variant: str) -> None:
    """The terminal's reader reads nothing, or what is no number: the clerk keys it in."""
    terminal = rig.shop("A").billing_terminal()
    phone = customer(rig)
    phone.payer.show_tin()
    number = shown(phone)
    if variant == "smeared glass":
        terminal.scanner.smeared = True
        terminal.read(phone)
        terminal.expects("READ ERROR")
    else:
        terminal.scanner.present("4901234567894")  # the coffee's own code
        terminal.expects("This code is no transaction number.")
    terminal.key_in(number)
    pay(terminal, phone)
    rig.expects_balances(A="2.50", B="17.50")
