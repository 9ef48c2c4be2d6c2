"""Figs 5A and 5B: in and out through gates ([0062] to [0071]), with all that can go wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from paybench.devices.gate import Gate
    from paybench.devices.phone import Phone
    from paybench.scenarios.rig import Rig

BUSINESSES = ["railway", "toll road", "ferry", "air"]
FARES = {("Kita", "Minami"): "3.40", ("Kita", "Higashi"): "5.10", ("Minami", "Higashi"): "2.20"}
STEPS_IN = ("D21", "D22", "D23", "D24")
STEPS_OUT = ("D31", "D32", "D33")
RIDE_S = 2


def station(
    rig: Rig, balance: str = "20.00", business: str = "railway"
) -> tuple[Gate, Gate, Phone]:
    """Line R with a gate in at Kita and a gate out at Minami, and A with a phone."""
    line = rig.line("R", FARES, business=business)
    entrance = line.gate("Kita", "in")
    leave = line.gate("Minami", "out")
    phone = rig.customer("A", balance=balance, password="2468").phone()
    return entrance, leave, phone


def ride(rig: Rig, entrance: Gate, phone: Phone) -> None:
    """A goes in, and rides for a while."""
    phone.hold_to(entrance)
    phone.expects("PLEASE PASS")
    rig.waits(RIDE_S)


@scenario(figure="5", variants=BUSINESSES)
def gate_ride(rig: Rig, variant: str) -> None:
    """A goes in at Kita and out at Minami, where the gate opens once the fare is paid."""
    entrance, leave, phone = station(rig, business=variant)
    phone.hold_to(entrance)  # D21 to D24
    entrance.expects("PLEASE PASS")
    entrance.expects_passed(1)
    rig.waits(RIDE_S)
    phone.hold_to(leave)  # D31 to D33
    leave.expects("FARE 3.40")
    phone.expects("FARE 3.40")
    leave.expects_passed(1)
    assert not list(phone.wallet.documents())  # the admission has been used
    rig.expects_steps(*STEPS_IN, *STEPS_OUT)
    rig.expects_balances(R="3.40", A="16.60")


@scenario(figure="5A")
def gate_no_account(rig: Rig) -> None:
    """Somebody without an account here holds a phone to the gate: it stays closed."""
    entrance, _, phone = station(rig)
    rig.alters("D21", "proof.account.number", 4711)
    phone.hold_to(entrance)
    entrance.expects("STAY BACK")
    phone.expects("STAY BACK")
    entrance.expects_passed(0)
    rig.expects_steps("D21", "D22", "D23")


@scenario(figure="5A")
def gate_proof_altered(rig: Rig) -> None:
    """Somebody sends a proof that was made for another gate's poll: the gate stays closed."""
    entrance, _, phone = station(rig)
    rig.alters("D21", "proof.challenge", bytes(16))
    phone.hold_to(entrance)
    entrance.expects("The phone signed something else than it was given.")
    entrance.expects_passed(0)
    rig.expects_steps("D21")


@scenario(figure="5A")
def gate_entry_without_exit(rig: Rig) -> None:
    """A went in and did not come out, and wants in again: the gate stays closed."""
    entrance, _, phone = station(rig)
    ride(rig, entrance, phone)
    phone.hold_to(entrance)
    entrance.expects("You went in before and have not come out.")
    entrance.expects_passed(1)


@scenario(figure="5B")
def gate_insufficient_balance(rig: Rig) -> None:
    """A has too little for the fare: the gate stays closed, and opens once A has money again."""
    entrance, leave, phone = station(rig, balance="3.39")
    friend = rig.customer("B", balance="10.00", password="1111").phone()
    ride(rig, entrance, phone)
    phone.hold_to(leave)
    leave.expects("The payer's balance is too low.")
    leave.expects_passed(0)
    phone.expects("STAY BACK")
    phone.collector.bill(friend, amount="1.00")
    friend.expects("PAY 1.00")
    friend.approve(password="1111")
    phone.expects("RECEIVED 1.00")
    phone.hold_to(leave)
    leave.expects_passed(1)
    rig.expects_balances(R="3.40", A="0.99", B="9.00")


@scenario(figure="5B")
def gate_no_admission(rig: Rig) -> None:
    """A holds a phone without an admission to the exit: the gate stays closed."""
    _, leave, phone = station(rig)
    phone.hold_to(leave)
    leave.expects("There is no admission on the phone.")
    leave.expects_passed(0)
    rig.expects_steps("D31")
    rig.expects_balances(R="0.00", A="20.00")


@scenario(figure="5B", variants=["station", "serial"])
def gate_forged_admission(rig: Rig, variant: str) -> None:
    """A has written a nearer station, or another serial, into the admission: it is not genuine."""
    entrance, leave, phone = station(rig)
    ride(rig, entrance, phone)
    admission = next(iter(phone.wallet.documents()))
    if variant == "station":
        body = admission.body.replace(b"Kita", b"Nishi"[:4])
        forged = replace(admission, body=body)
    else:
        forged = replace(admission, serial="R-R.gate-000002")
        phone.wallet.drop(admission.serial)
    phone.wallet.keep(forged)
    phone.hold_to(leave)
    leave.expects("The admission is not genuine.")
    leave.expects_passed(0)
    rig.expects_balances(R="0.00", A="20.00")


@scenario(figure="5B")
def gate_second_exit(rig: Rig) -> None:
    """A has a copy of the admission, and gives it to B: it was used already."""
    entrance, leave, phone = station(rig)
    ride(rig, entrance, phone)
    copy = next(iter(phone.wallet.documents()))
    phone.hold_to(leave)
    leave.expects_passed(1)
    friend = rig.customer("B", balance="10.00").phone()
    friend.wallet.keep(copy)
    friend.hold_to(leave)
    leave.expects("This admission was used already.")
    leave.expects_passed(1)
    rig.expects_balances(R="3.40", A="16.60", B="10.00")


@scenario(figure="5B")
def gate_two_exits_at_once(rig: Rig) -> None:
    """A and B hold copies of one admission to two gates at the same moment: one opens."""
    line = rig.line("R", FARES)
    entrance = line.gate("Kita", "in")
    leave, beside = line.gate("Minami", "out"), line.gate("Minami", "out")
    phone = rig.customer("A", balance="20.00").phone()
    friend = rig.customer("B", balance="20.00").phone()
    ride(rig, entrance, phone)
    friend.wallet.keep(next(iter(phone.wallet.documents())))
    rig.at_once(lambda: phone.hold_to(leave), lambda: friend.hold_to(beside))
    rig.waits(10)
    assert leave.arm.passed + beside.arm.passed == 1
    assert rig.balances()["R"].text == "3.40"


@scenario(figure="5B")
def gate_fare_declined(rig: Rig) -> None:
    """The fare is above what A's phone pays unasked, and A declines: the gate stays closed."""
    entrance, leave, phone = station(rig)
    phone.wallet.fare_limit = phone.wallet.fare_limit.parse("3.00", rig.currency)
    ride(rig, entrance, phone)
    phone.hold_to(leave)
    phone.expects("PAY 3.40")
    phone.decline()
    leave.expects("the customer declined")
    leave.expects_passed(0)
    phone.hold_to(leave)
    phone.expects("PAY 3.40")
    phone.approve(password="2468")
    leave.expects_passed(1)
    rig.expects_balances(R="3.40", A="16.60")


@scenario(figure="5B")
def gate_too_long(rig: Rig) -> None:
    """A stays in for longer than a ride may take: the admission is too old."""
    entrance, leave, phone = station(rig)
    ride(rig, entrance, phone)
    rig.waits(7 * 3600)
    phone.hold_to(leave)
    leave.expects("The admission is too old.")
    leave.expects_passed(0)
    rig.expects_balances(R="0.00", A="20.00")


@scenario(figure="5", variants=["in", "out"])
def gate_stuck(rig: Rig, variant: str) -> None:
    """The arm does not move: nothing is paid, and another gate lets A pass."""
    entrance, leave, phone = station(rig)
    if variant == "in":
        entrance.block()
        phone.hold_to(entrance)
        entrance.expects("The gate is stuck: go to another one.")
        entrance.free()
        phone.hold_to(entrance)
        phone.expects("PLEASE PASS")
        rig.expects_balances(R="0.00", A="20.00")
        return
    ride(rig, entrance, phone)
    leave.block()
    phone.hold_to(leave)
    leave.expects("The gate is stuck: go to another one.")
    rig.expects_balances(R="0.00", A="20.00")  # R1, R2: it was given back
    leave.free()
    phone.hold_to(leave)
    leave.expects_passed(1)
    rig.expects_balances(R="3.40", A="16.60")


@scenario(figure="5", variants=["D23", "D24", "stored", "D32", "D33"])
def gate_lost_message(rig: Rig, variant: str) -> None:
    """A message gets lost: what can be asked for again is; a gate opens if it knows, and once."""
    entrance, leave, phone = station(rig)
    rig.loses(variant)
    phone.hold_to(entrance)
    if variant == "D23":
        entrance.expects("The bank does not answer.")
        phone.hold_to(entrance)
    phone.expects("PLEASE PASS")
    rig.waits(RIDE_S)
    phone.hold_to(leave)
    leave.expects_passed(1)
    entrance.expects_passed(1)
    rig.expects_balances(R="3.40", A="16.60")


@scenario(figure="5B")
def gate_bank_out_of_reach(rig: Rig) -> None:
    """No result comes at all: the gate stays closed, and what was paid is given back."""
    entrance, leave, phone = station(rig)
    ride(rig, entrance, phone)
    rig.loses("D33")
    rig.loses("S108", times=5)
    phone.hold_to(leave)
    leave.expects("The bank does not answer.")
    leave.expects_passed(0)
    rig.expects_balances(R="0.00", A="20.00")
    phone.hold_to(leave)
    leave.expects_passed(1)
    rig.expects_balances(R="3.40", A="16.60")


@scenario(figure="5A", variants=["D21", "D22", "D23", "D24", "stored"])
def gate_power_loss_in(rig: Rig, variant: str) -> None:
    """The entrance loses its power at a step: A gets in with an admission, then or next time."""
    entrance, leave, phone = station(rig)
    rig.cuts_power(entrance, at=variant, for_s=10)
    phone.hold_to(entrance)
    rig.waits(60)
    if entrance.arm.passed == 0:
        phone.hold_to(entrance)
    phone.expects("PLEASE PASS")
    entrance.expects_passed(1)
    phone.hold_to(leave)
    leave.expects_passed(1)
    rig.expects_balances(R="3.40", A="16.60")


@scenario(figure="5B", variants=["D31", "claim", "fare", "approval", "D32", "D33"])
def gate_power_loss_out(rig: Rig, variant: str) -> None:
    """The exit loses its power at a step: it opens once it is paid, then or the next time."""
    entrance, leave, phone = station(rig)
    ride(rig, entrance, phone)
    rig.cuts_power(leave, at=variant, for_s=10)
    phone.hold_to(leave)
    rig.waits(60)
    if leave.arm.passed == 0:
        rig.expects_balances(R="0.00", A="20.00")
        phone.hold_to(leave)
    leave.expects_passed(1)
    rig.expects_balances(R="3.40", A="16.60")
