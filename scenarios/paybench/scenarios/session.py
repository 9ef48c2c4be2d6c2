"""A session at the command line: which runs there are, and running them one after another."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from paybench.scenarios.discovery import find, in_library
from paybench.scenarios.errors import UsageError
from paybench.scenarios.recording import check_writable, write
from paybench.scenarios.run import check_variant, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paybench.scenarios.report import View
    from paybench.scenarios.run import Options, Run
    from paybench.scenarios.scenario import Scenario

_LABEL = re.compile(r"(?P<target>.+)\[(?P<variant>[^\]]+)\]")


def plan(
    targets: Sequence[str], variant: str = "", *, whole_library: bool = False
) -> list[tuple[Scenario, str]]:
    """The runs that targets mean: scenario and variant of each.

    Args:
        targets: Names (``shop-purchase``, ``shop-purchase[direct]``), files or folders.
        variant: Only this variant; "" for all.
        whole_library: Every scenario of the library as well.

    Raises:
        UsageError: A target means none, or no scenario has the variant.
    """
    if not targets and not whole_library:
        raise UsageError("name a scenario, a file or a folder (paybench list shows the library)")
    runs: list[tuple[Scenario, str]] = []
    for scenario in in_library() if whole_library else []:
        runs += [(scenario, name) for name in scenario.variants or ("",)]
    for target in targets:
        label = None if Path(target).exists() else _LABEL.fullmatch(target)
        wanted = label["variant"] if label else variant
        found = find(label["target"] if label else target)
        if len(found) == 1 and wanted:
            check_variant(found[0], wanted)
        for scenario in found:
            names = scenario.variants or ("",)
            runs += [(scenario, name) for name in names if not wanted or name == wanted]
    if not runs:
        raise UsageError(f"no scenario there has a variant {variant!r}")
    return runs


def play(
    runs: Sequence[tuple[Scenario, str]], options: Options, view: View, trace: str = ""
) -> list[Run]:
    """Run them, show them, and write their traces.

    Raises:
        UsageError: Several runs, and the trace is no folder; or what was asked for cannot be.
    """
    several = len(runs) > 1
    if several and trace and not _is_folder(trace):
        raise UsageError(
            f"{len(runs)} runs do not fit into one trace: name a --variant or a folder/"
        )
    if several and options.bank != "memory":
        raise UsageError(f"{len(runs)} runs cannot share one {options.bank}: name a --variant")
    if trace:
        check_writable(Path(trace) if _is_folder(trace) else Path(trace).parent)
    done: list[Run] = []
    with view.watching(several=several, total=len(runs)):
        for scenario, variant in runs:
            options_now = replace(
                options, operator=view.ask, watch=view.begin(scenario.label(variant))
            )
            finished = run(scenario, variant, options_now)
            file = _trace_file(trace, finished)
            if file is not None:
                write(file, finished.content)
            done.append(finished)
            view.end(finished, file)
    view.conclude(done)
    return done


def _is_folder(trace: str) -> bool:
    return trace.endswith("/") or Path(trace).is_dir()


def _trace_file(trace: str, run: Run) -> Path | None:
    if not trace:
        return None
    return Path(trace) / f"{run.label}.jsonl" if _is_folder(trace) else Path(trace)
