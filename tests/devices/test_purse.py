"""Purses pay each other without the bank, and survive whatever happens to link and power."""

import msgspec
import pytest
from msgspec.structs import replace
from purses import STORES, Town, eur, secret

from paybench.bank import AccountNumber, EmoneyError
from paybench.bank.emoney import (
    DATA_MAX,
    HANDS_MAX,
    ORDER_DATA_MAX,
    Datum,
    Endorsement,
    Mintage,
    Refusal,
    SigningKey,
    Value,
)
from paybench.bank.emoney.certificate import certify
from paybench.bank.emoney.datum import mint
from paybench.bank.emoney.redemption import result as signed_result
from paybench.bank.emoney.value import receipt
from paybench.devices.emoney import TransferValue
from paybench.devices.purse import Purse
from paybench.devices.purse_notes import (
    ASKED_MAX,
    HOLDINGS_MAX,
    PAID_MAX,
    REDEEMING_MAX,
    SENT_MAX,
    SURPLUS_MAX,
    Notes,
    remembered,
)
from paybench.devices.store import Store

A, B, C = STORES.values()
WIRE_PAYLOAD_MAX_BYTES = 1024


@pytest.fixture
def town():
    return Town()


def money(*purses):
    return [purse.balance.text for purse in purses]


# The transfer


def test_money_goes_from_purse_to_purse(town):
    """A pays B, B pays C with part of it, C pays A: what each has is what was handed."""
    a, b, c = town.load("A", "10.00"), town.purse("B"), town.purse("C")
    town.hand(a, b, "4.00")
    town.hand(b, c, "1.50")
    town.hand(c, a, "0.25")
    assert money(a, b, c) == ["6.25", "2.50", "1.25"]
    assert town.issuer_minor == 1000


def test_a_payment_takes_several_data(town):
    """What no single datum covers is paid with the largest ones, and the change stays."""
    a, b = town.purse("A"), town.purse("B")
    for amount in ("1.00", "4.00", "2.00"):
        town.load("A", amount)
    value, _ = town.hand(a, b, "5.50")
    assert [datum.last.amount_minor for datum in value.data] == [400, 150]
    assert money(a, b) == ["1.50", "5.50"]


def test_a_payment_takes_the_smallest_datum_that_covers_it(town):
    """Large data are kept whole for large payments."""
    a, b = town.purse("A"), town.purse("B")
    for amount in ("9.00", "3.00", "5.00"):
        town.load("A", amount)
    value, _ = town.hand(a, b, "3.00")
    assert [datum.mintage.amount_minor for datum in value.data] == [300]
    assert len(a.notes.holdings) == 2


@pytest.mark.parametrize("cut", ["request", "value", "receipt"])
@pytest.mark.parametrize("off", ["", "A", "B", "AB"])
def test_survives_a_link_cut_at(town, cut, off):
    """Whichever message is lost, and whoever loses power then: both end as if nothing had been."""
    town.load("A", "10.00")
    town.purse("B")

    def power_off():
        for name in off:
            town.purse(name)
        return town.purses["A"], town.purses["B"]

    asked = town.purses["B"].ask(eur("4.00"))
    if cut == "request":
        _, b = power_off()
        (again,) = b.open_requests()
        assert again == asked
    value = town.purses["A"].pay(asked)
    if cut == "value":
        a, b = power_off()
        assert money(a, b) == ["6.00", "0.00"]
        assert a.under_way() == [value]
        assert a.pay(asked) == value
    received = town.purses["B"].take(value)
    if cut == "receipt":
        a, b = power_off()
        assert money(a, b) == ["6.00", "4.00"]
        assert b.take(*a.under_way()) == received
    a, b = power_off()
    assert a.acknowledge(received) is None
    assert money(*power_off()) == ["6.00", "4.00"]
    assert (a.under_way(), b.open_requests()) == ([], [])


def test_every_message_twice_is_as_good_as_once(town):
    """A request, a value and a receipt that come again change nothing."""
    a, b = town.load("A", "10.00"), town.purse("B")
    asked = b.ask(eur("4.00"))
    value = a.pay(asked)
    assert a.pay(asked) == value
    received = b.take(value)
    assert b.take(value) == received
    assert (a.acknowledge(received), a.acknowledge(received)) == (None, None)
    assert a.pay(asked) is Refusal.PAID_BEFORE
    assert b.take(value) == received
    assert money(a, b) == ["6.00", "4.00"]


def test_what_is_under_way_cannot_be_spent_again(town):
    """A value that left is the payee's: the payer has no more of it, also after a power cut."""
    town.load("A", "10.00")
    b, c = town.purse("B"), town.purse("C")
    assert isinstance(town.purses["A"].pay(b.ask(eur("8.00"))), Value)
    a = town.purse("A")
    assert a.pay(c.ask(eur("3.00"))) is Refusal.INSUFFICIENT
    assert a.redeem(A, eur("3.00")) is Refusal.INSUFFICIENT


def test_two_purses_that_pay_the_same_request_lose_nothing(town):
    """The payee has both values and both payers their receipts; the owner may pay one back."""
    a, c, b = town.load("A", "10.00"), town.load("C", "10.00"), town.purse("B")
    asked = b.ask(eur("4.00"))
    for payer in (a, c):
        value = payer.pay(asked)
        received = b.take(value)
        assert b.take(value) == received
        assert payer.acknowledge(received) is None
    assert money(a, b, c) == ["6.00", "8.00", "6.00"]


def test_what_two_purses_paid_for_one_request_counts_once_each(town):
    """Neither value brings more when it comes again after it was spent."""
    a, c, b = town.load("A", "10.00"), town.load("C", "10.00"), town.purse("B")
    asked = b.ask(eur("4.00"))
    values = [payer.pay(asked) for payer in (a, c)]
    received = [b.take(value) for value in values]
    town.hand(b, a, "8.00")
    assert [b.take(value) for value in values] == received
    assert money(b) == ["0.00"]


def test_what_was_taken_brings_nothing_together_with_something_new(town):
    """A value made of a datum that was taken and spent and of one that was not is refused."""
    town.load("A", "2.50")
    a, b, c = town.load("A", "1.50"), town.purse("B"), town.purse("C")
    value, _ = town.hand(a, b, "4.00")
    town.hand(b, c, "4.00")
    town.load("A", "1.50")
    key, new = SigningKey(secret("purse A")), a.notes.holdings[0].datum
    new = new.endorsed(key, 0, 150, b.certificate.key, value.transfer_id)
    mixed = Value(value.transfer_id, (value.data[0], new))
    assert b.take(mixed) is Refusal.OVERLAPS
    assert money(b) == ["0.00"]


def test_one_request_is_paid_so_often_and_no_more(town):
    """What many purses pay for one request stays within what a payee remembers of it."""
    b = town.purse("B")
    asked = b.ask(eur("0.01"))
    payers = [town.load(f"A{number}", "0.01") for number in range(SURPLUS_MAX + 1)]
    answers = [b.take(payer.pay(asked)) for payer in payers]
    assert answers[-1] is Refusal.OVERSIZED
    assert Refusal.OVERSIZED not in answers[:-1]
    assert b.balance.amount_minor == SURPLUS_MAX


def test_a_purse_notes_before_it_answers(town):
    """When the store fails to keep a step, the step has not happened and says nothing."""

    class FullStore(Store):
        full = False

        def put(self, name, record):
            if self.full:
                raise OSError("the flash is full")
            super().put(name, record)

    disk = town.disks["A"] = FullStore()
    a, b = town.load("A", "10.00"), town.purse("B")
    value, asked = a.pay(b.ask(eur("1.00"))), b.ask(eur("2.00"))
    received, back = b.take(value), town.issue("A", a.ask(eur("1.00"))).value
    before, disk.full = a.notes, True
    steps = [
        lambda: a.ask(eur("1.00")),
        lambda: a.pay(asked),
        lambda: a.take(back),
        lambda: a.acknowledge(received),
        lambda: a.redeem(A),
    ]
    for step in steps:
        with pytest.raises(OSError, match="flash is full"):
            step()
        assert a.notes == before == town.purse("A").notes


# What a payer refuses


def test_a_payer_refuses(town):
    """Each reason not to pay is told, before and instead of paying; nothing is noted."""
    a, b = town.load("A", "10.00"), town.purse("B")
    asked = b.ask(eur("4.00"))
    eve = SigningKey(secret("bank of Eve"))
    foreign = Purse(
        SigningKey(secret("F")),
        certify(eve, "F", SigningKey(secret("F")).public),
        eve.public,
        "EUR",
        Store(),
    )
    before = a.notes
    refused = {
        Refusal.INSUFFICIENT: b.ask(eur("10.01")),
        Refusal.REQUEST_FORGED: replace(asked, amount=eur("5.00")),
        Refusal.CERTIFICATE_FORGED: foreign.ask(eur("4.00")),
        Refusal.OTHER_CURRENCY: replace(asked, amount=replace(eur("4.00"), currency="USD")),
    }
    for refusal, request in refused.items():
        assert a.flaw(request) is refusal
        assert a.pay(request) is refusal
    assert a.notes == before
    assert a.flaw(asked) is None
    own = a.ask(eur("4.00"))
    assert a.pay(own) is Refusal.SAME_PURSE


def test_worn_money_goes_back_to_the_bank_and_comes_out_new(town):
    """A datum that was passed on as often as it can be is redeemed, and issued anew."""
    a, b = town.load("A", "10.00"), town.purse("B")
    for hand in range(HANDS_MAX):
        payer, payee = ((a, b), (b, a))[hand % 2]
        town.hand(payer, payee, "10.00")
    owner, other = (b, a) if HANDS_MAX % 2 else (a, b)
    assert (owner.balance, owner.payable) == (eur("10.00"), eur("0.00"))
    assert owner.pay(other.ask(eur("1.00"))) is Refusal.REDEEM_FIRST
    owner.close(town.mint.redeem(owner.redeem(B), 1))
    town.bank.deposit()
    owner.take(town.issue("B", owner.ask(eur("10.00"))).value)
    town.hand(owner, other, "1.00")
    assert money(owner, other) == ["9.00", "1.00"]


def test_scattered_money_is_put_together_by_the_bank(town):
    """More data than one value takes cannot be paid with at once; redeeming puts them together."""
    a, b = town.purse("A"), town.purse("B")
    for _ in range(DATA_MAX + 1):
        town.load("A", "1.00")
    assert a.pay(b.ask(eur("9.00"))) is Refusal.SCATTERED
    town.hand(a, b, "8.00")
    assert money(a, b) == ["1.00", "8.00"]


# What a payee refuses


def altered(value, **change):
    """The value with its first datum's last endorsement changed."""
    datum = value.data[0]
    last = replace(datum.endorsements[-1], **change)
    data = (Datum(datum.mintage, (*datum.endorsements[:-1], last)), *value.data[1:])
    return Value(value.transfer_id, data)


def foreign_value(town, value):
    """As genuine as can be, but of a mint of the thief's own."""
    del town
    datum = value.data[0]
    thief = SigningKey(secret("mint of a thief"))
    issued = mint(thief, "A.phone/1", 1000, "EUR", SigningKey(secret("purse A")).public)
    last = datum.endorsements[-1]
    forged = issued.endorsed(
        SigningKey(secret("purse A")), 0, last.amount_minor, last.owner, last.transfer_id
    )
    return Value(value.transfer_id, (forged,))


REFUSED = {
    "another amount": (
        lambda _, value: altered(value, amount_minor=500),
        Refusal.NOT_ENDORSED,
    ),
    "a chain that is cut": (
        lambda _, value: Value(value.transfer_id, (Datum(value.data[0].mintage),)),
        Refusal.OTHER_OWNER,
    ),
    "a foreign mint": (foreign_value, Refusal.NOT_ISSUED),
    "a value for another purse": (
        lambda town, value: replace(
            town.purses["A"].pay(town.purse("C").ask(eur("4.00"))), transfer_id=value.transfer_id
        ),
        Refusal.OTHER_OWNER,
    ),
    "a value for another request": (
        lambda town, value: replace(
            town.purses["A"].pay(town.purses["B"].ask(eur("4.00"))), transfer_id=value.transfer_id
        ),
        Refusal.OTHER_TRANSFER,
    ),
    "a request never made": (
        lambda _, value: replace(value, transfer_id="B.phone/77"),
        Refusal.UNKNOWN_TRANSFER,
    ),
    "another purse's request": (
        lambda _, value: replace(value, transfer_id="A.phone/1"),
        Refusal.UNKNOWN_TRANSFER,
    ),
    "the same datum twice": (
        lambda _, value: Value(value.transfer_id, value.data * 2),
        Refusal.OVERLAPS,
    ),
    "more data than a purse takes": (
        lambda _, value: Value(value.transfer_id, value.data * (DATA_MAX + 1)),
        Refusal.OVERSIZED,
    ),
    "no data": (lambda _, value: Value(value.transfer_id, ()), Refusal.OVERSIZED),
}


@pytest.mark.parametrize(("change", "expected"), REFUSED.values(), ids=list(REFUSED))
def test_a_payee_refuses(town, change, expected):
    """A value that is not whole, genuine and asked for changes nothing; the true one still does."""
    a, b = town.load("A", "10.00"), town.purse("B")
    value = a.pay(b.ask(eur("4.00")))
    wrong = change(town, value)
    before = b.notes
    assert b.take(wrong) is expected
    assert b.notes == before
    assert a.acknowledge(b.take(value)) is None
    assert b.take(wrong) is not None
    assert money(b) == ["4.00"]


def test_another_currency_is_refused(town):
    """A purse takes, redeems and asks for one currency only, and never for nothing."""
    b = town.load("B", "5.00")
    for amount in (replace(eur("1.00"), currency="USD"), eur("0.00")):
        with pytest.raises(EmoneyError, match="expected an amount of EUR above zero"):
            b.ask(amount)
        with pytest.raises(EmoneyError, match="expected an amount of EUR above zero"):
            b.redeem(B, amount)
    asked = b.ask(eur("1.00"))
    dollars = mint(town.key, asked.transfer_id, 100, "USD", b.certificate.key)
    assert b.take(Value(asked.transfer_id, (dollars,))) is Refusal.OTHER_CURRENCY


def test_a_copy_replayed_to_the_same_payee_is_worth_nothing(town):
    """Repeated after it was spent, or under another request, or in pieces: no money."""
    a, b, c = town.load("A", "10.00"), town.purse("B"), town.purse("C")
    value, received = town.hand(a, b, "4.00")
    town.hand(b, c, "4.00")
    assert b.take(value) == received
    other = b.ask(eur("4.00"))
    assert b.take(replace(value, transfer_id=other.transfer_id)) is Refusal.OTHER_TRANSFER
    assert b.take(value) == received
    assert money(a, b, c) == ["6.00", "0.00", "4.00"]


def test_the_same_passed_on_twice_is_found_where_both_meet(town):
    """A copied phone pays the same purse twice: the second is refused without asking the bank."""
    a, b = town.load("A", "10.00"), town.purse("B")
    copied = a.notes
    town.hand(a, b, "4.00")
    town.disks["A"].put("purse", copied)
    copy = town.purse("A")
    assert b.take(copy.pay(b.ask(eur("3.00")))) is Refusal.OVERLAPS
    assert money(b) == ["4.00"]


def test_a_datum_from_the_bank_counts_once(town):
    """D72 that comes again, also when its money is spent, is taken once."""
    a, b = town.purse("A"), town.purse("B")
    value = town.issue("A", a.ask(eur("10.00"))).value
    received = a.take(value)
    town.hand(a, b, "10.00")
    assert a.take(value) == received
    assert money(a, b) == ["0.00", "10.00"]


# Receipts and results


def test_a_payer_believes_the_payee_alone(town):
    """A receipt that is forged, or of another value, leaves the value under way."""
    a, b = town.load("A", "10.00"), town.purse("B")
    value = a.pay(b.ask(eur("4.00")))
    genuine = b.take(value)
    forged = receipt(SigningKey(secret("thief")), value.transfer_id, value.digest())
    other = receipt(SigningKey(secret("purse B")), value.transfer_id, bytes(32))
    for wrong in (forged, other):
        assert a.acknowledge(wrong) is Refusal.RECEIPT_FORGED
    assert a.acknowledge(replace(genuine, transfer_id="B.phone/9")) is Refusal.UNKNOWN_TRANSFER
    assert a.under_way() == [value]
    assert a.acknowledge(genuine) is None


def test_a_purse_believes_the_banks_results_alone(town):
    """A result that is forged, altered or of another demand leaves the redemption open."""
    a = town.load("A", "10.00")
    order, other = a.redeem(A, eur("4.00")), a.redeem(A, eur("3.00"))
    genuine = town.mint.redeem(order, 1)
    forged = signed_result(SigningKey(secret("thief")), order, eur("4.00"))
    of_another = replace(town.mint.redeem(other, 1), redemption_id=order.redemption_id)
    refused = replace(genuine, refusal=Refusal.UNKNOWN_ACCOUNT)
    for wrong in (forged, of_another, refused):
        assert a.close(wrong) is Refusal.RESULT_FORGED
    assert not replace(genuine, redemption_id=other.redemption_id).is_for(
        order, town.mint.public_key
    )
    assert a.redeeming() == [order, other]
    assert (a.close(genuine), a.close(genuine)) == (None, Refusal.UNKNOWN_TRANSFER)


def test_a_redemption_survives_a_power_cut(town):
    """The demand is sent again from the notes, and its money is neither spent nor paid twice."""
    order = town.load("A", "10.00").redeem(B)
    first = town.mint.redeem(order, 1)
    a = town.purse("A")
    assert (a.balance, a.redeeming()) == (eur("0.00"), [order])
    assert town.mint.redeem(a.redeeming()[0], 2) == first
    assert a.close(first) is None
    assert town.purse("A").redeeming() == []


def test_what_the_bank_refuses_comes_back_and_can_only_be_redeemed(town):
    """Money that was endorsed to the bank once is paid to nobody else, and still redeemed."""
    a, b = town.load("A", "10.00"), town.purse("B")
    result = town.mint.redeem(a.redeem(AccountNumber(900, 77), eur("4.00")), 1)
    assert result.refusal is Refusal.UNKNOWN_ACCOUNT
    assert a.close(result) is None
    assert (a.balance, a.payable) == (eur("10.00"), eur("6.00"))
    assert a.pay(b.ask(eur("7.00"))) is Refusal.REDEEM_FIRST
    assert a.close(town.mint.redeem(a.redeem(A, eur("3.00")), 1)) is None
    assert (a.balance, a.payable) == (eur("7.00"), eur("6.00"))
    assert town.mint.redeem(a.redeem(A), 1).paid == eur("7.00")
    assert town.mint.double_spenders() == []


# Bounds


def test_a_purse_is_bounded(town):
    """However much is asked, paid and redeemed, the notes stop growing, and say why."""
    a, b = town.load("A", "100.00"), town.purse("B")
    for _ in range(SENT_MAX):
        assert isinstance(a.pay(b.ask(eur("0.01"))), Value)
    assert a.pay(b.ask(eur("0.01"))) is Refusal.TOO_MANY_UNDER_WAY
    for _ in range(REDEEMING_MAX):
        a.redeem(A, eur("0.01"))
    assert a.redeem(A, eur("0.01")) is Refusal.TOO_MANY_UNDER_WAY
    for value in a.under_way():
        a.acknowledge(b.take(value))
    town.hand(a, b, "0.01")
    assert len(a.notes.paid) == PAID_MAX
    for _ in range(ASKED_MAX + 1):
        b.ask(eur("0.01"))
    assert len(b.notes.asked) == ASKED_MAX


def test_a_full_purse_asks_for_no_more(town):
    """With too many data in it, a purse wants some redeemed first."""
    a = town.load("A", "1.00")
    notes = replace(a.notes, holdings=a.notes.holdings * HOLDINGS_MAX)
    town.disks["A"].put("purse", notes)
    assert town.purse("A").ask(eur("1.00")) is Refusal.SCATTERED


def test_a_redemption_is_bounded(town):
    """Of very many data the largest are redeemed at once, and an amount that needs more is not."""
    a = town.load("A", "0.02")
    for _ in range(ORDER_DATA_MAX):
        town.load("A", "0.01")
    assert a.redeem(A, a.balance) is Refusal.SCATTERED
    order = a.redeem(A)
    assert (order.amount_minor, a.balance.amount_minor) == (ORDER_DATA_MAX + 1, 1)
    assert town.mint.redeem(order, 1).paid.amount_minor == ORDER_DATA_MAX + 1


def test_a_request_too_long_ago_is_not_acknowledged(town):
    """A payee that forgot its request takes nothing and signs nothing: the payer keeps it."""
    a, b = town.load("A", "10.00"), town.purse("B")
    value = a.pay(b.ask(eur("4.00")))
    late, _ = town.hand(a, b, "1.00")
    town.disks["B"].put("purse", replace(b.notes, asked={}, received={}))  # ages later
    b = town.purse("B")
    assert b.take(value) is Refusal.UNKNOWN_TRANSFER
    assert b.take(late) is Refusal.UNKNOWN_TRANSFER
    assert a.under_way() == [value]


def test_what_is_remembered_longest_is_forgotten_first():
    """A full memory keeps the newest."""
    memory = {}
    for number in range(5):
        memory = remembered(memory, str(number), number, 3)
    assert memory == {"2": 2, "3": 3, "4": 4}


def test_the_longest_value_of_one_datum_fits_a_payload_of_the_wire():
    """The longest names, the largest amounts, all hands: one payload carries it."""
    most, key = 10**15, bytes(32)
    name = f"{'x' * 24}/999999999"
    passed = Endorsement(most, most, key, name, bytes(64))
    datum = Datum(Mintage(name, most, "EUR", key, bytes(64)), (passed,) * HANDS_MAX)
    message = TransferValue(Value(name, (datum,)))
    payload = msgspec.msgpack.encode((1, 0, "x" * 16, message))
    assert len(payload) <= WIRE_PAYLOAD_MAX_BYTES


# Notes


def test_notes_hold_no_secret_and_come_back_whole(town):
    """What is on the disk has all that the purse knows, and no key to sign with."""
    a, b = town.load("A", "10.00"), town.purse("B")
    town.hand(a, b, "1.00")
    a.pay(b.ask(eur("2.00")))
    a.redeem(A, eur("3.00"))
    encoded = msgspec.msgpack.encode(a.notes)
    assert msgspec.msgpack.decode(encoded, type=Notes) == a.notes
    assert secret("purse A") not in encoded


def test_a_purse_is_given_its_own_certificate(town):
    """A certificate of another key, or of another bank, makes no purse."""
    town.purse("A")
    certificate = town.purses["A"].certificate
    for key, bank_key in (
        (SigningKey(secret("purse B")), town.mint.public_key),
        (SigningKey(secret("purse A")), SigningKey(secret("thief")).public),
    ):
        with pytest.raises(EmoneyError, match="have the mint certify"):
            Purse(key, certificate, bank_key, "EUR", Store())
