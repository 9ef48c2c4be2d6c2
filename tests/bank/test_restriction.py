"""Restrictions: what one may say, and that the payer signs it."""

from datetime import date

import msgspec
import pytest
from msgspec.structs import replace
from town import ANNA, BAKERY, KEYS, eur, order, picture, reason

from paybench.bank import (
    Approval,
    BankError,
    DecidedBy,
    Held,
    Outcome,
    Restriction,
    RestrictionError,
    SettlingInformation,
    canonical_bytes,
    sign,
    verify,
)
from paybench.bank.restriction import age_years

WEEK_S = 7 * 24 * 3600
RESTRICTION = Restriction(WEEK_S, Held.ESCROW, 18, DecidedBy.SHOP)
BODY = {"settlement_id": "s1", "payer": ANNA, "payee": BAKERY, "amount": eur("2.50")}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"cooling_off_s": 0, "minimum_age_years": 0},
        {"cooling_off_s": -1},
        {"cooling_off_s": 366 * 24 * 3600 + 1},
        {"cooling_off_s": True},
        {"cooling_off_s": 1.5},
        {"minimum_age_years": -1},
        {"minimum_age_years": 151},
    ],
    ids=str,
)
def test_refuses_what_restricts_nothing_or_too_much(fields):
    """A restriction restricts something, within bounds; also when it comes from a wire."""
    with pytest.raises(RestrictionError, match="expected"):
        Restriction(**fields)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(fields), type=Restriction)


def test_signs_the_documented_bytes():
    """The restriction's four values follow the others; without one the bytes are as ever."""
    plain = msgspec.msgpack.decode(canonical_bytes(**BODY, counter=7))
    signed = msgspec.msgpack.decode(canonical_bytes(**BODY, counter=7, restriction=RESTRICTION))
    assert plain == ["paybench-approval-1", "s1", 1, 1, 2, 9_000_001, 250, "EUR", 7]
    assert signed == [*plain, WEEK_S, "escrow", 18, "shop"]


@pytest.mark.parametrize(
    "other",
    [
        None,
        Restriction(WEEK_S - 1, Held.ESCROW, 18, DecidedBy.SHOP),
        Restriction(WEEK_S, Held.RESTRICTED_DEPOSIT, 18, DecidedBy.SHOP),
        Restriction(WEEK_S, Held.ESCROW, 17, DecidedBy.SHOP),
        Restriction(WEEK_S, Held.ESCROW, 18, DecidedBy.BANK),
    ],
)
def test_is_under_the_approval(bank, other):
    """Who relays cannot drop, add or change a restriction, nor may a repetition differ in it."""
    key = KEYS[ANNA]
    approval = sign(key, **BODY, counter=7, restriction=RESTRICTION)
    assert verify(key, approval)
    assert not verify(key, replace(approval, restriction=other))
    assert not verify(key, replace(sign(key, **BODY, counter=7), restriction=RESTRICTION))
    before = picture(bank)
    request = SettlingInformation(**BODY, approval=approval, restriction=other)
    assert reason(bank.settle(request, 1)) == "approval-altered"
    assert picture(bank) == before
    assert bank.settle(order("s1", eur("2.50"), 1, restriction=other), 1).reason != "id-reused"
    again = order("s1", eur("2.50"), 2, restriction=RESTRICTION)
    assert reason(bank.settle(again, 2)) == "id-reused"


def test_leaves_the_bytes_without_it_alone():
    """What is not restricted is encoded without a word of it, and an empty terminal is encoded."""
    approval = sign(KEYS[ANNA], **BODY, counter=7)
    request = SettlingInformation(**BODY, approval=approval)
    outcome = Outcome.of("s1", eur("1"), None)
    for value, last in ((approval, "signature"), (request, "terminal"), (outcome, "payer_balance")):
        plain = msgspec.json.decode(msgspec.json.encode(value))
        assert list(plain)[-1] == last
        assert msgspec.json.decode(msgspec.json.encode(value), type=type(value)) == value
    restricted = replace(approval, restriction=RESTRICTION)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(restricted), type=Approval) == restricted


@pytest.mark.parametrize(
    ("born", "on", "years"),
    [
        (date(2008, 3, 1), date(2026, 2, 28), 17),
        (date(2008, 3, 1), date(2026, 3, 1), 18),
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2008, 2, 29), date(2028, 2, 28), 19),
        (date(2008, 2, 29), date(2028, 2, 29), 20),
        (date(2027, 1, 1), date(2026, 12, 31), -1),
    ],
)
def test_counts_full_years(born, on, years):
    """One is a year older on one's birthday; born on a leap day, on 1 March in common years."""
    assert age_years(born, on) == years


def test_refuses_a_period_beyond_all_time(bank):
    """A period that ends after the last nanosecond is misuse and leaves no trace."""
    before = picture(bank)
    with pytest.raises(BankError, match="expected at_ns"):
        bank.settle(order("s1", eur("1"), 1, restriction=RESTRICTION_OF_A_WEEK), 2**63 - 1)
    assert picture(bank) == before


RESTRICTION_OF_A_WEEK = Restriction(WEEK_S)
