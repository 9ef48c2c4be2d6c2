"""A line with stations and gates: a railway, a toll road, a ferry, an airline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.bank.money import Money
from paybench.devices.admission import Way
from paybench.devices.admission_register import AdmissionRegister
from paybench.devices.document import SharedSeal
from paybench.devices.fare_table import BUSINESSES, FareTable
from paybench.devices.gate import Gate
from paybench.devices.link import LinkProfile
from paybench.scenarios.errors import UsageError
from paybench.scenarios.party import Shop

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paybench.bank.account import AccountNumber
    from paybench.scenarios.rig import Rig

STATION_NETWORK = LinkProfile(latency_s=0.002, jitter_s=0.001)
"""The line's own network, between its gates and its register of admissions."""


class Line(Shop):
    """A line that is paid by the ride.

    Attributes:
        seal: What its admissions are signed with.
        admissions: Its register of admissions, which all its gates ask.
    """

    def __init__(
        self,
        rig: Rig,
        name: str,
        account: AccountNumber,
        account_key: bytes,
        *,
        business: str,
        fares: Mapping[tuple[str, str], str],
        there_and_back: str = "",
    ) -> None:
        super().__init__(rig, name, account, account_key)
        if business not in BUSINESSES:
            there = ", ".join(BUSINESSES)
            raise UsageError(f"there is no line of business {business!r} (there are: {there})")
        self.business = BUSINESSES[business]
        currency = rig.currency
        self.fares = FareTable(
            {pair: Money.parse(text, currency) for pair, text in fares.items()},
            Money.parse(there_and_back, currency) if there_and_back else None,
        )
        self.seal = SharedSeal(account_key[::-1])
        self.admissions = AdmissionRegister(rig.world, self._device_name(AdmissionRegister.role))
        rig.install(self.admissions)

    def gate(self, station: str, way: str) -> Gate:
        """A gate of the line (Figs 5A and 5B).

        Args:
            station: Where it stands: a place of the fare table.
            way: ``in`` or ``out``.

        Raises:
            UsageError: The fare table has no such place.
        """
        if station not in self.fares.places:
            there = ", ".join(self.fares.places)
            raise UsageError(f"{self.name} does not stop at {station!r} (it does at: {there})")
        gate = Gate(
            self._rig.world,
            self._device_name(Gate.role),
            line=self.name,
            station=station,
            way=Way(way),
            business=self.business,
            account=self.account,
            account_key=self.account_key,
            seal=self.seal,
            fares=self.fares,
        )
        self._rig.connect_to_bank(gate.bank_line)
        self._rig.host.desk.lines[gate.name] = self.name
        self._rig.world.connect(gate.register, self.admissions.gates, STATION_NETWORK)
        self._rig.install(gate)
        return gate
