"""Money: what may be written, what is shown, what may be added."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paybench.bank import Money, MoneyError
from paybench.bank.currency import DECIMALS
from paybench.bank.money import MINOR_MAX


@pytest.mark.parametrize(
    ("text", "currency", "amount_minor"),
    [
        ("2.50", "EUR", 250),
        ("2.5", "EUR", 250),
        ("2", "EUR", 200),
        ("0", "EUR", 0),
        ("0.01", "EUR", 1),
        ("10000000000000.00", "EUR", MINOR_MAX),
        ("100", "JPY", 100),
        ("1.234", "KWD", 1234),
        ("1.2345", "CLF", 12345),
    ],
)
def test_parses(text, currency, amount_minor):
    """An amount written with the currency's decimals or fewer is read to the last minor unit."""
    assert Money.parse(text, currency) == Money(amount_minor, currency)


@pytest.mark.parametrize(
    "text",
    [
        *("2,50", "2.505", "1e3", "", "-1", "+1", "--1", " 2.50", "2.50 ", "2.50\n", "2.", ".5"),
        *("NaN", "inf", "1_000", "1,000.00", "02.50", "0x10", "2.50 EUR", "2\u00b7 50"),
        *("\u0662.\u0665\u0660", "\uff12", "\u00b2", "0.00\u20ac"),  # digits, but not ASCII
        *("10000000000000.01", "9" * 5000),
        *(True, False, None, 2.5, 2, b"2.50"),
    ],
)
def test_refuses_to_parse(text):
    """Whatever is not plainly an amount is refused, with what was seen in the message."""
    with pytest.raises(MoneyError, match=r"expected .*, seen .*: "):
        Money.parse(text, "EUR")


@pytest.mark.parametrize(("text", "currency"), [("100.0", "JPY"), ("1.2345", "KWD")])
def test_refuses_more_decimals_than_the_currency_has(text, currency):
    """Decimals follow ISO 4217, not two for all."""
    with pytest.raises(MoneyError, match="decimals in"):
        Money.parse(text, currency)


def test_parses_a_sign_only_when_asked():
    """A minus is read where amounts may be below zero and nowhere else."""
    assert Money.parse("-2.50", "EUR", signed=True) == Money(-250, "EUR")
    with pytest.raises(MoneyError, match="a minus in front at most"):
        Money.parse("- 2.50", "EUR", signed=True)


@pytest.mark.parametrize(
    ("code", "nearest"), [("eur", "EUR"), ("EUX", "EUR"), ("KWT", "KWD"), ("", "")]
)
def test_names_the_nearest_currency(code, nearest):
    """An unknown currency is an error that says which one was probably meant."""
    for make in (lambda: Money.parse("1", code), lambda: Money(1, code)):
        with pytest.raises(MoneyError, match=f"did you mean '{nearest}"):
            make()


@pytest.mark.parametrize("amount", [2.5, True, "250", None, MINOR_MAX + 1, -MINOR_MAX - 1])
def test_refuses_to_be_made_of_anything_but_an_integer_in_range(amount):
    """A Money that exists is sound, so nobody behind it needs to check again."""
    with pytest.raises(MoneyError, match="expected"):
        Money(amount, "EUR")


def test_refuses_unsound_money_from_the_wire():
    """Decoding a message checks the same."""
    with pytest.raises(msgspec.ValidationError, match="did you mean"):
        msgspec.json.decode(b'{"amount_minor": 1, "currency": "EURO"}', type=Money)


@given(st.integers(-MINOR_MAX, MINOR_MAX), st.sampled_from(sorted(DECIMALS)))
def test_shows_what_it_parses(amount_minor, currency):
    """Every amount in every currency comes back from its own text."""
    money = Money(amount_minor, currency)
    assert Money.parse(money.text, currency, signed=True) == money


@pytest.mark.parametrize(
    ("money", "shown"),
    [
        (Money(250, "EUR"), "2.50 EUR"),
        (Money(-5, "EUR"), "-0.05 EUR"),
        (Money(100, "JPY"), "100 JPY"),
        (Money(5, "KWD"), "0.005 KWD"),
    ],
)
def test_shows(money, shown):
    """str() writes every decimal and the currency; .text leaves the currency out."""
    assert str(money) == shown
    assert money.text == shown[:-4]


def test_reckons_within_one_currency():
    """Adding, subtracting and comparing are exact."""
    one, two = Money(100, "EUR"), Money(200, "EUR")
    assert one + one == two
    assert one - two == Money(-100, "EUR")
    assert one < two
    assert two > one
    assert one <= Money(100, "EUR") >= one
    assert max(one, two) is two
    assert sum([one, one], start=Money(0, "EUR")) == two


@pytest.mark.parametrize(
    "reckon",
    [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a < b,
        lambda a, b: a <= b,
        lambda a, b: a > b,
        lambda a, b: a >= b,
    ],
)
def test_never_mixes_currencies(reckon):
    """Euros and yen neither add up nor compare; they are merely not equal."""
    euro, yen = Money(1, "EUR"), Money(1, "JPY")
    assert euro != yen
    with pytest.raises(MoneyError, match="one currency"):
        reckon(euro, yen)


def test_never_leaves_its_range():
    """A sum beyond the cap is an error, not a number no storage can hold."""
    with pytest.raises(MoneyError, match=r"at most 10\^15"):
        Money(MINOR_MAX, "EUR") + Money(1, "EUR")
