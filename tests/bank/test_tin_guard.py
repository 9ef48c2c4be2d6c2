"""Who guesses numbers is locked out, and hits no more often than is said."""

import random

import hypothesis.strategies as st
import pytest
from hypothesis import given
from rounds import FIGURES, rounds
from tin_town import BERTS, MACHINE, S, TinTown, reasons, said

from paybench.bank import BankError
from paybench.bank.tin import (
    Connected,
    Declined,
    Guard,
    Limits,
    Refusal,
    Side,
    Synchronised,
    guess_chance,
    tin,
)

PAYING, BILLING = Side.PAYING, Side.BILLING
DIGITS, LIVE, TRIES = 3, 100, 5


@given(times=st.lists(st.integers(0, 100), max_size=30).map(sorted), tries=st.integers(1, 4))
def test_lets_nobody_miss_more_often_within_any_window(times, tries):
    """However the tries are spread, no more than so many wrong ones are taken in a window."""
    guard, taken = Guard(tries, 10), []
    for at_s in times:
        until_ns = guard.closed_until_ns("caller", at_s * S)
        if until_ns is None:
            guard.missed("caller", at_s * S)
            taken.append(at_s)
        else:
            assert until_ns == (taken[-tries] + 10) * S > at_s * S
        assert len([one for one in taken if one > at_s - 10]) <= tries
        assert guard.closed_until_ns("somebody else", at_s * S) is None


@pytest.mark.parametrize("figures", [(0, 10), (3, 0)])
def test_refuses_a_guard_that_guards_nothing(figures):
    """No tries, or no time, is misuse."""
    with pytest.raises(BankError, match="expected at least one try and one second"):
        Guard(*figures)


def guesses(chance, count):
    """Different numbers with right check digits, as somebody who guesses would make them up."""
    return [tin(number, DIGITS) for number in chance.sample(range(10**DIGITS), count)]


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
def test_locks_out_who_guesses(reverse):
    """After so many wrong numbers even the right one is refused, until the window has passed."""
    town = TinTown(reverse=reverse)
    wrong = [tin(number) for number in range(6)]
    issued = town.issue()
    side = BILLING if reverse else PAYING
    for number in wrong[:5]:
        assert reasons(town.present(number)) == {side: Refusal.UNKNOWN_TIN}
        town.at_ns += S
    assert reasons(town.present(issued.tin)) == {side: Refusal.TOO_MANY_TRIES}
    others = town.present(issued.tin, terminal=MACHINE, caller=BERTS)  # they may
    assert said(others, Synchronised)
    town.at_ns = town.limits.window_s * S
    assert said(town.present(town.issue().tin), Connected)


def test_gives_no_tries_back_for_a_right_number():
    """Who sends a number of an accomplice's terminal in between has no more tries for it."""
    town = TinTown()
    for number in range(town.limits.tries):
        session = town.synchronise(terminal=MACHINE)
        town.phone(Declined(session))
        assert reasons(town.present(tin(number))) == {PAYING: Refusal.UNKNOWN_TIN}
    assert reasons(town.present(town.issue().tin)) == {PAYING: Refusal.TOO_MANY_TRIES}


def test_does_not_count_what_is_no_guess():
    """A typing error cannot hit anything, and a repeated T3 is one's own: neither locks out."""
    town = TinTown()
    issued = town.issue()
    for _ in range(20):
        assert reasons(town.present("123 456 789")) == {PAYING: Refusal.TYPING_ERROR}
    for _ in range(20):
        assert said(town.present(issued.tin), Connected)


def test_guesses_hit_as_often_as_is_said():
    """Callers who use up their tries hit a stranger's number as often as `guess_chance` says."""
    chance = random.Random(3)  # noqa: S311 - the same guesses each time
    callers, hits = rounds(400), 0
    town = TinTown(limits=Limits(digits=DIGITS, tries=TRIES))
    for _ in range(callers):
        town.start()
        town.at_ns += S
        for _ in range(LIVE):
            town.issue()
        answers = [town.present(number) for number in guesses(chance, TRIES + 1)]
        hit = any(said(answer, Connected) for answer in answers[:TRIES])
        assert hit or reasons(answers[TRIES]) == {PAYING: Refusal.TOO_MANY_TRIES}
        hits += hit
    expected = guess_chance(LIVE, TRIES, DIGITS)
    seen = hits / callers
    FIGURES.append(
        f"guessing TINs of {DIGITS} digits, {LIVE} of them live, {TRIES} tries each: {hits} of "
        f"{callers} callers hit, {seen:.3f}; said: {expected:.3f}; by default at most "
        f"{guess_chance(Limits().live_max, Limits().tries):.4f}"
    )
    assert abs(seen - expected) < 4 * (expected * (1 - expected) / callers) ** 0.5
