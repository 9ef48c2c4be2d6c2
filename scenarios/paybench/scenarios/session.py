"""A session at the command line: which runs there are, and running them one after another."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from paybench.hil.spec import nearest
from paybench.scenarios.discovery import find, in_library
from paybench.scenarios.errors import UsageError
from paybench.scenarios.recording import Tape, check_writable
from paybench.scenarios.run import check_variant, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    if several:
        _check_settings(runs, options.settings)
    if trace:
        check_writable(Path(trace) if _is_folder(trace) else Path(trace).parent)
    done: list[Run] = []
    with view.watching(several=several, total=len(runs)):
        for scenario, variant in runs:
            label = scenario.label(variant)
            file = _trace_file(trace, label)
            with Tape(file) as tape:
                options_now = replace(
                    options,
                    operator=view.ask,
                    watch=view.begin(label),
                    progress=view.progress,
                    settings=_its_own(scenario, options.settings) if several else options.settings,
                    tape=tape,
                )
                finished = run(scenario, variant, options_now)
                tape.end(finished.trace, finished.header)
            done.append(finished)
            view.end(finished, file)
    view.conclude(done)
    return done


def _is_folder(trace: str) -> bool:
    return trace.endswith("/") or Path(trace).is_dir()


def _trace_file(trace: str, label: str) -> Path | None:
    if not trace:
        return None
    return Path(trace) / f"{label}.jsonl" if _is_folder(trace) else Path(trace)


def _its_own(scenario: Scenario, settings: Mapping[str, int]) -> dict[str, int]:
    """Of the settings for several runs, those that a scenario has."""
    return {name: value for name, value in settings.items() if name in scenario.settings}


def _check_settings(runs: Sequence[tuple[Scenario, str]], settings: Mapping[str, int]) -> None:
    known = dict.fromkeys(name for scenario, _ in runs for name in scenario.settings)
    for name in settings:
        if name not in known:
            raise UsageError(f"none of these has a setting {name!r}{nearest(name, known)}")
