"""State machines to be looked at: ``paybench show --state settlement-session``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from paybench.hil.spec import nearest
from paybench.scenarios.errors import UsageError
from paybench.scenarios.report import console

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
        console().print(_table(name, machine))


def _table(name: str, machine: Machine) -> Table:
    table = Table(title=f"{name}: begins with {machine.begin}", title_justify="left", box=None)
    for heading in ("in state", "on", "if found", "goes to"):
        table.add_column(heading)
    former, states = "", machine.states
    for row in sorted(machine.rows, key=lambda row: states.index(row.state)):
        then = Text(row.then, style="bold" if row.then.is_closed else "")
        state = "" if row.state == former else row.state
        table.add_row(Text(state, style="bold"), row.event, row.finding, then)
        former = row.state
    return table
