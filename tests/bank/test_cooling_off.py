"""Cooling-off (Fig 7A): provisory now, formal when the period has passed, or as if never paid."""

import msgspec
import pytest
from msgspec.structs import replace
from town import (
    ANNA,
    BAKERY,
    BERT,
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

from paybench.bank import ESCROW, Bank, BankError, Cancellation, Held, Kind, Restriction, State

PERIOD_S = 100
DUE_NS = PERIOD_S * 10**9 + 5
BOTH = pytest.mark.parametrize("held", list(Held))


def provisory(settlement_id="s1", amount="4", counter=1, *, held, payee=KIOSK, period_s=PERIOD_S):
    restriction = Restriction(period_s, held)
    return order(settlement_id, eur(amount), counter, payee=payee, restriction=restriction)


def lines(bank, number, settlement_id="s1"):
    """An account's entries about a settlement, oldest first: kind, change, blocked afterwards."""
    return [
        (line.kind.value, line.amount_minor, line.blocked_minor)
        for line in reversed(bank.statement(number))
        if line.settlement_id == settlement_id
    ]


@BOTH
def test_settles_provisorily(bank, held):
    """The payer is poorer, the payee not richer by a cent to spend, and both are told till when."""
    outcome = bank.settle(provisory(held=held), 5)
    assert (outcome.settled, outcome.state, outcome.reason) == (True, State.PROVISORY, None)
    assert (outcome.formal_at_ns, outcome.payer_balance) == (DUE_NS, eur("6"))
    assert bank.inquire("s1") == outcome.without_balance()
    assert bank.next_due_ns() == DUE_NS
    bank.deposit()
    where = {Held.RESTRICTED_DEPOSIT: KIOSK, Held.ESCROW: ESCROW}[held]
    assert bank.balance(where) == eur("4")
    assert bank.available(KIOSK) == bank.total() == eur("0")


def test_does_not_let_the_payee_spend_it(bank):
    """Blocked money is not to dispose of, and the refusal says so; the payee's own money is."""
    bank.fund(KIOSK, eur("3"), "till")
    bank.settle(provisory(held=Held.RESTRICTED_DEPOSIT), 5)
    bank.deposit()
    assert (bank.balance(KIOSK), bank.available(KIOSK)) == (eur("7"), eur("3"))
    blocked = order("s2", eur("3.01"), 1, payer=KIOSK)
    assert reason(bank.settle(blocked, 6)) == "balance-blocked"
    assert (
        reason(bank.settle(order("s3", eur("7.01"), 2, payer=KIOSK), 6)) == "insufficient-balance"
    )
    assert bank.settle(order("s4", eur("3"), 3, payer=KIOSK), 7).settled
    assert bank.available(KIOSK) == eur("0")


@BOTH
def test_becomes_formal_when_the_period_has_passed(bank, held):
    """At the due time and not before; once; from then on it is the payee's to spend."""
    first = bank.settle(provisory(held=held), 5)
    assert (bank.mature(DUE_NS - 1), bank.mature(DUE_NS), bank.mature(DUE_NS)) == (0, 1, 0)
    assert bank.next_due_ns() is None
    assert bank.balance(KIOSK) == bank.available(KIOSK) == eur("4")
    assert bank.inquire("s1").state is State.SETTLED
    again = bank.settle(provisory(held=held), DUE_NS + 1)
    assert again == replace(first, formal_at_ns=None, sentence="Settled.")
    assert bank.settle(order("s2", eur("4"), 1, payer=KIOSK), DUE_NS).settled
    assert (bank.balance(ESCROW), bank.total()) == (eur("0"), eur("0"))


@BOTH
def test_matures_before_it_settles(bank, held):
    """Nobody need call mature(): a payee whose money is due can spend it."""
    bank.settle(provisory(held=held), 5)
    request = order("s2", eur("4"), 1, payer=KIOSK)
    assert bank.settle(request, DUE_NS).settled
    assert bank.inquire("s1").state is State.SETTLED


def test_matures_in_order_of_time(bank):
    """What is due first becomes formal first, as of its own due time, however it was settled."""
    for number, (period_s, held) in enumerate(
        [(30, Held.ESCROW), (10, Held.RESTRICTED_DEPOSIT), (20, Held.ESCROW), (99, Held.ESCROW)]
    ):
        bank.settle(provisory(f"s{number}", "1", number, held=held, period_s=period_s), 0)
    assert bank.mature(50 * 10**9) == 3
    formal = [line for line in bank.statement(ANNA) if line.kind is Kind.FORMAL]
    assert [(line.settlement_id, line.at_ns) for line in formal] == [
        ("s0", 30 * 10**9),
        ("s2", 20 * 10**9),
        ("s1", 10 * 10**9),
    ]
    assert (bank.available(KIOSK), bank.next_due_ns()) == (eur("3"), 99 * 10**9)


@BOTH
@pytest.mark.parametrize("deposited", [True, False])
def test_cancels_within_the_period(bank, held, deposited):
    """Both accounts are as before, the shop's deposit made or still under way ([0084])."""
    before = {number: bank.balance(number) for number in bank.accounts()}
    bank.settle(provisory(held=held), 5)
    if deposited:
        bank.deposit()
    outcome = bank.cancel(cancellation("s1"), DUE_NS - 1)
    assert (outcome.state, outcome.settled, outcome.reason) == (State.CANCELLED, False, "cancelled")
    assert outcome.payer_balance == eur("10")
    assert {number: bank.balance(number) for number in bank.accounts()} == before
    assert bank.available(KIOSK) == bank.in_transit() == bank.total() == eur("0")
    assert bank.next_due_ns() is None
    assert bank.mature(DUE_NS) == 0


@BOTH
def test_answers_a_second_cancellation_alike(bank, held):
    """Cancelled twice is cancelled once, also after the period; a retransmission hears of it."""
    bank.settle(provisory(held=held), 5)
    first = bank.cancel(cancellation("s1"), 6)
    before = picture(bank)
    assert bank.cancel(cancellation("s1"), 7) == bank.cancel(cancellation("s1"), DUE_NS) == first
    assert bank.settle(provisory(held=held), 8) == first
    assert bank.inquire("s1") == first.without_balance()
    assert picture(bank) == before


@BOTH
@pytest.mark.parametrize("at_ns", [DUE_NS, DUE_NS + 1])
def test_does_not_cancel_after_the_period(bank, held, at_ns):
    """Too late is too late, at the due time itself; the answer tells that it is settled."""
    bank.settle(provisory(held=held), 5)
    outcome = bank.cancel(cancellation("s1"), at_ns)
    assert (outcome.reason, outcome.state) == ("cooling-off-over", State.SETTLED)
    assert bank.available(KIOSK) == eur("4")


def test_cancels_nothing_else(bank):
    """Without a period, refused, unknown, or somebody else's: each by its reason."""
    bank.settle(order("plain", eur("1"), 1, payee=KIOSK), 1)
    bank.settle(provisory("too much", "99", 2, held=Held.ESCROW), 1)
    bank.settle(provisory("anna's", "1", 3, held=Held.ESCROW), 1)
    bank.settle(provisory("given back", "1", 4, held=Held.ESCROW), 1)
    bank.reverse(reversal("given back"), 1)
    before = picture(bank)
    reasons = {
        "plain": "cooling-off-over",
        "too much": "nothing-to-give-back",
        "given back": "reversed",
        "never sent": "unknown-settlement",
        "a\nb": "id-malformed",
    }
    for settlement_id, expected in reasons.items():
        assert reason(bank.cancel(cancellation(settlement_id), 2)) == expected
    assert reason(bank.cancel(cancellation("anna's", BERT), 2)) == "id-reused"
    assert picture(bank) == before


@pytest.mark.parametrize(
    ("forged", "expected"),
    [
        (Cancellation("s1", ANNA, b""), "signature-wrong"),
        (Cancellation("s1", ANNA, cancellation("s2").signature), "signature-wrong"),
        (Cancellation("s1", ANNA, cancellation("s1", BERT).signature), "signature-wrong"),
        (replace(cancellation("s1", KIOSK), payer=ANNA), "signature-wrong"),
        (
            Cancellation("s1", ANNA, provisory(held=Held.ESCROW).approval.signature),
            "signature-wrong",
        ),
        (Cancellation("s1", ANNA, reversal("s1", ANNA).signature), "signature-wrong"),
        (Cancellation("s1", NOBODY, b""), "unknown-account"),
        (Cancellation("s1", BAKERY, b""), "no-key"),
    ],
)
def test_takes_no_cancellation_that_the_payer_did_not_sign(bank, forged, expected):
    """Neither the shop, nor a signature for anything else, cancels; nor does it learn anything."""
    bank.settle(provisory(held=Held.ESCROW), 5)
    before = picture(bank)
    outcome = bank.cancel(forged, 6)
    assert (reason(outcome), outcome.amount, outcome.payer_balance) == (expected, eur("0"), None)
    assert picture(bank) == before
    assert bank.cancel(cancellation("s1"), 7).state is State.CANCELLED


def test_enters_every_step_on_both_sides(bank):
    """A statement shows provisory, formal and cancelled as new lines; no line is ever changed."""
    for held in Held:
        bank.settle(provisory(f"formal {held}", "1", 1 + 4 * len(held), held=held), 5)
        bank.settle(provisory(f"cancelled {held}", "1", 2 + 4 * len(held), held=held), 5)
        bank.cancel(cancellation(f"cancelled {held}"), 6)
    bank.mature(DUE_NS)
    deposit, escrow = Held.RESTRICTED_DEPOSIT, Held.ESCROW
    for held in Held:
        assert lines(bank, ANNA, f"formal {held}") == [("provisory", -100, 0), ("formal", 0, 0)]
        assert lines(bank, ANNA, f"cancelled {held}") == [
            ("provisory", -100, 0),
            ("cancelled", 100, 0),
        ]
    assert lines(bank, KIOSK, f"formal {deposit}") == [("provisory", 100, 100), ("formal", 0, 0)]
    assert lines(bank, KIOSK, f"formal {escrow}")[0][:2] == ("provisory", 0)
    assert lines(bank, KIOSK, f"formal {escrow}")[1][:2] == ("formal", 100)
    assert [line[:2] for line in lines(bank, KIOSK, f"cancelled {deposit}")] == [
        ("provisory", 100),
        ("cancelled", -100),
    ]
    assert [line[:2] for line in lines(bank, KIOSK, f"cancelled {escrow}")] == [
        ("provisory", 0),
        ("cancelled", 0),
    ]
    counterparties = [line.counterparty for line in bank.statement(ESCROW)]
    assert counterparties == [KIOSK, ANNA, ANNA, ANNA]


@BOTH
def test_keeps_it_all_on_reopening(reopened, held):
    """Blocked money, the period and every answer outlive the bank object."""
    bank = found(reopened())
    answers = [bank.settle(provisory("s1", held=held), 5)]
    bank.settle(provisory("s2", "1", 2, held=held), 5)
    answers.append(bank.cancel(cancellation("s2"), 6))
    before = picture(bank)
    bank = Bank(reopened())
    assert (picture(bank), bank.next_due_ns()) == (before, DUE_NS)
    assert bank.settle(provisory("s1", held=held), 7) == answers[0]
    assert bank.cancel(cancellation("s2"), 8) == answers[1]
    bank.mature(DUE_NS)
    before = picture(bank)
    assert picture(Bank(reopened())) == before


@BOTH
def test_pays_itself_with_cooling_off_only_once(bank, held):
    """A retransmission neither restarts the period nor pays again."""
    first = msgspec.msgpack.encode(bank.settle(provisory(held=held), 5))
    assert msgspec.msgpack.encode(bank.settle(provisory(held=held), 50)) == first
    assert bank.next_due_ns() == DUE_NS
    assert bank.balance(ANNA) == eur("6")


@pytest.mark.parametrize("at_ns", [-1, 2**63])
def test_refuses_times_out_of_range(bank, at_ns):
    """A time no log can hold is misuse and leaves no trace."""
    bank.settle(provisory(held=Held.ESCROW), 5)
    before = picture(bank)
    for ask in (bank.mature, lambda at_ns: bank.cancel(cancellation("s1"), at_ns)):
        with pytest.raises(BankError, match="expected at_ns"):
            ask(at_ns)
    assert picture(bank) == before


def test_does_not_wait_for_a_payee_who_has_no_account(bank):
    """A refusal is final whatever the period: nothing is held, nothing becomes due."""
    assert reason(bank.settle(provisory(payee=NOBODY, held=Held.ESCROW), 5)) == "unknown-payee"
    assert bank.next_due_ns() is None


def test_lets_many_become_formal_with_few_flushes(bank):
    """What falls due together is logged together, in the order of the due times."""
    for number in range(20):
        restriction = Restriction(cooling_off_s=30 - number)
        request = order(f"s{number}", eur("0.01"), number, payee=KIOSK, restriction=restriction)
        assert bank.settle(request, 0).settled
    flushes = bank.servers()[0].flushes
    assert bank.mature(40 * 10**9) == 20
    assert bank.servers()[0].flushes == flushes + 1
    formal = [line.settlement_id for line in bank.statement(KIOSK, 20)]
    assert formal == [f"s{number}" for number in range(20)]
    assert bank.audit() is None
