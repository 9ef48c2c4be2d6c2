"""The shop's back office: sells over the Internet, and decides what the bank leaves to it (D63)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec

from paybench.bank.money import Money
from paybench.bank.restriction import Consent, DecidedBy, Held, Restriction
from paybench.devices.bank_line import is_final, is_unknown
from paybench.devices.banking import ConsentGiven, ConsentWanted, Offer
from paybench.devices.device import verb
from paybench.devices.errors import OutOfOrder
from paybench.devices.link import LinkProfile
from paybench.devices.settling import Inquiry, InquiryAnswer, SettledResult
from paybench.devices.terminal import ANSWER_TIMEOUT_S, Terminal

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from paybench.bank.outcome import Outcome
    from paybench.devices.message import Message
    from paybench.devices.trace import Sent

INTERNET = LinkProfile(latency_s=0.025, jitter_s=0.015)
DAY_S = 86_400
LOOK_S = 3600
"""After so long the office first asks the bank about an offer, then ever more rarely."""
OPEN_MAX = 1000
"""So many offers may be open at a time."""
WANTED_MAX = 64


class Order(msgspec.Struct):
    """An article on offer to a customer; kept in the store.

    Attributes:
        settlement_id: The id its settlement has at the bank.
        article: What it is.
        amount: What it costs.
        state: ``offered``, ``sent out``, or ``kept``.
    """

    settlement_id: str
    article: str
    amount: Money
    state: str = "offered"


class BackOffice(Terminal):
    """A shop's terminal that also sells: offers articles, and sends out what was paid.

    Attributes:
        order: The order last offered, or None.
        open_orders: What was offered and neither sent out nor kept yet, by settlement id.
        wanted: What the bank wants the shop's word on, oldest first.
    """

    role = "office"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.order: Order | None = None
        self.open_orders: dict[str, Order] = {}
        self.wanted: deque[ConsentWanted] = deque(maxlen=WANTED_MAX)
        super().__init__(*arguments, **options)

    def boot(self) -> None:
        """Start anew; the bank is asked about what was on offer."""
        super().boot()
        self.wanted.clear()
        self.order = self.store.get("order", Order)
        orders = self.store.get("open orders", list[Order]) or []
        self.open_orders = {order.settlement_id: order for order in orders}
        if self.order is not None:
            self.order = self.open_orders.get(self.order.settlement_id, self.order)
        for order in orders:
            self.run(self._look_after(order, 0.0))  # it may have been paid meanwhile

    @verb()
    def offer(
        self,
        terminal: Terminal,
        article: str,
        price: str,
        *,
        cooling_off_days: int = 0,
        held: str = Held.RESTRICTED_DEPOSIT,
        minimum_age_years: int = 0,
        decided_by: str = DecidedBy.BANK,
    ) -> None:
        """Offer an article to a customer's terminal, with what restricts its settlement.

        Args:
            terminal: The customer's terminal.
            article: What it is.
            price: What it costs, e.g. ``"49.00"``.
            cooling_off_days: For how many days the customer may cancel (Fig 7A); 0 for none.
            held: Where the money is meanwhile: ``restricted-deposit`` or ``escrow``.
            minimum_age_years: Below which age it is not to be sold (Fig 7B); 0 for none.
            decided_by: Who decides about the younger ones: ``bank`` or ``shop``.

        Raises:
            MoneyError: The price is malformed.
            RestrictionError: A figure is out of range.
            OutOfOrder: Too many are open.
        """
        if len(self.open_orders) >= OPEN_MAX:
            raise OutOfOrder(f"{self.name} has {OPEN_MAX} offers open: withdraw some")
        money = Money.parse(price, self.currency)
        restriction = None
        if cooling_off_days or minimum_age_years:
            restriction = Restriction(
                cooling_off_days * DAY_S, Held(held), minimum_age_years, DecidedBy(decided_by)
            )
        order = self.order = Order(self._next_id(), article, money)
        self.open_orders[order.settlement_id] = order
        self._keep(order)
        self.run(self._look_after(order, LOOK_S))
        self.world.connect(self.internet, terminal.internet, INTERNET)
        message = Offer(
            order.settlement_id,
            self.account,
            self.name.partition(".")[0],
            article,
            money,
            restriction,
            self.name,
        )
        self.internet.send(message, "offer", terminal.name)
        self.show(f"OFFERED {article}")

    @verb()
    def withdraw(self, settlement_id: str = "") -> None:
        """Withdraw an offer, the last one if no other is named: it is kept, or was bought already.

        Raises:
            OutOfOrder: There is no such offer open.
        """
        if not settlement_id and self.order is not None:
            settlement_id = self.order.settlement_id
        order = self.open_orders.get(settlement_id)
        if order is None:
            raise OutOfOrder(f"{self.name} has no such offer open")
        self.run(self._withdraw(order))

    @verb()
    def admit(self) -> None:
        """Let the settlement that the bank asks about go through.

        Raises:
            OutOfOrder: The bank asks about none.
        """
        self._decide(Consent.APPROVED)

    @verb()
    def refuse(self) -> None:
        """Do not let it go through.

        Raises:
            OutOfOrder: The bank asks about none.
        """
        self._decide(Consent.DENIED)

    def expects_article(self, state: str) -> None:
        """Expect the article of the last order to be ``kept`` or ``sent out``.

        Raises:
            Unmet: It is not.
        """
        self.world.expect(
            lambda: self.order is not None and self.order.state == state,
            who=self.name,
            expected=f"article {state}",
            seen=lambda: f"article {self.order.state}" if self.order else "no order",
        )

    def _keep(self, order: Order) -> None:
        if order is self.order:
            self.store.put("order", order)
        self.store.put("open orders", list(self.open_orders.values()))

    def _decide(self, consent: Consent) -> None:
        if not self.wanted:
            raise OutOfOrder(f"the bank wants no word of {self.name}")
        wanted = self.wanted.popleft()
        self.decided(f"consent {consent}", correlation=wanted.settlement_id)
        self.network.send(ConsentGiven(wanted.settlement_id, consent), "decision")
        if self.wanted:
            self._ask_people()

    def _hear(self, sent: Sent) -> None:
        message: Message = sent.message
        if isinstance(message, ConsentWanted):
            if message not in self.wanted:
                self.wanted.append(message)
            self._ask_people()
            return
        if (
            isinstance(message, SettledResult | InquiryAnswer)
            and message.settlement_id in self.open_orders
            and not self.bank.awaits(message.settlement_id)
        ):
            self.learned(message.settlement_id, message.outcome)
            return
        super()._hear(sent)

    def _ask_people(self) -> None:
        wanted = self.wanted[0]
        years = wanted.restriction.minimum_age_years
        self.show("ADMIT?", f"{wanted.amount.text} TO SOMEBODY UNDER {years}")

    def _look_after(self, order: Order, pause_s: float) -> Generator[Any, Any, None]:
        """Ask the bank about an open order now and then: a result may have been lost."""
        while True:
            yield self.rest(pause_s)
            if order.settlement_id not in self.open_orders:
                return
            self.network.send(Inquiry(order.settlement_id), "S108")
            pause_s = min(max(2 * pause_s, ANSWER_TIMEOUT_S), DAY_S)

    def _withdraw(self, order: Order) -> Generator[Any, Any, None]:
        outcome = yield from self.bank.reverse(self.signer.reverse(order.settlement_id))
        self.learned(order.settlement_id, outcome)

    def learned(self, settlement_id: str, outcome: Outcome | None) -> None:
        """The bank tells how an order was settled: send out, or keep."""
        super().learned(settlement_id, outcome)
        order = self.open_orders.get(settlement_id)
        if order is None or outcome is None or is_unknown(outcome):
            return
        if outcome.settled or is_final(outcome):
            del self.open_orders[settlement_id]
        paid = outcome.settled and outcome.amount == order.amount
        order.state = "sent out" if paid else "kept"
        self._keep(order)
        self.decided(f"article {order.state}", outcome.sentence, order.settlement_id)
        self.show(f"{order.state.upper()} {order.article}", outcome.sentence)
