"""What the bank's network face costs: durable settlements a second, served and at hand.

A bank on SQLite is served by a process of its own, and so many connections each wait for an answer
before they ask again: `face_1`, `face_16`, `face_64`. All clients share one process and one
core, so with many connections it is the clients that are measured as well. `face_batches`: one
connection that sends batches of 100. `hand_1` … `hand_batches` are the same with a committer in
this process, in the same run and in turn; `ratio_…` is the one beside the other. `connect_ms` is
what it takes to connect and log in.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from paybench.bank import AccountNumber, Bank, Money, SettlementIds, SettlingInformation, sign
from paybench.bank.committer import Committer
from paybench.bank.storage.sqlite import SqliteStorage
from paybench.hil.bank_face.credentials import read_credentials
from paybench.hil.bank_face.remote_bank import RemoteBank

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paybench.bank import Outcome

CONNECTIONS = {1: 300, 16: 2000, 64: 4000}
BATCH = 100
BATCHES = 40
ROUNDS = 3
LAG_MAX = 50_000
KEY = bytes(32)
CENT, FUNDS = Money(1, "EUR"), Money(10**6, "EUR")
SHOP = AccountNumber(1, 1)
PAYERS = [AccountNumber(2, number) for number in range(64)]
_IDS = iter(range(10**9))


def found(folder: Path) -> None:
    """A bank in a folder, in which everybody has money."""
    with Bank(SqliteStorage(folder)) as bank:
        bank.open_account(SHOP, "Shop")
        for payer in PAYERS:
            bank.open_account(payer, "Payer", approval_key=KEY)
            bank.fund(payer, FUNDS, f"funds {payer}")


def orders(payer: AccountNumber, count: int) -> list[SettlingInformation]:
    """So many cents for the shop, signed."""
    ids, signed = SettlementIds(lambda bits: next(_IDS) % 2**bits), []
    for _ in range(count):
        counter = next(_IDS)
        body = {"settlement_id": ids.next(counter), "payer": payer, "payee": SHOP, "amount": CENT}
        signed.append(SettlingInformation(**body, approval=sign(KEY, **body, counter=counter)))
    return signed


def rate(settles: Sequence[Callable[[SettlingInformation, int], Outcome]], count: int) -> float:
    """Settlements a second when each of several senders waits for its answers.

    Args:
        settles: How each of them settles.
        count: How many settlements in all.
    """
    each = count // len(settles)
    work = [(settle, orders(payer, each)) for settle, payer in zip(settles, PAYERS, strict=False)]
    start = threading.Barrier(len(work) + 1)

    def send(settle: Callable[[SettlingInformation, int], Outcome], own: list[SettlingInformation]
             ) -> None:  # fmt: skip
        start.wait()
        for one in own:
            assert settle(one, 1).settled

    threads = [threading.Thread(target=send, args=each_work) for each_work in work]
    for thread in threads:
        thread.start()
    start.wait()
    began_s = time.perf_counter()
    for thread in threads:
        thread.join()
    return each * len(work) / (time.perf_counter() - began_s)


def batch_rate(settle_many: Callable[[list[SettlingInformation], int], list[Outcome]]) -> float:
    """Settlements a second of one sender with batches."""
    batches = [orders(PAYERS[0], BATCH) for _ in range(BATCHES)]
    began_s = time.perf_counter()
    for batch in batches:
        assert all(outcome.settled for outcome in settle_many(batch, 1))
    return BATCH * BATCHES / (time.perf_counter() - began_s)


def measure(port: int, key: Path, committer: Committer) -> dict[str, float]:
    """One round, both ways in turn."""
    figures: dict[str, float] = {}
    credentials = read_credentials(key)
    for connections, count in CONNECTIONS.items():
        began_s = time.perf_counter()
        clients = [RemoteBank("127.0.0.1", port, credentials) for _ in range(connections)]
        figures["connect_ms"] = (time.perf_counter() - began_s) / connections * 1000
        figures[f"face_{connections}"] = rate([client.settle for client in clients], count)
        for client in clients:
            client.close()
        figures[f"hand_{connections}"] = rate([committer.settle] * connections, count)
    with RemoteBank("127.0.0.1", port, credentials) as client:
        figures["face_batches"] = batch_rate(client.settle_many)
    figures["hand_batches"] = batch_rate(committer.settle_many)
    return figures


def main() -> None:
    """Print the medians and, as the last line, the figures as JSON."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        for folder in ("served", "hand"):
            found(home / folder)
        paybench, key = [sys.executable, "-m", "paybench", "bank"], home / "bench.toml"
        make_key = [*paybench, "key", home / "served", "bench", "--role", "host", "--out", key]
        subprocess.run(make_key, check=True, stdout=subprocess.DEVNULL)
        serve = [*paybench, "serve", home / "served", "--listen", "127.0.0.1:0"]
        serve += ["--lag", str(LAG_MAX)]
        with (
            subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server,
            Bank(SqliteStorage(home / "hand"), lag_max=LAG_MAX) as bank,
            Committer(bank) as committer,
        ):
            assert server.stdout is not None
            port = int(server.stdout.readline().rpartition(":")[2])
            rounds = [measure(port, key, committer) for _ in range(ROUNDS)]
            server.terminate()
    figures = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
    for size in [*CONNECTIONS, "batches"]:
        served, hand = figures[f"face_{size}"], figures[f"hand_{size}"]
        figures[f"ratio_{size}"] = served / hand
        print(f"{size!s:>8}: served {served:8.0f}/s, at hand {hand:8.0f}/s")
    rounded = {name: round(value, 2 if value < 10 else None) for name, value in figures.items()}
    print(json.dumps(rounded))


if __name__ == "__main__":
    main()
