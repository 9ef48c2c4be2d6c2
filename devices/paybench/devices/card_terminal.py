"""The card information processing apparatus 20 of Fig 9 ([0106] to [0109]), built into a seller.

It takes a card from a phone as an answer to the seller's bill, asks the card company, and has the
bank settle. What it was not told in time is *unknown*: it takes it back (R3) until the company
confirms that (R4), and likewise every permission that was not used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paybench.bank.account import AccountNumber
from paybench.bank.approval import Approval
from paybench.bank.errors import BankError
from paybench.devices import iso_message as iso
from paybench.devices.bank_line import PAUSE_MAX_S
from paybench.devices.card import CREDIT, DEBIT, CardInformation, CardSlip
from paybench.devices.card_payment import CardForms, CardPayment
from paybench.devices.card_reason import CardReason
from paybench.devices.errors import CardMessageError
from paybench.devices.iso_message import IsoMessage, unpack
from paybench.devices.port import Port
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from collections.abc import Generator
    from datetime import date

    from paybench.bank.outcome import Outcome
    from paybench.devices.card_keys import CardKeys
    from paybench.devices.sale import Sale
    from paybench.devices.seller import Seller
    from paybench.devices.trace import Sent

AUTHORISING = "authorising"
SETTLING = "settling by card"
"""What a sale's state is meanwhile."""

CONFIRMED = {CardReason.APPROVED, CardReason.NO_ORIGINAL}
"""Answers after which a permission is certainly taken back."""

PAYERS = {
    CREDIT: "credit: the card company's account pays",
    DEBIT: "debit: the customer's account pays",
}

TRACE_NUMBERS = 999_999

_PAYMENT, _BACK = "card payment", "card payments to take back"


class CardTerminal:
    """Takes cards for a seller.

    Args:
        seller: The register or ticket office it is built into. It has an account key: what stays
            unknown at the bank is reversed there.
        terminal_id: By which the company knows it, 8 characters.
        merchant_id: By which the company knows the shop, up to 15 characters.
        keys: What it shares with the company.
        epoch: The day whose beginning the world's clock counts from.
        answer_timeout_s: How long the company may take.

    Raises:
        ValueError: The seller has no account key, or takes cards already.

    Attributes:
        line: The port towards the card company.
    """

    def __init__(
        self,
        seller: Seller,
        *,
        terminal_id: str,
        merchant_id: str,
        keys: CardKeys,
        epoch: date,
        answer_timeout_s: float = 10.0,
    ) -> None:
        if not seller.reverses or CardInformation in seller.tenders:
            raise ValueError(f"{seller.name} has no account key, or a card terminal already")
        self.line = seller.port("card line")
        self.answer_timeout_s = answer_timeout_s
        self._seller = seller
        self._forms = CardForms(terminal_id, merchant_id, keys)
        self._epoch = epoch
        self._awaited: dict[tuple[str, str], Port] = {}
        self.line.listen(self._take)
        seller.tenders[CardInformation] = self.pay
        seller.resumes.append(self.resume)

    def resume(self) -> None:
        """The power is back: take up what was under way."""
        seller = self._seller
        self._awaited.clear()
        for payment in self._to_take_back():
            seller.run(self._have_taken_back(payment))
        payment, sale = seller.store.get(_PAYMENT, CardPayment), seller.sale
        if payment is None or sale is None or sale.settlement_id != payment.settlement_id:
            return
        if sale.state == AUTHORISING:
            self._fail(sale, payment, "POWER WAS LOST", "The power was lost.")
        elif sale.state == SETTLING:
            seller.run(self._find_out(sale, payment))

    def pay(self, sale: Sale, card: CardInformation) -> Generator[Any, Any, None]:
        """One sale, from D81 to the handing over."""
        flaw = card.flaw()
        if flaw:
            self._refuse(sale, str(card.number), "CARD UNREADABLE", flaw)
            return
        payment = self._begin(sale, card)
        try:
            request = self._forms.authorise(payment, card)
        except CardMessageError as error:
            self._refuse(sale, payment.card, "CARD UNREADABLE", str(error))
            return
        self._seller.stand(sale, AUTHORISING)
        self._seller.display.show(f"CARD {payment.card}", "PLEASE WAIT")
        awaited = (iso.AUTHORISED, payment.trace_number)
        answer = yield from self._ask(request, "D82", awaited, self.answer_timeout_s)
        yield from self._go_on(sale, payment, answer)

    # -- one payment ----------------------------------------------------------------------------

    def _begin(self, sale: Sale, card: CardInformation) -> CardPayment:
        trace_number, sent_at = self._stamp()
        moment = iso.date_and_time(self._epoch, self._seller.env.now_ns)
        payment = CardPayment(
            settlement_id=sale.settlement_id,
            customer=sale.customer,
            kind=card.kind,
            card=str(card.number),
            sealed_number=self._forms.sealed(card.number),
            expiry=card.expiry,
            amount=sale.total,
            trace_number=trace_number,
            reference=f"{moment:%y%j}"[1:] + f"{moment:%H}" + trace_number,
            sent_at=sent_at,
            approval=None if card.kind == CREDIT else card.approval,
        )
        self._seller.store.put(_PAYMENT, payment)
        return payment

    def _go_on(
        self, sale: Sale, payment: CardPayment, answer: dict[str, str] | None
    ) -> Generator[Any, Any, None]:
        """D83 has come, or not: settle, if the company approves ([0109])."""
        if answer is None:
            self._fail(sale, payment, "NO ANSWER", "The card company does not answer.")
            return
        reason = CardReason.of(answer.get(iso.REASON, ""))
        if reason is CardReason.MALFUNCTION:
            # Also a code that is not known here: it may permit something, a part of the amount.
            self._fail(sale, payment, "CARD REFUSED", reason.sentence)
            return
        if reason is not CardReason.APPROVED:
            self._refuse(sale, payment.card, "CARD REFUSED", reason.sentence)
            return
        flaw = self._take_approval(sale, payment, answer)
        if flaw:
            self._fail(sale, payment, "CARD REFUSED", flaw)
            return
        self._seller.decided("card authorised", PAYERS[payment.kind], sale.settlement_id)
        yield from self._settle(sale, payment)

    def _take_approval(self, sale: Sale, payment: CardPayment, answer: dict[str, str]) -> str:
        """Take what the bank is to be shown from D83; gives why that cannot be, "" if it can."""
        if answer.get(iso.AMOUNT) != f"{payment.amount.amount_minor:012d}":
            return "The card company approves another amount."
        try:
            payer = AccountNumber.parse(answer.get(iso.ACCOUNT, ""))
            if payment.kind == CREDIT:
                counter, _, signature = answer.get(iso.SIGNATURE, "").partition(":")
                payment.approval = Approval(
                    sale.settlement_id,
                    payer,
                    self._seller.account,
                    sale.total,
                    int(counter),
                    bytes.fromhex(signature),
                )
        except (BankError, ValueError):
            return "The card company did not say who pays."
        if payment.approval is None or payment.approval.payer != payer:
            return "The card is not of the account that is to pay."
        payment.authorisation = answer.get(iso.AUTHORISATION, "")
        self._seller.store.put(_PAYMENT, payment)
        return ""

    def _settle(self, sale: Sale, payment: CardPayment) -> Generator[Any, Any, None]:
        """The settlement, as with an account at the phone ([0048], [0049])."""
        if payment.approval is None:
            raise AssertionError("what was authorised has an approval")
        seller = self._seller
        sale.approval = payment.approval
        seller.stand(sale, SETTLING)
        outcome = yield from seller.bank.settle(
            seller.demand(sale, payment.approval), seller.demand_step
        )
        self._conclude(sale, payment, outcome)

    def _find_out(self, sale: Sale, payment: CardPayment) -> Generator[Any, Any, None]:
        if payment.approval is None:
            raise AssertionError("what was authorised has an approval")
        seller = self._seller
        outcome = yield from seller.bank.inquire(
            sale.settlement_id, seller.demand(sale, payment.approval), seller.demand_step
        )
        self._conclude(sale, payment, outcome)

    def _conclude(self, sale: Sale, payment: CardPayment, outcome: Outcome | None) -> None:
        self._seller.conclude(sale, outcome)
        if sale.state == "paid":
            self._end(sale, payment.card, payment.authorisation)
            return
        # The company would go on counting it: a permission that is not used is taken back.
        self._take_back(payment)
        why = "The bank does not answer." if outcome is None else outcome.sentence
        self._end(sale, payment.card, why=why)

    def _fail(self, sale: Sale, payment: CardPayment, line: str, why: str) -> None:
        """It is not known what the company decided, or of no use: take it back."""
        self._take_back(payment)
        self._refuse(sale, payment.card, line, why)

    def _refuse(self, sale: Sale, card: str, line: str, why: str) -> None:
        """Nothing is paid: keep the article, and tell everybody why."""
        self._seller.keep(sale, line, why)
        self._end(sale, card, why=why)

    def _end(self, sale: Sale, card: str, authorisation: str = "", why: str = "") -> None:
        """Tell the phone how it ended."""
        self._seller.store.drop(_PAYMENT)
        slip = CardSlip(sale.settlement_id, card, sale.total, not why, authorisation, why)
        if sale.customer in self._seller.short_range.ways:
            self._seller.short_range.send(slip, "slip", sale.customer)

    # -- taking back ----------------------------------------------------------------------------

    def _take_back(self, payment: CardPayment) -> None:
        """Have the company forget its permission, if it gave one, now or later."""
        payment.back, payment.back_at = self._stamp()
        self._seller.store.put(_BACK, [*self._to_take_back(), payment])
        self._seller.run(self._have_taken_back(payment))

    def _have_taken_back(self, payment: CardPayment) -> Generator[Any, Any, None]:
        """R3, R4: say it until the company confirms it."""
        pause_s, again = self.answer_timeout_s, False
        while True:
            request = self._forms.take_back(payment, again=again)
            awaited = (iso.REVERSED, payment.back)
            answer = yield from self._ask(request, "R3", awaited, pause_s)
            reason = None if answer is None else CardReason.of(answer.get(iso.REASON, ""))
            if reason in CONFIRMED:
                break
            pause_s, again = min(2 * pause_s, PAUSE_MAX_S), True
            if answer is not None:
                yield self._seller.rest(pause_s)
        rest = [other for other in self._to_take_back() if other.back != payment.back]
        self._seller.store.put(_BACK, rest)
        why = "" if reason is None else reason.sentence
        self._seller.decided("card payment taken back", why, payment.settlement_id)

    def _to_take_back(self) -> list[CardPayment]:
        return self._seller.store.get(_BACK, list[CardPayment]) or []

    # -- the line -------------------------------------------------------------------------------

    def _ask(
        self, request: IsoMessage, step: str, awaited: tuple[str, str], timeout_s: float
    ) -> Generator[Any, Any, dict[str, str] | None]:
        """The authentic answer to a demand; None when the time is up."""
        inbox = self._awaited[awaited] = Port(self._seller.env, self._seller.name, "card inbox")
        self.line.send(request, step)
        message: IsoMessage | None = yield inbox.receive(timeout_s)
        del self._awaited[awaited]
        return None if message is None else unpack(message.iso, self._forms.keys.mac)

    def _take(self, sent: Sent) -> None:
        """Something comes from the card company."""
        message = sent.message
        if not isinstance(message, IsoMessage):
            self._ignore(f"a {type(message).__name__} is nothing for a card terminal", sent)
            return
        try:
            fields = unpack(message.iso, self._forms.keys.mac)
        except CardMessageError as error:
            self._ignore(str(error), sent)
            return
        awaited = (fields["t"], fields.get(iso.TRACE_NUMBER, ""))
        inbox = self._awaited.get(awaited)
        if inbox is None or fields.get(iso.TERMINAL) != self._forms.terminal_id:
            # If it is a permission, it has been taken back when its time was up.
            self._ignore(f"a card message {fields['t']} that nobody waits for", sent)
        else:
            inbox.put(sent)

    def _ignore(self, why: str, sent: Sent) -> None:
        self._seller.decided(IGNORED, why, sent.correlation)

    def _stamp(self) -> tuple[str, str]:
        """Fields 11 and 7 of the next demand."""
        count = self._seller.store.count_up("card demands")
        moment = iso.date_and_time(self._epoch, self._seller.env.now_ns)
        return f"{(count - 1) % TRACE_NUMBERS + 1:06d}", f"{moment:%m%d%H%M%S}"
