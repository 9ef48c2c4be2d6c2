"""Cells: text made safe for a terminal, measured and cut in the columns it takes there."""

from __future__ import annotations

import unicodedata

_ASCII = str.maketrans("│─┼├┤►◄└┴┘✗…—→▸◆○▪«»•", "|-+||><+++x~->>*o.<>*")


def clean(text: str) -> str:
    """Text without what would move a terminal's cursor or change its colours.

    Whatever comes from a device may be in it. Variation selectors go too: they change a
    character's width on some terminals and not on others.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for char in unicodedata.normalize("NFC", text)
        if not "\ufe00" <= char <= "\ufe0f"
    )


def in_ascii(text: str) -> str:
    """Clean text in ASCII: similar characters for a drawing's signs, ``?`` for any others."""
    return text.translate(_ASCII).encode("ascii", "replace").decode()


def cells(text: str) -> int:
    """How many columns clean text takes on a terminal."""
    return len(text) if text.isascii() else sum(map(_cell, text))


def _cell(char: str) -> int:
    # Not rich.cells, which says the same: a drawing is not worth rich's start-up time.
    if unicodedata.category(char) in ("Mn", "Me") or "\u1160" <= char <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def clip(text: str, room: int) -> str:
    """As much of clean text as fits into so many columns; an ellipsis says that more was there."""
    if cells(text) <= room:
        return text
    kept, left = "", room - 1
    for char in text:
        left -= _cell(char)
        if left < 0:
            break
        kept += char
    return kept.rstrip() + "…" if room > 0 else ""
