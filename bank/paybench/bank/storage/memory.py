"""The storage of a simulation: everything in dictionaries, nothing outlives the process."""

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush

from msgspec.structs import replace

from paybench.bank.account import AccountNumber
from paybench.bank.approval import ReplayWindow
from paybench.bank.errors import StorageError

from . import (
    Change,
    DatabaseServer,
    DataFile,
    Line,
    LogRecord,
    LogServer,
    Standing,
    Storage,
)

_FRESH = Standing()


class MemoryLog(LogServer):
    """A log in memory."""

    def __init__(self) -> None:
        self.logged_to = 0
        self._log: list[LogRecord] = []
        self._by_id: dict[str, LogRecord] = {}
        self._due: list[tuple[int, int]] = []

    def append(self, records: Sequence[LogRecord]) -> None:
        """Add the records to the log."""
        by_id, expected = self._by_id, self.logged_to
        for record in records:
            expected += 1
            known = by_id.get(record.settlement_id)
            follows = 0 if known is None else known.number
            if record.number != expected or record.follows != follows:
                self._take_back(records, expected)
                raise _doubled(record, expected, follows)
            by_id[record.settlement_id] = record
        self._log += records
        self.logged_to = expected
        for record in records:
            if record.due_ns is not None:
                heappush(self._due, (record.due_ns, record.number))

    def record(self, settlement_id: str) -> LogRecord | None:
        """The newest log record with this id, None when there is none."""
        return self._by_id.get(settlement_id)

    def records(self, after: int) -> Iterable[LogRecord]:
        """The log records numbered above `after`, in order."""
        return self._log[after:]

    def due(self, limit: int) -> list[LogRecord]:
        """The pending records without successor that are due first, in order."""
        due: list[tuple[int, int]] = []
        while self._due and len(due) < limit:
            first = heappop(self._due)
            record = self._log[first[1] - 1]
            if self._by_id[record.settlement_id] is record:
                due.append(first)
        for each in due:
            heappush(self._due, each)
        return [self._log[number - 1] for _, number in due]

    def _take_back(self, records: Sequence[LogRecord], expected: int) -> None:
        """Undo what was entered of a group before the record that cannot be."""
        for record in reversed(records[: expected - self.logged_to - 1]):
            if record.follows:
                self._by_id[record.settlement_id] = self._log[record.follows - 1]
            else:
                del self._by_id[record.settlement_id]


class MemoryServer(DatabaseServer):
    """A database server in memory.

    Args:
        standing: what it begins with.
    """

    def __init__(self, standing: Standing = _FRESH) -> None:
        self.standing = standing
        self._main: dict[int, DataFile] = {}
        self._auxiliary: dict[int, DataFile] = {}
        self._lines: dict[int, Line] = {}

    def add(self, data_files: Sequence[DataFile]) -> None:
        """Keep new data files."""
        self._main.update((data_file.place, replace(data_file)) for data_file in data_files)

    def keep_proofs(self, number: AccountNumber, proofs: ReplayWindow) -> None:
        """Keep the proof counters of an account."""
        self._main[number.place].proofs = proofs

    def data_file(self, number: AccountNumber) -> DataFile | None:
        """An account's data file; the caller's own."""
        data_file = self._main.get(number.place)
        return None if data_file is None else replace(data_file)

    def particular(self) -> list[DataFile]:
        """The particular users whose main file is here, and all auxiliary files here."""
        main = [each for each in self._main.values() if each.particular_since is not None]
        return [replace(each) for each in (*main, *self._auxiliary.values())]

    def numbers(self) -> list[AccountNumber]:
        """Every account whose main file is here, in order of its number."""
        return list(map(AccountNumber.at, sorted(self._main)))

    def total_minor(self) -> int:
        """The sum of all balances here."""
        everything = (*self._main.values(), *self._auxiliary.values())
        return sum(data_file.balance_minor for data_file in everything)

    def write(self, change: Change) -> None:
        """Write a change."""
        lines = self._lines
        for line in change.lines:
            lines[line[0]] = line
        for data_file in change.data_files:
            here = self._auxiliary if data_file.auxiliary else self._main
            here[data_file.place] = replace(data_file)
        self.standing = change.standing

    def arrive(
        self, data_files: Sequence[DataFile], lines: Iterable[Line], standing: Standing
    ) -> None:
        """Take over accounts with their histories."""
        self.write(Change(data_files, list(lines), standing))

    def leave(self, numbers: Iterable[AccountNumber], standing: Standing) -> None:
        """Let accounts go with their histories."""
        for number in numbers:
            for line in self.lines(self._main.pop(number.place).newest, len(self._lines)):
                del self._lines[line[0]]
        self.standing = standing

    def lines(self, newest: int | None, limit: int) -> list[Line]:
        """A history from its newest line on backwards, at most `limit` lines."""
        found: list[Line] = []
        while newest is not None and len(found) < limit:
            line = self._lines[newest]
            found.append(line)
            newest = line[1]
        return found


class MemoryStorage(Storage):
    """Keeps a bank in memory. A second `Bank` on the same object finds all of it.

    Args:
        servers: how many database servers, at least one.
    """

    outlives_process = False

    def __init__(self, servers: int = 1) -> None:
        self.log: LogServer = MemoryLog()
        self.servers: list[DatabaseServer] = [MemoryServer() for _ in range(servers)]

    def add_server(self) -> DatabaseServer:
        """A further database server, empty."""
        self.servers.append(MemoryServer(Standing(arrived_to=-1)))
        return self.servers[-1]

    def close(self) -> None:
        """Nothing to let go of: the object stays usable."""


def _doubled(record: LogRecord, expected: int, follows: int) -> StorageError:
    """What SQL's UNIQUE says: the engine itself doubles no id."""
    return StorageError(
        f"expected record {expected} to follow record {follows} of {record.settlement_id!r}, seen "
        f"record {record.number} that follows {record.follows}: an id is UNIQUE, and a settlement "
        "goes on from its newest record"
    )
