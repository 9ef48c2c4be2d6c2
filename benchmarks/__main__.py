"""Runs every benchmark of this folder, and writes RESULTS.md: ``python benchmarks``."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent

HEAD = """\
# Measured

Written by `make bench`, on {cores} cores, Python {python}, {system}. Ratios travel between
machines better than rates. What a figure means stands at the top of its script.

| script | figure | value |
|---|---|---|
"""


def main() -> None:
    """Run them all; fail when one fails."""
    rows: list[str] = []
    for script in sorted(FOLDER.glob("[!_]*.py")):
        print(f"== {script.name}", flush=True)
        done = subprocess.run(
            [sys.executable, script], stdout=subprocess.PIPE, text=True, check=True
        )
        print(done.stdout, flush=True)
        figures = json.loads(done.stdout.splitlines()[-1])
        rows += [f"| {script.name} | `{name}` | {value} |" for name, value in figures.items()]
    head = HEAD.format(
        cores=os.cpu_count(), python=platform.python_version(), system=platform.system()
    )
    (FOLDER / "RESULTS.md").write_text(head + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
