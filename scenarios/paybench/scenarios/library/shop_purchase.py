"""Fig 3: purchase at a shop ([0043] to [0055]), with everything that can go wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from paybench.scenarios.rig import Rig

BOTH_WAYS = ["relayed", "direct"]
STEPS = {"relayed": ("D1", "D2", "D3", "D4"), "direct": ("D1", "D5", "D4", "D6")}


@scenario(figure="3", variants=BOTH_WAYS)
def shop_purchase(rig: Rig, variant: str) -> None:
    """Customer B buys a coffee at shop A and pays by phone."""
    register = rig.shop("A").cash_register(settles=variant)
    phone = rig.customer("B", balance="20.00", password="2468").phone()
    register.scan("4901234567894", price="2.50")
    register.bill(phone)  # D1
    phone.approve(password="2468")  # D2, D3 (relayed) or D5 (direct)
    register.expects("PAID 2.50")  # D4
    register.expects_article("handed over")
    if variant == "direct":
        phone.expects("PAID 2.50")  # D6
    rig.expects_steps(*STEPS[variant])
    rig.expects_balances(A="2.50", B="17.50")


@scenario(figure="3", variants=BOTH_WAYS)
def insufficient_balance(rig: Rig, variant: str) -> None:
    """B has less than the coffee costs: the bank refuses, nothing moves, the article is kept."""
    register = rig.shop("A").cash_register(settles=variant)
    phone = rig.customer("B", balance="2.49", password="2468").phone()
    register.scan("4901234567894", price="2.50")
    register.bill(phone)
    phone.approve(password="2468")
    register.expects("REFUSED")
    register.expects("The payer's balance is too low.")
    register.expects_article("kept")
    if variant == "direct":
        phone.expects("REFUSED")
    rig.expects_steps(*STEPS[variant])
    rig.expects_balances(A="0.00", B="2.49")


@scenario(figure="3", variants=BOTH_WAYS)
def wrong_password(rig: Rig, variant: str) -> None:
    """Three wrong passwords lock the phone: nothing is ever settled, and the article is kept."""
    register = rig.shop("A").cash_register(settles=variant)
    phone = rig.customer("B", balance="20.00", password="2468").phone()
    register.scan("4901234567894", price="2.50")
    register.bill(phone)
    phone.approve(password="1357")
    phone.expects("WRONG PASSWORD")
    phone.approve(password="8642")
    phone.expects("WRONG PASSWORD")
    phone.approve(password="")
    phone.expects("LOCKED")
    phone.approve(password="2468")  # too late: even the right one is of no use now
    phone.expects("LOCKED")
    register.expects("NO ANSWER")
    register.expects_article("kept")
    rig.expects_balances(A="0.00", B="20.00")


@scenario(figure="3", variants=BOTH_WAYS)
def customer_declines(rig: Rig, variant: str) -> None:
    """B sees the bill and says no: the register is told; a demand that came later would fail."""
    register = rig.shop("A").cash_register(settles=variant)
    phone = rig.customer("B", balance="20.00", password="2468").phone()
    register.scan("4901234567894", price="2.50")
    register.bill(phone)
    phone.expects("PAY 2.50")
    phone.decline()
    register.expects("DECLINED")
    register.expects_article("kept")
    rig.expects_steps("D1", "D2", *(("R1", "R2") if variant == "direct" else ()))
    rig.expects_balances(A="0.00", B="20.00")


@scenario(figure="3", variants=BOTH_WAYS)
def tampered_purchase(rig: Rig, variant: str) -> None:
    """The settling information asks for more than B approved: the signature does not fit it."""
    register = rig.shop("A").cash_register(settles=variant)
    phone = rig.customer("B", balance="20.00", password="2468").phone()
    register.scan("4901234567894", price="2.50")
    register.bill(phone)
    phone.expects("PAY 2.50")
    rig.alters("D3" if variant == "relayed" else "D5", "information.amount", "12.50")
    phone.approve(password="2468")
    register.expects("REFUSED")
    register.expects("The approval does not match what is to be settled.")
    register.expects_article("kept")
    # It was not what B approved that was refused: in the direct variant that could still come.
    rig.expects_steps(*STEPS[variant], *(("R1", "R2") if variant == "direct" else ()))
    rig.expects_balances(A="0.00", B="20.00")


@scenario(figure="3", variants=BOTH_WAYS)
def lost_result(rig: Rig, variant: str) -> None:
    """The result D4 gets lost: the register asks by the settlement's id (S108) and goes on."""
    register = rig.shop("A").cash_register(settles=variant)
    phone = rig.customer("B", balance="20.00", password="2468").phone()
    register.scan("4901234567894", price="2.50")
    register.bill(phone)
    rig.loses("D4")
    phone.approve(password="2468")
    register.expects_article("kept")  # nobody knows yet
    register.expects("PAID 2.50")
    register.expects_article("handed over")
    rig.expects_steps(*STEPS[variant], "S108", "S108")
    rig.expects_balances(A="2.50", B="17.50")


@scenario(figure="3", variants=["relayed", "direct", "line"])
def double_tap(rig: Rig, variant: str) -> None:
    """B taps twice, or the line repeats D3: the same id settles once, and is answered alike."""
    register = rig.shop("A").cash_register(settles="direct" if variant == "direct" else "relayed")
    phone = rig.customer("B", balance="20.00", password="2468").phone()
    register.scan("4901234567894", price="2.50")
    register.bill(phone)
    if variant == "line":
        rig.duplicates("D3")
    phone.approve(password="2468", taps=1 if variant == "line" else 2)
    register.expects("PAID 2.50")
    register.expects_article("handed over")
    rig.expects_steps(
        *{
            "relayed": ("D1", "D2", "D2", "D3", "D4"),
            "direct": ("D1", "D5", "D5", "D4", "D6", "D4", "D6"),
            "line": ("D1", "D2", "D3", "D4", "D4"),
        }[variant]
    )
    rig.expects_balances(A="2.50", B="17.50")
