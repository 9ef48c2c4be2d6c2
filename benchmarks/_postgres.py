"""PostgreSQL beside the bank: used in the usual way, and as the bank's own storage.

In the usual way a function on the server does a settlement: the id once, the payer's balance
checked and lowered, the payee's raised, two lines of history. No approval is verified there.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from paybench.bank.storage.postgres_cluster import PostgresCluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROUNDS = 3
TABLES = """
CREATE TABLE account (id bigint PRIMARY KEY, balance bigint NOT NULL CHECK (balance >= 0));
CREATE TABLE settlement (
    id text PRIMARY KEY, payer bigint NOT NULL, payee bigint NOT NULL, amount bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE history (
    id bigserial PRIMARY KEY, account bigint NOT NULL, settlement text NOT NULL,
    amount bigint NOT NULL, balance bigint NOT NULL
);
CREATE FUNCTION settle(name text, pays bigint, paid bigint, minor bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE payers bigint; payees bigint;
BEGIN
    INSERT INTO settlement (id, payer, payee, amount) VALUES (name, pays, paid, minor)
        ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN RETURN NULL; END IF;
    UPDATE account SET balance = balance - minor WHERE id = pays AND balance >= minor
        RETURNING balance INTO payers;
    IF NOT FOUND THEN RAISE 'balance too low'; END IF;
    UPDATE account SET balance = balance + minor WHERE id = paid RETURNING balance INTO payees;
    INSERT INTO history (account, settlement, amount, balance)
        VALUES (pays, name, -minor, payers), (paid, name, minor, payees);
    RETURN payers;
END $$;
"""
CALL = "SELECT settle(%s, %s, %s, 1)"


@contextmanager
def cluster(servers: int) -> Iterator[PostgresCluster]:
    """Servers of a benchmark's own, with PostgreSQL's settings as they come: it waits for disks."""
    with tempfile.TemporaryDirectory(prefix="paybench-bank-") as home:
        Path(home).chmod(0o711)
        made = PostgresCluster(Path(home) / "bank", servers).start()
        try:
            yield made
        finally:
            made.stop()


class UsualWay:
    """A database as one would first write it.

    Args:
        url: where it is to be.
        accounts: how many accounts.
        settlements: how many settlements it has already.
    """

    def __init__(self, url: str, accounts: int, settlements: int) -> None:
        self.url = url
        self.accounts = accounts
        self._chance = random.Random(accounts)  # noqa: S311 - a town, not a secret
        self._next = 0
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(TABLES)
            values = (accounts,)
            sql = "INSERT INTO account SELECT n, 1000000 FROM generate_series(1, %s) n"
            connection.execute(sql, values)
            past = "FROM generate_series(1, %s) n"
            connection.execute(
                "INSERT INTO settlement SELECT 'a' || lpad(n::text, 25, '0'), 1 + n %% %s, "
                f"1 + (n * 7) %% %s, 1 {past}",
                (accounts, accounts, settlements),
            )
            connection.execute(
                "INSERT INTO history (account, settlement, amount, balance) SELECT 1 + n %% %s, "
                f"'a' || lpad((n / 2)::text, 25, '0'), 1, 1000000 {past}",
                (accounts, 2 * settlements),
            )
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")

    def order(self, payee: int | None = None) -> tuple[str, int, int]:
        """An id that is new, and two accounts."""
        self._next += 1
        payer, other = self._chance.sample(range(1, self.accounts + 1), 2)
        if payer == payee:
            payer = other
        return f"b{self._next:025}", payer, payee or other

    def calls_per_s(self, count: int) -> float:
        """A call and a commit for each settlement, one after the other."""
        with psycopg.connect(self.url, autocommit=True, prepare_threshold=0) as connection:
            start = time.perf_counter()
            for _ in range(count):
                connection.execute(CALL, self.order())
            return count / (time.perf_counter() - start)

    def pipelined_per_s(self, count: int, size: int) -> float:
        """So many calls sent together with one commit."""
        with psycopg.connect(self.url, autocommit=True, prepare_threshold=0) as connection:
            start = time.perf_counter()
            for _ in range(count // size):
                with connection.pipeline(), connection.transaction():
                    cursors = [connection.execute(CALL, self.order()) for _ in range(size)]
                for cursor in cursors:
                    cursor.fetchone()
            return count / (time.perf_counter() - start)

    def side_by_side_per_s(self, count: int, connections: int, payee: int | None) -> float:
        """Many connections that each call and commit; one payee for all, or any."""
        orders = [[self.order(payee) for _ in range(count // connections)]
                  for _ in range(connections)]  # fmt: skip

        def work(mine: list[tuple[str, int, int]]) -> None:
            with psycopg.connect(self.url, autocommit=True, prepare_threshold=0) as connection:
                for order in mine:
                    connection.execute(CALL, order)

        threads = [threading.Thread(target=work, args=(mine,)) for mine in orders]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return count / (time.perf_counter() - start)


def usual_way(accounts: int, settlements: int) -> dict[str, float]:
    """Rates of PostgreSQL in the usual way, medians of some rounds, settlements a second."""
    with cluster(1) as made:
        way = UsualWay(made.urls[1], accounts, settlements)

        def median(work: Callable[[], float]) -> float:
            return statistics.median(work() for _ in range(ROUNDS))

        many = median(lambda: way.side_by_side_per_s(3200, 16, None))
        hot = median(lambda: way.side_by_side_per_s(3200, 16, 7))
        return {
            "postgres_call": median(lambda: way.calls_per_s(2000)),
            "postgres_pipelined_k100": median(lambda: way.pipelined_per_s(10_000, 100)),
            "postgres_pipelined_k1000": median(lambda: way.pipelined_per_s(20_000, 1000)),
            "postgres_hot_payee_ratio": hot / many,
        }
