"""Running a scenario: from what is asked for to a verdict."""

from __future__ import annotations

import ast
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from paybench.bank.bank import Bank
from paybench.bank.errors import BankError
from paybench.devices.environment import patient_collector
from paybench.devices.errors import DeviceError, PartSilent, RouteError, TraceError
from paybench.devices.trace import Header, Verdict
from paybench.hil.driver import make_drivers
from paybench.hil.errors import PortLocked, PortUnavailable, SpecError
from paybench.hil.hold import Hold
from paybench.hil.spec import nearest
from paybench.scenarios import library
from paybench.scenarios.errors import AnsweredLate, UsageError
from paybench.scenarios.latency import exact
from paybench.scenarios.recording import FORMAT
from paybench.scenarios.rig import Rig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from paybench.bank.any_bank import AnyBank
    from paybench.devices.lateness import Lateness
    from paybench.devices.trace import Act, Injected, Trace
    from paybench.hil.bench import Bench
    from paybench.hil.driver import Driver
    from paybench.scenarios.figures import Figures
    from paybench.scenarios.recording import Tape
    from paybench.scenarios.scenario import Scenario

PASSED, FAILED, BLOCKED, ERROR = "passed", "failed", "blocked", "error"
PATIENCE_WITH_PEOPLE_S = 30.0
"""Patience in wall time, where a person holds a code before a reader."""
LATENCY_BUDGET = "latency_budget_s."
"""What the header's options have before the name of a part, for the budget of that part."""
SETTING = "set."
"""What they have before the name of a setting."""


@dataclass(frozen=True)
class Options:
    """What a run is asked for, beside its scenario and variant.

    Attributes:
        seed: Seed of all chance.
        real: Driver specs by the part they stand in for.
        bench: The bench those parts are of: how to take hold of them; None for none.
        bank: ``memory``, ``sqlite:FOLDER``, ``postgres:FOLDER``, or ``tls://HOST:PORT``.
        bank_key: The client's file for a bank elsewhere; None where there is none.
        patience_s: How long verbs and expectations wait; None for the default.
        latency_budgets_s: How long real parts may take to answer, in seconds, by part; the bench
            has its own.
        operator: Asks a person for something a real part needs.
        watch: Called with the rig after every act, e.g. to draw.
        settings: Settings of the scenario that are not to be what they are by default.
        progress: Told now and then in a long run how far it is and how far it goes, in seconds.
        tape: Where the trace of a long run may go while it runs; None: it is kept whole.
    """

    seed: int = 0
    real: Mapping[str, str] = field(default_factory=dict[str, str])
    bench: Bench | None = None
    bank: str = "memory"
    bank_key: Path | None = None
    patience_s: float | None = None
    latency_budgets_s: Mapping[str, float] = field(default_factory=dict[str, float])
    operator: Callable[[str], None] = lambda _: None
    watch: Callable[[Rig], None] | None = None
    settings: Mapping[str, int] = field(default_factory=dict[str, int])
    progress: Callable[[float, float], None] = lambda _now_s, _end_s: None
    tape: Tape | None = None

    @property
    def asked_patience_s(self) -> float | None:
        """The patience asked for: the run's own, or else the bench's."""
        if self.patience_s is None and self.bench is not None:
            return self.bench.about.patience_s
        return self.patience_s

    @property
    def asked_latency_budgets_s(self) -> dict[str, float]:
        """The latency budgets asked for: the bench's and the run's own."""
        budgets_s = self.bench.latency_budgets_s if self.bench is not None else {}
        return {**budgets_s, **self.latency_budgets_s}


@dataclass(frozen=True)
class Run:
    """A scenario that was run.

    Attributes:
        scenario: The scenario.
        variant: The variant of it.
        verdict: ``passed``, ``failed``, ``blocked`` or ``error``.
        why: One sentence, "" when it passed.
        header: First line of its trace file.
        trace: Its trace.
        lateness: How late events ran, if it ran in wall time.
        failure: The exception behind the verdict.
        detail: For an error: where it was raised.
        figures: What a fleet or a rush has counted.
    """

    scenario: Scenario
    variant: str
    verdict: str
    why: str
    header: Header
    trace: Trace
    lateness: Lateness | None = None
    failure: Exception | None = None
    detail: str = ""
    figures: tuple[Figures, ...] = ()

    @property
    def label(self) -> str:
        """Name with variant."""
        return self.scenario.label(self.variant)

    @property
    def content(self) -> bytes:
        """The bytes of its trace file."""
        return self.trace.encode(self.header)

    @property
    def digest(self) -> str:
        """SHA-256 of its trace file."""
        return self.trace.digest(self.header)


def run(scenario: Scenario, variant: str = "", options: Options | None = None) -> Run:
    """Run a scenario and judge it.

    Raises:
        UsageError: What was asked for cannot be: unknown variant, malformed spec, malformed
            amount in the scenario, a real part no device has.
    """
    options = options or Options()
    variant = check_variant(scenario, variant)
    settings = check_settings(scenario, options.settings)
    drivers = drivers_for(options.real)
    header = header_for(scenario, variant, options)
    hold = Hold(drivers, options.bench, scenario.label(variant), options.operator)
    try:
        hold.take()
        rig = make_rig(options, real=drivers, settings=settings)
        if options.tape is not None:
            rig.world.trace.flow(header, options.tape.take, options.tape.keep)
        return play(scenario, variant, header, rig, options.watch, hold.lost)
    except PortUnavailable as unavailable:
        return _blocked_before(scenario, variant, header, unavailable)
    finally:
        hold.close()


def replay_run(scenario: Scenario, header: Header, script: Iterable[Act | Injected]) -> Run:
    """Run a scenario again from a recording's acts and inputs, in virtual time."""
    options = options_of(header)
    settings = check_settings(scenario, options.settings)
    rig = make_rig(options, real=drivers_for(header.bench), script=script, settings=settings)
    return play(scenario, header.variant, header, rig, None)


def make_rig(
    options: Options,
    real: Mapping[str, Driver] | None = None,
    script: Iterable[Act | Injected] | None = None,
    settings: Mapping[str, int] | None = None,
) -> Rig:
    """The rig a run's options ask for; a replay's bank is always in memory.

    Raises:
        UsageError: The bank is of no kind we know, or its folder has one already.
    """
    patience_s = options.asked_patience_s
    if patience_s is None and options.real:
        patience_s = PATIENCE_WITH_PEOPLE_S
    return Rig(
        seed=options.seed,
        bank=None if script is not None else _bank(options),
        real=real,
        all_real=options.bench is None and script is None,
        operator=options.operator,
        patience_s=patience_s,
        latency_budgets_s=options.asked_latency_budgets_s,
        script=script,
        settings=settings,
        progress=options.progress,
    )


def play(
    scenario: Scenario,
    variant: str,
    header: Header,
    rig: Rig,
    watch: Callable[[Rig], None] | None,
    lost: Callable[[], str] = lambda: "",
) -> Run:
    """Tell a scenario on a rig, judge it, and close the rig.

    `lost` tells in the end why the real parts were not ours all the while, if they were not.
    """
    if watch is not None:
        _watch(rig, watch)
    failure: Exception | None = None
    try:
        with patient_collector():
            scenario(rig, variant)
        rig.finish()
    except Exception as caught:  # noqa: BLE001 - whatever it is, it becomes the verdict
        failure = caught
        with suppress(Exception):
            rig.world.env.settle()
    finally:
        rig.close()
    if isinstance(failure, (UsageError, SpecError, BankError, RouteError, TraceError)):
        where = _where(failure, scenario)
        raise UsageError(f"{where}{failure}") from failure
    if why_lost := lost():
        failure = PortLocked(why_lost)
    verdict = judge(failure)
    why = "" if failure is None else with_lateness(sentence(failure, scenario), verdict, rig)
    rig.world.trace.note(Verdict(rig.world.env.now_ns, verdict, why))
    if watch is not None:
        watch(rig)
    wall = rig.world.env.wall
    return Run(
        scenario=scenario,
        variant=variant,
        verdict=verdict,
        why=why,
        header=header,
        trace=rig.world.trace,
        lateness=wall.lateness if wall is not None else None,
        failure=failure,
        detail="".join(traceback.format_exception(failure)) if verdict == ERROR and failure else "",
        figures=(*rig.counted, *(rig.fleet.figures if rig.fleet is not None else ())),
    )


def judge(failure: Exception | None) -> str:
    """The verdict an exception means."""
    if failure is None:
        return PASSED
    if isinstance(failure, PartSilent):
        return FAILED if failure.heard else BLOCKED
    if isinstance(failure, PortUnavailable):
        return BLOCKED
    return FAILED if isinstance(failure, (DeviceError, AssertionError)) else ERROR


def sentence(failure: Exception, scenario: Scenario) -> str:
    """What happened, in one sentence, with the scenario's line where that helps."""
    text = str(failure).partition("\n")[0] or type(failure).__name__
    if isinstance(failure, PartSilent) and failure.heard:
        return f"{text}; what came was: {failure.heard}"
    if isinstance(failure, (DeviceError, PortUnavailable, AnsweredLate)):
        return text
    if type(failure) is AssertionError:
        statement = _statement(failure)
        if statement is not None and statement.msg is None:
            text = ast.unparse(statement)
    return f"{_where(failure, scenario)}{type(failure).__name__}: {text}"


def with_lateness(why: str, verdict: str, rig: Rig) -> str:
    """Why a run failed, and what was late in it, which is often what is behind it."""
    late = rig.real_parts.late() if verdict == FAILED else ""
    return f"{why}; {late}" if late not in why else why


def check_variant(scenario: Scenario, variant: str) -> str:
    """The variant to run: the one asked for, or the first.

    Raises:
        UsageError: The scenario has no such variant.
    """
    if variant and variant not in scenario.variants:
        there = ", ".join(scenario.variants) or "none"
        raise UsageError(f"{scenario.name} has no variant {variant!r} (there are: {there})")
    return variant or (scenario.variants[0] if scenario.variants else "")


def check_settings(scenario: Scenario, asked: Mapping[str, int]) -> dict[str, int]:
    """The settings of a run: the scenario's own, where nothing else is asked for.

    Raises:
        UsageError: The scenario has no such setting, or it is below zero.
    """
    for name, value in asked.items():
        if name not in scenario.settings:
            raise UsageError(
                f"{scenario.name} has no setting {name!r}{nearest(name, scenario.settings)}"
            )
        if value < 0:
            raise UsageError(f"the setting {name} is 0 or more, not {value}")
    return {**scenario.settings, **asked}


def header_for(scenario: Scenario, variant: str, options: Options) -> Header:
    """The first line of the trace file of a run."""
    return Header(
        format=FORMAT,
        paybench=package_version(),
        scenario=scenario.name,
        source="" if scenario.module.startswith(library.__name__) else _relative(scenario.file),
        variant=variant,
        seed=options.seed,
        options=noted(options),
        bench=dict(options.real),
    )


def noted(options: Options) -> dict[str, str]:
    """What is noted of a run's options in the header of its trace, beside seed and real parts."""
    asked: dict[str, str] = {}
    if options.bank != "memory":
        asked["bank"] = options.bank.partition(":")[0]
    if options.bench is not None and options.bench.about.name:
        asked["bench"] = options.bench.about.name
    if options.asked_patience_s is not None:
        asked["patience_s"] = exact(options.asked_patience_s)
    for part, budget_s in sorted(options.asked_latency_budgets_s.items()):
        asked[LATENCY_BUDGET + part] = exact(budget_s)
    for name, value in sorted(options.settings.items()):
        asked[SETTING + name] = str(value)
    return asked


def options_of(header: Header) -> Options:
    """The options a trace's run had, as far as they decide what happens."""
    patience = header.options.get("patience_s")
    return Options(
        seed=header.seed,
        real=header.bench,
        patience_s=None if patience is None else float(patience),
        latency_budgets_s={
            key.removeprefix(LATENCY_BUDGET): float(text)
            for key, text in header.options.items()
            if key.startswith(LATENCY_BUDGET)
        },
        settings={
            key.removeprefix(SETTING): int(text)
            for key, text in header.options.items()
            if key.startswith(SETTING)
        },
    )


@cache
def package_version() -> str:
    """Version of the installed package."""
    return version("paybench")


def _blocked_before(scenario: Scenario, variant: str, header: Header, why: Exception) -> Run:
    from paybench.devices.trace import Trace

    trace = Trace()
    trace.note(Verdict(0, BLOCKED, str(why)))
    return Run(scenario, variant, BLOCKED, str(why), header, trace, failure=why)


def _bank(options: Options) -> AnyBank:
    text = options.bank
    kind, _, folder = text.partition(":")
    if kind == "tls":
        from paybench.scenarios.bank_service import remote_bank

        return remote_bank(text, options.bank_key)
    if kind == "memory" and not folder:
        return Bank()
    if kind == "postgres" and folder:
        return _bank_on_servers(Path(folder))
    if kind != "sqlite" or not folder:
        raise UsageError(
            f"no bank is called {text!r}: write memory, sqlite:FOLDER, postgres:FOLDER or "
            "tls://HOST:PORT"
        )
    from paybench.bank.storage.sqlite import SqliteStorage

    path = Path(folder)
    if path.exists() and any(path.iterdir()):
        raise UsageError(
            f"{folder} is not empty: a scenario opens its own accounts, give it a new folder"
        )
    return Bank(SqliteStorage(path))


def _bank_on_servers(path: Path) -> Bank:
    from paybench.bank.errors import BankError
    from paybench.bank.storage.postgres import PostgresStorage

    try:
        bank = Bank(PostgresStorage.at(path))
        if all(number.is_banks_own for number in bank.accounts()):
            return bank
        bank.close()
    except BankError as error:
        raise UsageError(str(error)) from error
    raise UsageError(
        f"the servers of {path} have a bank's accounts already: a scenario opens its own, give it "
        "new servers, as with 'paybench bank up NEW_FOLDER'"
    )


def drivers_for(real: Mapping[str, str]) -> dict[str, Driver]:
    """The drivers for specs by part, not yet opened.

    Raises:
        UsageError: A spec is malformed, or there is no such driver.
    """
    try:
        return make_drivers(real)
    except SpecError as error:
        raise UsageError(str(error)) from error


def _watch(rig: Rig, watch: Callable[[Rig], None]) -> None:
    check = rig.world.after_act

    def after_act() -> None:
        check()
        watch(rig)

    rig.world.after_act = after_act


def _where(failure: Exception, scenario: Scenario) -> str:
    """The scenario's own line in a traceback, as ``file:line: ``; "" if it has none."""
    frames = traceback.extract_tb(failure.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == scenario.file]
    if lines and frames[-1].filename == scenario.file:
        statement = _statement(failure)
        lines.append(statement.lineno if statement is not None else lines[-1])
    return f"{_relative(scenario.file)}:{lines[-1]}: " if lines else ""


def _statement(failure: Exception) -> ast.Assert | None:
    """The assert statement that failed, as it stands in its file; None if it was none.

    pytest rewrites assert statements: they then have another text and, over several lines,
    another line than when the same scenario is replayed. The file's own are the same for both.
    """
    frame = traceback.extract_tb(failure.__traceback__)[-1]
    at = frame.lineno or 0
    with suppress(OSError, SyntaxError, ValueError):
        for node in ast.walk(ast.parse(Path(frame.filename).read_bytes())):
            if isinstance(node, ast.Assert) and node.lineno <= at <= (node.end_lineno or 0):
                return node
    return None


def _relative(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file
