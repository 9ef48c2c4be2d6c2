"""The rig: what a scenario is told on. It has the bank, makes people and devices, and judges."""

from __future__ import annotations

import hashlib
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec.structs import replace

from paybench.bank.account import AccountNumber
from paybench.bank.bank import Bank
from paybench.bank.money import Money
from paybench.devices.bank_host import BankHost
from paybench.devices.world import RIG, World
from paybench.hil.spec import nearest
from paybench.scenarios.errors import AnsweredLate, ConservationBroken, UsageError
from paybench.scenarios.expectations import Expectations
from paybench.scenarios.lines import BANK_LINE
from paybench.scenarios.mishaps import Mishaps, short_range
from paybench.scenarios.party import Customer, Party, Shop
from paybench.scenarios.real_parts import RealParts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from paybench.bank.any_bank import AnyBank
    from paybench.devices.authentication_apparatus import AuthenticationApparatus
    from paybench.devices.device import Device
    from paybench.devices.eavesdropper import Eavesdropper
    from paybench.devices.identity import Authority
    from paybench.devices.link import LinkProfile
    from paybench.devices.port import Port
    from paybench.devices.settlement_apparatus import SettlementApparatus
    from paybench.devices.trace import Act, Injected
    from paybench.hil.driver import Driver
    from paybench.scenarios.authentication_office import AuthenticationOffice
    from paybench.scenarios.card_company import CardCompany
    from paybench.scenarios.circulation import Circulation
    from paybench.scenarios.figures import Figures
    from paybench.scenarios.fleet.behaviour import Behaviour
    from paybench.scenarios.fleet.curve import Demand
    from paybench.scenarios.fleet.fleet import Fleet
    from paybench.scenarios.line import Line
    from paybench.scenarios.tin_office import TinOffice
    from paybench.scenarios.venue import Venue

SHOPS_BRANCH = 1
CUSTOMERS_BRANCH = 2


class Rig(Expectations, Mishaps):
    """Everything a scenario needs, in one hand.

    Args:
        seed: Seed of all chance.
        currency: ISO 4217 code of all accounts and prices.
        bank: The bank core; one in memory by default.
        real: Drivers by the part they stand in for, ``register.scanner`` or, where several
            devices have the role, ``A.register.scanner``; opened already, or never in a replay.
        all_real: Whether each of those parts has to be in the scenario; a bench may have more.
        operator: Asks a person for something a real part needs, e.g. to hold a code before it.
        patience_s: How long verbs and expectations wait, in seconds of the run's clock.
        latency_budgets_s: How long real parts may take to answer, in seconds of the run's clock, by
            the names of `real`; a part that is not here may take its time.
        script: A recording's acts and inputs, to play it again with nothing attached.
        picks: Picks of chance to play back instead of drawing them.
        settings: The scenario's settings by name.
        progress: Told now and then in a long run how far it is, in seconds, and how far it goes.

    Attributes:
        world: Clock, trace, chance and faults.
        bank: The bank core.
        host: The bank as the devices see it.
        devices: The devices made so far.
        card_companies: The card companies made so far.
        checks: What must hold after every act, beside the conservation of money: each raises if
            it does not.
        fleet: The fleet that was made, or None.
        counted: Tables of what was counted, told with the verdict.
        real_parts: The real parts, and those that have no place yet.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        currency: str = "EUR",
        bank: AnyBank | None = None,
        real: Mapping[str, Driver] | None = None,
        all_real: bool = True,
        operator: Callable[[str], None] = lambda _: None,
        patience_s: float | None = None,
        latency_budgets_s: Mapping[str, float] | None = None,
        script: Iterable[Act | Injected] | None = None,
        picks: Sequence[int] | None = None,
        settings: Mapping[str, int] | None = None,
        progress: Callable[[float, float], None] = lambda _now_s, _end_s: None,
    ) -> None:
        self.world = World(seed=seed, script=script, picks=picks)
        self.world.staged = True
        self.world.after_act = self.check_conservation
        if patience_s is not None:
            self.world.patience_s = patience_s
        self.currency = currency
        self.bank: AnyBank = bank if bank is not None else Bank(currency=currency)
        self.host = BankHost(self.world, self.bank)
        self.devices: list[Device] = []
        self.card_companies: list[CardCompany] = []
        self.checks: list[Callable[[], None]] = []
        self.fleet: Fleet | None = None
        self.counted: list[Figures] = []
        self.settings = dict(settings or {})
        self.progress = progress
        self._bank_line = BANK_LINE
        self._parties: dict[str, Party] = {}
        self._authority: Authority | None = None
        self.real_parts = RealParts(
            self.world,
            real or {},
            all_used=all_real,
            operator=operator,
            budgets_s=latency_budgets_s or {},
        )

    # -- people -------------------------------------------------------------------------------

    def shop(self, name: str, *, balance: str = "0") -> Shop:
        """A shop with an account.

        Args:
            name: What the scenario and the customers' phones call it.
            balance: What is on its account, e.g. ``"20.00"``.

        Raises:
            UsageError: There is somebody of that name.
            MoneyError: The balance is malformed.
        """
        money = Money.parse(balance, self.currency)
        key = self._approval_key(name)
        shop = Shop(self, name, self._free_account(name, SHOPS_BRANCH), key)
        self.bank.open_account(shop.account, name, approval_key=key)
        self._join(shop, money)
        return shop

    def line(
        self,
        name: str,
        fares: Mapping[tuple[str, str], str],
        *,
        business: str = "railway",
        there_and_back: str = "",
    ) -> Line:
        """A railway, a toll road, a ferry or an airline, with its fare table.

        Args:
            name: What the scenario and the customers' phones call it.
            fares: Fare by pair of places, e.g. ``{("Kita", "Minami"): "3.40"}``.
            business: ``railway``, ``toll road``, ``ferry`` or ``air``.
            there_and_back: What it costs to leave where one went in; "" for: not possible.

        Raises:
            UsageError: There is somebody of that name, or no such business.
            MoneyError: A fare is malformed.
        """
        from paybench.scenarios.line import Line

        key = self._approval_key(name)
        account = self._free_account(name, SHOPS_BRANCH)
        line = Line(
            self, name, account, key, business=business, fares=fares, there_and_back=there_and_back
        )
        self.bank.open_account(account, name, approval_key=key)
        self._join(line, Money(0, self.currency))
        return line

    def venue(self, name: str) -> Venue:
        """A theatre, a museum, a bus: who sells tickets, and lets in who has one.

        Raises:
            UsageError: There is somebody of that name.
        """
        from paybench.scenarios.venue import Venue

        key = self._approval_key(name)
        venue = Venue(self, name, self._free_account(name, SHOPS_BRANCH), key)
        self.bank.open_account(venue.account, name, approval_key=key)
        self._join(venue, Money(0, self.currency))
        return venue

    def card_company(self, name: str, *, balance: str = "1000.00") -> CardCompany:
        """A card company: issues cards, judges them, and pays what is bought on credit.

        Args:
            name: What the scenario calls it.
            balance: What is on its account.

        Raises:
            UsageError: There is somebody of that name.
            MoneyError: The balance is malformed.
        """
        from paybench.scenarios.card_company import CardCompany

        money = Money.parse(balance, self.currency)
        key = self._approval_key(name)
        company = CardCompany(self, name, self._free_account(name, SHOPS_BRANCH), key)
        self.bank.open_account(company.account, name, approval_key=key)
        self._join(company, money)
        self.card_companies.append(company)
        return company

    def customer(
        self,
        name: str,
        *,
        balance: str = "0",
        password: str = "0000",
        finger: str = "",
        born: str = "",
    ) -> Customer:
        """A customer with an account, and a phone that knows a password.

        Args:
            name: What the scenario calls them.
            balance: What is on the account, e.g. ``"20.00"``.
            password: What the phone asks for before it signs.
            finger: The finger its sensor knows, e.g. ``"B's thumb"``; "" for no sensor.
            born: The date of birth on record at the bank, e.g. ``"2010-05-31"``; "" for none.

        Raises:
            UsageError: There is somebody of that name, or the date is no date.
            MoneyError: The balance is malformed.
        """
        money = Money.parse(balance, self.currency)
        key = self._approval_key(name)
        account = self._free_account(name, CUSTOMERS_BRANCH)
        customer = Customer(self, name, account, password, key, finger)
        self.bank.open_account(account, name, approval_key=key, born=_date(born))
        self._join(customer, money)
        return customer

    @cached_property
    def circulation(self) -> Circulation:
        """Electronic money (Fig 8): the mint, and who has purses; made when first needed."""
        from paybench.scenarios.circulation import Circulation

        return Circulation(self)

    @cached_property
    def tin_office(self) -> TinOffice:
        """Settlement by transaction identifying number; made when first needed."""
        from paybench.scenarios.tin_office import TinOffice

        return TinOffice(self)

    @cached_property
    def authentication_office(self) -> AuthenticationOffice:
        """Authentication for third parties; made when first needed."""
        from paybench.scenarios.authentication_office import AuthenticationOffice

        return AuthenticationOffice(self)

    @property
    def authentication_apparatus(self) -> AuthenticationApparatus:
        """The authentication apparatus, between terminals that demand and telephones."""
        return self.authentication_office.apparatus

    @property
    def apparatus(self) -> SettlementApparatus:
        """The settlement apparatus, between billing terminals and phones."""
        return self.tin_office.apparatus

    def populate(
        self,
        *,
        shops: int = 0,
        machines: int = 0,
        gates: int = 0,
        customers: int = 0,
        registers: int | None = None,
        loss_ppm: int = 0,
        demand: Demand | None = None,
        behaviour: Behaviour | None = None,
    ) -> Fleet:
        """A town: lines, shops, vending machines, and people who use them all in a day.

        Args:
            shops: How many shops.
            machines: How many vending machines.
            gates: How many gates, half of them in and half of them out.
            customers: How many people, each with a phone.
            registers: How many registers the shops have in all; None for one each.
            loss_ppm: How many of a million messages get lost on the lines to the bank.
            demand: When in the day people do what.
            behaviour: What they do, and what goes wrong.

        Raises:
            UsageError: It is populated already, there are too few gates for a line, registers
                without a shop, or more gets lost than there is.
        """
        from paybench.scenarios.fleet.behaviour import Behaviour
        from paybench.scenarios.fleet.curve import Demand
        from paybench.scenarios.fleet.fleet import Fleet
        from paybench.scenarios.fleet.town import Town

        if self.fleet is not None:
            raise UsageError("this rig is populated already: one town is enough")
        try:
            self._bank_line = replace(BANK_LINE, loss_ppm=loss_ppm)
        except ValueError as error:
            raise UsageError(str(error)) from error
        self.world.link_chance = self.world.choices.stream("fleet", "links")
        registers = shops if registers is None else registers
        self.world.staged = False  # nobody fills so many machines by hand
        try:
            town = Town(self, shops=shops, registers=registers, machines=machines, gates=gates)
            self.fleet = Fleet(self, town, customers, demand or Demand(), behaviour or Behaviour())
        finally:
            self.world.staged = True
        return self.fleet

    def setting(self, name: str) -> int:
        """One of the scenario's settings, as it is for this run.

        Raises:
            UsageError: The scenario has none of that name.
        """
        if name not in self.settings:
            raise UsageError(f"there is no setting {name!r}{nearest(name, self.settings)}")
        return self.settings[name]

    def encodes(self) -> None:
        """From now on, devices are made whose short-range links are encoded ([0120])."""
        from paybench.devices.identity import Authority

        if self._authority is None:
            self._authority = Authority(self._approval_key("the bank's word for devices"))

    def eavesdropper(self, *devices: Device) -> Eavesdropper:
        """Somebody with an antenna between two devices; he hears their short-range link."""
        from paybench.devices.eavesdropper import Eavesdropper

        ear = Eavesdropper(self.world, "E.ear", *(short_range(device) for device in devices))
        self.install(ear)
        return ear

    # -- time ---------------------------------------------------------------------------------

    def at_once(self, *deeds: Callable[[], object]) -> None:
        """Several people do something at the same moment, e.g. hold phones to two gates."""

        def all_of_them() -> None:
            for deed in deeds:
                deed()

        self.world.act(RIG, "at_once", {"deeds": str(len(deeds))}, all_of_them)

    def waits(self, seconds: float) -> None:
        """Let time pass."""
        self.world.env.outside(RIG, "waits", {"seconds": f"{seconds:g}"})
        self.world.env.wait_until(lambda: False, seconds)
        self.check_conservation()

    def waits_days(self, days: float) -> None:
        """Let days pass."""
        self.waits(days * 86_400)

    def expects_purses(self, **balances: str) -> None:
        """Expect people's purses to hold so much, e.g. ``rig.expects_purses(A="2.50")``.

        Raises:
            Unmet: One does not, within the world's patience.
            UsageError: Somebody of that name has no purse.
        """
        self.circulation.expects_purses(**balances)

    def expects_stores(self, **balances: str) -> None:
        """Expect people's stores 1b1 to hold so much; ``bank`` is the issuer store 1b2.

        Raises:
            Unmet: One does not, within the world's patience.
            UsageError: Somebody of that name has no store.
        """
        self.circulation.expects_stores(**balances)

    def balances(self) -> dict[str, Money]:
        """What everybody has on their account, by name."""
        return {name: self.bank.balance(party.account) for name, party in self._parties.items()}

    # -- for parties and runners --------------------------------------------------------------

    def connect_to_bank(self, port: Port, line: LinkProfile | None = None) -> None:
        """Lay a line from a device's port to the bank; the usual one by default."""
        self.world.connect(port, self.host.network, line or self._bank_line)

    def install(self, device: Device) -> None:
        """A device has been made: real parts take the places of its simulated ones."""
        self.devices.append(device)
        account: AccountNumber | None = getattr(device, "account", None)
        if account is not None:
            self.host.accounts[device.name] = account
        if self._authority is not None and hasattr(device, "short_range"):
            self._encode(device, short_range(device), self._authority)
        self.real_parts.fit(device)

    def _encode(self, device: Device, port: Port, authority: Authority) -> None:
        from paybench.devices.encoder import Encoder
        from paybench.devices.identity import Identity

        secret = self._approval_key(f"identity of {device.name}")
        port.encoder = Encoder(device, port, Identity(device.name, secret, authority))

    def finish(self) -> None:
        """The scenario is told: let the world settle, and check what must hold in the end.

        Raises:
            ConservationBroken: Money appeared or vanished.
            UsageError: A real part was given that no device of the scenario has.
            AnsweredLate: A real part took longer than its latency budget.
        """
        self.world.env.settle()
        self.check_conservation()
        self.real_parts.check(self.devices)
        if late := self.real_parts.late():
            raise AnsweredLate(late)

    def close(self) -> None:
        """Let go of the clock's loop and of the bank."""
        self.world.env.close()
        self.bank.close()

    def check_conservation(self) -> None:
        """See that no money has appeared or vanished, and whatever else must hold.

        Raises:
            ConservationBroken: It has.
        """
        total = self.bank.total()
        if total.amount_minor != 0:
            raise ConservationBroken(
                f"the sum over all accounts and what is under way must be 0 and is {total}"
            )
        for check in self.checks:
            check()

    def party(self, name: str) -> Party:
        """Somebody by name.

        Raises:
            UsageError: There is nobody of that name.
        """
        if name not in self._parties:
            raise UsageError(f"there is nobody called {name!r}{nearest(name, self._parties)}")
        return self._parties[name]

    def _free_account(self, name: str, branch: int) -> AccountNumber:
        if name in self._parties:
            raise UsageError(f"there is somebody called {name!r} already")
        return AccountNumber(branch, len(self._parties) + 1)

    def _join(self, party: Party, balance: Money) -> None:
        self._parties[party.name] = party
        if balance.amount_minor:
            self.bank.fund(party.account, balance, f"opening balance of {party.name}")

    def _approval_key(self, name: str) -> bytes:
        label = f"{self.world.choices.seed}|{len(name)}|{name}|approval key"
        return hashlib.sha256(label.encode()).digest()


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise UsageError(f"{text!r} is no date: write it like 2010-05-31") from error
