"""A process that settles is killed, for real, and the folder is opened again."""

import contextlib
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from dying_bank import cent, recall, storage_at
from rounds import SOAK, rounds
from town import ANNA, BAKERY, CARL, KIOSK, cancellation, eur, order, reversal

from paybench.bank import ESCROW, Bank, Held, Money, Restriction, State
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
    with Bank(storage_at(folder)) as bank:
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


AT_EACH_POINT = pytest.mark.parametrize(
    "point",
    [
        *("before log", "in log", "after log", "before withdrawal", "in accounts"),
        *("after withdrawal", "before deposit", "after deposit"),
    ],
)


def kill(folder: Path, point: str, round_: int, work: str) -> str:
    """What the bank acknowledged before it was killed."""
    run = subprocess.run(
        [sys.executable, str(DYING_BANK), str(folder), point, str(round_), work],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == -signal.SIGKILL
    return run.stdout


@pytest.mark.parametrize("round_", [1, 4] if not SOAK else range(1, 34))
@AT_EACH_POINT
def test_loses_and_doubles_nothing_when_killed_at(folder, point, round_):
    """Killed at a named point, the bank opens with each acknowledged settlement exactly once."""
    check(folder, kill(folder, point, round_, "settles").split())


@pytest.mark.parametrize("round_", [7] if not SOAK else range(1, 100, 3))
@AT_EACH_POINT
def test_takes_back_once_when_killed_at(folder, point, round_):
    """Killed while it cancels, gives back and matures, the bank finishes each of them, once."""
    said = [line.split() for line in kill(folder, point, round_, "recalls").splitlines()]
    with Bank(storage_at(folder)) as bank:
        assert bank.total() == eur("0")
        states = {settlement_id: State(state) for settlement_id, state in said}
        for settlement_id, state in states.items():
            seen = bank.inquire(settlement_id).state
            assert seen is state or state is State.PROVISORY, "an answer holds"
        for number in range(len(states) + 1):  # everybody asks again, and for one more
            list(recall(bank, number))
        bank.mature(10**12)
        ends = [bank.inquire(f"s{number}").state for number in range(len(states) + 1)]
        settled, reversed_ = State.SETTLED, State.REVERSED
        expected = [reversed_, State.CANCELLED, reversed_, reversed_, settled]
        assert ends == [expected[number % 5] for number in range(len(ends))]
        paid = Money(PRICE_MINOR * ends.count(settled), "EUR")
        assert (bank.balance(ANNA), bank.available(KIOSK)) == (eur("10") - paid, paid)
        assert bank.balance(KIOSK) == paid
        assert (bank.balance(ESCROW), bank.total()) == (eur("0"), eur("0"))


@pytest.fixture
def folder_of_3(founded_on_3, tmp_path):
    shutil.copytree(founded_on_3, tmp_path / "three")
    return tmp_path / "three"


def check_grown(folder: Path, acknowledged: list[str]) -> None:
    """Every acknowledged settlement once, groups whole, each server's books balanced."""
    with Bank(storage_at(folder)) as bank:
        count = len(acknowledged)
        assert acknowledged == [f"s{number}" for number in range(count)]
        known = [bank.inquire(f"s{number}").settled for number in range(count + 10)]
        settled = known.index(False)
        assert settled >= count
        assert not any(known[settled:])
        assert settled % 5 == 0, "a group is in the log whole or not at all"
        assert bank.audit() is None
        for _ in range(3):  # the till asks again, whatever has become of the servers
            assert bank.settle(cent(max(settled - 1, 0)), 1000).settled
        while bank.move_accounts():
            pass
        bank.deposit()
        paid = len(bank.statement(BAKERY, 10**6))
        assert paid == max(settled, 1)
        assert bank.balance(BAKERY) == Money(paid, "EUR")
        owned = [
            (each.server.total_minor(), each.in_transit_minor) for each in bank._books.followers
        ]
        assert all(sum(each) == 0 for each in owned)
        names = [number for each in bank._books.followers for number in each.server.numbers()]
        assert len(names) == len(set(names)), "nobody is on two servers"
        assert bank.audit() is None


OFTEN = ["after log", "after withdrawal", "between servers", "in the middle of integration"]
SELDOM = ["after a server was added", "before arrival", "after arrival", "after leaving"]


@pytest.mark.parametrize(
    ("point", "round_"),
    [
        *((point, round_) for point in OFTEN for round_ in ([3] if not SOAK else range(1, 40))),
        *((point, round_) for point in SELDOM for round_ in (1, 2)),
    ],
)
def test_grows_through_a_crash(folder_of_3, point, round_):
    """Killed between servers, while integrating or while a server is added, nothing is lost."""
    check_grown(folder_of_3, kill(folder_of_3, point, round_, "grows").split())


@pytest.mark.parametrize("seed", range(rounds(5)))
def test_grows_through_a_kill_at_any_moment(folder_of_3, seed):
    """Killed from outside after a random time, again and again on one folder, likewise."""
    patience_s = random.Random(seed).uniform(0.0, 0.08)  # noqa: S311 - moments, not secrets
    command = [sys.executable, str(DYING_BANK), str(folder_of_3), "never", "1", "grows"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        seen = [process.stdout.readline().strip()]
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience_s)
        process.kill()
        seen += process.stdout.read().split()
    check_grown(folder_of_3, seen)


def test_loses_and_doubles_nothing_when_killed_from_outside(folder):
    """Killed at whatever point it happens to be, likewise; and again, on the same folder."""
    for acknowledged in (7, 20):
        with subprocess.Popen(
            [sys.executable, str(DYING_BANK), str(folder), "never", "1", "settles"],
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


@pytest.mark.parametrize("held", list(Held))
def test_redoes_what_became_of_a_settlement(folder, held):
    """Accounts that fell back behind a period's beginning are redone to each of its ends."""
    before = (folder / "accounts.sqlite").read_bytes()
    restriction = Restriction(cooling_off_s=100, held=held)
    with Bank(SqliteStorage(folder)) as bank:
        for number in range(4):
            request = order(f"s{number}", eur("1"), number, payee=KIOSK, restriction=restriction)
            assert bank.settle(request, 1).settled
        bank.cancel(cancellation("s0"), 2)
        bank.reverse(reversal("s1"), 2)
        assert bank.mature(10**12) == 2
        bank.reverse(reversal("s2"), 10**12)
        after = [bank.balance(number) for number in bank.accounts()]
    (folder / "accounts.sqlite").write_bytes(before)
    with Bank(SqliteStorage(folder)) as bank:
        bank.deposit()
        assert [bank.balance(number) for number in bank.accounts()] == after
        assert (bank.available(KIOSK), bank.total()) == (eur("1"), eur("0"))
