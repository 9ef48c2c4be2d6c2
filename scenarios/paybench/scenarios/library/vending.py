"""Fig 4: an article from a vending machine ([0056] to [0061]), and all that can go wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from paybench.devices.phone import Phone
    from paybench.devices.vending_machine import VendingMachine
    from paybench.scenarios.rig import Rig

TO_BANK = ["direct", "managed"]
STEPS = {
    "direct": ("D11", "D12", "D13", "D14"),
    "managed": ("D11", "D12", "D13", "D13", "D14", "D14"),
}


def street(rig: Rig, variant: str, balance: str = "20.00") -> tuple[VendingMachine, Phone]:
    """V's machine with cola and water in it, and A with a phone."""
    machine = rig.shop("V").vending_machine(managed=variant == "managed")
    machine.load("A1", "Cola", price="1.50", stock=2)
    machine.load("A2", "Water", price="1.20", stock=1)
    phone = rig.customer("A", balance=balance, password="2468").phone()
    return machine, phone


@scenario(figure="4", variants=TO_BANK)
def vending_machine(rig: Rig, variant: str) -> None:
    """A buys a cola: the machine asks, A chooses, the bank settles, the cola falls."""
    machine, phone = street(rig, variant)
    phone.hold_to(machine)  # D11
    phone.expects("A1 Cola 1.50")
    phone.vending.choose("A1", password="2468")  # D12, D13, D14
    machine.expects("PAID 1.50")
    machine.expects_discharged("A1", 1)
    phone.expects("TAKE YOUR A1")
    rig.expects_steps(*STEPS[variant])
    rig.expects_balances(V="1.50", A="18.50")


@scenario(figure="4", variants=TO_BANK)
def vending_insufficient_balance(rig: Rig, variant: str) -> None:
    """A has too little: the bank refuses, the machine says so, and so does A's phone."""
    machine, phone = street(rig, variant, balance="1.49")
    phone.hold_to(machine)
    phone.vending.choose("A1", password="2468")
    machine.expects("REFUSED")
    machine.expects("The payer's balance is too low.")
    phone.expects("NOT PAID")
    phone.expects("The payer's balance is too low.")
    machine.expects_discharged("A1", 0)
    rig.expects_steps(*STEPS[variant])
    rig.expects_balances(V="0.00", A="1.49")


@scenario(figure="4")
def vending_wrong_password(rig: Rig) -> None:
    """A types a wrong password: nothing leaves the phone, and the machine gives up waiting."""
    machine, phone = street(rig, "direct")
    phone.hold_to(machine)
    phone.vending.choose("A1", password="1357")
    phone.expects("WRONG PASSWORD")
    machine.expects("NO CHOICE")
    machine.expects_discharged("A1", 0)
    rig.expects_steps("D11")
    rig.expects_balances(V="0.00", A="20.00")


@scenario(figure="4")
def vending_nothing_chosen(rig: Rig) -> None:
    """A looks and wants nothing: the machine is told, and the bank never hears of it."""
    machine, phone = street(rig, "direct")
    phone.hold_to(machine)
    phone.vending.leave()
    machine.expects("NOTHING CHOSEN")
    rig.expects_steps("D11", "D12")
    rig.expects_balances(V="0.00", A="20.00")


@scenario(figure="4")
def vending_sold_out(rig: Rig) -> None:
    """The last water is gone: the offer says so, and who chooses it anyway is refused."""
    machine, phone = street(rig, "direct")
    phone.hold_to(machine)
    phone.vending.choose("A2", password="2468")
    machine.expects_discharged("A2", 1)
    phone.hold_to(machine)
    phone.expects("A2 Water SOLD OUT")
    phone.vending.choose("A2", password="2468")
    machine.expects("SOLD OUT")
    phone.expects("The item is sold out.")
    machine.expects_discharged("A2", 1)
    rig.expects_balances(V="1.20", A="18.80")


@scenario(figure="4", variants=TO_BANK)
def vending_jam(rig: Rig, variant: str) -> None:
    """The cola is stuck after it was paid: the machine has the payment given back (R1, R2)."""
    machine, phone = street(rig, variant)
    machine.jam("A1")
    phone.hold_to(machine)
    phone.vending.choose("A1", password="2468")
    machine.expects("NOT PAID")
    phone.expects("The item is stuck.")
    machine.expects_discharged("A1", 0)
    rig.expects_balances(V="0.00", A="20.00")


@scenario(figure="4", variants=TO_BANK)
def vending_tampered(rig: Rig, variant: str) -> None:
    """The machine asks the bank for more than A approved: the signature does not fit."""
    machine, phone = street(rig, variant)
    phone.hold_to(machine)
    rig.alters("D13", "information.amount", "15.00")
    phone.vending.choose("A1", password="2468")
    machine.expects("REFUSED")
    machine.expects("The approval does not match what is to be settled.")
    machine.expects_discharged("A1", 0)
    rig.expects_balances(V="0.00", A="20.00")


@scenario(figure="4", variants=TO_BANK)
def vending_lost_result(rig: Rig, variant: str) -> None:
    """D14 gets lost: the machine asks by the settlement's id (S108), and then discharges."""
    machine, phone = street(rig, variant)
    rig.loses("D14")
    phone.hold_to(machine)
    phone.vending.choose("A1", password="2468")
    machine.expects_discharged("A1", 1)
    rig.expects_balances(V="1.50", A="18.50")


@scenario(figure="4")
def vending_bank_out_of_reach(rig: Rig) -> None:
    """No answer comes at all: unknown, never declined; once the bank answers it is reversed."""
    machine, phone = street(rig, "direct")
    phone.hold_to(machine)
    rig.loses("D14")
    rig.loses("S108", times=5)
    phone.vending.choose("A1", password="2468")
    rig.expects_balances(V="1.50", A="18.50")  # settled, and nobody here knows
    machine.expects("NOT PAID")
    machine.expects_discharged("A1", 0)
    rig.expects_balances(V="0.00", A="20.00")


@scenario(figure="4", variants=["D12", "D13", "D14", "discharge"])
def vending_power_loss(rig: Rig, variant: str) -> None:
    """The machine loses its power at a step, and has it back: paid and discharged, or neither."""
    machine, phone = street(rig, "direct")
    if variant == "discharge":
        rig.cuts_power(machine, at="D14", arrived=True, for_s=10)
    else:
        rig.cuts_power(machine, at=variant, for_s=10)
    phone.hold_to(machine)
    phone.vending.choose("A1", password="2468")
    rig.waits(60)
    paid = variant != "D12"  # the choice never reached the machine
    machine.expects_discharged("A1", 1 if paid else 0)
    rig.expects_balances(**({"V": "1.50", "A": "18.50"} if paid else {"V": "0.00", "A": "20.00"}))
