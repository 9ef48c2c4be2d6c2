"""The entrance control apparatus 60 at an entrance 50, Fig 10 ([0118], [0119])."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from paybench.devices.admission import Action, Passed
from paybench.devices.bank_line import hear
from paybench.devices.barrier import Barrier
from paybench.devices.code_reader import CodeReader
from paybench.devices.device import verb
from paybench.devices.document import is_genuine
from paybench.devices.gate_arm import CLOSED
from paybench.devices.plain_profile import PlainProfileError
from paybench.devices.register_line import UNANSWERED
from paybench.devices.short_range import SHORT_RANGE
from paybench.devices.ticket import TICKET, Ticket, TicketShown, TicketWanted
from paybench.devices.wallet_code import read_document
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from collections.abc import Generator

    from paybench.devices.document import Document, Seal
    from paybench.devices.phone import Phone
    from paybench.devices.world import World

HOLDS_OPEN_S = 3.0
ANSWER_TIMEOUT_S = 3.0


class Entry(msgspec.Struct):
    """Somebody who wants in; kept in the entrance's store.

    Attributes:
        session: The entrance's number of it.
        customer: Name of the phone; "" where the ticket was read from a code.
        state: ``asked``, ``claiming``, ``opening``, ``spending``, ``admitted`` or ``refused``.
        serial: Serial of the ticket.
    """

    session: str
    customer: str
    state: str = "asked"
    serial: str = ""


class Entrance(Barrier):
    """Lets in whoever has a ticket: genuine, for this event, and not used before.

    It is told over the short-range link, or read as a code from a display or a piece of paper.
    That it is genuine the entrance sees by itself, without a bank; that it was not used before it
    asks the hall's register of admissions, as its other entrances do.

    Args:
        world: What it shares with the others.
        name: Full name, e.g. ``H.entrance``.
        issuer: Whose tickets are good here.
        event: For which event.
        seal: What checks tickets of that issuer.

    Attributes:
        arm: The arm, a part of it.
        scanner: What reads codes, a part of it.
        entry: The entry under way or last ended, or None.
    """

    role = "entrance"

    def __init__(self, world: World, name: str, *, issuer: str, event: str, seal: Seal) -> None:
        super().__init__(world, name, ANSWER_TIMEOUT_S)
        self.issuer = issuer
        self.event = event
        self._reader = CodeReader(self, self._take_code, "ticket")
        self.scanner = self._reader.scanner
        self.entry: Entry | None = None
        self._seal = seal

    # -- what people do -----------------------------------------------------------------------

    @verb()
    def read(self, phone: Phone) -> None:
        """Hold what a phone's display shows before the scanner.

        Raises:
            OutOfOrder: It is busy with somebody else, or the display shows nothing.
            PartSilent: Nothing, or nothing readable, came from the scanner.
            UnexpectedReading: The scanner read another code than the one shown.
        """
        self.refuse_if_busy()
        self._reader.read_display(phone)

    def meet(self, phone: Phone) -> None:
        """Somebody holds a phone to the entrance: it wants a ticket.

        Raises:
            OutOfOrder: It is busy with somebody else.
        """
        self.refuse_if_busy()
        self.world.connect(self.short_range, phone.short_range, SHORT_RANGE)
        self.run(self._ask_phone(self._begin(phone.name)))

    def expects_admitted(self, count: int) -> None:
        """Expect so many to have been let in, and the arm to be closed again.

        Raises:
            Unmet: It were more or less, or it does not close.
        """
        self.expects_through(count, "admitted")

    # -- what the entrance does ---------------------------------------------------------------

    def boot(self) -> None:
        """Take up the entry that was under way when the power went."""
        super().boot()
        self.entry = entry = self.store.get("entry", Entry)
        if entry is None:
            return
        if entry.state == "claiming":
            self.run(self._release(entry, "Power was lost."))
        elif entry.state == "opening":
            self.run(self._open(entry))
        elif entry.state == "spending":
            self.run(self._spend(entry))
        elif entry.state == "asked":
            self._stand(entry, "refused")

    @property
    def is_busy(self) -> bool:
        """Whether somebody is there already."""
        return self.entry is not None and self.entry.state not in ("admitted", "refused")

    def _begin(self, customer: str) -> Entry:
        number = self.store.count_up("entries")
        entry = self.entry = Entry(f"{self.name}-{number:06d}", customer)
        self._stand(entry, "asked")
        return entry

    def _ask_phone(self, entry: Entry) -> Generator[Any, Any, None]:
        self.short_range.drain()
        wanted = TicketWanted(entry.session, self.issuer, self.event)
        self.short_range.send(wanted, "wanted", entry.customer)
        answer = yield from hear(
            self, self.short_range, entry.session, ANSWER_TIMEOUT_S, sender=entry.customer
        )
        if not isinstance(answer, TicketShown):
            self._refuse(entry, "The phone did not answer.")
        elif answer.document is None:
            self._refuse(entry, "There is no ticket for this on the phone.")
        else:
            yield from self._check(entry, answer.document)

    def _take_code(self, code: str) -> None:
        """A code was read: nobody is asked for anything, and nobody but the display is told."""
        if self.is_busy:
            self.decided(IGNORED, "a code while somebody else is let in")
            return
        entry = self._begin("")
        try:
            document = read_document(code, TICKET)
        except PlainProfileError as error:
            self.decided("no ticket", str(error), entry.session)
            self._refuse(entry, "This code is no ticket.")
            return
        self.run(self._check(entry, document))

    def _check(self, entry: Entry, document: Document) -> Generator[Any, Any, None]:
        """Whether it is a ticket for this, and the first who comes with it."""
        why = self._flaw(document)
        if why:
            self._refuse(entry, why)
            return
        entry.serial = document.serial
        self._stand(entry, "claiming")
        why = yield from self._ask(entry, Action.CLAIM)
        if why == UNANSWERED:
            yield from self._release(entry, why)
            return
        if why:
            self._refuse(entry, why)
            return
        self._stand(entry, "opening")
        yield from self._open(entry)

    def _flaw(self, document: Document) -> str:
        """Why a document is no ticket for this; "" if it is one."""
        genuine = is_genuine(self._seal, document, TICKET, self.issuer)
        ticket = document.says(Ticket) if genuine else None
        if ticket is None:
            return "The ticket is not genuine."
        if ticket.event != self.event:
            return "The ticket is for something else."
        if ticket.good_until_ns and self.env.now_ns > ticket.good_until_ns:
            return "The ticket is not good any more."
        return ""

    def _open(self, entry: Entry) -> Generator[Any, Any, None]:
        if not (yield from self.open()):
            yield from self._release(entry, "The entrance is stuck: go to another one.")
            return
        self.decided("admitted", "a good ticket", entry.session)
        self.display.show("WELCOME", self.event)
        self._tell(entry, opened=True, why=self.event)
        yield from self.arm.let_pass()
        self._stand(entry, "spending")
        if (yield from self._ask(entry, Action.SPEND)) == UNANSWERED:
            yield from self.arm.move(CLOSED)
            yield from self._spend(entry)
            return
        self._stand(entry, "admitted")
        yield from self.close_behind(HOLDS_OPEN_S)

    def _spend(self, entry: Entry) -> Generator[Any, Any, None]:
        """Somebody is in: the register has to know that the ticket was used."""
        self.display.show("WELCOME", self.event)
        yield from self.admissions.insist(entry.session, Action.SPEND, entry.serial)
        self._stand(entry, "admitted")

    def _release(self, entry: Entry, why: str) -> Generator[Any, Any, None]:
        yield from self.admissions.insist(entry.session, Action.RELEASE, entry.serial)
        self._refuse(entry, why)

    def _refuse(self, entry: Entry, why: str) -> None:
        self._stand(entry, "refused")
        self.decided("not admitted", why, entry.session)
        self.display.show("NO ENTRY", why)
        self._tell(entry, opened=False, why=why)

    def _tell(self, entry: Entry, *, opened: bool, why: str) -> None:
        if entry.customer:
            told = Passed(entry.session, entry.serial, opened, why)
            self.short_range.send(told, "passed", entry.customer)

    def _ask(self, entry: Entry, action: Action) -> Generator[Any, Any, str]:
        return self.admissions.ask(entry.session, action, entry.serial)

    def _stand(self, entry: Entry, state: str) -> None:
        entry.state = state
        self.store.put("entry", entry)
        self.become(state, entry.session)
