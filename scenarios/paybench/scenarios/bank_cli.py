"""The bank's commands: ``paybench bank up | servers | audit | … | key | serve``.

What a command needs it imports itself, as in `cli`.
"""

from __future__ import annotations

import sys

import click

from paybench.scenarios.command import EXIT_CODES, Group, as_json


@click.group(
    "bank",
    cls=Group,
    short_help="Look at a bank's folder, add servers, serve it.",
    examples=(
        "paybench run transfer --variant pc --bank sqlite:town\n"
        "paybench bank audit town\n"
        "paybench bank accounts town\n"
        "paybench bank statement town 002-0000002"
    ),
)
def bank_folder() -> None:
    """Look at a bank that is kept in a folder, as by --bank sqlite:FOLDER; or serve it."""


folder_argument = click.argument("folder", type=click.Path())
currency_option = click.option(
    "--currency", default="EUR", show_default=True, help="ISO 4217 code of its accounts."
)


@bank_folder.command(
    "up",
    short_help="Start PostgreSQL servers for a bank.",
    examples=(
        "paybench bank up town --servers 3\n"
        "paybench run transfer --variant pc --bank postgres:town\n"
        "paybench bank audit town"
    ),
)
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


@bank_folder.command(
    "servers",
    short_help="Accounts, flushes and lag of each server.",
    examples="paybench bank servers town",
)
@folder_argument
@currency_option
@as_json
def bank_servers(folder: str, currency: str, as_json: bool) -> None:
    """Show how it stands with the log data server and the database servers of a FOLDER."""
    from paybench.scenarios.bank_view import show_servers

    show_servers(folder, currency, as_json=as_json)


@bank_folder.command(
    "add-server",
    short_help="Add a database server, and move its accounts.",
    examples="paybench bank add-server town",
)
@folder_argument
@currency_option
@as_json
def bank_add_server(folder: str, currency: str, as_json: bool) -> None:
    """Add a database server to the bank in a FOLDER, and move its share of the accounts there.

    Cut off in between, it goes on where it was when it is called again.
    """
    from paybench.scenarios.bank_view import add_server

    add_server(folder, currency, as_json=as_json)


@bank_folder.command(
    "audit",
    short_help="Derive every balance from the log, and compare.",
    examples="paybench bank audit town",
)
@folder_argument
@currency_option
@as_json
def bank_audit(folder: str, currency: str, as_json: bool) -> None:
    """Derive every balance of a FOLDER from its log, and compare: exit code 1 if one differs."""
    from paybench.scenarios.bank_view import show_audit

    sys.exit(0 if show_audit(folder, currency, as_json=as_json) else EXIT_CODES["failed"])


@bank_folder.command(
    "accounts",
    short_help="Every account, and what is on it.",
    examples="paybench bank accounts town",
)
@folder_argument
@currency_option
@as_json
def bank_accounts(folder: str, currency: str, as_json: bool) -> None:
    """List the accounts of the bank in a FOLDER."""
    from paybench.scenarios.bank_view import show_accounts

    show_accounts(folder, currency, as_json=as_json)


@bank_folder.command(
    "statement",
    short_help="An account's balance and history.",
    examples="paybench bank statement town 002-0000002 --entries 50",
)
@folder_argument
@click.argument("account")
@click.option("--entries", default=20, show_default=True, type=click.IntRange(1), help="At most.")
@currency_option
@as_json
def bank_statement(folder: str, account: str, entries: int, currency: str, as_json: bool) -> None:
    """Show the newest entries of an ACCOUNT, e.g. 002-0000002, of the bank in a FOLDER."""
    from paybench.scenarios.bank_view import show_statement

    show_statement(folder, account, currency, entries, as_json=as_json)


@bank_folder.command(
    "key",
    short_help="Make a key for a device.",
    examples=(
        "paybench bank key town bench-1 --role host --out bench-1.toml\n"
        "paybench run transfer --variant pc --bank tls://127.0.0.1:7300 --bank-key bench-1.toml"
    ),
)
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


@bank_folder.command(
    "serve",
    short_help="Serve a bank over TLS.",
    examples="paybench bank serve town\npaybench bank serve town --listen 0.0.0.0:7300",
)
@folder_argument
@click.option("--listen", default="127.0.0.1:7300", show_default=True, metavar="HOST:PORT",
              help="Where; port 0 for any.")  # fmt: skip
@click.option("--servers", default=1, show_default=True, type=click.IntRange(1, 99),
              help="Database servers of a new folder.")  # fmt: skip
@click.option("--lag", default=0, show_default=True, type=click.IntRange(0),
              help="How many settlements may be answered before the servers follow.")  # fmt: skip
@click.option("--processes", is_flag=True, help="Each of its servers is a process of its own.")
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
