"""What pytest adds to a scenario: the cost of its item beyond the simulation itself, in ms.

The same generated scenarios (Fig 3, relayed) run through pytest and through `run.run`, each in a
process of its own, each with many of them and with one. What many take longer than one, divided by
how many more they are, is the cost of a scenario, with neither the start-up of Python nor that of
pytest in it. The difference of the two costs is what pytest adds: collecting, fixtures, reporting,
digest and JUnit properties, and reading the golden file. `start` is what the plugin's import
adds to a start of pytest.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HEAD = "from paybench.scenarios import scenario\n"
SCENARIO = '''

@scenario()
def purchase_{number}(rig):
    """Customer B buys a coffee at shop A and pays by phone."""
    register = rig.shop("A").cash_register()
    phone = rig.customer("B", balance="20.00", password="2468").phone()
    register.scan("4901234567894", price="2.50")
    register.bill(phone)
    phone.approve(password="2468")
    register.expects("PAID 2.50")
    register.expects_article("handed over")
    rig.expects_steps("D1", "D2", "D3", "D4")
    rig.expects_balances(A="2.50", B="17.50")
'''
DIRECT = """
import sys
from paybench.scenarios.discovery import find
from paybench.scenarios.run import run
runs = [run(scenario) for scenario in find(sys.argv[1])]
assert all(one.verdict == "passed" for one in runs)
"""
IMPORT = """
import time, pytest
start = time.perf_counter()
import paybench.scenarios.pytest_plugin
print(time.perf_counter() - start)
"""
PYTEST = ["-m", "pytest", "-q", "-p", "no:hypothesispytest", "-p", "no:cacheprovider"]


def make_project(folder: Path, count: int) -> Path:
    """A project with so many scenarios in one file, and their golden files; returns the file."""
    file = folder / "scenarios" / "many.py"
    file.parent.mkdir(parents=True)
    file.write_text(HEAD + "".join(SCENARIO.format(number=i) for i in range(count)))
    (folder / "pytest.ini").write_text("[pytest]\n")
    seconds([*PYTEST, "--update-golden", str(file)], folder)
    return file


def seconds(arguments: list[str], folder: Path) -> float:
    """How long a Python process takes."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def import_ms() -> float:
    """How long the plugin's import takes where pytest is there already."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT], check=True, stdout=subprocess.PIPE, text=True
    )
    return float(done.stdout) * 1e3


def main() -> None:
    """Print medians and, as the last line, the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scenarios", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    more = arguments.scenarios - 1
    costs_ms: dict[str, list[float]] = {"pytest": [], "direct": []}
    starts_ms: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        # As in any installation, byte code is compiled once.
        os.environ["PYTHONPYCACHEPREFIX"] = f"{folder}/byte_code"
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        one = make_project(Path(folder, "one"), 1)
        many = make_project(Path(folder, "many"), arguments.scenarios)
        commands = {"pytest": PYTEST, "direct": ["-c", DIRECT]}
        for _ in range(arguments.rounds):  # in turn, so that a slow minute slows all of them
            for kind, command in commands.items():
                slope_s = seconds([*command, str(many)], many.parent.parent) - seconds(
                    [*command, str(one)], one.parent.parent
                )
                costs_ms[kind].append(slope_s * 1e3 / more)
            starts_ms.append(import_ms())
    pytest_ms, direct_ms = (statistics.median(costs_ms[kind]) for kind in ("pytest", "direct"))
    start_ms = statistics.median(starts_ms)
    print(f"through pytest  {pytest_ms:6.2f} ms per scenario")
    print(f"by run.run      {direct_ms:6.2f} ms per scenario")
    print(f"pytest adds     {pytest_ms - direct_ms:6.2f} ms per scenario")
    print(f"plugin import   {start_ms:6.2f} ms per start of pytest")
    figures = {
        "pytest_added_ms": round(pytest_ms - direct_ms, 2),
        "direct_ms": round(direct_ms, 2),
        "plugin_import_ms": round(start_ms, 2),
        "scenarios": arguments.scenarios,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
