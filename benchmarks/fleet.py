"""A town's whole day: flows per second, and what ten times the fleet does to the cost of a flow.

`commuter-day` in two sizes, each in a process of its own, with everything on: signatures and
their verification, the bank in memory, the whole trace (encoded, hashed, and let go of), money
counted every quarter of an hour. The time is the processor's, from the first account to the
digest: on a machine with nothing else to do, the same as the wall's.

`growth_10x` is the cost of a flow in the large town over its cost in the small one; `peak_mib`
is the most memory the large one's process had.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

from paybench.scenarios.discovery import find
from paybench.scenarios.recording import Tape
from paybench.scenarios.run import Options, run

SMALL = {"shops": 25, "registers": 50, "machines": 100, "gates": 100, "customers": 5_000}
SCENARIO = "commuter-day"


def live(factor: int) -> dict[str, float]:
    """One day of a town so many times as large as the small one."""
    settings = {name: count * factor for name, count in SMALL.items()}
    start_s = time.process_time()
    done = run(find(SCENARIO)[0], "", Options(settings=settings, tape=Tape(None)))
    digest = done.digest
    cpu_s = time.process_time() - start_s
    if done.verdict != "passed":
        raise SystemExit(f"{SCENARIO} {done.verdict}: {done.why}")
    flows = sum(int(row["flows"]) for row in done.figures[0].facts)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{factor} times the small town: digest {digest[:16]}, {len(done.trace):,} events",
        file=sys.stderr,
    )
    return {"flows": flows, "cpu_s": cpu_s, "peak_mib": peak_mib}


def in_own_process(factor: int) -> dict[str, float]:
    """The same, with memory and allocator as a new process has them."""
    command = [sys.executable, __file__, "--factor", str(factor)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def main() -> None:
    """Print the figures of both sizes, as the last line as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--factor", type=int, help="one town alone, so many times the small one")
    factor = parser.parse_args().factor
    if factor:
        print(json.dumps(live(factor)))
        return
    small, large = in_own_process(1), in_own_process(10)
    for name, town in (("small", small), ("large", large)):
        print(
            f"{name:5} {town['flows']:10,.0f} flows  {town['cpu_s']:7.1f} s  "
            f"{1e6 * town['cpu_s'] / town['flows']:6.0f} µs each  {town['peak_mib']:6.0f} MiB"
        )
    growth = (large["cpu_s"] / large["flows"]) / (small["cpu_s"] / small["flows"])
    figures = {
        "flows_per_s": round(large["flows"] / large["cpu_s"]),
        "growth_10x": round(growth, 2),
        "peak_mib": round(large["peak_mib"]),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
