"""The queues of the bank's servers: who waits for whom, and for how long."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paybench.devices.bank_queues import APPLICATION, LOG, BankQueues, BankTimes

MS = 10**6
TIMES = BankTimes(application_s=0.002, workers=2, flush_s=0.004, write_s=0.003, read_s=0.001)


def test_takes_four_milliseconds_where_nobody_waits():
    """By default a settlement takes 4 ms and so does anything else; nobody waits."""
    queues = BankQueues(BankTimes())
    turn = queues.settlement(0, "300a")
    assert turn.done_ns == 4 * MS
    assert turn.waited_ns == {APPLICATION: 0, LOG: 0, "300a": 0}
    assert queues.other(100 * MS) == 104 * MS


def test_a_group_shares_a_flush():
    """Who comes while a flush is under way shares the next one with all others who do."""
    queues = BankQueues(TIMES)
    first, second, third = (queues.settlement(at, server) for at, server in
                            ((0, "300a"), (1 * MS, "300b"), (2 * MS, "300c")))  # fmt: skip
    assert first.waited_ns == {APPLICATION: 0, LOG: 0, "300a": 0}
    # Ready at 3 and 4 ms; the first flush is done at 6 ms, and theirs begins then.
    assert second.waited_ns == {APPLICATION: 0, LOG: 3 * MS, "300b": 0}
    assert third.waited_ns == {APPLICATION: 0, LOG: 2 * MS, "300c": 0}
    assert second.done_ns == third.done_ns == (10 + 3) * MS


def test_deposits_keep_a_server_busy():
    """A withdrawal waits for the deposits on its server, and for those of no other."""
    queues = BankQueues(TIMES)
    queues.deposits(6 * MS, ["300a", "300a", "300b"])
    assert queues.settlement(0, "300a").waited_ns["300a"] == 6 * MS
    assert queues.settlement(0, "300c").waited_ns["300c"] == 0


@given(
    st.lists(st.integers(0, 40 * MS), min_size=1, max_size=40),
    st.lists(st.sampled_from(["300a", "300b"]), min_size=40, max_size=40),
)
def test_serves_in_order_and_nobody_twice_at_once(arrivals, servers):
    """However they come: each server does one thing at a time, in order, and every wait adds up."""
    queues = BankQueues(TIMES)
    busy: dict[str, int] = {}
    flushes = set()
    for at_ns, server in zip(sorted(arrivals), servers, strict=False):
        turn = queues.settlement(at_ns, server)
        waited = sum(turn.waited_ns.values())
        assert min(turn.waited_ns.values()) >= 0
        assert turn.done_ns == at_ns + waited + (2 + 4 + 3) * MS
        start_ns = turn.done_ns - 3 * MS
        assert start_ns >= busy.get(server, 0)
        busy[server] = turn.done_ns
        assert turn.waited_ns[LOG] <= 4 * MS, "at most the flush that is under way"
        flushes.add(start_ns - turn.waited_ns[server])
    ends = sorted(flushes)
    assert all(later - earlier >= 4 * MS for earlier, later in itertools.pairwise(ends))


@pytest.mark.parametrize("workers", [1, 3])
def test_has_so_many_workers(workers):
    """Of requests that come together so many are served side by side."""
    queues = BankQueues(BankTimes(application_s=0.01, workers=workers, read_s=0.0))
    done = [queues.other(0) // MS for _ in range(6)]
    assert done == [10 * (1 + number // workers) for number in range(6)]
