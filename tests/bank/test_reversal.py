"""Giving back: a payee's device undoes a payment, or one that may still come."""

import itertools

import pytest
from msgspec.structs import replace
from town import (
    ANNA,
    BAKERY,
    BERT,
    CARL,
    KIOSK,
    NOBODY,
    cancellation,
    eur,
    found,
    order,
    picture,
    reason,
    reversal,
)

from paybench.bank import ESCROW, Bank, BankError, Held, Kind, Restriction, Reversal, State

PAID = order("s1", eur("4"), 1, payee=KIOSK)


@pytest.mark.parametrize("deposited", [True, False])
def test_gives_the_full_amount_back(bank, deposited):
    """The payer has it all back at once, whether or not the payee's deposit had been made."""
    bank.settle(PAID, 1)
    if deposited:
        bank.deposit()
    outcome = bank.reverse(reversal("s1"), 2)
    assert (outcome.state, outcome.settled, outcome.reason) == (State.REVERSED, False, "reversed")
    assert (outcome.amount, outcome.payer_balance) == (eur("4"), None)
    assert (bank.balance(ANNA), bank.balance(KIOSK)) == (eur("10"), eur("0"))
    assert (bank.in_transit(), bank.total()) == (eur("0"), eur("0"))
    assert bank.inquire("s1") == outcome
    assert [(line.kind, line.amount_minor) for line in bank.statement(KIOSK)] == [
        (Kind.REVERSED, -400),
        (Kind.SETTLED, 400),
    ]


def test_gives_back_at_most_once(bank):
    """Asked again, the same answer and no more money; the till that asks again is not paid."""
    bank.settle(PAID, 1)
    first = bank.reverse(reversal("s1"), 2)
    before = picture(bank)
    assert bank.reverse(reversal("s1"), 3) == first
    again = bank.settle(PAID, 4)
    assert (again.state, again.payer_balance) == (State.REVERSED, eur("10"))
    assert picture(bank) == before


def test_refuses_a_demand_that_it_has_overtaken(bank):
    """The payee who gave up before the demand came is not paid by it when it comes."""
    outcome = bank.reverse(reversal("s1"), 1)
    assert (outcome.state, outcome.amount) == (State.REVERSED, eur("0"))
    before = picture(bank)
    late = bank.settle(PAID, 2)
    assert (late.state, late.reason, late.amount) == (State.REVERSED, "reversed", eur("4"))
    assert bank.settle(PAID, 3) == late
    assert bank.reverse(reversal("s1"), 4) == outcome == bank.inquire("s1")
    assert picture(bank) == before
    assert bank.settle(order("s2", eur("4"), 1, payee=KIOSK), 5).settled, "the counter is unused"


def test_spends_the_id_that_it_has_overtaken(bank):
    """The id is nobody else's any more either: one id stands for one settlement."""
    bank.reverse(reversal("s1"), 1)
    assert reason(bank.settle(order("s1", eur("4"), 1, payee=BAKERY), 2)) == "id-reused"
    assert reason(bank.reverse(reversal("s1", BERT), 3)) == "id-reused"
    assert bank.cancel(cancellation("s1"), 4) == bank.inquire("s1"), "as anybody may ask"


def test_wins_or_loses_a_race_and_never_both():
    """Demand, repetition and reversal in any order: the payer ends with everything, every time."""
    acts = {
        "demand": lambda bank: bank.settle(PAID, 1),
        "again": lambda bank: bank.settle(PAID, 1),
        "reversal": lambda bank: bank.reverse(reversal("s1"), 1),
        "deposit": lambda bank: bank.deposit(),
    }
    for names in itertools.permutations(acts):
        bank = found()
        for name in names:
            acts[name](bank)
        assert bank.inquire("s1").state is State.REVERSED, names
        bank.deposit()
        assert (bank.balance(ANNA), bank.balance(KIOSK)) == (eur("10"), eur("0")), names


def test_has_nothing_to_give_back_of_a_refusal(bank):
    """A refused settlement stays refused; the payee knows that it holds nothing of it."""
    request = order("s1", eur("99"), 1, payee=KIOSK)
    bank.settle(request, 1)
    before = picture(bank)
    outcome = bank.reverse(reversal("s1"), 2)
    assert (outcome.state, outcome.reason) == (State.REFUSED, "nothing-to-give-back")
    assert picture(bank) == before
    bank.fund(ANNA, eur("99"), "bonus")
    assert reason(bank.settle(request, 3)) == "insufficient-balance"


def test_waits_for_a_payee_who_has_spent_it(bank):
    """Who has not enough is refused for now, is told that it is settled, and may ask again."""
    bank.settle(PAID, 1)
    bank.deposit()
    bank.settle(order("s2", eur("0.01"), 1, payer=KIOSK, payee=BERT), 2)
    bank.deposit()
    before = picture(bank)
    outcome = bank.reverse(reversal("s1"), 3)
    assert (outcome.state, outcome.reason) == (State.SETTLED, "payee-balance-too-low")
    assert (outcome.payer_balance, picture(bank)) == (None, before)
    bank.fund(KIOSK, eur("0.01"), "till")
    assert bank.reverse(reversal("s1"), 4).state is State.REVERSED
    assert (bank.balance(ANNA), bank.balance(KIOSK)) == (eur("10"), eur("0"))


def test_does_not_give_back_out_of_blocked_money(bank):
    """What is blocked for another customer is not the payee's to give."""
    bank.settle(PAID, 1)
    bank.deposit()
    bank.settle(order("out", eur("4"), 1, payer=KIOSK), 2)
    restriction = Restriction(100)
    bank.settle(order("s3", eur("4"), 1, payer=BERT, payee=KIOSK, restriction=restriction), 3)
    assert reason(bank.reverse(reversal("s1"), 4)) == "payee-balance-too-low"
    assert bank.cancel(cancellation("s3", BERT), 5).state is State.CANCELLED


@pytest.mark.parametrize("held", list(Held))
@pytest.mark.parametrize("deposited", [True, False])
def test_gives_back_within_cooling_off(bank, held, deposited):
    """A provisory settlement is given back like any other, and never becomes due."""
    request = order("s1", eur("4"), 1, payee=KIOSK, restriction=Restriction(100, held))
    bank.settle(request, 1)
    if deposited:
        bank.deposit()
    assert bank.reverse(reversal("s1"), 2).state is State.REVERSED
    assert (bank.balance(ANNA), bank.balance(KIOSK)) == (eur("10"), eur("0"))
    assert bank.balance(ESCROW) == bank.available(KIOSK) == eur("0")
    assert (bank.next_due_ns(), bank.mature(10**12)) == (None, 0)


@pytest.mark.parametrize("held", list(Held))
def test_gives_back_what_has_become_formal(bank, held):
    """After the period it is taken from what the payee can dispose of."""
    request = order("s1", eur("4"), 1, payee=KIOSK, restriction=Restriction(100, held))
    bank.settle(request, 0)
    assert bank.reverse(reversal("s1"), 100 * 10**9).state is State.REVERSED
    kinds = [line.kind for line in bank.statement(ANNA, 3)]
    assert kinds == [Kind.REVERSED, Kind.FORMAL, Kind.PROVISORY]
    assert (bank.balance(ANNA), bank.available(KIOSK)) == (eur("10"), eur("0"))


def test_answers_that_the_payer_has_cancelled(bank):
    """The payer has it back already: nothing moves, and the payee learns why."""
    bank.settle(order("s1", eur("4"), 1, payee=KIOSK, restriction=Restriction(100)), 1)
    cancelled = bank.cancel(cancellation("s1"), 2)
    before = picture(bank)
    assert bank.reverse(reversal("s1"), 3) == cancelled.without_balance()
    assert picture(bank) == before


@pytest.mark.parametrize(
    ("forged", "expected"),
    [
        (Reversal("s1", KIOSK, b""), "signature-wrong"),
        (Reversal("s1", KIOSK, reversal("s2").signature), "signature-wrong"),
        (Reversal("s1", KIOSK, reversal("s1", ANNA).signature), "signature-wrong"),
        (Reversal("s1", KIOSK, cancellation("s1", KIOSK).signature), "signature-wrong"),
        (replace(reversal("s1", BERT), payee=KIOSK), "signature-wrong"),
        (reversal("s1", BERT), "id-reused"),
        (reversal("s1", ANNA), "id-reused"),
        (Reversal("s1", BAKERY, b""), "no-key"),
        (Reversal("s1", NOBODY, b""), "unknown-account"),
        (replace(reversal("s1"), settlement_id=""), "id-malformed"),
    ],
)
def test_lets_the_payee_alone_give_back(bank, forged, expected):
    """The payer cannot take it back, nor can anybody else; and nobody is told anything."""
    bank.settle(PAID, 1)
    before = picture(bank)
    outcome = bank.reverse(forged, 2)
    assert (reason(outcome), outcome.amount, outcome.settled) == (expected, eur("0"), False)
    assert picture(bank) == before
    assert bank.reverse(reversal("s1"), 3).state is State.REVERSED


def test_leaves_no_mark_of_a_forged_reversal(bank):
    """Who cannot sign for the payee cannot spend an id that a demand is about to use."""
    bank.reverse(Reversal("s1", KIOSK, b""), 1)
    assert reason(bank.inquire("s1")) == "unknown-settlement"
    assert bank.settle(PAID, 2).settled


def test_does_not_give_back_what_the_bank_paid(bank):
    """Money that was issued is not the holder's to send back where it came from."""
    before = picture(bank)
    assert reason(bank.reverse(reversal("salary 001-0000001", ANNA), 1)) == "banks-own"
    assert picture(bank) == before


def test_remembers_on_reopening(reopened):
    """What was given back, and what was refused beforehand, outlive the bank object."""
    bank = found(reopened())
    bank.settle(PAID, 1)
    answers = [bank.reverse(reversal(name), 2) for name in ("s1", "s2")]
    before = picture(bank)
    bank = Bank(reopened())
    assert [bank.reverse(reversal(name), 3) for name in ("s1", "s2")] == answers
    assert bank.settle(order("s2", eur("1"), 2, payee=KIOSK), 4).state is State.REVERSED
    assert picture(bank) == before


def test_gives_back_out_of_money_that_is_under_way(bank):
    """A payee may give back money it received by way of another payment still under way."""
    bank.settle(order("s1", eur("4"), 1, payee=CARL), 1)
    bank.deposit()
    bank.settle(order("s2", eur("4"), 1, payer=CARL), 2)
    bank.settle(order("s3", eur("4"), 1, payer=BERT, payee=CARL), 3)
    assert bank.reverse(reversal("s1", CARL), 4).state is State.REVERSED
    assert (bank.balance(ANNA), bank.balance(CARL)) == (eur("10"), eur("0"))


@pytest.mark.parametrize("at_ns", [-1, 2**63])
def test_refuses_times_out_of_range(bank, at_ns):
    """A time no log can hold is misuse and leaves no mark."""
    with pytest.raises(BankError, match="expected at_ns"):
        bank.reverse(reversal("s1"), at_ns)
    assert bank.settle(PAID, 1).settled
