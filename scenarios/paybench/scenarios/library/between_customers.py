"""Fig 6: one customer pays another ([0072] to [0078]), with everything that can go wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from paybench.devices.phone import Phone
    from paybench.scenarios.rig import Rig

BOTH_WAYS = ["relayed", "direct"]
STEPS = {"relayed": ("D41", "D42", "D43", "D44"), "direct": ("D41", "D43", "D44")}


def friends(rig: Rig, balance: str = "20.00") -> tuple[Phone, Phone]:
    """A, who is owed something, and B, who has so much; each with a phone."""
    a = rig.customer("A", balance="1.00", password="1111").phone()
    b = rig.customer("B", balance=balance, password="2468").phone()
    return a, b


def bill(a: Phone, b: Phone, settles: str) -> None:
    """A bills B for 5.00, and B sees it."""
    a.collector.bill(b, amount="5.00", settles=settles)
    b.expects("PAY 5.00")


@scenario(figure="6", variants=BOTH_WAYS)
def between_customers(rig: Rig, variant: str) -> None:
    """A bills B for 5.00, B approves on the spot, and both see that it is settled."""
    a, b = friends(rig)
    bill(a, b, variant)  # D41
    b.expects("TO A")
    b.approve(password="2468")  # D42, D43 (relayed) or D43 from B (direct)
    a.expects("RECEIVED 5.00")  # D44
    if variant == "direct":
        b.expects("PAID 5.00")
    rig.expects_steps(*STEPS[variant])
    rig.expects_balances(A="6.00", B="15.00")


@scenario(figure="6", variants=BOTH_WAYS)
def between_customers_insufficient_balance(rig: Rig, variant: str) -> None:
    """B has less than A asks for: the bank refuses, nothing moves, and A learns why."""
    a, b = friends(rig, balance="4.99")
    bill(a, b, variant)
    b.approve(password="2468")
    a.expects("REFUSED")
    a.expects("The payer's balance is too low.")
    if variant == "direct":
        b.expects("REFUSED")
    rig.expects_steps(*STEPS[variant])
    rig.expects_balances(A="1.00", B="4.99")


@scenario(figure="6", variants=BOTH_WAYS)
def between_customers_declined(rig: Rig, variant: str) -> None:
    """B says no: A is told; a demand that came later would fail."""
    a, b = friends(rig)
    bill(a, b, variant)
    b.decline()
    a.expects("DECLINED")
    rig.expects_steps("D41", "D42", *(("R1", "R2") if variant == "direct" else ()))
    rig.expects_balances(A="1.00", B="20.00")


@scenario(figure="6", variants=BOTH_WAYS)
def between_customers_wrong_password(rig: Rig, variant: str) -> None:
    """Somebody else has B's phone and types wrong passwords: it locks, and A gets nothing."""
    a, b = friends(rig)
    bill(a, b, variant)
    for password in ("1357", "8642", "0000"):
        b.approve(password=password)
    b.expects("LOCKED")
    a.expects("NO ANSWER")
    rig.expects_balances(A="1.00", B="20.00")


@scenario(figure="6", variants=BOTH_WAYS)
def between_customers_tampered(rig: Rig, variant: str) -> None:
    """The settling information asks for more than B approved: the signature does not fit it."""
    a, b = friends(rig)
    bill(a, b, variant)
    rig.alters("D43", "information.amount", "15.00")
    b.approve(password="2468")
    a.expects("REFUSED")
    a.expects("The approval does not match what is to be settled.")
    rig.expects_balances(A="1.00", B="20.00")


@scenario(figure="6", variants=BOTH_WAYS)
def between_customers_lost_result(rig: Rig, variant: str) -> None:
    """D44 gets lost: A's phone asks by the settlement's id (S108), and learns that it was paid."""
    a, b = friends(rig)
    bill(a, b, variant)
    rig.loses("D44")
    b.approve(password="2468")
    a.expects("RECEIVED 5.00")
    rig.expects_steps(*STEPS[variant], "S108", "S108")
    rig.expects_balances(A="6.00", B="15.00")


@scenario(figure="6", variants=BOTH_WAYS)
def between_customers_lost_demand(rig: Rig, variant: str) -> None:
    """D43 gets lost: the bank never heard of it, so it is demanded again, and settles once."""
    a, b = friends(rig)
    bill(a, b, variant)
    rig.loses("D43")
    b.approve(password="2468")
    a.expects("RECEIVED 5.00")
    rig.expects_balances(A="6.00", B="15.00")


@scenario(figure="6", variants=["A at D42", "A at D43", "A at D44", "B at D41", "B at D42"])
def between_customers_power_loss(rig: Rig, variant: str) -> None:
    """A phone's battery fails at a step: what was signed settles once, or not at all."""
    a, b = friends(rig)
    who, _, step = variant.partition(" at ")
    rig.cuts_power({"A": a, "B": b}[who], at=step, for_s=10)
    a.collector.bill(b, amount="5.00")
    if variant == "B at D41":
        a.expects("NO ANSWER")  # the bill never reached B
    else:
        b.approve(password="2468")
        rig.waits(60)
    paid = variant not in ("B at D41", "A at D42")
    lines = {"A at D42": "POWER WAS LOST", "B at D41": "NO ANSWER"}
    a.expects(lines.get(variant, "RECEIVED 5.00"))
    rig.expects_balances(**({"A": "6.00", "B": "15.00"} if paid else {"A": "1.00", "B": "20.00"}))
