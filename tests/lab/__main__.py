"""A lab without hardware: paybench's drivers against a real kernel's. ``python tests/lab``.

A Debian in QEMU; docs/lab.md tells what it shows. Arguments are tests to run instead of all.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import disks
import machine

LIMIT_S = 1800.0
TOOLS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
}
TESTS = (
    "tests/lab/doctor_lab.py",
    "tests/lab/serial_lab.py",
    "tests/lab/wedge_lab.py",
    "tests/hil/test_wedge.py::test_a_real_keyboard_is_grabbed_and_read",
    "tests/lab/camera_lab.py",
    "tests/lab/ble_lab.py",  # last: a kernel that stops, stops in Bluetooth
)

MISSING = (
    "a dongle that is pulled out under a connection: Debian's kernel 6.1.192 stops then",
    "ble-peripheral, and ble-central with hci=usb:0: bumble on the dongle, past the kernel",
    "a line display on cdc_acm",
)


def main() -> int:
    """Make what is missing, run the guest, and say what was shown; the exit status is pytest's."""
    began_s = time.monotonic()
    tools()
    debian, packages = disks.debian(), disks.packages()
    report = disks.KEPT / "report.jsonl"
    report.write_text("", encoding="utf-8")
    machine.run(debian, packages, sys.argv[1:] or TESTS, report, LIMIT_S)
    lines = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    ended = [line["end"] for line in lines if "end" in line]
    sys.stdout.write(table([line for line in lines if "test" in line]))
    sys.stdout.write("".join(f"  not shown: {what}\n" for what in MISSING))
    disks.say(f"{time.monotonic() - began_s:.0f} s in all")
    if not ended:
        disks.say(f"the guest did not come to its end within {LIMIT_S:.0f} s: tests are missing")
        return 4
    return ended[0] or int(any(line.get("outcome") == "skipped" for line in lines))


def tools() -> None:
    """See to it that the tools are there: as root install them, else say how."""
    wanted = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
    if not wanted:
        return
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *wanted]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        sys.exit(f"the lab needs what is not installed: sudo {' '.join(install)}")
    subprocess.run(["apt-get", "update", "--quiet"], check=True)  # noqa: S607 - root's own
    subprocess.run([*install, "--quiet"], check=True)


def table(rows: list[dict[str, str]]) -> str:
    """What was shown, and what was seen, for a terminal."""
    marks = {"passed": "✓", "failed": "✗", "skipped": "-"}
    lines = [""]
    for row in rows:
        lines += [
            f"{marks[row['outcome']]} {row['shows']}",
            f"    {Path(row['test']).name}, {row['took_s']} s",
        ]
        if row["saw"]:
            lines.append(f"    {row['saw']}")
    return "\n".join([*lines, "", ""])


if __name__ == "__main__":
    sys.exit(main())
