"""A bank's folder from the command line: ``paybench bank servers | audit | …``."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import to_builtins
from rich.console import Console
from rich.text import Text

from paybench.bank.account import AccountNumber
from paybench.bank.bank import Bank
from paybench.bank.errors import BankError, StorageBrokenError
from paybench.bank.money import Money
from paybench.bank.storage.bank_file import FILE_NAME, is_bank_file
from paybench.scenarios.errors import UsageError
from paybench.scenarios.report import aligned, console

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from paybench.bank.storage import Storage

LOG_FILE = "log.sqlite"
NS_PER_S = 10**9


@contextmanager
def opened(folder: str, currency: str) -> Generator[Bank]:
    """The bank in a folder; nobody else may have it open meanwhile.

    Raises:
        UsageError: There is no bank, somebody has it open, or what was asked of it cannot be.
    """
    path = Path(folder)
    if not is_bank_file(path) and not (path / LOG_FILE).is_file():
        raise UsageError(
            f"{folder} has no {LOG_FILE} and no {FILE_NAME}: name the folder of a bank, as in "
            f"'paybench run SCENARIO --bank sqlite:FOLDER', or a bank file"
        )
    try:
        bank = Bank(storage_in(path), currency)
        try:
            yield bank
        finally:
            bank.close()
    except BankError as error:
        raise UsageError(str(error)) from error


def storage_in(path: Path, servers: int = 1, *, processes: bool = False) -> Storage:
    """The storage of a bank file, or of a folder, which is made if it is not there.

    Args:
        path: The file or the folder.
        servers: How many database servers a new folder gets.
        processes: Whether each of a folder's is a process of its own.

    Raises:
        StorageError: As `PostgresStorage` and `SqliteStorage`.
    """
    if is_bank_file(path):
        from paybench.bank.storage.postgres import PostgresStorage

        return PostgresStorage.at(path)
    from paybench.bank.storage.sqlite import SqliteStorage

    return SqliteStorage(path, servers, processes=processes)


def show_servers(folder: str, currency: str, *, as_json: bool) -> None:
    """Print how it stands with the log data server and each database server (Fig 11).

    Raises:
        UsageError: As `opened`.
    """
    with opened(folder, currency) as bank:
        servers = bank.servers()
    if as_json:
        print(json.dumps(to_builtins(servers), indent=2))
        return
    head = ("server", "accounts", "flushes", "written", "lag", "in transit")
    rows = [
        (
            each.name,
            *map(str, (each.accounts, each.flushes, each.written, each.lag)),
            Money(each.in_transit_minor, currency).text,
        )
        for each in servers
    ]
    for line in aligned([head, *rows]):
        print(line)


@contextmanager
def progress(total: int, what: str) -> Generator[Callable[[int], None]]:
    """A progress bar on a terminal, on stderr, and nothing elsewhere."""
    screen = Console(stderr=True)
    if not screen.is_terminal:
        yield lambda _: None
        return
    from rich.progress import Progress

    with Progress(console=screen, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda step: bar.advance(task, step)


def add_server(folder: str, currency: str, *, as_json: bool) -> None:
    """Add a database server and move its accounts there; or finish what was cut off ([0127]).

    Raises:
        UsageError: As `opened`.
    """
    with opened(folder, currency) as bank:
        goes_on = not bank.is_filled()
        name = bank.servers()[-1].name if goes_on else bank.add_server()
        moved = 0
        with progress(bank.to_move(), f"accounts to {name}") as advance:
            while some := bank.move_accounts():
                moved += some
                advance(some)
        share = moved / len(bank.accounts())
    if as_json:
        print(json.dumps({"server": name, "moved": moved, "went_on": goes_on}, indent=2))
    elif goes_on:
        print(f"{name} was still being filled: the last {moved} of its accounts have moved there")
    else:
        print(f"{name} is there: {moved} accounts moved to it, {share:.0%} of all")


def show_audit(folder: str, currency: str, *, as_json: bool) -> bool:
    """Derive every balance from the log, and print the first difference, or that there is none.

    Returns:
        Whether there is none.

    Raises:
        UsageError: As `opened`.
    """
    accounts = 0
    try:
        with opened(folder, currency) as bank:
            difference = bank.audit()
            accounts = len(bank.accounts())
    except UsageError as error:
        if not isinstance(error.__cause__, StorageBrokenError):
            raise
        difference = str(error)  # so wrong that it does not even open
    if as_json:
        print(json.dumps({"clean": difference is None, "difference": difference}, indent=2))
    elif difference is None:
        found = f"CLEAN  {accounts} accounts are what the log makes of them"
        console().print(Text(found, style="green"))
    else:
        console().print(Text(f"DIFFERENT  {difference}", style="red"))
    return difference is None


def show_accounts(folder: str, currency: str, *, as_json: bool) -> None:
    """Print every account, whose it is, and what is on it.

    Raises:
        UsageError: As `opened`.
    """
    with opened(folder, currency) as bank:
        found = [(str(each), bank.holder(each), bank.balance(each)) for each in bank.accounts()]
    if as_json:
        rows = [
            {"account": account, "holder": holder, "balance_minor": balance.amount_minor}
            for account, holder, balance in found
        ]
        print(json.dumps(rows, indent=2))
        return
    head = ("account", "holder", "balance")
    for line in aligned([head, *((account, who, money.text) for account, who, money in found)]):
        print(line)


def show_statement(
    folder: str, account: str, currency: str, entries: int, *, as_json: bool
) -> None:
    """Print an account's balance, and its newest entries, newest first.

    Raises:
        UsageError: As `opened`; or there is no such account.
    """
    with opened(folder, currency) as bank:
        number = AccountNumber.parse(account)
        balance, available = bank.balance(number), bank.available(number)
        lines = bank.statement(number, entries)
    if as_json:
        document = {
            "account": str(number),
            "balance_minor": balance.amount_minor,
            "available_minor": available.amount_minor,
            "currency": currency,
            "entries": [to_builtins(line) | {"counterparty": str(line.counterparty)}
                        for line in lines],
        }  # fmt: skip
        print(json.dumps(document, indent=2))
        return
    print(f"{number}  balance {balance}, available {available}")
    head = ("at", "settlement", "with", "what", "amount", "balance")
    rows = [
        (
            f"{line.at_ns / NS_PER_S:.3f} s",
            line.settlement_id,
            str(line.counterparty),
            str(line.kind),
            Money(line.amount_minor, currency).text,
            Money(line.balance_minor, currency).text,
        )
        for line in lines
    ]
    for text in aligned([head, *rows]):
        print(text)
