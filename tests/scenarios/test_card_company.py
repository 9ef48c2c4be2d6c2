"""Cards on a rig: who may issue and keep them, and which bills they pay."""

import pytest

from paybench.devices import iso_message as iso
from paybench.devices.card import KINDS, CardNumber
from paybench.devices.card_app import CARDS_MAX
from paybench.devices.cash_register import CashRegister
from paybench.devices.errors import OutOfOrder
from paybench.scenarios.errors import UsageError
from paybench.scenarios.rig import Rig

ONE, OTHER = "4111111111111111", "4012888888881881"
PIN, PASSWORD = "73916428", "2468"
CARD = {"number": ONE, "expiry": "12/27", "pin": PIN, "limit": "30.00"}


@pytest.fixture
def rig():
    rig = Rig()
    yield rig
    rig.close()


@pytest.fixture
def customer(rig):
    return rig.customer("B", balance="20.00", password=PASSWORD)


def test_a_card_needs_a_company_and_a_phone(rig, customer):
    """Whoever has neither is told what to make first."""
    with pytest.raises(UsageError, match=r"rig\.card_company"):
        customer.card("1", **CARD)
    rig.card_company("C")
    with pytest.raises(UsageError, match=r"customer\.phone"):
        customer.card("1", **CARD)
    phone = customer.phone()
    customer.card("1", **CARD)
    assert [card.kind for card in phone.cards.cards()] == ["1"]


@pytest.mark.parametrize(
    "changes",
    [{"number": "4111"}, {"expiry": "13/27"}, {"expiry": "soon"}, {"pin": "12"}, {"pin": "abcd"}],
)
def test_what_is_no_card_is_not_issued(rig, customer, changes):
    """Malformed data are the scenario's mistake, and no phone has such a card."""
    rig.card_company("C")
    phone = customer.phone()
    with pytest.raises(UsageError, match="cannot issue"):
        customer.card("1", **CARD | changes)
    with pytest.raises(UsageError, match="cannot issue"):
        customer.card("3", **CARD)
    assert list(phone.cards.cards()) == []


def test_a_seller_has_one_terminal_at_most(rig):
    """A second one is refused, and so is one for a seller who could not give back."""
    register = rig.shop("A").cash_register()
    company = rig.card_company("C")
    company.terminal(register)
    with pytest.raises(UsageError, match="already"):
        rig.card_company("D").terminal(register)
    keyless = CashRegister(rig.world, "E.register", account=company.account, shop="E")
    with pytest.raises(UsageError, match="account key"):
        company.terminal(keyless)


def test_each_company_knows_its_own_cards(rig, customer):
    """A card of D's is unknown to C, at whose terminal it is shown."""
    register = rig.shop("A").cash_register()
    rig.card_company("C").terminal(register)
    phone = customer.phone()
    customer.card("1", **CARD, company=rig.card_company("D"))
    register.key_in("coffee", "2.50")
    register.bill(phone)
    phone.cards.pay("1", pin=PIN, password=PASSWORD)
    register.expects("The card company has no such card.")


def test_the_card_that_is_asked_for_pays(rig, customer):
    """Of two credit cards the one with these last digits; without them the older one."""
    register = rig.shop("A").cash_register()
    company = rig.card_company("C")
    company.terminal(register)
    phone = customer.phone()
    customer.card("1", **CARD)
    customer.card("1", **CARD | {"number": OTHER})
    for ending, masked in (("1881", "4012 88•• •••• 1881"), ("", "4111 11•• •••• 1111")):
        register.key_in("coffee", "2.50")
        register.bill(phone)
        phone.cards.pay("1", pin=PIN, password=PASSWORD, ending=ending)
        phone.expects(f"CARD {masked}")
        phone.expects("PAID 2.50")


def test_a_card_pays_no_phone_and_no_gate(rig, customer):
    """Another customer's phone bills B: no card's data go there, whoever asks for them."""
    phone, other = customer.phone(), rig.customer("D").phone()
    rig.card_company("C")
    customer.card("1", **CARD)
    other.collector.bill(phone, "2.50")
    phone.cards.pay("1", pin=PIN, password=PASSWORD)
    phone.expects("NO CARDS TAKEN THERE")
    rig.expects_steps("D41")


def test_without_a_bill_there_is_nothing_to_pay(rig, customer):
    """Paying by card before the register has billed is out of order."""
    rig.card_company("C")
    phone = customer.phone()
    customer.card("1", **CARD)
    with pytest.raises(OutOfOrder, match="no bill to pay by card"):
        phone.cards.pay("1", pin=PIN, password=PASSWORD)


def test_a_phone_keeps_so_many_cards_and_forgets_removed_ones(customer):
    """A card of a number it has takes the former one's place; the 33rd is refused."""
    phone = customer.phone()
    for number in range(CARDS_MAX):
        phone.cards.add("1", f"{number:016}", "12/27", "B")
    phone.cards.add("2", f"{3:016}", "11/28", "B", PIN)
    with pytest.raises(OutOfOrder, match="32 cards"):
        phone.cards.add("1", ONE, "12/27", "B")
    assert len(list(phone.cards.cards())) == CARDS_MAX
    changed = next(phone.cards.cards("2"))
    assert (changed.expiry, changed.pin.reveal()) == ("2811", PIN)
    phone.cards.remove("0003")
    assert list(phone.cards.cards("2")) == []
    phone.lose_power()
    phone.regain_power()
    assert len(list(phone.cards.cards())) == CARDS_MAX - 1


def test_a_card_that_cannot_be_read_is_refused_at_once(rig, customer):
    """What came from the phone is no card's number: the company is not asked, and all are told."""
    register = rig.shop("A").cash_register()
    rig.card_company("C").terminal(register)
    phone = customer.phone()
    customer.card("1", **CARD)
    rig.alters("D81", "number", CardNumber("4111"))
    register.key_in("coffee", "2.50")
    register.bill(phone)
    phone.cards.pay("1", pin=PIN, password=PASSWORD)
    register.expects("CARD UNREADABLE")
    register.expects_article("kept")
    phone.expects("A card's number has 12 to 19 digits.")
    rig.expects_steps("D1", "D81")


def test_an_amount_that_fits_no_field_is_refused(rig):
    """Field 4 has twelve digits: what costs more cannot be paid by card."""
    register = rig.shop("A").cash_register()
    rig.card_company("C").terminal(register)
    customer = rig.customer("B", password=PASSWORD)
    phone = customer.phone()
    customer.card("1", **CARD)
    register.key_in("island", "10000000000.00")
    register.bill(phone)
    phone.cards.pay("1", pin=PIN, password=PASSWORD)
    register.expects("CARD UNREADABLE")
    register.expects("field 4 does not fit: *")
    rig.expects_steps("D1", "D81")


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({iso.AMOUNT: "000000000249"}, "The card company approves another amount."),
        ({iso.ACCOUNT: "nobody"}, "The card company did not say who pays."),
        ({iso.ACCOUNT: "002-0000009"}, "The payer has no account here."),
        ({iso.SIGNATURE: "1:"}, "The approval does not match what is to be settled."),
        ({iso.SIGNATURE: "one:00"}, "The card company did not say who pays."),
        ({iso.SIGNATURE: "1:00zz"}, "The card company did not say who pays."),
        ({iso.SIGNATURE: "99:" + "00" * 32}, "The approval does not match what is to be settled."),
        ({iso.REASON: "10"}, "The card company has a malfunction."),
        ({iso.REASON: ""}, "The card company has a malfunction."),
    ],
)
def test_an_approval_that_is_none_buys_nothing(rig, customer, changes, shown):
    """Whatever a real host may answer, with the right key: nothing is handed over, nothing paid."""
    register = rig.shop("A").cash_register()
    company = rig.card_company("C")
    company.terminal(register)
    phone = customer.phone()
    customer.card("1", **CARD)
    approved = {
        iso.AMOUNT: "000000000250",
        iso.TRACE_NUMBER: "000001",
        iso.TERMINAL: "T0000001",
        iso.SETTLEMENT_ID: "A.register-000001",
        iso.REASON: "00",
        iso.ACCOUNT: str(company.account),
        iso.SIGNATURE: "1:" + "00" * 32,
    }
    answer = {name: value for name, value in (approved | changes).items() if value}
    mac_key = company.authority.known["T0000001"].keys.mac
    rig.alters("D83", "iso", iso.pack(iso.AUTHORISED, answer, mac_key).iso)
    register.key_in("coffee", "2.50")
    register.bill(phone)
    phone.cards.pay("1", pin=PIN, password=PASSWORD)
    register.expects(shown)
    register.expects_article("kept")
    rig.expects_decisions("card payment taken back")
    rig.expects_balances(A="0.00", B="20.00", C="1000.00")


def test_an_answer_from_before_a_loss_of_power_is_nobodys(rig, customer):
    """D83 comes when the register is dark and up again: it was taken back, and is ignored."""
    register = rig.shop("A").cash_register()
    rig.card_company("C").terminal(register)
    phone = customer.phone()
    customer.card("1", **CARD)
    rig.delays("D83", by_s=8)
    rig.cuts_power(register, at="D82", for_s=2)
    register.key_in("coffee", "2.50")
    register.bill(phone)
    phone.cards.pay("1", pin=PIN, password=PASSWORD)
    rig.expects_decisions("ignored", "card payment taken back")
    register.expects_article("kept")


@pytest.mark.parametrize("kind", KINDS)
def test_cards_make_no_difference_from_run_to_run(kind):
    """The same seed gives the same bytes, the PIN block among them; another seed other keys."""

    def bytes_sent(seed):
        rig = Rig(seed=seed)
        register = rig.shop("A").cash_register()
        rig.card_company("C").terminal(register)
        customer = rig.customer("B", balance="20.00", password=PASSWORD)
        phone = customer.phone()
        customer.card(kind, **CARD)
        register.key_in("coffee", "2.50")
        register.bill(phone)
        phone.cards.pay(kind, pin=PIN, password=PASSWORD)
        rig.close()
        events = rig.world.trace.events
        return [
            event.message.iso.data
            for event in events
            if getattr(event, "step", "") in ("D82", "D83") and hasattr(event, "message")
        ]

    first = bytes_sent(1)
    assert len(first) == 2
    assert bytes_sent(1) == first
    assert bytes_sent(2) != first
