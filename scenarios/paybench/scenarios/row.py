"""A row: one line of a drawing while it is written."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from paybench.scenarios.cells import cells, in_ascii

if TYPE_CHECKING:
    from collections.abc import Callable

    Style = Callable[[str, str], str]


class Row:
    """One line while it is written: a character for each column, and what kind of thing it is."""

    def __init__(self, width: int) -> None:
        self._chars = [" "] * width
        self._kinds = [""] * width

    def put(self, at: int, kind: str, text: str) -> None:
        """Write clean text from a column on; the caller has seen to it that it fits."""
        for char in text:
            taken = cells(char)
            if taken == 0:
                if at > 0:
                    self._chars[at - 1] += char
                continue
            self._chars[at : at + taken] = [char, ""][:taken]
            self._kinds[at : at + taken] = [kind] * taken
            at += taken

    def line(self, style: Style | None, *, unicode: bool) -> str:
        """The line, without blanks at its end."""
        chars = self._chars
        while chars and chars[-1] == " ":
            chars.pop()
        parts = groupby(zip(self._kinds, chars, strict=False), key=itemgetter(0))
        texts = ((kind, "".join(char for _, char in run)) for kind, run in parts)
        plain = ((kind, text if unicode else in_ascii(text)) for kind, text in texts)
        return "".join(style(kind, text) if style and kind else text for kind, text in plain)
