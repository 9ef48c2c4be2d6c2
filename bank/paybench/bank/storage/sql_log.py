"""The log data server 400 as tables of SQL: what is read of it, and how far it is known to go."""

from collections.abc import Iterable, Sequence
from typing import Any

from paybench.bank.settlement_id import is_time_ordered

from . import LogRecord, LogServer
from .log_row import COLUMNS, newest_id, record_of

_PAGE = 1000

# Of the ids, the newest of those made by a clock; other texts sort elsewhere, or are looked up.
_ENDS = (
    "SELECT coalesce((SELECT max(number) FROM log_record), 0), "
    "coalesce((SELECT max(settlement_id) FROM log_record WHERE settlement_id < '8'), '')"
)


class SqlLog(LogServer):
    """A log that knows how far it goes: it reads that once, and notes what it appends.

    Whoever appends doubts it first: what is broken off then, as by Ctrl-C, may be in the tables,
    and they are asked.
    """

    def __init__(self) -> None:
        self._logged_to: int | None = None
        self._newest_id = ""

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """Every row that the statement gives; %s stands for a value."""
        raise NotImplementedError

    @property
    def logged_to(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride] - read only
        """The number of the newest log record, 0 when there is none."""
        if self._logged_to is None:
            ((logged_to, self._newest_id),) = self.rows(_ENDS)
            self._logged_to = logged_to
            return logged_to
        return self._logged_to

    def doubt(self) -> None:
        """Something is being written: unless it is noted, only the tables know how far they go."""
        self._logged_to = None

    def note(self, records: Sequence[LogRecord]) -> None:
        """These are in the log now."""
        self._newest_id = newest_id(self._newest_id, records)
        self._logged_to = records[-1].number

    def record(self, settlement_id: str) -> LogRecord | None:
        """The newest log record with this id, None when there is none."""
        _ = self.logged_to  # what is newest may have to be read once more
        if settlement_id > self._newest_id and is_time_ordered(settlement_id):
            return None  # newer than all that are there
        newest = "WHERE settlement_id = %s ORDER BY follows DESC LIMIT 1"
        rows = self._select(newest, (settlement_id,))
        return record_of(rows[0]) if rows else None

    def records(self, after: int) -> Iterable[LogRecord]:
        """The log records numbered above `after`, in order."""
        page = self._select("WHERE number > %s ORDER BY number LIMIT %s", (after, _PAGE))
        while page:
            yield from map(record_of, page)
            after += len(page)
            page = self._select("WHERE number > %s ORDER BY number LIMIT %s", (after, _PAGE))

    def due(self, limit: int) -> list[LogRecord]:
        """The pending records without successor that are due first, in order."""
        first = "SELECT number FROM pending ORDER BY due_ns, number LIMIT %s"
        rows = self._select(f"WHERE number IN ({first}) ORDER BY due_ns, number", (limit,))
        return list(map(record_of, rows))

    def servers(self) -> int:
        """How many database servers follow this log; 0 until they are there."""
        ((count,),) = self.rows("SELECT count FROM servers")
        return count

    def _select(self, where: str, values: Sequence[object]) -> list[Any]:
        return self.rows(f"SELECT {COLUMNS} FROM log_record {where}", values)  # noqa: S608
