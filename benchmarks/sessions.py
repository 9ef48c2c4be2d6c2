"""What a session costs when 100 are open at the same time, and when 10,000 are.

A session is a settlement by TIN: T1 to T9, signed and settled by the bank in memory. All of them
are issued first, then all are synchronised, billed and confirmed, so that at each step as many
are open as there are. Authentication by password is left out: argon2id costs what it is told to.

`growth_100x` is how much more one session costs when 100 times as many are open in one run, with
everything on (`_session_rig`): a terminal and a phone for each, both networks, the whole trace.
`core_growth_100x` is the same of the apparatus alone, whose registers hold 10,000 users and 10,000
terminals in both cases, less what the phones do to sign. The time is the processor's.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import time
from typing import TYPE_CHECKING

from _session_rig import live

from paybench.bank import AccountNumber, Approval, Bank, Money, sign
from paybench.bank.tin import (
    AmountBilled,
    Confirmed,
    Limits,
    Receipt,
    SettlementApparatus,
    TerminalRecord,
    TerminalRegister,
    TinIssued,
    TinPresented,
    TinWanted,
    UserRecord,
    UserRegister,
)

if TYPE_CHECKING:
    from paybench.bank.tin import Notice

FEW = 100
MANY = 10_000
PRICE = Money(250, "EUR")
SHOP = AccountNumber(1, 1)
TERMINALS = [f"till {number}" for number in range(MANY)]
CALLERS = [f"+49{number:09}" for number in range(MANY)]
ACCOUNTS = [AccountNumber(2, number) for number in range(MANY)]
KEYS = [number.to_bytes(16, "big") for number in range(MANY)]
KEPT_S = 60


class Town:
    """Registers with everybody in them, and a bank where all have money."""

    def __init__(self) -> None:
        self.bank = Bank()
        self.bank.open_account(SHOP, "A")
        terminals, users = TerminalRegister(), UserRegister()
        for number in range(MANY):
            terminal, caller, account = TERMINALS[number], CALLERS[number], ACCOUNTS[number]
            self.bank.open_account(account, caller, approval_key=KEYS[number])
            self.bank.fund(account, Money(10**6, "EUR"), f"opening {number}")
            terminals.add(TerminalRecord(terminal, SHOP, "A", "Main Street", terminal))
            users.add(UserRecord(caller, account, f"B{number}"))
        self.apparatus = SettlementApparatus(
            self.bank,
            terminals,
            users,
            random.Random(1).randrange,  # noqa: S311 - the same numbers in each run
            limits=Limits(kept_s=KEPT_S, rest_s=KEPT_S),
        )
        self.rounds = 0
        self.at_ns = 0

    def settle(self, sessions: int) -> float:
        """Settle so many sessions that are open at the same time; the seconds for each."""
        self.rounds += 1
        self.bank.deposit()
        gc.collect()
        start_s = time.process_time()
        names = self.synchronise(sessions)
        signing_s = time.process_time()
        approvals = [self.sign(number, name) for number, name in enumerate(names)]
        signing_s = time.process_time() - signing_s
        for number, name in enumerate(names):
            self.bill(number, name, approvals[number])
        self.at_ns += KEPT_S * 10**9
        self.apparatus.expire(self.at_ns)  # forgets them
        return (time.process_time() - start_s - signing_s) / sessions

    def synchronise(self, sessions: int) -> list[str]:
        """T1 to T4 of all of them; their names."""
        issued: list[TinIssued] = []
        for terminal in TERMINALS[:sessions]:
            wanted = TinWanted(f"request {self.rounds}", terminal)
            issued.append(self.told(self.apparatus.from_billing(terminal, wanted, self.at_ns)))
        for caller, number in zip(CALLERS, issued, strict=False):
            self.apparatus.from_paying(caller, TinPresented(number.tin), self.at_ns)
        return [number.session for number in issued]

    def bill(self, number: int, session: str, approval: Approval) -> None:
        """T5 to T9 of one of them."""
        billed = AmountBilled(session, PRICE)
        self.apparatus.from_billing(TERMINALS[number], billed, self.at_ns)
        confirmed = Confirmed(session, approval)
        *_, last = self.apparatus.from_paying(CALLERS[number], confirmed, self.at_ns)
        assert isinstance(last.body, Receipt), last

    def sign(self, number: int, session: str) -> Approval:
        """What the payer's phone does."""
        return sign(
            KEYS[number],
            settlement_id=session,
            payer=ACCOUNTS[number],
            payee=SHOP,
            amount=PRICE,
            counter=self.rounds,
        )

    def told(self, notices: list[Notice]) -> TinIssued:
        """T2, which is the only answer to T1."""
        (notice,) = notices
        assert isinstance(notice.body, TinIssued), notice
        return notice.body


def core(rounds: int) -> tuple[float, float]:
    """Medians of the apparatus alone, in microseconds: few sessions at a time, and many."""
    town = Town()
    town.settle(MANY)  # warm up
    few, many = [], []
    for _ in range(rounds):  # in turn, so that a slow minute slows both
        few.append(statistics.median(town.settle(FEW) for _ in range(10)))
        many.append(town.settle(MANY))
    return statistics.median(few) * 1e6, statistics.median(many) * 1e6


def whole(rounds: int) -> tuple[float, float]:
    """The same of a run with everything on."""
    few, many = [], []
    for _ in range(rounds):
        few.append(statistics.median(live(FEW) for _ in range(5)))
        many.append(live(MANY))
    return statistics.median(few) * 1e6, statistics.median(many) * 1e6


def main() -> None:
    """Print the medians and, as the last line, the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="of 10,000 sessions, each kind")
    arguments = parser.parse_args()
    figures: dict[str, float] = {}
    for prefix, measure in (("", whole), ("core_", core)):
        few_us, many_us = measure(arguments.rounds)
        print(
            f"{'apparatus alone' if prefix else 'whole run':15} {FEW} at a time {few_us:7.1f} µs "
            f"each, {MANY} at a time {many_us:7.1f} µs each"
        )
        figures[f"{prefix}growth_100x"] = round(many_us / few_us, 2)
        figures[f"{prefix}session_us"] = round(many_us)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
