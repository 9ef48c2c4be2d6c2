"""A database server 300 as a PostgreSQL server."""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import astuple

from paybench.bank.account import AccountNumber
from paybench.bank.approval import ReplayWindow
from paybench.bank.errors import StorageBrokenError, StorageError

from . import Change, DatabaseServer, DataFile, Line, Standing
from .postgres_array import bigints, byteas, texts
from .postgres_connection import PostgresConnection, Step
from .postgres_schema import ACCOUNTS

_MASK = 2**64 - 1
_SIGN = 2**63
_FILE = (
    "SELECT place, holder, approval_key, balance_minor, highest_counter, seen_counters, "
    "blocked_minor, born, highest_proof, seen_proofs, newest, particular_since, closed "
    "FROM data_file"
)
_ADD = (
    "INSERT INTO data_file SELECT place, holder, approval_key, balance_minor, highest_counter, "
    "seen_counters, blocked_minor, born::date, highest_proof, seen_proofs, newest, "
    "particular_since, closed = 1 "
    "FROM unnest(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) AS new (place, holder, "
    "approval_key, balance_minor, highest_counter, seen_counters, blocked_minor, born, "
    "highest_proof, seen_proofs, newest, particular_since, closed)"
)
_UPDATE = (
    "UPDATE data_file SET balance_minor = new.balance_minor, "
    "highest_counter = new.highest_counter, seen_counters = new.seen_counters, "
    "blocked_minor = new.blocked_minor, newest = new.newest, "
    "particular_since = new.particular_since, closed = new.closed = 1 "
    "FROM unnest(%s, %s, %s, %s, %s, %s, %s, %s) AS new (balance_minor, highest_counter, "
    "seen_counters, blocked_minor, newest, particular_since, closed, place) "
    "WHERE data_file.place = new.place"
)
_AUXILIARY = (
    "INSERT INTO auxiliary_file SELECT * FROM unnest(%s, %s, %s) ON CONFLICT (place) "
    "DO UPDATE SET balance_minor = excluded.balance_minor, newest = excluded.newest"
)
_STANDING = (
    "UPDATE standing SET withdrawn_to = %s, deposited_to = %s, in_transit_minor = %s, "
    "arrived_to = %s"
)
_READ_STANDING = "SELECT withdrawn_to, deposited_to, in_transit_minor, arrived_to FROM standing"
_LINE_COLUMNS = (
    "id, previous, account, settlement_id, counterparty, amount_minor, balance_minor, at_ns, "
    "kind, blocked_minor"
)
_LINE = "INSERT INTO line SELECT * FROM unnest(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
_AS_TEXT = {3, 8}  # of a line, the settlement id and the kind
_CHAIN = f"""
WITH RECURSIVE chain AS (
    SELECT line.*, 1::bigint AS depth FROM line WHERE id = %s
    UNION ALL
    SELECT line.*, depth + 1 FROM chain JOIN line ON line.id = chain.previous WHERE depth < %s
)
SELECT {_LINE_COLUMNS} FROM chain ORDER BY depth
"""  # noqa: S608 - constants
_LEAVE_LINES = """
WITH RECURSIVE chain AS (
    SELECT newest AS id FROM data_file WHERE place = ANY(%s)
    UNION ALL
    SELECT line.previous FROM chain JOIN line ON line.id = chain.id
)
DELETE FROM line USING chain WHERE line.id = chain.id
"""
_TOTAL = (
    "SELECT ((SELECT coalesce(sum(balance_minor), 0) FROM data_file) + "
    "(SELECT coalesce(sum(balance_minor), 0) FROM auxiliary_file))::bigint"
)


class PostgresServer(DatabaseServer):
    """Keeps accounts on a server that follows the log without waiting for the disk.

    Each change is one transaction with the watermarks that say how far it got. A server that was
    killed may have lost its newest changes. When the connection was lost it is made anew, and
    if less is there than was written, each call fails until `standing` is read again: who reads
    it has understood that the server fell back.

    Args:
        url: where the server is.
        part: its name, as in Fig 11.
        bank_id: the bank's, as its log says.
        epoch: how often the bank was opened, likewise.
        arrived_to: what a new server says of who has arrived; None: it is not new.

    Raises:
        StorageError: as `PostgresConnection`.
    """

    def __init__(
        self, url: str, part: str, bank_id: str, epoch: int, arrived_to: int | None
    ) -> None:
        begin = f"INSERT INTO standing VALUES (1, 0, 0, 0, {arrived_to})"  # noqa: S608 - a number
        self._part = part
        self.connection = PostgresConnection(
            url,
            part,
            "" if arrived_to is None else f"{ACCOUNTS}\n{begin}",
            synchronous=False,
            bank_id=bank_id,
            epoch=epoch,
        )
        try:
            self._standing = self._read_standing()
        except BaseException:
            self.connection.close()
            raise
        self._fell_back = False

    @property  # the interface says no more than that it is read
    def standing(self) -> Standing:  # pyright: ignore[reportIncompatibleVariableOverride]
        """How far it follows the log, as written."""
        if self.connection.is_lost or self._fell_back:
            self._return()
            self._fell_back = False
        return self._standing

    def add(self, data_files: Sequence[DataFile]) -> None:
        """Keep new data files, on the disk on return: the log will not repeat them."""
        self._write(_added(data_files), on_disk=True)

    def keep_proofs(self, number: AccountNumber, proofs: ReplayWindow) -> None:
        """Keep the proof counters of an account, on the disk on return, likewise."""
        sql = "UPDATE data_file SET highest_proof = %s, seen_proofs = %s WHERE place = %s"
        self._write((sql, (proofs.highest, _signed(proofs.seen), number.place)), on_disk=True)

    def data_file(self, number: AccountNumber) -> DataFile | None:
        """An account's data file."""
        rows = self._rows(f"{_FILE} WHERE place = %s", (number.place,))
        return _data_file(rows[0]) if rows else None

    def particular(self) -> list[DataFile]:
        """The particular users whose main file is here, and all auxiliary files here."""
        main = self._rows(f"{_FILE} WHERE particular_since IS NOT NULL ORDER BY place")
        rows = self._rows("SELECT place, balance_minor, newest FROM auxiliary_file ORDER BY place")
        auxiliary = [
            DataFile(place, "", None, balance_minor, newest=newest, auxiliary=True)
            for place, balance_minor, newest in rows
        ]
        return [*map(_data_file, main), *auxiliary]

    def numbers(self) -> list[AccountNumber]:
        """Every account whose main file is here, in order of its number."""
        rows = self._rows("SELECT place FROM data_file ORDER BY place")
        return [AccountNumber.at(place) for (place,) in rows]

    def total_minor(self) -> int:
        """The sum of all balances here, in minor units."""
        ((total_minor,),) = self._rows(_TOTAL)
        return total_minor

    def write(self, change: Change) -> None:
        """Write a change in one transaction and one round trip."""
        main = [each for each in change.data_files if not each.auxiliary]
        auxiliary = [each for each in change.data_files if each.auxiliary]
        steps: list[Step] = []
        if main:
            steps.append((_UPDATE, _changed(main)))
        if auxiliary:
            places = bigints(each.place for each in auxiliary)
            balances = bigints(each.balance_minor for each in auxiliary)
            newest = bigints(each.newest for each in auxiliary)
            steps.append((_AUXILIARY, (places, balances, newest)))
        steps += _added_lines(change.lines)
        self._write(*steps, standing=change.standing, on_disk=change.on_disk)

    def arrive(
        self, data_files: Sequence[DataFile], lines: Iterable[Line], standing: Standing
    ) -> None:
        """Take over accounts with their histories, on the disk on return."""
        steps = _added(data_files), *_added_lines(list(lines))
        self._write(*steps, standing=standing, on_disk=True)

    def leave(self, numbers: Iterable[AccountNumber], standing: Standing) -> None:
        """Let accounts go with their histories, on the disk on return."""
        places = (bigints(number.place for number in numbers),)
        leave_files = "DELETE FROM data_file WHERE place = ANY(%s)"
        steps = (_LEAVE_LINES, places), (leave_files, places)
        self._write(*steps, standing=standing, on_disk=True)

    def lines(self, newest: int | None, limit: int) -> list[Line]:
        """A history from its newest line on backwards, at most `limit` lines."""
        return self._rows(_CHAIN, (newest, limit)) if limit and newest is not None else []

    # A connection that is lost

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        self._resume()
        try:
            return self.connection.rows(sql, values)
        except StorageError:
            if not self.connection.is_lost:
                raise
        self._resume()  # it was lost since it was used last, and reading can be done again
        return self.connection.rows(sql, values)

    def _write(self, *steps: Step, standing: Standing | None = None, on_disk: bool = False) -> None:
        self._resume()
        moved = [] if standing is None else [(_STANDING, astuple(standing))]
        # If it is broken off it may be written all the same; who goes on reads first how it stands.
        self._fell_back = True
        try:
            self.connection.write(*steps, *moved, on_disk=on_disk)
        except StorageError:
            self._fell_back = self.connection.is_lost
            raise
        self._standing = standing or self._standing
        self._fell_back = False

    def _resume(self) -> None:
        """Connect anew where the connection is lost, if all that was written is still there."""
        if not self.connection.is_lost and not self._fell_back:
            return
        before = self._standing
        if not self._fell_back:
            self._return()
            self._fell_back = self._standing != before
        if self._fell_back:
            raise StorageError(
                f"expected server {self._part} as it was written, seen that it was down and may "
                "have lost its newest changes: ask again, they are redone from the log"
            )

    def _return(self) -> None:
        if self.connection.is_lost:
            self.connection.again()
        self._standing = self._read_standing()

    def _read_standing(self) -> Standing:
        rows = self.connection.rows(_READ_STANDING)
        if len(rows) != 1:
            raise StorageBrokenError(
                f"expected server {self._part} to say how far it follows the log, seen "
                f"{len(rows)} rows: restore it"
            )
        return Standing(*rows[0])


def _added_lines(lines: Sequence[Line]) -> list[Step]:
    if not lines:
        return []
    columns = zip(*lines, strict=True)
    return [(_LINE, [
        texts(column) if index in _AS_TEXT else bigints(column)
        for index, column in enumerate(columns)
    ])]  # fmt: skip


def _added(files: Sequence[DataFile]) -> Step:
    return _ADD, (
        bigints(each.place for each in files),
        texts(each.holder for each in files),
        byteas(each.approval_key for each in files),
        bigints(each.balance_minor for each in files),
        bigints(each.window.highest for each in files),
        bigints(_signed(each.window.seen) for each in files),
        bigints(each.blocked_minor for each in files),
        texts(None if each.born is None else each.born.isoformat() for each in files),
        bigints(each.proofs.highest for each in files),
        bigints(_signed(each.proofs.seen) for each in files),
        bigints(each.newest for each in files),
        bigints(each.particular_since for each in files),
        bigints(each.closed for each in files),
    )


def _changed(files: Sequence[DataFile]) -> tuple[bytes, ...]:
    return (
        bigints(each.balance_minor for each in files),
        bigints(each.window.highest for each in files),
        bigints(_signed(each.window.seen) for each in files),
        bigints(each.blocked_minor for each in files),
        bigints(each.newest for each in files),
        bigints(each.particular_since for each in files),
        bigints(each.closed for each in files),
        bigints(each.place for each in files),
    )


def _data_file(row: Sequence[Any]) -> DataFile:
    place, holder, approval_key, balance_minor, highest, seen, blocked_minor, born, *rest = row
    highest_proof, seen_proofs, newest, particular_since, closed = rest
    return DataFile(
        place,
        holder,
        approval_key,
        balance_minor,
        ReplayWindow(highest, seen & _MASK),
        blocked_minor,
        born,
        ReplayWindow(highest_proof, seen_proofs & _MASK),
        closed,
        newest,
        particular_since,
    )


def _signed(seen: int) -> int:
    """The 64 counters of a window as the 64 bits of a bigint."""
    return seen - (seen & _SIGN) * 2
