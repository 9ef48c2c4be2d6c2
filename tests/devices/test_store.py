"""The store: what a device counts there is a record like any other."""

from hypothesis import given
from hypothesis import strategies as st

from paybench.devices.store import Store

NAMES = st.sampled_from(["sales", "vends"])


@given(st.lists(st.tuples(NAMES, st.sampled_from(["count", "put", "drop"]), st.integers(0, 2**62))))
def test_counts_on_from_what_is_kept(steps):
    """A count is one more than what the store has, 0 where it has none, and is kept itself."""
    store, expected = Store(), {}
    for name, step, number in steps:
        if step == "count":
            expected[name] = expected.get(name, 0) + 1
            assert store.count_up(name) == expected[name]
        elif step == "put":
            expected[name] = number
            store.put(name, number)
        else:
            expected.pop(name, None)
            store.drop(name)
        assert {name: store.get(name, int) for name in store} == expected
