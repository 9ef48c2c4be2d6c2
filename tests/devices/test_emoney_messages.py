"""The messages of Fig 8: they carry values, belong to a transfer, and are written to a trace."""

import inspect

import msgspec
import pytest
from purses import STORES, Town, eur

from paybench.bank.emoney import Refusal
from paybench.bank.proof import prove
from paybench.devices import emoney
from paybench.devices.message import Message
from paybench.devices.settling import SettlementMessage


def said():
    """One of each, from a purse that is loaded, pays and redeems."""
    town = Town()
    a, b = town.purse("A"), town.purse("B")
    asked = a.ask(eur("10.00"))
    issued = town.issue("A", asked)
    a.take(issued.value)
    request = b.ask(eur("4.00"))
    value = a.pay(request)
    received = b.take(value)
    order = a.redeem(STORES["A"])
    proof = prove(
        bytes(16),
        account=STORES["A"],
        purpose="store balance",
        verifier="bank",
        challenge=bytes(8),
        counter=1,
    )
    return [
        (emoney.IssuanceDemand(town.demand("A", asked), asked), "A.phone/1"),
        (emoney.IssuanceResult("A.phone/1", issued.refusal, issued.outcome), "A.phone/1"),
        (emoney.EmoneyData(issued.value), "A.phone/1"),
        (emoney.TransferRequest(request), "B.phone/1"),
        (emoney.TransferDeclined("B.phone/1", Refusal.DECLINED), "B.phone/1"),
        (emoney.TransferValue(value), "B.phone/1"),
        (emoney.TransferReceipt(received), "B.phone/1"),
        (emoney.TransferRefused("B.phone/1", Refusal.OVERLAPS), "B.phone/1"),
        (emoney.RedemptionDemand(order), "A.phone/2"),
        (emoney.RedemptionAnswer(town.mint.redeem(order, 1)), "A.phone/2"),
        (emoney.TransferOffer("A.phone+1", eur("4.00")), "A.phone+1"),
        (emoney.EmoneyTender("S.register-000001"), "S.register-000001"),
        (emoney.StoreInquiry(STORES["A"], proof), ""),
        (emoney.StoreStatement(STORES["A"], eur("4.00")), ""),
        (emoney.CashTaken("counter-000001", STORES["A"], eur("4.00")), "counter-000001"),
        (emoney.CashEntered("counter-000001"), "counter-000001"),
    ]


SAID = said()


@pytest.mark.parametrize(("message", "correlation"), SAID, ids=lambda one: type(one).__name__)
def test_a_message_is_a_value(message, correlation):
    """It comes back whole from either encoding, and its transfer ties it to the others."""
    assert message.correlation == correlation
    for encoding in (msgspec.json, msgspec.msgpack):
        assert encoding.decode(encoding.encode(message), type=type(message)) == message


def test_every_message_is_tried():
    """The list above holds each message of the module."""
    kinds = {
        kind for _, kind in inspect.getmembers(emoney, inspect.isclass) if issubclass(kind, Message)
    }
    assert {type(message) for message, _ in SAID} == kinds - {
        Message,
        SettlementMessage,
        emoney.TransferMessage,
        emoney.ValueMessage,
    }
