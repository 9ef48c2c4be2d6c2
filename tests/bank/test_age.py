"""Restricted articles (Fig 7B): the bank knows the payer's age, and refuses or asks the shop."""

from datetime import UTC, date, datetime

import pytest
from town import ANNA, BAKERY, KEYS, eur, found, order, picture, reason

from paybench.bank import (
    ISSUER,
    AccountError,
    AccountNumber,
    Bank,
    BankError,
    Consent,
    DecidedBy,
    Held,
    Restriction,
    State,
)

DORA = AccountNumber(7, 7)
DAY_NS = 24 * 3600 * 10**9
BY_BANK = Restriction(minimum_age_years=18)
BY_SHOP = Restriction(minimum_age_years=18, decided_by=DecidedBy.SHOP)


@pytest.fixture
def bank(bank):
    """The town's, and Dora, who comes of age on the second day of the bank's clock."""
    bank.open_account(DORA, "Dora", approval_key=KEYS[ANNA], born=date(2008, 1, 2))
    bank.fund(DORA, eur("10"), "pocket money")
    return bank


def beer(settlement_id="s1", counter=1, restriction=BY_BANK, amount="2"):
    return order(settlement_id, eur(amount), counter, payer=DORA, restriction=restriction)


def test_refuses_the_young(bank):
    """On the last day of 17 the bank refuses, under this id for good; on the next it pays."""
    outcome = bank.settle(beer(), DAY_NS - 1)
    assert (outcome.reason, outcome.state) == ("under-age", State.REFUSED)
    assert bank.balance(DORA) == outcome.payer_balance == eur("10")
    assert bank.settle(beer(), DAY_NS) == outcome
    assert bank.settle(beer("s2", 2), DAY_NS).settled


def test_refuses_whose_age_it_does_not_know(bank):
    """No date of birth on record is a reason of its own, whoever is to decide."""
    for counter, restriction in enumerate((BY_BANK, BY_SHOP)):
        request = order(f"a{counter}", eur("1"), counter, restriction=restriction)
        assert reason(bank.settle(request, 1, Consent.APPROVED)) == "age-unknown"


def test_leaves_the_shop_to_decide(bank):
    """Without the shop's word nothing is decided or logged; the balance is not told either."""
    before = picture(bank)
    outcome = bank.settle(beer(restriction=BY_SHOP), 1)
    assert (outcome.state, outcome.reason) == (State.UNDECIDED, "consent-wanted")
    assert (outcome.settled, outcome.payer_balance) == (False, None)
    assert picture(bank) == before
    assert reason(bank.inquire("s1")) == "unknown-settlement"


@pytest.mark.parametrize(
    ("consent", "expected"),
    [
        (Consent.APPROVED, "settled"),
        (Consent.DENIED, "consent-denied"),
        (Consent.NO_ANSWER, "consent-overdue"),
    ],
)
def test_does_what_the_shop_decides(bank, consent, expected):
    """The shop's word decides once: another word for the same settlement changes nothing."""
    request = beer(restriction=BY_SHOP)
    bank.settle(request, 1)
    outcome = bank.settle(request, 2, consent)
    assert reason(outcome) == expected
    for other in (*Consent, None):
        assert bank.settle(request, 3, other) == outcome
    paid = eur("2") if expected == "settled" else eur("0")
    assert bank.balance(DORA) == eur("10") - paid


def test_asks_no_shop_without_need(bank):
    """Who is old enough pays and who has no money is refused, whatever the shop would say."""
    assert bank.settle(beer("s1", 1, BY_SHOP), DAY_NS, Consent.DENIED).settled
    poor = beer("s2", 2, BY_SHOP, "99")
    assert reason(bank.settle(poor, 1)) == "insufficient-balance"


def test_takes_no_shops_word_for_the_banks(bank):
    """Where the bank decides, the shop's consent is not asked for and does not count."""
    assert reason(bank.settle(beer(), 1, Consent.APPROVED)) == "under-age"


def test_restricts_both_ways_at_once(bank):
    """An article for adults can be cancelled too, when the shop has let it pass."""
    both = Restriction(100, Held.ESCROW, 18, DecidedBy.SHOP)
    assert bank.settle(beer(restriction=both), 1, Consent.APPROVED).state is State.PROVISORY


@pytest.mark.parametrize(
    ("epoch", "expected"), [(date(2026, 1, 1), "under-age"), (date(2026, 1, 2), "settled")]
)
def test_counts_from_its_epoch(epoch, expected):
    """Which day it is when the clock starts is the bank's to be told."""
    bank = Bank(epoch=epoch)
    bank.open_account(DORA, "Dora", approval_key=KEYS[ANNA], born=date(2008, 1, 2))
    bank.open_account(BAKERY, "Bakery")
    bank.fund(DORA, eur("10"), "pocket money")
    assert reason(bank.settle(beer(), 0)) == expected


@pytest.mark.parametrize("epoch", [datetime(2026, 1, 1, tzinfo=UTC), date(9000, 1, 2)])
def test_refuses_an_epoch_that_is_no_day(epoch):
    """A time of day, or a day so late that the calendar ends before the clock, is misuse."""
    with pytest.raises(BankError, match="expected an epoch"):
        Bank(epoch=epoch)


def test_remembers_births_and_tells_nobody(reopened):
    """The date of birth outlives the bank object and is in no representation."""
    bank = found(reopened())
    bank.open_account(DORA, "Dora", approval_key=KEYS[ANNA], born=date(2008, 1, 2))
    bank.fund(DORA, eur("10"), "pocket money")
    bank = Bank(reopened())
    assert reason(bank.settle(beer(), 1)) == "under-age"
    assert "2008" not in repr(bank._books.data_file(DORA))
    assert "2008" not in str(bank._books.data_file(DORA).__rich_repr__())


@pytest.mark.parametrize(
    ("number", "wanted"),
    [
        (AccountNumber(7, 8), {"born": datetime(2008, 1, 2, tzinfo=UTC)}),
        (ISSUER, {"born": date(2008, 1, 2)}),
        (ISSUER, {"approval_key": KEYS[ANNA]}),
    ],
)
def test_opens_no_account_with_a_birth_it_cannot_have(bank, number, wanted):
    """A birth is a day; the bank's own accounts have neither a birth nor a key."""
    with pytest.raises(AccountError, match="expected a"):
        bank.open_account(number, "X", **wanted)
    assert number not in bank.accounts()
