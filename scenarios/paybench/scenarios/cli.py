"""The command line: ``paybench list | run | show | replay | attach | scan | doctor | bank | demo``.

Exit codes: 0 passed, 1 failed, 2 usage, 3 blocked, 4 error. What a command needs it imports
itself: ``--help`` has to be there at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from paybench.hil.bench import Bench

EXIT_CODES = {"passed": 0, "failed": 1, "blocked": 3, "error": 4}
USAGE, ERROR, INTERRUPTED = 2, 4, 130

EXAMPLES = {
    "paybench": "paybench demo\npaybench run shop-purchase",
    "list": "paybench list\npaybench list my_scenarios/",
    "run": (
        "paybench run shop-purchase --variant direct --seed 7\n"
        "paybench run my_scenarios/ --json\n"
        "paybench run shop-purchase --real register.scanner=serial:/dev/ttyACM0 --trace run.jsonl\n"
        "paybench run commuter-day --set customers=50000 --set gates=1000"
    ),
    "show": (
        "paybench show run.jsonl\npaybench show run.jsonl --as mermaid\n"
        "paybench show --state settlement-session"
    ),
    "replay": "paybench replay run.jsonl",
    "demo": "paybench demo",
    "attach": (
        "paybench attach register --real register.scanner=serial:/dev/ttyACM0\n"
        "paybench attach phone --bench bench.toml"
    ),
    "scan": "paybench scan\npaybench scan --write bench.toml\npaybench scan --hci usb:0",
    "doctor": "paybench doctor",
    "bank": (
        "paybench run transfer --variant pc --bank sqlite:town\npaybench bank audit town\n"
        "paybench bank accounts town\npaybench bank statement town 002-0000002"
    ),
    "up": (
        "paybench bank up town --servers 3\n"
        "paybench run transfer --variant pc --bank postgres:town\npaybench bank audit town"
    ),
    "servers": "paybench bank servers town",
    "add-server": "paybench bank add-server town",
    "audit": "paybench bank audit town",
    "accounts": "paybench bank accounts town",
    "statement": "paybench bank statement town 002-0000002 --entries 50",
    "key": (
        "paybench bank key town bench-1 --role host --out bench-1.toml\n"
        "paybench run transfer --variant pc --bank tls://127.0.0.1:7300 --bank-key bench-1.toml"
    ),
    "serve": "paybench bank serve town\npaybench bank serve town --listen 0.0.0.0:7300",
}


class Command(click.Command):
    """A click command whose help ends with examples, as they are typed."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        example = EXAMPLES.get(ctx.info_name or "")
        if example:
            with formatter.section("Examples"):
                for line in example.splitlines():
                    formatter.write(f"{' ' * formatter.current_indent}{line}\n")


class Group(Command, click.Group):
    """Our own errors as one line and an exit code, never a traceback."""

    command_class = Command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; map what it raises."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            click.echo("paybench: interrupted", err=True)
            sys.exit(INTERRUPTED)
        except Exception as error:
            from paybench.devices.errors import TraceError
            from paybench.scenarios.errors import ScenarioError

            if not isinstance(error, (ScenarioError, TraceError)):
                raise
            click.echo(f"paybench: {error}", err=True)
            sys.exit(USAGE)


def _version() -> str:
    from importlib.metadata import version

    return version("paybench")


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"paybench {_version()}")
        ctx.exit()


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
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
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


@cli.command("list", short_help="List the scenarios there are.")
@click.argument("target", required=False)
@as_json
def list_scenarios(target: str | None, as_json: bool) -> None:
    """List the library's scenarios, or those of a FILE or FOLDER."""
    from paybench.scenarios import report
    from paybench.scenarios.discovery import find, in_library

    report.print_list(find(target) if target else in_library(), as_json=as_json)


@cli.command("run", short_help="Run scenarios.")
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


@cli.command("show", short_help="Show a trace: ladder, Mermaid, JSON; or a state machine.")
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


@cli.command("replay", short_help="Run a recorded trace again and compare.")
@click.argument("trace", type=click.Path(path_type=Path))
@as_json
def replay_trace(trace: Path, as_json: bool) -> None:
    """Run a recorded TRACE again, with nothing attached, and compare it line by line."""
    from paybench.scenarios import report
    from paybench.scenarios.replay import replay

    again = replay(trace)
    report.print_replay(trace, again, as_json=as_json)
    sys.exit(0 if again.diverged_at is None else 1)


@cli.command("demo", short_help="Fig 3 simulated, with a real reader, replayed.")
def run_demo() -> None:
    """Fig 3 in all its variants, then with a real reader on a tty, then replayed without it."""
    from paybench.scenarios.demo import demo

    sys.exit(demo())


@cli.command("attach", short_help="Poke a device by its verbs.")
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


@cli.command("scan", short_help="List real things that are plugged in, or on the air.")
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


@cli.command("doctor", short_help="Check what real parts need of this machine.")
@as_json
def examine_machine(as_json: bool) -> None:
    """Check permissions, Bluetooth, decoders and cameras; name the one command that mends each.

    Exit code 3 when something is missing that a command mends.
    """
    from paybench.scenarios import machine

    sys.exit(machine.doctor(as_json=as_json))


@cli.group("bank", cls=Group, short_help="Look at a bank's folder, add servers, serve it.")
def bank_folder() -> None:
    """Look at a bank that is kept in a folder, as by --bank sqlite:FOLDER; or serve it."""


folder_argument = click.argument("folder", type=click.Path())
currency_option = click.option(
    "--currency", default="EUR", show_default=True, help="ISO 4217 code of its accounts."
)


@bank_folder.command("up", short_help="Start PostgreSQL servers for a bank.")
@folder_argument
@click.option(
    "--servers",
    default=3,
    show_default=True,
    type=click.IntRange(1, 26),
    help="How many database servers; a new bank has them all.",
)
@click.option(
    "--spare",
    default=1,
    show_default=True,
    type=click.IntRange(0, 26),
    help="How many more wait to be added.",
)
def bank_up(folder: str, servers: int, spare: int) -> None:
    """Start a log data server and database servers in a FOLDER, and stop them on Ctrl-C.

    They are PostgreSQL servers that run as an ordinary user and listen in the FOLDER alone.
    """
    from paybench.scenarios.bank_up import up

    up(folder, servers, spare)


@bank_folder.command("servers", short_help="Accounts, flushes and lag of each server.")
@folder_argument
@currency_option
@as_json
def bank_servers(folder: str, currency: str, as_json: bool) -> None:
    """Show how it stands with the log data server and the database servers of a FOLDER."""
    from paybench.scenarios.bank_view import show_servers

    show_servers(folder, currency, as_json=as_json)


@bank_folder.command("add-server", short_help="Add a database server, and move its accounts.")
@folder_argument
@currency_option
@as_json
def bank_add_server(folder: str, currency: str, as_json: bool) -> None:
    """Add a database server to the bank in a FOLDER, and move its share of the accounts there.

    Cut off in between, it goes on where it was when it is called again.
    """
    from paybench.scenarios.bank_view import add_server

    add_server(folder, currency, as_json=as_json)


@bank_folder.command("audit", short_help="Derive every balance from the log, and compare.")
@folder_argument
@currency_option
@as_json
def bank_audit(folder: str, currency: str, as_json: bool) -> None:
    """Derive every balance of a FOLDER from its log, and compare: exit code 1 if one differs."""
    from paybench.scenarios.bank_view import show_audit

    sys.exit(0 if show_audit(folder, currency, as_json=as_json) else EXIT_CODES["failed"])


@bank_folder.command("accounts", short_help="Every account, and what is on it.")
@folder_argument
@currency_option
@as_json
def bank_accounts(folder: str, currency: str, as_json: bool) -> None:
    """List the accounts of the bank in a FOLDER."""
    from paybench.scenarios.bank_view import show_accounts

    show_accounts(folder, currency, as_json=as_json)


@bank_folder.command("statement", short_help="An account's balance and history.")
@folder_argument
@click.argument("account")
@click.option("--entries", default=20, show_default=True, type=click.IntRange(1), help="At most.")
@currency_option
@as_json
def bank_statement(folder: str, account: str, entries: int, currency: str, as_json: bool) -> None:
    """Show the newest entries of an ACCOUNT, e.g. 002-0000002, of the bank in a FOLDER."""
    from paybench.scenarios.bank_view import show_statement

    show_statement(folder, account, currency, entries, as_json=as_json)


@bank_folder.command("key", short_help="Make a key for a device.")
@folder_argument
@click.argument("name")
@click.option(
    "--role", type=click.Choice(["terminal", "host"]), required=True,
    help="terminal: to settle, authorise, capture, cancel, reverse, inquire. host: everything.",
)  # fmt: skip
@click.option("--out", metavar="FILE", help="The client's file.  [default: NAME.toml]")
@click.option("--ca", metavar="FILE", help="Trust this certificate, and not the bank's own.")
@click.option("--server-name", default="", help="The name in the server's certificate, with --ca.")
def bank_key(
    folder: str, name: str, role: str, out: str | None, ca: str | None, server_name: str
) -> None:
    """Make a key for the device NAME at the bank in a FOLDER, and write its client's file."""
    from paybench.scenarios.bank_service import make_key

    make_key(folder, name, role, out or f"{name}.toml", ca, server_name)


@bank_folder.command("serve", short_help="Serve a bank over TLS.")
@folder_argument
@click.option("--listen", default="127.0.0.1:7300", show_default=True, metavar="HOST:PORT",
              help="Where; port 0 for any.")  # fmt: skip
@click.option("--servers", default=1, show_default=True, type=click.IntRange(1, 99),
              help="Database servers of a new folder.")  # fmt: skip
@click.option("--lag", default=0, show_default=True, type=click.IntRange(0),
              help="How many settlements may be answered before the servers follow.")  # fmt: skip
@click.option("--processes", is_flag=True, help="Each database server is a process of its own.")
@click.option("--cert", metavar="FILE", help="The server's certificate.  [default: its own]")
@click.option("--cert-key", metavar="FILE", help="The certificate's key, if in another file.")
@currency_option
def bank_serve(
    folder: str,
    listen: str,
    servers: int,
    lag: int,
    processes: bool,
    cert: str | None,
    cert_key: str | None,
    currency: str,
) -> None:
    """Serve the bank in a FOLDER to devices that have a key, until Ctrl-C or SIGTERM.

    A FOLDER that is not there is made; it may be one of PostgreSQL servers that are up. A second
    signal stops at once.
    """
    from paybench.scenarios.bank_service import Service, serve

    serve(Service(folder, listen, currency, servers, lag, processes, cert, cert_key))


def worst(verdicts: list[str]) -> int:
    """The exit code for several verdicts: our error first, then a failure, then a block."""
    for verdict in ("error", "failed", "blocked"):
        if verdict in verdicts:
            return EXIT_CODES[verdict]
    return EXIT_CODES["passed"]


def main() -> None:
    """Entry point of the command."""
    run: Callable[..., Any] = cli.main
    try:
        run(prog_name="paybench")
    except BrokenPipeError:  # the reader of our output has gone: nothing to say to it
        sys.stderr.close()
    except Exception:  # noqa: BLE001 - our own bug: said as such, with what helps to mend it
        import traceback

        traceback.print_exc()
        click.echo("paybench: this is a bug of paybench: please report the lines above", err=True)
        sys.exit(ERROR)
