"""What the bank's ledger costs: durable settlements a second, by group and by load.

100,000 accounts, any payer and any payee at random, files with 1,000,000 settlements already. Each
settlement is one as a device sends it: its approval is verified, it is decided, logged, on disk,
withdrawn and deposited, and by the end of a round written to the accounts; only the signing is not
measured. A figure is the median of some rounds, and beside it stands what fdatasync did on this
disk between them: rates mean little without it.

`sqlite_k1` … `sqlite_k1000`: groups of so many, SQLite, the servers processes of their own, so one
group is decided while the last is logged. `one_process_k100`, `one_process_k1000`: the same in one
process. `two_processes`: what two busy processes do here, beside one that is alone; 2 on two cores
that share nothing. `devices_1` … `devices_1024`: so many
devices that each wait for an answer before they ask again. `servers_4`, `servers_8`: groups of 1000
on so many database servers. `hot_payee_ratio`: one payee for all, beside many, groups of 100.
`growth_ratio`: what a settlement costs at the end, beside what it cost at 100,000, groups of 100.
`memory_k100`: in memory, where nothing is durable. `deposit_lag_max`: how many settlements were
answered and not yet deposited, at the most; the batch is 10,000, and the group that fills it.

`postgres_call`, `postgres_pipelined_k100`, `postgres_pipelined_k1000`: PostgreSQL used in the usual
way, a function for each settlement, one commit each or one for so many (`_postgres.py`; no approval
is verified there). `vs_postgres_k100`, `vs_postgres_k1000`: the bank on SQLite beside the pipelined
one. `postgres_hot_payee_ratio`: there, one payee for 16 connections, beside many.
`on_postgres_k100`, `on_postgres_k1000`: the bank itself on a PostgreSQL server for the log and one
for the accounts, 200,000 settlements there.

PAYBENCH_SETTLEMENTS=10000000 fills the files further.
"""

from __future__ import annotations

import gc
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from _postgres import cluster, usual_way

from paybench.bank import (
    CAPITAL,
    AccountNumber,
    Bank,
    Batch,
    Kind,
    LogRecord,
    MemoryStorage,
    Money,
    Opening,
    SettlementIds,
    SettlingInformation,
    sign,
)
from paybench.bank.committer import Committer
from paybench.bank.group import Group
from paybench.bank.storage.postgres import PostgresStorage
from paybench.bank.storage.sqlite import SqliteStorage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from paybench.bank import Outcome, Storage

ACCOUNTS = 100_000
SETTLEMENTS = int(os.environ.get("PAYBENCH_SETTLEMENTS", "1000000"))
EARLY = 100_000
GROUPS = {1: 2000, 10: 20_000, 100: 100_000, 1000: 100_000}
DEVICES = {1: 2000, 16: 20_000, 256: 100_000, 1024: 100_000}
ROUNDS = 3
LAG_MAX = 50_000
DEPOSIT_EVERY = 10_000
KEY = bytes(32)
CENT = Money(1, "EUR")
FUNDS = Money(10**6, "EUR")


class Town:
    """A bank in a folder, and the orders that its customers send.

    Args:
        storage: where the bank is kept.
        servers: how many database servers that has.
    """

    def __init__(self, storage: Storage, servers: int = 1) -> None:
        self.chance = random.Random(servers)  # noqa: S311 - a town, not a secret
        self.ids = SettlementIds(self.chance.getrandbits)
        self.accounts = [AccountNumber(1 + place % 50, place // 50) for place in range(ACCOUNTS)]
        self.counters = dict.fromkeys(self.accounts, 0)
        self.now_ns = 0
        self.bank = Bank(storage, lag_max=LAG_MAX, particular_per_s=None)
        self.bank.open_accounts([Opening(number, "Holder", KEY) for number in self.accounts])

    def reopen(self, storage: Callable[[], Storage]) -> None:
        """Close the bank, and open it in another way."""
        self.bank.close()
        self.bank = Bank(storage(), lag_max=LAG_MAX, particular_per_s=None)

    def pair(self) -> tuple[AccountNumber, AccountNumber]:
        """A payer and another one who is paid."""
        payer, payee = self.chance.sample(self.accounts, 2)
        return payer, payee

    def next_id(self) -> str:
        """The next settlement's id."""
        self.now_ns += 10**5
        return self.ids.next(self.now_ns)

    def orders(self, payee: AccountNumber | None = None) -> Iterator[SettlingInformation]:
        """What devices send, without end."""
        while True:
            payer, other = self.pair()
            to = other if payee is None else payee
            if payer == to:
                continue
            self.counters[payer] += 1
            counter, name = self.counters[payer], self.next_id()
            approval = sign(
                KEY, settlement_id=name, payer=payer, payee=to, amount=CENT, counter=counter
            )
            yield SettlingInformation(name, payer, to, CENT, approval)

    def fill(self, count: int) -> None:
        """Settlements of the past: the log and the accounts as they would be, unsigned."""
        funded = [(CAPITAL, number, FUNDS) for number in self.accounts]
        if self.bank._books.log.logged_to:
            funded = []
        paid = ((*self.pair(), CENT) for _ in range(count - len(funded)))
        movements = iter([*funded, *paid])
        books = self.bank._books
        while some := list(islice(movements, 10_000)):
            group = Group(books)
            for payer, payee, amount in some:
                record = LogRecord(
                    *(group.next_number, self.next_id(), payer, payee, amount, None, b""),
                    *(None, 0, self.now_ns, Kind.SETTLED),
                )
                group.add(record)
            self.bank._enter(group)
            self.bank.deposit()


def two_processes() -> float:
    """How much two busy processes do, beside one that has the machine to itself."""
    work = "import time; start = time.perf_counter(); sum(map(abs, range(10**7))); "
    command = [sys.executable, "-c", work + "print(time.perf_counter() - start)"]

    def times_s(count: int) -> list[float]:
        busy = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(count)]
        return [float(each.communicate()[0]) for each in busy]

    ratios = [2 * times_s(1)[0] / statistics.mean(times_s(2)) for _ in range(5)]
    return round(statistics.median(ratios), 2)


def fdatasync_per_s(folder: Path) -> float:
    """How often a second the disk takes a page and says that it has it."""
    path = folder / "fdatasync"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    try:
        os.write(descriptor, bytes(4096 * 300))
        os.fsync(descriptor)
        start = time.perf_counter()
        for number in range(300):
            os.pwrite(descriptor, b"x" * 4096, 4096 * number)
            os.fdatasync(descriptor)
        return 300 / (time.perf_counter() - start)
    finally:
        os.close(descriptor)
        path.unlink()


class Lag:
    """The bank's deposits, and how far they lagged at the most."""

    most = 0

    @classmethod
    def note(cls, bank: Bank) -> None:
        """See how far they lag now."""
        books = bank._books
        cls.most = max(cls.most, books.log.logged_to - books.deposited_to)


def settle_in_groups(bank: Bank, orders: list[SettlingInformation], size: int) -> float:
    """Settlements a second, deposits and all; one group is decided while the last is logged."""
    start = time.perf_counter()
    for first in range(0, len(orders), size):
        (answers,) = bank.begin_batches([Batch(orders[first : first + size], 0)])
        assert answers[-1].settled, answers[-1]
        if (first + size) % DEPOSIT_EVERY == 0:
            Lag.note(bank)
            bank.deposit()
    bank.checkpoint()
    return len(orders) / (time.perf_counter() - start)


def settle_from_devices(bank: Bank, orders: list[SettlingInformation], devices: int) -> float:
    """Settlements a second of devices that ask for the next one when they have their answer."""
    waiting = iter(orders)
    left = threading.Semaphore(0)

    def ask(answer: list[Outcome] | BaseException | None = None) -> None:
        if isinstance(answer, list):
            assert answer[0].settled, answer
            Lag.note(bank)
        order = next(waiting, None)
        if order is not None:
            committer.ask(Batch((order,), 0), ask)
        left.release()

    start = time.perf_counter()
    with Committer(bank, DEPOSIT_EVERY) as committer:
        for _ in range(devices):
            ask()
        for _ in range(len(orders) + devices):
            left.acquire()
    bank.checkpoint()
    return len(orders) / (time.perf_counter() - start)


def median_of(work: Callable[[], float], folder: Path, syncs: list[float]) -> float:
    """The median of some rounds; what the disk did meanwhile goes to `syncs`."""
    rates: list[float] = []
    for _ in range(ROUNDS):
        rates.append(work())
        syncs.append(fdatasync_per_s(folder))
    print(f"   rounds {', '.join(f'{rate:,.0f}' for rate in rates)} /s", flush=True)
    return statistics.median(rates)


def measure(home: Path) -> dict[str, float]:
    """Every figure."""
    figures: dict[str, float] = {"two_processes": two_processes()}
    print(f"two busy processes do {figures['two_processes']} times what one does", flush=True)
    syncs: list[float] = []

    def note(name: str, work: Callable[[], float]) -> float:
        here: list[float] = []
        rate = median_of(work, home, here)
        syncs.extend(here)
        figures[name] = round(rate)
        disk = statistics.median(here)
        print(
            f"{name}: {rate:,.0f} /s, {rate / disk:.2f} times fdatasync at {disk:,.0f} /s",
            flush=True,
        )
        return rate

    town = Town(SqliteStorage(home / "bank", processes=True))
    orders = town.orders()

    def groups(size: int, count: int, source: Iterator[SettlingInformation] | None = None) -> float:
        return settle_in_groups(town.bank, list(islice(source or orders, count)), size)

    start = time.perf_counter()
    town.fill(EARLY + ACCOUNTS)
    early = note("early_k100", lambda: groups(100, GROUPS[100]))
    town.fill(SETTLEMENTS - EARLY)
    print(f"filled in {time.perf_counter() - start:.0f} s", flush=True)
    for size, count in GROUPS.items():
        note(f"sqlite_k{size}", lambda size=size, count=count: groups(size, count))
    figures["growth_ratio"] = round(early / figures["sqlite_k100"], 2)
    hot = town.orders(town.accounts[7])
    ratios = [groups(100, GROUPS[100], hot) / groups(100, GROUPS[100]) for _ in range(5)]
    figures["hot_payee_ratio"] = round(statistics.median(ratios), 2)
    for devices, count in DEVICES.items():
        note(
            f"devices_{devices}",
            lambda devices=devices, count=count: settle_from_devices(
                town.bank, list(islice(orders, count)), devices
            ),
        )
    assert town.bank.audit() is None
    town.reopen(lambda: SqliteStorage(home / "bank"))
    for size in (100, 1000):
        note(f"one_process_k{size}", lambda size=size: groups(size, GROUPS[size]))
    town.bank.close()
    shutil.rmtree(home / "bank")
    for servers in (4, 8):
        folder = home / f"bank-{servers}"
        town = Town(SqliteStorage(folder, servers, processes=True), servers)
        town.fill(EARLY + ACCOUNTS)
        orders = town.orders()
        note(f"servers_{servers}", lambda: groups(1000, GROUPS[1000]))
        town.bank.close()
        shutil.rmtree(folder)
    town = Town(MemoryStorage())
    town.fill(EARLY + ACCOUNTS)
    orders = town.orders()
    note("memory_k100", lambda: groups(100, GROUPS[100]))
    figures |= beside_postgres(note, figures)
    figures["deposit_lag_max"] = Lag.most
    return figures | {"fdatasync": round(statistics.median(syncs))}


def beside_postgres(
    note: Callable[[str, Callable[[], float]], float], figures: dict[str, float]
) -> dict[str, float]:
    """The bank on PostgreSQL, PostgreSQL in the usual way, and the bank on SQLite beside that."""
    with cluster(1) as servers:
        town = Town(PostgresStorage(servers.urls[0], servers.urls[1:]))
        town.fill(EARLY + ACCOUNTS)
        orders = town.orders()

        def groups(size: int) -> float:
            return settle_in_groups(town.bank, list(islice(orders, GROUPS[100])), size)

        for size in (100, 1000):
            note(f"on_postgres_k{size}", lambda size=size: groups(size))
        town.bank.close()
    usual = usual_way(ACCOUNTS, SETTLEMENTS)
    ratios = {
        f"vs_postgres_k{size}": round(
            figures[f"sqlite_k{size}"] / usual[f"postgres_pipelined_k{size}"], 2
        )
        for size in (100, 1000)
    }
    rates = {name: round(rate, 2 if "ratio" in name else None) for name, rate in usual.items()}
    return rates | ratios


def main() -> None:
    """Print the figures, as the last line as JSON."""
    home = Path(tempfile.mkdtemp(prefix="paybench-bank-"))
    # As in a fleet's run: millions of small objects without cycles, and nothing to be found.
    gc.set_threshold(100_000)
    try:
        print(json.dumps(measure(home)))
    finally:
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
