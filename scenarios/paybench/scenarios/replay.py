"""Replay: run a recording again with nothing attached, and compare it line by line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paybench.devices.trace import Act, Injected, Verdict
from paybench.scenarios.discovery import find
from paybench.scenarios.errors import UsageError
from paybench.scenarios.recording import read
from paybench.scenarios.run import BLOCKED, replay_run

if TYPE_CHECKING:
    from pathlib import Path

    from paybench.scenarios.run import Run

CONTEXT_LINES = 4


@dataclass(frozen=True)
class Replay:
    """A recording and what became of it when it was run again.

    Attributes:
        run: The new run.
        recorded: The recording's lines, header first.
        replayed: The new run's lines.
        diverged_at: Index of the first line that differs, or None when they are the same.
    """

    run: Run
    recorded: list[bytes]
    replayed: list[bytes]

    @property
    def diverged_at(self) -> int | None:
        """Index of the first line that differs, the header being 0; None when none does."""
        if self.recorded == self.replayed:
            return None
        pairs = zip(self.recorded, self.replayed, strict=False)
        shorter = min(len(self.recorded), len(self.replayed))
        return next((i for i, (old, new) in enumerate(pairs) if old != new), shorter)

    def around(self, lines: list[bytes]) -> list[str]:
        """One of the transcripts around the divergence, with line numbers from 1."""
        at = self.diverged_at or 0
        start = max(at - CONTEXT_LINES, 0)
        shown = lines[start : at + CONTEXT_LINES + 1]
        return [f"{start + i + 1:5} {line.decode()}" for i, line in enumerate(shown)]


def replay(path: Path) -> Replay:
    """Run a recording again.

    Raises:
        TraceError: The file is no trace of this version.
        UsageError: Its scenario is not to be found, or is not one any more.
    """
    header, events, lines = read(path)
    if not header.scenario:
        raise UsageError(f"{path} was recorded by a rig outside of a scenario: it has no replay")
    scenario = next(
        (
            found
            for found in find(header.source or header.scenario)
            if found.name == header.scenario
        ),
        None,
    )
    if scenario is None:
        raise UsageError(f"{header.source} has no scenario {header.scenario!r} any more")
    if header.variant and header.variant not in scenario.variants:
        raise UsageError(f"{header.scenario} has no variant {header.variant!r} any more")
    script = [event for event in events if isinstance(event, (Act, Injected))]
    last = events[-1] if events else None
    if not script and isinstance(last, Verdict) and last.verdict == BLOCKED:
        raise UsageError(f"{path} has nothing to replay: its run was blocked before it began")
    run = replay_run(scenario, header, script)
    return Replay(run, lines, run.content.split(b"\n")[:-1])
