"""Crooked devices and people at the edges: what the scenarios of Fig 8 do not show."""

import pytest

from paybench.bank import ISSUER, Money
from paybench.bank.emoney import Receipt, Value
from paybench.bank.proof import prove
from paybench.devices.emoney import (
    CashTaken,
    EmoneyData,
    StoreInquiry,
    TransferOffer,
    TransferReceipt,
    TransferRequest,
)
from paybench.devices.errors import OutOfOrder
from paybench.devices.purse_keeper import OFFERS_MAX
from paybench.devices.purse_loader import STORE_BALANCE
from paybench.devices.purse_notes import Notes
from paybench.devices.till import COLLECTING
from paybench.devices.trace import Displayed, Sent
from paybench.scenarios.library.electronic_money import PASSWORDS, bill, town
from paybench.scenarios.rig import Rig


@pytest.fixture
def rig():
    rig = Rig()
    yield rig
    rig.finish()
    rig.close()


def eur(text):
    return Money.parse(text, "EUR")


def says(rig, port, message, step, to=""):
    """Somebody who is not the software on a device says something in its name."""
    port.send(message, step, to)
    rig.waits(1)


def steps(rig):
    return [event.step for event in rig.world.trace.events if isinstance(event, Sent)]


def shown(rig, device):
    events = rig.world.trace.events
    return [event.lines for event in events if isinstance(event, Displayed)
            and event.device == device.name]  # fmt: skip


# -- between purses


def test_an_offer_pays_one_request(rig):
    """B's phone asks twice for what was offered once: the second time A is asked."""
    there = town(rig)
    there.a.purse.give(there.b, "5.00")
    offer = next(event.message for event in rig.world.trace.events if event.__class__ is Sent
                 and isinstance(event.message, TransferOffer))  # fmt: skip
    second = there.b.purse.keeper.purse.ask(eur("5.00"))
    request = TransferRequest(second, offer.offer_id)
    says(rig, there.b.short_range, request, "request", there.a.name)
    there.a.expects("PAY 5.00")
    rig.expects_purses(A="15.00", B="5.00")


def test_an_offer_is_not_for_others(rig):
    """Somebody else answers the offer to B, or B with another amount: the owner is asked."""
    there = town(rig)
    customer = rig.customer("C", password="1111")
    c = customer.phone()
    customer.purse()
    c.purse.ask(there.a, "1.00")  # they are near each other
    there.a.decline()
    rig.loses("request")
    there.a.purse.give(there.b, "5.00")
    request = TransferRequest(c.purse.keeper.purse.ask(eur("5.00")), "A.phone+1")
    says(rig, c.short_range, request, "request", there.a.name)
    there.a.expects("E-MONEY TO C.phone")
    request = TransferRequest(there.b.purse.keeper.purse.ask(eur("6.00")), "A.phone+1")
    says(rig, there.b.short_range, request, "request", there.a.name)
    there.a.expects("PAY 6.00")
    rig.expects_purses(A="20.00", B="0.00", C="0.00")
    rig.waits(10)
    rig.expects_purses(A="15.00", B="5.00", C="0.00")


def test_the_same_offer_is_asked_for_once(rig):
    """An offer that comes twice does not have its owner asked for a second payment."""
    there = town(rig)
    rig.duplicates("offer", times=2)
    there.a.purse.give(there.b, "5.00")
    there.a.purse.load("5.00", receiver=there.b, password=PASSWORDS["A"])
    rig.waits(60)
    assert there.a.request is None
    rig.expects_purses(A="15.00", B="10.00")


def test_a_request_that_is_paid_is_not_shown_again(rig):
    """A request that comes twice is paid once, and the owner is asked once."""
    there = town(rig)
    rig.loses("value")
    there.b.purse.ask(there.a, "5.00")
    there.a.purse.pay()
    rig.waits(60)
    assert shown(rig, there.a).count(("PAY 5.00", "E-MONEY TO B.phone")) == 1
    rig.expects_purses(A="15.00", B="5.00")


def test_who_gave_up_pays_when_asked_again(rig):
    """A's phone has stopped saying a value that did not come through: B's request brings it."""
    there = town(rig)
    rig.loses("value", times=99)
    there.b.purse.ask(there.a, "5.00")
    there.a.purse.pay()
    rig.waits(2000)
    rig.expects_purses(A="15.00", B="0.00")
    there.b.expects("NOT PAID")
    rig.world.faults.by_step.clear()
    again = there.b.purse.keeper.purse.open_requests()[0]
    says(rig, there.b.short_range, TransferRequest(again), "request", there.a.name)
    rig.expects_purses(A="15.00", B="5.00")


def test_what_was_declined_is_not_shown_again(rig):
    """While its answer gets lost, a request that was declined is declined without its owner."""
    there = town(rig)
    rig.loses("declined", times=2)
    there.b.purse.ask(there.a, "5.00")
    there.a.decline()
    there.b.expects("NOT PAID")
    assert shown(rig, there.a).count(("PAY 5.00", "E-MONEY TO B.phone")) == 1


def test_offers_that_make_no_sense_are_declined(rig):
    """Another currency or nothing at all is not asked for."""
    there = town(rig)
    there.a.purse.give(there.b, "5.00")
    for amount in (Money(100, "JPY"), eur("0.00"), Money(-100, "EUR")):
        offer = TransferOffer(f"odd {amount}", amount)
        says(rig, there.a.short_range, offer, "offer", there.b.name)
    assert steps(rig)[-6:] == ["offer", "declined"] * 3
    rig.expects_purses(A="15.00", B="5.00")


def test_offers_are_remembered_in_bounds(rig):
    """However many offers come, a purse remembers so many."""
    there = town(rig)
    there.a.purse.give(there.b, "0.01")
    for number in range(OFFERS_MAX + 5):
        offer = TransferOffer(f"offer {number}", eur("0.01"))
        there.a.short_range.send(offer, "offer", there.b.name)
    rig.waits(1)
    assert len(there.b.store.get("purse offers answered", dict[str, str])) == OFFERS_MAX


# -- at the till


def test_a_till_that_asks_for_more_than_the_bill_says_is_not_paid(rig):
    """A approved 2.50: for a request of 9.00 the phone asks again."""
    there = town(rig)
    rig.loses("tender", times=3)
    bill(there.register, there.a)
    there.a.purse.pay()
    sale = there.register.sale
    request = TransferRequest(there.till._keeper.purse.ask(eur("9.00")), sale.settlement_id)
    says(rig, there.register.short_range, request, "request", there.a.name)
    there.a.expects("PAY 9.00")
    rig.expects_purses(A="20.00", S="0.00")


def test_a_bill_pays_one_request(rig):
    """The register asks twice for the same bill: the second time A is asked."""
    there = town(rig)
    rig.loses("receipt", times=3)
    bill(there.register, there.a)
    there.a.purse.pay()
    sale = there.register.sale
    request = TransferRequest(there.till._keeper.purse.ask(eur("2.50")), sale.settlement_id)
    says(rig, there.register.short_range, request, "request", there.a.name)
    there.a.expects("E-MONEY TO S.register")
    rig.expects_purses(A="17.50", S="2.50")


def test_a_till_finishes_what_its_purse_has_taken(rig):
    """Power went after the value was noted and before the article was: it is handed over."""
    there = town(rig)
    bill(there.register, there.a)
    there.a.purse.pay()
    sale = there.register.sale
    sale.article, sale.state = "kept", COLLECTING
    there.register.store.put("sale", sale)
    there.register.lose_power()
    there.register.regain_power()
    there.register.expects_article("handed over")


def test_a_till_pays_nobody_who_asks(rig):
    """A asks the till for money: nobody there approves that."""
    there = town(rig)
    bill(there.register, there.a)
    there.a.purse.pay()
    there.a.purse.ask(there.register, "1.00")
    there.a.expects("The payer declined.")
    rig.expects_purses(A="17.50", S="2.50")


def test_a_gift_to_a_till_is_no_payment(rig):
    """Who gives a till e-money without a bill gets nothing for it."""
    there = town(rig)
    there.a.purse.give(there.register, "2.50")
    there.register.expects("RECEIVED 2.50")
    assert there.register.sale is None
    rig.expects_purses(A="17.50", S="2.50")


# -- at the bank


def test_only_a_counter_takes_cash(rig):
    """A phone tells the bank that it has taken cash: nothing is entered."""
    there = town(rig)
    cash = CashTaken("A.phone-000001", there.user.store, eur("1000.00"))
    says(rig, there.a.network, cash, "cash")
    rig.expects_refusal("A.phone takes no cash for the bank")
    rig.expects_stores(A="30.00")


@pytest.mark.parametrize("account", ["account", "issuer"])
def test_cash_goes_into_stores_only(rig, account):
    """Cash for something that is no user's store comes out again."""
    there = town(rig)
    counter = rig.circulation.counter()
    counter.pay_in(there.user.account if account == "account" else ISSUER, "25.00")
    counter.expects("TAKE YOUR CASH BACK")
    rig.expects_balances(A="30.00")
    rig.expects_stores(A="30.00", bank="20.00")


def test_nobody_looks_into_others_stores(rig):
    """B asks for A's store with B's own proof, or repeats A's: the bank tells nothing."""
    there = town(rig)
    key = there.b.signer.reveal()
    for account in (there.other.store, there.user.store):
        proof = prove(key, account=account, purpose=STORE_BALANCE, verifier="bank",
                      challenge=bytes(8), counter=99)  # fmt: skip
        says(rig, there.b.network, StoreInquiry(there.user.store, proof), "store")
        assert "STORE 30.00" not in there.b.display.lines
    there.a.purse.look()
    there.a.expects("STORE 30.00")
    inquiry = next(event.message for event in reversed(rig.world.trace.events)
                   if isinstance(event, Sent) and event.receiver == "bank")  # fmt: skip
    says(rig, there.b.network, inquiry, "store")
    there.b.expects("STORE The proof's counter was used before or is too old.")


def test_a_forged_receipt_tells_nobody_anything(rig):
    """Somebody tells the bank that B has it: A's phone goes on until B says so."""
    there = town(rig, loaded="")
    rig.loses("D73")
    there.a.purse.load("20.00", receiver=there.b, password=PASSWORDS["A"])
    receipt = Receipt("B.phone/1", bytes(32), bytes(64))
    says(rig, there.b.network, TransferReceipt(receipt), "receipt")
    rig.expects_refusal("a receipt that B.phone has not signed")
    assert not there.a.display.shows("SENT 20.00")
    there.a.expects("SENT 20.00")
    rig.expects_purses(A="0.00", B="20.00")


def test_a_phone_without_a_purse_makes_nothing_of_e_money(rig):
    """What comes to it is ignored, its owner is told what to do, and power may go."""
    there = town(rig)
    phone = rig.customer("C").phone()
    with pytest.raises(OutOfOrder, match="has no purse"):
        phone.purse.give(there.a, "1.00")
    there.a.purse.give(phone, "1.00")
    rig.expects_refusal("a TransferOffer: there is no purse")
    value = Value("C.phone/1", (there.a.purse.keeper.purse.notes.holdings[0].datum,))
    says(rig, rig.host.network, EmoneyData(value), "D73", phone.name)
    rig.expects_refusal("a EmoneyData: there is no purse")
    phone.lose_power(1)
    rig.waits(10)
    there.a.hold_to(there.b.purse)
    rig.expects_purses(A="20.00", B="0.00")


def test_no_power_no_payment(rig):
    """A dark phone and a dark till do nothing, and say so."""
    there = town(rig)
    there.a.lose_power()
    there.register.lose_power()
    for deed in (
        lambda: there.a.purse.load("1.00"),
        lambda: there.a.purse.give(there.b, "1.00"),
        there.a.purse.look,
        there.till.redeem,
        lambda: there.till.give(there.b, "1.00"),
        lambda: there.b.hold_to(there.till),
    ):
        with pytest.raises(OutOfOrder, match="no power"):
            deed()


def test_a_purse_without_notes_is_empty(rig):
    """A purse that nothing has happened to has no record in the store."""
    customer = rig.customer("A")
    phone = customer.phone()
    customer.purse()
    assert phone.store.get("purse", Notes) is None
    rig.expects_purses(A="0.00")
