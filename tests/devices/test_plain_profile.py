"""The plain profile: a reader written from its page, round trips, and all that is refused."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from paybench.bank.account import AccountNumber
from paybench.bank.money import MINOR_MAX, Money
from paybench.devices import base45
from paybench.devices.plain_profile import BODY_MAX_BYTES, PlainBill, PlainCode, PlainProfileError
from paybench.hil.codes import read_codes
from paybench.hil.emvco import Bill
from paybench.hil.qr_picture import MARGIN_MODULES, qr_picture

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "plain_profile.md").read_text()
VECTORS = json.loads((DOCS / "wire-vectors.json").read_text())["plain_profile"]
SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
unhex = bytes.fromhex

kinds = st.from_regex(r"[A-Z][A-Z0-9]{0,7}", fullmatch=True)
bodies = st.binary(min_size=1, max_size=BODY_MAX_BYTES)
codes = st.builds(PlainCode, kinds, bodies)
names = st.text(st.characters(categories=["L", "N", "P"]), max_size=50)
bills = st.builds(
    PlainBill,
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=64),
    st.builds(AccountNumber, st.integers(0, 999), st.integers(0, 9_999_999)),
    st.builds(Money, st.integers(1, MINOR_MAX), st.sampled_from(["EUR", "JPY", "KWD"])),
    names,
    names,
)


# What firmware does, from the page alone.


def crc(text):
    register = 0xFFFF
    for sign in text:
        register ^= ord(sign) << 8
        for _ in range(8):
            register = (register << 1) ^ (0x1021 if register & 0x8000 else 0)
            register &= 0xFFFF
    return f"{register:04X}"


def unpacked(text):
    data = []
    for at in range(0, len(text), 3):
        values = [SIGNS.index(sign) for sign in text[at : at + 3]]
        number = values[0] + 45 * values[1] + (2025 * values[2] if len(values) == 3 else 0)
        data += [number // 256, number % 256] if len(values) == 3 else [number]
    return bytes(data)


def test_a_reader_written_from_the_page_understands_the_vectors():
    """Base45, CRC and envelope hold for a reader that shares no code with ours."""
    assert crc(unhex(VECTORS["checksum"]["of"]).decode()) == VECTORS["checksum"]["is"]
    for vector in VECTORS["base45"]:
        assert unpacked(vector["text"]) == unhex(vector["data"])
    for vector in VECTORS["codes"]:
        text = vector["text"]
        assert crc(text[:-4]) == text[-4:]
        profile, kind, body = text[:-4].split(":", 2)
        assert (profile, kind, unpacked(body).hex()) == ("PB1", vector["kind"], vector["body"])


def test_the_vectors_are_read_and_refused():
    """Each code and bill of the vectors is what it says, and each other is refused for its why."""
    for vector in VECTORS["codes"]:
        code = PlainCode(vector["kind"], unhex(vector["body"]))
        assert PlainCode.parse(vector["text"]) == code
        assert code.text == vector["text"]
    for vector in VECTORS["bills"]:
        bill = PlainBill.parse(vector["text"])
        assert str(bill.amount.amount_minor) in str(vector["bill"])
        assert bill.text == vector["text"]
    for vector in VECTORS["refused"]:
        with pytest.raises(PlainProfileError, match=re.escape(vector["why"])):
            PlainCode.parse(vector["text"])
    for vector in VECTORS["no_bills"]:
        assert PlainCode.parse(vector["text"]).body == unhex(vector["body"])
        with pytest.raises(PlainProfileError, match=re.escape(vector["why"])):
            PlainBill.parse(vector["text"])


def test_the_page_shows_the_bytes_of_its_example():
    """The code on the page is the first of the vectors, and its bytes are that code's body."""
    [vector] = [v for v in VECTORS["codes"] if v["text"] in PAGE and v["kind"] == "BILL"]
    lines = re.findall(
        r"^    ((?:[0-9A-F]{2} {1,2})+)", PAGE[PAGE.index("## BILL") :], re.MULTILINE
    )
    assert "".join(lines).replace(" ", "").lower() == vector["body"]
    assert f"\n    {SIGNS}\n" in PAGE


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a number of 12 digits", PlainCode("TIN", b"482915037264").text),
        (
            "a bill without names",
            PlainBill("A.register-000001", AccountNumber(1, 1), Money(250, "EUR")).text,
        ),
        ("the bill above", VECTORS["bills"][0]["text"]),
        (
            "the same bill as an EMVCo code",
            Bill(
                "001-0000001", "A", "Berlin", Money(250, "EUR"), reference="A.register-000001"
            ).text,
        ),
        ("a document of 96 bytes", PlainCode("TICKET", bytes(range(96, 256))).text),
        ("the largest code", PlainCode("TICKETS1", bytes(range(256)) * 2).text),
    ],
)
def test_the_page_says_how_large_a_code_is(what, text):
    """Characters and QR version of each row are those of the code drawn, which can be read."""
    [row] = re.findall(rf"^\| {what}.*\| (\d+) \| (\d+) \((\d+) x", PAGE, re.MULTILINE)
    picture = qr_picture(text, module_px=4)
    side = picture.width // 4 - 2 * MARGIN_MODULES
    assert tuple(map(int, row)) == (len(text), (side - 17) // 4, side)
    assert [code.payload for code in read_codes(picture)] == [text]


@given(st.binary(max_size=40))
@example(b"\xff\xff")
def test_base45_of_any_bytes_is_undone(data):
    """Whatever the bytes, the text is of the 45 characters and gives them back."""
    text = base45.encode(data)
    assert set(text) <= set(SIGNS)
    assert base45.decode(text) == unpacked(text) == data


@given(st.text(SIGNS + "a\u20ac", max_size=12))
def test_bytes_have_one_text(text):
    """What decodes at all is the one text of its bytes."""
    try:
        data = base45.decode(text)
    except base45.Base45Error:
        return
    assert base45.encode(data) == text


@given(codes)
def test_a_code_of_any_kind_is_read_as_it_was_made(code):
    """The envelope gives back kind and body, whatever they are."""
    assert PlainCode.parse(code.text) == code
    assert set(code.text) <= set(SIGNS)


@given(codes, st.integers(0), st.sampled_from([*SIGNS, "a", "\n", "\x00", "\u00e9", "\U0001f4b6"]))
def test_a_code_with_any_one_character_changed_is_refused(code, at, sign):
    """Whichever character becomes whichever other."""
    text = code.text
    at %= len(text)
    if text[at] != sign:
        with pytest.raises(PlainProfileError):
            PlainCode.parse(text[:at] + sign + text[at + 1 :])


def test_each_single_change_of_a_bill_is_refused():
    """All 73 x 44 of them."""
    text = VECTORS["bills"][0]["text"]
    for at, right in enumerate(text):
        for sign in SIGNS.replace(right, ""):
            with pytest.raises(PlainProfileError):
                PlainCode.parse(text[:at] + sign + text[at + 1 :])


@given(st.one_of(st.text(max_size=30), st.text(SIGNS).map(lambda rest: f"PB1:{rest}")))
def test_any_text_is_read_or_refused(text):
    """Nothing but a `PlainProfileError` comes of what somebody holds before a scanner."""
    try:
        assert PlainCode.parse(text).text == text
    except PlainProfileError:
        return


def test_an_endless_code_is_refused_before_it_is_looked_into():
    """Whatever a scanner delivers, no more than the longest code is worked on."""
    with pytest.raises(PlainProfileError, match="10008 characters: at most 785 fit"):
        PlainCode.parse("PB1:TIN:" + "0" * 10_000)


@given(bills)
def test_a_bill_is_read_as_it_was_made(bill):
    """Every field comes back."""
    assert PlainBill.parse(bill.text) == bill


@given(bodies)
@example(b"\x97" * BODY_MAX_BYTES)
@example(b"\x97" + b"\x91" * (BODY_MAX_BYTES - 1))
@example(b"\x97\xa1\xff\x00\x00\x01\xa3EUR\xa0\xa0")
def test_any_body_is_a_bill_or_refused(body):
    """A body of the kind BILL has one right form, and nothing else raises anything else."""
    text = PlainCode("BILL", body).text
    try:
        assert PlainBill.parse(text).text == text
    except PlainProfileError:
        return


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"settlement_id": ""}, "the purchase id '' is none"),
        ({"settlement_id": "\u00e4"}, "expected 1 to 64 printable ASCII"),
        ({"amount": Money(0, "EUR")}, "the amount is 0.00 EUR"),
        ({"shop": "x" * 65}, "the shop is 'xxx"),
        ({"terminal": "\x1b[2J"}, "the terminal is '\\x1b[2J'"),
        ({"shop": "\U0001f4b6" * 64, "terminal": "\U0001f4b6" * 64}, "expected 1 to 512"),
    ],
)
def test_a_bill_that_is_none_is_not_made(changes, sentence):
    """What would be refused when it is read is refused before anybody sees it."""
    right = {"settlement_id": "1", "payee": AccountNumber(1, 1), "amount": Money(1, "EUR")}
    with pytest.raises(PlainProfileError, match=re.escape(sentence)):
        _ = PlainBill(**(right | changes)).text


def test_another_kind_is_no_bill():
    """A ticket held before a scanner that waits for a bill is told for what it is."""
    with pytest.raises(PlainProfileError, match="a code of the kind TICKET: expected BILL"):
        PlainBill.parse(PlainCode("TICKET", b"1").text)


@pytest.mark.parametrize(("kind", "body"), [("", b"1"), ("tin", b"1"), ("T" * 9, b"1"), ("T", b"")])
def test_no_code_is_made_of_what_is_none(kind, body):
    """Kind and body are bounded when a code is made, as when it is read."""
    with pytest.raises(PlainProfileError, match="expected"):
        _ = PlainCode(kind, body).text
