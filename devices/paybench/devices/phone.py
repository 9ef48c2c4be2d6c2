"""The phone: the portable information device 3 a customer carries ([0045])."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from paybench.devices.admission import AdmissionInformation, FareBill, Passed, Poll
from paybench.devices.approver import Approver
from paybench.devices.bank_line import BankLine
from paybench.devices.bill import Bill
from paybench.devices.card import CardSlip
from paybench.devices.device import Device, verb
from paybench.devices.emoney import (
    EmoneyData,
    IssuanceResult,
    RedemptionAnswer,
    StoreStatement,
    TransferDeclined,
    TransferOffer,
    TransferReceipt,
    TransferRefused,
    TransferRequest,
    TransferValue,
)
from paybench.devices.errors import OutOfOrder
from paybench.devices.fingerprint import FingerprintSensor
from paybench.devices.purchase import (
    AuthenticatedPurchase,
    PurchaseDeclined,
    PurchaseInformation,
)
from paybench.devices.settling import SettledResult
from paybench.devices.signer import Signer
from paybench.devices.ticket import TicketIssued, TicketWanted
from paybench.devices.tin_messages import PayingNotice, TinOffered
from paybench.devices.vending import ItemsOffered, Vended
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.bank.account import AccountNumber
    from paybench.bank.settlement import Outcome
    from paybench.devices.app import Request
    from paybench.devices.biometric_sensor import BiometricSensor
    from paybench.devices.card_app import CardApp
    from paybench.devices.code_reader import CodeReader
    from paybench.devices.collector import Collector
    from paybench.devices.message import Message
    from paybench.devices.payer_app import PayerApp
    from paybench.devices.port import Port
    from paybench.devices.purse_app import PurseApp
    from paybench.devices.short_range import Meets
    from paybench.devices.trace import Sent
    from paybench.devices.vending_app import VendingApp
    from paybench.devices.wallet import Wallet
    from paybench.devices.world import World

TAKES: dict[type[Message], str] = {
    AdmissionInformation: "wallet",
    AuthenticatedPurchase: "collector",
    CardSlip: "cards",
    FareBill: "wallet",
    Passed: "wallet",
    Poll: "wallet",
    TicketIssued: "wallet",
    TicketWanted: "wallet",
    TinOffered: "payer",
    PurchaseDeclined: "collector",
    TransferDeclined: "purse",
    TransferOffer: "purse",
    TransferReceipt: "purse",
    TransferRefused: "purse",
    TransferRequest: "purse",
    TransferValue: "purse",
    ItemsOffered: "vending",
    Vended: "vending",
}
"""Which app takes a message that comes over the short-range link, by attribute of the phone."""

HEARS: dict[type[Message], str] = {
    EmoneyData: "purse",
    IssuanceResult: "purse",
    PayingNotice: "payer",
    RedemptionAnswer: "purse",
    StoreStatement: "purse",
    TransferReceipt: "purse",
}
"""The same for what comes over the network."""

RESUMES: dict[str, str] = {"collection": "collector", "payment": "payer", "purse identity": "purse"}
"""Which app goes on when the power is back, by the record in the store that says so."""

APPS = sorted({*TAKES.values(), *HEARS.values(), *RESUMES.values()})


class Phone(Device):
    """A customer's phone: stores bills, lets its owner authenticate them, signs what was approved.

    Args:
        world: What it shares with the others.
        name: Full name, e.g. ``B.phone``.
        account: The owner's account.
        password: What the owner authenticates with.
        approval_key: The key the phone signs with and the bank verifies with.
        owner: What other phones show when this one bills them.
        currency: ISO 4217 code of the owner's account.
        finger: The finger enrolled at its sensor, e.g. ``"B's thumb"``; "" for no sensor.

    Attributes:
        request: What the owner is asked for, or None.
        bills: All purchase information received, newest last.
        customer: Called when a bill has arrived, for fleets; a scenario's customer uses the verbs.
        signer: Signs for the owner's account.
        bank: The way to the bank.
        telephone: Its port on the paying network, or None; and likewise, once its owner has
            subscribed to paying by number,
        camera: what reads codes, and
        biometrics: what takes samples.
    """

    role = "phone"

    def __init__(
        self,
        world: World,
        name: str,
        *,
        account: AccountNumber,
        password: str,
        approval_key: bytes,
        owner: str = "",
        currency: str = "EUR",
        finger: str = "",
    ) -> None:
        super().__init__(world, name)
        self.account = account
        self.owner = owner or name
        self.currency = currency
        self.short_range = self.port("short-range")
        self.network = self.port("network")
        self.bank = BankLine(self, self.network, shared=True)
        self.telephone: Port | None = None
        self.camera: CodeReader | None = None
        self.biometrics: BiometricSensor | None = None
        self.request: Request | None = None
        self.bills: list[PurchaseInformation] = []
        self.customer: Callable[[Phone], object] | None = None
        self.signer = Signer(account, approval_key, self.store)
        sensor = None
        if finger:
            sensor = self.parts["fingerprint"] = FingerprintSensor(world, name, finger)
        self.approver = Approver(password, sensor, self.store)
        self.short_range.listen(self._take)
        self.network.listen(self._hear)

    @property
    def bill(self) -> PurchaseInformation | None:
        """The purchase information the owner is asked to approve, or None."""
        return self.request.information if isinstance(self.request, Bill) else None

    @property
    def biller(self) -> str:
        """Name of the device that bill came from; "" when there is none."""
        return self.request.biller if isinstance(self.request, Bill) else ""

    @property
    def apps_by_hand(self) -> Callable[[str, dict[str, Any], tuple[str, ...]], Any] | None:
        """A simulated phone's apps do what their verbs say."""
        return None

    def become(self, state: str, correlation: str = "") -> None:
        """Change the state, except that a locked phone stays locked."""
        if self.state != "locked" or state == "dark":
            Device.become(self, state, correlation)

    def boot(self) -> None:
        """Start anew: what was asked is forgotten, that it is locked is not."""
        self.request = None
        self.bank.forget()
        for app in APPS:
            self.__dict__.pop(app, None)
        if self.approver.locked:
            self.become("locked")
        for record, app in RESUMES.items():
            if record in self.store:
                getattr(self, app).resume()

    # -- its apps, made when they are first needed ----------------------------------------------

    @cached_property
    def cards(self) -> CardApp:
        """Keeps cards, and pays with them (Fig 9)."""
        from paybench.devices.card_app import CardApp

        return CardApp(self)

    @cached_property
    def collector(self) -> Collector:
        """Bills other phones (Fig 6)."""
        from paybench.devices.collector import Collector

        return Collector(self)

    @cached_property
    def payer(self) -> PayerApp:
        """Pays by transaction identifying number."""
        from paybench.devices.payer_app import PayerApp

        return PayerApp(self)

    @cached_property
    def purse(self) -> PurseApp:
        """Holds electronic money (Fig 8)."""
        from paybench.devices.purse_app import PurseApp

        return PurseApp(self)

    @cached_property
    def vending(self) -> VendingApp:
        """Buys from vending machines (Fig 4)."""
        from paybench.devices.vending_app import VendingApp

        return VendingApp(self)

    @cached_property
    def wallet(self) -> Wallet:
        """Keeps admissions and tickets (Figs 5 and 10)."""
        from paybench.devices.wallet import Wallet

        return Wallet(self)

    # -- what the customer does ---------------------------------------------------------------

    @verb(mechanical=True)
    def hold_to(self, device: Meets) -> None:
        """Hold the phone to a device: what happens then is the device's to begin.

        Args:
            device: A vending machine, a gate, an entrance.
        """
        device.meet(self)

    @verb("password", "finger")
    def approve(self, password: str = "", taps: int = 1, finger: str = "") -> None:
        """Authenticate what the phone asks for, and have it go out, once for each tap.

        Args:
            password: The password, unless a finger is presented.
            taps: How many times the customer taps.
            finger: The finger on the sensor, e.g. ``"B's thumb"``.

        Raises:
            OutOfOrder: There is nothing to approve.
        """
        request = self.asked("approve")
        if self.authenticates(request.correlation, password, finger):
            request.approve(taps)

    @verb()
    def decline(self) -> None:
        """Say no to what the phone asks for.

        Raises:
            OutOfOrder: There is nothing to decline.
        """
        request = self.asked("decline")
        self.request = None
        request.decline()

    def subscribe(self) -> Port:
        """Get what paying by number takes: a port on the paying network, a camera, a sensor."""
        from paybench.devices.biometric_sensor import BiometricSensor
        from paybench.devices.code_reader import CodeReader

        if self.telephone is None:
            self.telephone = self.port("telephone")
            self.telephone.listen(self._hear)
            self.camera = CodeReader(self, self._take_code, "code")
            self.biometrics = BiometricSensor(self.world, self.name)
            self.parts["biometrics"] = self.biometrics
        return self.telephone

    # -- for its apps -------------------------------------------------------------------------

    def asked(self, wish: str) -> Request:
        """What the owner is asked for.

        Raises:
            OutOfOrder: Nothing.
        """
        if self.request is None:
            raise OutOfOrder(
                f"{self.name} has no bill to {wish}: let a register bill it first "
                f"(register.bill(phone))"
            )
        return self.request

    def authenticates(self, correlation: str, password: str = "", finger: str = "") -> bool:
        """Whether it is the owner; says so on the display if not, and locks after too many."""
        if self.state == "locked":
            self.display.show("LOCKED")
            return False
        flaw = self.approver.flaw(password, finger)
        if not flaw:
            return True
        if self.approver.locked:
            self.become("locked")
            self.display.show("LOCKED")
        else:
            self.display.show(flaw.upper())
        self.decided("approval refused", flaw, correlation)
        return False

    def notify(self) -> None:
        """Something is there for the customer to answer."""
        if self.customer is not None:
            self.customer(self)

    def show_outcome(self, settlement_id: str, outcome: Outcome | None) -> None:
        """Show how a settlement ended; None for unknown."""
        if outcome is None:
            self.become("unknown", settlement_id)
            self.display.show("RESULT UNKNOWN", "CALL THE BANK")
        elif outcome.settled:
            self.become("paid", settlement_id)
            self.display.show(f"PAID {outcome.amount.text}")
        else:
            self.become("refused", settlement_id)
            self.display.show("REFUSED", outcome.sentence)

    # -- what the phone does ------------------------------------------------------------------

    def _take(self, sent: Sent) -> None:
        message: Message = sent.message
        app = TAKES.get(type(message))
        if app is not None:
            getattr(self, app).take(sent)
        elif isinstance(message, PurchaseInformation):
            self.take_bill(message, sent.sender)
        else:
            self.decided(IGNORED, f"a {type(message).__name__} is nothing for a phone")

    def _take_code(self, code: str) -> None:
        self.payer.take_code(code)  # the app is another one after a loss of power

    def take_bill(self, message: PurchaseInformation, sender: str) -> None:
        """Store a bill, and show it ([0046])."""
        bill = self.request = Bill(self, message, sender)
        self.bills.append(message)
        if self.state != "locked":
            self.become("billed", message.settlement_id)
        bill.show()
        self.notify()

    def _hear(self, sent: Sent) -> None:
        if self.bank.put(sent):
            return
        message: Message = sent.message
        app = HEARS.get(type(message))
        if app is not None:
            getattr(self, app).hear(sent)
        elif "collection" in self.store and self.collector.owns(sent.correlation):
            self.decided(IGNORED, "a result that came before", sent.correlation)
        elif isinstance(message, SettledResult):
            self.show_outcome(message.settlement_id, message.outcome)
        else:
            self.decided(IGNORED, f"a {type(message).__name__} is nothing for a phone")
