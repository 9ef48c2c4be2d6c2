"""EMVCo codes: the published examples, round trips, and everything a strict reader refuses."""

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paybench.bank.currency import DECIMALS
from paybench.bank.currency_number import CURRENCIES, NUMBERS
from paybench.bank.money import Money
from paybench.hil.emvco import Bill, DataObject, EmvcoError, MerchantCode, crc, template
from paybench.hil.emvco_consumer import ConsumerCode, Tlv

# The example of the specification (Merchant-Presented Mode, 1.0 and 1.1), as quoted by the tests of
# go.mercari.io/go-emv-code (mpm) and mvallim/emv-qrcode.
MERCHANT = (
    "00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678520441115802CN"
    "5914BEST TRANSPORT6007BEIJING64200002ZH0104最佳运输0202北京540523.725303156550201"
    "6233030412340603***0708A60086670902ME91320016A0112233449988770708123456786304A13A"
)
# The two examples of Consumer-Presented Mode, as quoted by mvallim/emv-qrcode and
# dongri/emv-qrcode.
CONSUMER_TRACK_2 = "hQVDUFYwMWEaTwegAAAAVVVVVw8SNFZ4kBI0WNGRIgESNF8="
CONSUMER_TWO = (
    "hQVDUFYwMWETTwegAAAAVVVVUAhQcm9kdWN0MWETTwegAAAAZmZmUAhQcm9kdWN0MmJJWggSNFZ4kBI0WF8gDkNBUkRI"
    "T0xERVIvRU1WXy0IcnVlc2RlZW5kIZ8QBwYBCgMAAACfJghYT9OF+iNLzJ82AgABnzcEbVjvEw=="
)
# Seen in the wild: a template of 147 bytes whose length is written as the one byte 93.
CONSUMER_WRONG_LENGTH = (
    "hQVDUFYwMWGTTwegAAAGAiAgUAdxcmlzY3BtWgqTYAUDMSNFZ4mfXyALUmlraSBEZXJpYW5fLQRpZGVu"
    "X1AXcmlraS5kZXJpYW5AcXJpc2NwbS5jb22fJQJ4mWM/n3Q8MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0"
    "NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkw"
)
BILL = Bill("1-000001", "Shop A", "Berlin", Money(250, "EUR"), "A.register-000001")

printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=25)
bills = st.builds(
    Bill,
    payee=printable,
    name=printable,
    city=printable.filter(lambda text: len(text) <= 15),
    amount=st.builds(Money, st.integers(1, 10**9), st.sampled_from(sorted(DECIMALS))),
    reference=st.just("") | printable,
    country=st.sampled_from(["DE", "CN", "JP"]),
    category=st.sampled_from(["0000", "5411"]),
)


def base(**changes):
    """The bill's own objects; a keyword ``_54`` changes one, None takes it away."""
    objects = {part.id: part for part in MerchantCode.parse(BILL.text).objects}
    for key, value in changes.items():
        id_ = key.strip("_")
        if value is None:
            objects.pop(id_)
        else:
            objects[id_] = value if isinstance(value, DataObject) else DataObject(id_, value)
    return objects.values()


def sealed(body):
    """A payload with the right CRC, whatever else is wrong with it."""
    return body + "6304" + crc(body + "6304")


def test_the_published_merchant_code_is_read():
    """The specification's own example is understood to the last object, Chinese names included."""
    code = MerchantCode.parse(MERCHANT)
    assert code.amount == Money(2372, "CNY")
    assert code.find("59") == "BEST TRANSPORT"
    assert code.find("29", "05") == "A93FO3230Q"
    assert (code.find("64", "01"), code.find("64", "02")) == ("最佳运输", "北京")
    assert code.find("62", "07") == "A6008667"
    assert code.find("91", "07") == "12345678"
    assert code.find("62", "77") == ""
    assert code.text == MERCHANT


def test_the_published_merchant_code_is_built():
    """Built from its values, the specification's example comes out to the character."""
    built = MerchantCode.build(
        DataObject("00", "01"),
        DataObject("01", "12"),
        template("29", DataObject("00", "D15600000000"), DataObject("05", "A93FO3230Q")),
        template("31", DataObject("00", "D15600000001"), DataObject("03", "12345678")),
        DataObject("52", "4111"),
        DataObject("58", "CN"),
        DataObject("59", "BEST TRANSPORT"),
        DataObject("60", "BEIJING"),
        template(
            "64", DataObject("00", "ZH"), DataObject("01", "最佳运输"), DataObject("02", "北京")
        ),
        DataObject("54", "23.72"),
        DataObject("53", "156"),
        DataObject("55", "01"),
        template(
            "62",
            DataObject("03", "1234"),
            DataObject("06", "***"),
            DataObject("07", "A6008667"),
            DataObject("09", "ME"),
        ),
        template("91", DataObject("00", "A011223344998877"), DataObject("07", "12345678")),
    )
    assert built.text == MERCHANT


def test_the_crc_is_ccitt_false():
    """The check value of CRC-16/CCITT-FALSE, and leading zeros kept."""
    assert crc("123456789") == "29B1"
    assert all(len(crc(str(number))) == 4 for number in range(1000))


@given(bills)
def test_a_bill_survives_its_code(bill):
    """Whatever bill goes into a code comes out of it, and the code is a strict one."""
    assert Bill.parse(bill.text) == bill
    assert MerchantCode.parse(bill.text).text == bill.text


@given(st.text(max_size=200) | st.text("0123456789", max_size=200).map("000201".__add__))
def test_no_text_breaks_the_reader(text):
    """Any text is refused in a sentence, never with another exception."""
    for payload in (text, sealed(text) if text.isascii() else text):
        with suppress(EmvcoError):
            assert MerchantCode.parse(payload).text == payload


@given(st.integers(0, len(MERCHANT) - 1), st.characters(max_codepoint=0x5FFF))
def test_any_one_character_changed_is_noticed(at, character):
    """The CRC, or a rule before it, notices every change of one character."""
    changed = MERCHANT[:at] + character + MERCHANT[at + 1 :]
    if changed != MERCHANT:
        with pytest.raises(EmvcoError):
            MerchantCode.parse(changed)


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        ("", "at character 0: expected the payload format indicator, 000201, first"),
        ("0002", "at character 0: 00 says 2 characters and 0 are left"),
        ("000201", "expected the CRC, 6304 and 4 hex digits, last; seen 00"),
        (MERCHANT[:-1], "63 says 4 characters and 3 are left"),
        (MERCHANT.replace("A13A", "a13a"), "the CRC is 'a13a' where 'A13A' is right"),
        (MERCHANT.replace("23.72", "23.73"), "the code was changed"),
        (MERCHANT + "0", "expected an ID and a length, 4 digits, seen '0'"),
        ("\u0660\u06600201", "at character 0: expected an ID and a length"),
        ("000201" + "0" * 600, "at most 512 fit"),
        ("000201\ud800", "at character 6: this is not Unicode text"),
        (sealed("000202"), "at character 4: 00 is '02': expected 01"),
        (sealed("000201" + "000201"), "at character 6: 00 stands there a second time"),
        (sealed("0002015200"), "at character 6: 52 has length 00"),
        (sealed("000201520441115303978"), "there is no 58 (country code)"),
    ],
)
def test_a_malformed_payload_says_where(payload, sentence):
    """Every breach of the frame is told with its position."""
    with pytest.raises(EmvcoError) as refused:
        MerchantCode.parse(payload)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"_26": None}, "there is no merchant account information: expected one of 02 to 51"),
        ({"_01": "13"}, "01 is '13': expected 11 (static) or 12 (dynamic)"),
        ({"_26": template("26", DataObject("01", "x"))}, "the template 26 has no 00"),
        ({"_26": DataObject("26", "0002x")}, "at character 16 (in 26): 00 says 2 characters"),
        ({"_52": "54a1"}, "52 is '54a1': expected 4 digits"),
        ({"_53": "999"}, "53 is '999': expected the number of an ISO 4217 currency"),
        ({"_54": "2,50"}, "54 is '2,50': expected at most 13 digits and a point"),
        ({"_54": "2.505"}, "expected at most 2 decimals in EUR"),
        ({"_54": "0.00"}, "54 is zero: leave it out"),
        ({"_54": "12345678901.23"}, "expected at most 13 digits"),
        ({"_55": "02"}, "there is no 56 and 55 is 02"),
        ({"_56": "1.00"}, "there is 56 and 55 is missing"),
        ({"_55": "03", "_57": "00.00"}, "expected a percentage from 00.01 to 99.99"),
        ({"_58": "de"}, "58 is 'de': expected 2 capital letters"),
        ({"_59": "x" * 26}, "expected at most 25 characters"),
        ({"_59": "Café"}, "expected printable ASCII; other alphabets belong into 64"),
        ({"_62": template("62", DataObject("09", "X"))}, "62.09 is 'X'"),
        ({"_62": template("62", DataObject("50", "0101x"))}, "has no 00"),
        ({"_64": template("64", DataObject("00", "ZH"))}, "the template 64 has no 01"),
        ({"_65": ""}, "the value of 65 has 0 characters: expected 1 to 99"),
        ({"_65": "x" * 100}, "the value of 65 has 100 characters"),
    ],
)
def test_what_cannot_be_in_a_code_is_not_built(changes, sentence):
    """A builder is as strict as the reader, by the same rules."""
    with pytest.raises(EmvcoError) as refused:
        MerchantCode.build(*base(**changes))
    assert sentence in str(refused.value)


def test_amounts_are_written_as_the_standard_allows():
    """98, 98. and 98.7 are amounts; without one, the consumer enters it."""
    for text, minor in (("98", 9800), ("98.", 9800), ("98.7", 9870), ("98.73", 9873)):
        assert MerchantCode.build(*base(_54=text)).amount == Money(minor, "EUR")
    without = MerchantCode.build(*base(_54=None))
    assert without.amount is None
    with pytest.raises(EmvcoError, match=r"no amount \(54\)"):
        Bill.parse(without.text)


def test_a_bill_of_another_network_is_none_of_ours():
    """A code without an account of the bench says whose it would have to be."""
    with pytest.raises(EmvcoError, match=r"no account of the network 'org\.paybench'"):
        Bill.parse(MERCHANT)


def test_every_currency_has_its_number():
    """The numbers are of exactly the currencies money can be in, and no two are alike."""
    assert NUMBERS.keys() == DECIMALS.keys()
    assert len(CURRENCIES) == len(NUMBERS)
    assert all(len(number) == 3 and number.isdecimal() for number in CURRENCIES)
    assert [NUMBERS[code] for code in ("EUR", "USD", "JPY", "ALL")] == ["978", "840", "392", "008"]


def test_the_published_consumer_codes_are_read_and_built():
    """Both examples of the specification are understood, and built to the character."""
    one, two = ConsumerCode.parse(CONSUMER_TRACK_2), ConsumerCode.parse(CONSUMER_TWO)
    assert one.applications == (bytes.fromhex("A0000000555555"),)
    assert one.find("61", "57") == bytes.fromhex("1234567890123458D191220112345F")
    assert two.applications == tuple(map(bytes.fromhex, ("A0000000555555", "A0000000666666")))
    assert two.find("62", "5F20") == b"CARDHOLDER/EMV"
    assert two.find("62", "64", "9F26") == bytes.fromhex("584FD385FA234BCC")
    assert two.find("62", "9F26") == b""
    assert (one.text, two.text) == (CONSUMER_TRACK_2, CONSUMER_TWO)
    assert ConsumerCode.build(*two.objects[1:]) == two


def test_card_numbers_are_not_shown():
    """The repr of a code has neither the card number nor the track."""
    for payload in (CONSUMER_TRACK_2, CONSUMER_TWO):
        assert "1234567890123458" not in repr(ConsumerCode.parse(payload))


@given(st.binary(min_size=5, max_size=16), st.binary(max_size=150), st.booleans())
def test_a_consumer_code_survives(name, data, common):
    """Values of any length, in long and short form, come out as they went in."""
    items = (Tlv("4F", name), Tlv("9F74", data))
    objects = [Tlv("61", items=items), *([Tlv("62", items=(Tlv("5A", data),))] if common else [])]
    assert ConsumerCode.parse(ConsumerCode.build(*objects).text).objects[1:] == tuple(objects)


@given(st.binary(max_size=100), st.booleans())
def test_no_bytes_break_the_reader(data, prefixed):
    """Any bytes are refused in a sentence, never with another exception, or are a code."""
    data = bytes.fromhex("85054350563031") + data if prefixed else data
    payload = base64.b64encode(data).decode()
    with suppress(EmvcoError):
        assert ConsumerCode.parse(payload).text == payload


def refused(hexadecimal, *, version="85054350563031"):
    with pytest.raises(EmvcoError) as error:
        ConsumerCode.parse(base64.b64encode(bytes.fromhex(version + hexadecimal)).decode())
    return str(error.value)


def test_a_malformed_consumer_code_says_where():
    """Every breach is told, with its byte where it has one."""
    with pytest.raises(EmvcoError, match="at byte 7: 61 has the length 93…"):
        ConsumerCode.parse(CONSUMER_WRONG_LENGTH)
    for text in ("hQV", "hQV*", "é", CONSUMER_TRACK_2[:-2] + "9="):
        with pytest.raises(EmvcoError, match="the payload is no base64"):
            ConsumerCode.parse(text)
    with pytest.raises(EmvcoError, match="at most 512 fit"):
        ConsumerCode.parse("A" * 516)
    name = "4F05A000000001"
    assert "expected the payload format indicator 85, CPV01" in refused("", version="")
    assert "expected the payload format indicator 85, CPV01" in refused(f"6107{name}", version="")
    assert "expected at least one 61" in refused("")
    assert "at byte 7: 61 says 9 bytes and 7 are left" in refused(f"6109{name}")
    assert "at byte 9: 4F says 9 bytes and 5 are left" in refused("61074F09A000000001")
    assert "4F has 4 bytes: expected 5 to 16" in refused("61064F04A0000000")
    assert "has no 4F" in refused("61025001"[:4] + "5000")
    assert "written in more bytes than it takes" in refused(f"618107{name}")
    assert "the template 61 is empty" in refused("6100")
    assert "the data ends within a tag" in refused("9F")
    assert "4F stands there a second time" in refused(f"610E{name}{name}")
    assert "62 stands there 2 times" in refused(f"6107{name}" + "62035A0112" * 2)
    deep = "5A0112"
    for _ in range(6):
        deep = f"62{len(deep) // 2:02X}{deep}"
    assert "deeper than 4" in refused(deep)
    for tag in ("", "4", "4F00", "zz", "5f20"):
        with pytest.raises(EmvcoError, match="is no tag"):
            ConsumerCode.build(Tlv("61", items=(Tlv(tag, b"x"),)))
    with pytest.raises(EmvcoError, match="is of no template"):
        ConsumerCode.build(Tlv("5A", items=(Tlv("4F", b"x"),)))
