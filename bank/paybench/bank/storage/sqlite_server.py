"""A database server 300 as an SQLite file."""

from collections.abc import Iterable, Sequence
from operator import itemgetter
from pathlib import Path

from msgspec.structs import astuple

from paybench.bank.account import AccountNumber
from paybench.bank.approval import ReplayWindow
from paybench.bank.errors import StorageBrokenError

from . import Change, DatabaseServer, DataFile, Line, Standing
from .sqlite_file import SqliteFile, Step
from .sqlite_rows import ChangeRows, data_file_of, row_of, rows_of, window_row
from .sqlite_schema import ACCOUNTS
from .standing import ALL_ARRIVED

_place = itemgetter(-1)
_FILE = (
    "SELECT place, holder, approval_key, balance_minor, highest_counter, seen_counters, "
    "blocked_minor, born, highest_proof, seen_proofs, newest, particular_since, closed "
    "FROM data_file"
)
_ADD = "INSERT INTO data_file VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"
_UPDATE = (
    "UPDATE data_file SET balance_minor = ?, highest_counter = ?, seen_counters = ?, "
    "blocked_minor = ?, newest = ?, particular_since = ?, closed = ? WHERE place = ?"
)
_AUXILIARY = (
    "INSERT INTO auxiliary_file VALUES (?, ?, ?) ON CONFLICT (place) DO UPDATE SET "
    "balance_minor = excluded.balance_minor, newest = excluded.newest"
)
_BEGIN = "INSERT INTO standing VALUES (1, 0, 0, 0, {arrived_to});"
_READ_STANDING = "SELECT withdrawn_to, deposited_to, in_transit_minor, arrived_to FROM standing"
_STANDING = (
    "UPDATE standing SET withdrawn_to = ?, deposited_to = ?, in_transit_minor = ?, arrived_to = ?"
)
_LINE = "INSERT INTO line VALUES (?,?,?,?,?,?,?,?,?,?)"
_CHAIN = """
WITH RECURSIVE chain AS (
    SELECT line.* FROM line WHERE id = ?1
    UNION ALL
    SELECT line.* FROM chain JOIN line ON line.id = chain.previous LIMIT ?2
)
SELECT * FROM chain
"""
_LEAVE_LINES = """
WITH RECURSIVE chain AS (
    SELECT newest AS id FROM data_file WHERE place = ?1
    UNION ALL
    SELECT line.previous FROM chain JOIN line ON line.id = chain.id
)
DELETE FROM line WHERE id IN (SELECT id FROM chain)
"""


class SqliteServer(DatabaseServer):
    """Keeps accounts in a file that follows the log without waiting for the disk.

    Each change is one transaction with the watermarks that say how far it got, so what a power cut
    takes is redone from the log. One object at a time writes a file.

    Args:
        path: the file.
        arrived_to: what a new file says of who has arrived.

    Raises:
        StorageVersionError: the file is of another schema version.
        StorageError: the file cannot be read.
    """

    def __init__(self, path: Path, arrived_to: int = ALL_ARRIVED) -> None:
        schema = ACCOUNTS + _BEGIN.format(arrived_to=arrived_to)
        self.file = SqliteFile(path, schema, "NORMAL")
        self._standing: Standing | None = None
        try:
            self.resume()
        except BaseException:
            self.file.close()
            raise

    def resume(self) -> Standing:
        """Read anew how far it follows the log."""
        rows = self.file.rows(_READ_STANDING)
        if len(rows) != 1:
            raise StorageBrokenError(
                f"expected {self.file.path} to say how far it follows the log, seen {len(rows)} "
                "rows: restore it"
            )
        self._standing = Standing(*rows[0])
        return self._standing

    @property
    def standing(self) -> Standing:  # pyright: ignore[reportIncompatibleVariableOverride] - read only
        """How far it follows the log, as written."""
        return self._standing or self.resume()

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        self.file.close()

    def add(self, data_files: Sequence[DataFile]) -> None:
        """Keep new data files, on the disk on return: the log will not repeat them."""
        self.file.write((_ADD, map(row_of, data_files)), on_disk=True)

    def keep_proofs(self, number: AccountNumber, proofs: ReplayWindow) -> None:
        """Keep the proof counters of an account, on the disk on return, likewise."""
        sql = "UPDATE data_file SET highest_proof = ?, seen_proofs = ? WHERE place = ?"
        self.file.write((sql, [(*window_row(proofs), number.place)]), on_disk=True)

    def data_file(self, number: AccountNumber) -> DataFile | None:
        """An account's data file."""
        rows = self.file.rows(f"{_FILE} WHERE place = ?", (number.place,))
        return data_file_of(rows[0]) if rows else None

    def particular(self) -> list[DataFile]:
        """The particular users whose main file is here, and all auxiliary files here."""
        main = self.file.rows(f"{_FILE} WHERE particular_since IS NOT NULL ORDER BY place")
        rows = self.file.rows("SELECT place, balance_minor, newest FROM auxiliary_file")
        auxiliary = [
            DataFile(place, "", None, balance_minor, newest=newest, auxiliary=True)
            for place, balance_minor, newest in rows
        ]
        return [*map(data_file_of, main), *auxiliary]

    def numbers(self) -> list[AccountNumber]:
        """Every account whose main file is here, in order of its number."""
        rows = self.file.rows("SELECT place FROM data_file ORDER BY place")
        return [AccountNumber.at(place) for (place,) in rows]

    def total_minor(self) -> int:
        """The sum of all balances here, in minor units."""
        ((total,),) = self.file.rows(
            "SELECT ifnull((SELECT sum(balance_minor) FROM data_file), 0) + "
            "ifnull((SELECT sum(balance_minor) FROM auxiliary_file), 0)"
        )
        return total

    def write(self, change: Change) -> None:
        """Write a change in one transaction; the watermarks come last."""
        self.write_rows(rows_of(change))

    def write_rows(self, rows: ChangeRows) -> None:
        """Likewise a change that was taken apart."""
        rows.main.sort(key=_place)  # neighbours share a page
        self._move(
            rows.standing,
            (_UPDATE, rows.main),
            (_AUXILIARY, rows.auxiliary),
            (_LINE, rows.lines),
            on_disk=rows.on_disk,
        )

    def arrive(
        self, data_files: Sequence[DataFile], lines: Iterable[Line], standing: Standing
    ) -> None:
        """Take over accounts with their histories, on the disk on return."""
        self._move(standing, (_ADD, map(row_of, data_files)), (_LINE, lines), on_disk=True)

    def leave(self, numbers: Iterable[AccountNumber], standing: Standing) -> None:
        """Let accounts go with their histories, on the disk on return."""
        places = [(number.place,) for number in numbers]
        leave_files = "DELETE FROM data_file WHERE place = ?"
        self._move(standing, (_LEAVE_LINES, places), (leave_files, places), on_disk=True)

    def lines(self, newest: int | None, limit: int) -> list[Line]:
        """A history from its newest line on backwards, at most `limit` lines."""
        return self.file.rows(_CHAIN, (newest, limit)) if limit and newest is not None else []

    def _move(self, standing: Standing, *steps: Step, on_disk: bool) -> None:
        """Write the steps, and then how it stands."""
        self._standing = None  # until it is noted, only the file knows
        self.file.write(*steps, (_STANDING, [astuple(standing)]), on_disk=on_disk)
        self._standing = standing
