"""From a byte on the wire to the device that waits for it: our path beside bare pyserial.

A process of its own types scans into a pseudo-terminal. Each scan's payload is the moment it was
written, so the reader knows how long it took. The bare loop blocks in pyserial's `read` and takes
whatever is there. Ours is the whole path of a real reader: descriptor, wall clock, injection,
record, codec, cable, port, process. Both in turn, in one run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
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

PAUSE_S = 0.002
TYPIST = f"""
import sys, time
from paybench.hil.virtual.tty import VirtualTty
with VirtualTty() as tty:
    print(tty.path, flush=True)
    for line in sys.stdin:
        for _ in range(int(line)):
            time.sleep({PAUSE_S})
            tty.write(b"%d\\r" % time.perf_counter_ns())
"""


def bare(path: str, count: int, begin: Callable[[], None]) -> list[float]:
    """A bare pyserial loop; latencies in microseconds."""
    latencies: list[float] = []
    with serial.Serial(path, timeout=None) as tty:
        begin()
        pending = b""
        while len(latencies) < count:
            pending += tty.read(tty.in_waiting or 1)
            *frames, pending = pending.split(b"\r")
            now = time.perf_counter_ns()
            latencies += [(now - int(frame)) / 1e3 for frame in frames]
    return latencies


def ours(path: str, count: int, begin: Callable[[], None], reader: str) -> list[float]:
    """A simulated device with a real reader; latencies in microseconds."""
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
        world.env.wait_until(lambda: len(latencies) >= count, 60.0)
    finally:
        driver.close()
        world.env.close()
    assert len(latencies) == count, "readings are missing"
    return latencies


def main() -> None:
    """Print medians and, as the last line, the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scans", type=int, default=300, help="in each round")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    kinds: dict[str, Callable[..., list[float]]] = {
        "bare pyserial": bare,
        "ours": lambda *a: ours(*a, reader="descriptor"),
        "ours, in a thread": lambda *a: ours(*a, reader="thread"),
    }
    latencies: dict[str, list[float]] = {kind: [] for kind in kinds}
    with subprocess.Popen(
        [sys.executable, "-c", TYPIST], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as typist:
        assert typist.stdin is not None
        assert typist.stdout is not None
        keys, path = typist.stdin, typist.stdout.readline().strip()

        def begin() -> None:
            keys.write(f"{arguments.scans}\n")
            keys.flush()

        for _ in range(arguments.rounds):
            for kind, measure in kinds.items():
                latencies[kind] += measure(path, arguments.scans, begin)
        keys.close()
    for kind, values in latencies.items():
        quantiles = statistics.quantiles(values, n=100)
        print(f"{kind:18} median {statistics.median(values):7.1f} µs   p99 {quantiles[98]:7.1f} µs")
    medians = {kind: statistics.median(values) for kind, values in latencies.items()}
    p99 = {kind: statistics.quantiles(values, n=100)[98] for kind, values in latencies.items()}
    figures = {
        "added_us_median": round(medians["ours"] - medians["bare pyserial"], 1),
        "serial_ratio": round(medians["ours"] / medians["bare pyserial"], 2),
        "added_us_p99": round(p99["ours"] - p99["bare pyserial"], 1),
        "bare_us_median": round(medians["bare pyserial"], 1),
        "ours_us_median": round(medians["ours"], 1),
        "thread_us_median": round(medians["ours, in a thread"], 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
