"""The purse in a phone: e-money that its owner loads, gives, pays and redeems (Fig 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from paybench.bank.emoney.refusal import Refusal
from paybench.bank.money import Money
from paybench.bank.reason import Reason
from paybench.devices.allowance import Allowance
from paybench.devices.app import App
from paybench.devices.bill import Bill
from paybench.devices.device import verb
from paybench.devices.emoney import (
    EmoneyData,
    EmoneyTender,
    IssuanceResult,
    RedemptionAnswer,
    StoreStatement,
    TransferReceipt,
    TransferRequest,
)
from paybench.devices.errors import OutOfOrder
from paybench.devices.payment import DueRequest
from paybench.devices.purse_identity import PurseIdentity
from paybench.devices.purse_keeper import Offer, PurseKeeper
from paybench.devices.purse_loader import PurseLoader
from paybench.devices.purse_notes import remembered
from paybench.devices.purse_request import PurseRequest
from paybench.devices.short_range import SHORT_RANGE
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from paybench.bank.account import AccountNumber
    from paybench.bank.emoney.redemption import Redemption, RedemptionResult
    from paybench.bank.emoney.request import Request
    from paybench.bank.emoney.value import Value
    from paybench.devices.message import Message
    from paybench.devices.phone import Phone
    from paybench.devices.short_range import Near
    from paybench.devices.trace import Sent

FREE_LIMIT_MINOR = 2500
"""So much, in minor units, may be paid without a password or finger since the last one."""

ANSWERED_MAX = 64
"""Requests it remembers the owner's answer to; the oldest is forgotten."""

PAYABLE = {"PurchaseInformation", "TicketOffer"}
"""Bills that e-money can pay, by their kind."""

NOT_AS_SENT = {Reason.APPROVAL_ALTERED, Reason.APPROVAL_MISSING}
"""Why the bank refuses what was altered on its way: that decides nothing about what was signed."""


class Paying(msgspec.Struct):
    """A bill that the owner pays with e-money.

    Attributes:
        biller: Name of the register.
        amount: What the bill says.
        transfer_id: Of the one request that it pays; "" before that has come.
    """

    biller: str
    amount: Money
    transfer_id: str = ""


class PurseApp(App):
    """Holds e-money, and passes it on without asking the bank.

    Attributes:
        allowance: How much may be paid without a password or finger.
    """

    def __init__(self, phone: Phone) -> None:
        super().__init__(phone)
        self.allowance = Allowance(phone, Money(FREE_LIMIT_MINOR, phone.currency))
        self._keeper: PurseKeeper | None = None
        self._loader: PurseLoader | None = None
        self._bills: dict[str, Paying] = {}
        self._answered: dict[str, bool] = {}
        self._told: tuple[str, ...] = ()
        identity = PurseIdentity.of(phone.store)
        if identity is not None:
            self._keeper = PurseKeeper(phone, phone.short_range, phone.network, identity, self)
            self._loader = PurseLoader(phone, identity.account, self._keeper.insisting)

    def __str__(self) -> str:
        return self.name

    @property
    def keeper(self) -> PurseKeeper:
        """What speaks for the purse.

        Raises:
            OutOfOrder: The phone has no purse.
        """
        if self._keeper is None:
            raise OutOfOrder(f"{self.name} has no purse: customer.purse() gives it one")
        return self._keeper

    @property
    def loader(self) -> PurseLoader:
        """What speaks for the owner's store 1b1.

        Raises:
            OutOfOrder: The phone has no purse.
        """
        if self._loader is None:
            raise OutOfOrder(f"{self.name} has no purse: customer.purse() gives it one")
        return self._loader

    @property
    def balance(self) -> Money:
        """What is in the purse; nothing that is under way.

        Raises:
            OutOfOrder: The phone has no purse.
        """
        return self.keeper.purse.balance

    # -- what the owner does ------------------------------------------------------------------

    @verb("password", "finger")
    def load(
        self, amount: str, receiver: Near | None = None, password: str = "", finger: str = ""
    ) -> None:
        """Have the bank issue e-money out of the owner's store: D71 goes out ([0093]).

        Args:
            amount: How much, e.g. ``"20.00"``.
            receiver: The phone nearby whose purse is to have it (D73); this one by default (D72).
            password: The password, unless a finger is presented.
            finger: The finger on the sensor.

        Raises:
            OutOfOrder: The phone has no purse.
            MoneyError: The amount is malformed.
        """
        money, loader = self._money(amount), self.loader
        if not self.phone.authenticates("", password, finger):
            return
        if receiver is not None:
            self._give(receiver, money, from_store=True)
            return
        asked = self.keeper.purse.ask(money)
        if isinstance(asked, Refusal):
            self._show_flaw(asked)
            return
        self.phone.display.show(f"LOADING {money.text}")
        loader.demand(asked, "")

    @verb("password", "finger")
    def give(self, device: Near, amount: str, password: str = "", finger: str = "") -> None:
        """Give e-money to a phone or a till nearby; the bank is not asked ([0100]).

        Args:
            device: The other phone, or the till's register.
            amount: How much.
            password: The password, unless a finger is presented or it is not much.
            finger: The finger on the sensor.

        Raises:
            OutOfOrder: The phone has no purse.
            MoneyError: The amount is malformed.
        """
        money = self._money(amount)
        if self._affords(money) and self.allowance.permits("", money, password, finger):
            self._give(device, money)

    @verb()
    def ask(self, phone: Near, amount: str) -> None:
        """Ask the owner of a phone nearby for e-money.

        Args:
            phone: The other phone.
            amount: How much.

        Raises:
            OutOfOrder: The phone has no purse.
            MoneyError: The amount is malformed.
        """
        money, keeper = self._money(amount), self.keeper
        self.world.connect(self.phone.short_range, phone.short_range, SHORT_RANGE)
        asked = keeper.ask(phone.name, money)
        if isinstance(asked, Refusal):
            self._show_flaw(asked)
        else:
            self.phone.display.show(f"ASKED FOR {money.text}", "WAITING")

    @verb("password", "finger")
    def pay(self, password: str = "", finger: str = "") -> None:
        """Pay what the phone asks for with e-money: a register's bill, or another purse's request.

        Args:
            password: The password, unless a finger is presented or it is not much.
            finger: The finger on the sensor.

        Raises:
            OutOfOrder: There is nothing to pay, or no purse.
        """
        request, _ = self.phone.asked("pay with e-money"), self.keeper
        if isinstance(request, PurseRequest):
            amount = request.request.amount
            if self.allowance.permits(request.correlation, amount, password, finger):
                request.approve(1)
        elif isinstance(request, Bill) and type(request.information).__name__ in PAYABLE:
            amount = request.information.amount
            if self._affords(amount) and self.allowance.permits(
                request.correlation, amount, password, finger
            ):
                self._tender(request)
        else:
            self.phone.display.show("NO E-MONEY TAKEN THERE")

    @verb("password", "finger")
    def redeem(
        self,
        amount: str = "",
        into: AccountNumber | None = None,
        password: str = "",
        finger: str = "",
    ) -> None:
        """Have the bank take e-money back, and pay it into a store 1b1 ([0101], [0102]).

        Args:
            amount: How much; "" for all there is.
            into: The store; the owner's own by default. For another one's a password is wanted,
                as for paying.
            password: The password, unless a finger is presented or it is not much.
            finger: The finger on the sensor.

        Raises:
            OutOfOrder: The phone has no purse.
            MoneyError: The amount is malformed.
        """
        keeper = self.keeper
        money = self._money(amount) if amount else None
        own = keeper.identity.account
        if into not in (None, own) and not self.allowance.permits(
            "", money or keeper.purse.balance, password, finger
        ):
            return
        order = keeper.redeem(into or own, money)
        if isinstance(order, Refusal):
            self._show_flaw(order)
        else:
            self.phone.display.show("REDEEMING")

    @verb("password", "finger")
    def fill_store(self, amount: str, password: str = "", finger: str = "") -> None:
        """Convert balance of the owner's account into e-money in the store 1b1.

        Raises:
            OutOfOrder: The phone has no purse.
            MoneyError: The amount is malformed.
        """
        money, loader = self._money(amount), self.loader
        if self.phone.authenticates("", password, finger):
            loader.fill(money)

    @verb("password", "finger")
    def empty_store(self, amount: str, password: str = "", finger: str = "") -> None:
        """Convert e-money in the store 1b1 into balance of the owner's account.

        Raises:
            OutOfOrder: The phone has no purse.
            MoneyError: The amount is malformed.
        """
        money, loader = self._money(amount), self.loader
        if self.phone.authenticates("", password, finger):
            loader.empty(money)

    @verb()
    def look(self) -> None:
        """Show what is in the purse, and ask the bank what is in the store.

        Raises:
            OutOfOrder: The phone has no purse.
        """
        self.phone.display.show(self._purse_line())
        self.loader.inquire()

    def meet(self, phone: Phone) -> None:
        """Another phone is held to this one: what is open between their purses goes on.

        Raises:
            OutOfOrder: This phone has no purse, or no power.
        """
        if not self.powered:
            raise OutOfOrder(f"{self.name} has no power")
        keeper = self.keeper
        self.world.connect(self.phone.short_range, phone.short_range, SHORT_RANGE)
        keeper.meet(phone.name)
        if PurseIdentity.of(phone.store) is not None:
            phone.purse.keeper.meet(self.name)

    # -- for the app that pays by number -------------------------------------------------------

    def offers(self, offer_id: str) -> bool:
        """Whether an offer of this purse stands: nobody has taken or declined it yet."""
        return self.keeper.offers(offer_id)

    def tell_again(self) -> None:
        """Show once more what became of the e-money that was on its way last."""
        self.phone.display.show(*(self._told or (self._purse_line(),)))

    # -- what the phone does ------------------------------------------------------------------

    def resume(self) -> None:
        """The power is back: say again what is open."""
        if self._keeper is not None and self._loader is not None:
            self._keeper.resume()
            self._loader.resume()

    def take(self, sent: Sent) -> None:
        """Another purse speaks, or a till."""
        if self._keeper is None:
            self._ignore(sent)
        else:
            self._keeper.take(sent)

    def hear(self, sent: Sent) -> None:
        """The bank speaks."""
        message: Message = sent.message
        if self._keeper is None or self._loader is None:
            self._ignore(sent)
        elif isinstance(message, EmoneyData):
            self._take_issued(self._keeper, self._loader, message.value, sent.sender)
        elif isinstance(message, RedemptionAnswer):
            self._keeper.hear(message)
        elif isinstance(message, IssuanceResult):
            self._show_issuance(self._loader, message)
        elif isinstance(message, TransferReceipt):
            demand = self._loader.end(message.correlation)
            if demand is not None:
                self._tell(f"SENT {demand.request.amount.text}", f"TO {demand.to}")
        elif isinstance(message, StoreStatement):
            line = message.sentence if message.balance is None else message.balance.text
            self.phone.display.show(f"STORE {line}", self._purse_line())

    # -- what its keeper tells it -------------------------------------------------------------

    def asked(self, message: TransferRequest, sender: str) -> None:
        """A purse asks for money: the owner has approved a bill it belongs to, or is asked now."""
        keeper, phone, request = self.keeper, self.phone, message.request
        name, shown = request.transfer_id, phone.request
        bill = self._bills.get(message.cause)
        if (
            bill is not None
            and (bill.biller, bill.amount) == (sender, request.amount)
            and bill.transfer_id in ("", name)
        ):
            bill.transfer_id = name
            keeper.pay(request, sender)
        elif name in self._answered:
            if not self._answered[name]:
                keeper.decline(name, Refusal.DECLINED, sender)
        elif not (isinstance(shown, PurseRequest) and shown.correlation == name):
            flaw = keeper.purse.flaw(request)
            if flaw:
                phone.display.show(f"CANNOT PAY {request.amount.text}", flaw.sentence)
                keeper.decline(name, flaw, sender)
            else:
                wanted = PurseRequest(phone, keeper, request, sender, self._say_no)
                phone.request = wanted
                wanted.show()
                phone.notify()

    def demands(self, request: Request, offer: Offer) -> None:
        """The receiver's purse has asked: the bank shall pay it ([0094])."""
        self._answer(request.transfer_id, pays=True)
        self.loader.demand(request, offer.to)

    def received(self, value: Value, sender: str) -> None:
        """E-money has come."""
        del sender
        amount = Money(value.amount_minor, self.phone.currency)
        self._tell(f"RECEIVED {amount.text}", self._purse_line())

    def paid(self, value: Value) -> None:
        """Somebody has it."""
        amount = Money(value.amount_minor, self.phone.currency)
        for settlement_id, bill in list(self._bills.items()):
            if bill.transfer_id == value.transfer_id:
                del self._bills[settlement_id]
                self.phone.become("paid", settlement_id)
        self._tell(f"PAID {amount.text}", self._purse_line())

    def failed(self, what: str, why: str) -> None:
        """What was asked for or given came to nothing."""
        self.phone.decided("no e-money passed", why, what)
        if not self.phone.payer.pays_without(what):
            self._tell("NOT PAID", why)

    def redeemed(self, order: Redemption, result: RedemptionResult) -> None:
        """The bank has taken e-money back, or has not."""
        if result.refusal:
            self.phone.display.show("REFUSED", result.refusal.sentence)
            return
        lost_minor = sum(order.data[at].last.amount_minor for at in result.spent_before)
        lost = Money(lost_minor, self.phone.currency)
        lines = (f"{lost.text} WAS SPENT BEFORE",) if lost_minor else ()
        self.phone.display.show(f"REDEEMED {result.paid.text}", *lines, self._purse_line())

    # -- within -------------------------------------------------------------------------------

    def _money(self, amount: str) -> Money:
        return Money.parse(amount, self.phone.currency)

    def _purse_line(self) -> str:
        return f"PURSE {self.balance.text}"

    def _tell(self, *lines: str) -> None:
        """Show what becomes of e-money that is given or comes."""
        self._told = lines
        self.phone.display.show(*lines)

    def _show_flaw(self, flaw: Refusal) -> None:
        self.phone.display.show("REFUSED", flaw.sentence)

    def _affords(self, amount: Money) -> bool:
        """Whether so much can be paid out of the purse; says so if not."""
        payable = self.keeper.purse.payable
        if amount.currency != payable.currency or amount > payable:
            self.phone.display.show("TOO LITTLE E-MONEY", self._purse_line())
            return False
        return True

    def _say_no(self, name: str) -> None:
        self._answer(name, pays=False)

    def _answer(self, name: str, *, pays: bool) -> None:
        """The owner has decided about a request: who says it again gets the same answer."""
        self._answered = remembered(self._answered, name, pays, ANSWERED_MAX)

    def _give(self, device: Near, amount: Money, *, from_store: bool = False) -> None:
        phone = self.phone
        number = phone.store.count_up("purse offers made")
        self.world.connect(phone.short_range, device.short_range, SHORT_RANGE)
        offer_id = f"{self.name}+{number}"
        if isinstance(phone.request, DueRequest):
            phone.request.tender(offer_id, amount)
        self._tell(f"GIVING {amount.text}", f"TO {device.name}")
        self.keeper.offer(offer_id, Offer(device.name, amount, from_store))

    def _tender(self, bill: Bill) -> None:
        """Answer a bill: the register's purse may ask for it ([0111])."""
        phone, settlement_id = self.phone, bill.correlation
        paying = self._bills.setdefault(settlement_id, Paying(bill.biller, bill.information.amount))
        phone.become("approved", settlement_id)
        phone.display.show("SENDING", f"E-MONEY {paying.amount.text}")

        def say() -> bool:
            near = bill.biller in phone.short_range.ways
            if paying.transfer_id or not near:
                return False
            phone.short_range.send(EmoneyTender(settlement_id), "tender", bill.biller)
            return True

        self.keeper.insisting.say(settlement_id, say)

    def _take_issued(
        self, keeper: PurseKeeper, loader: PurseLoader, value: Value, sender: str
    ) -> None:
        """D72, or D73 that somebody else demanded: the bank passes the receipt on to them."""
        taken = keeper.receive(value, sender)
        if isinstance(taken, Refusal):
            return  # whoever demanded it asks for it again
        if loader.end(value.transfer_id) is None:
            self.phone.network.send(TransferReceipt(taken), "receipt")

    def _show_issuance(self, loader: PurseLoader, result: IssuanceResult) -> None:
        """Nothing was issued: why not. What is not as it left the phone is demanded again."""
        name, refusal, outcome = result.transfer_id, result.refusal, result.outcome
        why = refusal.sentence if refusal else outcome.sentence if outcome else ""
        if name not in loader.demands():
            return
        self.phone.decided("no e-money issued", why, name)
        self.phone.display.show("REFUSED", why)
        if outcome is not None and outcome.reason not in NOT_AS_SENT:
            loader.end(name)

    def _ignore(self, sent: Sent) -> None:
        self.phone.decided(IGNORED, f"a {type(sent.message).__name__}: there is no purse")
