"""Batches that are decided while those before them are logged: nothing holds before its time."""

# ruff: noqa: S311 - what is drawn here is nobody's secret

import threading
from random import Random

import hypothesis.strategies as st
import pytest
from hypothesis import given
from msgspec.structs import replace
from rounds import rounds
from town import ANNA, BAKERY, BERT, CARL, KIOSK, eur, found, order, picture, reason

from paybench.bank import Bank, Batch, MemoryStorage, Mode, Restriction, StorageError
from paybench.bank.committer import Committer
from paybench.bank.storage.memory import MemoryLog, MemoryServer

PAYERS, PAYEES = [ANNA, BERT, CARL], [BERT, CARL, KIOSK, BAKERY]
HOUR_NS = 3600 * 10**9


class LateLog(MemoryLog):
    """A log that has what was begun when it is ended, and not before; or fails."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = ()
        self.failing = ""

    def append(self, records):
        self.begin(records)
        self.end()

    def begin(self, records):
        assert not self.begun, "one at a time"
        if self.failing == "begin":
            raise StorageError("the log cannot be reached")
        self.begun = records
        return True

    def end(self):
        begun, self.begun = self.begun, ()
        if self.failing != "lost":
            super().append(begun)
        if self.failing:
            raise StorageError("the log does not answer")


class WatchedServer(MemoryServer):
    """A database server that is never told what is not in the log, and may be gone."""

    log: LateLog
    gone = False

    def data_file(self, number):
        if self.gone:
            raise StorageError("the server is gone")
        return super().data_file(number)

    def write(self, change):
        assert change.standing.withdrawn_to <= self.log.logged_to
        super().write(change)


def late(servers: int = 1) -> tuple[LateLog, MemoryStorage]:
    storage = MemoryStorage(servers)
    storage.log = log = LateLog()
    storage.servers = [WatchedServer() for _ in range(servers)]
    for server in storage.servers:
        server.log = log
    return log, storage


def batches(random: Random, count: int) -> list[Batch]:
    """Batches of customers with too little money, with ids that come again."""
    made = []
    for at in range(count):
        orders = [
            order(
                f"s{random.randrange(4 * count)}",
                eur(f"{random.randrange(1, 400) / 100:.2f}"),
                random.randrange(99),
                payer=random.choice(PAYERS),
                payee=random.choice(PAYEES),
                restriction=Restriction(cooling_off_s=3600) if random.random() < 0.05 else None,
            )
            for _ in range(random.choice([0, 1, 3, 50]))
        ]
        orders = [each for each in orders if each.payer != each.payee]
        mode = random.choice([Mode.CONTINUE, Mode.CONTINUE, Mode.ATOMIC])
        made.append(Batch(orders, at * HOUR_NS // 4, mode))
    return made


def go_through(bank: Bank, twin: Bank, seed: int, count: int) -> None:
    """Batches begun one upon the other, and deposits: the same as on a twin that waits."""
    random = Random(seed)
    for batch in batches(random, count):
        assert bank.begin_batches([batch]) == twin.settle_batches([batch])
        if random.random() < 0.2:
            bank.end_batches()
        if random.random() < 0.2:
            limit = random.choice([None, 3])
            assert bank.deposit(limit) == twin.deposit(limit)
    bank.end_batches()
    assert picture(bank) == picture(twin)
    assert bank.audit() is None


@given(seed=st.integers(0, 2**32), lag_max=st.sampled_from([0, 3, 1000]))
def test_decides_as_a_bank_that_waits(seed, lag_max):
    """The answers are those of a bank that waits each time, however late the log says so."""
    _, storage = late(3)
    found(storage).close()
    go_through(Bank(storage, lag_max=lag_max), found(), seed, 12)


def test_keeps_what_it_began_on_every_storage(reopened):
    """On every storage, what was begun and ended is there after closing and opening again."""
    bank, twin = found(reopened()), found()
    bank.close()
    bank = Bank(reopened(), lag_max=100)
    go_through(bank, twin, 7, rounds(30))
    bank.close()
    bank = Bank(reopened())
    assert picture(bank) == picture(twin)
    bank.close()


def test_answers_what_is_being_logged():
    """What comes again while it is being logged gets its answer; with another amount it is not."""
    log, storage = late()
    bank = found(storage)
    first = order("s1", eur("4"), 1)
    ((settled,),) = bank.begin_batches([Batch([first], 1)])
    again = [first, order("s1", eur("5"), 2), replace(first, settlement_id="s2")]
    (answers,) = bank.begin_batches([Batch(again, 2)])
    assert [reason(each) for each in answers] == ["settled", "id-reused", "approval-altered"]
    assert answers[0] == settled
    assert log.logged_to == 3, "the second batch had to wait for the first"


def test_tells_nobody_before_it_is_logged():
    """Whoever asks how a begun settlement stands is answered when it is in the log."""
    log, storage = late()
    bank = found(storage)
    bank.begin_batches([Batch([order("s1", eur("4"), 1)], 1)])
    assert (log.logged_to, len(log.begun)) == (2, 1)
    assert bank.inquire("s1").settled
    assert (log.logged_to, len(log.begun)) == (3, 0)
    bank.begin_batches([Batch([order("s2", eur("4"), 2)], 1)])
    assert bank.parties("s2") == (ANNA, BAKERY)
    assert log.logged_to == 4
    bank.begin_batches([Batch([order("s3", eur("1"), 3)], 1)])
    bank.close()
    assert Bank(storage).inquire("s3").settled


@pytest.mark.parametrize("failing", ["begin", "lost", "unsaid"])
def test_forgets_what_may_not_be_logged(failing):
    """When the log fails, the bank is as the log says, with both batches or with none of it."""
    log, storage = late(2)
    bank = found(storage)
    assert bank.settle(order("s0", eur("1"), 0), 1).settled
    bank.begin_batches([Batch([order("s1", eur("4"), 1)], 1)])
    log.failing = failing
    with pytest.raises(StorageError):
        bank.settle_batches([Batch([order("s2", eur("4"), 2)], 1)])
    with pytest.raises(StorageError):
        bank.settle(order("s3", eur("0.50"), 3), 1)
    log.failing = ""
    there = {"begin": [1], "lost": [], "unsaid": [1, 3]}[failing]
    assert [number for number in (1, 2, 3) if bank.inquire(f"s{number}").settled] == there
    assert bank.audit() is None
    answers = [bank.settle(order(f"s{number}", eur("4"), number), 1) for number in (1, 2)]
    assert all(answer.settled for answer in answers)
    assert bank.balance(ANNA) == eur("0.50" if 3 in there else "1")
    assert picture(Bank(storage)) == picture(bank)
    assert bank.audit() is None


def test_lands_what_was_begun_when_a_server_fails():
    """A database server that fails while a group is logged takes nothing of that group with it."""
    log, storage = late()
    bank = found(storage)
    bank.begin_batches([Batch([order("s1", eur("4"), 1)], 1)])
    bank._books._read.clear()
    storage.servers[0].gone = True
    with pytest.raises(StorageError):
        bank.begin_batches([Batch([order("s2", eur("4"), 2)], 1)])
    storage.servers[0].gone = False
    answers = bank.settle_many([order(f"s{number}", eur("4"), number) for number in (1, 2)], 1)
    assert all(answer.settled for answer in answers)
    assert (log.logged_to, log.begun) == (4, ())
    assert bank.balance(ANNA) == eur("2")
    assert bank.audit() is None


class Cut(BaseException):
    """As when somebody presses Ctrl-C."""


def test_leaves_nothing_of_a_batch_that_broke_off(reopened):
    """A batch that breaks in the middle, or is interrupted when it is logged, has not been."""
    bank = found(reopened())
    before = picture(bank)
    broken = order("s2", eur("1"), 2)
    broken = replace(broken, amount=None)  # no encoding gives this, and a mistake may
    with pytest.raises(AttributeError):
        bank.settle_many([order("s1", eur("1"), 1), broken], 1)
    assert picture(bank) == before
    log = bank._books.log

    def cut(_):
        raise Cut

    log.begin = cut
    with pytest.raises(Cut):
        bank.settle_many([order("s1", eur("1"), 1)], 1)
    del log.begin
    assert picture(bank) == before
    assert bank.settle(order("s1", eur("1"), 1), 1).settled
    assert bank.audit() is None
    bank.close()


def test_finds_what_was_logged_when_it_was_interrupted(reopened):
    """Interrupted when the log has a settlement and has not said so, the bank has it as well."""
    bank = found(reopened())
    log = bank._books.log

    def cut(records):
        type(log).begin(log, records)
        raise Cut

    log.begin = cut
    with pytest.raises(Cut):
        bank.settle(order("s1", eur("1"), 1), 1)
    del log.begin
    assert bank.inquire("s1").settled
    answers = bank.settle_many([order(f"s{number}", eur("1"), number) for number in (1, 2)], 2)
    assert all(answer.settled for answer in answers)
    assert bank.balance(ANNA) == eur("8")
    assert bank.audit() is None
    bank.close()


def test_writes_nothing_that_is_not_logged_when_it_is_closed():
    """A bank that is closed after its log failed leaves the servers as the log says."""
    log, storage = late()
    found(storage).close()
    bank = Bank(storage, lag_max=1000)
    assert bank.settle(order("s1", eur("1"), 1), 1).settled
    log.failing = "lost"
    with pytest.raises(StorageError):
        bank.settle(order("s2", eur("1"), 2), 1)
    bank.close()
    log.failing = ""
    assert storage.servers[0].standing.withdrawn_to <= log.logged_to == 3
    assert Bank(storage).balance(ANNA) == eur("9")


def test_lets_the_servers_lag_no_further():
    """However many batches are begun, the servers lag by no more than was said and one batch."""
    log, storage = late()
    found(storage).close()
    bank = Bank(storage, lag_max=3)
    bank._books._lag_max = 3  # in memory it is a thousand
    for number in range(20):
        bank.begin_batches([Batch([order(f"s{number}", eur("0.01"), number)], 1)])
        assert log.logged_to - storage.servers[0].standing.withdrawn_to <= 4


class SlowLog(LateLog):
    """A log that takes its time to begin, and sees how far the bank is when it ends."""

    bank: Bank | None = None

    def __init__(self) -> None:
        super().__init__()
        self.began = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()
        self.seen = []

    def begin(self, records):
        super().begin(records)
        self.began.set()
        assert self.go_on.wait(10)
        return True

    def end(self):
        if self.bank:
            self.seen.append(self.bank._books.withdrawn_to)
        super().end()


def slow() -> tuple[SlowLog, Bank]:
    storage = MemoryStorage()
    storage.log = log = SlowLog()
    found(storage).close()
    log.bank = bank = Bank(storage)
    log.began.clear()
    log.go_on.clear()
    return log, bank


def test_decides_the_next_group_meanwhile():
    """The committer decides a group while the last one is logged, and tells of each in its turn."""
    log, bank = slow()
    told = []
    with Committer(bank) as committer:
        for number in (1, 2):
            batch = Batch([order(f"s{number}", eur("1"), number)], 1)
            committer.ask(batch, lambda answer, number=number: told.append((number, answer)))
            assert log.began.wait(10)
        assert told == []
        log.go_on.set()
    assert log.seen == [4, 4], "the second one was decided when the first was logged"
    assert [number for number, _ in told] == [1, 2]
    assert all(answer[0].settled for _, answer in told)


@pytest.mark.parametrize("failing", ["lost", "unsaid"])
def test_tells_both_groups_that_the_log_failed(failing):
    """Senders of a group that is logged and of one that is decided upon it hear of the failure."""
    log, bank = slow()
    with Committer(bank) as committer:
        futures = [committer.submit(Batch([order("s1", eur("1"), 1)], 1))]
        assert log.began.wait(10)
        log.failing = failing
        futures.append(committer.submit(Batch([order("s2", eur("1"), 2)], 1)))
        log.go_on.set()
        assert all(isinstance(future.exception(10), StorageError) for future in futures)
        log.failing = ""
        again = [committer.settle(order(f"s{number}", eur("1"), number), 1) for number in (1, 2)]
        assert all(answer.settled for answer in again)
    assert bank.balance(ANNA) == eur("8")
    assert bank.audit() is None
