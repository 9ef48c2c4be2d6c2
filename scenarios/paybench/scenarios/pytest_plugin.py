"""The pytest plugin: scenarios are tests, and the fixture `rig` tells a flow inside of one.

Every pytest start imports this module, in whatever project paybench is installed beside. So it
imports next to nothing itself: what collects is in `pytest_file`, the fixture's life is in
`pytest_rig`, what a failure says is in `failure`.
"""

# pyright: reportUnknownMemberType=false
# pytest's own constructors of nodes take keywords of any type.

from __future__ import annotations

import argparse
import shutil
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from paybench.hil.bench import Bench
    from paybench.scenarios.pytest_file import ScenarioFile
    from paybench.scenarios.rig import Rig

OUR_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Settings:
    """What this pytest run was asked for.

    Attributes:
        seed: Seed of all chance.
        real: Driver specs by the part they stand in for.
        bench: The bench those parts are of; None for none.
        traces: Folder for the traces of what failed.
        golden: Folder for golden files, as `golden.golden_path` takes it.
        updates_golden: Whether golden files are written rather than compared.
        root: The project's root.
        width: Columns of the terminal. Measured at the start: while a test runs, pytest has the
            terminal's place.
        operator: Asks the person at the bench for something.
    """

    seed: int
    real: Mapping[str, str]
    bench: Bench | None
    traces: Path
    golden: str
    updates_golden: bool
    root: Path
    width: int
    operator: Callable[[str], None]


SETTINGS = pytest.StashKey[Settings]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Our options and ini values."""
    group = parser.getgroup("paybench", "payment scenarios")
    group.addoption(
        "--paybench-seed",
        type=_seed,
        default=0,
        metavar="N",
        help="seed of all chance in scenarios and the rig fixture (default: 0)",
    )
    group.addoption(
        "--paybench-real",
        action="append",
        default=[],
        metavar="ROLE.PART=SPEC",
        help="a real thing in place of a simulated part, e.g. "
        "register.scanner=serial:/dev/ttyACM0, or of a whole device, e.g. "
        "phone=tcp:10.0.0.9:4001; may be repeated",
    )
    group.addoption(
        "--bench",
        default="",
        metavar="FILE",
        help="a bench file: which parts are real, and how to take hold of them; "
        "--paybench-real adds to it",
    )
    group.addoption(
        "--paybench-traces",
        default="",
        metavar="DIR",
        help="folder for the traces of failed runs (default: .paybench/traces in the rootdir)",
    )
    group.addoption(
        "--update-golden",
        action="store_true",
        help="write the golden ladders of scenarios that pass, instead of comparing with them",
    )
    parser.addini(
        "paybench_golden",
        "folder for golden ladders: a name for one beside each scenario file, or a path with a "
        "slash, from the rootdir",
        default="golden",
    )


def _seed(text: str) -> int:
    if text.isascii() and text.isdecimal():
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a whole number from 0 on, seen {text!r}")


def pytest_configure(config: pytest.Config) -> None:
    """Gather the settings; whatever is wrong with them is said before a test runs."""
    option = config.option
    words: list[str] = option.paybench_real
    real: Mapping[str, str] = _real(words) if words else {}
    bench = _bench(config.invocation_params.dir / option.bench, real) if option.bench else None
    if bench is not None:
        real = bench.specs
    if real and option.update_golden:
        dropped = "--bench" if bench is not None else "--paybench-real"
        raise pytest.UsageError(f"golden files are of simulated runs: drop {dropped}")
    folder = Path(option.paybench_traces or ".paybench/traces")
    start = config.invocation_params.dir if option.paybench_traces else config.rootpath
    config.stash[SETTINGS] = Settings(
        seed=option.paybench_seed,
        real=real,
        bench=bench,
        traces=start / folder,
        golden=config.getini("paybench_golden"),
        updates_golden=option.update_golden,
        root=config.rootpath,
        width=shutil.get_terminal_size((80, 24)).columns,
        operator=lambda wish: _ask(config, wish),
    )


def _real(words: list[str]) -> Mapping[str, str]:
    from paybench.hil.driver import make_drivers
    from paybench.hil.errors import SpecError
    from paybench.hil.spec import real_parts

    try:
        real = real_parts(words)
        make_drivers(real)
    except SpecError as error:
        raise pytest.UsageError(f"--paybench-real: {error}") from error
    return real


def _bench(path: Path, real: Mapping[str, str]) -> Bench:
    from paybench.hil.bench import read_bench
    from paybench.hil.errors import BenchError

    try:
        return read_bench(path).with_parts(real)
    except BenchError as error:
        raise pytest.UsageError(f"--bench: {error}") from error


def _ask(config: pytest.Config, wish: str) -> None:
    """Ask the person at the bench, past pytest's capturing."""
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    terminal: Any = config.pluginmanager.getplugin("terminalreporter")
    if terminal is None:  # a worker of pytest-xdist has none
        return
    with capture.global_and_fixture_disabled() if capture is not None else nullcontext():
        terminal.write_line(f"» {wish}")
        terminal.flush()  # somebody waits for it, also at the other end of a pipe


# -- collection ------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Collect a scenario file which pytest itself passes over, as it has no test file's name."""
    found = yield
    if file_path.suffix == ".py" and not any(isinstance(node, pytest.Module) for node in found):
        ours = _scenario_file(file_path, parent)
        if ours is not None:
            found.append(ours)
    return found


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makemodule(
    module_path: Path, parent: pytest.Collector
) -> pytest.Module | None:
    """Let a test file, or one named explicitly, have scenarios beside its tests."""
    module = _scenario_file(module_path, parent)
    if module is not None:
        module.has_tests = True
    return module


def _scenario_file(path: Path, parent: pytest.Collector) -> ScenarioFile | None:
    from paybench.scenarios.discovery import is_scenario_file

    if not is_scenario_file(path, parent.config.rootpath):
        return None
    from paybench.scenarios.pytest_file import ScenarioFile

    return ScenarioFile.from_parent(parent, path=path)


@pytest.hookimpl(tryfirst=True)
def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Dir | None:
    """Keep pytest from importing our own package as a top-level ``scenarios``.

    That is what it takes a folder with an ``__init__.py`` below a namespace package for, and
    then nobody's own ``scenarios`` package could be imported any more.
    """
    if path == OUR_FOLDER or OUR_FOLDER in path.parents:
        return pytest.Dir.from_parent(parent, path=path)
    return None


# -- the fixture -----------------------------------------------------------------------------


@pytest.fixture
def rig(request: pytest.FixtureRequest) -> Generator[Rig]:
    """A fresh rig, seeded with --paybench-seed; settled, checked and closed after the test."""
    from paybench.scenarios.pytest_rig import lend

    yield from lend(request.node, request.config.stash[SETTINGS])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the trace of a rig whose test fails, while the rig is still open."""
    report = yield
    if report.failed and call.excinfo is not None and "rig" in getattr(item, "fixturenames", ()):
        from paybench.scenarios.pytest_rig import keep

        told = keep(item, call.excinfo.value)
        if told:
            report.sections.append(("paybench", told))
    return report


# -- the terminal ----------------------------------------------------------------------------


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what is not as usual."""
    settings = config.stash[SETTINGS]
    if not settings.seed and not settings.real and config.get_verbosity() <= 0:
        return None
    real = "".join(f", {part} is {spec}" for part, spec in settings.real.items())
    return f"paybench: seed {settings.seed}{real}"


def pytest_report_teststatus(
    report: pytest.CollectReport | pytest.TestReport,
) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """Show a blocked run as such; it counts as failed, for it says nothing about the device."""
    if report.failed and ("verdict", "blocked") in getattr(report, "user_properties", ()):
        return "failed", "B", ("BLOCKED", {"red": True})
    return None


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how many golden files were written, and in a verbose run how the scenarios went."""
    properties = [
        dict(report.user_properties)
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
    ]
    if config.stash[SETTINGS].updates_golden:
        written = [each.get("golden") for each in properties]
        new, changed = written.count("new"), written.count("changed")
        terminalreporter.write_line(
            f"paybench: {new + changed} golden files written ({new} new, {changed} changed)"
        )
    verdicts = [each["verdict"] for each in properties if "verdict" in each]
    if verdicts and config.get_verbosity() > 0:
        counts = {verdict: verdicts.count(verdict) for verdict in dict.fromkeys(verdicts)}
        told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        terminalreporter.write_line(f"paybench: {told}")
