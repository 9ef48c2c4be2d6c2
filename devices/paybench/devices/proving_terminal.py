"""The proving terminal: a telephone at which somebody proves who they are (claims 42, 43).

The first terminal of an authentication apparatus: it sends the number that somebody else shows,
and what it is asked for. Passwords, answers and samples are in no store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from paybench.bank.authentication import Method
from paybench.bank.secret import Secret
from paybench.bank.tin import (
    AuthenticationAnswered,
    AuthenticationOrdered,
    AuthenticationResult,
    Connected,
    Declined,
    Refused,
    SessionInquiry,
    SessionState,
    State,
    TinPresented,
    unspaced,
)
from paybench.devices.asking import ANSWER_S, WAIT_S, Asking
from paybench.devices.biometric_sensor import BiometricSensor
from paybench.devices.device import Device, verb
from paybench.devices.errors import OutOfOrder
from paybench.devices.sent_number import answers, former_numbers
from paybench.devices.tin_messages import PayingCall, PayingNotice
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from paybench.bank.tin import FromFirst
    from paybench.devices.trace import Sent
    from paybench.devices.world import World

RECORD = "proof"
ENDED = ("authenticated", "refused")
_STEPS: dict[type[FromFirst], str] = {
    TinPresented: "T3",
    AuthenticationAnswered: "auth",
    Declined: "decline",
    SessionInquiry: "S108",
}


class Proof(msgspec.Struct):
    """One authentication as its user sees it; kept in the terminal's store.

    Attributes:
        tin: The number.
        state: ``presented`` (T3), ``connected`` (T4), ``asked``, ``answered``, ``declined``, and
            in the end ``authenticated`` or ``refused``.
        session: The apparatus' name of it.
        where: Who demands it, and where.
        sentence: Why it was refused.
        former: Numbers of the last few authentications by session, as of any `SentNumber`.
    """

    tin: str
    state: str = "presented"
    session: str = ""
    where: tuple[str, str] = ("", "")
    sentence: str = ""
    former: dict[str, str] = {}


class ProvingTerminal(Device):
    """The first terminal, with a keypad, a microphone, a finger sensor and a camera.

    Args:
        world: What it shares with the others.
        name: Full name, e.g. ``B.prover``.

    Attributes:
        telephone: Its port; the network knows its calling number.
        biometrics: What takes samples, a part of it.
        proof: The authentication under way or last ended, or None.
        order: What is to be answered, or None.
    """

    role = "prover"

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.telephone = self.port("telephone")
        self.telephone.listen(self._hear)
        self.biometrics = BiometricSensor(world, name)
        self.parts["biometrics"] = self.biometrics
        self.proof: Proof | None = None
        self.order: AuthenticationOrdered | None = None
        self._answer: AuthenticationAnswered | None = None
        self._asking = Asking(self)

    # -- what its user does ---------------------------------------------------------------------

    @verb()
    def enter(self, tin: str) -> None:
        """Type the number that the other terminal shows (T3).

        Raises:
            OutOfOrder: Another authentication is under way.
        """
        if self.proof is not None and self.proof.state not in ENDED:
            raise OutOfOrder(f"{self.name} is busy: leave() or wait")
        self.order = self._answer = None
        self.proof = Proof(unspaced(tin), former=former_numbers(self.proof))
        self._stand(self.proof, "presented")
        self._ask(self.proof)

    @verb("password", "text")
    def answer(self, password: str = "", text: str = "") -> None:
        """Answer with a password, or the text that a question asks for.

        Raises:
            OutOfOrder: Nothing is asked.
        """
        self._reply(Secret(password or text))

    @verb()
    def speak(self, voice: str) -> None:
        """Speak, e.g. with ``"B's voice"``.

        Raises:
            OutOfOrder: Nothing is asked.
        """
        self._reply(self.biometrics.sample(Method.VOICE, voice))

    @verb()
    def present(self, finger: str = "", iris: str = "") -> None:
        """Put a finger on the sensor, or look into the camera, e.g. ``"B's iris"``.

        Raises:
            OutOfOrder: Nothing is asked.
        """
        method = Method.IRIS if iris else Method.FINGERPRINT
        self._reply(self.biometrics.sample(method, iris or finger))

    @verb()
    def leave(self) -> None:
        """Want to prove nothing.

        Raises:
            OutOfOrder: There is nothing to leave.
        """
        proof = self.proof
        if proof is None or proof.state in ENDED:
            raise OutOfOrder(f"{self.name} has nothing to leave: enter() a number first")
        self._stand(proof, "declined")
        if proof.session:
            self._ask(proof)  # else as soon as the apparatus has told what it calls it

    # -- what the terminal does -----------------------------------------------------------------

    def boot(self) -> None:
        """Take up what was under way; what was asked is asked again."""
        self._asking = Asking(self)
        self.order = self._answer = None
        self.proof = proof = self.store.get(RECORD, Proof)
        if proof is not None:
            known = proof.state in (*ENDED, "declined") or not proof.session
            self._stand(proof, proof.state if known else "connected")
            if proof.state not in ENDED:
                self._ask(proof)

    def _hear(self, sent: Sent) -> None:
        message, proof = sent.message, self.proof
        if isinstance(message, PayingNotice) and proof is not None:
            body = message.body
            if proof.state not in ENDED and _is_about(proof, body) and self._take(proof, body):
                return
        self.decided(IGNORED, f"a {type(message).__name__} that nothing here waits for")

    def _take(self, proof: Proof, body: object) -> bool:
        """Take what was said; tells whether it was news."""
        match body:
            case Connected():
                self._connect(proof, body)
            case AuthenticationOrdered() if proof.state != "declined":
                if self._answer is None or self._answer.order != body.order:
                    self.order, self._answer = body, None
                    self._stand(proof, "asked")
            case AuthenticationResult() if body.passed:
                self._stand(proof, "authenticated")
            case SessionState() if body.state is State.AUTHENTICATED:
                self._stand(proof, "authenticated")
            case SessionState() if body.state.is_closed:
                self._refuse(proof, "This is over.")
            case SessionState():
                # Whoever has lost an order presents the number again, and is asked again.
                self._say(Declined(proof.session) if proof.state == "declined" else _again(proof))
            case Refused():
                self._refused(proof, body)
            case _:
                return False
        return True

    def _connect(self, proof: Proof, body: Connected) -> None:
        proof.session = body.session
        proof.where = (body.terminal.name, body.terminal.place)
        if proof.state == "presented":
            self._stand(proof, "connected")
        elif proof.state == "declined":
            self._stand(proof, "declined")
            self._ask(proof)

    def _refused(self, proof: Proof, body: Refused) -> None:
        if body.state is None or (body.state.is_closed and body.state is not State.AUTHENTICATED):
            self._refuse(proof, body.sentence)
        else:
            self.decided("refused", body.sentence, proof.session)
            self._say(SessionInquiry(proof.session))

    def _refuse(self, proof: Proof, sentence: str) -> None:
        proof.sentence = sentence
        self._stand(proof, "refused")

    def _reply(self, answer: Secret) -> None:
        proof = self.proof
        if proof is None or self.order is None or proof.state not in ("asked", "answered"):
            raise OutOfOrder(f"{self.name} is asked nothing: wait for the display to ask")
        self._answer = AuthenticationAnswered(proof.session, self.order.order, answer)
        self._stand(proof, "answered")
        self._ask(proof)

    def _stand(self, proof: Proof, state: str) -> None:
        """It has got so far; the store knows before anybody else does."""
        proof.state = state
        self.store.put(RECORD, proof)
        if state in ENDED:
            self.order = self._answer = None
            self._asking.moved(RECORD)
        else:
            pause_s = ANSWER_S if state in ("presented", "answered", "declined") else WAIT_S
            self._asking.wait(RECORD, lambda: self._ask(proof), pause_s)
        self.become(state, proof.session)
        self.display.show(*self._lines(proof))

    def _ask(self, proof: Proof) -> None:
        """Say again what has had no answer; the number again, and both sides are told again."""
        if proof.state == "declined" and proof.session:
            self._say(Declined(proof.session))
        elif proof.state == "answered" and self._answer is not None:
            self._say(self._answer)
        else:
            self._say(_again(proof))

    def _say(self, body: FromFirst) -> None:
        self.telephone.send(PayingCall(body), _STEPS[type(body)])

    def _lines(self, proof: Proof) -> tuple[str, ...]:
        where = tuple(line for line in proof.where if line)
        if proof.state == "asked" and self.order is not None:
            return (self.order.prompt, *where)
        lines = {
            "connected": ("CONNECTED", *where),
            "authenticated": ("AUTHENTICATED", *where),
            "refused": ("REFUSED", proof.sentence),
            "declined": ("DECLINED",),
        }
        return lines.get(proof.state, ("SENDING",))


def _again(proof: Proof) -> TinPresented:
    return TinPresented(proof.tin)


def _is_about(proof: Proof, body: object) -> bool:
    """Whether something was said about this authentication."""
    if proof.session:
        return proof.session in (getattr(body, "session", ""), getattr(body, "about", ""))
    return answers(body, proof, AuthenticationResult)
