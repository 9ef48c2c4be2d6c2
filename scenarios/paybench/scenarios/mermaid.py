"""A trace as a Mermaid sequence diagram: for pages that draw it themselves, such as GitHub's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.scenarios.cells import clean
from paybench.scenarios.lifelines import lifelines, owner
from paybench.scenarios.marks import marks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paybench.devices.trace import AnyEvent
    from paybench.scenarios.marks import Mark

_ARROWS = {"lost": "--x", "under way": "--)"}
_PLAIN = frozenset(" .,-()[]/'+=!?_")
_SIGNS = {"act": "▸ ", "decision": "◆ ", "gone": "✗ "}


def mermaid(events: Iterable[AnyEvent]) -> str:
    """The trace as the source of a Mermaid ``sequenceDiagram``, without times.

    Messages are arrows, drawn when they arrive; one that got lost ends in a cross. What displays
    show, what people do and what is decided stands in notes.
    """
    told = list(marks(events))
    names = lifelines(told)
    aliases = {name: f"p{number}" for number, name in enumerate(names, 1)}
    lines = ["sequenceDiagram"]
    lines += [f"participant {alias} as {escaped(name)}" for name, alias in aliases.items()]
    for mark in told:
        lines += _lines(mark, aliases)
    return "\n    ".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text that Mermaid shows as it is: what may mean something to it goes as a character code.

    Left to itself, ``;`` and ``#`` end the text, ``<`` begins HTML, and ``wrap:`` is a command.
    An empty text, which its grammar does not take, becomes a blank.
    """
    shown = (
        c if not c.isascii() or c.isalnum() or c in _PLAIN else f"#{ord(c)};" for c in clean(text)
    )
    return "".join(shown) or "#160;"


def _lines(mark: Mark, aliases: dict[str, str]) -> list[str]:
    if not mark.who:
        everybody = ",".join(dict.fromkeys([*aliases.values()][:1] + [*aliases.values()][-1:]))
        text = ": ".join(filter(None, (mark.text, mark.why)))
        return [f"Note over {everybody}: {escaped(text)}"] if aliases else []
    who = aliases[owner(mark.who, list(aliases))]
    if mark.kind == "display":
        shown = "<br/>".join(escaped(f"[{line}]") for line in mark.lines or ("",))
        return [f"Note over {who}: {shown}"]
    why = f" ({mark.why})" if mark.why else ""
    if not mark.to:
        text = f"{_SIGNS.get(mark.kind, '')}{mark.text}{why}"
        return [f"Note over {who}: {escaped(text)}"]
    to = aliases[owner(mark.to, list(aliases))]
    lines = [f"{who}{_ARROWS.get(mark.kind, '->>')}{to}: {escaped(mark.text)}"]
    return [*lines, f"Note over {who}: {escaped(mark.why)}"] if mark.why else lines
