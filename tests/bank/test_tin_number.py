"""TINs: what a typing error does to one, how they are drawn, and how likely a guess is."""

import math
import random
from itertools import pairwise

import pytest
from rounds import rounds

from paybench.bank import BankError
from paybench.bank.errors import TinError
from paybench.bank.tin import check_digit, guess_chance, parse, spaced, tin
from paybench.bank.tin.tin_pool import TinPool

TOWN = [(number, 3) for number in range(1000)]
COUNTRY = [(number, 8) for number in random.Random(7).sample(range(10**8), rounds(200))]  # noqa: S311


def typing_errors(right):
    """The number with any one digit wrong, and with any two neighbours swapped."""
    for place, digit in enumerate(right):
        for wrong in set("0123456789") - {digit}:
            yield right[:place] + wrong + right[place + 1 :]
    for place, (first, second) in enumerate(pairwise(right)):
        if first != second:
            yield right[:place] + second + first + right[place + 2 :]


@pytest.mark.parametrize("numbers", [TOWN, COUNTRY], ids=["every short one", "long ones"])
def test_finds_every_wrong_digit_and_every_swap_of_neighbours(numbers):
    """A TIN with one typing error is never taken for a TIN."""
    for number, digits in numbers:
        right = tin(number, digits)
        assert parse(right, digits) == right
        for wrong in typing_errors(right):
            with pytest.raises(TinError):
                parse(wrong, digits)


def test_writes_it_for_people_and_reads_what_they_type():
    """Groups of three; spaces and hyphens anywhere do not count; the check digit is Damm's."""
    assert check_digit("572") == "4"  # a published example
    assert tin(572, 3) == "5724"
    number = tin(42)
    assert number == "00000042" + check_digit("00000042")
    assert len(number) == 9
    assert spaced(number) == f"{number[:3]} {number[3:6]} {number[6:]}"
    for typed in (spaced(number), "-".join(number), f"  {number} ", number):
        assert parse(typed) == number


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "12345678",
        "1234567890",
        "12345678x",
        "\uff11" * 9,
        "²23456789",
        " " * 50,
        "1" * 10**6,
    ],
)
def test_says_what_is_wrong_and_does_not_repeat_it(typed):
    """What has no check digit to judge is refused with what was expected and what to do."""
    with pytest.raises(TinError, match=r"of 9 digits, seen .*type the number") as e:
        parse(typed)
    assert len(str(e.value)) < 120
    with pytest.raises(TinError, match="seen 59 characters"):  # there is an end to liking
        parse(" " * 50 + tin(1))
    with pytest.raises(TinError, match=r"check digit is right.*once more") as e:
        parse("123456789"[::-1])
    assert "987654321" not in str(e.value)


@pytest.mark.parametrize(
    "misuse",
    [
        lambda: tin(-1),
        lambda: tin(10**8),
        lambda: tin(1, 2),
        lambda: tin(1, 13),
        lambda: guess_chance(-1, 1),
        lambda: guess_chance(1, 10**8 + 1),
        lambda: guess_chance(1, 1, 2),
        lambda: TinPool(lambda below: below, 2, 0),
    ],
)
def test_refuses_what_no_tin_has(misuse):
    """Figures out of range are misuse, and a ValueError as well."""
    with pytest.raises(BankError, match="expected") as error:
        misuse()
    assert isinstance(error.value, ValueError)


def test_knows_the_chance_of_a_guess():
    """It is one minus the chance to draw none of the live ones, exactly, also where it is tiny."""
    for live, tries in [(0, 5), (1, 1), (1, 5), (50, 5), (500, 3), (995, 5), (996, 5), (1000, 1)]:
        missed = math.comb(1000 - live, tries) / math.comb(1000, tries)
        assert guess_chance(live, tries, 3) == pytest.approx(1 - missed, abs=1e-12)
    assert guess_chance(1, 1, 12) == pytest.approx(1e-12, rel=1e-9)
    assert guess_chance(5, 0) == 0


def test_draws_each_free_number_as_drawn():
    """Drawing is as even as the chance it is given: a number that is free is taken as it is."""
    for number in range(1000):
        pool = TinPool(lambda _, number=number: number, 3, 10)
        assert pool.draw(0) == tin(number, 3)
        assert pool.draw(0) == tin((number + 1) % 1000, 3)  # its neighbour, as a last resort


def test_draws_again_where_a_number_is_taken():
    """The next draw decides, and not the neighbourhood: all free numbers are as likely."""
    drawn = iter([5, 5, 5, 7])
    pool = TinPool(lambda _: next(drawn), 3, 10)
    assert [pool.draw(0), pool.draw(0)] == [tin(5, 3), tin(7, 3)]


def test_gives_no_number_out_twice_within_the_rest():
    """Out or resting is not free; half of all numbers is the most; after the rest it is free."""
    pool = TinPool(random.Random(1).randrange, 3, 100)  # noqa: S311
    out = [pool.draw(0) for _ in range(500)]
    assert len(set(out)) == 500
    assert pool.draw(0) is None
    pool.rest(out[0], 5)
    assert pool.draw(104) is None
    assert pool.draw(105) not in out[1:]
