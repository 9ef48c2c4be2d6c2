"""The dispensing machine: columns that somebody fills, and that may jam."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paybench.bank.money import Money
from paybench.devices.device import Device, verb
from paybench.devices.dispenser import Column, Dispenser
from paybench.devices.errors import OutOfOrder

if TYPE_CHECKING:
    from collections.abc import Generator

    from paybench.devices.world import World

ENDED = ("discharged", "refused", "reversed")
"""The states of a vend that is over."""


class DispensingMachine(Device):
    """Base of the vending machines: what is mechanical about them, whoever is paid and how.

    Args:
        world: What it shares with the others.
        name: Full name.
        currency: ISO 4217 code all prices are in.

    Attributes:
        dispenser: Its mechanics.
    """

    def __init__(self, world: World, name: str, currency: str) -> None:
        super().__init__(world, name)
        self.currency = currency
        self.dispenser = Dispenser(world, name)
        self.parts["dispenser"] = self.dispenser

    @verb(mechanical=True)
    def load(self, number: str, name: str, price: str, stock: int) -> None:
        """Fill a column.

        Args:
            number: The column's number, e.g. ``A3``.
            name: What is in it.
            price: What one costs, e.g. ``"1.50"``.
            stock: How many.

        Raises:
            MoneyError: The price is malformed.
        """
        column = Column(number, name, Money.parse(price, self.currency), stock)
        former = self.dispenser.columns.get(number)
        if former is not None:  # whoever fills it turns no counter back, and frees nothing
            column.fallen, column.jammed = former.fallen, former.jammed
        self.dispenser.columns[number] = column

    @verb(mechanical=True)
    def jam(self, number: str) -> None:
        """Have what is in a column stick, until `free`.

        Raises:
            OutOfOrder: There is no such column.
        """
        self.column(number).jammed = True

    @verb(mechanical=True)
    def free(self, number: str) -> None:
        """Free a column that is stuck.

        Raises:
            OutOfOrder: There is no such column.
        """
        self.column(number).jammed = False

    def expects_discharged(self, number: str, count: int) -> None:
        """Expect so many articles to have fallen from a column in all.

        Raises:
            Unmet: It were others.
        """
        column = self.column(number)
        self.world.expect(
            lambda: column.fallen == count,
            who=self.name,
            expected=f"{count} of {number} discharged",
            seen=lambda: f"{column.fallen}",
        )

    def column(self, number: str) -> Column:
        """The column of a number.

        Raises:
            OutOfOrder: There is none.
        """
        column = self.dispenser.columns.get(number)
        if column is None:
            there = ", ".join(self.dispenser.columns) or "none"
            raise OutOfOrder(f"{self.name} has no column {number!r} (there are: {there})")
        return column

    def drops(self, number: str, fallen: int) -> Generator[Any, Any, bool]:
        """Turn a column, and tell whether its article fell.

        Args:
            number: The column's number.
            fallen: What its drop sensor said before: what fell before the power went has fallen.
        """
        self.display.show("HERE IT COMES")
        if self.column(number).fallen > fallen:
            return True
        return (yield from self.dispenser.discharge(number))
