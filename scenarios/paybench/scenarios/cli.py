"""The command line: ``paybench list | run | show | replay | attach | scan | doctor | bank | demo``.

Exit codes: 0 passed, 1 failed, 2 usage, 3 blocked, 4 error. What a command needs it imports
itself: ``--help`` has to be there at once.
"""

from __future__ import annotations

import errno
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paybench.scenarios.bank_cli import bank_folder
from paybench.scenarios.command import ERROR, EXIT_CODES, Group, as_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from paybench.hil.bench import Bench


def _version() -> str:
    from importlib.metadata import version

    return version("paybench")


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"paybench {_version()}")
        ctx.exit()


@click.group(
    cls=Group,
    examples="paybench demo\npaybench run shop-purchase",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_print_version,
    help="Show the version and exit.",
)  # fmt: skip
def cli() -> None:
    """Test bench for cashless-payment devices: any device or part simulated, or a real one.

    Exit codes: 0 passed, 1 failed, 2 usage, 3 blocked (a real part is missing or dark), 4 error.
    """


def _parts(
    _ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> Mapping[str, str]:
    if not values:
        return {}
    from paybench.hil.errors import SpecError
    from paybench.hil.spec import real_parts

    try:
        return real_parts(values)
    except SpecError as error:
        raise click.BadParameter(str(error)) from error


def _settings(
    _ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> Mapping[str, int]:
    settings: dict[str, int] = {}
    for value in values:
        name, _, number = value.partition("=")
        if not name or not number.replace("_", "").isdecimal():
            raise click.BadParameter(
                f"{value!r} is no setting: write its name and a number, as in customers=500"
            )
        settings[name] = int(number)
    return settings


def _bench(_ctx: click.Context, _parameter: click.Parameter, file: Path | None) -> Bench | None:
    if file is None:
        return None
    from paybench.hil.bench import read_bench
    from paybench.hil.errors import BenchError

    try:
        return read_bench(file)
    except BenchError as error:
        raise click.BadParameter(str(error)) from error


def _together(
    real: Mapping[str, str], bench: Bench | None
) -> tuple[Mapping[str, str], Bench | None]:
    """What is real in all, and the bench with it."""
    if bench is None:
        return real, None
    bench = bench.with_parts(real)
    return bench.specs, bench


real_option = click.option(
    "--real", multiple=True, metavar="ROLE.PART=SPEC", callback=_parts,
    help="A real thing in place of a simulated part, or of a whole device: ROLE=SPEC.",
)  # fmt: skip
bench_option = click.option(
    "--bench", type=click.Path(path_type=Path), metavar="FILE", callback=_bench,
    help="A bench file: which parts are real, and how. --real adds to it.",
)  # fmt: skip


@cli.command(
    "list",
    short_help="List the scenarios there are.",
    examples="paybench list\npaybench list my_scenarios/",
)
@click.argument("target", required=False)
@as_json
def list_scenarios(target: str | None, as_json: bool) -> None:
    """List the library's scenarios, or those of a FILE or FOLDER."""
    from paybench.scenarios import report
    from paybench.scenarios.discovery import find, in_library

    report.print_list(find(target) if target else in_library(), as_json=as_json)


@cli.command(
    "run",
    short_help="Run scenarios.",
    examples=(
        "paybench run shop-purchase --variant direct --seed 7\n"
        "paybench run my_scenarios/ --json\n"
        "paybench run shop-purchase --real register.scanner=serial:/dev/ttyACM0 --trace run.jsonl\n"
        "paybench run commuter-day --set customers=50000 --set gates=1000"
    ),
)
@click.argument("targets", nargs=-1, metavar="NAME|FILE|FOLDER...")
@click.option("--all", "all_", is_flag=True, help="Run the whole library.")
@click.option("--variant", default="", help="Run this variant only.")
@click.option("--seed", default=0, show_default=True, help="Seed of all chance.")
@real_option
@bench_option
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=NUMBER", callback=_settings,
    help="A setting of the scenario, e.g. customers=500.",
)  # fmt: skip
@click.option(
    "--bank", default="memory", show_default=True,
    help="memory, sqlite:FOLDER, postgres:FOLDER, or tls://HOST:PORT of a bank that is served.",
)  # fmt: skip
@click.option(
    "--bank-key", type=click.Path(path_type=Path), metavar="FILE",
    help="The client's file for a bank that is served: paybench bank key makes it.",
)  # fmt: skip
@click.option(
    "--patience", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
    help="How long a verb or an expectation waits.  [default: 300; 30 with --real]",
)  # fmt: skip
@click.option(
    "--trace", default="", metavar="FILE",
    help="Write the trace; for several runs a folder, ending in /.",
)  # fmt: skip
@click.option("--ladder/--no-ladder", default=None, help="Draw the messages.  [default: one run]")
@as_json
def run_scenarios(
    targets: tuple[str, ...],
    all_: bool,
    variant: str,
    seed: int,
    real: Mapping[str, str],
    bench: Bench | None,
    settings: Mapping[str, int],
    bank: str,
    bank_key: Path | None,
    patience: float | None,
    trace: str,
    ladder: bool | None,
    as_json: bool,
) -> None:
    """Run scenarios of the library, of a file or of a folder; all their variants by default."""
    from paybench.scenarios import report, session
    from paybench.scenarios.run import Options

    plan = session.plan(targets, variant, whole_library=all_)
    real, bench = _together(real, bench)
    options = Options(
        seed=seed,
        real=real,
        bench=bench,
        bank=bank,
        bank_key=bank_key,
        patience_s=patience,
        settings=settings,
    )
    view = report.View(as_json=as_json, ladder=ladder)
    runs = session.play(plan, options, view, trace)
    sys.exit(worst([run.verdict for run in runs]))


@cli.command(
    "show",
    short_help="Show a trace: ladder, Mermaid, JSON; or a state machine.",
    examples=(
        "paybench show run.jsonl\n"
        "paybench show run.jsonl --as mermaid\n"
        "paybench show --state settlement-session"
    ),
)
@click.argument("trace", type=click.Path(path_type=Path), required=False)
@click.option("--state", metavar="NAME", default="", help="A state machine instead of a trace.")
@click.option(
    "--as", "form", type=click.Choice(["ladder", "mermaid", "json"]), default="ladder",
    show_default=True,
)  # fmt: skip
@click.option("--servers", is_flag=True, help="Who waited at the bank's servers.")
def show_trace(trace: Path | None, state: str, form: str, servers: bool) -> None:
    """Show a TRACE file, or a state machine, to be read, as a Mermaid diagram or as JSON."""
    if (trace is None) == (not state):
        raise click.UsageError("name a TRACE file, or a state machine with --state")
    if state:
        from paybench.scenarios.machine_view import show_machine

        show_machine(state, form)
    elif trace is not None:
        from paybench.scenarios import report

        if servers:
            report.show_servers(trace, form)
        else:
            report.show(trace, form)


@cli.command(
    "replay",
    short_help="Run a recorded trace again and compare.",
    examples="paybench replay run.jsonl",
)
@click.argument("trace", type=click.Path(path_type=Path))
@as_json
def replay_trace(trace: Path, as_json: bool) -> None:
    """Run a recorded TRACE again, with nothing attached, and compare it line by line."""
    from paybench.scenarios import report
    from paybench.scenarios.replay import replay

    again = replay(trace)
    report.print_replay(trace, again, as_json=as_json)
    sys.exit(0 if again.diverged_at is None else 1)


@cli.command(
    "demo",
    short_help="Fig 3 simulated, with a real reader, replayed.",
    examples="paybench demo",
)
def run_demo() -> None:
    """Fig 3 in all its variants, then with a real reader on a tty, then replayed without it."""
    from paybench.scenarios.demo import demo

    sys.exit(demo())


@cli.command(
    "attach",
    short_help="Poke a device by its verbs.",
    examples=(
        "paybench attach register --real register.scanner=serial:/dev/ttyACM0\n"
        "paybench attach phone --bench bench.toml"
    ),
)
@click.argument("role")
@click.option("--seed", default=0, show_default=True, help="Seed of all chance.")
@real_option
@bench_option
def attach_device(role: str, seed: int, real: Mapping[str, str], bench: Bench | None) -> None:
    """Poke a device by its verbs at a prompt: register or phone."""
    from paybench.scenarios.attach import attach
    from paybench.scenarios.run import Options

    real, bench = _together(real, bench)
    sys.exit(attach(role, Options(seed=seed, real=real, bench=bench)))


@cli.command(
    "scan",
    short_help="List real things that are plugged in, or on the air.",
    examples="paybench scan\npaybench scan --write bench.toml\npaybench scan --hci usb:0",
)
@click.option("--write", metavar="FILE", help="Write a draft bench file; never over another.")
@click.option(
    "--hci", default="", metavar="TRANSPORT",
    help="Listen with this Bluetooth adapter, e.g. usb:0, and not with the system's.",
)  # fmt: skip
@click.option(
    "--listen", default=3.0, show_default=True, type=click.FloatRange(0, 60), metavar="SECONDS",
    help="How long to listen for Bluetooth devices; 0 for not at all.",
)  # fmt: skip
@as_json
def scan_machine(write: str | None, hci: str, listen: float, as_json: bool) -> None:
    """List serial ports, cameras, keyboard readers and Bluetooth devices, with their specs."""
    from paybench.scenarios import machine

    sys.exit(machine.scan(write, hci=hci, listen_s=listen, as_json=as_json))


@cli.command(
    "doctor",
    short_help="Check what real parts need of this machine.",
    examples="paybench doctor",
)
@as_json
def examine_machine(as_json: bool) -> None:
    """Check permissions, Bluetooth, decoders and cameras; name the one command that mends each.

    Exit code 3 when something is missing that a command mends.
    """
    from paybench.scenarios import machine

    sys.exit(machine.doctor(as_json=as_json))


cli.add_command(bank_folder)


def worst(verdicts: list[str]) -> int:
    """The exit code for several verdicts: our error first, then a failure, then a block."""
    for verdict in ("error", "failed", "blocked"):
        if verdict in verdicts:
            return EXIT_CODES[verdict]
    return EXIT_CODES["passed"]


def main() -> None:
    """Entry point of the command."""
    run: Callable[..., Any] = cli.main
    stdout = sys.stdout
    try:
        try:
            run(prog_name="paybench")
        finally:
            print(end="", flush=True)
    except BrokenPipeError:
        _end_unheard()
    except SystemExit:
        # click gives up a stdout that nobody reads, and exits with 1: here that is for failures.
        if sys.stdout is not stdout:
            _end_unheard()
        raise
    except Exception as error:  # noqa: BLE001 - our own bug, or a full disk
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            click.echo(f"paybench: {error.strerror}: make room, or write elsewhere", err=True)
        else:  # said as such, with what helps to mend it
            import traceback

            traceback.print_exc()
            click.echo(
                "paybench: this is a bug of paybench: please report the lines above", err=True
            )
        with suppress(OSError):  # it would be tried once more
            stdout.close()
        sys.exit(ERROR)


def _end_unheard() -> None:
    """End without a word, as other programs do whose reader has gone, as after ``| head``."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.raise_signal(signal.SIGPIPE)
