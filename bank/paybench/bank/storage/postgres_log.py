"""The log data server 400 as a PostgreSQL server."""

from collections.abc import Sequence
from typing import Any

from . import LogRecord
from .log_row import COLUMNS, restriction_text
from .postgres_array import bigints, byteas, texts
from .postgres_connection import PostgresConnection, Step
from .postgres_schema import LOG
from .sql_log import SqlLog

_APPEND = (
    f"INSERT INTO log_record ({COLUMNS}) SELECT * FROM unnest("  # noqa: S608 - constants
    "%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
_BEGIN_PENDING = "INSERT INTO pending SELECT * FROM unnest(%s, %s)"
_END_PENDING = "DELETE FROM pending WHERE number = ANY(%s)"


class PostgresLog(SqlLog):
    """Keeps the log on a server of its own, on the disk when `append` returns.

    An append whose answer never came may have happened: `logged_to` is then read once more, over
    a new connection, before anything else is done.

    Args:
        url: where the server is.

    Raises:
        StorageError: as `PostgresConnection`.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self.connection = PostgresConnection(url, "400", LOG, synchronous=True)
        try:
            _ = self.logged_to
        except BaseException:
            self.connection.close()
            raise

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """Every row that the statement gives; %s stands for a value."""
        if self.connection.is_lost:
            self.connection.again()
        return self.connection.rows(sql, values)

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
        self.doubt()
        self.connection.write(*steps)
        self.note(records)

    def count_servers(self, count: int) -> None:
        """Note how many database servers follow this log; on the disk on return."""
        self.connection.write(("UPDATE servers SET count = %s", (count,)))


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
