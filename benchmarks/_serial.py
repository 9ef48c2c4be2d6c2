"""From a byte on the wire to the device that waits for it.

A process of its own types scans into a pseudo-terminal. Each scan's payload is the moment it was
written, so the reader knows how long it took. Bare is a loop that blocks in pyserial's `read` and
takes whatever is there. Ours is the whole path of a real reader: descriptor, wall clock, injection,
record, codec, cable, port, process. "thread" is the same with `reader=thread`.
"""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import serial

from paybench.devices.link import LinkProfile
from paybench.devices.port import Port
from paybench.devices.scanner import Scanner
from paybench.devices.world import World
from paybench.hil.serial import SerialDriver
from paybench.hil.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

SCANS = 100
PAUSE_S = 0.002
TYPIST = f"""
import sys, time
from paybench.hil.virtual.tty import VirtualTty
with VirtualTty() as tty:
    print(tty.path, flush=True)
    for _ in sys.stdin:
        for _ in range({SCANS}):
            time.sleep({PAUSE_S})
            tty.write(b"%d\\r" % time.perf_counter_ns())
"""


@contextmanager
def serial_line() -> Generator[dict[str, Callable[[], list[float]]]]:
    """Rounds by name; each gives latencies in microseconds."""
    with subprocess.Popen(
        [sys.executable, "-c", TYPIST], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as typist:
        assert typist.stdin is not None
        assert typist.stdout is not None
        keys, path = typist.stdin, typist.stdout.readline().strip()

        def begin() -> None:
            keys.write("\n")
            keys.flush()

        yield {
            "bare": lambda: bare(path, begin),
            "ours": lambda: ours(path, begin, "descriptor"),
            "thread": lambda: ours(path, begin, "thread"),
        }
        keys.close()


def bare(path: str, begin: Callable[[], None]) -> list[float]:
    """A bare pyserial loop."""
    latencies: list[float] = []
    with serial.Serial(path, timeout=None) as tty:
        begin()
        pending = b""
        while len(latencies) < SCANS:
            pending += tty.read(tty.in_waiting or 1)
            *frames, pending = pending.split(b"\r")
            now = time.perf_counter_ns()
            latencies += [(now - int(frame)) / 1e3 for frame in frames]
    return latencies


def ours(path: str, begin: Callable[[], None], reader: str) -> list[float]:
    """A simulated device with a real reader."""
    latencies: list[float] = []
    world = World()
    world.staged = True
    cable = Port(world.env, "A.register", "scanner cable")
    scanner = Scanner(world, "A.register.scanner")
    world.connect(scanner.port, cable, LinkProfile())

    def device() -> Generator[Any, Any, None]:
        while True:
            reading = yield cable.receive(timeout_s=5.0)
            latencies.append((time.perf_counter_ns() - int(reading.payload)) / 1e3)

    world.env.process(device())
    driver = SerialDriver(Spec("serial", path, {"reader": reader}))
    driver.open()
    try:
        driver.stand_in(scanner, world, lambda _: None)
        begin()
        world.env.wait_until(lambda: len(latencies) >= SCANS, 60.0)
    finally:
        driver.close()
        world.env.close()
    assert len(latencies) == SCANS, "readings are missing"
    return latencies
