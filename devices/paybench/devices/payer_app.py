"""The app that pays by transaction identifying number: the phone as paying terminal (claims 1-53).

It sends a number that it was told (T3), or has one of its own shown (T1, T2 in reverse). It answers
what the apparatus orders, and what it confirms (T7) is signed with the account's key. What it knows
of a payment is in the phone's store; passwords, answers and samples never are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paybench.bank.authentication import Method
from paybench.bank.errors import BankError
from paybench.bank.secret import Secret
from paybench.bank.tin import (
    AmountDue,
    AuthenticationAnswered,
    AuthenticationOrdered,
    AuthenticationResult,
    Confirmed,
    Connected,
    Declined,
    HistoryWanted,
    PurchaseHistory,
    Receipt,
    Refused,
    SessionInquiry,
    SessionState,
    State,
    Status,
    StatusWanted,
    TinIssued,
    TinPresented,
    TinWanted,
    unspaced,
)
from paybench.devices.app import App
from paybench.devices.asking import ANSWER_S, WAIT_S, Asking
from paybench.devices.device import verb
from paybench.devices.errors import OutOfOrder
from paybench.devices.payment import (
    DueRequest,
    Payment,
    history_lines,
    is_about,
    payment_lines,
    status_lines,
)
from paybench.devices.plain_profile import PlainProfileError
from paybench.devices.sent_number import former_numbers
from paybench.devices.short_range import SHORT_RANGE
from paybench.devices.tin_code import read_tin, shown_code
from paybench.devices.tin_messages import HANDED, PayingCall, PayingNotice, TinHanded, TinOffered
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.bank.money import Money
    from paybench.bank.outcome import Outcome
    from paybench.bank.tin import FromPaying
    from paybench.devices.device import Device
    from paybench.devices.phone import Phone
    from paybench.devices.short_range import Near
    from paybench.devices.trace import Sent

RECORD = "payment"
"""The record in the phone's store."""

_WAITING = ("showing", "connected", "asked", "due")
"""States in which it is somebody else's turn."""

_STEPS: dict[type[FromPaying], str] = {
    TinWanted: "T1",
    TinPresented: "T3",
    AuthenticationAnswered: "auth",
    Confirmed: "T7",
    Declined: "decline",
    SessionInquiry: "S108",
    HistoryWanted: "history",
    StatusWanted: "status",
}


class PayerApp(App):
    """Pays by number, one payment at a time.

    Attributes:
        payment: The payment under way or last ended, or None.
        order: What the apparatus wants to be answered, or None.
        history: The purchases that were asked for last (claim 13).
        status: The status that was asked for last (claim 11).
    """

    def __init__(self, phone: Phone) -> None:
        super().__init__(phone)
        self.payment: Payment | None = phone.store.get(RECORD, Payment)
        self.order: AuthenticationOrdered | None = None
        self.history: PurchaseHistory | None = None
        self.status: Status | None = None
        self._answer: AuthenticationAnswered | None = None
        self._asking = Asking(phone)
        self._takes: dict[type[object], Callable[[Payment, Any], bool]] = {
            TinIssued: self._take_number,
            Connected: self._connect,
            AuthenticationOrdered: self._take_order,
            AuthenticationResult: self._take_result,
            AmountDue: self._take_due,
            Receipt: self._take_receipt,
            SessionState: self._stands,
            Refused: self._refused,
        }

    # -- what the customer does -----------------------------------------------------------------

    @verb()
    def enter(self, tin: str) -> None:
        """Type the number that a terminal or a page shows (T3, claim 29).

        Raises:
            OutOfOrder: The phone is at another payment, or its owner has not subscribed.
        """
        self._refuse_if_busy()
        self._present(tin)

    @verb()
    def read(self, device: Device) -> None:
        """Read with the phone's camera the code that a display shows (T3).

        Raises:
            OutOfOrder: The phone is at another payment, has no camera, or there is no number.
            PartSilent: Nothing, or nothing readable, came from the camera.
            UnexpectedReading: The camera read another code than the one shown.
        """
        self._refuse_if_busy()
        if self.phone.camera is None:
            raise OutOfOrder(f"{self.name} has no camera: customer.subscribes() first")
        self.phone.camera.read(shown_code(device))

    @verb()
    def show_tin(self) -> None:
        """Have a number of one's own shown, as digits and as a code (T1 and T2 in reverse).

        Raises:
            OutOfOrder: The phone is at another payment, or its owner has not subscribed.
        """
        self._refuse_if_busy()
        store = self.phone.store
        number = store.count_up("payment number")
        self._begin(Payment("", "wanted", f"{self.name}-{number:06d}"))

    @verb()
    def hand_to(self, terminal: Near) -> None:
        """Hold the phone to a terminal, and send it the number that is shown (claim 50).

        Args:
            terminal: A terminal with short-range radio.

        Raises:
            OutOfOrder: No number is shown.
        """
        payment = self.payment
        if payment is None or payment.state != "showing":
            raise OutOfOrder(f"{self.name} has no number to send: show_tin() first")
        self.world.connect(self.phone.short_range, terminal.short_range, SHORT_RANGE)
        self.phone.short_range.send(TinHanded(payment.tin), HANDED, terminal.name)

    @verb("password", "text")
    def answer(self, password: str = "", text: str = "") -> None:
        """Answer with a password, or the text that a question asks for.

        Raises:
            OutOfOrder: Nothing is asked.
        """
        self._reply(Secret(password or text))

    @verb()
    def speak(self, voice: str) -> None:
        """Speak, e.g. with ``"B's voice"``; a sample of it goes out.

        Raises:
            OutOfOrder: Nothing is asked.
        """
        self._sample(Method.VOICE, voice)

    @verb()
    def present(self, finger: str = "", iris: str = "") -> None:
        """Put a finger on the sensor, or look into it, e.g. ``"B's thumb"``.

        Raises:
            OutOfOrder: Nothing is asked.
        """
        self._sample(Method.IRIS if iris else Method.FINGERPRINT, iris or finger)

    @verb()
    def leave(self) -> None:
        """Give up, at any point before confirming.

        Raises:
            OutOfOrder: There is nothing to give up, or it is confirmed.
        """
        payment = self._open()
        if payment.approval is not None:
            raise OutOfOrder(f"{self.name} has confirmed: it is too late to leave")
        self.give_up(payment.session)

    @verb()
    def ask_history(self, limit: int = 20) -> None:
        """Ask what one has bought (claim 13)."""
        self._say(HistoryWanted(limit))

    @verb()
    def ask_status(self) -> None:
        """Ask how one stands: registration, payments, available amount (claim 11)."""
        self._say(StatusWanted())

    # -- what its request does ------------------------------------------------------------------

    def confirm(self, session: str, taps: int) -> None:
        """The owner has approved the amount: sign it, once, and send it (T7)."""
        payment = self.payment
        if payment is None or payment.is_over or payment.session != session or not payment.due:
            return
        due = payment.due
        if payment.approval is None:
            try:
                payment.approval = self.phone.signer.approve(
                    session, due.payee, due.amount, due.restriction
                )
            except BankError as error:
                self.phone.decided("approval refused", str(error), session)
                self.phone.display.show("NO PROPER BILL")
                return
            self._stand(payment, "confirmed")
        for _ in range(taps):
            self._ask(payment)

    def give_up(self, session: str) -> None:
        """The owner does not want it."""
        payment = self.payment
        if payment is None or payment.is_over or payment.session != session:
            return
        self.phone.request = None
        if payment.state == "wanted":  # nobody has seen a number of it
            self._refuse(payment, "You have given up.")
            return
        self._stand(payment, "declined")
        if session:
            self._ask(payment)  # else as soon as the apparatus has told what it calls it

    def tender(self, offer_id: str, amount: Money) -> None:
        """The owner's purse is about to offer so much: if it is what is due, then instead of it."""
        payment = self.payment
        if payment is not None and payment.due is not None and payment.due.amount == amount:
            payment.tender = offer_id
            self.phone.store.put(RECORD, payment)

    def pays_without(self, offer_id: str) -> bool:
        """E-money is not taken: whether what it was offered for is paid all the same."""
        payment = self.payment
        if payment is None or payment.tender != offer_id:
            return False
        if payment.state != "paid":
            payment.tender = ""
            self.phone.store.put(RECORD, payment)
        return payment.state == "paid"

    # -- what it hears --------------------------------------------------------------------------

    def resume(self) -> None:
        """The power is back: ask what became of the payment that was under way."""
        payment = self.payment
        if payment is None or payment.is_over:
            return
        waits = payment.state in ("wanted", "presented", "confirmed", "declined")
        self._stand(payment, payment.state if waits else "inquiring")
        self._ask(payment)

    def take(self, sent: Sent) -> None:
        """A terminal sends its number over the short-range link (claim 30)."""
        message = sent.message
        assert isinstance(message, TinOffered), "the phone hands over nothing else"
        if self.phone.telephone is None or self._is_busy:
            self.phone.decided(IGNORED, "a number that nobody here wants")
        else:
            self._present(message.tin)

    def take_code(self, code: str) -> None:
        """The camera has read something."""
        if self._is_busy:
            self.phone.decided(IGNORED, "a code during a payment")
            return
        try:
            tin = read_tin(code)
        except PlainProfileError as error:
            self.phone.decided("no number", str(error))
            self.phone.display.show("NO NUMBER", "This code is no transaction number.")
            return
        self._present(tin)

    def hear(self, sent: Sent) -> None:
        """The apparatus says something."""
        message = sent.message
        assert isinstance(message, PayingNotice), "the phone hands over nothing else"
        body = message.body
        if isinstance(body, PurchaseHistory):
            self.history = body
            self.phone.display.show(*history_lines(body))
        elif isinstance(body, Status):
            self.status = body
            self.phone.display.show(*status_lines(body))
        elif not self._take(body):
            why = f"a {type(body).__name__} that nothing here waits for"
            self.phone.decided(IGNORED, why, sent.correlation)

    def _take(self, body: object) -> bool:
        """Take what was said of a payment; tells whether it was news."""
        payment = self.payment
        if payment is None or payment.is_over or not is_about(payment, body):
            return False
        take = self._takes.get(type(body))
        return take is not None and take(payment, body)

    def _take_number(self, payment: Payment, body: TinIssued) -> bool:
        if payment.state != "wanted":
            return False
        payment.session, payment.tin = body.session, body.tin
        self._stand(payment, "showing")
        return True

    def _connect(self, payment: Payment, body: Connected) -> bool:
        payment.session, payment.terminal = body.session, body.terminal
        if payment.state in ("presented", "showing", "inquiring"):
            self._stand(payment, "connected")
        elif payment.state == "declined":
            self._stand(payment, "declined")
            self._ask(payment)
        return True

    def _take_result(self, payment: Payment, body: AuthenticationResult) -> bool:
        if payment.state in ("asked", "answered", "inquiring") and body.passed:
            self.order = self._answer = None
            self._stand(payment, "connected")
        return True

    def _take_receipt(self, payment: Payment, body: Receipt) -> bool:
        payment.session, payment.terminal = body.session, body.terminal
        self._conclude(payment, body.outcome)
        return True

    def _take_order(self, payment: Payment, body: AuthenticationOrdered) -> bool:
        if payment.approval is not None or payment.state == "declined":
            return False
        if self._answer is not None and self._answer.order == body.order:
            return True  # it was asked before the answer arrived
        self.order, self._answer = body, None
        self._stand(payment, "asked")
        self.phone.notify()
        return True

    def _take_due(self, payment: Payment, body: AmountDue) -> bool:
        if payment.approval is not None or payment.state == "declined":
            return False
        if payment.due != body or payment.state != "due":
            payment.due, payment.terminal = body, body.terminal
            self.order = self._answer = None
            self._stand(payment, "due")
            self.phone.request = DueRequest(self, body.session)
            self.phone.notify()
        return True

    def _stands(self, payment: Payment, body: SessionState) -> bool:
        """The answer to an inquiry."""
        if body.outcome is not None and body.state is State.SETTLED:
            self._conclude(payment, body.outcome)
        elif body.state.is_closed:
            self._refuse(payment, "The transaction is over.")
        elif body.state is State.BILLED and payment.due is not None:
            due, payment.due = payment.due, None
            self._take_due(payment, due)
        elif payment.state == "inquiring":
            state = "showing" if body.state is State.ISSUED else "connected"
            self._stand(payment, state)
            if not payment.request_id:  # then the apparatus says all of it again
                self._ask(payment)
        return True

    def _refused(self, payment: Payment, body: Refused) -> bool:
        if body.state is None or (body.state.is_closed and body.state is not State.SETTLED):
            self._refuse(payment, body.sentence)
            return True
        self.phone.decided("refused", body.sentence, payment.session)
        if payment.state in ("declined", "answered"):  # too late, or out of place
            self._answer = None
            self._stand(payment, "inquiring")
            self._ask(payment)
        return True

    # -- how it ends ----------------------------------------------------------------------------

    def _conclude(self, payment: Payment, outcome: Outcome) -> None:
        payment.outcome = outcome
        if outcome.settled:
            self._stand(payment, "paid")
        else:
            self._refuse(payment, outcome.sentence)

    def _refuse(self, payment: Payment, sentence: str) -> None:
        payment.sentence = sentence
        self._stand(payment, "refused")

    # -- saying, and saying again ---------------------------------------------------------------

    def _present(self, tin: str) -> None:
        self._begin(Payment(unspaced(tin), "presented"))

    def _begin(self, payment: Payment) -> None:
        self.order = self._answer = None
        payment.former = former_numbers(self.payment)
        self.payment = payment
        self._stand(payment, payment.state)
        self._ask(payment)

    def _reply(self, answer: Secret) -> None:
        payment = self._open()
        if self.order is None or payment.state not in ("asked", "answered"):
            raise OutOfOrder(f"{self.name} is asked nothing: wait for the display to ask")
        self._answer = AuthenticationAnswered(payment.session, self.order.order, answer)
        self._stand(payment, "answered")
        self._ask(payment)

    def _sample(self, method: Method, person: str) -> None:
        sensor = self.phone.biometrics
        if sensor is None:
            raise OutOfOrder(f"{self.name} has no biometric sensor: customer.subscribes() first")
        self._reply(sensor.sample(method, person))

    def _stand(self, payment: Payment, state: str) -> None:
        """The payment has got so far; the store knows before anybody else does."""
        payment.state = state
        self.phone.store.put(RECORD, payment)
        if payment.is_over:
            self.order = self._answer = None
            self._asking.moved(RECORD)
            if isinstance(self.phone.request, DueRequest):
                self.phone.request = None
        else:
            pause_s = WAIT_S if state in _WAITING else ANSWER_S
            self._asking.wait(RECORD, lambda: self._ask(payment), pause_s)
        self.phone.become(state, payment.session)
        self._show(payment)

    def _ask(self, payment: Payment) -> None:
        """Say again what has had no answer, or ask how it stands."""
        self._say(self._question(payment))

    def _question(self, payment: Payment) -> FromPaying:
        session = payment.session
        if payment.state == "wanted":
            return TinWanted(payment.request_id)
        if payment.state == "confirmed" and payment.approval is not None:
            return Confirmed(session, payment.approval)
        if payment.state == "declined" and session:
            return Declined(session)
        if payment.state == "answered" and self._answer is not None:
            return self._answer
        if not payment.request_id and payment.state != "inquiring":
            # The same again: then both sides are told again how it stands.
            return TinPresented(payment.tin)
        return SessionInquiry(session)

    def _say(self, body: FromPaying) -> None:
        if self.phone.telephone is None:
            raise OutOfOrder(f"{self.name} cannot pay by number: customer.subscribes() first")
        self.phone.telephone.send(PayingCall(body), _STEPS[type(body)])

    # -- what it shows --------------------------------------------------------------------------

    def _show(self, payment: Payment) -> None:
        taken = payment.tender and not self.phone.purse.offers(payment.tender)
        if payment.state == "refused" and taken:
            self.phone.purse.tell_again()  # it is no refusal: e-money has been taken for it
        else:
            self.phone.display.show(*payment_lines(payment, self.order))

    @property
    def _is_busy(self) -> bool:
        return self.payment is not None and not self.payment.is_over

    def _refuse_if_busy(self) -> None:
        if self.phone.telephone is None:
            raise OutOfOrder(f"{self.name} cannot pay by number: customer.subscribes() first")
        if self._is_busy:
            raise OutOfOrder(f"{self.name} is at another payment: leave() it or wait")

    def _open(self) -> Payment:
        if self.payment is None or self.payment.is_over:
            raise OutOfOrder(f"{self.name} is at no payment: enter() or read() a number first")
        return self.payment
