"""Figures: what a run has counted, for people to read after it."""

from __future__ import annotations

import msgspec


class Figures(msgspec.Struct, frozen=True):
    """A small table.

    Attributes:
        name: What it is called in JSON.
        title: What it tells.
        columns: What stands in each column.
        rows: A value for each column.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]

    @property
    def facts(self) -> list[dict[str, str | int | float]]:
        """The rows as plain values by column, for JSON."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    @property
    def lines(self) -> list[tuple[str, ...]]:
        """The columns and the rows as text."""
        return [self.columns, *(tuple(_text(cell) for cell in row) for row in self.rows)]


def _text(cell: str | float) -> str:
    if isinstance(cell, float):
        return f"{cell:,.1f}"
    return f"{cell:,}" if isinstance(cell, int) else cell
