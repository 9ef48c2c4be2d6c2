"""A bank that works until it is killed at a named point; run by test_bank_crash.

    python dying_bank.py FOLDER POINT ROUND settles|recalls

It kills itself, as SIGKILL does, when it comes to POINT for the ROUNDth time. Until then it either
settles s0, s1, … and prints each id once it is acknowledged, depositing after every third; or it
settles them with a cooling-off period, cancels some, gives some back, some of them before they
came, leaves the others to become formal, and prints each id with each state it was answered.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from town import KIOSK, cancellation, eur, order, reversal

from paybench.bank import Bank, Held, Outcome, Restriction
from paybench.bank.storage import Change, LogRecord
from paybench.bank.storage.sqlite import SqliteStorage
from paybench.bank.storage.sqlite_log import SqliteLog
from paybench.bank.storage.sqlite_server import SqliteServer


class DyingLog(SqliteLog):
    """The real log, and the end of the process at one of its steps."""

    die: Callable[[str], None]

    def append(self, records: Sequence[LogRecord]) -> None:
        self.die("before log")
        super().append(records)
        self.die("after log")


class DyingServer(SqliteServer):
    """A real database server, likewise."""

    die: Callable[[str], None]

    def write(self, change: Change) -> None:
        deposits = change.standing.deposited_to > self.standing.deposited_to
        self.die("before deposit" if deposits else "before withdrawal")
        super().write(change)
        self.die("after deposit" if deposits else "after withdrawal")


def dying(storage: SqliteStorage, die: Callable[[str], None]) -> SqliteStorage:
    """The real storage, and the end of the process at one of its steps."""
    storage.log.__class__ = DyingLog
    for server in storage.servers:
        server.__class__ = DyingServer
    for name, part in (("log", storage.log), *(("accounts", each) for each in storage.servers)):
        part.die = die
        # SQLite shows each statement before it runs it: this is inside the transaction.
        part.file.connection.set_exec_trace(
            lambda _, sql, __, name=name: die(f"in {name}") is None if sql == "COMMIT" else True
        )
    return storage


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


def main(folder: Path, point: str, round_: int, work: str) -> None:
    left = {"rounds": round_}

    def die(here: str) -> None:
        if here == point:
            left["rounds"] -= 1
            if left["rounds"] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    bank = Bank(dying(SqliteStorage(folder), die))
    {"settles": settles, "recalls": recalls}[work](bank)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4])
