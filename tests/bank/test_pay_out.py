"""The bank's own accounts: paid to as any other, paid from by the bank alone."""

import pytest
from town import ANNA, BAKERY, BERT, KIOSK, NOBODY, eur, order, picture, reason

from paybench.bank import (
    CAPITAL,
    ESCROW,
    ISSUER,
    AccountError,
    AccountNumber,
    AccountUnknownError,
    Bank,
    BankError,
    FundingError,
    Money,
    Restriction,
)


@pytest.fixture
def bank(bank):
    """The town's, with an issuer that Anna has paid 5.00 to; the deposit is under way."""
    bank.open_account(ISSUER, "issuer")
    assert bank.settle(order("issued", eur("5"), 1, payee=ISSUER), 1).settled
    return bank


def test_pays_out_once(bank):
    """What was paid in can be paid out, deposits under way counted, once for each id."""
    outcome = bank.pay_out(ISSUER, BERT, eur("3"), "redeemed", 2)
    assert (outcome.settled, outcome.payer_balance) == (True, eur("2"))
    assert (bank.balance(BERT), bank.in_transit()) == (eur("10"), eur("3"))
    assert bank.pay_out(ISSUER, BERT, eur("3"), "redeemed", 3) == outcome
    bank.deposit()
    assert (bank.balance(BERT), bank.balance(ISSUER)) == (eur("13"), eur("2"))
    assert bank.total() == eur("0")
    line = bank.statement(BERT)[0]
    assert (line.settlement_id, line.counterparty, line.at_ns) == ("redeemed", ISSUER, 2)


@pytest.mark.parametrize(
    ("payee", "amount", "payment_id", "expected"),
    [
        (BERT, eur("4"), "redeemed", "id-reused"),
        (ANNA, eur("3"), "redeemed", "id-reused"),
        (ISSUER, eur("3"), "x", "same-account"),
        (BERT, eur("3"), "issued", "id-reused"),
        (BERT, eur("0"), "x", "amount-not-positive"),
        (BERT, Money(1, "USD"), "x", "currency-mismatch"),
        (BERT, eur("1"), "", "id-malformed"),
        (NOBODY, eur("1"), "x", "unknown-payee"),
        (CAPITAL, eur("1"), "x", "unknown-payee"),
        (ESCROW, eur("1"), "x", "unknown-payee"),
        (BERT, eur("2.01"), "x", "insufficient-balance"),
    ],
    ids=str,
)
def test_refuses_to_pay_out(bank, payee, amount, payment_id, expected):
    """The ids are the settlements', and an account of the bank has no credit either."""
    bank.pay_out(ISSUER, BERT, eur("3"), "redeemed", 2)
    bank.deposit()
    before = picture(bank)
    assert reason(bank.pay_out(ISSUER, payee, amount, payment_id, 3)) == expected
    assert picture(bank) == before


def test_does_not_pay_out_what_is_blocked(bank):
    """A payment to the bank's own account can have a cooling-off period like any other."""
    bank.settle(order("s1", eur("4"), 2, payee=ISSUER, restriction=Restriction(100)), 1)
    assert reason(bank.pay_out(ISSUER, BERT, eur("9"), "early", 2)) == "balance-blocked"
    assert bank.pay_out(ISSUER, BERT, eur("9"), "due", 1 + 100 * 10**9).settled


@pytest.mark.parametrize("own", [ANNA, BAKERY, NOBODY, CAPITAL, ESCROW])
def test_pays_out_of_its_own_accounts_alone(bank, own):
    """Nobody's money is the bank's to spend; issuing and escrow have ways of their own."""
    before = picture(bank)
    with pytest.raises(AccountError, match="bank's own"):
        bank.pay_out(own, BERT, eur("1"), "x", 1)
    assert picture(bank) == before


def test_names_an_account_that_is_not_open(bank):
    """An account of the bank's own has to be opened as any other."""
    with pytest.raises(AccountUnknownError, match="000-0000003"):
        bank.pay_out(AccountNumber(0, 3), BERT, eur("1"), "x", 1)


def test_lets_nobody_else_pay_from_them(bank):
    """A customer's signature does not pay from an account that has no key."""
    for payer in (ISSUER, ESCROW):
        request = order("s1", eur("1"), 1, payer=payer, payee=KIOSK)
        assert reason(bank.settle(request, 2)) == "approval-missing"


def test_shares_its_ids_with_funding(bank):
    """An id that paid out does not issue money."""
    bank.pay_out(ISSUER, BERT, eur("3"), "redeemed", 2)
    with pytest.raises(FundingError, match="belongs to another"):
        bank.fund(BERT, eur("3"), "redeemed")


def test_refuses_times_out_of_range(bank):
    """A time no log can hold is misuse and leaves no trace."""
    with pytest.raises(BankError, match="expected at_ns"):
        bank.pay_out(ISSUER, BERT, eur("1"), "x", -1)
    assert bank.pay_out(ISSUER, BERT, eur("1"), "x", 1).settled


def test_knows_its_own_by_the_branch():
    """Which accounts are the bank's is computed, not looked up."""
    assert all(number.is_banks_own for number in (CAPITAL, ESCROW, ISSUER))
    assert not ANNA.is_banks_own
    assert Bank().accounts() == [CAPITAL, ESCROW]
