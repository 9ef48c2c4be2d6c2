"""The wallet: the app that keeps signed documents, and shows them at gates ([0066], [0067])."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from paybench.bank.errors import ApprovalError
from paybench.bank.money import Money
from paybench.devices.admission import (
    ADMISSION,
    ENTRY,
    ENTRY_BY_CODE,
    Admission,
    AdmissionInformation,
    AdmissionShown,
    AuthenticationInformation,
    FareBill,
    Passed,
    Poll,
    Stored,
    Way,
)
from paybench.devices.app import App
from paybench.devices.bill import Bill
from paybench.devices.device import verb
from paybench.devices.document import Document, is_of_proper_size
from paybench.devices.errors import OutOfOrder
from paybench.devices.ticket import (
    TICKET,
    Ticket,
    TicketIssued,
    TicketShown,
    TicketStored,
    TicketWanted,
)
from paybench.devices.wallet_code import CHANCE_BYTES, document_code, entry_code, new_challenge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paybench.devices.choices import Stream
    from paybench.devices.message import Message
    from paybench.devices.phone import Phone
    from paybench.devices.trace import Sent

FARE_LIMIT_MINOR = 5000
"""Fares up to this, in minor units, are approved without asking: nobody types at a gate."""

DOCUMENTS_MAX = 256


class Wallet(App):
    """Keeps admissions and tickets in the phone's store.

    Attributes:
        fare_limit: Up to what a fare is approved without asking the owner.
    """

    def __init__(self, phone: Phone) -> None:
        super().__init__(phone)
        self.fare_limit = Money(FARE_LIMIT_MINOR, phone.currency)
        self._shown: dict[str, tuple[str, Document]] = {}
        self._by_code: Document | None = None
        self._refused: dict[bytes, int] = {}

    def documents(self, kind: str = "", issuer: str = "") -> Iterator[Document]:
        """The documents of a kind and an issuer, oldest first; all by default."""
        for document in self.phone.store.get("documents", list[Document]) or []:
            if kind in ("", document.kind) and issuer in ("", document.issuer):
                yield document

    def ticket(self, event: str, issuer: str = "") -> Document | None:
        """The oldest ticket for an event, or None; what was refused lately comes last."""
        tickets: list[Document] = []
        for document in self.documents(TICKET, issuer):
            ticket = document.says(Ticket)
            if ticket is not None and ticket.event == event:
                tickets.append(document)
        return min(tickets, key=self._times_refused, default=None)

    def admission(self, line: str) -> Document | None:
        """The newest admission of a line, or None; what was refused lately comes last."""
        newest_first = reversed(list(self.documents(ADMISSION, line)))
        return min(newest_first, key=self._times_refused, default=None)

    def keep(self, document: Document) -> bool:
        """Store a document, once; False when the wallet is full, or it is too large for one.

        Another document of the same serial stays: the wallet cannot tell which one is genuine.
        """
        others = [known for known in self.documents() if known != document]
        if len(others) >= DOCUMENTS_MAX or not is_of_proper_size(document):
            return False
        self.phone.store.put("documents", [*others, document])
        return True

    def drop(self, serial: str) -> None:
        """Forget what has a serial; harmless when nothing has."""
        rest = [known for known in self.documents() if known.serial != serial]
        self.phone.store.put("documents", rest)

    # -- what the owner has it show -------------------------------------------------------------

    @verb()
    def show_ticket(self, event: str) -> None:
        """Show the ticket for an event as a code, for an entrance that reads codes ([0118]).

        Raises:
            OutOfOrder: There is none.
            PlainProfileError: It says too much for a code.
        """
        self._show(self.ticket(event), f"ticket for {event}")

    @verb()
    def show_admission(self, line: str) -> None:
        """Show the newest admission of a line as a code, for an exit that reads codes (D31).

        Raises:
            OutOfOrder: There is none.
            PlainProfileError: It says too much for a code.
        """
        self._show(self.admission(line), f"admission of {line}")

    @verb()
    def show_proof(self, line: str) -> None:
        """Show who holds the phone as a code that lets in at any gate of a line, once (D21).

        Raises:
            ApprovalError: There can be no line of that name.
        """
        if self.phone.approver.locked:
            self.phone.decided("approval refused", "locked")
            self.phone.display.show("LOCKED")
            return
        chance = self._chance.below(1 << 8 * CHANCE_BYTES)
        challenge = new_challenge(self.phone.env.now_ns, chance)
        proof = self.phone.signer.prove(ENTRY_BY_CODE, line, challenge)
        self.phone.display.show(entry_code(proof).text)

    @verb()
    def show_picture(self, code: str) -> None:
        """Show a code that is not the wallet's own, such as a screenshot somebody has sent."""
        self.phone.display.show(code)

    def _show(self, document: Document | None, what: str) -> None:
        if document is None:
            raise OutOfOrder(f"there is no {what} on {self.name}")
        self.phone.display.show(document_code(document).text)
        self._by_code = document

    @cached_property
    def _chance(self) -> Stream:
        return self.world.choices.stream(self.name, "code")

    # -- what gates and entrances ask of it -----------------------------------------------------

    def take(self, sent: Sent) -> None:
        """A gate speaks."""
        message: Message = sent.message
        if isinstance(message, Poll):
            self._answer(message, sent.sender)
        elif isinstance(message, AdmissionInformation):
            if self.keep(message.document):
                stored = Stored(message.session, message.document.serial)
                self.phone.short_range.send(stored, "stored", sent.sender)
        elif isinstance(message, TicketIssued):
            if self.keep(message.document):
                stored = TicketStored(message.settlement_id, message.document.serial)
                self.phone.short_range.send(stored, "stored", sent.sender)
                ticket = message.document.says(Ticket)
                self.phone.display.show("TICKET", ticket.event if ticket else "")
        elif isinstance(message, TicketWanted):
            ticket = self.ticket(message.event, message.issuer)
            self._remember(sent.sender, message.session, ticket)
            shown = TicketShown(message.session, ticket)
            self.phone.short_range.send(shown, "ticket", sent.sender)
        elif isinstance(message, FareBill):
            self._pay(message, sent.sender)
        elif isinstance(message, Passed):
            self._pass(message, sent.sender)

    def _answer(self, poll: Poll, gate: str) -> None:
        """D21 at an entrance, D31 at an exit."""
        phone = self.phone
        if poll.way is Way.IN:
            self._shown.pop(gate, None)
            if phone.approver.locked:
                phone.decided("approval refused", "locked", poll.session)
                return
            try:
                proof = phone.signer.prove(ENTRY, poll.gate, poll.challenge)
            except ApprovalError as error:
                phone.decided("approval refused", str(error), poll.session)
                return
            phone.short_range.send(AuthenticationInformation(poll.session, proof), "D21", gate)
            return
        admission = self.admission(poll.line)
        self._remember(gate, poll.session, admission)
        shown = AdmissionShown(poll.session, admission)
        phone.short_range.send(shown, "D31", gate)

    def _pay(self, bill: FareBill, gate: str) -> None:
        """Approve a fare without asking, if it is a fare: the rest is for the owner to decide."""
        phone = self.phone
        small = bill.amount.currency == phone.currency and bill.amount <= self.fare_limit
        if small and not phone.approver.locked and self._owes(bill):
            Bill(phone, bill, gate).approve(1)
        else:
            phone.take_bill(bill, gate)

    def _owes(self, bill: FareBill) -> bool:
        """Whether the owner has gone in with an admission that names this payee."""
        admissions = (one.says(Admission) for one in self.documents(ADMISSION, bill.shop))
        return any(one is not None and one.payee == bill.payee for one in admissions)

    def _remember(self, gate: str, session: str, document: Document | None) -> None:
        self._shown.pop(gate, None)
        if document is not None:
            self._shown[gate] = (session, document)

    def _times_refused(self, document: Document) -> int:
        return self._refused.get(document.signature, 0)

    def _pass(self, passed: Passed, gate: str) -> None:
        """How it ended; only who was shown a document can have made use of it."""
        phone = self.phone
        session, document = self._shown.pop(gate, ("", None))
        by_code = self._by_code
        if document is None and by_code is not None and by_code.serial == passed.serial:
            session, document, self._by_code = passed.session, by_code, None
        if document is not None and session == passed.session:
            if passed.opened:
                self._use_up(document)
            elif len(self._refused) < DOCUMENTS_MAX:
                self._refused[document.signature] = self._times_refused(document) + 1
        phone.become("passed" if passed.opened else "refused", passed.session)
        if not passed.opened:
            phone.display.show("STAY BACK", passed.why)
            return
        phone.display.show("PLEASE PASS", *filter(None, [passed.why]))

    def _use_up(self, document: Document) -> None:
        self._refused.pop(document.signature, None)
        rest = [known for known in self.documents() if known != document]
        self.phone.store.put("documents", rest)
