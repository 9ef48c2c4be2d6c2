"""What is kept of a failed run, and what its report says."""

from __future__ import annotations

import hashlib
import re
import shlex
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from paybench.devices.errors import TraceError, Unmet
from paybench.devices.trace import Act, Injected, Verdict
from paybench.scenarios.ladder import draw
from paybench.scenarios.recording import write
from paybench.scenarios.run import ERROR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paybench.devices.trace import AnyEvent
    from paybench.scenarios.run import Run

LADDER_LINES = 15
NAME_LENGTH_MAX = 120
"""Longest name of a trace file; a file system takes 255 bytes, a terminal less."""


class Kept:
    """A trace kept in a file, or the reason why it could not be.

    Args:
        folder: Folder it goes to.
        nodeid: The test's id, which the file is called after.
        content: The bytes of the trace file.
    """

    def __init__(self, folder: Path, nodeid: str, content: bytes) -> None:
        path = folder / f"{safe_name(nodeid)}.jsonl"
        self._shown = shown(path)
        self._why_not = ""
        try:
            write(path, content)
        except TraceError as error:  # must not hide what failed
            self._why_not = str(error)

    def told(self, *, replays: bool) -> str:
        """The line of a report about it: the command that replays it, or where it is."""
        if self._why_not:
            return f"no trace: {self._why_not}"
        path = shlex.quote(self._shown)
        return f"replay: paybench replay {path}" if replays else f"trace: paybench show {path}"


def shown(path: Path) -> str:
    """A path as it is typed where pytest was started."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def safe_name(nodeid: str) -> str:
    """A test's id as a file name: ``scenarios-shop.py-shop_purchase-direct``."""
    name = re.sub(r"[^\w.-]+", "-", nodeid, flags=re.ASCII).strip("-.")
    if len(name) <= NAME_LENGTH_MAX and nodeid.isascii():
        return name
    # Two long names, or two in another script, may differ only in what was cut off or replaced.
    digest = hashlib.sha256(nodeid.encode()).hexdigest()[:8]
    return f"{name[-NAME_LENGTH_MAX:]}-{digest}".strip("-.")


def headline(run: Run) -> str:
    """Verdict and sentence: ``FAILED: A.register: expected …``."""
    return f"{run.verdict.upper()}: {run.why}"


def describe(run: Run, kept: Kept, width: int) -> str:
    """The report on a run that did not pass."""
    line = line_in(run.failure, run.scenario.file)
    place = f"{shown(Path(run.scenario.file))}:{line}"
    lines = [headline(run)]
    if line and not run.why.startswith(place):
        lines.append(f"  at        {place}")
    if isinstance(run.failure, Unmet):
        lines += [f"  expected  {run.failure.expected}", f"  seen      {run.failure.seen}"]
    elif type(run.failure) is AssertionError and str(run.failure):
        # A plain assert: pytest has taken it to pieces, and says what the values were.
        lines += [f"  {line}" for line in str(run.failure).splitlines()]
    if run.verdict == ERROR:
        lines += ["", run.detail.rstrip()]
    if len(run.trace) == 1:  # the verdict alone: it never began, and there is nothing to replay
        return "\n".join(lines)
    ladder = last_of_ladder(run.trace.events, width)
    acted = any(isinstance(event, Act | Injected) for event in run.trace)
    return "\n".join([*lines, "", *ladder, "", kept.told(replays=acted)])


def last_of_ladder(events: Sequence[AnyEvent], width: int) -> list[str]:
    """The end of the ladder, below its header."""
    lines = draw([event for event in events if not isinstance(event, Verdict)], width=width)
    if len(lines) <= LADDER_LINES + 1:
        return lines
    hidden = len(lines) - LADDER_LINES - 1
    return [f"({hidden} lines before these)", lines[0], *lines[-LADDER_LINES:]]


def line_in(failure: BaseException | None, file: str) -> int:
    """The last line of a file in an exception's traceback; 0 if it has none."""
    if failure is None:
        return 0
    frames = traceback.extract_tb(failure.__traceback__)
    return next((f.lineno or 0 for f in reversed(frames) if f.filename == file), 0)
