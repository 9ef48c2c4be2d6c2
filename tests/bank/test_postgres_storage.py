"""What only the PostgreSQL storage promises: its lock, its tables, its servers, its errors."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest
from postgres_servers import Servers
from town import ANNA, NOBODY, eur, found, order, picture

from paybench.bank import (
    Bank,
    StorageBrokenError,
    StorageBusyError,
    StorageError,
    StorageVersionError,
)
from paybench.bank.storage.bank_file import BankFile, read_bank_file, write_bank_file
from paybench.bank.storage.postgres import PostgresStorage
from paybench.bank.storage.postgres_program import runner, wheel_folder


@pytest.fixture
def urls(postgres):
    """The servers of a bank that is founded on them, and closed."""
    urls = postgres.fresh()
    found(postgres.storage(urls)).close()
    return urls


def sql(url, statement):
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(statement)


def cut(connection):
    """Have the server end a connection of ours, as when the line is cut."""
    pid = connection._connection.info.backend_pid
    sql(connection._url.reveal(), f"SELECT pg_terminate_backend({pid}, 5000)")


def test_is_open_once(postgres, urls):
    """Who comes second is told, and may come when the first one has closed."""
    with Bank(postgres.storage(urls)) as bank:
        with pytest.raises(StorageBusyError, match="another bank that has it open"):
            postgres.storage(urls)
        assert bank.settle(order("s1", eur("1"), 1), 1).settled
    postgres.storage(urls).close()


def test_takes_its_lock_anew_and_goes_on(postgres, urls):
    """A connection that is cut costs an error at the most, and what was answered stands once."""
    with Bank(postgres.storage(urls)) as bank:
        for number, part in enumerate([bank._books.log, *bank._books._storage.servers]):
            assert bank.settle(order(f"s{number}", eur("1"), number), number).settled
            cut(part.connection)
            for _ in range(2):
                try:
                    outcome = bank.settle(order(f"s{number}", eur("1"), number), number)
                    bank.deposit()
                except StorageError:
                    continue
            assert outcome.settled
        assert bank.audit() is None
        assert len([line for line in bank.statement(order("x", eur("1"), 0).payer)
                    if line.amount_minor < 0]) == 4  # fmt: skip


ASKED = {
    "accounts": lambda bank: bank.accounts(),
    "balance": lambda bank: bank.balance(ANNA),
    "statement": lambda bank: bank.statement(ANNA),
    "total": lambda bank: bank.total(),
    "servers": lambda bank: [(each.name, each.accounts, each.lag) for each in bank.servers()],
    "audit": lambda bank: bank.audit(),
    "open_account": lambda bank: bank.open_account(NOBODY, "Nobody"),
}


def patiently(ask, bank):
    """Ask until there is an answer: each of the five servers may fail once."""
    for _ in range(5):
        try:
            return ask(bank)
        except StorageError:
            continue
    return "failed"


@pytest.mark.parametrize("asked", ASKED)
def test_reads_again_when_nobody_settles(postgres, urls, asked):
    """Whatever is asked first after all lines were cut: one error at most for each server."""
    with Bank(postgres.storage(urls)) as bank:
        assert bank.settle(order("s1", eur("1"), 1), 1).settled
        expected = None if asked == "open_account" else ASKED[asked](bank)
        for part in (bank._books.log, *bank._books._storage.servers):
            cut(part.connection)
        bank._books._read.clear()
        assert patiently(ASKED[asked], bank) == expected
        assert patiently(ASKED["audit"], bank) is None


def test_writes_nothing_when_another_bank_came_in_between(postgres, urls):
    """A bank that lost its lock to another one is refused for good; the other one goes on."""
    late = Bank(postgres.storage(urls))
    assert late.settle(order("s1", eur("1"), 1), 1).settled
    for part in (late._books.log, *late._books._storage.servers):
        cut(part.connection)
    with Bank(postgres.storage(urls)) as bank:
        assert bank.settle(order("s2", eur("1"), 2), 2).settled
    for _ in range(3):
        with pytest.raises(StorageError):
            late.settle(order("s3", eur("1"), 3), 3)
    with pytest.raises(StorageError, match="another bank has opened it meanwhile"):
        late.settle(order("s3", eur("1"), 3), 3)
    late._books.close()
    with Bank(postgres.storage(urls)) as bank:
        assert [bank.inquire(f"s{each}").settled for each in (1, 2, 3)] == [True, True, False]
        assert bank.audit() is None


def test_refuses_somebody_elses_tables(postgres):
    """A schema with other tables is named and left as it is."""
    urls = postgres.fresh()
    sql(urls[2], "CREATE TABLE recipes (cake text)")
    with pytest.raises(StorageVersionError, match="somebody else's table 'recipes'"):
        postgres.storage(urls)
    assert sql(urls[2], "SELECT count(*) FROM recipes").fetchone() == (0,)


def test_refuses_another_version(postgres, urls):
    """Tables of another version are named with both versions."""
    sql(urls[1], "UPDATE paybench_bank SET version = 99")
    with pytest.raises(StorageVersionError, match="seen version 99"):
        postgres.storage(urls)


def test_refuses_servers_in_another_order(postgres, urls):
    """Each server knows which one of the bank it is."""
    with pytest.raises(StorageBrokenError, match=r"server 300a .*seen server 300b of this bank"):
        postgres.storage([urls[0], urls[2], urls[1], urls[3]])


def test_refuses_a_server_of_another_bank(postgres, urls):
    """And of which bank."""
    others = postgres.fresh()
    found(postgres.storage(others)).close()
    with pytest.raises(StorageBrokenError, match="seen server 300b of another bank"):
        postgres.storage([urls[0], urls[1], others[2], urls[3]])


def test_refuses_an_empty_server_in_a_known_ones_place(postgres, urls):
    """A server that lost its tables is not taken for a new one."""
    with pytest.raises(StorageBrokenError, match=r"seen none: restore them"):
        postgres.storage([*urls[:3], postgres.fresh()[3]])


@pytest.mark.parametrize(
    "statement",
    ["UPDATE log_record SET amount_minor = 1", "DELETE FROM log_record", "TRUNCATE log_record"],
)
def test_never_changes_its_log(urls, statement):
    """The log only grows, even for somebody with an SQL prompt."""
    with pytest.raises(psycopg.Error, match="never"):
        sql(urls[0], statement)


def test_says_nothing_of_passwords(postgres, urls):
    """Neither errors nor representations show the password of a URL."""
    password = urls[0].split(":")[2].split("@")[0]
    wrong = urls[0].replace(password, "wrong-secret")
    with pytest.raises(StorageError) as caught:
        PostgresStorage(wrong, urls[1:])
    assert "wrong-secret" not in str(caught.value)
    storage = postgres.storage(urls)
    shown = repr(vars(storage.log.connection)) + repr(BankFile(urls[0], urls[1:]))
    storage.close()
    assert password not in shown


def test_names_the_extra_that_is_missing(urls):
    """Without psycopg the command that adds it is told."""
    script = (
        "import sys, importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'psycopg' else find(name, *more)\n"
        "from paybench.bank.storage.postgres import PostgresStorage\n"
        f"PostgresStorage({urls[0]!r}, {urls[1:]!r})\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    assert "uv sync --extra postgres" in run.stderr


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("", "missing required field `log`"),
        ('log = "postgresql://a"\nservers = []', "servers"),
        ('log = "mysql://a"\nservers = ["postgresql://b"]', "log"),
        ('log = "postgresql://a"\nservers = ["postgresql://b"]\nspares = []', "spares"),
        ("log = ", "seen"),
        ("#" * 70_000, "more than 65536 bytes"),
    ],
)
def test_reads_bank_files_strictly(tmp_path, text, seen):
    """What is missing, unknown, malformed or too long is named with the file."""
    (tmp_path / "bank.toml").write_text(text)
    with pytest.raises(StorageError, match=seen) as caught:
        read_bank_file(tmp_path)
    assert "bank.toml" in str(caught.value)


def test_gives_back_a_bank_file(tmp_path):
    """What is written is read, and is its owner's alone."""
    file = BankFile("postgresql://u:p%20w@h/d", ["postgres://a"], ["postgresql://b"])
    write_bank_file(tmp_path, file)
    assert read_bank_file(tmp_path) == read_bank_file(tmp_path / "bank.toml") == file
    assert (tmp_path / "bank.toml").stat().st_mode & 0o077 == 0


@pytest.fixture
def open_home():
    """A folder that everybody can enter: root's servers are somebody else's processes."""
    home = Path(tempfile.mkdtemp(prefix="paybench-test-"))
    home.chmod(0o711)
    yield home
    shutil.rmtree(home)


def test_runs_on_the_wheels_servers(open_home):
    """The wheel's programs serve a bank as Debian's do."""
    servers = Servers(1, programs=wheel_folder(runner(), open_home))
    try:
        urls = servers.fresh()
        with found(servers.storage(urls)) as bank:
            assert bank.settle(order("s1", eur("1"), 1), 1).settled
            bank.deposit()
            seen = picture(bank)
        with Bank(servers.storage(urls)) as bank:
            assert picture(bank) == seen
    finally:
        servers.close()
