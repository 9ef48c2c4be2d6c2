"""The people of a scenario: a shop, a customer. Each has an account and brings devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.devices.back_office import BackOffice
from paybench.devices.billing_terminal import BillingTerminal
from paybench.devices.cash_register import CashRegister
from paybench.devices.management_host import ManagementHost
from paybench.devices.phone import Phone
from paybench.devices.remote_phone import RemotePhone
from paybench.devices.terminal import Terminal
from paybench.devices.vending_machine import VendingMachine
from paybench.scenarios.errors import UsageError
from paybench.scenarios.lines import BANK_LINE

if TYPE_CHECKING:
    from typing import Unpack

    from paybench.bank.account import AccountNumber
    from paybench.devices.customer_computer import CustomerComputer
    from paybench.devices.demanding_terminal import DemandingTerminal
    from paybench.devices.emoney_slot import EmoneySlot
    from paybench.devices.proving_terminal import ProvingTerminal
    from paybench.devices.seller import Seller
    from paybench.devices.till import Till
    from paybench.devices.tin_vending_machine import TinVendingMachine
    from paybench.devices.web_shop import WebShop
    from paybench.scenarios.card_company import CardCompany
    from paybench.scenarios.rig import Rig
    from paybench.scenarios.tin_office import SubscriberOptions, TerminalOptions
    from paybench.scenarios.tin_sellers import MachineOptions

OFFICE_PASSWORD = "office"  # noqa: S105 - a shop's people log in with it, in the story
"""What a shop's people log in with at its back office."""


class Party:
    """Somebody with an account.

    Attributes:
        name: What the scenario calls them.
        account: Their account.
    """

    def __init__(self, rig: Rig, name: str, account: AccountNumber) -> None:
        self.name = name
        self.account = account
        self._rig = rig
        self._made: dict[str, int] = {}

    def _device_name(self, role: str) -> str:
        """``A.register``, and ``A.register2`` for the second one."""
        number = self._made[role] = self._made.get(role, 0) + 1
        return f"{self.name}.{role}" if number == 1 else f"{self.name}.{role}{number}"


class Shop(Party):
    """A shop, or any company that is paid.

    Attributes:
        account_key: What its devices sign with when they give a payment back.
    """

    def __init__(self, rig: Rig, name: str, account: AccountNumber, account_key: bytes) -> None:
        super().__init__(rig, name, account)
        self.account_key = account_key
        self._host: ManagementHost | None = None

    def cash_register(self, *, settles: str = "relayed") -> CashRegister:
        """A register at its counter.

        Args:
            settles: ``relayed`` or ``direct``, the two ways of Fig 3.
        """
        register = CashRegister(
            self._rig.world,
            self._device_name(CashRegister.role),
            account=self.account,
            shop=self.name,
            currency=self._rig.currency,
            settles=settles,
            account_key=self.account_key,
        )
        self._rig.connect_to_bank(register.bank_line)
        self._rig.install(register)
        return register

    def vending_machine(self, *, managed: bool = False) -> VendingMachine:
        """A machine of its own, empty (Fig 4).

        Args:
            managed: Whether it speaks to the bank through the company's host ([0059]).
        """
        machine = VendingMachine(
            self._rig.world,
            self._device_name(VendingMachine.role),
            account=self.account,
            account_key=self.account_key,
            shop=self.name,
            currency=self._rig.currency,
        )
        if managed:
            self._rig.world.connect(machine.bank_line, self.host().machines, BANK_LINE)
        else:
            self._rig.connect_to_bank(machine.bank_line)
        self._rig.install(machine)
        return machine

    def billing_terminal(self, **options: Unpack[TerminalOptions]) -> BillingTerminal:
        """A terminal that bills by transaction identifying number, with a clerk behind it.

        Args:
            options: How it is registered: see `TerminalOptions`.

        Raises:
            UsageError: There is no such method of authentication.
        """
        name = self._device_name(BillingTerminal.role)
        return self._rig.tin_office.billing_terminal(self, name, options)

    def tin_vending_machine(self, **options: Unpack[MachineOptions]) -> TinVendingMachine:
        """A vending machine that bills by transaction identifying number, empty.

        Args:
            options: How it is registered, and sells: see `MachineOptions`.

        Raises:
            UsageError: There is no such method of authentication, or no such restriction.
        """
        from paybench.scenarios.tin_sellers import tin_vending_machine

        return tin_vending_machine(self._rig, self, self._device_name("tin-machine"), options)

    def emoney_slot(self, machine: TinVendingMachine) -> EmoneySlot:
        """Have one of its vending machines take e-money, too.

        Raises:
            UsageError: It takes it already.
        """
        from paybench.scenarios.tin_sellers import emoney_slot

        return emoney_slot(self._rig, self, machine)

    def web_shop(self, **options: Unpack[TerminalOptions]) -> WebShop:
        """A server that sells to customers' computers, with an empty catalogue.

        Args:
            options: How it is registered: see `TerminalOptions`.

        Raises:
            UsageError: There is no such method of authentication.
        """
        from paybench.scenarios.tin_sellers import web_shop

        return web_shop(self._rig, self, self._device_name("web"), options)

    def demanding_terminal(self, **options: Unpack[TerminalOptions]) -> DemandingTerminal:
        """A terminal that has people authenticated, with a clerk behind it; nothing is sold.

        Args:
            options: How it is registered: see `TerminalOptions`.

        Raises:
            UsageError: There is no such method of authentication.
        """
        name = self._device_name("demander")
        return self._rig.authentication_office.demanding_terminal(self, name, options)

    def office(self) -> BackOffice:
        """Its back office: sells over the Internet, and decides what the bank leaves to it."""
        office = BackOffice(
            self._rig.world,
            self._device_name(BackOffice.role),
            account=self.account,
            password=OFFICE_PASSWORD,
            approval_key=self.account_key,
            currency=self._rig.currency,
        )
        self._rig.connect_to_bank(office.network)
        self._rig.host.desk.back_offices[self.account] = office.name
        self._rig.install(office)
        return office

    @property
    def store(self) -> AccountNumber:
        """Its store of electronic money 1b1 at the bank (Fig 8)."""
        return self._rig.circulation.store(self, self.account_key)

    def till(self, seller: Seller) -> Till:
        """Have one of its registers or ticket offices take electronic money (Fig 8).

        Raises:
            UsageError: It takes it already.
        """
        return self._rig.circulation.till(self, seller, self.store)

    def host(self) -> ManagementHost:
        """The company's host, between its machines and the bank."""
        if self._host is None:
            name = self._device_name(ManagementHost.role)
            self._host = ManagementHost(self._rig.world, name)
            self._rig.host.accounts[name] = self.account
            self._rig.connect_to_bank(self._host.bank_line)
            self._rig.install(self._host)
        return self._host


class Customer(Party):
    """A customer."""

    def __init__(
        self,
        rig: Rig,
        name: str,
        account: AccountNumber,
        password: str,
        approval_key: bytes,
        finger: str = "",
    ) -> None:
        super().__init__(rig, name, account)
        self._password = password
        self._approval_key = approval_key
        self._finger = finger

    def terminal(self, profile: str = "pc") -> Terminal:
        """A terminal at home, in the car, in a pocket (Fig 1).

        Args:
            profile: ``pc``, ``mobile``, ``car``, ``tv`` or ``console``.
        """
        terminal = Terminal(
            self._rig.world,
            self._device_name(Terminal.role),
            account=self.account,
            password=self._password,
            approval_key=self._approval_key,
            profile=profile,
            currency=self._rig.currency,
            finger=self._finger,
        )
        self._rig.connect_to_bank(terminal.network, terminal.profile.line)
        self._rig.install(terminal)
        return terminal

    def card(
        self,
        kind: str,
        *,
        number: str,
        expiry: str,
        pin: str,
        limit: str,
        kept: bool = False,
        company: CardCompany | None = None,
    ) -> None:
        """A card, put into the customer's phones (Fig 9).

        Args:
            kind: ``1`` credit, ``2`` debit.
            number: Its number.
            expiry: The last month it is good in, ``MM/YY``.
            pin: Its PIN, 4 to 12 digits.
            limit: How much may be paid with it in a day, e.g. ``"50.00"``.
            kept: Whether the phones keep the PIN too, so that nobody has to enter it.
            company: Who issues it; the first card company of the rig by default.

        Raises:
            UsageError: The customer has no phone yet, or there is no card company, or these are
                no card's data.
            MoneyError: The limit is malformed.
        """
        phones = [
            device
            for device in self._rig.devices
            if isinstance(device, Phone) and device.owner == self.name
        ]
        issuers = [company] if company is not None else self._rig.card_companies
        if not issuers or not phones:
            missing = "phone: customer.phone()" if issuers else "card company: rig.card_company()"
            raise UsageError(f"{self.name} cannot get a card before there is a {missing}")
        issuers[0].issue(self, kind, number=number, expiry=expiry, pin=pin, limit=limit)
        for phone in phones:
            phone.cards.add(kind, number, expiry, self.name, pin if kept else "")

    @property
    def store(self) -> AccountNumber:
        """The customer's store of electronic money 1b1 at the bank (Fig 8)."""
        return self._rig.circulation.store(self, self._approval_key)

    def purse(self, *, cash: str = "0") -> None:
        """A purse in each of the customer's phones, and a store 1b1 at the bank (Fig 8).

        Args:
            cash: Cash that the customer has paid into the store, e.g. ``"50.00"``.

        Raises:
            UsageError: The customer has no phone yet.
            MoneyError: The amount is malformed.
        """
        circulation = self._rig.circulation
        store = circulation.store(self, self._approval_key, cash)
        phones = [
            device
            for device in self._rig.devices
            if isinstance(device, Phone) and device.owner == self.name
        ]
        if not phones:
            raise UsageError(f"{self.name} has no phone for a purse: customer.phone() first")
        for phone in phones:
            circulation.equip(self, phone, store)

    def subscribes(self, **options: Unpack[SubscriberOptions]) -> None:
        """Subscribe to paying by transaction identifying number, with the newest phone.

        Args:
            options: Calling number, what is registered, demands: see `SubscriberOptions`.

        Raises:
            UsageError: The customer has no phone yet, or this cannot be registered.
        """
        self._rig.tin_office.subscribe(self, options)

    def computer(self) -> CustomerComputer:
        """A computer with a browser, for web shops."""
        from paybench.devices.customer_computer import CustomerComputer

        name = self._device_name(CustomerComputer.role)
        computer = CustomerComputer(self._rig.world, name, currency=self._rig.currency)
        self._rig.install(computer)
        return computer

    def proving_terminal(self, **options: Unpack[SubscriberOptions]) -> ProvingTerminal:
        """A telephone at which the customer proves to third parties who it is.

        Args:
            options: Calling number, what is registered, demands: see `SubscriberOptions`.

        Raises:
            UsageError: This cannot be registered.
        """
        name = self._device_name("prover")
        return self._rig.authentication_office.proving_terminal(self, name, options)

    def phone(self) -> Phone:
        """The phone in the customer's pocket: simulated, or a real one that the bench names."""
        name = self._device_name(Phone.role)
        kind = RemotePhone if self._rig.real_parts.has_one_for(name, Phone.role) else Phone
        phone = kind(
            self._rig.world,
            name,
            account=self.account,
            password=self._password,
            approval_key=self._approval_key,
            owner=self.name,
            currency=self._rig.currency,
            finger=self._finger,
        )
        self._rig.connect_to_bank(phone.network)
        self._rig.install(phone)
        return phone
