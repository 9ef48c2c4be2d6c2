"""What the command line prints: lists, ladders while they run, results, divergences."""

from __future__ import annotations

import errno
import json
import os
import sys
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from paybench.devices.trace import Verdict
from paybench.scenarios.ladder import Ladder, ansi, draw
from paybench.scenarios.recording import read
from paybench.scenarios.time_of_day import TimeOfDay

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from pathlib import Path

    from paybench.scenarios.figures import Figures
    from paybench.scenarios.replay import Replay
    from paybench.scenarios.rig import Rig
    from paybench.scenarios.run import Run
    from paybench.scenarios.scenario import Scenario

COLOURS = {"passed": "green", "failed": "red", "blocked": "yellow", "error": "bold red"}
PIPED_WIDTH = 120
NS_PER_S = 1e9


def console() -> Console:
    """Standard output: styled on a terminal, plain and never wrapped when piped."""
    if sys.stdout.isatty():
        return Console(highlight=False)
    # FORCE_COLOR and the like are for other programs: what is not a terminal gets no tables.
    return _Piped(
        highlight=False, force_terminal=False, no_color=True, width=PIPED_WIDTH, soft_wrap=True
    )


class _Piped(Console):
    """Standard output that is not a terminal; whether somebody reads it is seen by `main`."""

    def on_broken_pipe(self) -> None:
        """Nobody does any more: said as `print` says it."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


class View:
    """Shows runs as they go: a ladder for one, a progress bar and a table for several.

    Args:
        as_json: Print one JSON document at the end instead, and nothing else on stdout.
        ladder: Draw messages; None means for a single run only.
    """

    def __init__(self, *, as_json: bool = False, ladder: bool | None = None) -> None:
        self._as_json = as_json
        self._wants_ladder = ladder
        self._console = console()
        self._ladder: Ladder | None = None
        self._label = ""
        self._shown = 0
        self._draws_fleets = False
        self._several = False
        self._advance: Callable[[], None] = lambda: None
        self._time: TimeOfDay | None = None
        self._traces: dict[int, Path] = {}

    @contextmanager
    def watching(self, *, several: bool, total: int) -> Generator[None]:
        """Around all runs: the progress bar, on a terminal, when there are several."""
        self._several = several
        self._draws_fleets = self._wants_ladder is True and not self._as_json
        draws = self._wants_ladder if self._wants_ladder is not None else not several
        self._wants_ladder = draws and not self._as_json
        if self._draws_fleets or self._as_json or not self._console.is_terminal:
            yield
            return
        if not several or self._wants_ladder:
            self._time = TimeOfDay(self._console)
            yield
            return
        from rich.progress import Progress

        with Progress(console=self._console, transient=True) as progress:
            task = progress.add_task("running", total=total)
            self._advance = lambda: progress.advance(task)
            self._time = TimeOfDay(self._console, among=progress)
            yield

    def ask(self, wish: str) -> None:
        """Ask the person at the bench for something, on stderr so that output stays clean."""
        sys.stderr.write(f"» {wish}\n")
        sys.stderr.flush()

    def begin(self, label: str) -> Callable[[Rig], None] | None:
        """A run begins; returns what shall watch it."""
        if not self._wants_ladder:
            return None
        self._ladder = None
        self._label = label
        self._shown = 0
        return self._draw_new

    def progress(self, now_s: float, end_s: float) -> None:
        """A long run is so far, in seconds."""
        if self._time is not None:
            self._time.show(now_s, end_s)

    def end(self, run: Run, file: Path | None) -> None:
        """A run has ended."""
        if self._time is not None:
            self._time.clear()
        self._advance()
        if file is not None:
            self._traces[id(run)] = file
        if self._wants_ladder:
            self._print_result(run)

    def conclude(self, runs: list[Run]) -> None:
        """All runs have ended: the table, or the JSON document."""
        if self._as_json:
            facts = [self._facts(run) for run in runs]
            print(json.dumps(facts if self._several else facts[0], indent=2))
            return
        if self._several:
            print_table(self._console, runs)
        elif not self._wants_ladder:
            self._print_result(runs[0])

    def _draw_new(self, rig: Rig) -> None:
        if rig.fleet is not None and not self._draws_fleets:
            return  # thousands of lifelines
        if self._ladder is None:
            # By the first act the scenario has its devices: their lifelines stand side by side.
            self._console.print(Text(self._label, style="bold"))
            names = [device.name for device in rig.devices]
            self._ladder = Ladder([*names, rig.host.name], **drawing(self._console))
        for event in rig.world.trace.since(self._shown):
            _print_lines(self._console, self._ladder.feed(event))
        self._shown = len(rig.world.trace)

    def _print_result(self, run: Run) -> None:
        out = self._console
        line = Text(run.verdict.upper(), style=COLOURS[run.verdict])
        line.append(f"  {run.label}  {_duration(run)}", style="default")
        out.print(line, soft_wrap=True)
        if run.why:
            out.print(Text(f"  {run.why}"), soft_wrap=True)
        if run.detail:
            out.print(Text(run.detail.rstrip()), soft_wrap=True)
        if run.lateness is not None and run.lateness.count:
            out.print(Text(f"  {lateness_text(run)}"), soft_wrap=True)
        self._print_figures(run)
        file = self._traces.get(id(run))
        out.print(Text(f"  digest {run.digest}"), soft_wrap=True)
        if file is not None:
            out.print(Text(f"  trace  {file}"), soft_wrap=True)

    def _print_figures(self, run: Run) -> None:
        for figures in run.figures:
            print_figures(self._console, figures)

    def _facts(self, run: Run) -> dict[str, Any]:
        file = self._traces.get(id(run))
        return facts(run) | {"trace": None if file is None else str(file)}


def facts(run: Run) -> dict[str, Any]:
    """A run as plain values, for JSON."""
    late = run.lateness
    return {
        "scenario": run.scenario.name,
        "variant": run.variant,
        "verdict": run.verdict,
        "why": run.why,
        "seed": run.header.seed,
        "events": len(run.trace),
        "duration_s": run.trace.events[-1].at_ns / NS_PER_S,
        "digest": run.digest,
        "lateness_us": None
        if late is None
        else {
            "events": late.count,
            "median": late.quantile_ns(0.5) / 1e3,
            "p99": late.quantile_ns(0.99) / 1e3,
            "worst": late.worst_ns / 1e3,
        },
    } | ({"figures": {f.name: f.facts for f in run.figures}} if run.figures else {})


def lateness_text(run: Run) -> str:
    """How late events ran in wall time, in words."""
    late = run.lateness
    if late is None:
        return "virtual time"
    median, p99 = late.quantile_ns(0.5) / 1e3, late.quantile_ns(0.99) / 1e3
    return (
        f"wall time: {late.count} events, late by {median:.0f} µs (median), {p99:.0f} µs (p99), "
        f"{late.worst_ns / 1e3:.0f} µs (worst)"
    )


def print_table(out: Console, runs: Iterable[Run]) -> None:
    """Verdicts of several runs, and how many there were of each."""
    runs = list(runs)
    rows = [(run.verdict, run.label, _duration(run), run.digest[:12], run.why) for run in runs]
    if out.is_terminal:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for column in ("verdict", "scenario", "time"):
            table.add_column(column, no_wrap=True, justify="right" if column == "time" else "left")
        table.add_column("digest", style="dim", no_wrap=True)
        table.add_column("why", overflow="fold")
        for row in rows:
            table.add_row(Text(row[0], style=COLOURS[row[0]]), *(Text(cell) for cell in row[1:]))
        out.print(table)
    else:
        for line in aligned(rows):
            out.print(line, markup=False)
    counts = {verdict: sum(run.verdict == verdict for run in runs) for verdict in COLOURS}
    out.print(", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count))


def print_figures(out: Console, figures: Figures) -> None:
    """A small table of what was counted: figures to the right, words to the left."""
    heads, *rows = figures.lines
    first = figures.rows[0] if figures.rows else ()
    right = [not isinstance(cell, str) or cell[-1:].isdecimal() for cell in first]
    out.print(Text(figures.title, style="bold"), soft_wrap=True)
    if out.is_terminal:
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        for head, to_right in zip(heads, right, strict=False):
            table.add_column(head, justify="right" if to_right else "left")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        out.print(table)
        return
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        cells = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right or [False] * len(row), strict=True)
        ]
        out.print(Text("  " + "  ".join(cells).rstrip()), soft_wrap=True)


def print_list(scenarios: Iterable[Scenario], *, as_json: bool) -> None:
    """The scenarios there are, with figures and variants."""
    found = list(scenarios)
    if as_json:
        rows = [
            {
                "name": scenario.name,
                "figure": scenario.figure,
                "variants": scenario.variants,
                "settings": scenario.settings,
                "summary": scenario.summary,
                "file": scenario.file,
            }
            for scenario in found
        ]
        print(json.dumps(rows, indent=2))
        return
    out = console()
    if not out.is_terminal:
        # A line each; what differs most in length stands last, where nothing fills it up.
        for line in aligned([(s.name, s.source, _told(s)) for s in found]):
            out.print(line, markup=False)
        return
    for module, of_module in groupby(found, key=lambda scenario: scenario.module):
        heading = (sys.modules[module].__doc__ or "").partition("\n")[0]
        out.print(Text(heading, style="bold"))
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column()
        for scenario in of_module:
            table.add_row(f"  {scenario.name}", Text(scenario.summary))
            if scenario.variants:
                table.add_row("", Text(", ".join(scenario.variants), style="dim"))
        out.print(table)


def _told(scenario: Scenario) -> str:
    variants = f"  [{','.join(scenario.variants)}]" if scenario.variants else ""
    return f"{scenario.summary}{variants}"


def show(trace: Path, form: str) -> None:
    """Print a trace file in one of its forms.

    Raises:
        TraceError: It is no trace of this version.
    """
    header, events, lines = read(trace)
    out = console()
    if form == "json":
        documents = [json.loads(line) for line in lines]
        print(json.dumps(documents, indent=2, ensure_ascii=False))
        return
    if form == "mermaid":
        from paybench.scenarios.mermaid import mermaid

        print(mermaid(events))
        return
    variant = f"[{header.variant}]" if header.variant else ""
    out.print(Text(f"{header.scenario}{variant}  seed {header.seed}", style="bold"))
    _print_lines(out, draw(events, **drawing(out)))
    last = events[-1] if events else None
    if isinstance(last, Verdict):
        out.print(Text(f"{last.verdict.upper()}  {last.why}".rstrip(), style=COLOURS[last.verdict]))


def show_servers(trace: Path, form: str) -> None:
    """Print which of the bank's servers did what in a trace, and who waited there.

    Raises:
        TraceError: It is no trace of this version.
    """
    from paybench.scenarios.waiting import Waiting

    waiting = Waiting()
    waiting.feed(read(trace)[1])
    if form == "json":
        print(json.dumps(waiting.figures.facts, indent=2))
    else:
        print_figures(console(), waiting.figures)


def print_replay(trace: Path, again: Replay, *, as_json: bool) -> None:
    """Whether a replay was the same, and if not, where it parted from the recording."""
    at = again.diverged_at
    if as_json:
        found = facts(again.run) | {"trace": str(trace), "same": at is None}
        if at is not None:
            found["first_difference"] = at + 1
        print(json.dumps(found, indent=2))
        return
    out = console()
    if at is None:
        count = len(again.recorded)
        out.print(Text(f"SAME  {trace}: {count} lines, every byte", style="green"), soft_wrap=True)
        out.print(Text(f"  digest {again.run.digest}"), soft_wrap=True)
        return
    headline = f"DIFFERENT  {trace}: from line {at + 1} on"
    out.print(Text(headline, style=COLOURS["failed"]), soft_wrap=True)
    for title, lines in (("recorded", again.recorded), ("replayed", again.replayed)):
        out.print(Text(title, style="bold"))
        for line in again.around(lines):
            mark = ">" if int(line[:5]) == at + 1 else " "
            out.print(Text(f"{mark}{line}"), soft_wrap=True)
    if again.run.why:
        out.print(Text(f"the replay: {again.run.verdict}: {again.run.why}"), soft_wrap=True)


def _duration(run: Run) -> str:
    return f"{run.trace.events[-1].at_ns / NS_PER_S:.3f} s"


def aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Rows of cells as lines, each column as wide as its widest cell, and the last as it is."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _print_lines(out: Console, lines: Iterable[str]) -> None:
    # The drawing is as wide as it wants to be and brings its own colours.
    for line in lines:
        out.file.write(f"{line}\n")
    out.file.flush()


def drawing(out: Console) -> dict[str, Any]:
    """How ladders are drawn on this output: the keyword arguments of `Ladder`."""
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    return {
        "width": out.width,
        "unicode": encoding.startswith("utf"),
        "style": ansi if out.is_terminal and not out.no_color else None,
    }
