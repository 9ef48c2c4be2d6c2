"""Both source texts at once: a machine with a number as a QR code, cooling-off, e-money or account.

The machine bills by transaction identifying number (claim 37). What is bought from it can be
cancelled for two weeks ([0079] to [0085]). Whoever is billed confirms on the phone, and pays from
the account; or gives the machine electronic money over the short-range link ([0100]).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from paybench.devices.emoney_slot import EmoneySlot
    from paybench.devices.phone import Phone
    from paybench.devices.terminal import Terminal
    from paybench.devices.tin_vending_machine import TinVendingMachine
    from paybench.scenarios.party import Customer
    from paybench.scenarios.rig import Rig

HELD = ["restricted-deposit", "escrow"]
DAYS = 14
PASSWORD = "2468"
LATER_S = 900
BEFORE = {"V": "0.00", "B": "100.00"}
AFTER = {"V": "39.00", "B": "61.00"}
MEANWHILE = {
    "restricted-deposit": {"V": "39.00", "B": "61.00"},  # on V's account, blocked
    "escrow": {"V": "0.00", "B": "61.00"},  # on an account of the bank
}
STEPS = ("T1", "T2", "T3", "T4", "T4", "T5", "T6", "T7", "T8", "T9")


def airport(rig: Rig, held: str = "") -> tuple[TinVendingMachine, EmoneySlot, Customer, Phone]:
    """V's machine with headphones in it, which takes e-money; B with money of both kinds."""
    company = rig.shop("V")
    days = DAYS if held else 0
    machine = company.tin_vending_machine(
        place="Gate 7", cooling_off_days=days, held=held or "restricted-deposit"
    )
    slot = company.emoney_slot(machine)
    machine.load("H1", "Headphones", price="39.00", stock=3)
    customer = rig.customer("B", balance="100.00", password=PASSWORD)
    phone = customer.phone()
    customer.subscribes(password="sesame")
    customer.purse(cash="50.00")
    return machine, slot, customer, phone


def chosen(machine: TinVendingMachine, phone: Phone) -> None:
    """B's camera reads the machine's QR code, and B chooses: the phone asks for 39.00."""
    machine.start()
    phone.payer.read(machine)
    machine.expects("CHOOSE AN ITEM")
    machine.choose("H1")
    phone.expects("PAY 39.00")


def bought(rig: Rig, held: str) -> tuple[TinVendingMachine, Terminal]:
    """B has bought headphones from the account, and may cancel for two weeks."""
    machine, _, customer, phone = airport(rig, held)
    chosen(machine, phone)
    phone.approve(password=PASSWORD)
    machine.expects("PAID 39.00")
    machine.expects_discharged("H1", 1)
    return machine, customer.terminal()


def with_emoney(rig: Rig) -> tuple[TinVendingMachine, EmoneySlot, Phone]:
    """B has 40.00 of e-money in the phone, and is asked for 39.00."""
    machine, slot, _, phone = airport(rig)
    phone.purse.load("40.00", password=PASSWORD)
    rig.expects_purses(B="40.00", V="0.00")
    chosen(machine, phone)
    return machine, slot, phone


def paid_by_emoney(rig: Rig, machine: TinVendingMachine, phone: Phone) -> None:
    """The headphones were paid once, with e-money, and the phone's last word is that."""
    machine.expects("PAID 39.00")
    machine.expects_discharged("H1", 1)
    phone.expects("PAID 39.00")
    phone.expects("PURSE 1.00")
    rig.expects_purses(B="1.00", V="39.00")
    rig.expects_balances(**BEFORE)
    rig.circulation.expects_nothing_under_way()


def paid_by_account(rig: Rig, machine: TinVendingMachine, phone: Phone) -> None:
    """The headphones were paid once, from the account, and the phone's last word is that."""
    machine.expects("PAID 39.00")
    machine.expects_discharged("H1", 1)
    phone.expects("PAID 39.00")
    phone.expects("BALANCE 61.00")
    rig.expects_purses(B="40.00", V="0.00")
    rig.expects_balances(**AFTER)
    rig.circulation.expects_nothing_under_way()


@scenario(figure="TIN 37, Fig 7A", variants=HELD)
def tin_mixed_cooling_off(rig: Rig, variant: str) -> None:
    """The number is read as a QR code, the purchase is provisory, and formal after two weeks."""
    machine, _, _, phone = airport(rig, variant)
    chosen(machine, phone)
    rig.expects_balances(**BEFORE)
    phone.approve(password=PASSWORD)
    phone.expects("PAID 39.00")
    machine.expects("PAID 39.00")
    machine.expects_discharged("H1", 1)
    rig.expects_steps(*STEPS)
    rig.expects_decisions("synchronised", "provisory", "article discharged")
    rig.expects_balances(**MEANWHILE[variant])
    rig.expects_available(V="0.00", B="61.00")
    phone.payer.ask_history()
    phone.expects("39.00 V provisory")
    rig.waits_days(DAYS + 1)
    rig.expects_balances(**AFTER)
    rig.expects_available(**AFTER)
    phone.payer.ask_history()
    phone.expects("39.00 V settled")


@scenario(figure="TIN 37, Fig 7A", variants=HELD)
def tin_mixed_cancelled(rig: Rig, variant: str) -> None:
    """B brings the headphones back on the thirteenth day, and cancels: all as before."""
    machine, terminal = bought(rig, variant)
    assert machine.vend is not None, "it has just been bought"
    rig.waits_days(DAYS - 1)
    terminal.log_in(password=PASSWORD)
    terminal.expects("LOGGED IN")
    terminal.cancel(machine.vend.session)  # C1, C2
    terminal.expects("CANCELLED")
    rig.expects_balances(**BEFORE)
    rig.waits_days(DAYS)
    rig.expects_balances(**BEFORE)


@scenario(figure="TIN 37, Fig 7A", variants=HELD)
def tin_mixed_cancelled_too_late(rig: Rig, variant: str) -> None:
    """The two weeks are over when B cancels: refused, and V keeps the money."""
    machine, terminal = bought(rig, variant)
    assert machine.vend is not None, "it has just been bought"
    rig.waits_days(DAYS)
    terminal.log_in(password=PASSWORD)
    terminal.expects("LOGGED IN")
    terminal.cancel(machine.vend.session)
    terminal.expects("NOT CANCELLED")
    rig.expects_balances(**AFTER)


@scenario(figure="TIN 37, Fig 7A", variants=HELD)
def tin_mixed_jam(rig: Rig, variant: str) -> None:
    """The headphones are stuck: the machine gives back what is not even formal (R1, R2)."""
    machine, _, _, phone = airport(rig, variant)
    machine.jam("H1")
    chosen(machine, phone)
    phone.approve(password=PASSWORD)
    machine.expects("NOT PAID")
    machine.expects_discharged("H1", 0)
    rig.expects_balances(**BEFORE)
    rig.waits_days(DAYS + 1)
    rig.expects_balances(**BEFORE)


@scenario(figure="TIN 37, Fig 8", variants=["account", "e-money"])
def tin_mixed_choice(rig: Rig, variant: str) -> None:
    """B is billed, and pays as B likes: confirms on the phone, or gives the machine e-money."""
    machine, slot, phone = with_emoney(rig)
    if variant == "account":
        phone.approve(password=PASSWORD)
        paid_by_account(rig, machine, phone)
    elif variant == "e-money":
        phone.purse.give(machine, "39.00", password=PASSWORD)
        paid_by_emoney(rig, machine, phone)
        slot.redeem()
        rig.expects_stores(V="39.00", B="10.00", bank="1.00")
        rig.expects_purses(V="0.00")


@scenario(figure="TIN 37, Fig 8", variants=["confirmation late", "offer late", "at once"])
def tin_mixed_both(rig: Rig, variant: str) -> None:
    """B does both, one right after the other: it is paid once, by whichever came first."""
    machine, _, phone = with_emoney(rig)
    if variant == "confirmation late":
        rig.delays("T7", by_s=2)
    elif variant == "offer late":
        rig.delays("offer", by_s=2)
    rig.at_once(
        lambda: phone.approve(password=PASSWORD),
        lambda: phone.purse.give(machine, "39.00", password=PASSWORD),
    )
    rig.waits(LATER_S)
    if variant == "confirmation late":
        paid_by_emoney(rig, machine, phone)
    elif variant == "offer late" or rig.balances()["V"].amount_minor:
        paid_by_account(rig, machine, phone)
    else:
        paid_by_emoney(rig, machine, phone)


@scenario(figure="TIN 37, Fig 8", variants=["too little", "too much", "before the choice"])
def tin_mixed_not_wanted(rig: Rig, variant: str) -> None:
    """E-money that is not the price, or comes before there is one: declined, B keeps it."""
    machine, _, phone = with_emoney(rig)
    if variant == "before the choice":
        machine.cancel()
        machine.expects("The shop withdrew.")
        machine.start()
        phone.payer.read(machine)
        machine.expects("CHOOSE AN ITEM")
        phone.purse.give(machine, "39.00", password=PASSWORD)
        machine.choose("H1")
    else:
        amount = "1.00" if variant == "too little" else "39.50"
        phone.purse.give(machine, amount, password=PASSWORD)
    rig.waits(10)
    rig.expects_purses(B="40.00", V="0.00")
    phone.approve(password=PASSWORD)  # and the account is still as good as before
    paid_by_account(rig, machine, phone)


@scenario(figure="TIN 37, Fig 8")
def tin_mixed_emoney_jam(rig: Rig) -> None:
    """Paid with e-money, and stuck: the machine gives the e-money back into B's phone."""
    machine, _, phone = with_emoney(rig)
    machine.jam("H1")
    phone.purse.give(machine, "39.00", password=PASSWORD)
    machine.expects("NOT PAID")
    machine.expects_discharged("H1", 0)
    phone.expects("RECEIVED 39.00")
    rig.expects_purses(B="40.00", V="0.00")
    rig.expects_balances(**BEFORE)
    rig.circulation.expects_nothing_under_way()


LOST = ["offer", "withdraw", "refused", "request", "value", "receipt"]


@scenario(figure="TIN 37, Fig 8", variants=LOST)
def tin_mixed_emoney_lost(rig: Rig, variant: str) -> None:
    """A message gets lost on the way to paying with e-money: paid once, and one pair falls."""
    machine, _, phone = with_emoney(rig)
    rig.loses(variant)
    phone.purse.give(machine, "39.00", password=PASSWORD)
    paid_by_emoney(rig, machine, phone)


@scenario(figure="TIN 37, Fig 8", variants=LOST)
def tin_mixed_emoney_power_loss(rig: Rig, variant: str) -> None:
    """The machine's power goes while B pays with e-money, and comes back: the same end."""
    machine, _, phone = with_emoney(rig)
    rig.cuts_power(machine, at=variant, for_s=10)
    phone.purse.give(machine, "39.00", password=PASSWORD)
    rig.waits(LATER_S)
    paid_by_emoney(rig, machine, phone)


@scenario(figure="TIN 37, Fig 8", variants=["in time", "too late"])
def tin_mixed_walked_away(rig: Rig, variant: str) -> None:
    """B's phone pays, and is gone before the value is over; B comes back with it.

    In time, the headphones fall; too late, the machine gives the e-money back.
    """
    machine, _, phone = with_emoney(rig)
    rig.separates(phone, machine, at="request")
    phone.purse.give(machine, "39.00", password=PASSWORD)
    rig.expects_purses(B="1.00", V="0.00")  # the rest is under way
    if variant == "in time":
        rig.waits(20)
        phone.hold_to(machine)
        paid_by_emoney(rig, machine, phone)
    elif variant == "too late":
        rig.waits(LATER_S)
        machine.expects("No e-money came.")
        phone.hold_to(machine)
        phone.expects("RECEIVED 39.00")
        rig.expects_purses(B="40.00", V="0.00")
        rig.expects_decisions("article kept", "e-money given back", "e-money is back")
        machine.expects_discharged("H1", 0)
        rig.expects_balances(**BEFORE)
        rig.circulation.expects_nothing_under_way()
