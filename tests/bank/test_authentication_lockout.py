"""The lock-out: wrong tries in a row lock, longer each time, and are forgotten in the end."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rounds import rounds

from paybench.bank.authentication import Lockout
from paybench.bank.errors import AuthenticationError

S = 1_000_000_000
HOUR = 3600 * S
DAY = 24 * HOUR


def told(history, tries, for_s):
    """When a key is open again, told from its whole history of (when, whether it was right)."""
    wrong, open_ns = [], 0
    for at_ns, right in history:
        if wrong and at_ns >= max(wrong[-1], open_ns) + DAY:
            wrong = []
        if right:
            wrong, open_ns = [], 0
        else:
            wrong.append(at_ns)
            locks, left = divmod(len(wrong), tries)
            if not left:
                open_ns = at_ns + min(for_s * 2 ** (locks - 1), max(for_s, 24 * 3600)) * S
    return open_ns


@settings(max_examples=rounds(200))
@given(
    st.integers(1, 4),
    st.sampled_from([1, 900, 200_000]),
    st.lists(
        st.tuples(
            st.sampled_from([0, 1, S, 450 * S, 900 * S, HOUR, 8 * HOUR, DAY - 1, DAY, 3 * DAY]),
            st.sampled_from("ab"),
            st.sampled_from([False, False, False, True]),
        ),
        max_size=40,
    ),
)
def test_locks_as_its_history_says(tries, for_s, steps):
    """Whatever tries come when, each key is locked exactly as its own tries in a row demand."""
    lockout, histories, at_ns = Lockout(tries, for_s), {"a": [], "b": []}, 0
    for later_ns, key, right in steps:
        at_ns += later_ns
        for other, history in histories.items():
            open_ns = told(history, tries, for_s)
            expected = open_ns if at_ns < open_ns else None
            assert lockout.locked_until_ns(other, at_ns) == expected
        if lockout.locked_until_ns(key, at_ns) is not None:
            lockout.failed(key, at_ns)  # nothing is counted while it is locked
            continue
        histories[key].append((at_ns, right))
        if right:
            lockout.succeeded(key)
        else:
            lockout.failed(key, at_ns)


def test_three_wrong_ones_lock_for_a_quarter_of_an_hour():
    """The defaults: the third wrong try in a row locks for 900 seconds, to the nanosecond."""
    lockout = Lockout()
    for at_ns in (0, 10, 20):
        assert lockout.locked_until_ns("u", at_ns) is None
        lockout.failed("u", at_ns)
    assert lockout.locked_until_ns("u", 20) == 900 * S + 20
    assert lockout.locked_until_ns("u", 900 * S + 19) == 900 * S + 20
    assert lockout.locked_until_ns("u", 900 * S + 20) is None
    assert lockout.locked_until_ns("v", 20) is None


def test_a_day_of_guessing_is_few_tries():
    """Who does nothing but guess gets few tries on the first day, and three a day after that."""
    lockout, at_ns, guesses = Lockout(), 0, []
    while at_ns < 10 * DAY:
        lockout.failed("u", at_ns)
        guesses.append(at_ns)
        at_ns = lockout.locked_until_ns("u", at_ns) or at_ns + 1
    assert sum(at_ns < DAY for at_ns in guesses) == 21
    assert sum(8 * DAY <= at_ns < 9 * DAY for at_ns in guesses) == 3


def test_forgets_the_oldest_past_its_size():
    """However many keys fail, no more than keys_max are remembered; the latest ones are."""
    lockout = Lockout(tries=2, keys_max=10)
    for n in range(1000):
        lockout.failed(n, n)
    lockout.failed(990, 1000)  # now it is the latest
    lockout.failed("new", 1001)
    for n in (990, "new", 992, 991):
        lockout.failed(n, 1002)
    locked = [n for n in (*range(1000), "new") if lockout.locked_until_ns(n, 1003)]
    assert locked == [990, 992, "new"]  # 991 had been forgotten


def test_lets_go_of_what_is_over():
    """What was forgotten by time takes no room either, once there is another try."""
    lockout = Lockout()
    for n in range(100):
        lockout.failed(n, n)
    lockout.failed("late", 3 * DAY)
    assert list(lockout._records) == ["late"]


@pytest.mark.parametrize("figures", [{"tries": 0}, {"for_s": 0}, {"keys_max": 0}, {"tries": -1}])
def test_refuses_figures_that_lock_nobody(figures):
    """A lock-out that never locks is a mistake."""
    with pytest.raises(AuthenticationError, match="has to lock"):
        Lockout(**figures)
