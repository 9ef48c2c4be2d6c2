"""Fig 7A: cooling-off ([0079] to [0085]): provisory first, formal when the period has passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from paybench.devices.back_office import BackOffice
    from paybench.devices.terminal import Terminal
    from paybench.scenarios.rig import Rig

HELD = ["restricted-deposit", "escrow"]
DAYS = 14
BEFORE = {"A": "10.00", "B": "100.00"}
AFTER = {"A": "59.00", "B": "51.00"}
MEANWHILE = {
    "restricted-deposit": {"A": "59.00", "B": "51.00"},  # on A's account, blocked
    "escrow": {"A": "10.00", "B": "51.00"},  # on an account of the bank
}


def offered(rig: Rig, held: str = "restricted-deposit") -> tuple[BackOffice, Terminal]:
    """A offers B a lamp over the Internet, which B may give back for two weeks."""
    office = rig.shop("A", balance="10.00").office()
    terminal = rig.customer("B", balance="100.00", password="2468").terminal()
    terminal.log_in(password="2468")
    terminal.expects("LOGGED IN")
    office.offer(terminal, "lamp", price="49.00", cooling_off_days=DAYS, held=held)
    terminal.expects("CAN BE CANCELLED FOR 14 DAYS")
    return office, terminal


def bought(rig: Rig, held: str) -> tuple[BackOffice, Terminal]:
    """B has bought the lamp, and may cancel for two weeks."""
    office, terminal = offered(rig, held)
    terminal.buy()  # D51
    terminal.expects("PAID 49.00")
    terminal.expects("CAN BE CANCELLED FOR A WHILE")
    office.expects_article("sent out")
    return office, terminal


def logged_in_again(terminal: Terminal, password: str = "2468") -> None:
    """The terminal has logged out by itself meanwhile."""
    terminal.log_in(password=password)
    terminal.expects("LOGGED IN")


@scenario(figure="7A", variants=HELD)
def cooling_off(rig: Rig, variant: str) -> None:
    """The period passes and B keeps the lamp: the settlement becomes formal, A has the money."""
    _, terminal = bought(rig, variant)
    rig.expects_balances(**MEANWHILE[variant])
    rig.expects_available(A="10.00", B="51.00")
    terminal.look()
    terminal.expects("provisory -49.00 *")
    rig.waits_days(DAYS + 1)
    rig.expects_balances(**AFTER)
    rig.expects_available(**AFTER)
    logged_in_again(terminal)
    terminal.look()
    terminal.expects("formal 0.00 *")
    rig.expects_steps("S101", "S101", "D51", "S107", "S107", "S101", "S101", "S107", "S107")


@scenario(figure="7A", variants=HELD)
def cooling_off_cancelled(rig: Rig, variant: str) -> None:
    """B cancels on the thirteenth day: both accounts are as before."""
    _, terminal = bought(rig, variant)
    rig.waits_days(DAYS - 1)
    logged_in_again(terminal)
    terminal.cancel()  # C1, C2
    terminal.expects("CANCELLED")
    rig.expects_balances(**BEFORE)
    terminal.look()
    terminal.expects("cancelled 49.00 *")
    rig.waits_days(DAYS)  # and it stays so when the period ends
    rig.expects_balances(**BEFORE)


@scenario(figure="7A", variants=HELD)
def cooling_off_cancelled_too_late(rig: Rig, variant: str) -> None:
    """B cancels when the period is over: refused, and A keeps the money."""
    _, terminal = bought(rig, variant)
    rig.waits_days(DAYS)
    logged_in_again(terminal)
    terminal.cancel()
    terminal.expects("NOT CANCELLED")
    rig.expects_balances(**AFTER)


@scenario(figure="7A", variants=HELD)
def cooling_off_cancelled_twice(rig: Rig, variant: str) -> None:
    """B cancels, and cancels again: the same answer, and the money comes back once."""
    _, terminal = bought(rig, variant)
    terminal.cancel()
    terminal.expects("CANCELLED")
    terminal.cancel()
    terminal.expects("CANCELLED")
    rig.expects_balances(**BEFORE)


@scenario(figure="7A")
def cooling_off_not_the_buyers_cancellation(rig: Rig) -> None:
    """Somebody else tries to cancel B's purchase: refused, and nothing moves."""
    bought(rig, "restricted-deposit")
    other = rig.customer("C", password="1111").terminal()
    other.log_in(password="1111")
    other.expects("LOGGED IN")
    other.cancel("A.office-000001")
    other.expects("NOT CANCELLED")
    rig.expects_balances(**MEANWHILE["restricted-deposit"], C="0.00")


@scenario(figure="7A")
def cooling_off_blocked_money(rig: Rig) -> None:
    """A tries to spend the money within the period: refused; afterwards it can."""
    office, _ = bought(rig, "restricted-deposit")
    supplier = rig.shop("S").account
    logged_in_again(office, password="office")
    office.pay(supplier, amount="20.00")
    office.expects("REFUSED")
    rig.expects_balances(A="59.00", B="51.00", S="0.00")
    office.pay(supplier, amount="10.00")  # what was there before is free
    office.expects("PAID 10.00")
    rig.waits_days(DAYS)
    logged_in_again(office, password="office")
    office.pay(supplier, amount="20.00")
    office.expects("PAID 20.00")
    rig.expects_balances(A="29.00", B="51.00", S="30.00")


@scenario(figure="7A", variants=["C1", "C2"])
def cooling_off_lost_cancellation(rig: Rig, variant: str) -> None:
    """The cancellation or its answer gets lost: B cancels again, and it counts once."""
    _, terminal = bought(rig, "escrow")
    rig.loses(variant)
    terminal.cancel()
    terminal.expects("RESULT UNKNOWN")
    terminal.cancel()
    terminal.expects("CANCELLED")
    rig.expects_balances(**BEFORE)


@scenario(figure="7A", variants=["in time", "bought already"])
def cooling_off_offer_withdrawn(rig: Rig, variant: str) -> None:
    """A withdraws the offer (R1, R2): B buys in vain, or has the money back."""
    office, terminal = offered(rig)
    if variant == "in time":
        office.withdraw()
        office.expects_article("kept")
        terminal.buy()
        terminal.expects("REFUSED")
    elif variant == "bought already":
        rig.loses("result")  # A does not hear of it
        terminal.buy()
        terminal.expects("PAID 49.00")
        office.expects_article("offered")
        office.withdraw()
        office.expects_article("kept")
    rig.expects_balances(**BEFORE)


@scenario(figure="7A")
def cooling_off_office_power_loss(rig: Rig) -> None:
    """A's office has no power while B buys: back again, it asks the bank and sends the lamp."""
    office, terminal = offered(rig)
    office.lose_power()
    terminal.buy()
    terminal.expects("PAID 49.00")
    office.regain_power()
    office.expects_article("sent out")
    rig.expects_balances(**AFTER)
