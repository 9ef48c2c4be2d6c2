"""The log data server 400 as a PostgreSQL server."""

from collections.abc import Iterable, Sequence
from typing import Any

from paybench.bank.settlement_id import is_time_ordered

from . import LogRecord, LogServer
from .log_row import COLUMNS, newest_id, record_of, restriction_text
from .postgres_array import bigints, byteas, texts
from .postgres_connection import PostgresConnection, Step
from .postgres_schema import LOG

_PAGE = 1000

_APPEND = (
    f"INSERT INTO log_record ({COLUMNS}) SELECT * FROM unnest("  # noqa: S608 - constants
    "%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
_BEGIN_PENDING = "INSERT INTO pending SELECT * FROM unnest(%s, %s)"
_END_PENDING = "DELETE FROM pending WHERE number = ANY(%s)"
# The newest id of those made by a clock; other texts sort elsewhere, or are looked up.
_ENDS = (
    "SELECT coalesce((SELECT max(number) FROM log_record), 0), "
    "coalesce((SELECT max(settlement_id) FROM log_record WHERE settlement_id < '8'), '')"
)


class PostgresLog(LogServer):
    """Keeps the log on a server of its own, on the disk when `append` returns.

    An append whose answer never came may have happened: `logged_to` is then read once more, over
    a new connection, before anything else is done.

    Args:
        url: where the server is.

    Raises:
        StorageError: as `PostgresConnection`.
    """

    def __init__(self, url: str) -> None:
        self.connection = PostgresConnection(url, "400", LOG, synchronous=True)
        try:
            self._read_ends()
        except BaseException:
            self.connection.close()
            raise

    @property  # the interface says no more than that it is read
    def logged_to(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The number of the newest log record, 0 when there is none."""
        if self.connection.is_lost:
            self.connection.again()
            self._read_ends()
        return self._logged_to

    def append(self, records: Sequence[LogRecord]) -> None:
        """Write the records to the log in one transaction; on the disk on return."""
        steps: list[Step] = [(_APPEND, _columns(records))]
        ended = [record.follows for record in records if record.follows]
        if ended:
            steps.append((_END_PENDING, (bigints(ended),)))
        begun = [record for record in records if record.due_ns is not None]
        if begun:
            numbers, dues = (record.number for record in begun), (each.due_ns for each in begun)
            steps.append((_BEGIN_PENDING, (bigints(numbers), bigints(dues))))
        self.connection.write(*steps)
        self._logged_to += len(records)
        self._newest_id = newest_id(self._newest_id, records)

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
        ((count,),) = self.connection.rows("SELECT count FROM servers")
        return count

    def count_servers(self, count: int) -> None:
        """Note how many database servers follow this log; on the disk on return."""
        self.connection.write(("UPDATE servers SET count = %s", (count,)))

    def _read_ends(self) -> None:
        ((self._logged_to, self._newest_id),) = self.connection.rows(_ENDS)

    def _select(self, where: str, values: Sequence[object]) -> list[Any]:
        _ = self.logged_to
        return self.connection.rows(
            f"SELECT {COLUMNS} FROM log_record {where}",  # noqa: S608 - constants
            values,
        )


def _columns(records: Sequence[LogRecord]) -> tuple[bytes, ...]:
    return (
        bigints(each.number for each in records),
        texts(each.settlement_id for each in records),
        bigints(each.payer.place for each in records),
        bigints(each.payee.place for each in records),
        bigints(each.amount.amount_minor for each in records),
        texts(each.amount.currency for each in records),
        bigints(each.counter for each in records),
        byteas(each.signature for each in records),
        texts(each.reason for each in records),
        bigints(each.payer_balance_minor for each in records),
        bigints(each.created_ns for each in records),
        texts(each.kind for each in records),
        texts(restriction_text(each.restriction) for each in records),
        texts(each.held for each in records),
        bigints(each.due_ns for each in records),
        bigints(each.follows for each in records),
        bigints(each.held_minor for each in records),
    )
