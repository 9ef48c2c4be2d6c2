"""Figs 5A and 5B with codes: gates that read what a phone's display shows, and what goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from paybench.devices.plain_profile import PlainBill
from paybench.devices.wallet_code import document_code, entry_code, read_entry
from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from paybench.devices.gate import Gate
    from paybench.devices.phone import Phone
    from paybench.scenarios.rig import Rig

FARES = {("Kita", "Minami"): "3.40", ("Kita", "Higashi"): "5.10"}
STEPS_IN = ("D21", "D22", "D23", "D24")
STEPS_OUT = ("D31", "D32", "D33")
BOTH_WAYS = ["in", "out"]
RIDE_S = 0.5
ARTICLE = "4901234567894"
NOT_HERE = "This code is not for this gate."


def station(rig: Rig) -> tuple[Gate, Gate, Phone]:
    """Line R with a gate in at Kita and a gate out at Minami, and A with a phone."""
    line = rig.line("R", FARES)
    phone = rig.customer("A", balance="20.00", password="2468").phone()
    return line.gate("Kita", "in"), line.gate("Minami", "out"), phone


def goes_in(rig: Rig, entrance: Gate, phone: Phone) -> None:
    """A goes in by code, and rides for a while."""
    phone.wallet.show_proof("R")
    entrance.read(phone)
    phone.expects("PLEASE PASS")
    rig.waits(RIDE_S)


def at_gate(rig: Rig, variant: str) -> tuple[Gate, Phone]:
    """A stands before a gate in, or, having gone in, before a gate out; and shows the code."""
    entrance, leave, phone = station(rig)
    if variant == "in":
        phone.wallet.show_proof("R")
        return entrance, phone
    goes_in(rig, entrance, phone)
    phone.wallet.show_admission("R")
    return leave, phone


@scenario(figure="5", variants=["in and out", *BOTH_WAYS])
def gate_code(rig: Rig, variant: str) -> None:
    """A shows a code at the gate in, the gate out or both, and the fare is paid as ever."""
    entrance, leave, phone = station(rig)
    if "in" in variant.split():
        phone.wallet.show_proof("R")
        phone.expects("PB1:ENTRY:*")
        entrance.read(phone)  # D21 by code, D22 to D24
    else:
        phone.hold_to(entrance)
    entrance.expects_passed(1)
    rig.waits(RIDE_S)
    if "out" in variant.split():
        phone.wallet.show_admission("R")
        phone.expects("PB1:ADMIT:*")
        leave.read(phone)  # D31 by code, D32, D33
    else:
        phone.hold_to(leave)
    phone.expects("FARE 3.40")
    leave.expects_passed(1)
    assert not list(phone.wallet.documents())  # the admission has been used
    rig.expects_steps(*STEPS_IN, *STEPS_OUT)
    rig.expects_balances(R="3.40", A="16.60")


@scenario(figure="5", variants=BOTH_WAYS)
def gate_code_unreadable(rig: Rig, variant: str) -> None:
    """The gate's glass is smeared and it reads nothing; wiped, it reads the code and opens."""
    gate, phone = at_gate(rig, variant)
    gate.scanner.smeared = True
    gate.read(phone)
    gate.expects("READ ERROR")
    gate.expects_passed(0)
    gate.scanner.smeared = False
    gate.read(phone)
    gate.expects_passed(1)


@scenario(figure="5", variants=["article", "bill", "other way", "other line"])
def gate_code_of_something_else(rig: Rig, variant: str) -> None:
    """A holds a code of something else before the gates: they say so, and stay closed."""
    entrance, leave, phone = station(rig)
    if variant == "other line":
        phone.wallet.show_proof("S")
        entrance.read(phone)
        entrance.expects("This code is for another line.")
    elif variant == "other way":
        phone.wallet.show_proof("R")
        leave.read(phone)
        leave.expects(NOT_HERE)
    else:
        bill = PlainBill("A.register-000001", phone.account, phone.wallet.fare_limit, "A", "")
        phone.wallet.show_picture(ARTICLE if variant == "article" else bill.text)
        for gate in (entrance, leave):
            gate.read(phone)
            gate.expects(NOT_HERE)
            phone.expects(NOT_HERE)
            phone.wallet.show_picture(ARTICLE if variant == "article" else bill.text)
    entrance.expects_passed(0)
    leave.expects_passed(0)
    rig.expects_balances(R="0.00", A="20.00")


@scenario(figure="5", variants=["sign", "account", "time", "station"])
def gate_code_altered(rig: Rig, variant: str) -> None:
    """A has changed the code in a picture editor: CRC, bank or signature give it away."""
    gate, phone = at_gate(rig, "out" if variant == "station" else "in")
    code = phone.display.lines[0]
    if variant == "sign":
        at = len(code) // 2
        code = code[:at] + ("A" if code[at] != "A" else "B") + code[at + 1 :]
        why = NOT_HERE
    elif variant == "station":
        document = next(phone.wallet.documents())
        nearer = replace(document, body=document.body.replace(b"Kita", b"Nish"))
        code, why = document_code(nearer).text, "The admission is not genuine."
    else:
        proof = read_entry(code)
        victim = rig.customer("B", balance="10.00").account
        later = proof.challenge[:-9] + bytes([proof.challenge[-9] ^ 1]) + proof.challenge[-8:]
        if variant == "account":
            forged = replace(proof, account=victim)
        else:
            rig.waits(RIDE_S)
            forged = replace(proof, challenge=later)
        code = entry_code(forged).text
        why = "This was not signed by the account's holder for this purpose."
    phone.wallet.show_picture(code)
    gate.read(phone)
    gate.expects(why)
    gate.expects_passed(0)
    rig.expects_balances(R="0.00", A="20.00")


@scenario(figure="5", variants=BOTH_WAYS)
def gate_code_copied(rig: Rig, variant: str) -> None:
    """A has sent B a screenshot of the code: whoever shows it second is refused."""
    gate, phone = at_gate(rig, variant)
    friend = rig.customer("B", balance="20.00").phone()
    friend.wallet.show_picture(phone.display.lines[0])
    gate.read(phone)
    gate.expects_passed(1)
    gate.read(friend)
    gate.expects(
        "The proof's counter was used before or is too old."
        if variant == "in"
        else "This admission was used already."
    )
    friend.expects("STAY BACK")
    gate.expects_passed(1)
    fare = {"in": "0.00", "out": "3.40"}[variant]
    rig.expects_balances(R=fare, B="20.00")


@scenario(figure="5", variants=BOTH_WAYS)
def gate_code_copied_first(rig: Rig, variant: str) -> None:
    """B shows the screenshot before A shows the code: A is refused, and has paid nothing."""
    gate, phone = at_gate(rig, variant)
    friend = rig.customer("B", balance="20.00", password="1111").phone()
    friend.wallet.show_picture(phone.display.lines[0])
    gate.read(friend)
    if variant == "out":  # B's phone knows of no ride
        friend.expects("PAY 3.40")
        friend.approve(password="1111")
    gate.expects_passed(1)
    gate.read(phone)
    phone.expects("STAY BACK")
    gate.expects_passed(1)
    rig.expects_balances(A="20.00", B="20.00" if variant == "in" else "16.60")


@scenario(figure="5", variants=BOTH_WAYS)
def gate_code_too_old(rig: Rig, variant: str) -> None:
    """A shows a code that was made long ago: a proof is good for a minute, a ride for hours."""
    gate, phone = at_gate(rig, variant)
    if variant == "in":
        rig.waits(61)
        gate.read(phone)
        gate.expects("This code is too old: show a new one.")
        gate.expects_passed(0)
        phone.wallet.show_proof("R")
        gate.read(phone)
        gate.expects_passed(1)
        return
    rig.waits(7 * 3600)
    gate.read(phone)
    gate.expects("The admission is too old.")
    gate.expects_passed(0)
    rig.expects_balances(R="0.00", A="20.00")


POWER_IN = ["D21", "D22", "D23", "open", "D24", "stored"]
POWER_OUT = ["D31", "claim", "fare", "approval", "D32", "D33", "spend"]


@scenario(figure="5", variants=[*POWER_IN, *POWER_OUT])
def gate_code_power_loss(rig: Rig, variant: str) -> None:
    """A gate that reads codes loses its power at a step: it opens once, then or the next time."""
    entrance, leave, phone = station(rig)
    gate = entrance if variant in POWER_IN else leave
    rig.cuts_power(gate, at=variant, arrived=True, for_s=10)
    for passes, show in (
        (entrance, phone.wallet.show_proof),
        (leave, phone.wallet.show_admission),
    ):
        show("R")
        passes.read(phone)
        rig.waits(60)
        if passes.arm.passed == 0:
            show("R")
            passes.read(phone)
        passes.expects_passed(1)
    rig.expects_balances(R="3.40", A="16.60")
