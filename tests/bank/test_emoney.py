"""The values e-money is made of: what is altered, cut or foreign is found without the bank."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from purses import eur, secret

from paybench.bank import AccountNumber, EmoneyError
from paybench.bank.emoney import (
    HANDS_MAX,
    Certificate,
    Datum,
    Refusal,
    SigningKey,
    Value,
)
from paybench.bank.emoney.certificate import certify
from paybench.bank.emoney.datum import mint
from paybench.bank.emoney.request import request
from paybench.bank.emoney.value import receipt

BANK, ANNA, BERT, CARL, EVE = (SigningKey(secret(name)) for name in ("bank", *"ABCE"))
ISSUED = mint(BANK, "A/1", 1000, "EUR", ANNA.public)
SECOND = ISSUED.endorsed(ANNA, 0, 400, BERT.public, "B/1")
THIRD = SECOND.endorsed(BERT, 100, 50, CARL.public, "C/1")
CERTIFICATE = certify(BANK, "C", CARL.public)
REQUEST = request(CARL, CERTIFICATE, 1, eur("0.50"))


def part(number, **change):
    """The third owner's datum with one of its parts changed; -1 is the mintage."""
    if number < 0:
        return Datum(replace(THIRD.mintage, **change), THIRD.endorsements)
    parts = list(THIRD.endorsements)
    parts[number] = replace(parts[number], **change)
    return Datum(THIRD.mintage, tuple(parts))


def long(hands):
    datum = ISSUED
    for hand in range(hands):
        datum = datum.endorsed(ANNA, 0, 1000, ANNA.public, f"A/{hand + 2}")
    return datum


@pytest.mark.parametrize("datum", [ISSUED, SECOND, THIRD, long(HANDS_MAX)])
def test_takes_what_was_issued_and_passed_on(datum):
    """A datum as it came from the bank and from owner to owner has no flaw."""
    assert datum.flaw(BANK.public, "EUR") is None


ALTERED = {
    "another amount issued": (part(-1, amount_minor=10_000), Refusal.NOT_ISSUED),
    "another first owner": (part(-1, owner=EVE.public), Refusal.NOT_ISSUED),
    "another mintage id": (part(-1, transfer_id="A/2"), Refusal.NOT_ISSUED),
    "another currency": (part(-1, currency="USD"), Refusal.OTHER_CURRENCY),
    "a foreign mint": (mint(EVE, "A/1", 1000, "EUR", ANNA.public), Refusal.NOT_ISSUED),
    "no signature": (part(-1, signature=b""), Refusal.NOT_ISSUED),
    "a key that is none": (part(0, owner=b"x"), Refusal.NOT_ENDORSED),
    "more than was passed on": (part(1, amount_minor=51), Refusal.NOT_ENDORSED),
    "another stretch": (part(1, start_minor=0), Refusal.NOT_ENDORSED),
    "another owner": (part(1, owner=EVE.public), Refusal.NOT_ENDORSED),
    "another transfer": (part(1, transfer_id="C/2"), Refusal.NOT_ENDORSED),
    "an endorsement altered below": (part(0, amount_minor=500), Refusal.NOT_ENDORSED),
    "an endorsement cut out": (
        Datum(ISSUED.mintage, THIRD.endorsements[1:]),
        Refusal.NOT_ENDORSED,
    ),
    "endorsements swapped": (
        Datum(ISSUED.mintage, THIRD.endorsements[::-1]),
        Refusal.NOT_ENDORSED,
    ),
    "another mintage under it": (
        Datum(mint(BANK, "A/2", 1000, "EUR", ANNA.public).mintage, THIRD.endorsements),
        Refusal.NOT_ENDORSED,
    ),
    "endorsed by a thief": (
        ISSUED.endorsed(EVE, 0, 400, EVE.public, "E/1"),
        Refusal.NOT_ENDORSED,
    ),
    "more than the owner had": (
        SECOND.endorsed(BERT, 0, 401, CARL.public, "C/1"),
        Refusal.EXCEEDS,
    ),
    "what another one has": (
        THIRD.endorsed(CARL, 0, 50, EVE.public, "E/1"),
        Refusal.EXCEEDS,
    ),
    "nothing": (SECOND.endorsed(BERT, 0, 0, CARL.public, "C/1"), Refusal.OVERSIZED),
    "less than nothing": (
        SECOND.endorsed(BERT, 100, -50, CARL.public, "C/1"),
        Refusal.OVERSIZED,
    ),
    "too long a chain": (long(HANDS_MAX + 1), Refusal.OVERSIZED),
    "too long an id": (part(1, transfer_id="C" * 49), Refusal.OVERSIZED),
    "an amount beyond all money": (part(-1, amount_minor=10**15 + 1), Refusal.OVERSIZED),
    "an amount beyond 64 bits": (part(1, amount_minor=2**70), Refusal.OVERSIZED),
}


@pytest.mark.parametrize(("datum", "expected"), ALTERED.values(), ids=list(ALTERED))
def test_refuses_a_datum_with(datum, expected):
    """Whatever of a datum is not as its signers left it is named."""
    assert datum.flaw(BANK.public, "EUR") is expected


@given(st.data())
def test_no_bit_of_a_datum_can_be_changed(data):
    """A datum with any one bit of its encoding flipped is refused, or is no datum at all."""
    encoded = bytearray(msgspec.msgpack.encode(THIRD))
    place = data.draw(st.integers(0, 8 * len(encoded) - 1))
    encoded[place // 8] ^= 1 << place % 8
    try:
        datum = msgspec.msgpack.decode(bytes(encoded), type=Datum)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return
    assert datum.flaw(BANK.public, "EUR") or datum.last.owner != CARL.public


VALUES = {
    "what was asked for": ((THIRD,), None),
    "more than was asked for": (
        (SECOND.endorsed(BERT, 0, 51, CARL.public, "C/1"),),
        Refusal.OTHER_AMOUNT,
    ),
    "made out to another purse": (
        (SECOND.endorsed(BERT, 0, 50, EVE.public, "C/1"),),
        Refusal.OTHER_OWNER,
    ),
    "made out for another transfer": (
        (SECOND.endorsed(BERT, 0, 50, CARL.public, "C/2"),),
        Refusal.OTHER_TRANSFER,
    ),
    "one datum twice": (
        (SECOND.endorsed(BERT, 0, 25, CARL.public, "C/1"),) * 2,
        Refusal.OVERLAPS,
    ),
    "a stretch within a stretch": (
        (
            SECOND.endorsed(BERT, 0, 40, CARL.public, "C/1"),
            SECOND.endorsed(BERT, 10, 10, CARL.public, "C/1"),
        ),
        Refusal.OVERLAPS,
    ),
    "nothing": ((), Refusal.OVERSIZED),
    "too many data": (
        tuple(SECOND.endorsed(BERT, at, 1, CARL.public, "C/1") for at in range(9)),
        Refusal.OVERSIZED,
    ),
    "an altered datum": ((part(1, amount_minor=51),), Refusal.NOT_ENDORSED),
}


@pytest.mark.parametrize(("data", "expected"), VALUES.values(), ids=list(VALUES))
def test_takes_and_refuses_as_a_value(data, expected):
    """Data are taken together if they are what was asked for, made out to whoever asked."""
    value = Value("C/1", data)
    assert value.flaw(CARL.public, eur("0.50"), BANK.public) is expected


FORGED_REQUESTS = {
    "another amount": (replace(REQUEST, amount=eur("0.51")), Refusal.REQUEST_FORGED),
    "another number": (replace(REQUEST, number=2), Refusal.REQUEST_FORGED),
    "signed by another": (request(EVE, CERTIFICATE, 1, eur("0.50")), Refusal.REQUEST_FORGED),
    "a purse of another bank": (
        request(EVE, certify(EVE, "C", EVE.public), 1, eur("0.50")),
        Refusal.CERTIFICATE_FORGED,
    ),
    "another purse's name": (
        replace(REQUEST, payee=replace(CERTIFICATE, purse_id="D")),
        Refusal.CERTIFICATE_FORGED,
    ),
    "another key": (
        request(EVE, replace(CERTIFICATE, key=EVE.public), 1, eur("0.50")),
        Refusal.CERTIFICATE_FORGED,
    ),
    "no number": (request(CARL, CERTIFICATE, 0, eur("0.50")), Refusal.AMOUNT_OUT_OF_RANGE),
    "nothing": (request(CARL, CERTIFICATE, 1, eur("0")), Refusal.AMOUNT_OUT_OF_RANGE),
}


@pytest.mark.parametrize(("asked", "expected"), FORGED_REQUESTS.values(), ids=list(FORGED_REQUESTS))
def test_refuses_a_request_with(asked, expected):
    """Whoever pays knows whom and how much: the payee signed it, and the bank the payee's key."""
    assert REQUEST.flaw(BANK.public, "EUR") is None
    assert REQUEST.flaw(BANK.public, "USD") is Refusal.OTHER_CURRENCY
    assert asked.flaw(BANK.public, "EUR") is expected


def test_a_receipt_is_for_one_value_of_one_payee():
    """A receipt signed by another purse, or for another value, acknowledges nothing."""
    value, other = Value("C/1", (THIRD,)), Value("C/1", (SECOND,))
    genuine = receipt(CARL, "C/1", value.digest())
    assert genuine.is_for(value, CARL.public)
    assert not genuine.is_for(other, CARL.public)
    assert not genuine.is_for(value, EVE.public)
    assert not receipt(EVE, "C/1", value.digest()).is_for(value, CARL.public)
    assert not replace(genuine, digest=other.digest()).is_for(other, CARL.public)


@pytest.mark.parametrize("purse_id", ["", "x" * 25, "a/b", "a>b", "a b", "ä"])
def test_refuses_to_certify_a_purse_called(purse_id):
    """A purse's name is short, and cannot be taken for another name with a number."""
    with pytest.raises(EmoneyError, match="expected a purse id"):
        certify(BANK, purse_id, CARL.public)


def test_refuses_keys_of_another_length():
    """Neither a secret nor a public key of a wrong length gets any further."""
    with pytest.raises(EmoneyError, match="seen 31 bytes"):
        SigningKey(bytes(31))
    with pytest.raises(EmoneyError, match="seen 33 bytes"):
        certify(BANK, "C", bytes(33))


def test_shows_no_secret():
    """A signing key shows the beginning of its public half, and nothing of the secret."""
    assert repr(BANK) == f"SigningKey({BANK.public.hex()[:8]}…)"
    assert secret("bank").hex() not in repr(vars(type(BANK)))


@pytest.mark.parametrize("refusal", Refusal)
def test_explains_every_refusal(refusal):
    """Each refusal has one sentence without figures, and a kebab-case value to send."""
    assert refusal.sentence.endswith(".")
    assert refusal.value == refusal.name.lower().replace("_", "-")


def test_an_account_in_a_reference_has_its_full_length():
    """What data are endorsed to the bank for fits in an endorsement, however long the names."""
    longest = f"{'x' * 24}/999999999>{AccountNumber(999, 9_999_999)}"
    assert THIRD.endorsed(CARL, 100, 50, BANK.public, longest).flaw(BANK.public, "EUR") is None


def test_a_certificate_is_a_value():
    """Certifying the same twice gives the same bytes: signatures have no chance in them."""
    assert certify(BANK, "C", CARL.public) == CERTIFICATE
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(CERTIFICATE), type=Certificate)
    assert again == CERTIFICATE
