"""A venue with entrances: a theatre, a museum, a bus, a shop that takes gift certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.devices.admission_register import AdmissionRegister
from paybench.devices.entrance import Entrance
from paybench.devices.ticket_office import TicketOffice
from paybench.scenarios.line import STATION_NETWORK
from paybench.scenarios.party import Shop

if TYPE_CHECKING:
    from paybench.bank.account import AccountNumber
    from paybench.devices.open_seal import OpenSeal
    from paybench.scenarios.rig import Rig


class Venue(Shop):
    """Who sells tickets, and lets people in who have one.

    Attributes:
        seal: What its tickets are signed with; entrances have its public half.
        admissions: The register all its entrances ask, or None before the first one.
    """

    def __init__(self, rig: Rig, name: str, account: AccountNumber, account_key: bytes) -> None:
        from paybench.devices.open_seal import OpenSeal

        super().__init__(rig, name, account, account_key)
        self.seal: OpenSeal = OpenSeal(account_key)
        self.admissions: AdmissionRegister | None = None

    def ticket_office(self, *, settles: str = "relayed") -> TicketOffice:
        """A ticket vending apparatus 40.

        Args:
            settles: ``relayed`` or ``direct``, the two ways of Fig 10.
        """
        office = TicketOffice(
            self._rig.world,
            self._device_name(TicketOffice.role),
            seal=self.seal,
            account=self.account,
            shop=self.name,
            currency=self._rig.currency,
            settles=settles,
            account_key=self.account_key,
        )
        self._rig.connect_to_bank(office.bank_line)
        self._rig.install(office)
        return office

    def entrance(self, event: str) -> Entrance:
        """An entrance control apparatus 60: it has no line to the bank.

        Args:
            event: What its tickets must be for.
        """
        if self.admissions is None:
            self.admissions = AdmissionRegister(
                self._rig.world, self._device_name(AdmissionRegister.role), opened_here=False
            )
            self._rig.install(self.admissions)
        entrance = Entrance(
            self._rig.world,
            self._device_name(Entrance.role),
            issuer=self.name,
            event=event,
            seal=self.seal.public,
        )
        self._rig.world.connect(entrance.register, self.admissions.gates, STATION_NETWORK)
        self._rig.install(entrance)
        return entrance
