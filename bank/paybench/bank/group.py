"""A group: settlements that are decided one after the other and logged with one flush."""

import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from .account import AccountNumber
from .settlement import SettlingInformation
from .storage import DataFile, LogRecord

if TYPE_CHECKING:
    from .books import Books


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
    """Decisions that are not logged yet; each sees what those before it have done.

    Args:
        books: they do at once what is decided, and forget it if it cannot be logged.
    """

    __slots__ = "_by_id", "books", "due_ns", "held", "next_number", "records"

    def __init__(self, books: "Books") -> None:
        self.books = books
        self.records: list[LogRecord] = []
        self._by_id: dict[str, LogRecord] = {}
        self.next_number: int = books.next_number
        self.due_ns = AT_MAX_NS
        self.held = False

    def data_file(self, number: AccountNumber) -> DataFile | None:
        """The data file with all that is decided."""
        return self.books.data_file(number)

    def record(self, settlement_id: str) -> LogRecord | None:
        """The newest record with this id, decided or logged."""
        return self._by_id.get(settlement_id) or self.books.record(settlement_id)

    def decided(self, settlement_id: str) -> LogRecord | None:
        """Likewise, where it is decided in this group."""
        return self._by_id.get(settlement_id)

    def add(self, record: LogRecord, data_file: DataFile | None = None) -> None:
        """Decide: the record is numbered `next_number`.

        Args:
            record: what is decided.
            data_file: that of the account that it changes at once, where it is at hand.
        """
        self._do(record, data_file)
        self.records.append(record)
        self._by_id[record.settlement_id] = record
        self.next_number += 1
        due_ns = record.due_ns
        if due_ns is not None:
            self.due_ns = min(self.due_ns, due_ns)
        if due_ns is not None or record.held is not None or record.held_minor:
            self.held = True

    def _do(self, record: LogRecord, data_file: DataFile | None) -> None:
        self.books.withdraw(record, data_file)


class Linked(Group):
    """A part of a group of which all is decided, or nothing: it is tried on copies first.

    Args:
        group: of which this is a part.
    """

    __slots__ = "_group", "_tried"

    def __init__(self, group: Group) -> None:
        super().__init__(group.books)
        self.next_number = group.next_number
        self._group = group
        self._tried: dict[AccountNumber, DataFile] = {}

    def data_file(self, number: AccountNumber) -> DataFile | None:
        """The data file as it would be."""
        return self._tried.get(number) or self._group.data_file(number)

    def record(self, settlement_id: str) -> LogRecord | None:
        """The newest record with this id, of this part, decided or logged."""
        return self._by_id.get(settlement_id) or self._group.record(settlement_id)

    def join(self) -> None:
        """Decide all of it."""
        for record in self.records:
            self._group.add(record)

    def _do(self, record: LogRecord, data_file: DataFile | None) -> None:
        leg = record.withdrawal
        tried = self._tried.get(leg.account)
        if tried is None:
            assert data_file is not None, "it was decided upon"
            self._tried[leg.account] = tried = replace(data_file)
        tried.change(leg, record.counter)
