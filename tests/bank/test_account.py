"""Account numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paybench.bank import (
    CAPITAL,
    AccountError,
    AccountExistsError,
    AccountNumber,
    ApprovalError,
    Bank,
    Opening,
)
from paybench.bank.account import BRANCH_MAX, NUMBER_MAX


@given(st.integers(0, BRANCH_MAX), st.integers(0, NUMBER_MAX))
def test_comes_back_from_its_text_and_from_its_place(branch, number):
    """Text and place each stand for exactly one account number."""
    account = AccountNumber(branch, number)
    assert AccountNumber.parse(str(account)) == account
    assert AccountNumber.at(account.place) == account
    assert hash(AccountNumber(branch, number)) == hash(account)


def test_is_written_with_leading_zeros():
    """The text form has three digits of branch and seven of number."""
    assert str(AccountNumber(1, 42)) == "001-0000042"
    assert str(CAPITAL) == "000-0000000"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1-42",
        "001-000042",
        "001 0000042",
        "001-0000042\n",
        "-01-0000042",
        "\u0660\u0660\u0661-0000042",
    ],
)
def test_refuses_any_other_text(text):
    """A text that is not digit for digit an account number is an error that shows one."""
    with pytest.raises(AccountError, match="like 001-0000042"):
        AccountNumber.parse(text)


@pytest.mark.parametrize(
    "parts", [(-1, 0), (1000, 0), (0, -1), (0, 10_000_000), (True, 0), ("1", 0)]
)
def test_refuses_parts_out_of_range(parts):
    """An account number that exists has a place."""
    with pytest.raises(AccountError, match=r"expected (branch|number)"):
        AccountNumber(*parts)


OPENINGS = [Opening(AccountNumber(5, each), "Holder", bytes(32)) for each in range(300)]


def test_opens_many_accounts_at_once(reopened):
    """They are there, also for who opens the bank anew, and each can be found."""
    bank = Bank(reopened())
    bank.open_accounts(OPENINGS)
    bank = Bank(reopened())
    assert set(bank.accounts()) >= {each.number for each in OPENINGS}
    assert {bank.holder(each.number) for each in OPENINGS} == {"Holder"}


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (Opening(AccountNumber(5, 7), "Again"), AccountExistsError),
        (Opening(AccountNumber(6, 1), ""), AccountError),
        (Opening(AccountNumber(6, 1), "Short", b"short"), ApprovalError),
        (Opening(AccountNumber(0, 5), "Bank", bytes(32)), AccountError),
        (Opening(AccountNumber(0, 0), "Capital"), AccountExistsError),
    ],
)
def test_opens_none_of_many_when_one_cannot_be(bad, error):
    """A number there twice, or taken, or a holder who cannot be: nobody's account is opened."""
    bank = Bank()
    before = bank.accounts()
    with pytest.raises(error):
        bank.open_accounts([*OPENINGS, bad])
    assert bank.accounts() == before
    assert "x00" not in repr(OPENINGS[0]), "a key is in no representation"
