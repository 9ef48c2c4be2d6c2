"""Fig 9, when messages get lost or come late, power goes, and lines are tampered with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.devices.iso_message import IsoBytes, pack
from paybench.scenarios.library.cards import (
    AUTHORISED,
    DEBIT,
    KINDS,
    PAID,
    PAID_FROM,
    UNPAID,
    bill,
    pay,
    shop,
)
from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from paybench.scenarios.rig import Rig


@scenario(figure="9", variants=["demand", "answer"])
def card_answer_lost(rig: Rig, variant: str) -> None:
    """No D83 comes: it is not known what C decided, so it is taken back (R3), nothing paid."""
    register, phone, authority = shop(rig)
    bill(register, phone)
    rig.loses("D82" if variant == "demand" else "D83")
    pay(phone)
    register.expects("NO ANSWER")
    register.expects_article("kept")
    phone.expects("The card company does not answer.")
    rig.expects_decisions("card payment taken back")
    asked = AUTHORISED[:3] if variant == "demand" else AUTHORISED
    rig.expects_steps(*asked, "R3", "R4")
    rig.expects_balances(**UNPAID)
    authority.expects_owed("B", "0.00")


@scenario(figure="9", variants=["demand", "answer"])
def card_answer_late(rig: Rig, variant: str) -> None:
    """The approval comes when its time is up: it has been taken back, and nobody goes by it."""
    register, phone, authority = shop(rig)
    bill(register, phone)
    rig.delays("D82" if variant == "demand" else "D83", by_s=15)
    pay(phone)
    register.expects("NO ANSWER")
    rig.expects_decisions("ignored", "card payment taken back")
    register.expects_article("kept")
    rig.expects_balances(**UNPAID)
    authority.expects_owed("B", "0.00")


@scenario(figure="9", variants=["R3", "R4"])
def card_reversal_lost(rig: Rig, variant: str) -> None:
    """Taking back gets lost too, and again: the terminal says it until the company confirms."""
    register, phone, authority = shop(rig)
    bill(register, phone)
    rig.loses("D83")
    rig.loses(variant, times=3)
    pay(phone)
    register.expects_article("kept")
    rig.expects_decisions("card payment taken back")
    asked = ["R3"] * 4 + ["R4"] if variant == "R3" else ["R3", "R4"] * 4
    rig.expects_steps(*AUTHORISED, *asked)
    rig.expects_balances(**UNPAID)
    authority.expects_owed("B", "0.00")


@scenario(figure="9")
def card_sells_on_meanwhile(rig: Rig) -> None:
    """While one payment is still being taken back, the next customer's card is taken."""
    register, phone, authority = shop(rig)
    bill(register, phone)
    rig.loses("D83")
    rig.loses("R3", times=3)
    pay(phone)
    register.expects("NO ANSWER")
    bill(register, phone)
    pay(phone, DEBIT)
    register.expects_article("handed over")
    rig.expects_decisions("card payment taken back")
    rig.expects_balances(**PAID_FROM["debit"])
    authority.expects_owed("B", "0.00")


@scenario(figure="9", variants=["D81", "D82", "D83", "D3", "D4"])
def card_line_repeats(rig: Rig, variant: str) -> None:
    """The line brings a message twice: it is answered alike, and paid and counted once."""
    register, phone, authority = shop(rig)
    bill(register, phone)
    rig.duplicates(variant)
    pay(phone)
    register.expects_article("handed over")
    rig.expects_balances(**PAID_FROM["credit"])
    authority.expects_owed("B", "2.50")


@scenario(figure="9", variants=list(KINDS))
def card_result_lost(rig: Rig, variant: str) -> None:
    """The bank's result D4 gets lost: the register asks for it (S108) and hands over."""
    register, phone, authority = shop(rig)
    bill(register, phone)
    rig.loses("D4")
    pay(phone, KINDS[variant])
    register.expects_article("handed over")
    rig.expects_steps(*PAID, "S108", "S108")
    rig.expects_balances(**PAID_FROM[variant])
    authority.expects_owed("B", "2.50" if variant == "credit" else "0.00")


@scenario(figure="9", variants=list(KINDS))
def card_bank_out_of_reach(rig: Rig, variant: str) -> None:
    """The bank settles, and no answer comes through: the money and the permission go back."""
    register, phone, authority = shop(rig)
    bill(register, phone)
    rig.loses("D4")
    rig.loses("S108", times=5)
    pay(phone, KINDS[variant])
    rig.expects_balances(**PAID_FROM[variant])  # settled, and nobody here knows
    register.expects("RESULT UNKNOWN")
    register.expects_article("kept")
    rig.expects_decisions("card payment taken back")
    rig.expects_decisions("not paid")
    rig.expects_balances(**UNPAID)
    authority.expects_owed("B", "0.00")


@scenario(figure="9", variants=["D1", "D81", "D82", "D83", "approved", "D3", "D4"])
def card_terminal_power_loss(rig: Rig, variant: str) -> None:
    """The register loses its power at a step, and has it back: handed over if and only if paid."""
    register, phone, authority = shop(rig)
    at = "D83" if variant == "approved" else variant
    rig.cuts_power(register, at=at, arrived=variant in ("D81", "approved", "D4"), for_s=10)
    bill(register, phone)
    pay(phone)
    rig.waits(120)
    paid = variant in ("approved", "D3", "D4")
    register.expects_article("handed over" if paid else "kept")
    rig.expects_balances(**(PAID_FROM["credit"] if paid else UNPAID))
    authority.expects_owed("B", "2.50" if paid else "0.00")


@scenario(figure="9", variants=["R3", "R4"])
def card_power_loss_while_taking_back(rig: Rig, variant: str) -> None:
    """The register loses its power before the company has confirmed: it says it again after."""
    register, phone, authority = shop(rig)
    rig.loses("D83")
    rig.cuts_power(register, at=variant, for_s=10)
    if variant == "R3":
        rig.loses("R3")
    bill(register, phone)
    pay(phone)
    rig.waits(120)
    register.expects_article("kept")
    rig.expects_decisions("card payment taken back")
    rig.expects_balances(**UNPAID)
    authority.expects_owed("B", "0.00")


@scenario(figure="9")
def card_two_to_take_back(rig: Rig) -> None:
    """One of two payments is taken back when the power goes: the other one is not forgotten."""
    register, phone, authority = shop(rig)
    rig.loses("D83", times=2)
    rig.loses("R3")  # the first one's
    rig.delays("R3", by_s=0)  # the first one's again: it arrives
    rig.loses("R3")  # the second one's
    for _ in range(2):
        bill(register, phone)
        pay(phone)
        register.expects("NO ANSWER")
    rig.expects_decisions("card payment taken back")
    authority.expects_owed("B", "2.50")
    register.lose_power(for_s=5)
    rig.expects_decisions("card payment taken back", "card payment taken back")
    rig.expects_balances(**UNPAID)
    authority.expects_owed("B", "0.00")


@scenario(figure="9", variants=["D82", "D83", "R3", "R4"])
def card_company_power_loss(rig: Rig, variant: str) -> None:
    """The company's apparatus loses its power at a step, and has it back: it forgets nothing."""
    register, phone, authority = shop(rig)
    if variant in ("R3", "R4"):
        rig.loses("D83")
    rig.cuts_power(authority, at=variant, arrived=variant in ("D82", "R3"), for_s=30)
    bill(register, phone)
    pay(phone)
    rig.waits(120)
    paid = variant == "D83"  # its answer was on its way
    register.expects_article("handed over" if paid else "kept")
    rig.expects_balances(**(PAID_FROM["credit"] if paid else UNPAID))
    authority.expects_owed("B", "2.50" if paid else "0.00")


@scenario(figure="9")
def card_phone_power_loss(rig: Rig) -> None:
    """The phone dies once the card is shown: the register goes on, and the cards stay."""
    register, phone, _ = shop(rig)
    rig.cuts_power(phone, at="D81", for_s=10)
    bill(register, phone)
    pay(phone)
    register.expects_article("handed over")
    rig.expects_balances(**PAID_FROM["credit"])
    rig.waits(10)
    other = rig.shop("E").cash_register()
    rig.card_companies[0].terminal(other)
    bill(other, phone)
    pay(phone)
    other.expects_article("handed over")
    rig.expects_balances(A="2.50", B="20.00", C="995.00", E="2.50")


@scenario(figure="9", variants=["demand", "answer", "garbage"])
def card_line_tampered(rig: Rig, variant: str) -> None:
    """Somebody on the line writes messages of their own: the authentication code tells."""
    register, phone, authority = shop(rig)
    bill(register, phone)
    step, forged = {
        "demand": ("D82", _forged("0100")),
        "answer": ("D83", _forged("0110")),
        "garbage": ("D83", IsoBytes(b"0110 and something that is no ISO 8583")),
    }[variant]
    rig.alters(step, "iso", forged)
    pay(phone)
    register.expects("NO ANSWER")
    register.expects_article("kept")
    rig.expects_decisions("ignored", "card payment taken back")
    rig.expects_balances(**UNPAID)
    authority.expects_owed("B", "0.00")


@scenario(figure="9", variants=list(KINDS))
def card_tampered_amount(rig: Rig, variant: str) -> None:
    """The register asks the bank for more than was approved: the signature does not fit it."""
    register, phone, authority = shop(rig)
    bill(register, phone)
    rig.alters("D3", "information.amount", "12.50")
    pay(phone, KINDS[variant])
    register.expects("The approval does not match what is to be settled.")
    register.expects_article("kept")
    rig.expects_steps(*PAID, "R3", "R4")
    rig.expects_balances(**UNPAID)
    authority.expects_owed("B", "0.00")


def _forged(kind: str) -> IsoBytes:
    """A message of somebody who knows everything but the key: an approval, or a demand for one."""
    fields = {
        "2": "4111111111111111", "3": "003000", "4": "000000000250", "7": "0101000000",
        "11": "000001", "32": "1", "37": "600100000001", "38": "000001", "39": "00",
        "41": "T0000001", "42": "001-0000001    ", "49": "978", "62": "A.register-000001",
        "102": "001-0000002", "63": "1:" + "00" * 32,
    }  # fmt: skip
    return pack(kind, fields, bytes(16)).iso
