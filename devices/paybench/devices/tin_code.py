"""The code of a transaction identifying number: the kind TIN of the plain profile (claims 29, 50).

Billing terminals show it to a phone's camera, phones to a shop's reader; docs/tin_code.md has the
bytes. Nine digits make a QR code of version 1, the smallest there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.devices.errors import OutOfOrder
from paybench.devices.plain_profile import PlainCode, PlainProfileError

if TYPE_CHECKING:
    from paybench.devices.device import Device

TIN_KIND = "TIN"
DIGITS_MIN, DIGITS_MAX = 4, 13
"""With the check digit, which the code has like any other."""


def tin_code(tin: str) -> PlainCode:
    """The number as a code: its length in one byte, its value in as few as any of that length need.

    Args:
        tin: All of its digits, without spaces.

    Raises:
        PlainProfileError: It is no number of 4 to 13 digits.
    """
    digits = len(tin)
    if not (DIGITS_MIN <= digits <= DIGITS_MAX and tin.isascii() and tin.isdecimal()):
        raise PlainProfileError(
            f"expected a number of {DIGITS_MIN} to {DIGITS_MAX} digits, seen {digits} characters: "
            "give the digits alone"
        )
    return PlainCode(TIN_KIND, bytes([digits]) + int(tin).to_bytes(_value_bytes(digits), "big"))


def read_tin(text: str) -> str:
    """Read the number from a code strictly; its check digit is not looked at.

    Raises:
        PlainProfileError: It is no code of a number.
    """
    code = PlainCode.parse(text)
    if code.kind != TIN_KIND:
        raise PlainProfileError(f"this is a code of the kind {code.kind}: expected {TIN_KIND}")
    digits, value = code.body[0], int.from_bytes(code.body[1:], "big")
    if not (
        DIGITS_MIN <= digits <= DIGITS_MAX
        and len(code.body) == 1 + _value_bytes(digits)
        and value < 10**digits
    ):
        raise PlainProfileError("the body is no number as it must be")
    return str(value).zfill(digits)


def shown_code(device: Device) -> str:
    """The code of a number that a display shows.

    Raises:
        OutOfOrder: It shows none.
    """
    for line in device.display.lines:
        try:
            read_tin(line)
        except PlainProfileError:
            continue
        return line
    raise OutOfOrder(f"{device.name} shows no number: have it show one first")


def _value_bytes(digits: int) -> int:
    return ((10**digits - 1).bit_length() + 7) // 8
