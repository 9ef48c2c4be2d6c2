"""The dispenser part: columns of articles, and a sensor that tells whether one fell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator

    from paybench.bank.money import Money
    from paybench.devices.world import World

DISCHARGE_S = 1.8
"""How long a spiral turns for one article."""


class Column:
    """One column of a machine.

    Attributes:
        number: Its number, e.g. ``A3``.
        name: What is in it.
        price: What one costs.
        stock: How many are in it.
        jammed: Whether what is in it is stuck.
        fallen: How many the drop sensor has counted; mechanical, it needs no power to remember.
    """

    __slots__ = ("fallen", "jammed", "name", "number", "price", "stock")

    def __init__(self, number: str, name: str, price: Money, stock: int) -> None:
        self.number = number
        self.name = name
        self.price = price
        self.stock = stock
        self.jammed = False
        self.fallen = 0


class Dispenser:
    """The simulated mechanics: turns a column's spiral, and one article falls unless it is stuck.

    Attributes:
        name: Full name of the part, e.g. ``V.machine.dispenser``.
        columns: The columns by number.
    """

    kind = "dispenser"

    def __init__(self, world: World, device: str) -> None:
        self.name = f"{device}.dispenser"
        self.gone = ""
        self.returns = False
        self.columns: dict[str, Column] = {}
        self._world = world

    def discharge(self, number: str) -> Generator[Any, Any, bool]:
        """Turn a column once; gives whether an article fell."""
        yield self._world.env.timeout(DISCHARGE_S)
        column = self.columns[number]
        if column.jammed or column.stock == 0:
            return False
        column.stock -= 1
        column.fallen += 1
        return True
