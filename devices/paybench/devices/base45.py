"""Base45 (RFC 9285): bytes as text of the characters a QR code stores most densely.

Two bytes make three characters, a last single byte two. Each text stands for one row of bytes, and
each row of bytes has one text.
"""

from __future__ import annotations

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
"""The characters of QR's alphanumeric mode, by their values from 0."""

_VALUES = {sign: value for value, sign in enumerate(ALPHABET)}
_BASE = len(ALPHABET)


class Base45Error(ValueError):
    """A text that is no base45; the sentence says where, counted from 0, and why."""


def encode(data: bytes) -> str:
    """Bytes as text."""
    signs: list[str] = []
    for at in range(0, len(data), 2):
        pair = data[at : at + 2]
        number = int.from_bytes(pair)
        for _ in range(len(pair) + 1):
            number, value = divmod(number, _BASE)
            signs.append(ALPHABET[value])
    return "".join(signs)


def decode(text: str) -> bytes:
    """The bytes a text stands for.

    Raises:
        Base45Error: It holds another character, ends within a group, or a group says too much.
    """
    data = bytearray()
    for at in range(0, len(text), 3):
        group = text[at : at + 3]
        number = 0
        for place, sign in enumerate(group):
            if sign not in _VALUES:
                raise Base45Error(f"at character {at + place}: {sign!r} is none of the 45")
            number += _VALUES[sign] * _BASE**place
        count = len(group) - 1
        if not count:
            raise Base45Error(f"at character {at}: {group!r} stands alone: the end is missing")
        if number >= 256**count:
            raise Base45Error(
                f"at character {at}: {group!r} is {number}: at most {256**count - 1} is allowed"
            )
        data += number.to_bytes(count)
    return bytes(data)
