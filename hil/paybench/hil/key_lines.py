"""Lines of a TOML document's keys, for errors that say where.

`tomllib` gives values without positions, and so do the other maintained parsers for Python. But a
TOML document is a sequence of statements (a table's header, or a key with its value), each of
which ends with a line and is a document of its own. So the standard parser itself tells where each
one ends: the lines are right for whatever it accepts, and there is no second grammar to keep.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_STATEMENT_LINES = 64
"""The longest statement, in lines: finding its end takes as many attempts."""

MAX_DEPTH = 8
"""Keys within keys, as deep as lines are told."""

_AT = re.compile(r" \(at line (\d+), column \d+\)| \(at end of document\)")


class TomlError(ValueError):
    """A text that is no TOML.

    Attributes:
        line: Where, the first line being 1.
    """

    def __init__(self, sentence: str, line: int) -> None:
        super().__init__(sentence)
        self.line = line


def read_toml(text: str) -> tuple[dict[str, Any], dict[tuple[str, ...], int]]:
    """A TOML document, and the line each key is first named in.

    What stands in a list has no line of its own: the list's is where its key is.

    Args:
        text: The document.

    Returns:
        The document as a dictionary, and lines, counted from 1, by the path of the key.

    Raises:
        TomlError: It is no TOML, or a statement has more than `MAX_STATEMENT_LINES` lines.
    """
    text = text.replace("\r\n", "\n").rstrip("\n") + "\n"
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = _AT.search(str(error))
        line = int(at[1]) if at is not None and at[1] else _broken_line(text)
        raise TomlError(_AT.sub("", str(error)), line) from error
    except (ValueError, RecursionError) as error:  # an endless integer; brackets without end
        raise TomlError("a value is too long or too deep", _broken_line(text)) from error
    lines: dict[tuple[str, ...], int] = {(): 1}
    table: tuple[str, ...] = ()
    for line, statement, found in _statements(text):
        is_header = statement[0].lstrip().startswith("[")
        if is_header:
            table = max(_paths(found, ()), key=len)
        for path in _paths(found, () if is_header else table):
            lines.setdefault(path, line)
    return document, lines


def _statements(text: str) -> Iterator[tuple[int, list[str], dict[str, Any]]]:
    """Each statement or empty line: where it begins, its lines, and what it says by itself."""
    begun: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        begun.append(line)
        first = number - len(begun) + 1
        try:
            found = tomllib.loads("\n".join(begun))
        except tomllib.TOMLDecodeError as error:
            if len(begun) >= MAX_STATEMENT_LINES:
                sentence = f"a value of more than {MAX_STATEMENT_LINES} lines: make it shorter"
                raise TomlError(sentence, first) from error
            continue
        yield first, begun, found
        begun = []


def _broken_line(text: str) -> int:
    """First line of the statement that does not end, or whose value is beyond all bounds."""
    good = 0
    try:
        for first, statement, _ in _statements(text):
            good = first + len(statement) - 1
    except TomlError as error:
        return error.line
    except (ValueError, RecursionError):
        pass
    return good + 1


def _paths(value: object, at: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The paths of all keys in a value; through lists of tables into the last table."""
    if at:
        yield at
    if isinstance(value, list) and value:
        value = cast("list[object]", value)[-1]
    if isinstance(value, dict) and len(at) < MAX_DEPTH:
        for key, inner in cast("dict[str, object]", value).items():
            yield from _paths(inner, (*at, key))
