"""Database servers that are processes of their own: what they promise beyond the contract."""

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest
from rounds import rounds
from town import ANNA, BAKERY, KIOSK, eur, order, picture, reason

from paybench.bank import (
    AccountNumber,
    Bank,
    Batch,
    Money,
    SettlementIds,
    StorageBusyError,
    StorageError,
    StorageVersionError,
)
from paybench.bank.storage.sqlite import SqliteStorage

GROUP = 40
OWN = AccountNumber(0, 7)
FULL = """
    CREATE TRIGGER disk_full BEFORE INSERT ON log_record WHEN new.settlement_id = 's70'
    BEGIN SELECT raise(ABORT, 'as if the disk were full'); END
"""
FAIL_AT_LAST = """
    CREATE TRIGGER disk_full BEFORE UPDATE ON standing
    BEGIN SELECT raise(ABORT, 'as if the disk were full'); END
"""


@pytest.fixture
def folder(founded_on_3, tmp_path):
    """A closed bank of the town's on three servers."""
    shutil.copytree(founded_on_3, tmp_path / "bank")
    return tmp_path / "bank"


def run_sql(path, sql):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql)


def settle(bank, first, to):
    """Settle s<first> to s<to - 1>, one cent each; how many were answered before it failed."""
    for number in range(first, to):
        try:
            assert bank.settle(order(f"s{number}", eur("0.01"), number), number).settled
            if number % 3 == 2:
                bank.deposit()
        except StorageError:
            return number
    return to


def settle_in_groups(bank, first, to):
    """Settle s<first> to s<to - 1> in groups that a log process is woken for; how many were."""
    for start in range(first, to, GROUP):
        orders = [order(f"s{n}", eur("0.01"), n) for n in range(start, start + GROUP)]
        try:
            assert all(answer.settled for answer in bank.settle_many(orders, start))
        except StorageError:
            return start
    return to


def check(bank, answered, to):
    """Every settlement that was answered is there, once; the others may be asked for again."""
    # Each server may have one failure left that nobody has heard of.
    done = [settle(bank, 0, to) for _ in bank._books.followers]
    assert to in done
    assert all(bank.inquire(f"s{number}").settled for number in range(answered))
    bank.deposit()
    assert bank.audit() is None
    assert bank.balance(BAKERY) == Money(to, "EUR")


def test_is_as_a_bank_in_one_process(folder, tmp_path):
    """The same orders leave the same books, whoever writes the files."""
    shutil.copytree(folder, tmp_path / "twin")
    pictures = []
    for path, processes in ((folder, True), (tmp_path / "twin", False)):
        with Bank(SqliteStorage(path, processes=processes), lag_max=50) as bank:
            assert settle(bank, 0, 200) == 200
            bank.mark_particular(BAKERY)
            bank.settle_many([order(f"t{n}", eur("0.01"), 200 + n) for n in range(50)], 1)
            bank.deposit()
            bank.add_server()
            while bank.move_accounts(2):
                pass
            pictures.append(picture(bank))
            assert bank.audit() is None
    assert pictures[0] == pictures[1]


def test_tells_of_a_change_that_could_not_be_written(folder):
    """A server that writes no more is told of by the next calls, and made up for when it does."""
    with Bank(SqliteStorage(folder, processes=True)) as bank:
        assert settle(bank, 0, 10) == 10
        broken = [folder / "accounts.sqlite", *folder.glob("accounts-*.sqlite")]
        for path in broken:
            run_sql(path, FAIL_AT_LAST)
        answered = settle(bank, 10, 100)
        assert answered < 100, "nobody is told that all is well for long"
        with pytest.raises(StorageError, match=r"accounts.*\.sqlite"):
            bank.settle(order("u1", eur("0.01"), 500), 500)
        for path in broken:
            run_sql(path, "DROP TRIGGER disk_full")
        check(bank, answered, 120)


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_ends_with_the_bank_and_not_before(folder, told):
    """A signal to the whole process group, as of Ctrl-C or a service's end, is for the bank."""
    with Bank(SqliteStorage(folder, processes=True), lag_max=50) as bank:
        books = bank._books
        children = [books.log.child, *(follower.server.child for follower in books.followers)]
        for child in children:
            child.process.send_signal(told)
        assert settle(bank, 0, 30) == 30
        assert settle_in_groups(bank, 40, 160) == 160
    assert [child.process.returncode for child in children] == [0] * 4


def test_goes_on_with_another_process_when_one_has_ended(folder):
    """A server's process that ends under way costs an error, and nothing that was answered."""
    with Bank(SqliteStorage(folder, processes=True), lag_max=5) as bank:
        answered = settle(bank, 0, 50)
        for follower in bank._books.followers:
            follower.server.child.process.kill()
            follower.server.child.process.wait()
        failed = settle(bank, answered, 100)
        assert failed < 100
        check(bank, failed, 150)


def test_one_that_is_about_to_end_costs_one_error(folder):
    """A process that was killed just now, and has not quite ended, is not asked a second time."""
    with Bank(SqliteStorage(folder, processes=True)) as bank:
        child = bank._books.followers[bank._books.must_find(ANNA).server].server.child

        def audit_until_it_is_noticed():
            while bank.audit() is None:
                pass

        for _ in range(10):
            child.process.kill()
            with pytest.raises(StorageError):
                audit_until_it_is_noticed()
            assert bank.audit() is None


@pytest.mark.parametrize("begun", [False, True])
def test_goes_on_with_another_log_process_when_one_has_ended(folder, begun):
    """A log's process that ends, also in the middle of a group, costs an error and no answer."""
    with Bank(SqliteStorage(folder, 2, processes=True), lag_max=100) as bank:
        assert settle_in_groups(bank, 0, 80) == 80
        orders = [order(f"s{n}", eur("0.01"), n) for n in range(80, 120)]
        if begun:
            bank.begin_batches([Batch(orders, 1)])
        bank._books.log.child.process.kill()
        bank._books.log.child.process.wait()
        assert settle_in_groups(bank, 120 if begun else 80, 160) == (120 if begun else 80)
        assert bank._books.log.child.has_failed
        assert settle_in_groups(bank, 0, 160) == 160
        assert bank.audit() is None
        bank.deposit()
        assert bank.balance(BAKERY) == Money(160, "EUR")


class Cut(BaseException):
    """As when somebody presses Ctrl-C."""


class CutOnce:
    """A pipe at which somebody is interrupted, once."""

    def __init__(self, pipe):
        self._pipe = pipe
        self._cut = True

    def _pass(self, name, *values):
        if self._cut:
            self._cut = False
            raise Cut
        return getattr(self._pipe, name)(*values)

    def read(self, size):
        return self._pass("read", size)

    def write(self, data):
        return self._pass("write", data)

    def __getattr__(self, name):
        return getattr(self._pipe, name)


@pytest.mark.parametrize("pipe", ["_requests", "_answers"])
@pytest.mark.parametrize("part", ["log", "accounts"])
def test_goes_on_after_it_was_interrupted(folder, part, pipe):
    """Interrupted while a process is told or heard, the bank takes the same orders again."""
    with Bank(SqliteStorage(folder, processes=True), lag_max=30) as bank:
        assert settle_in_groups(bank, 0, 80) == 80
        books = bank._books
        payers = books.followers[books.must_find(ANNA).server]
        child = books.log.child if part == "log" else payers.server.child
        setattr(child, pipe, CutOnce(getattr(child, pipe)))
        with pytest.raises(Cut):
            settle_in_groups(bank, 80, 840)
        # What was interrupted may be told of once more.
        assert 840 in [settle_in_groups(bank, 0, 840) for _ in range(2)]
        bank.deposit()
        assert bank.balance(BAKERY) == Money(840, "EUR")
        assert bank.audit() is None


def test_finds_a_group_that_was_logged_when_it_was_interrupted(folder):
    """Interrupted between the process's answer and its own notice, a log looks how far it goes."""
    with Bank(SqliteStorage(folder, processes=True), lag_max=30) as bank:
        here = bank._books.log._here

        def cut(_):
            raise Cut

        here.note = cut
        with pytest.raises(Cut):
            settle_in_groups(bank, 0, 40)
        del here.note
        assert bank.inquire("s39").settled
        assert settle_in_groups(bank, 0, 120) == 120
        assert bank.audit() is None


def test_says_what_a_group_came_to_whose_answer_was_lost(folder):
    """A settlement whose logging nobody told of is not said to be unknown, whatever its id."""
    ids = SettlementIds(random.Random(1).getrandbits)  # noqa: S311 - no secret
    orders = [order(ids.next(10**9), eur("0.01"), n) for n in range(GROUP)]
    with Bank(SqliteStorage(folder, processes=True), lag_max=30) as bank:
        bank.begin_batches([Batch(orders, 1)])
        log = bank._books.log
        while log._here.file.rows("SELECT max(number) FROM log_record") != [(2 + GROUP,)]:
            pass
        log.child._answers = CutOnce(log.child._answers)
        with pytest.raises(Cut):
            bank.end_batches()
        assert all(bank.inquire(each.settlement_id).settled for each in orders)
        assert bank.audit() is None


ASKED = {
    "fund": lambda bank: bank.fund(ANNA, eur("1"), "raise", 1),
    "pay_out": lambda bank: bank.pay_out(OWN, ANNA, eur("1"), "prize", 1),
    "close_account": lambda bank: bank.close_account(ANNA),
    "mark_particular": lambda bank: bank.mark_particular(ANNA),
    "is_particular": lambda bank: bank.is_particular(ANNA),
    "server_of": lambda bank: bank.server_of(ANNA),
    "route": lambda bank: bank.route(ANNA, BAKERY),
}


@pytest.mark.parametrize("asked", ASKED)
def test_goes_on_whatever_is_asked_when_one_has_ended(folder, asked):
    """Processes that ended cost an error each, and not one for good, whatever is asked next."""
    with Bank(SqliteStorage(folder, processes=True), lag_max=5) as bank:
        bank.open_account(OWN, "Prizes")
        bank.fund(OWN, eur("5"), "prizes", 1)
        for follower in bank._books.followers:
            follower.server.child.process.kill()
            follower.server.child.process.wait()
        bank._books._read.clear()
        for _ in bank._books.followers:
            with suppress(StorageError):
                ASKED[asked](bank)
        ASKED[asked](bank)
        assert bank.audit() is None


def test_decides_nothing_upon_a_group_that_could_not_be_logged(folder):
    """A group that the log's process cannot write is not there, and neither is the next one."""
    with Bank(SqliteStorage(folder, processes=True), lag_max=100) as bank:
        before = bank.balance(BAKERY)
        run_sql(folder / "log.sqlite", FULL)
        assert settle_in_groups(bank, 0, 80) == 40
        with pytest.raises(StorageError, match=r"log\.sqlite.*as if the disk were full"):
            bank.settle_many([order("s70", eur("0.01"), 70)], 1)
        run_sql(folder / "log.sqlite", "DROP TRIGGER disk_full")
        assert not bank.inquire("s41").settled
        assert settle_in_groups(bank, 0, 120) == 120
        bank.deposit()
        assert bank.balance(BAKERY) - before == Money(120, "EUR")
        assert bank.audit() is None


def test_reads_nothing_old_after_a_server_fell_back(folder):
    """What a reader is told after a lost process is what the log says, or an error."""
    with Bank(SqliteStorage(folder, processes=True), lag_max=1000) as bank:
        assert bank.settle(order("s1", eur("8"), 1), 1).settled
        for follower in bank._books.followers:
            follower.server.child.process.kill()
            follower.server.child.process.wait()
        bank._books._read.clear()
        seen = []
        for number in (2, 3):
            try:
                seen.append(reason(bank.settle(order(f"s{number}", eur("8"), number), 2)))
            except StorageError:
                seen.append("failed")
        assert seen[-1] == "insufficient-balance"
        assert "failed" in seen
        assert bank.balance(KIOSK) == eur("0")


def test_keeps_the_folder_locked_until_it_has_ended(folder):
    """Nobody opens a folder while a process of the one before may still write to it."""
    storage = SqliteStorage(folder, processes=True)
    storage._lock.close()  # as when the bank was killed and its servers are still at work
    with pytest.raises(StorageBusyError):
        SqliteStorage(folder)
    storage.close()
    SqliteStorage(folder).close()


def test_refuses_a_file_as_the_server_itself_does(folder):
    """What is wrong with a file is said in the bank's process, as the error that it is."""
    run_sql(folder / "accounts-2.sqlite", "PRAGMA user_version = 99")
    with pytest.raises(StorageVersionError, match=r"accounts-2\.sqlite .*seen version 99"):
        SqliteStorage(folder, processes=True)
    with pytest.raises(StorageVersionError):  # and not that the folder is busy
        SqliteStorage(folder)


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from town import eur, order
from paybench.bank import Bank, Batch
from paybench.bank.storage.sqlite import SqliteStorage
bank = Bank(SqliteStorage(Path(sys.argv[1]), processes=True), lag_max=20)
size = int(sys.argv[3])
answered = ""
for first in range(0, 5000, size):
    ids = [f"s{number}" for number in range(first, first + size)]
    orders = [order(name, eur("0.01"), first + n) for n, name in enumerate(ids)]
    assert all(each.settled for each in bank.begin_batches([Batch(orders, first)])[0])
    if size == 1:
        bank.end_batches()
        answered, ids = ids[0] + chr(10), []
    print(answered, end="", flush=True)
    answered = "".join(name + chr(10) for name in ids)
    if first % 7 == 0:
        bank.deposit()
"""


@pytest.mark.parametrize("size", [1, GROUP])
@pytest.mark.parametrize("seed", range(rounds(3)))
def test_loses_nothing_when_the_bank_is_killed(folder, seed, size):
    """Killed with groups and changes on their way, the bank opens with all it answered."""
    answers = random.Random(seed).randrange(1, 400)  # noqa: S311 - moments, not secrets
    tests = str(Path(__file__).parent)
    command = [sys.executable, "-c", KILLED, str(folder), tests, str(size)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        seen = [process.stdout.readline() for _ in range(answers)]
        process.kill()
        seen += process.stdout.read().split()
    while True:
        try:
            storage = SqliteStorage(folder)
            break
        except StorageBusyError:  # the servers are about to end
            continue
    with Bank(storage) as bank:
        assert all(bank.inquire(f"s{number}").settled for number in range(len(seen)))
        assert not bank.inquire(f"s{len(seen) + 2 * size}").settled
        logged = sum(bank.inquire(f"s{number}").settled for number in range(len(seen) + 2 * size))
        assert size == 1 or logged % size == 0, "a group is there whole or not at all"
        assert bank.audit() is None
