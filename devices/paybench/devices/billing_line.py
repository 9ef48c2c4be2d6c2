"""The billing line: how a device bills by transaction identifying number (claims 1-13, 47-53).

A terminal at a counter, a vending machine and a web shop have one each. What a lost message, a
loss of power or a silent apparatus leaves open is asked for until it is known: an article is
handed over if it was paid, and only then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paybench.bank.tin import (
    AmountBilled,
    AuthenticationResult,
    ClerksWord,
    Completed,
    PasswordWanted,
    PortraitShown,
    Refusal,
    Refused,
    SessionInquiry,
    SessionState,
    State,
    Status,
    StatusWanted,
    Synchronised,
    TinIssued,
    TinPresented,
    TinWanted,
    Withdrawn,
    unspaced,
)
from paybench.bank.tin.synchroniser import ABOUT_MAX
from paybench.devices.asking import ANSWER_S, WAIT_S, Asking
from paybench.devices.billing import Billing
from paybench.devices.errors import OutOfOrder
from paybench.devices.tin_messages import BillingCall, BillingNotice
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.bank.money import Money
    from paybench.bank.outcome import Outcome
    from paybench.bank.restriction import Restriction
    from paybench.bank.tin import FromBilling
    from paybench.devices.device import Device
    from paybench.devices.port import Port
    from paybench.devices.trace import Sent

__all__ = ["Billing", "BillingLine"]

RECORD = "billings"
KEPT = 16
"""So many billings that are over a device remembers."""

_SYNCHRONISED = ("authenticating", "portrait", "ready", "billed")
_STEPS: dict[type[FromBilling], str] = {
    TinWanted: "T1",
    TinPresented: "T3",
    AmountBilled: "T5",
    SessionInquiry: "S108",
    StatusWanted: "status",
    Withdrawn: "withdraw",
    ClerksWord: "auth",
    PasswordWanted: "auth",
}
_STANDS = {
    State.ISSUED: "waiting",
    State.AUTHENTICATING: "authenticating",
    State.PORTRAIT: "portrait",
    State.READY: "ready",
    State.BILLED: "billed",
}


class BillingLine:
    """A device's way to the settlement apparatus, for as many billings at a time as it has.

    Args:
        device: Whose it is.
        port: The device's port on the billing network.
        terminal_id: Under which id the device is registered.
        changed: Called with a billing when it stands somewhere else, or something is new of it.

    Attributes:
        billings: Those under way and the last ones that are over, oldest first.
        portraits: Portraits to be looked at, as PNG pictures, by request id; no store has them.
        statuses: What was told of users who were asked for, by request id (claim 11).
    """

    def __init__(
        self,
        device: Device,
        port: Port,
        terminal_id: str,
        changed: Callable[[Billing], object],
    ) -> None:
        self.port = port
        self.terminal_id = terminal_id
        self.billings: list[Billing] = []
        self.portraits: dict[str, bytes] = {}
        self.statuses: dict[str, Status] = {}
        self._device = device
        self._changed = changed
        self._asking = Asking(device)
        self._takes: dict[type[object], Callable[[Billing, Any], bool]] = {
            TinIssued: self._issued,
            Synchronised: self._synchronised,
            PortraitShown: self._show_portrait,
            AuthenticationResult: self._authenticated,
            Status: self._tell_status,
            Completed: self._completed,
            SessionState: self._stands,
            Refused: self._refused,
        }
        port.listen(self._hear)

    # -- what the device does -------------------------------------------------------------------

    def start(self) -> Billing:
        """Want a number to show to the payer (T1)."""
        return self._begin("wanted", "", reverse=False)

    def present(self, tin: str) -> Billing:
        """Send a number that the payer has shown (T3)."""
        return self._begin("presented", unspaced(tin), reverse=True)

    def bill(self, billing: Billing, amount: Money, restriction: Restriction | None = None) -> None:
        """Bill the amount (T5).

        Raises:
            OutOfOrder: The payer is not there yet, or the amount is billed already.
        """
        self._refuse_unless(billing, "bill", "ready")
        billing.amount, billing.restriction = amount, restriction
        self._stand(billing, "billed")
        self._say(AmountBilled(billing.session, amount, restriction))

    def demand_password(self, billing: Billing) -> None:
        """Want the payer's password, in place of the portrait or in addition (claims 16, 36).

        Raises:
            OutOfOrder: There is nobody to ask, or the amount is billed already.
        """
        self._refuse_unless(billing, "demand a password", *_SYNCHRONISED[:3])
        self._say(PasswordWanted(billing.session))

    def clerk_says(self, billing: Billing, *, is_the_user: bool) -> None:
        """Send the clerk's word on the portrait (claims 15, 35).

        Raises:
            OutOfOrder: No portrait is shown.
        """
        self._refuse_unless(billing, "answer", "portrait")
        if not billing.order:
            raise OutOfOrder(f"{self._device.name} has no portrait: demand the password instead")
        self._say(ClerksWord(billing.session, billing.order, is_the_user))

    def withdraw(self, billing: Billing) -> None:
        """Give up, unless the payer has confirmed meanwhile.

        Raises:
            OutOfOrder: It is over.
        """
        if billing.is_over:
            raise OutOfOrder(f"{self._device.name} has nothing to cancel: it is {billing.state}")
        if billing.session:
            self._stand(billing, "withdrawing")
            self._ask(billing)
        else:  # there is nothing anybody could pay
            self._refuse(billing, Refusal.WITHDRAWN)

    def ask_status(self, billing: Billing) -> None:
        """Ask how the payer stands, as far as the payer has it told (claim 11).

        Raises:
            OutOfOrder: There is no payer.
        """
        self._refuse_unless(billing, "ask about a payer", *_SYNCHRONISED)
        self._say(StatusWanted(billing.session))

    def inquire(self, billing: Billing) -> None:
        """Find out how a billing stands (S108)."""
        if billing.state != "withdrawing":
            self._stand(billing, "inquiring")
        self._say(SessionInquiry(billing.session))

    def boot(self) -> None:
        """The power is back: take up what was under way."""
        self._asking = Asking(self._device)
        self.portraits.clear()
        self.billings = self._device.store.get(RECORD, list[Billing]) or []
        for billing in self.billings:
            if not billing.is_over:
                self._resume(billing)

    @property
    def newest(self) -> Billing | None:
        """The billing under way or last ended, or None."""
        return self.billings[-1] if self.billings else None

    # -- what it hears --------------------------------------------------------------------------

    def _hear(self, sent: Sent) -> None:
        if not isinstance(sent.message, BillingNotice):
            why = f"a {type(sent.message).__name__} is nothing for a billing terminal"
            self._device.decided(IGNORED, why)
            return
        body = sent.message.body
        billing = self._meant(body)
        if billing is None and isinstance(body, Synchronised):
            self._say(Withdrawn(body.session))  # it was given up before the answer came
        if billing is not None and billing.is_over and self._same_number(billing, body):
            return
        if billing is None or not self._take(billing, body):
            why = f"a {type(body).__name__} that nothing here waits for"
            self._device.decided(IGNORED, why, sent.correlation)

    def _meant(self, body: object) -> Billing | None:
        """The billing that something was said about."""
        names = {getattr(body, field, "") for field in ("session", "request_id", "about")} - {""}
        for billing in reversed(self.billings):
            if {billing.session, billing.request_id} & names:
                return billing
        waiting = [one for one in self.billings if one.state == "presented" and not one.session]
        return next((one for one in waiting if _answers_number(one, body)), None)

    def _same_number(self, over: Billing, body: object) -> bool:
        """A number was sent again whose transaction was here, and is over: so is this one."""
        for billing in self.billings:
            if billing.state == "presented" and billing.tin == over.tin:
                self._refuse(billing, body.reason if isinstance(body, Refused) else Refusal.USED)
                return True
        return False

    def _take(self, billing: Billing, body: object) -> bool:
        """Take what was said; tells whether it was news."""
        if billing.is_over:
            return False
        take = self._takes.get(type(body))
        return take is not None and take(billing, body)

    def _issued(self, billing: Billing, body: TinIssued) -> bool:
        if billing.state != "wanted":
            return False
        billing.session, billing.tin = body.session, body.tin
        self._stand(billing, "waiting")
        return True

    def _synchronised(self, billing: Billing, body: Synchronised) -> bool:
        news = not billing.attributes and bool(body.attributes)
        billing.session = body.session
        billing.attributes = body.attributes
        if not billing.authenticated:
            billing.methods = body.methods
        if billing.state in ("waiting", "presented", "inquiring"):
            self._stand(billing, "authenticating" if body.methods else "ready")
        elif news:
            self._stand(billing, billing.state)
        return news or billing.state in _SYNCHRONISED

    def _show_portrait(self, billing: Billing, body: PortraitShown) -> bool:
        if billing.state in ("ready", "billed", "withdrawing"):
            return False
        self.portraits[billing.request_id] = body.portrait.data
        billing.order = body.order
        self._stand(billing, "portrait")
        return True

    def _authenticated(self, billing: Billing, body: AuthenticationResult) -> bool:
        self.portraits.pop(billing.request_id, None)
        billing.authenticated, billing.methods = body.passed, body.methods
        if not body.passed:  # the refusal follows
            methods = ", ".join(body.methods)
            self._device.decided("not authenticated", methods, billing.session)
        elif billing.state in ("billed", "withdrawing"):
            return False
        else:
            self._device.decided("authenticated", ", ".join(body.methods), billing.session)
            self._stand(billing, "ready")
        return True

    def _stands(self, billing: Billing, body: SessionState) -> bool:
        """The answer to an inquiry, or to what was said twice."""
        if body.outcome is not None and body.state is State.SETTLED:
            self.conclude(billing, body.outcome)
        elif body.state is State.SETTLED:
            self._stand(billing, "unknown")
        elif body.state is State.EXPIRED:
            self._refuse(billing, Refusal.EXPIRED)
        elif body.state is State.REFUSED:
            # That is all the answer says; the reason has been lost.
            self._refuse(billing, billing.reason or Refusal.NOT_SETTLED)
        elif billing.state == "withdrawing":
            self._say(Withdrawn(billing.session))
        elif body.state is State.READY and billing.amount is not None:
            self._stand(billing, "billed")
            self._say(AmountBilled(billing.session, billing.amount, billing.restriction))
        elif _STANDS[body.state] != billing.state:
            self._stand(billing, _STANDS[body.state])
        return True

    def _refused(self, billing: Billing, body: Refused) -> bool:
        if body.state is not None and body.state.is_closed and body.state is not State.SETTLED:
            self._refuse(billing, body.reason, body.sentence)
        elif body.reason is Refusal.WRONG_STATE or (
            body.reason is Refusal.UNKNOWN_SESSION and billing.state not in ("inquiring", "wanted")
        ):
            self._device.decided("refused", body.sentence, billing.session)
            self.inquire(billing)  # whatever became of it
        elif body.state is not None:  # this cannot be, and something else may
            self._device.decided("refused", body.sentence, billing.session)
            billing.amount = billing.restriction = None
            billing.sentence = body.sentence
            self._stand(billing, _STANDS.get(body.state, billing.state))
            billing.sentence = ""
        else:
            self._refuse(billing, body.reason, body.sentence)
        return True

    def _tell_status(self, billing: Billing, body: Status) -> bool:
        self.statuses[billing.request_id] = body
        self._changed(billing)
        return True

    def _completed(self, billing: Billing, body: Completed) -> bool:
        self.conclude(billing, body.outcome)
        return True

    # -- how it ends ----------------------------------------------------------------------------

    def conclude(self, billing: Billing, outcome: Outcome) -> None:
        """Hand over if it was paid, and only then."""
        if outcome.settled and outcome.amount == billing.amount:
            billing.article = "handed over"
            self._stand(billing, "paid")
            self._device.decided("article handed over", "paid", billing.session)
        elif outcome.settled:
            billing.sentence = f"The bank settled {outcome.amount}."
            self._stand(billing, "unknown")
        else:
            self._refuse(billing, Refusal.NOT_SETTLED, outcome.sentence)

    def _refuse(self, billing: Billing, reason: Refusal, sentence: str = "") -> None:
        billing.reason, billing.sentence = reason, sentence or reason.sentence
        billing.article = "kept"
        self._stand(billing, "refused")
        self._device.decided("article kept", billing.sentence, billing.session)

    # -- saying, and saying again ---------------------------------------------------------------

    def _begin(self, state: str, tin: str, *, reverse: bool) -> Billing:
        store = self._device.store
        number = store.count_up("billing number")
        billing = Billing(f"{self.terminal_id}-{number:06d}", state, tin, reverse)
        over = [known for known in self.billings if known.is_over]
        for known in over[: max(len(over) - KEPT, 0)]:
            self.billings.remove(known)
            self.statuses.pop(known.request_id, None)
        self.billings.append(billing)
        self._stand(billing, state)
        self._ask(billing)
        return billing

    def _resume(self, billing: Billing) -> None:
        billing.order = 0
        if billing.session:
            self.inquire(billing)
            self._changed(billing)
        else:
            self._stand(billing, billing.state)
            self._ask(billing)

    def _stand(self, billing: Billing, state: str) -> None:
        """The billing has got so far; the store knows before anybody else does."""
        billing.state = state
        self._device.store.put(RECORD, self.billings)
        if billing.is_over:
            self.portraits.pop(billing.request_id, None)
            self._asking.moved(billing.request_id)
        else:
            answered = state in ("waiting", *_SYNCHRONISED)
            pause_s = WAIT_S if answered else ANSWER_S
            self._asking.wait(billing.request_id, lambda: self._ask(billing), pause_s)
        self._changed(billing)

    def _ask(self, billing: Billing) -> None:
        """Say again what has had no answer, or ask how it stands."""
        self._say(self._question(billing))

    def _question(self, billing: Billing) -> FromBilling:
        session = billing.session
        if billing.state == "wanted":
            return TinWanted(billing.request_id, self.terminal_id)
        if billing.state == "withdrawing":
            return Withdrawn(session)
        if billing.state == "billed" and billing.amount is not None:
            # The same again: then both sides are told again how it stands.
            return AmountBilled(session, billing.amount, billing.restriction)
        if billing.reverse and billing.state != "inquiring":
            return TinPresented(billing.tin, self.terminal_id)
        return SessionInquiry(session)

    def _say(self, body: FromBilling) -> None:
        self.port.send(BillingCall(body), _STEPS[type(body)])

    def _refuse_unless(self, billing: Billing, wish: str, *states: str) -> None:
        if billing.state not in states:
            raise OutOfOrder(
                f"{self._device.name} cannot {wish} now: this transaction is {billing.state}"
            )


def _answers_number(billing: Billing, body: object) -> bool:
    """Whether something answers T3; nobody has told the session's name before."""
    if isinstance(body, Refused):  # with a name: refused as soon as it was synchronised
        return bool(body.session) or body.about == billing.tin[:ABOUT_MAX]
    return isinstance(body, Synchronised) and body.tin == billing.tin
