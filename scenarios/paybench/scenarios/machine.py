"""What the command line tells of this machine: what is plugged in, and what is missing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec
from rich.text import Text

from paybench.hil.doctor import GOOD, MISSING, examine
from paybench.hil.errors import PortUnavailable
from paybench.hil.scan import draft, listen_around, look_around, printable
from paybench.scenarios.command import EXIT_CODES
from paybench.scenarios.errors import UsageError
from paybench.scenarios.report import aligned, console

MARKS = {GOOD: ("✓", "green"), MISSING: ("✗", "red")}


def scan(write: str | None, *, hci: str, listen_s: float, as_json: bool) -> int:
    """List what is plugged in and what is on the air; with `write`, draft a bench file there.

    Args:
        write: Where to; None for nowhere.
        hci: The Bluetooth adapter to listen with; "" for the system's.
        listen_s: How long to listen, in seconds; 0 for not at all.
        as_json: One JSON document instead of lines.

    Returns:
        0, or 3 when the adapter that was named is not there.

    Raises:
        UsageError: There is a file already, or it cannot be written.
    """
    found, deaf = look_around(), ""
    if listen_s:
        try:
            found += listen_around(hci, listen_s)
        except PortUnavailable as error:
            deaf = f"no Bluetooth: {error}"
            # Before anything else, and not among what a machine reads.
            print(deaf + ("" if hci else " ('paybench doctor' has more)"), file=sys.stderr)
    code = EXIT_CODES["blocked" if deaf and hci else "passed"]
    if write is not None:
        try:
            with Path(write).open("x", encoding="utf-8") as file:
                file.write(draft(found))
        except FileExistsError:
            raise UsageError(f"{write} is there already: name another file") from None
        except OSError as error:
            raise UsageError(f"{write} cannot be written ({error.strerror})") from error
    if as_json:
        print(json.dumps([msgspec.to_builtins(thing) for thing in found], indent=2))
        return code
    out = console()
    cells = [(t.kind, t.spec, printable(t.name), t.more) for t in found]
    for line in aligned(cells):
        out.print(line, markup=False, soft_wrap=True)
    if not found:
        out.print("nothing is plugged in that could be found")
    if write is not None:
        out.print(f"a draft is in {write}", markup=False)
    return code


def doctor(*, as_json: bool) -> int:
    """Tell what stands in the way of real parts.

    Returns:
        0, or 3 when something is missing that a command mends.
    """
    findings = examine()
    missing = any(finding.state == MISSING for finding in findings)
    code = EXIT_CODES["blocked" if missing else "passed"]
    if as_json:
        print(json.dumps([msgspec.to_builtins(finding) for finding in findings], indent=2))
        return code
    out = console()
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        mark, colour = MARKS.get(finding.state, ("-", "dim"))
        line = Text(f"{mark} ", style=colour)
        line.append(f"{finding.what.ljust(width)}  {finding.seen}", style="default")
        out.print(line, soft_wrap=True)
        if finding.mend:
            out.print(Text(f"  {' ' * width}  → {finding.mend}"), soft_wrap=True)
    return code
