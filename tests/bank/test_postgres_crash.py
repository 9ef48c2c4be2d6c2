"""A bank on real PostgreSQL servers is killed, and so are its servers."""

import random
import subprocess
import sys
import threading
from collections import Counter

import pytest
from dying_bank import cent, storage_at
from postgres_servers import Servers
from rounds import FIGURES, SOAK
from test_bank_crash import DYING_BANK, OFTEN, SELDOM, check, check_grown, kill
from town import BAKERY, eur, found, order

from paybench.bank import Bank, StorageError
from paybench.bank.storage.bank_file import BankFile, write_bank_file

POINTS = ["before log", "in log", "after log", "before withdrawal", "in accounts",
          "after withdrawal", "before deposit", "after deposit"]  # fmt: skip
CLIENT_KILLS = (
    [("in log", 3, "settles"), ("in the middle of integration", 3, "grows")]
    if not SOAK
    else [
        *((point, round_, "settles") for point in POINTS for round_ in (1, 3, 4)),
        *((point, round_, "grows") for point in OFTEN for round_ in (1, 2, 3, 10)),
        *((point, round_, "grows") for point in SELDOM for round_ in (1, 2)),
        *((point, 17, "grows") for point in OFTEN[:2]),
    ]
)
SERVER_KILLS = 4 if not SOAK else 40
GROUP = 5


@pytest.fixture(scope="module")
def servers():
    """Servers of this module's own: they are killed."""
    servers = Servers()
    yield servers
    servers.close()


@pytest.fixture(scope="module")
def tallied():
    """What was tried, told in the end."""
    tally = Counter()
    yield tally
    told = ", ".join(f"{count} {what}" for what, count in tally.items())
    FIGURES.append(f"PostgreSQL crash trials: {told}")


@pytest.fixture
def bank_file(servers, tmp_path):
    """The file of a bank that is founded on them."""
    urls = servers.fresh(spare=9)
    found(servers.storage(urls)).close()
    write_bank_file(tmp_path, BankFile(urls[0], urls[1:4], urls[4:]))
    return tmp_path / "bank.toml"


@pytest.mark.parametrize(("point", "round_", "work"), CLIENT_KILLS)
def test_loses_nothing_when_the_bank_is_killed(bank_file, tallied, point, round_, work):
    """Killed at a named point, each acknowledged settlement is there once, and none by half."""
    acknowledged = kill(bank_file, point, round_, work).split()
    {"settles": check, "grows": check_grown}[work](bank_file, acknowledged)
    tallied["banks killed"] += 1


class Load:
    """A bank under load while one of its servers is killed; it asks again until it is answered."""

    def __init__(self, servers, bank, victim) -> None:
        self.servers, self.bank, self.victim = servers, bank, victim
        self.acknowledged = []
        self.refused = 0
        self.fell_back = False

    def kill_after(self, delay_s) -> None:
        killer = threading.Timer(delay_s, self.servers.cluster.kill, [self.victim])
        killer.start()
        while not self.refused:
            self.pay()
        killer.join()
        self.start_again()
        for _ in range(10):
            self.pay()

    def pay(self) -> None:
        first = len(self.acknowledged)
        group = [cent(number) for number in range(first, first + GROUP)]
        try:
            assert all(outcome.settled for outcome in self.bank.settle_many(group, first))
            self.acknowledged += [request.settlement_id for request in group]
            if first % 10 == GROUP:
                self.bank.deposit()
        except StorageError:
            self.refused += 1

    def start_again(self) -> None:
        with pytest.raises(StorageError, match=f"server {self.victim}"):
            self.bank.settle(order("while it is down", eur("0.01"), 5000), 1)
        index = self.servers.cluster.parts.index(self.victim) - 1
        server = self.bank._books.followers[index].server if index >= 0 else None
        written = server and server._standing
        self.servers.cluster.start([self.victim])
        self.servers.connect()
        self.fell_back = server is not None and server.standing != written


@pytest.mark.parametrize("seed", range(SERVER_KILLS))
def test_goes_on_when_a_server_was_killed(servers, bank_file, tallied, seed):
    """The bank refuses while a server is down, goes on when it is back, and has all it said."""
    rng = random.Random(seed)  # noqa: S311 - moments, not secrets
    parts = servers.cluster.parts
    victim = parts[0] if seed % 2 else parts[1 + seed // 2 % 3]
    with Bank(storage_at(bank_file)) as bank:
        bank.mark_particular(BAKERY)
        load = Load(servers, bank, victim)
        load.kill_after(rng.uniform(0.0, 0.3))
    assert len(load.acknowledged) >= 9 * GROUP, "it went on"
    check_grown(bank_file, load.acknowledged)
    tallied["servers killed"] += 1
    tallied["of them fell back"] += load.fell_back


@pytest.mark.parametrize("seed", range(2 if not SOAK else 10))
def test_opens_when_bank_and_server_were_killed(servers, bank_file, tallied, seed):
    """A bank that has gone with its server opens again on what both have left."""
    victim = servers.cluster.parts[seed % 4]
    command = [sys.executable, str(DYING_BANK), str(bank_file), "never", "1", "grows"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as bank:
        seen = [bank.stdout.readline().strip() for _ in range(20 + 10 * seed)]
        servers.cluster.kill(victim)
        bank.kill()
        seen += bank.stdout.read().split()
    servers.cluster.start([victim])
    servers.connect()
    check_grown(bank_file, seen)
    tallied["servers killed"] += 1
