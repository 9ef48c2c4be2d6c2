"""Where a data file is: arithmetic, and a rule that moves no more than it must."""

from collections import Counter

import hypothesis.strategies as st
import pytest
from hypothesis import given

from paybench.bank.location import server_of, takes
from paybench.bank.storage.standing import ALL_ARRIVED

PLACES = [branch * 10**7 + number for branch in range(1, 101) for number in range(200)]
ANY_PLACE = st.integers(0, ALL_ARRIVED - 1)


@pytest.mark.parametrize("count", [2, 3, 5, 8, 17])
def test_moves_no_more_than_the_new_servers_share(count):
    """The nth server takes one account in n, all servers alike, and none moves between the old."""
    before = [server_of(place, count - 1) for place in PLACES]
    after = [server_of(place, count) for place in PLACES]
    moved = [new for old, new in zip(before, after, strict=True) if old != new]
    assert set(moved) == {count - 1}
    share = len(PLACES) / count
    assert 0.9 * share < len(moved) < 1.1 * share
    assert all(0.85 * share < held < 1.15 * share for held in Counter(after).values())


@given(place=ANY_PLACE, count=st.integers(1, 40))
def test_is_on_the_last_server_that_took_it(place, count):
    """An account stays where it is until a server that is added takes it."""
    index = server_of(place, count)
    assert index == 0 or takes(index + 1, place)
    assert not any(takes(nth, place) for nth in range(index + 2, count + 1))


@given(place=ANY_PLACE, arrived_to=st.integers(-1, ALL_ARRIVED))
def test_is_where_it_was_until_it_has_arrived(place, arrived_to):
    """While a server is filled, an account is on the old one or the new, as one number says."""
    expected = server_of(place, 3 if place <= arrived_to else 2)
    assert server_of(place, 3, arrived_to) == expected
