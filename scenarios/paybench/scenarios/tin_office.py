"""The office of a rig's settlement by number: the apparatus, its registers, and who is in them."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, TypedDict

from paybench.bank.authentication import (
    INSECURE_SIMULATION,
    BillingDemand,
    BiometricData,
    Enrolment,
    Method,
    Question,
    UserDemand,
    hashed,
    hashed_answer,
)
from paybench.bank.errors import BankError
from paybench.bank.money import Money
from paybench.bank.tin import (
    Limits,
    Side,
    TerminalKind,
    TerminalRecord,
    TerminalRegister,
    UserRecord,
    UserRegister,
)
from paybench.bank.tin import SettlementApparatus as Core
from paybench.devices.billing_terminal import BillingTerminal
from paybench.devices.biometric_sensor import template
from paybench.devices.phone import Phone
from paybench.devices.settlement_apparatus import SettlementApparatus
from paybench.hil.spec import nearest
from paybench.scenarios.errors import UsageError
from paybench.scenarios.lines import BILLING_LINE, RADIO_TELEPHONE
from paybench.scenarios.portrait import portrait

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paybench.devices.device import Device
    from paybench.devices.port import Port
    from paybench.scenarios.party import Customer, Shop
    from paybench.scenarios.rig import Rig


class TerminalOptions(TypedDict, total=False):
    """How a billing terminal is registered.

    Attributes:
        demands: The method by which customers are to be authenticated, e.g. ``"portrait"``.
        insists: Whether no other one will do.
        place: Where it stands, as the customer is told.
        terminal_id: The id it gives itself, where it is not its own.
        registered: Whether the apparatus knows it.
    """

    demands: str
    insists: bool
    place: str
    terminal_id: str
    registered: bool


class SubscriberOptions(TypedDict, total=False):
    """How a customer subscribes.

    Attributes:
        number: The phone's calling number, e.g. ``"+81 90 1234 5678"``.
        password: The password at the apparatus, at least four characters; "" for none.
        questions: Answers by question.
        voice: Whose voice is registered, e.g. ``"B's voice"``; likewise
        finger: whose finger, and
        iris: whose iris.
        portrait: Whose portrait; "" for none.
        attributes: What else is known of the customer, by name.
        shows: What of that, and of ``name``, ``payments`` and ``available``, shops are told.
        demands: The method by which the customer wants to be authenticated at least.
        no_portrait: Whether the portrait is shown to nobody.
        adds_password: Whether the password is asked for in addition.
        limit: What may be paid in a day, e.g. ``"50.00"``; "" for as much as there is.
        registered: Whether the apparatus knows the number.
    """

    number: str
    password: str
    questions: Mapping[str, str]
    voice: str
    finger: str
    iris: str
    portrait: str
    attributes: Mapping[str, str]
    shows: tuple[str, ...]
    demands: str
    no_portrait: bool
    adds_password: bool
    limit: str
    registered: bool


class TinOffice:
    """Runs the settlement apparatus of a rig.

    Attributes:
        limits: The apparatus' limits; what is set before the first terminal or phone is there
            counts.
        terminals: The register of billing terminals.
        users: The register of users.
    """

    def __init__(self, rig: Rig) -> None:
        self.limits = Limits()
        self.terminals = TerminalRegister()
        self.users = UserRegister()
        self._rig = rig
        self._count = 0

    @cached_property
    def apparatus(self) -> SettlementApparatus:
        """The apparatus, between the two networks."""
        rig = self._rig
        below = rig.world.choices.stream("apparatus", "numbers").below
        core = Core(rig.bank, self.terminals, self.users, below, limits=self.limits)
        apparatus = SettlementApparatus(rig.world, core, rig.host)
        rig.install(apparatus)
        return apparatus

    def billing_terminal(self, shop: Shop, name: str, options: TerminalOptions) -> BillingTerminal:
        """A terminal at a shop's counter; `Shop.billing_terminal` says more."""
        terminal_id = options.get("terminal_id", name)
        terminal = BillingTerminal(
            self._rig.world, name, terminal_id=terminal_id, currency=self._rig.currency
        )
        self.connect_terminal(shop, terminal, terminal.line.port, terminal_id, options)
        return terminal

    def connect_terminal(
        self,
        shop: Shop,
        device: Device,
        port: Port,
        terminal_id: str,
        options: TerminalOptions,
        kind: TerminalKind = TerminalKind.STAFFED,
    ) -> None:
        """Give any billing device its line, and register it.

        Args:
            shop: Who is paid.
            device: The device.
            port: Its port on the billing network.
            terminal_id: The id it gives itself.
            options: How it is registered.
            kind: What it is.

        Raises:
            UsageError: There is no such method of authentication.
        """
        self._count += 1
        line = f"line {self._count}"
        if options.get("registered", True) and "terminal_id" not in options:
            record = TerminalRecord(
                terminal_id,
                shop.account,
                shop.name,
                options.get("place", f"Counter {self._count}"),
                line,
                kind,
                BillingDemand(_method(options.get("demands", "")), options.get("insists", False)),
            )
            self.terminals.add(record)
        self.apparatus.connects(Side.BILLING, device.name, line)
        self._rig.world.connect(port, self.apparatus.billing, BILLING_LINE)
        self._rig.install(device)

    def subscribe(self, customer: Customer, options: SubscriberOptions) -> None:
        """A customer subscribes with the newest phone; `Customer.subscribes` says more."""
        phones = [
            device
            for device in self._rig.devices
            if isinstance(device, Phone) and device.owner == customer.name
        ]
        if not phones:
            raise UsageError(f"{customer.name} has no phone to pay with: customer.phone() first")
        number = options.get("number", f"+81 90 {customer.account.number:08d}")
        if options.get("registered", True):
            try:
                self.users.add(self._record(customer, number, options))
            except BankError as error:
                raise UsageError(f"{customer.name} cannot subscribe: {error}") from error
        phone = phones[-1]
        self.apparatus.connects(Side.PAYING, phone.name, number)
        self._rig.world.connect(phone.subscribe(), self.apparatus.paying, RADIO_TELEPHONE)
        self._rig.real_parts.fit(phone)

    def _record(self, customer: Customer, number: str, options: SubscriberOptions) -> UserRecord:
        limit = options.get("limit", "")
        currency = self._rig.currency
        return UserRecord(
            number,
            customer.account,
            customer.name,
            dict(options.get("attributes", {})),
            frozenset(options.get("shows", ())),
            self._enrolment(customer, options),
            UserDemand(
                _method(options.get("demands", "")),
                options.get("no_portrait", False),
                options.get("adds_password", False),
            ),
            limit_minor=Money.parse(limit, currency).amount_minor if limit else None,
        )

    def _enrolment(self, customer: Customer, options: SubscriberOptions) -> Enrolment:
        password = options.get("password", "")
        questions = options.get("questions", {})
        salt = self._salt
        return Enrolment(
            hashed(password, salt(customer, ""), INSECURE_SIMULATION) if password else None,
            tuple(
                Question(text, hashed_answer(answer, salt(customer, text), INSECURE_SIMULATION))
                for text, answer in questions.items()
            ),
            _template(Method.VOICE, options.get("voice", "")),
            BiometricData.of(portrait(who)) if (who := options.get("portrait", "")) else None,
            _template(Method.FINGERPRINT, options.get("finger", "")),
            _template(Method.IRIS, options.get("iris", "")),
        )

    def _salt(self, customer: Customer, what: str) -> bytes:
        label = f"{self._rig.world.choices.seed}|{customer.account}|{what}|salt"
        return hashlib.sha256(label.encode()).digest()[:16]


def _template(method: Method, person: str) -> BiometricData | None:
    return template(method, person) if person else None


def _method(name: str) -> Method | None:
    try:
        return Method(name) if name else None
    except ValueError:
        raise UsageError(f"there is no method {name!r}{nearest(name, map(str, Method))}") from None
