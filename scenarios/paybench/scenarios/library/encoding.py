"""[0120]: what a phone and a device say is encoded; who listens learns and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from paybench.devices.cash_register import CashRegister
    from paybench.devices.eavesdropper import Eavesdropper
    from paybench.devices.phone import Phone
    from paybench.scenarios.rig import Rig

EAN = "4901234567894"


def overheard(rig: Rig, *, encoded: bool = True) -> tuple[CashRegister, Phone, Eavesdropper]:
    """Shop A's register has billed B's phone, and E listens."""
    if encoded:
        rig.encodes()
    register = rig.shop("A").cash_register()
    phone = rig.customer("B", balance="20.00", password="2468").phone()
    ear = rig.eavesdropper(register, phone)
    register.scan(EAN, price="2.50")
    register.bill(phone)
    phone.expects("PAY 2.50")
    return register, phone, ear


@scenario(figure="[0120]", variants=["encoded", "plain"])
def encoded_purchase(rig: Rig, variant: str) -> None:
    """B pays for a coffee while E listens: with encoding, E learns neither shop nor article."""
    register, phone, ear = overheard(rig, encoded=variant == "encoded")
    phone.approve(password="2468")
    register.expects("PAID 2.50")
    register.expects_article("handed over")
    for text in (EAN, "A.register-000001", "EUR"):
        assert ear.reads(text) == (variant == "plain")
    rig.expects_steps("D1", "D2", "D3", "D4")
    rig.expects_balances(A="2.50", B="17.50")


@scenario(figure="[0120]", variants=["D1", "D2"])
def encoded_replay(rig: Rig, variant: str) -> None:
    """E sends a message a second time: it was taken before, and is refused."""
    register, phone, ear = overheard(rig)
    phone.approve(password="2468")
    register.expects("PAID 2.50")
    ear.replay(variant)
    rig.expects_refusal("the record was taken before, or is older than one that was")
    rig.expects_balances(A="2.50", B="17.50")


@scenario(figure="[0120]", variants=["D1", "D2"])
def encoded_reflection(rig: Rig, variant: str) -> None:
    """E sends a message back to whom it came from: it is not from the other end, and is refused."""
    register, phone, ear = overheard(rig)
    phone.approve(password="2468")
    register.expects("PAID 2.50")
    ear.reflect(variant)
    rig.expects_refusal("the record was altered, or is not from the other end")
    rig.expects_balances(A="2.50", B="17.50")


@scenario(figure="[0120]", variants=["number", "content", "tag"])
def encoded_alteration(rig: Rig, variant: str) -> None:
    """E changes one bit of a message: it does not open, and the right one is as good as before."""
    register, phone, ear = overheard(rig)
    ear.alter("D1", at={"number": 7, "content": 12, "tag": -1}[variant])
    rig.expects_refusal("the record was altered, or is not from the other end")
    assert len(phone.bills) == 1
    phone.approve(password="2468")
    register.expects("PAID 2.50")
    rig.expects_balances(A="2.50", B="17.50")


@scenario(figure="[0120]")
def encoded_plain_refused(rig: Rig) -> None:
    """Somebody bills B's phone without a seal: it is refused, and nobody is asked to pay."""
    plain = rig.shop("M").cash_register()
    rig.encodes()
    phone = rig.customer("B", balance="20.00", password="2468").phone()
    plain.scan(EAN, price="2.50")
    plain.bill(phone)
    rig.expects_refusal("a PurchaseInformation came without a seal")
    assert not phone.bills
    plain.expects("NO ANSWER")
    rig.expects_balances(M="0.00", B="20.00")


@scenario(figure="[0120]", variants=["first", "second", "third"])
def encoded_handshake_lost(rig: Rig, variant: str) -> None:
    """A message of the handshake gets lost: it is begun again, and B can pay."""
    rig.encodes()
    register = rig.shop("A").cash_register()
    phone = rig.customer("B", balance="20.00", password="2468").phone()
    rig.passes("channel", times=["first", "second", "third"].index(variant))
    rig.loses("channel")
    register.scan(EAN, price="2.50")
    register.bill(phone)
    if variant == "third":  # the bill was sealed for a channel that the phone does not have
        register.expects("NO ANSWER")
        register.scan(EAN, price="2.50")
        register.bill(phone)
    phone.expects("PAY 2.50")
    phone.approve(password="2468")
    register.expects("PAID 2.50")
    rig.expects_balances(A="2.50", B="17.50")


@scenario(figure="[0120]", variants=["register", "phone"])
def encoded_power_loss(rig: Rig, variant: str) -> None:
    """A device loses its power and all its keys: the next purchase begins another channel."""
    register, phone, _ = overheard(rig)
    phone.approve(password="2468")
    register.expects("PAID 2.50")
    device = register if variant == "register" else phone
    device.lose_power()
    device.regain_power()
    for _ in range(2 if variant == "phone" else 1):  # the first finds out that the keys are gone
        register.scan(EAN, price="3.00")
        register.bill(phone)
        rig.waits(130)
    phone.expects("PAY 3.00")
    register.scan(EAN, price="3.00")
    register.bill(phone)
    phone.approve(password="2468")
    register.expects("PAID 3.00")
    rig.expects_balances(A="5.50", B="14.50")
