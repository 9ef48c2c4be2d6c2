"""A group: settlements that are decided one after the other and logged with one flush."""

import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from .account import AccountNumber
from .settlement import SettlingInformation
from .storage import DataFile, LogRecord

if TYPE_CHECKING:
    from .books import Books
    from .follower import Step


AT_MAX_NS = 2**63 - 1


class Mode(enum.StrEnum):
    """What a refusal within a batch means for the others of the batch."""

    CONTINUE = "continue"
    """Nothing: each is settled or refused by itself."""
    ATOMIC = "atomic"
    """They are linked: all are settled, or none is."""


class Batch(Struct, frozen=True, gc=False):
    """Requests of one sender.

    Args:
        orders: what to settle, in order.
        at_ns: when they are settled, in nanoseconds of the caller's clock.
        mode: what a refusal means for the others.
    """

    orders: Sequence[SettlingInformation]
    at_ns: int
    mode: Mode = Mode.CONTINUE


class Group:
    """Decisions that are not logged yet; each sees what those before it would do.

    Args:
        before: the books, or the group that this one is a part of.
    """

    __slots__ = (
        *("_before", "_by_id", "_changed", "books", "due_ns", "held", "next_number"),
        *("records", "steps"),
    )

    def __init__(self, before: "Books | Group") -> None:
        self._before = before
        self.books: Books = before.books
        self.records: list[LogRecord] = []
        self.steps: list[Step] = []
        self._by_id: dict[str, LogRecord] = {}
        self._changed: dict[AccountNumber, DataFile] = {}
        self.next_number: int = before.next_number
        self.due_ns = AT_MAX_NS
        self.held = False

    def data_file(self, number: AccountNumber) -> DataFile | None:
        """The data file as it will be once all that is decided is done."""
        changed = self._changed.get(number)
        return self._before.data_file(number) if changed is None else changed

    def record(self, settlement_id: str) -> LogRecord | None:
        """The newest record with this id, decided or logged."""
        decided = self._by_id.get(settlement_id)
        return self._before.record(settlement_id) if decided is None else decided

    def has(self, settlement_id: str) -> bool:
        """Whether a settlement with this id is decided in this group."""
        return settlement_id in self._by_id

    def add(self, record: LogRecord) -> None:
        """Decide: the record is numbered `next_number`."""
        leg = record.withdrawal
        account = leg.account
        kept = self.books.must_find(account)
        before = self.data_file(account)
        assert before is not None, "it is there"
        self._changed[account] = after = before.changed(leg, record.counter)
        self.steps.append((record, leg, kept, after))
        self.records.append(record)
        self._by_id[record.settlement_id] = record
        self.next_number += 1
        if record.held is not None or record.due_ns is not None or record.held_minor:
            self.held = True
        if record.due_ns is not None:
            self.due_ns = min(self.due_ns, record.due_ns)

    def join(self, part: "Group") -> None:
        """Take over all that a part of this group has decided."""
        self.records += part.records
        self.steps += part.steps
        self._by_id |= part._by_id
        self._changed |= part._changed
        self.next_number = part.next_number
        self.due_ns = min(self.due_ns, part.due_ns)
        self.held = self.held or part.held
