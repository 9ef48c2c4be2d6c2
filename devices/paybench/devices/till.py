"""The till: a purse in a register or a ticket office, which takes e-money for a sale ([0100])."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from paybench.bank.emoney.refusal import Refusal
from paybench.bank.money import Money
from paybench.devices.device import verb
from paybench.devices.emoney import (
    EmoneyTender,
    RedemptionAnswer,
    TransferDeclined,
    TransferOffer,
    TransferReceipt,
    TransferRefused,
    TransferRequest,
    TransferValue,
)
from paybench.devices.errors import OutOfOrder
from paybench.devices.purse_identity import PurseIdentity
from paybench.devices.purse_keeper import Offer, PurseKeeper
from paybench.devices.purse_notes import remembered
from paybench.devices.short_range import SHORT_RANGE

if TYPE_CHECKING:
    from collections.abc import Generator

    from simpy.events import Event

    from paybench.bank.account import AccountNumber
    from paybench.bank.emoney.redemption import Redemption, RedemptionResult
    from paybench.bank.emoney.request import Request
    from paybench.bank.emoney.value import Value
    from paybench.devices.phone import Phone
    from paybench.devices.sale import Sale
    from paybench.devices.seller import Seller
    from paybench.devices.short_range import Near
    from paybench.devices.trace import Sent

COLLECTING = "collecting e-money"
"""What a sale's state is while its value is awaited."""

SALES_MAX = 256
"""Sales it remembers having asked e-money for; the oldest is forgotten."""

TRANSFERS = (
    TransferDeclined,
    TransferOffer,
    TransferReceipt,
    TransferRefused,
    TransferRequest,
    TransferValue,
)

_SALES = "e-money sales"


class EmoneySale(msgspec.Struct, frozen=True):
    """What a request of the till's is for.

    Attributes:
        settlement_id: Of the sale.
        customer: Name of the phone.
    """

    settlement_id: str
    customer: str


class Till:
    """Takes e-money for a seller: hands over if and only if the value is in its purse.

    A value that comes when its sale is over is handed over for if it was the last sale, and given
    back if it was not.

    Args:
        seller: The register or ticket office it is built into; its purse identity is in the
            seller's store.

    Raises:
        ValueError: The seller has no purse identity, or takes e-money already.
    """

    def __init__(self, seller: Seller) -> None:
        identity = PurseIdentity.of(seller.store)
        if identity is None or EmoneyTender in seller.tenders:
            raise ValueError(f"{seller.name} has no purse identity, or a till already")
        self.name = seller.name
        self.world = seller.world
        self._seller = seller
        self._identity = identity
        self._ended: Event | None = None
        self._keeper = self._new_keeper()
        seller.short_range.listen(self._take)
        seller.bank_line.listen(self._hear)
        seller.tenders[EmoneyTender] = self.sell
        seller.resumes.append(self.resume)

    def __str__(self) -> str:
        return self.name

    @property
    def by_hand(self) -> None:
        """A till is simulated: it does what its verbs say."""
        return

    @property
    def powered(self) -> bool:
        """Whether its seller has power."""
        return self._seller.powered

    @property
    def balance(self) -> Money:
        """What is in its purse; nothing that is under way."""
        return self._keeper.purse.balance

    # -- what the salesperson does --------------------------------------------------------------

    @verb()
    def redeem(self, amount: str = "", into: AccountNumber | None = None) -> None:
        """Have the bank take e-money back, and pay it into a store 1b1, as at the end of a day.

        Args:
            amount: How much; "" for all there is.
            into: The store, or another account; the shop's own store by default.

        Raises:
            MoneyError: The amount is malformed.
        """
        money = Money.parse(amount, self._identity.currency) if amount else None
        order = self._keeper.redeem(into or self._identity.account, money)
        if isinstance(order, Refusal):
            self._seller.display.show("REFUSED", order.sentence)
        else:
            self._seller.display.show("REDEEMING")

    @verb()
    def give(self, phone: Near, amount: str) -> None:
        """Give e-money to a customer's phone, as for an article that is brought back.

        Raises:
            MoneyError: The amount is malformed.
        """
        seller = self._seller
        money = Money.parse(amount, self._identity.currency)
        number = seller.store.count_up("purse offers made")
        self.world.connect(seller.short_range, phone.short_range, SHORT_RANGE)
        seller.display.show(f"GIVING {money.text}", f"TO {phone.name}")
        self._keeper.offer(f"{self.name}+{number}", Offer(phone.name, money))

    def meet(self, phone: Phone) -> None:
        """A phone is held to the till: what is open between their purses goes on.

        Raises:
            OutOfOrder: The till has no power.
        """
        if not self.powered:
            raise OutOfOrder(f"{self.name} has no power")
        self.world.connect(self._seller.short_range, phone.short_range, SHORT_RANGE)
        self._keeper.meet(phone.name)
        if PurseIdentity.of(phone.store) is not None:
            phone.purse.keeper.meet(self.name)

    # -- one sale -------------------------------------------------------------------------------

    def sell(self, sale: Sale, tender: EmoneyTender) -> Generator[Any, Any, None]:
        """One sale, from the tender to the handing over."""
        del tender
        seller = self._seller
        asked = self._keeper.purse.ask(sale.total)
        if isinstance(asked, Refusal):
            seller.keep(sale, "NO E-MONEY NOW", asked.sentence)
            return
        what_for = EmoneySale(sale.settlement_id, sale.customer)
        seller.store.put(_SALES, remembered(self._sales(), asked.transfer_id, what_for, SALES_MAX))
        seller.stand(sale, COLLECTING)
        if seller.settles == "direct":
            seller.reverse(sale)  # the phone may tell the bank otherwise
        seller.display.show(f"E-MONEY {sale.total.text}", "PLEASE WAIT")
        ended = self._ended = seller.env.event()
        self._keeper.ask_for(asked, sale.customer, sale.settlement_id)
        yield ended | seller.rest(seller.approval_timeout_s)
        if sale.state == COLLECTING:
            self._keeper.ask_no_more(asked.transfer_id)
            seller.keep(sale, "NO E-MONEY CAME", "the customer's purse did not pay")

    def resume(self) -> None:
        """The power is back: take up what was under way."""
        self._keeper = keeper = self._new_keeper()
        keeper.resume()
        sale = self._seller.sale
        if sale is None or sale.state != COLLECTING:
            return
        mine = {
            name for name, of in self._sales().items() if of.settlement_id == sale.settlement_id
        }
        if mine & set(keeper.purse.notes.received):
            self._seller.hand_over(sale)
        else:
            self._seller.keep(sale, "POWER WAS LOST", "no e-money had come")

    # -- what its keeper tells it ---------------------------------------------------------------

    def received(self, value: Value, sender: str) -> None:
        """E-money has come: hand over for it, or give it back."""
        seller, sale = self._seller, self._seller.sale
        amount = Money(value.amount_minor, self._identity.currency)
        what_for = self._sales().get(value.transfer_id)
        if what_for is None:
            seller.display.show(f"RECEIVED {amount.text}")
        elif (
            sale is not None
            and sale.settlement_id == what_for.settlement_id
            and sale.article == "kept"
            and sale.state in (COLLECTING, "refused")
        ):
            seller.hand_over(sale)
            self._end()
        else:
            seller.decided("e-money given back", "it came too late", what_for.settlement_id)
            offer = Offer(sender, amount, lasting=True)
            self._keeper.offer(f"back>{value.transfer_id}>{sender}"[:64], offer)

    def asked(self, message: TransferRequest, sender: str) -> None:
        """Nobody at a till pays what somebody asks for."""
        self._keeper.decline(message.correlation, Refusal.DECLINED, sender)

    def demands(self, request: Request, offer: Offer) -> None:
        """A till has nothing demanded for it."""

    def paid(self, value: Value) -> None:
        """A customer has what was given."""
        amount = Money(value.amount_minor, self._identity.currency)
        self._seller.display.show(f"GIVEN {amount.text}")

    def failed(self, what: str, why: str) -> None:
        """The customer does not pay, or does not take what was given."""
        seller, sale = self._seller, self._seller.sale
        what_for = self._sales().get(what)
        if what_for is None:
            seller.decided("no e-money passed", why, what)
        elif (
            sale is not None
            and sale.settlement_id == what_for.settlement_id
            and sale.state == COLLECTING
        ):
            seller.keep(sale, "NO E-MONEY CAME", why)
            self._end()

    def redeemed(self, order: Redemption, result: RedemptionResult) -> None:
        """The bank has taken e-money back, or has not."""
        seller = self._seller
        if result.refusal:
            seller.display.show("REFUSED", result.refusal.sentence)
            return
        lost_minor = sum(order.data[at].last.amount_minor for at in result.spent_before)
        lost = Money(lost_minor, self._identity.currency)
        lines = (f"{lost.text} WAS SPENT BEFORE",) if lost_minor else ()
        seller.display.show(f"REDEEMED {result.paid.text}", *lines)

    # -- within ---------------------------------------------------------------------------------

    def _new_keeper(self) -> PurseKeeper:
        seller = self._seller
        return PurseKeeper(seller, seller.short_range, seller.bank_line, self._identity, self)

    def _take(self, sent: Sent) -> None:
        if isinstance(sent.message, TRANSFERS):
            self._keeper.take(sent)
        else:
            self._seller.short_range.put(sent)

    def _hear(self, sent: Sent) -> None:
        if isinstance(sent.message, RedemptionAnswer):
            self._keeper.hear(sent.message)
        else:
            self._seller.bank_line.put(sent)

    def _end(self) -> None:
        ended, self._ended = self._ended, None
        if ended is not None:
            ended.succeed()

    def _sales(self) -> dict[str, EmoneySale]:
        return self._seller.store.get(_SALES, dict[str, EmoneySale]) or {}
