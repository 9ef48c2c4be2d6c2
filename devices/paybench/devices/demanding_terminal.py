"""The demanding terminal: has somebody authenticated who is at a telephone (claims 42, 43).

A registry office, a car hire, a door: the person sends the number that is shown, and answers what
the apparatus asks. The terminal is told whether it is a registered user, and who as far as allowed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from paybench.bank.authentication import BillingDemand, Method
from paybench.bank.tin import (
    AuthenticationResult,
    AuthenticationWanted,
    ClerksWord,
    PasswordWanted,
    PortraitShown,
    Refusal,
    Refused,
    SessionInquiry,
    SessionState,
    State,
    Synchronised,
    TinIssued,
    Withdrawn,
    spaced,
)
from paybench.devices.asking import ANSWER_S, WAIT_S, Asking
from paybench.devices.billing_terminal import picture_size
from paybench.devices.device import Device, verb
from paybench.devices.errors import OutOfOrder
from paybench.devices.tin_code import tin_code
from paybench.devices.tin_messages import BillingCall, BillingNotice
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from paybench.bank.tin import FromSecond
    from paybench.devices.trace import Sent
    from paybench.devices.world import World

RECORD = "demand"
ENDED = ("authenticated", "refused")
LOST = "It came to nothing; the reason has been lost."
_TOGETHER = ("authenticating", "portrait")
_STEPS: dict[type[FromSecond], str] = {
    AuthenticationWanted: "A1",
    ClerksWord: "auth",
    PasswordWanted: "auth",
    Withdrawn: "withdraw",
    SessionInquiry: "S108",
}
_STANDS = {
    State.ISSUED: "waiting",
    State.AUTHENTICATING: "authenticating",
    State.PORTRAIT: "portrait",
    State.AUTHENTICATED: "authenticated",
}


class Demand(msgspec.Struct):
    """One authentication, from the demand to its end; kept in the terminal's store.

    Attributes:
        request_id: The terminal's own name of it.
        demand: How, if not as is registered for the terminal.
        state: ``wanted``, ``waiting`` for the other terminal, ``authenticating``, ``portrait``,
            ``withdrawing``, and in the end ``authenticated`` or ``refused``.
        tin: The number.
        session: The apparatus' name of it.
        attributes: What is told of the user.
        methods: How the user is to be authenticated, and then was.
        order: Number of the portrait that is shown; 0 for none.
        sentence: Why it was refused.
    """

    request_id: str
    demand: BillingDemand | None = None
    state: str = "wanted"
    tin: str = ""
    session: str = ""
    attributes: dict[str, str] = {}
    methods: tuple[Method, ...] = ()
    order: int = 0
    sentence: str = ""


class DemandingTerminal(Device):
    """The second terminal: one authentication at a time.

    Args:
        world: What it shares with the others.
        name: Full name, e.g. ``O.demander``.
        terminal_id: The id it gives itself at the apparatus.

    Attributes:
        line: Its port on the network of such terminals.
        demanded: The authentication under way or last ended, or None.
        portrait: The portrait the clerk is shown, as a PNG picture, or None; no store has it.
    """

    role = "demander"

    def __init__(self, world: World, name: str, *, terminal_id: str) -> None:
        super().__init__(world, name)
        self.terminal_id = terminal_id
        self.line = self.port("line")
        self.line.listen(self._hear)
        self.demanded: Demand | None = None
        self.portrait: bytes | None = None
        self._asking = Asking(self)

    # -- what the clerk does --------------------------------------------------------------------

    @verb()
    def demand(self, method: str = "", *, insists: bool = True) -> None:
        """Demand to have somebody authenticated (claim 42): a number is shown.

        Args:
            method: How, e.g. ``"iris"``; "" for as is registered for the terminal.
            insists: Whether no other method will do.

        Raises:
            OutOfOrder: There is no such method, or somebody is being authenticated.
        """
        if self.demanded is not None and self.demanded.state not in ENDED:
            raise OutOfOrder(f"{self.name} is busy with somebody else: cancel() or wait")
        if method and method not in list(Method):
            raise OutOfOrder(f"there is no method {method!r}, only {', '.join(Method)}")
        number = self.store.count_up("demand number")
        how = BillingDemand(Method(method), insists) if method else None
        self.demanded = Demand(f"{self.terminal_id}-{number:06d}", how)
        self._stand(self.demanded, "wanted")
        self._ask(self.demanded)

    @verb()
    def recognises(self) -> None:
        """The person is the one on the portrait.

        Raises:
            OutOfOrder: No portrait is shown.
        """
        self._say_of_portrait(is_the_user=True)

    @verb()
    def does_not_recognise(self) -> None:
        """The person is somebody else than the one on the portrait.

        Raises:
            OutOfOrder: No portrait is shown.
        """
        self._say_of_portrait(is_the_user=False)

    @verb()
    def demand_password(self) -> None:
        """Have the person asked for the password in addition, or in place of the portrait.

        Raises:
            OutOfOrder: Nobody is there to ask.
        """
        demanded = self._open("demand a password", *_TOGETHER)
        self._say(PasswordWanted(demanded.session))

    @verb()
    def cancel(self) -> None:
        """Give up.

        Raises:
            OutOfOrder: There is nothing to give up.
        """
        demanded = self._open("cancel", "wanted", "waiting", *_TOGETHER)
        if demanded.session:
            self._stand(demanded, "withdrawing")
            self._ask(demanded)
        else:
            self._refuse(demanded, Refusal.WITHDRAWN.sentence)

    # -- what the terminal does -----------------------------------------------------------------

    def boot(self) -> None:
        """Take up what was under way when the power went."""
        self._asking = Asking(self)
        self.portrait = None
        self.demanded = demanded = self.store.get(RECORD, Demand)
        if demanded is not None:
            demanded.order = 0
            self._stand(demanded, demanded.state)
            if demanded.state not in ENDED:
                self._ask(demanded)

    def _hear(self, sent: Sent) -> None:
        message, demanded = sent.message, self.demanded
        if isinstance(message, BillingNotice) and demanded is not None:
            names = {demanded.session, demanded.request_id} - {""}
            body = message.body
            said_of = {getattr(body, field, "") for field in ("session", "request_id", "about")}
            if demanded.state not in ENDED and names & said_of and self._take(demanded, body):
                return
        self.decided(IGNORED, f"a {type(message).__name__} that nothing here waits for")

    def _take(self, demanded: Demand, body: object) -> bool:
        """Take what was said; tells whether it was news."""
        match body:
            case TinIssued() if demanded.state == "wanted":
                demanded.session, demanded.tin = body.session, body.tin
                self._stand(demanded, "waiting")
                if not body.expires_s:  # late: the person is there already
                    self._say(SessionInquiry(demanded.session))
            case Synchronised():
                demanded.attributes, demanded.methods = body.attributes, body.methods
                if demanded.state == "waiting":
                    self._stand(demanded, "authenticating")
            case PortraitShown() if demanded.state != "withdrawing":
                self.portrait, demanded.order = body.portrait.data, body.order
                self._stand(demanded, "portrait")
            case AuthenticationResult():
                self._result(demanded, body)
            case SessionState():
                self._stands(demanded, body)
            case Refused():
                self._refused(demanded, body)
            case _:
                return False
        return True

    def _result(self, demanded: Demand, body: AuthenticationResult) -> None:
        demanded.methods = body.methods
        if body.passed:
            self._stand(demanded, "authenticated")
            self.decided("authenticated", ", ".join(body.methods), demanded.session)
        else:  # the refusal follows
            demanded.sentence = Refusal.AUTHENTICATION_FAILED.sentence

    def _stands(self, demanded: Demand, body: SessionState) -> None:
        """The answer to an inquiry."""
        state = _STANDS.get(body.state)
        if state is None:
            expired = body.state is State.EXPIRED
            over = Refusal.EXPIRED.sentence if expired else demanded.sentence or LOST
            self._refuse(demanded, over)
        elif state == "authenticated":
            self._stand(demanded, state)
            self.decided("authenticated", ", ".join(demanded.methods), demanded.session)
        elif demanded.state == "withdrawing":
            self._say(Withdrawn(demanded.session))
        elif state != demanded.state:
            self._stand(demanded, state)

    def _refused(self, demanded: Demand, body: Refused) -> None:
        if body.state is None or body.state in (State.REFUSED, State.EXPIRED):
            self._refuse(demanded, body.sentence)
        else:
            self.decided("refused", body.sentence, demanded.session)
            self._say(SessionInquiry(demanded.session))

    def _refuse(self, demanded: Demand, sentence: str) -> None:
        demanded.sentence = sentence
        self._stand(demanded, "refused")
        self.decided("not authenticated", sentence, demanded.session)

    def _say_of_portrait(self, *, is_the_user: bool) -> None:
        demanded = self._open("answer", "portrait")
        if not demanded.order:
            raise OutOfOrder(f"{self.name} has no portrait: demand the password instead")
        self._say(ClerksWord(demanded.session, demanded.order, is_the_user))

    def _stand(self, demanded: Demand, state: str) -> None:
        """It has got so far; the store knows before anybody else does."""
        demanded.state = state
        self.store.put(RECORD, demanded)
        if state in ENDED:
            self.portrait = None
            self._asking.moved(RECORD)
        else:
            pause_s = ANSWER_S if state in ("wanted", "withdrawing") else WAIT_S
            self._asking.wait(RECORD, lambda: self._ask(demanded), pause_s)
        self.become(state, demanded.session)
        self.display.show(*self._lines(demanded))

    def _ask(self, demanded: Demand) -> None:
        """Say again what has had no answer, or ask how it stands."""
        if demanded.state == "wanted":
            how = demanded.demand
            self._say(AuthenticationWanted(demanded.request_id, self.terminal_id, how))
        elif demanded.state == "withdrawing":
            self._say(Withdrawn(demanded.session))
        else:
            self._say(SessionInquiry(demanded.session))

    def _say(self, body: FromSecond) -> None:
        self.line.send(BillingCall(body), _STEPS[type(body)])

    def _lines(self, demanded: Demand) -> tuple[str, ...]:
        told = [f"{name}: {value}" for name, value in demanded.attributes.items()]
        portrait = ("NO PORTRAIT", "ASK FOR THE PASSWORD")
        if self.portrait is not None:
            width, height = picture_size(self.portrait)
            portrait = ("IS THIS THE PERSON?", f"PORTRAIT {width} x {height}")
        lines = {
            "authenticating": ("PERSON IS ASKED", *told),
            "portrait": portrait,
            "authenticated": ("AUTHENTICATED", ", ".join(demanded.methods), *told),
            "refused": ("NOT AUTHENTICATED", demanded.sentence),
            "withdrawing": ("CANCELLING",),
        }
        if demanded.state == "waiting":
            return (f"TIN {spaced(demanded.tin)}", tin_code(demanded.tin).text)
        return lines.get(demanded.state, ("PLEASE WAIT",))

    def _open(self, wish: str, *states: str) -> Demand:
        demanded = self.demanded
        if demanded is None or demanded.state not in states:
            stands = "idle" if demanded is None else demanded.state
            raise OutOfOrder(f"{self.name} cannot {wish} now: it is {stands}")
        return demanded
