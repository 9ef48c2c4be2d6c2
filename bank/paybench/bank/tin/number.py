"""Transaction identifying numbers: drawn by chance, and with a check digit for who types them."""

import math

from paybench.bank.errors import TinError

DIGITS = 8
"""Digits drawn by chance, unless somebody sets another length; the check digit comes on top."""
DIGITS_MIN = 3
DIGITS_MAX = 12

_GROUP = 3
_TYPED_MAX = 40

# H. M. Damm's quasigroup of order 10 (2004). Totally anti-symmetric, with zeros on the diagonal:
# every single wrong digit and every swap of two neighbours shows.
_DAMM = (
    (0, 3, 1, 7, 5, 9, 8, 6, 4, 2),
    (7, 0, 9, 2, 1, 5, 4, 8, 6, 3),
    (4, 2, 0, 6, 8, 7, 1, 3, 5, 9),
    (1, 7, 5, 0, 9, 8, 3, 4, 2, 6),
    (6, 1, 2, 3, 0, 4, 5, 9, 7, 8),
    (3, 6, 7, 4, 2, 0, 9, 5, 8, 1),
    (5, 8, 6, 9, 7, 2, 0, 1, 3, 4),
    (8, 9, 4, 5, 3, 6, 2, 0, 1, 7),
    (9, 4, 3, 8, 6, 1, 7, 2, 0, 5),
    (2, 5, 8, 1, 4, 3, 6, 7, 9, 0),
)


def check_digit(digits: str) -> str:
    """The digit that makes a number's Damm sum zero when it is written behind the others."""
    interim = 0
    for digit in digits:
        interim = _DAMM[interim][int(digit)]
    return str(interim)


def tin(number: int, digits: int = DIGITS) -> str:
    """The TIN of a number: so many digits, with zeros in front, and the check digit.

    Args:
        number: 0 or more, below 10 to the power of `digits`.
        digits: how many digits there are without the check digit, 3 to 12.

    Raises:
        TinError: the number has more digits, or the length is out of range.
    """
    check_length(digits)
    if not 0 <= number < 10**digits:
        raise TinError(
            f"expected a number from 0 to {10**digits - 1}, seen {number}: draw it below "
            f"10^{digits}"
        )
    text = str(number).zfill(digits)
    return text + check_digit(text)


def spaced(tin: str) -> str:
    """The TIN as people read and type it: "123 456 780", in groups of three."""
    return " ".join(tin[start : start + _GROUP] for start in range(0, len(tin), _GROUP))


def unspaced(text: str) -> str:
    """A TIN as it is sent, however people have typed it: without spaces and hyphens."""
    return text.replace(" ", "").replace("-", "")


def parse(text: str, digits: int = DIGITS) -> str:
    """The TIN that somebody has typed, with spaces and hyphens wherever they like.

    Args:
        text: as it was typed.
        digits: how many digits a TIN has without its check digit.

    Raises:
        TinError: it cannot be a TIN: a wrong length, another character, a wrong check digit. The
            message does not repeat it, since it may be shown to others.
    """
    tin = unspaced(text) if len(text) <= _TYPED_MAX else ""
    if len(tin) != digits + 1 or not (tin.isascii() and tin.isdecimal()):
        raise TinError(
            f"expected a number of {digits + 1} digits, seen {len(tin) or len(text)} characters: "
            "type the number as it is shown"
        )
    if check_digit(tin) != "0":
        raise TinError(
            "expected a number whose check digit is right, seen one with a wrong digit or with "
            "two of them swapped: type the number once more"
        )
    return tin


def guess_chance(live: int, tries: int, digits: int = DIGITS) -> float:
    """The chance that one of so many different guesses is the number of somebody's session.

    Whoever guesses knows the check digit, so it makes nothing harder.

    Args:
        live: numbers that are out and wait for their other side.
        tries: different numbers that are tried.
        digits: digits of a number without the check digit.

    Raises:
        TinError: the length is out of range, or there are more numbers than the length allows.
    """
    check_length(digits)
    numbers = 10**digits
    if not (0 <= live <= numbers and 0 <= tries <= numbers):
        raise TinError(
            f"expected 0 to {numbers} live numbers and tries, seen {live} and {tries}: there are "
            f"no more numbers of {digits} digits"
        )
    if live + tries > numbers:
        return 1.0
    # Summed as logarithms, since a chance of 10^-7 would drown in the rounding of 1 - chance.
    missed = sum(math.log1p(-live / (numbers - guessed)) for guessed in range(tries))
    return -math.expm1(missed)


def check_length(digits: int) -> None:
    """Accept a number of digits.

    Raises:
        TinError: it is out of range.
    """
    if not DIGITS_MIN <= digits <= DIGITS_MAX:
        raise TinError(
            f"expected {DIGITS_MIN} to {DIGITS_MAX} digits, seen {digits}: fewer are guessed, and "
            "nobody types more"
        )
