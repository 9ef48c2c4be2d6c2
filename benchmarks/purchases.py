"""Purchases per second: ours with everything on, beside the usual SimPy way, in one process.

The baseline is what one writes first: a `simpy.Store` per device, a process per message in
flight, and nothing else - no time-outs, no signatures, no bank, no trace. Ours is the devices of
this package: time-outs on every wait, a signed approval and its verification for every purchase,
the bank in memory (log, withdrawal, deposit), the whole trace.

Both make the same purchases: relayed, Fig 3 (D1, D2, D3, D4), with the same latencies and the
same service time. `ratio_messages` compares the passing of messages alone: the same four messages
through ports and links (which note them in the trace; that is not to be switched off), and through
Stores and processes.

Our environment makes Python's cycle collector patient while it runs, SimPy's does not. The `_tuned`
ratios are against the baseline with the same patience, so that what the devices cost and what the
collector costs can be told apart.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
from typing import TYPE_CHECKING, Any

import simpy

from paybench.bank.account import AccountNumber
from paybench.bank.bank import Bank
from paybench.bank.money import Money
from paybench.devices.bank_host import BankHost
from paybench.devices.bank_queues import BankTimes
from paybench.devices.cash_register import CashRegister
from paybench.devices.environment import patient_collector
from paybench.devices.link import LinkProfile
from paybench.devices.message import Message
from paybench.devices.phone import Phone
from paybench.devices.port import Port
from paybench.devices.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

SHORT_RANGE_S = 0.015
LINE_S = 0.030
SERVICE_S = 0.004
PAUSE_S = 1.0
PRICE = "2.50"
TUNED = "baseline tuned"


def baseline(registers: int, purchases: int) -> Callable[[], int]:
    """The usual SimPy way: stores, and a process for each message in flight."""
    env = simpy.Environment()
    bank = simpy.Store(env)
    paid = 0

    def fly(store: simpy.Store, message: tuple[Any, ...], delay_s: float) -> Generator[Any]:
        yield env.timeout(delay_s)
        yield store.put(message)

    def register(inbox: simpy.Store, phone: simpy.Store, name: int) -> Generator[Any]:
        nonlocal paid
        for number in range(purchases):
            env.process(fly(phone, ("D1", inbox, (name, number), 250), SHORT_RANGE_S))
            yield inbox.get()
            env.process(fly(bank, ("D3", inbox, (name, number), 250), LINE_S))
            yield inbox.get()
            paid += 1
            yield env.timeout(PAUSE_S)

    def phone(inbox: simpy.Store) -> Generator[Any]:
        while True:
            _, register_inbox, key, amount = yield inbox.get()
            env.process(fly(register_inbox, ("D2", key, amount), SHORT_RANGE_S))

    def serve() -> Generator[Any]:
        while True:
            _, register_inbox, key, _ = yield bank.get()
            yield env.timeout(SERVICE_S)
            env.process(fly(register_inbox, ("D4", key, True), LINE_S))

    for name in range(registers):
        phone_inbox = simpy.Store(env)
        env.process(phone(phone_inbox))
        env.process(register(simpy.Store(env), phone_inbox, name))
    for _ in range(registers):
        env.process(serve())

    def run() -> int:
        env.run()
        return paid

    return run


def ours(registers: int, purchases: int) -> Callable[[], int]:
    """The devices of this package, with everything on."""
    world = World(seed=1)
    bank = Bank()
    host = BankHost(world, bank, times=BankTimes(workers=registers))
    shop_account = AccountNumber(1, 1)
    bank.open_account(shop_account, "A")
    price = Money.parse(PRICE, "EUR")
    quiet_line, quiet_air = LinkProfile(latency_s=LINE_S), LinkProfile(latency_s=SHORT_RANGE_S)
    paid = 0

    def shop(register: CashRegister, phone: Phone) -> Generator[Any]:
        nonlocal paid
        for _ in range(purchases):
            sale = register.ring_up("4901234567894", price)
            yield from register.sell(sale, phone)
            assert sale.article == "handed over", register.display.lines
            paid += 1
            yield world.env.timeout(PAUSE_S)

    for number in range(registers):
        key = number.to_bytes(16, "big")
        account = AccountNumber(2, number)
        bank.open_account(account, f"B{number}", approval_key=key)
        bank.fund(account, Money(price.amount_minor * purchases, "EUR"), f"opening {number}")
        register = CashRegister(world, f"A.register{number}", account=shop_account, shop="A")
        phone = Phone(world, f"B{number}.phone", account=account, password="2468", approval_key=key)
        phone.customer = lambda phone: phone.approve("2468")
        world.connect(register.bank_line, host.network, quiet_line)
        world.connect(register.short_range, phone.short_range, quiet_air)
        world.env.process(shop(register, phone))

    def run() -> int:
        world.env.run()
        assert bank.total().amount_minor == 0
        assert bank.balance(shop_account) == Money(price.amount_minor * paid, "EUR")
        return paid

    return run


class Note(Message, frozen=True, gc=False):
    """As little as a message can say."""

    key: int


def our_messages(registers: int, purchases: int) -> Callable[[], int]:
    """Ports and links alone: the same four messages, nothing else."""
    world = World(seed=1)
    env = world.env
    line, air = LinkProfile(latency_s=LINE_S), LinkProfile(latency_s=SHORT_RANGE_S)
    network = Port(env, "bank", "network")
    paid = 0

    def register(short_range: Port, bank_line: Port, name: int) -> Generator[Any]:
        nonlocal paid
        for _ in range(purchases):
            short_range.send(Note(name), "D1")
            yield short_range.receive()
            bank_line.send(Note(name), "D3")
            yield bank_line.receive()
            paid += 1
            yield env.timeout(PAUSE_S)

    def phone(short_range: Port) -> Generator[Any]:
        while True:
            message = yield short_range.receive()
            short_range.send(message, "D2")

    def serve() -> Generator[Any]:
        while True:
            sent = yield network.receive_sent()
            yield env.timeout(SERVICE_S)
            network.send(sent.message, "D4", sent.sender)

    for number in range(registers):
        ours, theirs = Port(env, f"r{number}", "air"), Port(env, f"p{number}", "air")
        bank_line = Port(env, f"r{number}", "line")
        world.connect(ours, theirs, air)
        world.connect(bank_line, network, line)
        env.process(phone(theirs))
        env.process(register(ours, bank_line, number))
        env.process(serve())

    def run() -> int:
        env.run()
        return paid

    return run


def purchases_per_s(build: Callable[[int, int], Callable[[], int]], size: tuple[int, int]) -> float:
    """Build it, run it, time the run alone."""
    run = build(*size)
    gc.collect()
    start = time.perf_counter()
    paid = run()
    elapsed_s = time.perf_counter() - start
    assert paid == size[0] * size[1]
    return paid / elapsed_s


def main() -> None:
    """Print medians and, as the last line, the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--registers", type=int, default=1000)
    parser.add_argument("--purchases", type=int, default=50, help="for each register")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    size = (arguments.registers, arguments.purchases)
    kinds = {"baseline": baseline, "full": ours, "messages": our_messages}
    rates: dict[str, list[float]] = {kind: [] for kind in [*kinds, TUNED]}
    for _ in range(arguments.rounds):  # in turn, so that a slow minute slows all of them
        for kind, build in kinds.items():
            rates[kind].append(purchases_per_s(build, size))
        with patient_collector():
            rates[TUNED].append(purchases_per_s(baseline, size))
    medians = {kind: statistics.median(values) for kind, values in rates.items()}
    for kind, median in medians.items():
        print(f"{kind:14} {median:10,.0f} purchases/s   {1e6 / median:6.1f} µs each")
    figures = {
        "ratio_full": round(medians["full"] / medians["baseline"], 2),
        "ratio_full_tuned": round(medians["full"] / medians[TUNED], 2),
        "ratio_messages": round(medians["messages"] / medians["baseline"], 2),
        "ratio_messages_tuned": round(medians["messages"] / medians[TUNED], 2),
        "purchases_per_s": round(medians["full"]),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
