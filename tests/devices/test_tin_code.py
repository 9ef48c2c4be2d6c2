"""The code of a number: every number there is goes in and comes out, and nothing else is one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paybench.bank.tin import tin
from paybench.devices import base45
from paybench.devices.plain_profile import PlainCode, PlainProfileError
from paybench.devices.tin_code import read_tin, tin_code

NUMBERS = st.text("0123456789", min_size=4, max_size=13)


@given(NUMBERS)
def test_a_number_comes_out_as_it_went_in(number):
    """Zeros in front and all lengths from 4 to 13 digits are kept, in at most 7 bytes."""
    code = tin_code(number)
    assert read_tin(code.text) == number
    assert len(code.body) <= 7


def test_a_usual_number_fits_the_smallest_qr_code():
    """Nine digits are 20 characters: what QR version 1 holds at error correction level M."""
    text = tin_code(tin(12345678)).text
    assert text.startswith("PB1:TIN:")
    assert len(text) == 20
    assert set(text) <= set(base45.ALPHABET)


@pytest.mark.parametrize("number", ["", "123", "1" * 14, "12a4", "12 4", "١٢٣٤", "-123"])
def test_what_is_no_number_makes_no_code(number):
    """Too short, too long, or with anything but digits."""
    with pytest.raises(PlainProfileError, match="expected a number of 4 to 13 digits"):
        tin_code(number)


@pytest.mark.parametrize(
    "code",
    [
        PlainCode("TICKET", tin_code("1234").body),
        PlainCode("TIN", b"\x04"),
        PlainCode("TIN", b"\x04\x04"),
        PlainCode("TIN", b"\x04\x00\x04\xd2"),  # a byte too many
        PlainCode("TIN", b"\x04\x27\x10"),  # 10000 has five digits
        PlainCode("TIN", b"\x03\x00\x01"),
        PlainCode("TIN", b"\x0e" + bytes(6)),
        PlainCode("TIN", b"\xff" * 512),
    ],
)
def test_what_is_no_code_of_a_number_is_refused(code):
    """Another kind, another length, or a value that has more digits than the length says."""
    with pytest.raises(PlainProfileError):
        read_tin(code.text)


@given(st.binary(min_size=1, max_size=12))
def test_each_number_has_one_code(body):
    """Whatever bytes a code has: if it is read, then the same number makes the same code."""
    code = PlainCode("TIN", body)
    try:
        number = read_tin(code.text)
    except PlainProfileError:
        return
    assert tin_code(number) == code
