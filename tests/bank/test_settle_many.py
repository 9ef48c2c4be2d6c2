"""Batches, linked settlements, waiting threads, and ids in the order of time."""

# ruff: noqa: S311 - the ids here are nobody's secret

import threading
from concurrent.futures import ThreadPoolExecutor
from random import Random

import hypothesis.strategies as st
import pytest
from hypothesis import given
from msgspec.structs import replace
from rounds import rounds
from town import ANNA, BAKERY, BERT, CARL, KIOSK, NOBODY, eur, found, order, picture, reason

from paybench.bank import (
    Bank,
    BankError,
    Batch,
    MemoryStorage,
    Mode,
    Restriction,
    SettlementIds,
    StorageError,
)
from paybench.bank.committer import Committer
from paybench.bank.settlement_id import id_of, is_time_ordered
from paybench.bank.storage.memory import MemoryLog

AMOUNTS = st.integers(1, 600).map(lambda minor: eur(f"{minor / 100:.2f}"))
ORDERS = st.lists(
    st.builds(
        lambda name, amount, counter, payer, payee: order(
            f"s{name}", amount, counter, payer=payer, payee=payee
        ),
        *(st.integers(0, 9), AMOUNTS, st.integers(0, 12)),
        *(st.sampled_from([ANNA, BERT]), st.sampled_from([BAKERY, BERT, CARL, NOBODY])),
    ),
    max_size=12,
)


@given(orders=ORDERS)
def test_answers_a_batch_as_one_after_the_other(orders):
    """A batch is settled and answered as its orders would be one by one."""
    bank, twin = found(MemoryStorage(2)), found()
    assert bank.settle_many(orders, 7) == [twin.settle(each, 7) for each in orders]
    assert picture(bank) == picture(twin)
    assert bank.audit() is None


@given(orders=ORDERS)
def test_settles_all_or_none(orders):
    """An atomic batch settles as a whole, or refuses and changes nothing."""
    bank, twin = found(), found()
    before = picture(bank)
    answers = bank.settle_many(orders, 7, Mode.ATOMIC)
    alone = twin.settle_many(orders, 7)
    if all(answer.settled for answer in alone):
        assert answers == alone
        assert picture(bank) == picture(twin)
    else:
        assert [answer.settled for answer in answers].count(True) == 0
        assert picture(bank) == before
        assert bank._books.log.logged_to == 2


def test_says_which_one_was_refused(bank):
    """In an atomic batch one has a reason of its own, the others the link; it can come again."""
    orders = [order("s1", eur("8"), 1), order("s2", eur("3"), 2), order("s3", eur("1"), 3)]
    expected = ["linked", "insufficient-balance", "linked"]
    assert [reason(answer) for answer in bank.settle_many(orders, 1, Mode.ATOMIC)] == expected
    assert reason(bank.inquire("s1")) == "unknown-settlement"
    bank.fund(ANNA, eur("2"), "more")
    answers = bank.settle_many(orders, 2, Mode.ATOMIC)
    assert all(answer.settled for answer in answers)
    assert bank.settle_many(orders, 3, Mode.ATOMIC) == answers
    bank.deposit()
    assert bank.balance(BAKERY) == eur("12")


def test_flushes_once_for_all_batches(bank):
    """Batches of several senders share one flush, whatever each of them wants of a refusal."""
    flushes = bank.servers()[0].flushes
    answers = bank.settle_batches(
        [
            Batch([order("s1", eur("4"), 1), order("s2", eur("9"), 2)], 1, Mode.ATOMIC),
            Batch([order("s3", eur("4"), 3), order("s4", eur("9"), 4)], 2),
            Batch([], 3),
            Batch([order("s5", eur("6"), 5), order("s6", eur("5"), 1, payer=BERT)], 3, Mode.ATOMIC),
        ]
    )
    said = [[reason(each) for each in batch] for batch in answers]
    assert said == [
        ["linked", "insufficient-balance"],
        ["settled", "insufficient-balance"],
        [],
        ["settled", "settled"],
    ]
    assert bank.servers()[0].flushes == flushes + 1
    assert bank.balance(ANNA) == eur("0")


def test_lets_time_pass_within_a_group(bank):
    """What falls due between two batches of a group is formal before the second is decided."""
    restriction = Restriction(cooling_off_s=1)
    first = order("s1", eur("5"), 1, payee=CARL, restriction=restriction)
    second = order("s2", eur("5"), 1, payer=CARL)
    answers = bank.settle_batches([Batch([first], 0), Batch([second], 10**9)])
    assert [[reason(each) for each in batch] for batch in answers] == [["settled"], ["settled"]]
    with pytest.raises(BankError, match="at_ns"):
        bank.settle_batches([Batch([], -1)])


class SlowLog(MemoryLog):
    """A log that waits to be let go, and may fail."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.go.set()
        self.full = False

    def append(self, records):
        assert self.go.wait(10)
        if self.full:
            raise StorageError("the disk is full")
        super().append(records)


def slow() -> tuple[SlowLog, Bank]:
    storage = MemoryStorage()
    storage.log = log = SlowLog()
    return log, found(storage)


def test_takes_whatever_waits():
    """While one group is written the next gathers; all are answered, with two flushes."""
    log, bank = slow()
    flushes = bank.servers()[0].flushes
    log.go.clear()
    with Committer(bank) as committer, ThreadPoolExecutor(1) as pool:
        first = pool.submit(committer.settle, order("s0", eur("0.01"), 0), 1)
        while committer._waiting or not committer._thread.is_alive():
            pass
        requests = [order(f"s{number}", eur("0.01"), number) for number in range(1, 50)]
        futures = [committer.submit(Batch([each], 1)) for each in requests]
        log.go.set()
        assert first.result(10).settled
        assert all(future.result(10)[0].settled for future in futures)
        assert committer.settle_many(requests, 2)[-1].payer_balance == eur("9.50")
    assert bank.servers()[0].flushes in (flushes + 2, flushes + 1)
    assert bank.balance(BAKERY) == eur("0.50")


def test_tells_at_once_what_is_on_the_disk():
    """Where a group is on the disk already, its senders hear of it before the next is decided."""
    log, bank = slow()
    log.go.clear()
    decided = []
    with Committer(bank) as committer:
        for number in (1, 2):
            batch = Batch([order(f"s{number}", eur("1"), number)], 1)
            committer.ask(batch, lambda _: decided.append(bank._books.withdrawn_to))
            while committer._waiting and number == 1:
                pass
        log.go.set()
    assert decided == [3, 4]


def test_tells_everybody_that_it_failed():
    """A group that cannot be written is an error for each of its senders, and may come again."""
    log, bank = slow()
    with Committer(bank) as committer:
        log.full = True
        with pytest.raises(StorageError):
            committer.settle(order("s1", eur("1"), 1), 1)
        log.full = False
        assert committer.settle(order("s1", eur("1"), 1), 1).settled
    with pytest.raises(BankError, match="open committer"):
        committer.settle(order("s2", eur("1"), 2), 1)


def test_lets_so_many_wait_and_no_more():
    """A queue that is full says so at once."""
    log, bank = slow()
    log.go.clear()
    with Committer(bank, waiting_max=3) as committer:
        requests = [order(f"s{number}", eur("1"), number) for number in range(9)]
        futures = [committer.submit(Batch(requests[:1], 1))]
        while committer._waiting:
            pass
        futures += [committer.submit(Batch([each], 1)) for each in requests[1:4]]
        with pytest.raises(BankError, match="ask again later"):
            committer.submit(Batch(requests[4:], 1))
        log.go.set()
    assert all(future.result(10)[0].settled for future in futures)


@given(seed=st.integers(), times_ns=st.lists(st.integers(0, 2**60), min_size=2))
def test_makes_ids_in_the_order_of_time(seed, times_ns):
    """Each id is above the one before, also when the clock goes back, and is an id to the bank."""
    ids = SettlementIds(Random(seed).getrandbits)
    made = [ids.next(at_ns) for at_ns in times_ns]
    assert made == sorted(set(made))
    assert all(is_time_ordered(each) for each in made)
    newest = max(times_ns) // 10**6
    assert made[-1] >= id_of(newest << 80)


@pytest.mark.parametrize("fresh", ["9" * 26, "zzz", "0" * 26, id_of(2**128 - 1), "s1"])
def test_takes_any_text_as_an_id(reopened, fresh):
    """Ids of a clock and other texts are found again, whatever the order in which they came."""
    ids = SettlementIds(Random(1).getrandbits)
    bank = found(reopened())
    requests = [order(ids.next(number * 10**6), eur("0.01"), number) for number in range(20)]
    for request in (*requests[10:], order(fresh, eur("0.01"), 30), *requests[:10]):
        assert bank.settle(request, 1).settled
    bank = Bank(reopened())
    assert all(bank.settle(request, 2).settled for request in requests)
    assert reason(bank.settle(replace(requests[3], amount=eur("1")), 2)) == "approval-altered"
    other = order(requests[3].settlement_id, eur("1"), 3)
    assert reason(bank.settle(other, 2)) == "id-reused"
    assert bank.inquire(fresh).settled
    assert bank.balance(ANNA) == eur("9.79")


def test_knows_balances_of_earlier(bank):
    """The balance as of a time is what the model says for each time."""
    random = Random(4)
    had = [eur("10")]
    bank.mark_particular(KIOSK)
    for at_ns in range(1, rounds(30)):
        paid = eur(f"0.{random.randrange(1, 30):02d}")
        bank.settle(order(f"s{at_ns}", paid, at_ns, payee=random.choice([KIOSK, CARL])), at_ns)
        had.append(bank.balance(ANNA))
        if random.random() < 0.3:
            bank.deposit()
    assert [bank.balance_at(ANNA, at_ns) for at_ns in range(len(had))] == had
    assert bank.balance_at(ANNA, 10**18) == bank.balance(ANNA)
    assert bank.balance_at(KIOSK, 0) == eur("0")


def test_calls_are_done_in_their_turn():
    """What else is asked waits for the group before it, and a failure is its own asker's."""
    log, bank = slow()
    log.go.clear()
    with Committer(bank) as committer:
        first = committer.submit(Batch([order("s1", eur("1"), 1)], 1))
        asked = committer.call(lambda bank: bank.deposit())
        failed = committer.call(lambda bank: bank.deposit(-1))
        second = committer.submit(Batch([order("s2", eur("1"), 2)], 1))
        log.go.set()
        assert asked.result(10) == 1
        assert isinstance(failed.exception(10), BankError)
        assert first.result(10)[0].settled
        assert second.result(10)[0].settled
        assert committer.call(lambda bank: bank.in_transit()).result(10) == eur("1")


def test_a_senders_mistake_is_nobody_elses():
    """In a group with a time that cannot be, its sender gets the error and all others answers."""
    log, bank = slow()
    log.go.clear()
    with Committer(bank) as committer:
        held = committer.submit(Batch([order("s0", eur("0.01"), 0)], 1))
        while committer._waiting:
            pass
        times_ns = (1, -1, 1)
        futures = [
            committer.submit(Batch([order(f"s{number}", eur("1"), number)], at_ns))
            for number, at_ns in enumerate(times_ns, 1)
        ]
        log.go.set()
        assert held.result(10)[0].settled
        assert futures[0].result(10)[0].settled
        assert isinstance(futures[1].exception(10), BankError)
        assert futures[2].result(10)[0].settled
    assert bank.balance(BAKERY) == eur("2.01")
