"""A bank that works until it is killed at a named point; run by test_bank_crash.

    python dying_bank.py FOLDER POINT ROUND settles|recalls|grows

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

from town import ANNA, BAKERY, BERT, KIOSK, cancellation, eur, order, reversal

from paybench.bank import AccountNumber, Bank, Held, Outcome, Restriction, SettlingInformation
from paybench.bank.storage import Change, DatabaseServer, Kept, Line, LogRecord, Standing
from paybench.bank.storage.sqlite import SqliteStorage
from paybench.bank.storage.sqlite_log import SqliteLog
from paybench.bank.storage.sqlite_server import SqliteServer

PAYERS = [ANNA, BERT]
SERVERS_MAX = 6


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
        integrates = deposits and any(kept.auxiliary for kept in change.kept)
        super().write(change)
        self.die("after deposit" if deposits else "after withdrawal")
        self.die("between servers")
        if integrates:
            self.die("in the middle of integration")

    def arrive(self, kept: Sequence[Kept], lines: Iterable[Line], standing: Standing) -> None:
        self.die("before arrival")
        super().arrive(kept, lines, standing)
        self.die("after arrival")

    def leave(self, numbers: Iterable[AccountNumber], standing: Standing) -> None:
        super().leave(numbers, standing)
        self.die("after leaving")


class DyingStorage(SqliteStorage):
    """A folder whose new servers die too."""

    die: Callable[[str], None]

    def add_server(self) -> DatabaseServer:
        super().add_server()
        dying(self, self.die)
        self.die("after a server was added")
        return self.servers[-1]


def dying(storage: SqliteStorage, die: Callable[[str], None]) -> SqliteStorage:
    """The real storage, and the end of the process at one of its steps."""
    storage.__class__ = DyingStorage
    storage.die = die
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


def main(folder: Path, point: str, round_: int, work: str) -> None:
    left = {"rounds": round_}

    def die(here: str) -> None:
        if here == point:
            left["rounds"] -= 1
            if left["rounds"] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    bank = Bank(dying(SqliteStorage(folder), die))
    {"settles": settles, "recalls": recalls, "grows": grows}[work](bank)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4])
