"""A process that settles is killed, for real, and the folder is opened again."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rounds import SOAK
from town import ANNA, BAKERY, CARL, eur, order

from paybench.bank import Bank, Money
from paybench.bank.storage.sqlite import SqliteStorage

DYING_BANK = Path(__file__).with_name("dying_bank.py")
PRICE_MINOR = 5


@pytest.fixture
def folder(founded, tmp_path):
    shutil.copytree(founded, tmp_path / "bank")
    return tmp_path / "bank"


def check(folder: Path, acknowledged: list[str]) -> None:
    """Whatever was acknowledged is there exactly once, and all sums are zero."""
    assert acknowledged == [f"s{number}" for number in range(len(acknowledged))]
    with Bank(SqliteStorage(folder)) as bank:
        assert bank.total() == eur("0")
        settled = len([line for line in bank.statement(ANNA, 10**6) if line.amount_minor < 0])
        assert settled - len(acknowledged) in (0, 1), "at most the one that was not acknowledged"
        assert bank.balance(ANNA) == eur("10") - Money(PRICE_MINOR * settled, "EUR")
        for number in range(settled + 1):  # the till asks again for each, and for one more
            assert bank.settle(order(f"s{number}", eur("0.05"), number), 1000).settled
        bank.deposit()
        paid = [line.settlement_id for line in bank.statement(BAKERY, 10**6)]
        assert paid == [f"s{number}" for number in reversed(range(settled + 1))]
        assert bank.balance(BAKERY) == Money(PRICE_MINOR * (settled + 1), "EUR")
        assert (bank.in_transit(), bank.total()) == (eur("0"), eur("0"))


@pytest.mark.parametrize("round_", [1, 4] if not SOAK else range(1, 34))
@pytest.mark.parametrize(
    "point",
    [
        *("before log", "in log", "after log", "in accounts", "after withdrawal"),
        *("before deposit", "after deposit"),
    ],
)
def test_loses_and_doubles_nothing_when_killed_at(folder, point, round_):
    """Killed at a named point, the bank opens with each acknowledged settlement exactly once."""
    run = subprocess.run(
        [sys.executable, str(DYING_BANK), str(folder), point, str(round_)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == -signal.SIGKILL
    check(folder, run.stdout.split())


def test_loses_and_doubles_nothing_when_killed_from_outside(folder):
    """Killed at whatever point it happens to be, likewise; and again, on the same folder."""
    for acknowledged in (7, 20):
        with subprocess.Popen(
            [sys.executable, str(DYING_BANK), str(folder), "never", "1"],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            seen = [process.stdout.readline().strip() for _ in range(acknowledged)]
            process.kill()
            seen += process.stdout.read().split()
    check(folder, seen)


def test_redoes_what_a_power_cut_took_from_the_accounts(folder):
    """Accounts that fell back behind a deposit and its spending are redone in a lawful order."""
    before = (folder / "accounts.sqlite").read_bytes()
    with Bank(SqliteStorage(folder)) as bank:
        assert bank.settle(order("s1", eur("6"), 1, payee=CARL), 1).settled
        bank.deposit()
        assert bank.settle(order("s2", eur("5"), 1, payer=CARL), 2).settled
    (folder / "accounts.sqlite").write_bytes(before)
    with Bank(SqliteStorage(folder)) as bank:
        assert (bank.balance(ANNA), bank.balance(CARL)) == (eur("4"), eur("1"))
        assert (bank.in_transit(), bank.total()) == (eur("5"), eur("0"))
        assert bank.settle(order("s2", eur("5"), 1, payer=CARL), 3).payer_balance == eur("1")
