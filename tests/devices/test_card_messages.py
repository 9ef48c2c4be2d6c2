"""Card messages and PIN blocks: the bytes, and what is refused of them."""

import hashlib
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paybench.bank.account import AccountNumber
from paybench.bank.money import Money
from paybench.bank.secret import Secret
from paybench.devices import iso_message as iso
from paybench.devices.card import CardInformation, CardNumber, check_digit_fits, form_flaw
from paybench.devices.card_file import CardFile
from paybench.devices.card_keys import CardKeys
from paybench.devices.card_payment import CardForms, CardPayment
from paybench.devices.card_reason import CardReason
from paybench.devices.errors import CardMessageError
from paybench.devices.iso_message import IsoBytes, unpack
from paybench.devices.pin_block import decipher, encipher
from paybench.devices.store import Store

KEY = bytes.fromhex("00112233445566778899AABBCCDDEEFF")
NUMBER = "4111111111111111"
PINS = st.text("0123456789", min_size=4, max_size=12)
CARD_NUMBERS = st.text("0123456789", min_size=12, max_size=19)


def payment(**changes):
    keys = CardKeys(KEY)
    forms = CardForms("T0000001", "001-0000001", keys)
    fields = {
        "settlement_id": "A.register-000001",
        "customer": "B.phone",
        "kind": "1",
        "card": "4111 11•• •••• 1111",
        "sealed_number": forms.sealed(CardNumber(NUMBER)),
        "expiry": "2712",
        "amount": Money(250, "EUR"),
        "trace_number": "000001",
        "reference": "600100000001",
        "sent_at": "0101000000",
    }
    return forms, CardPayment(**fields | changes)


def card(**changes):
    fields = {
        "settlement_id": "A.register-000001",
        "kind": "1",
        "number": CardNumber(NUMBER),
        "expiry": "2712",
        "holder": "B",
        "pin": Secret("73916428"),
    }
    return CardInformation(**fields | changes)


def test_pin_blocks_are_those_others_make():
    """An example that several other programs for PIN blocks agree on."""
    assert encipher(KEY, "1234", "1234567890123456789", b"\xff" * 8) == bytes.fromhex(
        "28B41FDDD29B743E93124BD8E32D921E"
    )


@given(pin=PINS, number=CARD_NUMBERS, filler=st.binary(min_size=8, max_size=8))
def test_a_pin_comes_out_as_it_went_in(pin, number, filler):
    """For every PIN and number there may be; for another number or key it does not come out."""
    block = encipher(KEY, pin, number, filler)
    assert decipher(KEY, block, number) == pin
    other = str((int(number[0]) + 1) % 10) + number[1:]
    for key, of in ((KEY[::-1], number), (KEY, other)):
        with suppress(CardMessageError):
            assert decipher(key, block, of) != pin


@pytest.mark.parametrize(
    ("pin", "number", "filler"),
    [
        ("123", NUMBER, 8),
        ("1" * 13, NUMBER, 8),
        ("12a4", NUMBER, 8),
        ("1234", "4" * 11, 8),
        ("1234", "4" * 20, 8),
        ("1234", NUMBER, 7),
    ],
)
def test_what_fits_no_pin_block_is_refused(pin, number, filler):
    """PINs of 4 to 12 digits, numbers of 12 to 19, 8 bytes of filler: nothing else."""
    with pytest.raises(CardMessageError):
        encipher(KEY, pin, number, bytes(filler))


@given(st.binary(max_size=40))
def test_any_bytes_may_come_as_a_pin_block(block):
    """Other blocks are refused, or are PINs: nothing else comes of them."""
    with suppress(CardMessageError):
        assert 4 <= len(decipher(KEY, block, NUMBER)) <= 12


def test_the_bytes_of_a_demand():
    """The layout of 0100 is what docs/card_terminal.md says, byte by byte."""
    forms, asked = payment()
    raw = forms.authorise(asked, card()).iso.data
    # Fields 2, 3, 4, 7, 11 to 14, 22, 32, 37, 41, 42, 49, 62, and 110 and 128 in the second bitmap.
    assert raw[:4].decode() + raw[4:20].hex() == "0100f23c040108c080040000000000040001"
    parts = [
        "164111111111111111",
        "003000",
        "000000000250",
        "0101000000",
        "000001",
        "000000",
        "0101",
        "2712",
        "071",
        "011",
        "600100000001",
        "T0000001",
        "001-0000001    ",
        "978",
        "017A.register-000001",
        "016",
    ]
    text = "".join(parts)
    assert raw[20 : 20 + len(text)].decode() == text
    assert len(raw) == 20 + len(text) + 16 + 8
    fields = unpack(IsoBytes(raw), forms.keys.mac)
    block = bytes.fromhex(fields[iso.PIN_BLOCK])
    assert decipher(forms.keys.pin, block, NUMBER) == "73916428"


def test_the_fields_of_a_reversal_name_the_demand():
    """0400 has in field 90 type, trace number and time of the 0100, and says 0401 when repeated."""
    forms, asked = payment(back="000002", back_at="0101000010", authorisation="000009")
    demand = unpack(forms.authorise(asked, card()).iso, forms.keys.mac)
    first = unpack(forms.take_back(asked, again=False).iso, forms.keys.mac)
    again = unpack(forms.take_back(asked, again=True).iso, forms.keys.mac)
    assert first[iso.ORIGINAL] == "010000000101010000000000000000100000000000"
    assert first[iso.ORIGINAL] == iso.original(demand)
    assert (first["t"], again["t"]) == ("0400", "0401")
    assert first[iso.NUMBER] == NUMBER
    assert first[iso.AUTHORISATION] == "000009"
    assert iso.PIN_BLOCK not in first
    for name in ("t", iso.MAC):
        del first[name], again[name]
    assert first == again


@given(st.data())
def test_any_change_of_a_message_is_seen(data):
    """Whichever bit is turned: the message is refused, or reads as no message at all."""
    forms, asked = payment()
    raw = bytearray(forms.authorise(asked, card()).iso.data)
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(CardMessageError):
        unpack(IsoBytes(bytes(raw)), forms.keys.mac)


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: b"0100\xf2" + tail))
def test_any_bytes_may_come_as_a_message(raw):
    """They are refused, and can be shown and asked for what they belong to."""
    message = iso.IsoMessage(IsoBytes(raw))
    assert isinstance(message.correlation, str)
    assert str(message)
    with pytest.raises(CardMessageError):
        unpack(message.iso, KEY)


def test_a_message_that_is_too_long_is_refused():
    """Nobody decodes what no terminal sends."""
    with pytest.raises(CardMessageError, match="too many"):
        IsoBytes(b"0" * 2049).fields()


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "3"},
        {"number": CardNumber("4" * 11)},
        {"number": CardNumber("4" * 20)},
        {"number": CardNumber("4111 1111 1111")},
        {"expiry": "1227 "},
        {"expiry": "2713"},
        {"expiry": "2700"},
        {"holder": "B" * 27},
        {"pin": Secret("123")},
        {"pin": Secret("")},
    ],
)
def test_what_is_no_card_is_seen(changes):
    """What a phone sends is looked at before it is put into fields: each flaw has a sentence."""
    assert card().flaw() == ""
    assert card(**changes).flaw().endswith(".")


@pytest.mark.parametrize(
    "number",
    ["4111111111111111", "5555555555554444", "378282246310005", "6011111111111117", "79927398713"],
)
def test_a_check_digit_sees_every_wrong_digit(number):
    """The known numbers are right, and no longer so with any one digit changed."""
    assert check_digit_fits(number)
    for place in range(len(number)):
        for digit in set("0123456789") - {number[place]}:
            assert not check_digit_fits(number[:place] + digit + number[place + 1 :])


def test_the_form_of_a_card_needs_no_pin():
    """A phone may keep a card without its PIN."""
    assert form_flaw("1", CardNumber(NUMBER), "2712", "B") == ""


def test_every_code_of_a_company_means_something():
    """A code that ISO 8583 has and this bench has not is a malfunction, and no permission."""
    assert CardReason.of("00") is CardReason.APPROVED
    for code in ("", "01", "0", "000", "05", "51", "91", "APPROVED"):
        assert CardReason.of(code) is CardReason.MALFUNCTION
    assert all(reason.sentence.endswith(".") for reason in CardReason)


def test_keys_differ_by_purpose_and_terminal():
    """No key of a terminal is another one's, or serves two purposes; a short secret is refused."""
    keys = [CardKeys(hashlib.sha256(bytes([n])).digest()) for n in range(3)]
    parts = [part for one in keys for part in (one.pin, one.mac, one.store[:16], one.store[16:])]
    assert len(set(parts)) == 12
    assert len({one.filler(name) for one in keys for name in ("600100000001", "600100000002")}) == 6
    with pytest.raises(ValueError, match="16 bytes"):
        CardKeys(bytes(15))


def test_a_pin_is_kept_as_a_hash_of_its_own():
    """Two cards with one PIN have different hashes, and another company's differ from both."""
    hashes = set()
    for secret in (b"one", b"other"):
        file = CardFile(Store(), secret)
        for number in (NUMBER, "5555555555554444"):
            about = {"kind": "1", "expiry": "2712", "holder": "B", "limit_minor": 100}
            file.issue(number, "73916428", account=AccountNumber(2, 1), **about)
        hashes |= {card.pin_hash for card in file.cards()}
    assert len(hashes) == 4


def test_the_clock_of_a_message_is_the_worlds():
    """The time in fields 7, 12 and 13 counts from the bank's first day."""
    at = iso.date_and_time(date(2026, 1, 31), (24 * 3600 + 3661) * 10**9 + 999_999_999)
    assert f"{at:%m%d%H%M%S}" == "0201010101"
