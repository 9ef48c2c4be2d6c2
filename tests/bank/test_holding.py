"""Authorised, captured, voided, expired: a held amount comes to one end, once."""

import pytest
from town import ANNA, BAKERY, BERT, KEYS, KIOSK, eur, found, order, reason, reversal

from paybench.bank import CAPITAL, AccountError, Bank, BankError, Capture, FundingError, Restriction

HOLD_S = 100
END_NS = HOLD_S * 10**9


def capture(settlement_id: str, amount: str, payee=KIOSK) -> Capture:
    key = KEYS.get(payee, KEYS[KIOSK])
    return Capture.signed(key, settlement_id=settlement_id, payee=payee, amount=eur(amount))


def hold(bank: Bank, settlement_id: str, amount: str, counter: int, at_ns: int = 0, **body):
    request = order(settlement_id, eur(amount), counter, payee=KIOSK, **body)
    return bank.authorise(request, at_ns, hold_s=HOLD_S)


def standing(bank: Bank) -> tuple[str, str, str, str]:
    """Anna's balance and what is available of it, and the kiosk's, with all deposits made."""
    bank.deposit()
    assert bank.audit() is None
    assert bank.total() == eur("0")
    parties = [f(number) for number in (ANNA, KIOSK) for f in (bank.balance, bank.available)]
    return tuple(str(money).removesuffix(" EUR") for money in parties)


def test_holds_and_captures_a_part(bank):
    """What is held is blocked with the payer; a part is captured, and the rest is the payer's."""
    held = hold(bank, "h1", "6", 1)
    assert (held.state, held.settled, held.formal_at_ns) == ("held", False, END_NS)
    assert str(held.payer_balance) == "10.00 EUR"
    assert standing(bank) == ("10.00", "4.00", "0.00", "0.00")
    outcome = bank.capture(capture("h1", "2.50"), 1)
    assert (outcome.state, str(outcome.amount), outcome.payer_balance) == (
        "settled",
        "2.50 EUR",
        None,
    )
    assert standing(bank) == ("7.50", "7.50", "2.50", "2.50")
    assert bank.inquire("h1").settled
    lines = [(line.kind, line.amount_minor, line.blocked_minor) for line in bank.statement(ANNA, 2)]
    assert lines == [("captured", -250, 0), ("held", 0, 600)]


def test_answers_a_repetition_as_before(bank):
    """The same authorisation or capture again moves nothing, before and after the other."""
    first = hold(bank, "h1", "6", 1)
    assert hold(bank, "h1", "6", 1, 50) == first
    done = bank.capture(capture("h1", "6"), 60)
    assert bank.capture(capture("h1", "6"), END_NS + 1) == done
    assert hold(bank, "h1", "6", 1, 70).state == "settled"
    assert standing(bank) == ("4.00", "4.00", "6.00", "6.00")


def test_counts_holds_in_the_balance_check(bank):
    """Money that is held cannot be spent or held again."""
    hold(bank, "h1", "6", 1)
    assert reason(bank.settle(order("s1", eur("4.01"), 2), 1)) == "balance-blocked"
    assert reason(hold(bank, "h2", "4.01", 3)) == "balance-blocked"
    assert hold(bank, "h3", "4", 4).state == "held"
    assert standing(bank) == ("10.00", "0.00", "0.00", "0.00")


def test_applies_a_rejected_hold_never(bank):
    """A hold that was refused for want of money is not there when the money is."""
    assert reason(hold(bank, "h1", "11", 1)) == "insufficient-balance"
    bank.fund(ANNA, eur("50"), "more")
    assert reason(bank.capture(capture("h1", "11"), 1)) == "insufficient-balance"
    assert reason(hold(bank, "h1", "11", 1)) == "insufficient-balance"
    assert standing(bank) == ("60.00", "60.00", "0.00", "0.00")


def test_voids_once(bank):
    """The payee gives a hold up; done twice it is done once, and nothing can be captured."""
    hold(bank, "h1", "6", 1)
    for at_ns in (1, 2):
        assert bank.reverse(reversal("h1"), at_ns).state == "reversed"
    assert reason(bank.capture(capture("h1", "6"), 3)) == "reversed"
    assert standing(bank) == ("10.00", "10.00", "0.00", "0.00")


def test_expires_at_its_end(bank):
    """At the end of the hold the money is the payer's, and a capture comes too late."""
    hold(bank, "h1", "6", 1)
    assert bank.next_due_ns() == END_NS
    assert bank.capture(capture("h1", "1"), END_NS).state == "expired"
    assert bank.inquire("h1").state == "expired"
    assert bank.reverse(reversal("h1"), END_NS + 1).state == "expired"
    assert bank.mature(END_NS + 2) == 0
    assert standing(bank) == ("10.00", "10.00", "0.00", "0.00")


def test_expires_on_a_closed_account(bank):
    """A hold of a closed account, or for one, ends like any other."""
    hold(bank, "h1", "6", 1)
    hold(bank, "h2", "1", 2)
    bank.close_account(ANNA)
    bank.close_account(KIOSK)
    assert reason(bank.capture(capture("h1", "6"), 1)) == "account-closed"
    assert bank.reverse(reversal("h2"), 1).state == "reversed"
    assert bank.mature(END_NS) == 1
    assert standing(bank) == ("10.00", "10.00", "0.00", "0.00")


def test_captures_once_when_two_race(bank):
    """Of two partial captures the first holds; the other learns that, and moves nothing."""
    hold(bank, "h1", "6", 1)
    assert bank.capture(capture("h1", "4"), 1).settled
    second = bank.capture(capture("h1", "2"), 1)
    assert (second.settled, reason(second), str(second.amount)) == (
        True,
        "captured-already",
        "4.00 EUR",
    )
    assert standing(bank) == ("6.00", "6.00", "4.00", "4.00")


def test_takes_an_id_for_one_amount(bank):
    """An id that is used again with another amount is refused, held or captured."""
    hold(bank, "h1", "6", 1)
    assert reason(hold(bank, "h1", "5", 2)) == "id-reused"
    bank.capture(capture("h1", "5"), 1)
    assert reason(hold(bank, "h1", "5", 2)) == "id-reused"
    assert reason(bank.settle(order("h1", eur("5"), 3, payee=KIOSK), 2)) == "id-reused"


@pytest.mark.parametrize(
    ("settlement_id", "amount", "payee", "expected"),
    [
        ("h1", "6.01", KIOSK, "more-than-held"),
        ("h1", "0", KIOSK, "amount-not-positive"),
        ("h1", "6", BERT, "id-reused"),
        ("h1", "6", BAKERY, "no-key"),
        ("h2", "6", KIOSK, "unknown-settlement"),
        ("s1", "1", KIOSK, "nothing-held"),
        ("", "1", KIOSK, "id-malformed"),
    ],
)
def test_refuses_a_capture(bank, settlement_id, amount, payee, expected):
    """A capture that cannot be is refused with its reason, and the hold stays."""
    hold(bank, "h1", "6", 1)
    bank.settle(order("s1", eur("1"), 2, payee=KIOSK), 1)
    assert reason(bank.capture(capture(settlement_id, amount, payee), 2)) == expected
    assert standing(bank) == ("9.00", "3.00", "1.00", "1.00")


def test_refuses_a_forged_capture(bank):
    """Only the payee captures, and the amount is signed."""
    hold(bank, "h1", "6", 1)
    forged = Capture("h1", KIOSK, eur("6"), capture("h1", "1").signature)
    assert reason(bank.capture(forged, 1)) == "signature-wrong"


def test_gives_back_what_was_captured(bank):
    """A capture is given back as a settlement is, once."""
    hold(bank, "h1", "6", 1)
    bank.capture(capture("h1", "4"), 1)
    for at_ns in (2, 3):
        assert bank.reverse(reversal("h1"), at_ns).state == "reversed"
    assert standing(bank) == ("10.00", "10.00", "0.00", "0.00")


def test_refuses_a_hold_that_cannot_be(bank):
    """No time, too long a time, and a hold with a cooling-off period are misuse."""
    for hold_s in (0, 366 * 24 * 3600 + 1):
        with pytest.raises(BankError, match="expected a hold of 1 to"):
            bank.authorise(order("h1", eur("1"), 1), 0, hold_s=hold_s)
    restricted = order("h1", eur("1"), 1, restriction=Restriction(cooling_off_s=1))
    with pytest.raises(BankError, match="no restriction"):
        bank.authorise(restricted, 0, hold_s=1)


def test_closes_accounts(bank):
    """Nothing new is paid from a closed account or to it; what is under way arrives."""
    assert bank.settle(order("s1", eur("1"), 1, payee=KIOSK), 1).settled
    for _ in range(2):
        bank.close_account(KIOSK)
    assert reason(bank.settle(order("s2", eur("1"), 2, payee=KIOSK), 1)) == "account-closed"
    with pytest.raises(FundingError, match="closed"):
        bank.fund(KIOSK, eur("1"), "f")
    with pytest.raises(AccountError, match="stays open"):
        bank.close_account(CAPITAL)
    assert standing(bank) == ("9.00", "9.00", "1.00", "1.00")
    bank.close_account(ANNA)
    assert reason(bank.settle(order("s3", eur("1"), 3), 1)) == "account-closed"


def test_finds_holds_again(reopened):
    """Holds, their ends and closed accounts outlive the object."""
    bank = found(reopened())
    for number, name in enumerate(("h1", "h2", "h3")):
        hold(bank, name, "1", number)
    bank.capture(capture("h1", "0.50"), 1)
    bank.close_account(BERT)
    bank = Bank(reopened())
    assert standing(bank) == ("9.50", "7.50", "0.50", "0.50")
    assert bank.reverse(reversal("h2"), 1).state == "reversed"
    assert bank.mature(END_NS) == 1
    assert reason(bank.settle(order("s1", eur("1"), 9, payer=BERT), END_NS)) == "account-closed"
    assert standing(bank) == ("9.50", "9.50", "0.50", "0.50")
