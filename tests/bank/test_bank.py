"""What a bank promises, on every storage."""

import msgspec
import pytest
from msgspec.structs import replace
from town import ANNA, BAKERY, BERT, CARL, KEYS, KIOSK, NOBODY, eur, found, order, picture, reason

from paybench.bank import (
    CAPITAL,
    ESCROW,
    AccountError,
    AccountExistsError,
    AccountUnknownError,
    ApprovalError,
    Bank,
    BankError,
    FundingError,
    Money,
    MoneyError,
    Reason,
)
from paybench.bank.money import MINOR_MAX

# Settling


def test_withdraws_at_once_and_deposits_afterwards(bank):
    """The payer is poorer when the answer comes; the payee is richer after the deposit ([0142])."""
    outcome = bank.settle(order("s1", eur("2.50"), 1), 5)
    assert (outcome.settled, outcome.reason) == (True, None)
    assert outcome.payer_balance == bank.balance(ANNA) == eur("7.50")
    assert (bank.balance(BAKERY), bank.in_transit()) == (eur("0"), eur("2.50"))
    assert bank.deposit() == 1
    assert (bank.balance(BAKERY), bank.in_transit()) == (eur("2.50"), eur("0"))
    assert bank.deposit() == 0
    assert bank.total() == eur("0")


def test_settles_down_to_nothing(bank):
    """A payer may spend the whole balance, and not a cent more."""
    assert bank.settle(order("s1", eur("10.00"), 1), 0).settled
    assert reason(bank.settle(order("s2", eur("0.01"), 2), 0)) == "insufficient-balance"


def test_spends_what_was_deposited(bank):
    """Money received can be spent once it is integrated, and not before."""
    bank.settle(order("s1", eur("4"), 1, payee=CARL), 0)
    assert reason(bank.settle(order("s2", eur("4"), 1, payer=CARL), 0)) == "insufficient-balance"
    bank.deposit()
    assert bank.settle(order("s3", eur("4"), 2, payer=CARL), 0).settled


def test_deposits_in_log_order_up_to_a_limit(bank):
    """A batch takes the oldest settlements first and counts no refusals."""
    bank.settle(order("s1", eur("1"), 1), 0)
    bank.settle(order("too much", eur("99"), 2), 0)
    bank.settle(order("s2", eur("2"), 3, payee=KIOSK), 0)
    assert (bank.deposit(0), bank.in_transit()) == (0, eur("3"))
    assert (bank.deposit(1), bank.balance(BAKERY), bank.balance(KIOSK)) == (1, eur("1"), eur("0"))
    assert (bank.deposit(5), bank.balance(KIOSK), bank.in_transit()) == (1, eur("2"), eur("0"))


# The same id settles once


def test_answers_a_retransmission_byte_for_byte(bank):
    """Whoever lost the result asks again and gets the very same bytes, and nothing moves."""
    request = order("s1", eur("2.50"), 1)
    first = msgspec.msgpack.encode(bank.settle(request, 1))
    bank.settle(order("s2", eur("1"), 2), 2)
    before = picture(bank)
    assert msgspec.msgpack.encode(bank.settle(request, 99)) == first
    assert picture(bank) == before


def test_answers_a_retransmission_after_reopening(reopened):
    """The answer outlives the bank object, settled and refused ones alike."""
    bank = found(reopened())
    requests = [order("s1", eur("2.50"), 1), order("s2", eur("99"), 2)]
    first = [bank.settle(request, 1) for request in requests]
    before = picture(bank)
    bank = Bank(reopened())
    assert [bank.settle(request, 2) for request in requests] == first
    assert picture(bank) == before


def test_answers_a_retransmission_signed_anew(bank):
    """A phone that approves the same settlement again gets the first answer; no second payment."""
    first = bank.settle(order("s1", eur("2.50"), 1), 1)
    assert bank.settle(order("s1", eur("2.50"), 2), 2) == first
    assert bank.balance(ANNA) == eur("7.50")
    assert bank.settle(order("s2", eur("1"), 2), 3).settled, "the second counter is still unused"


def test_answers_whatever_terminal_asks(bank):
    """Where the answer goes is not part of what is settled."""
    request = order("s1", eur("2.50"), 1)
    assert bank.settle(replace(request, terminal="till 2"), 2) == bank.settle(request, 1)
    assert bank.balance(ANNA) == eur("7.50")


@pytest.mark.parametrize(
    "other",
    [
        order("s1", eur("2.51"), 2),
        order("s1", eur("2.50"), 2, payee=KIOSK),
        order("s1", eur("2.50"), 2, payer=BERT),
        order("salary 001-0000001", eur("2.50"), 2),
    ],
    ids=["amount", "payee", "payer", "a funding's id"],
)
def test_refuses_an_id_used_for_another_body(bank, other):
    """One id stands for one payer, payee and amount, however well another one is signed."""
    first = bank.settle(order("s1", eur("2.50"), 1), 1)
    before = picture(bank)
    refused = bank.settle(other, 2)
    assert (refused.reason, refused.payer_balance) == (Reason.ID_REUSED, None)
    assert picture(bank) == before
    assert bank.settle(order("s1", eur("2.50"), 1), 3) == first


def test_repeats_a_refusal_even_when_money_has_come(bank):
    """A till that was told no and kept the article must not find later that it was paid."""
    request = order("s1", eur("12"), 1)
    first = bank.settle(request, 1)
    assert (first.reason, first.payer_balance) == (Reason.INSUFFICIENT_BALANCE, eur("10"))
    bank.fund(ANNA, eur("90"), "bonus")
    assert bank.settle(request, 2) == first
    assert bank.balance(ANNA) == eur("100")


def test_repeats_a_refusal_even_when_the_payee_has_come(bank):
    """The same holds for a payee whose account is opened later."""
    request = order("s1", eur("1"), 1, payee=NOBODY)
    assert reason(bank.settle(request, 1)) == "unknown-payee"
    bank.open_account(NOBODY, "Somebody")
    assert reason(bank.settle(request, 2)) == "unknown-payee"
    assert bank.settle(order("s2", eur("1"), 2, payee=NOBODY), 3).settled


# Refusals

REQUEST = order("s1", eur("2.50"), 1)


def altered(**change):
    return replace(REQUEST, approval=replace(REQUEST.approval, **change))


STATELESS = {
    "amount-not-positive": [order("s1", eur("0"), 1), order("s1", eur("-1"), 1)],
    "currency-mismatch": [order("s1", Money(250, "USD"), 1)],
    "same-account": [order("s1", eur("1"), 1, payee=ANNA)],
    "unknown-payer": [order("s1", eur("1"), 1, payer=NOBODY)],
    "approval-missing": [
        replace(REQUEST, approval=None),
        order("s1", eur("1"), 1, payer=BAKERY, payee=ANNA),
        order("s1", eur("1"), 1, payer=CAPITAL),
    ],
    "approval-altered": [
        order("s1", eur("2.50"), 1, key=KEYS[BERT]),
        replace(REQUEST, amount=eur("2.51")),
        replace(REQUEST, payee=KIOSK),
        replace(REQUEST, payer=BERT),
        altered(settlement_id="s2"),
        altered(amount=eur("2.51")),
        altered(payee=KIOSK),
        altered(payer=BERT),
        altered(counter=2),
        altered(counter=2**63),
        altered(counter=-1),
        altered(signature=b""),
        altered(signature=REQUEST.approval.signature[:31]),
        replace(REQUEST, approval=order("s1", eur("2.50"), 1, payer=BERT).approval),
        replace(REQUEST, approval=order("s0", eur("2.50"), 1).approval),
    ],
}


@pytest.mark.parametrize(
    ("expected", "forged"),
    [(expected, forged) for expected, many in STATELESS.items() for forged in many],
)
def test_spends_no_id_on_what_nobody_signed(bank, expected, forged):
    """What anyone could send is refused, moves nothing, and does not poison the id or counter."""
    before = picture(bank)
    outcome = bank.settle(forged, 1)
    assert (reason(outcome), outcome.payer_balance) == (expected, None)
    assert outcome.sentence == Reason(expected).sentence
    assert picture(bank) == before
    assert reason(bank.inquire("s1")) == "unknown-settlement"
    assert bank.settle(REQUEST, 2).settled, "the genuine request must still settle"


@pytest.mark.parametrize(
    ("expected", "forged"),
    [(expected, forged) for expected, many in STATELESS.items() for forged in many],
)
def test_tells_a_forger_nothing_about_a_settlement(bank, expected, forged):
    """With the genuine request settled, a forged one under its id learns neither result nor id."""
    bank.settle(REQUEST, 1)
    before = picture(bank)
    outcome = bank.settle(forged, 2)
    assert (reason(outcome), outcome.payer_balance) == (expected, None)
    assert picture(bank) == before


@pytest.mark.parametrize(
    "settlement_id", ["", "x" * 65, "a\nb", "\x00", "\x7f", "caf\u00e9", "\ud800"]
)
def test_refuses_malformed_ids(bank, settlement_id):
    """An id is 1 to 64 printable ASCII characters; anything else is refused before it is used."""
    before = picture(bank)
    refused = bank.settle(replace(REQUEST, settlement_id=settlement_id), 1)
    assert reason(refused) == "id-malformed"
    assert reason(bank.inquire(settlement_id)) == "id-malformed"
    assert picture(bank) == before


@pytest.mark.parametrize("settlement_id", ["x" * 64, " ", "~!'\";--", "s1"])
def test_takes_every_well_formed_id(bank, settlement_id):
    """Any printable ASCII will do, and is never mistaken for SQL."""
    assert bank.settle(order(settlement_id, eur("1"), 1), 1).settled
    assert bank.inquire(settlement_id).settled


def test_refuses_a_replayed_approval(bank):
    """A counter counts once: in any order, within the window, and never under a second id."""
    assert bank.settle(order("s5", eur("1"), 5), 1).settled
    assert bank.settle(order("s3", eur("1"), 3), 2).settled, "arrived late, was never used"
    for counter in (5, 3):
        before = picture(bank)
        assert reason(bank.settle(order("again", eur("1"), counter), 3)) == "approval-replayed"
        assert picture(bank) == before
    assert bank.settle(order("far", eur("1"), 5000), 4).settled
    assert reason(bank.settle(order("old", eur("1"), 4936), 5)) == "approval-replayed"
    assert bank.settle(order("late", eur("1"), 4937), 6).settled


def test_counts_the_counter_of_a_logged_refusal(bank):
    """A refusal under a sound signature spends the counter with the id: both or neither."""
    assert reason(bank.settle(order("s1", eur("99"), 1), 1)) == "insufficient-balance"
    assert reason(bank.settle(order("s2", eur("1"), 1), 2)) == "approval-replayed"
    assert reason(bank.inquire("s2")) == "unknown-settlement"
    assert bank.settle(order("s2", eur("1"), 2), 3).settled


def test_remembers_counters_after_reopening(reopened):
    """A replay is refused by the bank that opens next, too."""
    found(reopened()).settle(order("s1", eur("1"), 2**63 - 1), 1)
    bank = Bank(reopened())
    assert reason(bank.settle(order("s2", eur("1"), 2**63 - 1), 2)) == "approval-replayed"


def test_counts_each_payer_apart(bank):
    """Two phones may use the same counter."""
    assert bank.settle(order("s1", eur("1"), 1), 1).settled
    assert bank.settle(order("s2", eur("1"), 1, payer=BERT), 1).settled


def test_does_not_take_money_out_of_the_bank(bank):
    """The capital account, which an unset device would name, and escrow are nobody's payees."""
    assert reason(bank.settle(order("s1", eur("1"), 1, payee=CAPITAL), 1)) == "unknown-payee"
    assert reason(bank.settle(order("s2", eur("1"), 2, payee=ESCROW), 1)) == "unknown-payee"


@pytest.mark.parametrize("at_ns", [-1, 2**63])
def test_refuses_times_out_of_range(bank, at_ns):
    """A time no log can hold is misuse and leaves no trace."""
    before = picture(bank)
    with pytest.raises(BankError, match="expected at_ns"):
        bank.settle(REQUEST, at_ns)
    assert picture(bank) == before
    assert bank.settle(REQUEST, 2**63 - 1).settled


# Inquiries and statements


def test_answers_an_inquiry_without_the_payers_balance(bank):
    """A payee learns whether the money is on its way (S108), not what the payer has left."""
    outcome = bank.settle(REQUEST, 1)
    assert bank.inquire("s1") == replace(outcome, payer_balance=None) == outcome.without_balance()
    refused = bank.settle(order("s2", eur("99"), 2), 1)
    assert bank.inquire("s2") == refused.without_balance()


def test_answers_an_inquiry_about_nothing(bank):
    """An id the bank never logged is a refusal, not an exception."""
    outcome = bank.inquire("s1")
    assert (reason(outcome), outcome.amount) == ("unknown-settlement", eur("0"))


def test_states_an_account_newest_first(bank):
    """A statement shows the newest lines, each with its counterparty and the balance after it."""
    bank.settle(order("s1", eur("2.50"), 1, payee=BERT), 11)
    bank.settle(order("s2", eur("99"), 2, payee=BERT), 12)
    bank.settle(order("s3", eur("1"), 1, payer=BERT), 13)
    bank.deposit()
    lines = [
        (line.log_number, line.settlement_id, line.counterparty) for line in bank.statement(BERT)
    ]
    figures = [(line.amount_minor, line.balance_minor, line.at_ns) for line in bank.statement(BERT)]
    assert lines == [(3, "s1", ANNA), (5, "s3", BAKERY), (2, "salary 001-0000002", CAPITAL)]
    assert figures == [(250, 1150, 11), (-100, 900, 13), (1000, 1000, 0)]
    assert bank.statement(BERT, 1) == bank.statement(BERT)[:1]
    assert bank.statement(BERT, 10**30) == bank.statement(BERT)
    assert bank.statement(BERT, 0) == bank.statement(CARL) == []


@pytest.mark.parametrize("ask", [lambda b: b.statement(ANNA, -1), lambda b: b.deposit(-1)])
def test_refuses_limits_below_zero(bank, ask):
    """A negative limit is misuse on every storage."""
    with pytest.raises(BankError, match="limit of 0 or more"):
        ask(bank)


# Accounts and funding


def test_opens_accounts(bank):
    """Accounts are listed in order of their numbers, the bank's own first."""
    assert bank.accounts() == [CAPITAL, ESCROW, ANNA, BERT, CARL, BAKERY, KIOSK]
    assert bank.holder(ANNA) == "Anna"
    assert bank.balance(CARL) == eur("0")


@pytest.mark.parametrize("number", [ANNA, CAPITAL, ESCROW])
def test_refuses_to_open_an_account_twice(bank, number):
    """A taken number stays with its holder, key and balance."""
    with pytest.raises(AccountExistsError, match=str(number)):
        bank.open_account(number, "Impostor", approval_key=KEYS[BERT])
    assert bank.settle(REQUEST, 1).settled


@pytest.mark.parametrize("holder", ["", "x" * 201, "a\nb", "\ud800"])
def test_refuses_holders_that_cannot_be_printed(bank, holder):
    """A holder's name fits a line of a report."""
    with pytest.raises(AccountError, match="expected a holder"):
        bank.open_account(NOBODY, holder)
    assert NOBODY not in bank.accounts()


def test_refuses_short_keys(bank):
    """A key below 16 bytes opens no account."""
    with pytest.raises(ApprovalError, match="at least 16 bytes"):
        bank.open_account(NOBODY, "Nobody", approval_key=b"short")
    assert NOBODY not in bank.accounts()


@pytest.mark.parametrize(
    "ask",
    [
        lambda bank: bank.balance(NOBODY),
        lambda bank: bank.holder(NOBODY),
        lambda bank: bank.statement(NOBODY),
        lambda bank: bank.fund(NOBODY, eur("1"), "f"),
    ],
)
def test_names_an_unknown_account(bank, ask):
    """Asking for an account that is not there is misuse, and says which one."""
    with pytest.raises(AccountUnknownError, match="003-0000003"):
        ask(bank)


def test_funds_once(bank):
    """The same funding again issues nothing; the capital account owes what all others hold."""
    bank.fund(ANNA, eur("5"), "bonus")
    bank.fund(ANNA, eur("5"), "bonus")
    assert (bank.balance(ANNA), bank.balance(CAPITAL)) == (eur("15"), eur("-25"))
    assert bank.total() == eur("0")


@pytest.mark.parametrize(
    ("number", "amount", "funding_id"),
    [
        (ANNA, eur("6"), "bonus"),
        (BERT, eur("5"), "bonus"),
        (ANNA, eur("0"), "f"),
        (ANNA, eur("-5"), "f"),
        (ANNA, Money(5, "USD"), "f"),
        (ANNA, eur("5"), ""),
        (CAPITAL, eur("5"), "f"),
        (ESCROW, eur("5"), "f"),
        (ANNA, Money(MINOR_MAX - 2499, "EUR"), "f"),
    ],
    ids=str,
)
def test_refuses_to_issue(bank, number, amount, funding_id):
    """Money is issued under one id for one purpose, and never more than any sum can hold."""
    bank.fund(ANNA, eur("5"), "bonus")
    before = picture(bank)
    with pytest.raises(FundingError, match="expected"):
        bank.fund(number, amount, funding_id)
    assert picture(bank) == before


def test_issues_up_to_the_cap(bank):
    """The cap itself can be issued, spent and summed."""
    bank.fund(ANNA, Money(MINOR_MAX - 2000, "EUR"), "f")
    assert bank.settle(order("s1", bank.balance(ANNA), 1), 1).settled
    assert bank.deposit() == 1
    assert (bank.balance(CAPITAL), bank.total()) == (Money(-MINOR_MAX, "EUR"), eur("0"))


# Storage and currency


def test_keeps_its_currency(reopened):
    """A storage with euros in it is not opened as yen; an empty one is."""
    Bank(reopened(), "JPY")
    found(reopened())
    with pytest.raises(MoneyError, match="currency='EUR'"):
        Bank(reopened(), "JPY")


def test_refuses_an_unknown_currency():
    """A bank keeps accounts in a currency that exists."""
    with pytest.raises(MoneyError, match="did you mean 'EUR'"):
        Bank(currency="EUX")


def test_finishes_what_the_log_holds(reopened):
    """A record that was logged and not withdrawn, as a crash leaves it, is withdrawn on opening."""
    storage = reopened()
    found(storage)
    twin = found()
    expected = twin.settle(REQUEST, 7)
    storage.log.append([twin._books.record("s1")])
    storage = reopened()
    bank = Bank(storage)
    assert (bank.balance(ANNA), bank.in_transit()) == (eur("7.50"), eur("2.50"))
    assert bank.settle(REQUEST, 8) == expected
    assert picture(bank) == picture(twin)


def test_finishes_before_it_settles_on(storage):
    """A bank whose storage failed between log and withdrawal does not decide on old balances."""
    bank, twin = found(storage), found()
    twin.settle(REQUEST, 7)
    storage.log.append([twin._books.record("s1")])
    assert reason(bank.settle(order("s2", eur("8"), 2), 8)) == "insufficient-balance"
    assert bank.balance(ANNA) == eur("7.50")


def test_shows_no_key_anywhere(storage):
    """A data file's representation leaves the key out."""
    bank = found(storage)
    shown = repr(bank._books.data_file(ANNA))
    assert "Anna" in shown
    assert "key" not in shown
    assert "key" not in str(bank._books.data_file(ANNA).__rich_repr__())


def test_closes_as_a_context():
    """A bank can be used in a with statement and closed twice."""
    with Bank() as bank:
        assert isinstance(bank, Bank)
    bank.close()
