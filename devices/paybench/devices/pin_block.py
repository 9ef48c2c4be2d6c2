"""PIN blocks of ISO 9564-1 format 4: a PIN, bound to a card's number, under AES.

    block = E(E(PIN field) xor PAN field)

The fields and the block have 16 bytes; the first half of the PIN field has the PIN, the second
half random filler.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from paybench.devices.card import NUMBER_DIGITS, PIN_DIGITS, is_digits
from paybench.devices.errors import CardMessageError

BLOCK_BYTES = 16
FILLER_BYTES = 8

_FORMAT = "4"
_PIN_MAX = PIN_DIGITS[-1]


def encipher(key: bytes, pin: str, number: str, filler: bytes) -> bytes:
    """The PIN block.

    Args:
        key: AES key, 16, 24 or 32 bytes.
        pin: 4 to 12 digits.
        number: The card's number, 12 to 19 digits.
        filler: 8 bytes that are not used twice with this key.

    Raises:
        CardMessageError: PIN, number or filler are not so.
    """
    if not is_digits(pin, PIN_DIGITS) or len(filler) != FILLER_BYTES:
        raise CardMessageError("a PIN block is made of a PIN of 4 to 12 digits and 8 bytes")
    half = f"{_FORMAT}{len(pin):X}{pin}".ljust(2 * FILLER_BYTES, "A")
    return _seal(key, _xor(_seal(key, bytes.fromhex(half) + filler), _number_field(number)))


def decipher(key: bytes, block: bytes, number: str) -> str:
    """The PIN in a block.

    Raises:
        CardMessageError: It is no such block, or not for this number, or not under this key. The
            sentence does not say which, and names neither PIN nor number.
    """
    if len(block) != BLOCK_BYTES:
        raise CardMessageError(f"a PIN block has {BLOCK_BYTES} bytes, and this one {len(block)}")
    field = _open(key, _xor(_open(key, block), _number_field(number))).hex()
    digits = int(field[1], 16)
    pin, fill = field[2 : 2 + digits], field[2 + digits : 2 * FILLER_BYTES]
    whole = field[0] == _FORMAT and is_digits(pin, PIN_DIGITS) and digits in PIN_DIGITS
    if not whole or fill != "a" * (2 + _PIN_MAX - digits):
        raise CardMessageError("the PIN block is none for this card and this terminal's key")
    return pin


def _number_field(number: str) -> bytes:
    if not is_digits(number, NUMBER_DIGITS):
        raise CardMessageError("a card's number has 12 to 19 digits")
    return bytes.fromhex(f"{len(number) - NUMBER_DIGITS[0]}{number}".ljust(2 * BLOCK_BYTES, "0"))


def _seal(key: bytes, block: bytes) -> bytes:
    # One block at a time is what the format prescribes: the filler is what ECB has not.
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)  # noqa: S305


def _open(key: bytes, block: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.ECB()).decryptor().update(block)  # noqa: S305


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
