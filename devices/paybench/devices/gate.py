"""The entrance-exit gate 5A, 5B with its control means 6A, 6B ([0062] to [0071])."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from paybench.bank.approval import Approval
from paybench.bank.money import Money
from paybench.bank.recall import Reversal
from paybench.bank.settlement import SettlingInformation
from paybench.devices.admission import (
    ADMISSION,
    Action,
    Admission,
    AdmissionInformation,
    AdmissionShown,
    AuthenticationAnswer,
    AuthenticationDemand,
    AuthenticationInformation,
    FareBill,
    Passed,
    Poll,
    Stored,
    Way,
)
from paybench.devices.bank_line import BankLine, hear
from paybench.devices.barrier import Barrier
from paybench.devices.code_reader import CodeReader
from paybench.devices.device import verb
from paybench.devices.document import is_genuine, issue
from paybench.devices.gate_arm import CLOSED
from paybench.devices.plain_profile import PlainProfileError
from paybench.devices.purchase import AuthenticatedPurchase, PurchaseDeclined
from paybench.devices.register_line import UNANSWERED
from paybench.devices.settling import SettlementDemand
from paybench.devices.short_range import SHORT_RANGE
from paybench.devices.wallet_code import made_ns, read_document, read_entry
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from collections.abc import Generator

    from simpy.events import Process

    from paybench.bank.account import AccountNumber
    from paybench.bank.outcome import Outcome
    from paybench.bank.proof import Proof
    from paybench.devices.document import Document, Seal
    from paybench.devices.fare_table import Business, FareTable
    from paybench.devices.message import Message
    from paybench.devices.phone import Phone
    from paybench.devices.world import World

CHALLENGE_BYTES = 8
TRIES = 3
PROOF_MAX_S = 60.0
"""How old a proof that is shown as a code may be."""


class Passage(msgspec.Struct):
    """One passage, from the poll or the code to the closing of the gate; kept in its store.

    Attributes:
        session: The gate's number of it.
        customer: Name of the phone.
        state: ``polled``, ``read``, ``asking``, ``admitting``, ``claiming``, ``settling``,
            ``opening``, ``spending``, ``reversing``, ``passed`` or ``refused``.
        serial: Serial of the admission.
        settlement_id: The id the fare's settlement has at the bank.
        fare: The fare.
        approval: What the customer signed.
    """

    session: str
    customer: str
    state: str = "polled"
    serial: str = ""
    settlement_id: str = ""
    fare: Money | None = None
    approval: Approval | None = None


class Gate(Barrier):
    """A gate of a railway, a toll road, a ferry, an airport: lets in and out whom it may.

    What the phone tells first (D21, D31) comes over the short-range link, or is read as a code from
    its display; the rest is said over the link, to the phone that is held there.

    Args:
        world: What it shares with the others.
        name: Full name, e.g. ``R.gate``.
        line: Name of the line.
        station: Where it stands.
        way: Which way it leads.
        business: The line of business.
        account: The line's account.
        account_key: The key of that account: what cannot be used is given back with it.
        seal: What the line's admissions are signed with.
        fares: The fare table.
        answer_timeout_s: How long phone, register and bank may take.
        approval_timeout_s: How long the customer may take to approve a fare.

    Attributes:
        arm: The arm, a part of it.
        scanner: What reads codes, a part of it.
        passage: The passage under way or last ended, or None.
    """

    role = "gate"

    def __init__(
        self,
        world: World,
        name: str,
        *,
        line: str,
        station: str,
        way: Way,
        business: Business,
        account: AccountNumber,
        account_key: bytes,
        seal: Seal,
        fares: FareTable,
        answer_timeout_s: float = 3.0,
        approval_timeout_s: float = 30.0,
    ) -> None:
        super().__init__(world, name, answer_timeout_s)
        self.line = line
        self.station = station
        self.way = way
        self.business = business
        self.account = account
        self.fares = fares
        self.answer_timeout_s = answer_timeout_s
        self.approval_timeout_s = approval_timeout_s
        self.bank_line = self.port("bank line")
        self.bank = BankLine(self, self.bank_line, result_timeout_s=answer_timeout_s)
        self._reader = CodeReader(self, self._take_code, "D21" if way is Way.IN else "D31")
        self.scanner = self._reader.scanner
        self.passage: Passage | None = None
        self._account_key = account_key
        self._seal = seal
        self._held = ""  # the phone whose code is to be read
        self._fresh = world.choices.stream(name, "challenge")

    # -- what people do -----------------------------------------------------------------------

    def meet(self, phone: Phone) -> Process:
        """Somebody holds a phone to the gate: it polls it.

        Returns:
            The process of the passage.

        Raises:
            OutOfOrder: It is busy with somebody else.
        """
        self.refuse_if_busy()
        self._held = ""
        self.world.connect(self.short_range, phone.short_range, SHORT_RANGE)
        return self.run(self._let_pass(self._begin(phone.name, "polled")))

    @verb()
    def read(self, phone: Phone) -> None:
        """Hold a phone to the gate, with what its display shows before the scanner.

        Raises:
            OutOfOrder: It is busy with somebody else, or the display shows nothing.
            PartSilent: Nothing, or nothing readable, came from the scanner.
            UnexpectedReading: The scanner read another code than the one shown.
        """
        self.refuse_if_busy()
        self.world.connect(self.short_range, phone.short_range, SHORT_RANGE)
        self._held = phone.name
        self._reader.read_display(phone)

    def expects_passed(self, count: int) -> None:
        """Expect so many people to have gone through in all, and the gate to be closed again.

        Raises:
            Unmet: It were more or fewer, or it does not close.
        """
        self.expects_through(count, "passed")

    # -- what the gate does -------------------------------------------------------------------

    def boot(self) -> None:
        """Take up the passage that was under way when the power went."""
        super().boot()
        self._held = ""
        self.passage = passage = self.store.get("passage", Passage)
        if passage is None:
            return
        if passage.state == "settling":
            self.run(self._find_out(passage))
        elif passage.state == "reversing":
            self.run(self._give_back(passage, "Power was lost."))
        elif passage.state in ("admitting", "claiming"):
            self.run(self._release(passage))
        elif passage.state == "opening":
            self.run(self._open(passage))
        elif passage.state == "spending":
            self.run(self._spend(passage))
        elif passage.state in ("polled", "read", "asking"):
            self._stand(passage, "refused")

    @property
    def is_busy(self) -> bool:
        """Whether somebody is there already."""
        return self.passage is not None and self.passage.state not in ("passed", "refused")

    def _begin(self, customer: str, state: str) -> Passage:
        number = self.store.count_up("passages")
        passage = self.passage = Passage(f"{self.name}-{number:06d}", customer)
        self._stand(passage, state)
        for port in (self.short_range, self.bank_line, self.register):
            port.drain()  # whatever came too late for a former passage
        return passage

    def _let_pass(self, passage: Passage) -> Generator[Any, Any, None]:
        challenge = self._fresh.below(1 << 8 * CHALLENGE_BYTES).to_bytes(CHALLENGE_BYTES, "big")
        self.short_range.send(
            Poll(passage.session, self.name, self.line, self.way, challenge),
            "poll",
            passage.customer,
        )
        answer = yield from self._hear(passage, self.answer_timeout_s)
        if self.way is Way.IN and isinstance(answer, AuthenticationInformation):
            if answer.proof.challenge == challenge:
                yield from self._admit(passage, answer.proof)
            else:
                self._refuse(passage, "The phone signed something else than it was given.")
        elif self.way is Way.OUT and isinstance(answer, AdmissionShown):
            yield from self._let_out(passage, answer.document)
        elif answer is None:
            self._refuse(passage, "The phone did not answer.")
        else:
            self._refuse(passage, f"A {type(answer).__name__} is no answer to this gate.")

    # -- by code ------------------------------------------------------------------------------

    def _take_code(self, code: str) -> None:
        """A code was read: what D21 or D31 says, if a phone is held to the gate."""
        customer, self._held = self._held, ""
        if self.is_busy:
            self.decided(IGNORED, "a code while somebody else goes through")
        elif not customer:
            self.decided(IGNORED, "a code, and no phone is held to the gate")
            self.display.show("HOLD THE PHONE HERE")
        else:
            self.run(self._let_pass_by_code(self._begin(customer, "read"), code))

    def _let_pass_by_code(self, passage: Passage, code: str) -> Generator[Any, Any, None]:
        try:
            if self.way is Way.OUT:
                yield from self._let_out(passage, read_document(code, ADMISSION))
                return
            proof = read_entry(code)
        except PlainProfileError as error:
            self.decided("no code for this gate", str(error), passage.session)
            self._refuse(passage, "This code is not for this gate.")
            return
        age_ns = self.env.now_ns - made_ns(proof)
        if proof.verifier != self.line:
            self._refuse(passage, "This code is for another line.")
        elif not 0 <= age_ns <= PROOF_MAX_S * 1e9:
            self._refuse(passage, "This code is too old: show a new one.")
        else:
            yield from self._admit(passage, proof)

    # -- Fig 5A: in ---------------------------------------------------------------------------

    def _admit(self, passage: Passage, proof: Proof) -> Generator[Any, Any, None]:
        """D22, D23, D24: have the bank authenticate the holder, and hand out an admission."""
        self._stand(passage, "asking")
        self.bank_line.send(AuthenticationDemand(passage.session, proof), "D22")
        word = yield from hear(self, self.bank_line, passage.session, self.answer_timeout_s)
        if not isinstance(word, AuthenticationAnswer):
            self._refuse(passage, "The bank does not answer.")
            return
        if not word.authentication.authenticated:
            self._refuse(passage, word.authentication.sentence)
            return
        account = word.authentication.account
        passage.serial = f"{self.line}-{passage.session}"
        self._stand(passage, "admitting")
        why = yield from self._ask(passage, Action.OPEN, account)
        if why == UNANSWERED:
            yield from self._release(passage, why)
            return
        if why:
            self._refuse(passage, why)
            return
        admission = Admission(account, self.station, self.env.now_ns, self.account)
        document = issue(self._seal, ADMISSION, self.line, passage.serial, admission)
        for _ in range(TRIES):
            self.short_range.send(
                AdmissionInformation(passage.session, document), "D24", passage.customer
            )
            answer = yield from self._hear(passage, self.answer_timeout_s, Stored)
            if answer is not None:
                self._stand(passage, "opening")
                yield from self._open(passage)
                return
        # Without an admission nobody would get out again.
        yield from self._release(passage)

    # -- Fig 5B: out --------------------------------------------------------------------------

    def _let_out(self, passage: Passage, document: Document | None) -> Generator[Any, Any, None]:
        """D31, D32, D33: check the admission, compute the fare, have it settled ([0067])."""
        admission = None
        if document is not None and is_genuine(self._seal, document, ADMISSION, self.line):
            admission = document.says(Admission)
        if document is None:
            self._refuse(passage, "There is no admission on the phone.")
        elif admission is None:
            self._refuse(passage, "The admission is not genuine.")
        elif self.env.now_ns - admission.entered_ns > self.business.ride_max_s * 1e9:
            self._refuse(passage, "The admission is too old.")
        else:
            fare = self.fares.fare(admission.station, self.station)
            if fare is None:
                why = f"There is no fare from {admission.station} to {self.station}."
                self._refuse(passage, why)
            else:
                yield from self._claim(passage, document.serial, fare)

    def _claim(self, passage: Passage, serial: str, fare: Money) -> Generator[Any, Any, None]:
        passage.serial, passage.fare = serial, fare
        self._stand(passage, "claiming")
        why = yield from self._ask(passage, Action.CLAIM)
        if why == UNANSWERED:
            yield from self._release(passage, why)
            return
        if why:
            passage.serial = ""  # it is somebody else's
            self._refuse(passage, why)
            return
        passage.settlement_id = passage.session
        bill = FareBill(
            passage.settlement_id, self.account, self.line, fare, "relayed", terminal=self.name
        )
        self.short_range.send(bill, "fare", passage.customer)
        self.display.show(f"FARE {fare.text}")
        answer = yield from self._hear(
            passage, self.approval_timeout_s, AuthenticatedPurchase, PurchaseDeclined
        )
        if isinstance(answer, AuthenticatedPurchase):
            passage.approval = answer.approval
            self._stand(passage, "settling")
            outcome = yield from self.bank.settle(self._demand(passage), "D32")
            yield from self._conclude(passage, outcome)
            return
        declined = isinstance(answer, PurchaseDeclined)
        yield from self._release(
            passage, answer.why if declined else "The fare was not approved in time."
        )

    def _demand(self, passage: Passage) -> SettlementDemand:
        approval, fare = passage.approval, passage.fare
        if approval is None or fare is None:
            raise AssertionError("a passage that is settled has both")
        information = SettlingInformation(
            passage.settlement_id, approval.payer, self.account, fare, approval, self.name
        )
        return SettlementDemand(passage.settlement_id, information)

    def _find_out(self, passage: Passage) -> Generator[Any, Any, None]:
        outcome = yield from self.bank.inquire(passage.settlement_id, self._demand(passage), "D32")
        yield from self._conclude(passage, outcome)

    def _conclude(self, passage: Passage, outcome: Outcome | None) -> Generator[Any, Any, None]:
        """Open if it was paid ([0070], [0071]), and only then."""
        if outcome is None:
            yield from self._give_back(passage, "The bank does not answer.")
        elif not outcome.settled:
            yield from self._release(passage, outcome.sentence)
        elif outcome.amount != passage.fare:
            yield from self._give_back(passage, f"The bank settled {outcome.amount}.")
        else:
            self._stand(passage, "opening")
            yield from self._open(passage)

    def _give_back(self, passage: Passage, why: str) -> Generator[Any, Any, None]:
        """The gate did not open: have the fare reversed, and the admission as it was."""
        self._stand(passage, "reversing")
        self.display.show("PLEASE WAIT")
        reversal = Reversal.signed(
            self._account_key, settlement_id=passage.settlement_id, payee=self.account
        )
        outcome = yield from self.bank.reverse(reversal)
        self.decided("not paid", outcome.sentence, passage.session)
        yield from self._release(passage, why)

    # -- the arm ------------------------------------------------------------------------------

    def _open(self, passage: Passage) -> Generator[Any, Any, None]:
        """Open for one passage, and close again; what does not open was not paid for."""
        if not (yield from self.open()):
            why = "The gate is stuck: go to another one."
            if passage.settlement_id:
                yield from self._give_back(passage, why)
            else:
                yield from self._release(passage, why)
            return
        fare = "" if passage.fare is None else f"FARE {passage.fare.text}"
        self.decided("opened", "paid" if fare else "authenticated", passage.session)
        self.display.show("PLEASE PASS", *filter(None, [fare]))
        told = Passed(passage.session, passage.serial, opened=True, why=fare)
        self.short_range.send(told, "passed", passage.customer)
        yield from self.arm.let_pass()
        if self.way is Way.OUT:
            self._stand(passage, "spending")
            if (yield from self._ask(passage, Action.SPEND)) == UNANSWERED:
                yield from self.arm.move(CLOSED)
                yield from self._spend(passage)
                return
        self._stand(passage, "passed")
        yield from self.close_behind(self.business.holds_open_s)

    def _spend(self, passage: Passage) -> Generator[Any, Any, None]:
        """Somebody is out: the register has to know it, or they never get in again."""
        yield from self.admissions.insist(passage.session, Action.SPEND, passage.serial)
        self._stand(passage, "passed")

    def _release(
        self, passage: Passage, why: str = "The phone did not store the admission."
    ) -> Generator[Any, Any, None]:
        """It did not come to a passage: the admission is as it was before."""
        yield from self.admissions.insist(passage.session, Action.RELEASE, passage.serial)
        self._refuse(passage, why)

    def _refuse(self, passage: Passage, why: str) -> None:
        """The gate stays closed: say why, here and on the phone."""
        self._stand(passage, "refused")
        self.decided("stays closed", why, passage.session)
        self.display.show("STAY BACK", why)
        told = Passed(passage.session, passage.serial, opened=False, why=why)
        self.short_range.send(told, "passed", passage.customer)

    def _hear(
        self, passage: Passage, timeout_s: float, *kinds: type[Message]
    ) -> Generator[Any, Any, Message | None]:
        """What the phone that is held here says next."""
        return hear(
            self,
            self.short_range,
            passage.session,
            timeout_s,
            sender=passage.customer,
            kinds=kinds,
        )

    def _ask(
        self, passage: Passage, action: Action, account: AccountNumber | None = None
    ) -> Generator[Any, Any, str]:
        return self.admissions.ask(passage.session, action, passage.serial, account)

    def _stand(self, passage: Passage, state: str) -> None:
        passage.state = state
        self.store.put("passage", passage)
        self.become(state, passage.session)
