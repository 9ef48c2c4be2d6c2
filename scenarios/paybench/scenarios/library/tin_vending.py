"""Claim 37: a vending machine that shows a number, and all that can go wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.bank.tin import tin
from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from typing import Unpack

    from paybench.devices.phone import Phone
    from paybench.devices.tin_vending_machine import TinVendingMachine
    from paybench.scenarios.rig import Rig
    from paybench.scenarios.tin_sellers import MachineOptions

STEPS = ("T1", "T2", "T3", "T4", "T4", "T5", "T6", "T7", "T8", "T9")
BEFORE = {"V": "0.00", "A": "20.00"}
PAID = {"V": "1.50", "A": "18.50"}
PASSWORD = "2468"
LATER_S = 900
"""After so long whatever was under way has come to its end."""


def street(
    rig: Rig, balance: str = "20.00", **options: Unpack[MachineOptions]
) -> tuple[TinVendingMachine, Phone]:
    """V's machine with cola and water in it, and A with a phone that pays by number."""
    options.setdefault("place", "Platform 2")
    machine = rig.shop("V").tin_vending_machine(**options)
    machine.load("A1", "Cola", price="1.50", stock=2)
    machine.load("A2", "Water", price="1.20", stock=1)
    customer = rig.customer("A", balance=balance, password=PASSWORD)
    phone = customer.phone()
    customer.subscribes(
        password="sesame",
        questions={"First pet?": "Rex"},
        finger="A's thumb",
        portrait="A",
    )
    return machine, phone


def connected(rig: Rig, balance: str = "20.00") -> tuple[TinVendingMachine, Phone]:
    """The machine offers its items: A's phone has read its number."""
    machine, phone = street(rig, balance)
    machine.start()
    phone.payer.read(machine)
    machine.expects("CHOOSE AN ITEM")
    return machine, phone


def chosen(rig: Rig, balance: str = "20.00") -> tuple[TinVendingMachine, Phone]:
    """A has chosen a cola, and the phone asks for the confirmation."""
    machine, phone = connected(rig, balance)
    machine.choose("A1")
    phone.expects("PAY 1.50")
    return machine, phone


def number(machine: TinVendingMachine) -> str:
    """The number that a machine shows."""
    machine.expects("TIN *")
    return machine.display.lines[0].removeprefix("TIN ")


def buy(machine: TinVendingMachine, phone: Phone) -> None:
    """A chooses a cola, confirms, and has it."""
    machine.expects("CHOOSE AN ITEM")
    machine.choose("A1")
    phone.expects("PAY 1.50")
    phone.approve(password=PASSWORD)
    machine.expects("PAID 1.50")
    machine.expects_discharged("A1", 1)


@scenario(figure="TIN 37", variants=["typed", "camera", "short-range"])
def tin_vending(rig: Rig, variant: str) -> None:
    """A sends the number the machine shows, chooses a cola there, confirms; the cola falls."""
    machine, phone = street(rig)
    machine.start()  # T1, T2
    if variant == "typed":
        phone.payer.enter(number(machine))  # T3
    elif variant == "camera":
        phone.payer.read(machine)
    elif variant == "short-range":
        phone.hold_to(machine)
    machine.expects("CHOOSE AN ITEM")  # T4
    machine.expects("A1 Cola 1.50")
    phone.expects("Platform 2")
    machine.choose("A1")  # T5
    machine.expects("CONFIRM ON YOUR PHONE")
    phone.expects("PAY 1.50")  # T6
    rig.expects_balances(**BEFORE)
    phone.approve(password=PASSWORD)  # T7
    phone.expects("PAID 1.50")  # T9
    machine.expects("THANK YOU")  # T8
    machine.expects_discharged("A1", 1)
    rig.expects_steps(*STEPS)
    rig.expects_balances(**PAID)


@scenario(figure="TIN 37", variants=["password", "question", "fingerprint"])
def tin_vending_authenticated(rig: Rig, variant: str) -> None:
    """The machine demands that customers are authenticated before it offers anything."""
    machine, phone = street(rig, demands=variant)
    machine.start()
    phone.payer.read(machine)
    machine.expects("LOOK AT YOUR PHONE")
    if variant == "password":
        phone.payer.answer(password="sesame")
    elif variant == "question":
        phone.expects("First pet?")
        phone.payer.answer(text="Rex")
    elif variant == "fingerprint":
        phone.payer.present(finger="A's thumb")
    machine.expects("CHOOSE AN ITEM")
    machine.choose("A2")
    phone.approve(password=PASSWORD)
    machine.expects("PAID 1.20")
    machine.expects_discharged("A2", 1)
    rig.expects_steps(*STEPS)
    rig.expects_balances(V="1.20", A="18.80")


@scenario(figure="TIN 37", variants=["password", "fingerprint"])
def tin_vending_not_authenticated(rig: Rig, variant: str) -> None:
    """Whoever has A's phone cannot answer what is asked: nothing is offered, and A is told why."""
    machine, phone = street(rig, demands=variant)
    machine.start()
    phone.payer.read(machine)
    if variant == "password":
        phone.payer.answer(password="guessed")
    elif variant == "fingerprint":
        phone.payer.present(finger="C's thumb")
    machine.expects("The payer could not be authenticated.")
    phone.expects("REFUSED")
    machine.expects_discharged("A1", 0)
    rig.expects_steps("T1", "T2", "T3", "T4", "T4")
    rig.expects_balances(**BEFORE)


@scenario(figure="TIN 37")
def tin_vending_nobody_to_look(rig: Rig) -> None:
    """A machine that insists on the portrait has nobody to look at it: both are told."""
    machine, phone = street(rig)
    other = rig.shop("W").tin_vending_machine(demands="portrait", insists=True)
    other.load("B1", "Tea", price="1.00", stock=1)
    other.start()
    phone.payer.read(other)
    other.expects("Shop and payer do not agree on a method of authentication.")
    phone.expects("REFUSED")
    other.expects_discharged("B1", 0)
    machine.expects_discharged("A1", 0)
    rig.expects_steps("T1", "T2", "T3")
    rig.expects_balances(**BEFORE, W="0.00")


@scenario(figure="TIN 37", variants=["sold out", "no such item"])
def tin_vending_not_on_offer(rig: Rig, variant: str) -> None:
    """A chooses what cannot be had: the machine says so, and A takes something else."""
    machine, phone = connected(rig)
    if variant == "sold out":
        machine.load("A2", "Water", price="1.20", stock=0)
        machine.choose("A2")
        machine.expects("SOLD OUT")
        machine.expects("A2 Water SOLD OUT")
    elif variant == "no such item":
        machine.choose("Z9")
        machine.expects("NO SUCH ITEM")
    machine.choose("A1")
    phone.approve(password=PASSWORD)
    machine.expects("PAID 1.50")
    machine.expects_discharged("A1", 1)
    machine.expects_discharged("A2", 0)
    rig.expects_steps(*STEPS)
    rig.expects_balances(**PAID)


@scenario(figure="TIN 37")
def tin_vending_all_sold_out(rig: Rig) -> None:
    """There is nothing left: the machine asks for no number at all."""
    machine, phone = chosen(rig)
    phone.approve(password=PASSWORD)
    machine.expects("PAID 1.50")
    machine.load("A1", "Cola", price="1.50", stock=0)
    machine.load("A2", "Water", price="1.20", stock=0)
    machine.start()
    machine.expects("SOLD OUT")
    rig.expects_steps(*STEPS)
    rig.expects_balances(**PAID)


@scenario(figure="TIN 37")
def tin_vending_declined(rig: Rig) -> None:
    """A sees the amount and does not want it: nothing falls."""
    machine, phone = chosen(rig)
    phone.decline()
    machine.expects("The payer declined.")
    phone.expects("REFUSED")
    machine.expects_discharged("A1", 0)
    rig.expects_steps(*STEPS[:7])
    rig.expects_balances(**BEFORE)


@scenario(figure="TIN 37")
def tin_vending_wrong_password(rig: Rig) -> None:
    """Somebody else taps on A's phone: no confirmation leaves it, and the time runs out."""
    machine, phone = chosen(rig)
    phone.approve(password="1357")
    phone.expects("WRONG PASSWORD")
    rig.waits(LATER_S)
    machine.expects("The time for this transaction is over: ask for a new number.")
    machine.expects_discharged("A1", 0)
    rig.expects_balances(**BEFORE)


@scenario(figure="TIN 37")
def tin_vending_over_available(rig: Rig) -> None:
    """A has too little: the apparatus refuses when the price is billed, and says nothing more."""
    machine, phone = connected(rig, balance="1.49")
    machine.choose("A1")
    machine.expects("REFUSED")
    phone.expects("REFUSED")
    rig.expects_refusal("The amount is more than the payer has available.")
    machine.expects_discharged("A1", 0)
    rig.expects_steps(*STEPS[:6])
    rig.expects_balances(V="0.00", A="1.49")


@scenario(figure="TIN 37", variants=["waits", "cancels", "leaves"])
def tin_vending_nothing_chosen(rig: Rig, variant: str) -> None:
    """A wants nothing of what is there: by the machine's key, by phone, or by walking away."""
    machine, phone = connected(rig)
    if variant == "waits":
        rig.waits(LATER_S)
    elif variant == "cancels":
        machine.cancel()
    elif variant == "leaves":
        phone.payer.leave()
    why = "The payer declined." if variant == "leaves" else "The shop withdrew."
    machine.expects(why)
    phone.expects("REFUSED")
    if variant != "waits":  # meanwhile both have asked how it stands
        rig.expects_steps(*STEPS[:5])
    rig.expects_balances(**BEFORE)
    machine.start()  # and the next one can buy
    phone.payer.read(machine)
    machine.choose("A1")
    phone.approve(password=PASSWORD)
    machine.expects_discharged("A1", 1)
    rig.expects_balances(**PAID)


REFUSALS = {
    "mistyped": "This cannot be a transaction number: type it once more.",
    "unknown": "This is not the number of any transaction.",
    "expired": "The time for this transaction is over: ask for a new number.",
    "used": "This transaction number has been used: ask for a new one.",
    "unregistered caller": "Nobody is registered under this calling number.",
    "blocked caller": "This calling number is blocked at present.",
}


@scenario(figure="TIN 37", variants=list(REFUSALS))
def tin_vending_not_synchronised(rig: Rig, variant: str) -> None:
    """C sends a wrong number, or is nobody who may pay: C is told, and the machine offers nothing.

    A, who sends the right one, buys from it all the same, if it has not got too old.
    """
    machine, phone = street(rig)
    calling_number = "+81 90 1234 5678"
    other = rig.customer("C", balance="5.00")
    thief = other.phone()
    other.subscribes(number=calling_number, registered=variant != "unregistered caller")
    machine.start()
    shown = number(machine)
    typed = {"mistyped": shown[:-1] + str((int(shown[-1]) + 1) % 10), "unknown": tin(1)}
    if variant == "expired":
        rig.waits(LATER_S)
        machine.expects(REFUSALS[variant])
    elif variant == "used":
        phone.payer.enter(shown)
    elif variant == "blocked caller":
        rig.tin_office.users.block(calling_number)
    thief.payer.enter(typed.get(variant, shown))
    thief.expects("REFUSED")
    thief.expects(REFUSALS[variant])
    machine.expects_discharged("A1", 0)
    rig.expects_balances(**BEFORE, C="5.00")
    if variant != "expired":
        if variant != "used":
            phone.payer.enter(shown)
        buy(machine, phone)
        rig.expects_balances(**PAID, C="5.00")


TERMINALS = {
    "unregistered": "No billing terminal is registered under this id.",
    "another's id": "The terminal is registered for another line.",
}


@scenario(figure="TIN 37", variants=list(TERMINALS))
def tin_vending_machine_refused(rig: Rig, variant: str) -> None:
    """A machine that is not registered, or calls itself what another one is, gets no number."""
    honest, _ = street(rig)
    if variant == "unregistered":
        machine = rig.shop("M").tin_vending_machine(registered=False)
    else:
        machine = rig.shop("M").tin_vending_machine(terminal_id=honest.line.terminal_id)
    machine.load("B1", "Tea", price="1.00", stock=1)
    machine.start()
    machine.expects("REFUSED")
    machine.expects(TERMINALS[variant])
    rig.expects_steps("T1")
    rig.expects_balances(**BEFORE, M="0.00")


@scenario(figure="TIN 37", variants=["stuck", "R1 lost", "R2 lost", "freed again"])
def tin_vending_jam(rig: Rig, variant: str) -> None:
    """The cola is stuck after it was paid: the machine has the payment given back (R1, R2)."""
    machine, phone = street(rig)
    machine.jam("A1")
    if variant.endswith("lost"):
        rig.loses(variant[:2])
    machine.start()
    phone.payer.read(machine)
    machine.choose("A1")
    phone.approve(password=PASSWORD)
    machine.expects("NOT PAID")
    machine.expects("The item is stuck.")
    machine.expects_discharged("A1", 0)
    rig.expects_balances(**BEFORE)
    phone.payer.ask_history()
    phone.expects("1.50 V reversed")
    if variant == "freed again":
        machine.free("A1")
        machine.start()
        phone.payer.read(machine)
        buy(machine, phone)
        rig.expects_balances(**PAID)


@scenario(figure="TIN 37", variants=["A declines", "A confirms"])
def tin_vending_tampered(rig: Rig, variant: str) -> None:
    """The amount is changed on its way: A sees it; if it is paid all the same, it comes back."""
    machine, phone = connected(rig)
    rig.alters("T5", "body.amount", "15.00")
    machine.choose("A1")
    phone.expects("PAY 15.00")
    if variant == "A declines":
        phone.decline()
        machine.expects("REFUSED")
    elif variant == "A confirms":
        phone.approve(password=PASSWORD)
        machine.expects("NOT PAID")
        machine.expects("The bank settled 15.00 EUR.")
        rig.expects_decisions("settled", "reversed", "not paid")
    machine.expects_discharged("A1", 0)
    rig.expects_balances(**BEFORE)


@scenario(figure="TIN 37", variants=["cancel first", "confirm first"])
def tin_vending_cancelled(rig: Rig, variant: str) -> None:
    """A key is pressed while A confirms: whichever comes first counts, for machine and phone."""
    machine, phone = chosen(rig)
    if variant == "cancel first":
        rig.delays("T7", by_s=1)
    elif variant == "confirm first":
        rig.delays("withdraw", by_s=1)
    rig.at_once(machine.cancel, lambda: phone.approve(password=PASSWORD))
    if variant == "cancel first":
        machine.expects("The shop withdrew.")
        phone.expects("REFUSED")
        machine.expects_discharged("A1", 0)
        rig.expects_balances(**BEFORE)
    else:
        machine.expects("PAID 1.50")
        phone.expects("PAID 1.50")
        machine.expects_discharged("A1", 1)
        rig.expects_balances(**PAID)


@scenario(figure="TIN 37", variants=list(dict.fromkeys(STEPS)))
def tin_vending_lost(rig: Rig, variant: str) -> None:
    """A message gets lost: it is said again, or asked for, and the cola is paid once and falls."""
    machine, phone = street(rig)
    rig.loses(variant)
    machine.start()
    phone.payer.enter(number(machine))
    buy(machine, phone)
    phone.expects("PAID 1.50")
    rig.expects_balances(**PAID)


@scenario(figure="TIN 37", variants=list(dict.fromkeys(STEPS)))
def tin_vending_repeated(rig: Rig, variant: str) -> None:
    """A message arrives twice: the cola is paid once, and one falls."""
    machine, phone = street(rig)
    rig.duplicates(variant)
    machine.start()
    phone.payer.enter(number(machine))
    buy(machine, phone)
    phone.expects("PAID 1.50")
    rig.waits(LATER_S)
    machine.expects_discharged("A1", 1)
    rig.expects_balances(**PAID)


@scenario(figure="TIN 37", variants=[*dict.fromkeys(STEPS), "discharge"])
def tin_vending_power_loss(rig: Rig, variant: str) -> None:
    """The machine loses its power at a step, and has it back: the same end as if it had not."""
    machine, phone = street(rig)
    if variant == "discharge":
        rig.cuts_power(machine, at="T8", arrived=True, for_s=10)
    else:
        rig.cuts_power(machine, at=variant, for_s=10)
    machine.start()
    phone.payer.enter(number(machine))
    buy(machine, phone)
    phone.expects("PAID 1.50")
    rig.expects_balances(**PAID)


@scenario(figure="TIN 37", variants=["T4", "T6", "T7"])
def tin_vending_phone_gone(rig: Rig, variant: str) -> None:
    """A's phone is gone for good at a step: no cola without T7, and the next one can buy."""
    machine, phone = street(rig)
    rig.cuts_power(phone, at=variant)
    machine.start()
    phone.payer.enter(number(machine))
    if variant != "T4":
        machine.expects("CHOOSE AN ITEM")
        machine.choose("A1")
    if variant == "T7":
        phone.expects("PAY 1.50")
        phone.approve(password=PASSWORD)
    rig.waits(LATER_S)
    machine.expects_discharged("A1", 1 if variant == "T7" else 0)
    rig.expects_balances(**(PAID if variant == "T7" else BEFORE))
    machine.start()
    machine.expects("TIN *")


@scenario(figure="TIN 37")
def tin_vending_power_loss_in_jam(rig: Rig) -> None:
    """The power goes while the machine gives the money back: it goes on with that afterwards."""
    machine, phone = chosen(rig)
    machine.jam("A1")
    rig.cuts_power(machine, at="R1", for_s=10)
    phone.approve(password=PASSWORD)
    machine.expects("NOT PAID")
    machine.expects_discharged("A1", 0)
    rig.expects_balances(**BEFORE)
