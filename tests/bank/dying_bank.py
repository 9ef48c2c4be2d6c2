"""A bank that settles until it is killed at a named point; run by test_bank_crash.

    python dying_bank.py FOLDER POINT ROUND

It settles s0, s1, … and prints each id once it is acknowledged, deposits after every third, and
kills itself, as SIGKILL does, when it comes to POINT for the ROUNDth time.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from town import eur, order

from paybench.bank import Bank
from paybench.bank.storage import LogRecord
from paybench.bank.storage.sqlite import SqliteStorage


class DyingStorage(SqliteStorage):
    """The real storage, and the end of the process at one of its steps."""

    def __init__(self, folder: Path, die: Callable[[str], None]) -> None:
        super().__init__(folder)
        self.die = die
        # SQLite shows each statement before it runs it: this is inside the transaction.
        for name, file in (("log", self._log), ("accounts", self._accounts)):
            file._connection.set_trace_callback(
                lambda sql, name=name: die(f"in {name}") if sql == "COMMIT" else None
            )

    def append(self, record: LogRecord) -> None:
        self.die("before log")
        super().append(record)
        self.die("after log")

    def withdraw(self, record: LogRecord) -> None:
        super().withdraw(record)
        self.die("after withdrawal")

    def deposit(self, records: Iterable[LogRecord]) -> None:
        self.die("before deposit")
        super().deposit(records)
        self.die("after deposit")


def main(folder: Path, point: str, round_: int) -> None:
    left = {"rounds": round_}

    def die(here: str) -> None:
        if here == point:
            left["rounds"] -= 1
            if left["rounds"] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    bank = Bank(DyingStorage(folder, die))
    for number in range(100):
        assert bank.settle(order(f"s{number}", eur("0.05"), number), number).settled
        sys.stdout.write(f"s{number}\n")
        sys.stdout.flush()
        if number % 3 == 2:
            bank.deposit()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
