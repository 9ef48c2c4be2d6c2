"""The check of circulation: issuer store = all purses + what is under way, after every step.

The one side is the bank's ledger. The other is read from the stores of the devices: what each
purse holds, and, for what is under way, what one end noted as gone that the other has not noted as
come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.bank.account import ISSUER
from paybench.devices.purse_notes import Notes
from paybench.scenarios.errors import ConservationBroken

if TYPE_CHECKING:
    from paybench.bank.any_bank import AnyBank
    from paybench.bank.emoney.mint_storage import MintStorage
    from paybench.bank.emoney.value import Value
    from paybench.devices.store import Store


class CirculationCheck:
    """Compares the issuer store with the purses.

    Args:
        bank: The bank.
        storage: The mint's: it tells which data were paid.

    Attributes:
        copies: Whether somebody has copied a purse: then purses may hold more than was issued.
    """

    def __init__(self, bank: AnyBank, storage: MintStorage) -> None:
        self.copies = False
        self._bank = bank
        self._storage = storage
        self._stores: dict[str, Store] = {}
        self._taken_data: set[bytes] = set()

    def __call__(self) -> None:
        """See that it holds. While deposits are under way, the issuer store may still lack them.

        Raises:
            ConservationBroken: It does not.
        """
        in_purses = sum(self.balance_minor(purse_id) for purse_id in self._stores)
        under_way = self.under_way()
        circulating = in_purses + sum(under_way.values())
        store = self._bank.balance(ISSUER).amount_minor
        in_transit = self._bank.in_transit().amount_minor
        if self.copies:
            holds = 0 <= store <= circulating
        else:
            holds = store <= circulating <= store + in_transit
        if not holds:
            raise ConservationBroken(
                f"the issuer store must hold what all purses hold and what is under way, and has "
                f"{store} for {in_purses} in purses and {sum(under_way.values())} under way "
                f"({', '.join(under_way) or 'nothing'})"
            )

    def add(self, purse_id: str, store: Store) -> None:
        """A device has got a purse."""
        self._stores[purse_id] = store

    def balance_minor(self, purse_id: str) -> int:
        """What a purse holds, in minor units."""
        return sum(holding.amount_minor for holding in self._notes(purse_id).holdings)

    def under_way(self) -> dict[str, int]:
        """What is in no purse and not paid back: what it is, and how much in minor units."""
        under_way: dict[str, int] = {}
        for notes in map(self._notes, self._stores):
            for taken in notes.received.values():
                self._taken_data.update(taken.digests)
        for purse_id in self._stores:
            notes = self._notes(purse_id)
            for name, amount_minor in notes.asked.items():
                if self._bank.inquire(f"issue/{name}").settled:
                    under_way[f"issued {name}"] = amount_minor
            for name, sent in notes.sent.items():
                if not self._has_come(sent.value):
                    under_way[f"{purse_id} paid {name}"] = sent.value.amount_minor
            for name, order in notes.redeeming.items():
                if not any(map(self._storage.paid_overlapping, order.data)):
                    under_way[f"redeeming {name}"] = order.amount_minor
        return under_way

    def not_known(self) -> list[str]:
        """What has arrived, or was paid back, without an answer to who passed it on."""
        return [
            f"{purse_id} has no answer for {name}"
            for purse_id in self._stores
            for name in (*self._notes(purse_id).sent, *self._notes(purse_id).redeeming)
        ]

    def _has_come(self, value: Value) -> bool:
        return {datum.digest() for datum in value.data} <= self._taken_data

    def _notes(self, purse_id: str) -> Notes:
        return self._stores[purse_id].get("purse", Notes) or Notes()
