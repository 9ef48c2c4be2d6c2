"""A bank that works until it is killed at a named point; run by test_bank_crash.

    python dying_bank.py FOLDER|BANK_FILE POINT ROUND settles|recalls|grows

It kills itself, as SIGKILL does, when it comes to POINT for the ROUNDth time. Until then it either
settles s0, s1, … and prints each id once it is acknowledged, depositing after every third; or it
settles them with a cooling-off period, cancels some, gives some back, some of them before they
came, leaves the others to become formal, and prints each id with each state it was answered; or it
settles them in groups on several servers to a particular user, while servers are added.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from town import ANNA, BAKERY, BERT, KIOSK, cancellation, eur, order, reversal

from paybench.bank import AccountNumber, Bank, Held, Outcome, Restriction, SettlingInformation
from paybench.bank.storage import (
    Change,
    DatabaseServer,
    DataFile,
    Line,
    LogRecord,
    Standing,
    Storage,
)
from paybench.bank.storage.postgres import PostgresStorage
from paybench.bank.storage.sqlite import SqliteStorage

PAYERS = [ANNA, BERT]
SERVERS_MAX = 6


def dying_log(kind) -> type:
    """What a real log is made, and the end of the process at one of its steps."""

    class DyingLog(kind):
        die: Callable[[str], None]

        def append(self, records: Sequence[LogRecord]) -> None:
            self.die("before log")
            super().append(records)
            self.die("after log")

    return DyingLog


def dying_server(kind) -> type:
    """What a real database server is made, likewise."""

    class DyingServer(kind):
        die: Callable[[str], None]

        def write(self, change: Change) -> None:
            deposits = change.standing.deposited_to > self.standing.deposited_to
            self.die("before deposit" if deposits else "before withdrawal")
            integrates = deposits and any(each.auxiliary for each in change.data_files)
            super().write(change)
            self.die("after deposit" if deposits else "after withdrawal")
            self.die("between servers")
            if integrates:
                self.die("in the middle of integration")

        def arrive(
            self, files: Sequence[DataFile], lines: Iterable[Line], standing: Standing
        ) -> None:
            self.die("before arrival")
            super().arrive(files, lines, standing)
            self.die("after arrival")

        def leave(self, numbers: Iterable[AccountNumber], standing: Standing) -> None:
            super().leave(numbers, standing)
            self.die("after leaving")

    return DyingServer


def dying_storage(kind) -> type:
    """What a real storage is made: its new servers die too."""

    class DyingStorage(kind):
        die: Callable[[str], None]

        def add_server(self) -> DatabaseServer:
            super().add_server()
            dying(self, self.die)
            self.die("after a server was added")
            return self.servers[-1]

    return DyingStorage


def storage_at(path: Path) -> Storage:
    """The servers of a bank file, or the SQLite files of a folder."""
    return PostgresStorage.at(path) if path.suffix == ".toml" else SqliteStorage(path)


def dying(storage: Storage, die: Callable[[str], None]) -> Storage:
    """The real storage, and the end of the process at one of its steps."""
    parts = [(storage.log, dying_log, "in log")]
    parts += [(server, dying_server, "in accounts") for server in storage.servers]
    for part, made, inside in ((storage, dying_storage, ""), *parts):
        if not hasattr(part, "die"):
            part.__class__ = made(type(part))
            part.die = die
            if inside:
                before_commit(part, lambda inside=inside: die(inside))
    return storage


def before_commit(part: Any, act: Callable[[], None]) -> None:
    """Have something done within each transaction, when all but its end is written."""
    if hasattr(part, "file"):
        # SQLite shows each statement before it runs it.
        part.file.connection.set_exec_trace(
            lambda _, sql, __: act() is None if sql == "COMMIT" else True
        )
        return
    connection = part.connection._connection
    execute = connection.execute

    def watched(sql, *values, **options):
        if sql == "COMMIT":
            connection.pgconn.send_flush_request()
            connection.pgconn.flush()
            act()
        return execute(sql, *values, **options)

    connection.execute = watched


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def settles(bank: Bank) -> None:
    for number in range(100):
        assert bank.settle(order(f"s{number}", eur("0.05"), number), number).settled
        say(f"s{number}")
        if number % 3 == 2:
            bank.deposit()


def recall(bank: Bank, number: int) -> Iterator[Outcome]:
    """What is done about one settlement: four times out of five it comes to nothing in the end."""
    settlement_id, at_ns = f"s{number}", number * 10**9
    held = list(Held)[number % 2]
    cooling_off = Restriction(cooling_off_s=3, held=held)
    demand = order(settlement_id, eur("0.05"), number, payee=KIOSK, restriction=cooling_off)
    way = number % 5
    if way == 0:
        yield bank.reverse(reversal(settlement_id), at_ns)
    yield bank.settle(demand, at_ns)
    if way == 1:
        yield bank.cancel(cancellation(settlement_id), at_ns)
    if way == 2:
        yield bank.reverse(reversal(settlement_id), at_ns)
    if way == 3:
        yield bank.reverse(reversal(settlement_id), at_ns + 3 * 10**9)


def recalls(bank: Bank) -> None:
    for number in range(100):
        for outcome in recall(bank, number):
            say(f"{outcome.settlement_id} {outcome.state.value}")


def cent(number: int) -> SettlingInformation:
    """The numberth of many small payments to the bakery."""
    return order(f"s{number}", eur("0.01"), number, payer=PAYERS[number % 2])


def grows(bank: Bank) -> None:
    """Groups of five to one particular user, and a server added or filled after each."""
    moved = 0
    for first in range(0, 1000, 5):
        group = [cent(number) for number in range(first, first + 5)]
        if first == 0:
            bank.mark_particular(BAKERY)
        assert all(outcome.settled for outcome in bank.settle_many(group, first))
        for request in group:
            say(request.settlement_id)
        if first % 10 == 5:
            bank.deposit()
        moved = bank.move_accounts(2)
        if not moved and len(bank.servers()) < SERVERS_MAX:
            bank.add_server()


def main(path: Path, point: str, round_: int, work: str) -> None:
    left = {"rounds": round_}

    def die(here: str) -> None:
        if here == point:
            left["rounds"] -= 1
            if left["rounds"] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    bank = Bank(dying(storage_at(path), die))
    {"settles": settles, "recalls": recalls, "grows": grows}[work](bank)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4])
