"""State machines to be looked at: ``paybench show --state settlement-session``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from paybench.hil.spec import nearest
from paybench.scenarios.errors import UsageError
from paybench.scenarios.report import aligned, console

if TYPE_CHECKING:
    from paybench.bank.tin.session_machine import Machine


def machines() -> dict[str, Machine]:
    """The machines there are, by the name to ask for them."""
    from paybench.bank.tin.session_machine import AUTHENTICATION, SETTLEMENT

    return {"settlement-session": SETTLEMENT, "authentication-session": AUTHENTICATION}


def show_machine(name: str, form: str) -> None:
    """Print a state machine in one of its forms.

    Args:
        name: Which one, e.g. ``settlement-session``.
        form: ``ladder`` for a table to read, ``mermaid`` for a diagram, or ``json``.

    Raises:
        UsageError: There is none of that name.
    """
    known = machines()
    if name not in known:
        raise UsageError(f"there is no state machine {name!r}{nearest(name, known)}")
    machine = known[name]
    if form == "mermaid":
        print(machine.mermaid())
    elif form == "json":
        rows = [
            {"state": row.state, "event": row.event, "finding": row.finding, "then": row.then}
            for row in machine.rows
        ]
        print(json.dumps({"name": name, "begin": machine.begin, "rows": rows}, indent=2))
    else:
        _print_table(f"{name}: begins with {machine.begin}", machine)


def _print_table(title: str, machine: Machine) -> None:
    out = console()
    headings, states = ("in state", "on", "if found", "goes to"), machine.states
    rows = sorted(machine.rows, key=lambda row: states.index(row.state))
    if not out.is_terminal:
        lines = [(row.state, row.event, row.finding, row.then) for row in rows]
        for line in (title, *aligned([headings, *lines])):
            out.print(line, markup=False)
        return
    table = Table(title=title, title_justify="left", box=None)
    for heading in headings:
        table.add_column(heading)
    former = ""
    for row in rows:
        then = Text(row.then, style="bold" if row.then.is_closed else "")
        state = "" if row.state == former else row.state
        table.add_row(Text(state, style="bold"), row.event, row.finding, then)
        former = row.state
    out.print(table)
