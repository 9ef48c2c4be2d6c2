"""What only the durable storage promises: its folder, its versions, its files."""

import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace
from town import KIOSK, cancellation, eur, found, order, picture, reason

from paybench.bank import (
    AccountNumber,
    Bank,
    Kind,
    Restriction,
    StorageBrokenError,
    StorageBusyError,
    StorageError,
    StorageVersionError,
)
from paybench.bank.storage.sqlite import SqliteStorage


@pytest.fixture
def folder(founded, tmp_path):
    """A closed bank of the town's, to break."""
    shutil.copytree(founded, tmp_path / "bank")
    return tmp_path / "bank"


FAIL_AT_LAST = """
    CREATE TEMP TRIGGER disk_full BEFORE UPDATE ON standing
    BEGIN SELECT raise(ABORT, 'as if the disk were full'); END
"""
"""Moving the watermarks is the last statement of a transaction: all else is written by then."""


def run_sql(path, sql):
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(sql).fetchall()


def test_makes_its_folder(tmp_path):
    """A folder that does not exist is made, parents too, and read by its owner alone."""
    folder = tmp_path / "a" / "b"
    SqliteStorage(folder).close()
    assert {"log.sqlite", "accounts.sqlite"} <= {path.name for path in folder.iterdir()}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_locks_its_folder(folder):
    """A folder is open once; who comes second is told which one, and may come when it is closed."""
    with Bank(SqliteStorage(folder)) as bank:
        with pytest.raises(StorageBusyError, match=str(folder)):
            SqliteStorage(folder)
        assert bank.settle(order("s1", eur("1"), 1), 1).settled
    SqliteStorage(folder).close()


@pytest.mark.parametrize("name", ["log.sqlite", "accounts.sqlite"])
def test_refuses_another_schema_version(folder, name):
    """Files of another version are named with both versions, left as they are, and not locked."""
    run_sql(folder / name, "PRAGMA user_version = 99")
    before = (folder / name).read_bytes()
    for _ in range(2):
        with pytest.raises(StorageVersionError, match=rf"{name} at .*seen version 99: open it"):
            SqliteStorage(folder)
    assert (folder / name).read_bytes() == before


def test_refuses_somebody_elses_database(folder):
    """An SQLite file with other tables in it is not written to."""
    path = folder / "log.sqlite"
    path.unlink()
    run_sql(path, "CREATE TABLE recipes (cake TEXT)")
    with pytest.raises(StorageVersionError, match="seen version 0"):
        SqliteStorage(folder)


def test_refuses_a_file_that_is_no_database(folder):
    """Anything else in the file's place is an error of ours that names the file."""
    (folder / "accounts.sqlite").write_bytes(b"not a database, " * 100)
    with pytest.raises(StorageError, match=r"accounts\.sqlite, seen NotADBError"):
        SqliteStorage(folder)


def test_refuses_a_file_in_the_folders_place(tmp_path):
    """A path that cannot be a folder is an error of ours."""
    (tmp_path / "bank").write_text("")
    with pytest.raises(StorageError, match="choose another folder"):
        SqliteStorage(tmp_path / "bank")


def test_finishes_a_folder_that_was_cut_off_while_made(folder):
    """A file that was opened and never filled is filled."""
    for name in ("log.sqlite", "accounts.sqlite"):
        (folder / name).unlink()
        (folder / name).touch()
    with Bank(SqliteStorage(folder)) as bank:
        assert bank.total() == eur("0")


def test_says_that_it_is_closed(folder):
    """A bank on a closed storage raises an error of ours, and settles nothing."""
    bank = Bank(SqliteStorage(folder))
    bank.close()
    bank.close()
    with pytest.raises(StorageError, match="check that the bank is open"):
        bank.settle(order("s1", eur("1"), 1), 1)
    with Bank(SqliteStorage(folder)) as bank:
        assert reason(bank.inquire("s1")) == "unknown-settlement"


def test_refuses_a_log_that_lost_records(folder):
    """Accounts ahead of their log are two banks' files, not settled on, and let go at once."""
    (folder / "log.sqlite").unlink()
    for _ in range(2):
        with pytest.raises(StorageBrokenError, match=r"follow the log.*restore all"):
            Bank(SqliteStorage(folder))


@pytest.mark.parametrize(
    "damage",
    [
        "kind = 'given'",
        "currency = 'EUX'",
        "payee = 99999999999999",
        "restriction = '{'",
        "reason = 'none'",
        "held = 'nowhere'",
    ],
)
def test_names_a_record_that_is_none(folder, damage):
    """What nobody can have written into the log is damage, and said to be in that record."""
    with closing(sqlite3.connect(folder / "log.sqlite")) as connection:
        connection.executescript(
            f"DROP TRIGGER log_record_stays; UPDATE log_record SET {damage} WHERE number = 1"  # noqa: S608
        )
    with pytest.raises(StorageBrokenError, match="log record 1 as it was written"):
        Bank(SqliteStorage(folder))


def test_names_accounts_that_do_not_say_how_they_stand(folder):
    """Accounts without their watermarks are damage."""
    with closing(sqlite3.connect(folder / "accounts.sqlite")) as connection:
        connection.executescript("DELETE FROM standing")
    for processes in (False, True):
        with pytest.raises(StorageBrokenError, match="how far it follows the log"):
            Bank(SqliteStorage(folder, processes=processes))


def test_refuses_accounts_that_lost_an_account(folder):
    """A log that names an account nobody opened is not redone halfway."""
    sql = "DELETE FROM data_file WHERE place = 10000001; UPDATE standing SET withdrawn_to = 0, "
    with closing(sqlite3.connect(folder / "accounts.sqlite")) as connection:
        connection.executescript(sql + "deposited_to = 0")
    with pytest.raises(StorageBrokenError, match="log record 1 names both"):
        Bank(SqliteStorage(folder))


@pytest.mark.parametrize("name", ["accounts.sqlite", "accounts-2.sqlite", "accounts-3.sqlite"])
def test_refuses_to_open_without_a_server(founded_on_3, tmp_path, name):
    """A lost server is named, no other is asked for its accounts, and it may come back."""
    folder = tmp_path / "three"
    shutil.copytree(founded_on_3, folder)
    (folder / name).rename(tmp_path / "lost")
    for _ in range(2):
        with pytest.raises(StorageBrokenError, match=f"expected 3 .*no file {name}: restore it"):
            SqliteStorage(folder)
    (tmp_path / "lost").rename(folder / name)
    with Bank(SqliteStorage(folder)) as bank:
        assert bank.audit() is None


def test_keeps_what_was_acknowledged_when_the_tail_is_torn(folder, tmp_path):
    """A log whose last write was cut off anywhere, or garbled, has all that was answered."""
    wal = folder / "log.sqlite-wal"
    with Bank(SqliteStorage(folder)) as bank:
        for number in range(5):
            assert bank.settle(order(f"s{number}", eur("0.01"), number), 1).settled
        answered = wal.stat().st_size
        shutil.copytree(folder, tmp_path / "cut")
        bank.settle_many([order(f"t{number}", eur("0.01"), 9 + number) for number in range(40)], 2)
        written = wal.read_bytes()
    assert len(written) > answered
    rest = len(written) - answered
    tails = [written[answered : answered + cut] for cut in (0, 1, 24, 100, rest // 2, rest - 1)]
    tails += [b"\x00" * rest, written[answered:-900] + b"\xff" * 900]
    for number, tail in enumerate(tails):
        torn = tmp_path / f"torn{number}"
        shutil.copytree(tmp_path / "cut", torn)
        (torn / "log.sqlite-wal").write_bytes(written[:answered] + tail)
        with Bank(SqliteStorage(torn)) as bank:
            assert all(bank.inquire(f"s{each}").settled for each in range(5))
            assert {bank.inquire(f"t{each}").settled for each in range(40)} == {False}
            assert bank.audit() is None
            assert bank.settle(order("s9", eur("0.01"), 99), 3).settled


FILLS = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from town import eur, order
from paybench.bank import Bank, StorageError
from paybench.bank.storage.sqlite import SqliteStorage
bank = Bank(SqliteStorage(Path(sys.argv[1])))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    for number in range(900):
        assert bank.settle(order(f"s{number}", eur("0.01"), number), number).settled
        print(number)
        if number % 7 == 0:
            bank.deposit()
except StorageError as error:
    print(str(error).splitlines()[0], file=sys.stderr)
    sys.exit(3)
"""


@pytest.mark.parametrize("room", [50_000, 140_000, 200_000])
def test_says_that_the_disk_is_full(folder, room):
    """When nothing more can be written, that is said, and nothing that was answered is lost."""
    command = [sys.executable, "-c", FILLS, str(folder), str(Path(__file__).parent), str(room)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 3, run.stderr
    assert "check that the bank is open and the disk has room" in run.stderr
    answered = len(run.stdout.split())
    with Bank(SqliteStorage(folder)) as bank:
        assert bank.audit() is None
        known = [bank.inquire(f"s{number}").settled for number in range(answered + 2)]
        assert all(known[:answered])
        assert not known[-1]
        assert bank.settle(order(f"s{answered}", eur("0.01"), answered), 1000).settled


def test_refuses_balances_that_were_changed(folder):
    """Money written into a file from outside is found when it is opened."""
    run_sql(folder / "accounts.sqlite", "UPDATE data_file SET balance_minor = 5 WHERE place = 0")
    with pytest.raises(StorageBrokenError, match="sum to zero"):
        Bank(SqliteStorage(folder))


@pytest.mark.parametrize(
    "sql", ["UPDATE log_record SET amount_minor = 1", "DELETE FROM log_record WHERE number = 1"]
)
def test_never_changes_its_log(folder, sql):
    """The log only grows, even for somebody with an SQL prompt."""
    with pytest.raises(sqlite3.IntegrityError, match="never"):
        run_sql(folder / "log.sqlite", sql)


def test_writes_nothing_on_a_failed_append(folder):
    """A log that cannot be written settles nothing, says so, and goes on when it can."""
    storage = SqliteStorage(folder)
    with Bank(storage) as bank:
        before = picture(bank)
        storage.log.file.rows("PRAGMA query_only = ON")
        with pytest.raises(StorageError, match=r"log\.sqlite"):
            bank.settle(order("s1", eur("1"), 1), 1)
        storage.log.file.rows("PRAGMA query_only = OFF")
        assert picture(bank) == before
        assert bank.settle(order("s1", eur("1"), 1), 1).settled


def test_makes_up_for_a_failed_withdrawal(folder):
    """When the accounts cannot be written, the logged settlement is withdrawn the next time."""
    storage = SqliteStorage(folder)
    with Bank(storage) as bank:
        storage.servers[0].file.rows(FAIL_AT_LAST)
        with pytest.raises(StorageError, match=r"accounts\.sqlite"):
            bank.settle(order("s1", eur("8"), 1), 1)
        storage.servers[0].file.rows("DROP TRIGGER disk_full")
        assert reason(bank.settle(order("s2", eur("8"), 2), 2)) == "insufficient-balance"
        assert bank.settle(order("s1", eur("8"), 1), 3).payer_balance == eur("2")
        assert (bank.in_transit(), bank.total()) == (eur("8"), eur("0"))


def test_makes_up_for_a_failed_deposit(folder):
    """A batch that cannot be written is not half deposited, and is deposited the next time."""
    storage = SqliteStorage(folder)
    with Bank(storage) as bank:
        bank.settle(order("s1", eur("1"), 1), 1)
        bank.settle(order("s2", eur("2"), 2, payee=KIOSK), 2)
        before = picture(bank)
        storage.servers[0].file.rows(FAIL_AT_LAST)
        with pytest.raises(StorageError, match=r"accounts\.sqlite"):
            bank.deposit()
        storage.servers[0].file.rows("DROP TRIGGER disk_full")
        assert picture(bank) == before
        assert (bank.deposit(), bank.total()) == (2, eur("0"))


def test_walks_a_log_of_many_pages(folder):
    """A log longer than one page is read to its end, in order, and deposited whole."""
    twin = found()
    for counter in range(1001):
        twin.settle(order(f"s{counter}", eur("0.01"), counter), counter)
    storage = SqliteStorage(folder)
    with Bank(storage) as bank:
        storage.log.file.rows("PRAGMA synchronous = OFF")  # 1,001 waits for the disk prove nothing
        for record in twin._books.log.records(storage.log.logged_to):
            storage.log.append([record])
        assert bank.recover() == 1001
        assert bank.deposit() == twin.deposit() == 1000
        assert picture(bank) == picture(twin)


def test_writes_no_second_end_of_a_settlement(folder):
    """A provisory settlement that was cancelled cannot be logged as formal, even by a bug."""
    storage = SqliteStorage(folder)
    with Bank(storage) as bank:
        restriction = Restriction(cooling_off_s=100)
        bank.settle(order("s1", eur("1"), 1, payee=KIOSK, restriction=restriction), 1)
        begun = storage.log.record("s1")
        assert storage.log.due(9) == [begun]
        bank.cancel(cancellation("s1"), 2)
        assert storage.log.due(9) == []
        number = storage.log.logged_to + 1
        formal = begun.successor(number, Kind.FORMAL, 3, payer_balance_minor=0)
        for second in (formal, replace(begun, number=number)):
            with pytest.raises(StorageError, match="UNIQUE"):
                storage.log.append([second])
        assert (storage.log.logged_to, storage.log.record("s1").kind) == (
            number - 1,
            Kind.CANCELLED,
        )


def test_leaves_no_server_of_an_unfinished_folder_out(tmp_path):
    """A folder whose making was cut off, made again with fewer servers, keeps every account."""
    SqliteStorage(tmp_path / "whole", servers=4).close()
    cut_off = tmp_path / "cut off"
    cut_off.mkdir()
    for name in ("accounts-3.sqlite", "accounts-4.sqlite"):  # the first one is made last
        shutil.copy(tmp_path / "whole" / name, cut_off)
    numbers = [AccountNumber(1, number) for number in range(40)]
    with Bank(SqliteStorage(cut_off, servers=1)) as bank:
        for number in numbers:
            bank.open_account(number, "Holder")
        bank.add_server()
        while bank.move_accounts():
            pass
    with Bank(SqliteStorage(cut_off)) as bank:
        assert [bank.holder(number) for number in numbers] == ["Holder"] * 40
        assert len(bank.servers()) == 1 + 5
        assert bank.audit() is None
