"""The office of a rig's authentication for third parties: an apparatus of its own, no money."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from paybench.bank.errors import BankError
from paybench.bank.tin import AuthenticationApparatus as Core
from paybench.bank.tin import Side
from paybench.devices.authentication_apparatus import AuthenticationApparatus
from paybench.devices.demanding_terminal import DemandingTerminal
from paybench.devices.proving_terminal import ProvingTerminal
from paybench.scenarios.errors import UsageError
from paybench.scenarios.lines import RADIO_TELEPHONE
from paybench.scenarios.tin_office import TinOffice

if TYPE_CHECKING:
    from paybench.scenarios.party import Customer, Shop
    from paybench.scenarios.tin_office import SubscriberOptions, TerminalOptions


class AuthenticationOffice(TinOffice):
    """Runs the authentication apparatus of a rig, with registers of its own (claims 42, 43)."""

    @cached_property
    def apparatus(self) -> AuthenticationApparatus:
        """The apparatus, between second terminals and first ones."""
        rig = self._rig
        below = rig.world.choices.stream("authenticator", "numbers").below
        core = Core(self.terminals, self.users, below, limits=self.limits)
        apparatus = AuthenticationApparatus(rig.world, core, rig.host)
        rig.install(apparatus)
        return apparatus

    def demanding_terminal(
        self, shop: Shop, name: str, options: TerminalOptions
    ) -> DemandingTerminal:
        """A terminal that demands; `Shop.demanding_terminal` says more."""
        terminal_id = options.get("terminal_id", name)
        terminal = DemandingTerminal(self._rig.world, name, terminal_id=terminal_id)
        self.connect_terminal(shop, terminal, terminal.line, terminal_id, options)
        return terminal

    def proving_terminal(
        self, customer: Customer, name: str, options: SubscriberOptions
    ) -> ProvingTerminal:
        """A terminal whose user is meant; `Customer.proving_terminal` says more."""
        number = options.get("number", f"+81 90 {customer.account.number:08d}")
        if options.get("registered", True):
            try:
                self.users.add(self._record(customer, number, options))
            except BankError as error:
                raise UsageError(f"{customer.name} cannot be registered: {error}") from error
        terminal = ProvingTerminal(self._rig.world, name)
        self.apparatus.connects(Side.PAYING, terminal.name, number)
        self._rig.world.connect(terminal.telephone, self.apparatus.paying, RADIO_TELEPHONE)
        self._rig.install(terminal)
        return terminal
