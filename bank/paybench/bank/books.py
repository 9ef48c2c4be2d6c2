"""The books: the data files on all database servers, as they follow the log (Fig 13, 14)."""

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import takewhile

from msgspec.structs import replace

from .account import CAPITAL, AccountNumber
from .approval import ReplayWindow
from .errors import AccountUnknownError, StorageBrokenError, StorageError
from .follower import Follower
from .location import server_of
from .storage import DataFile, Entry, Kept, Kind, Leg, LogRecord, Storage
from .storage.line import entry_of, line_of

_CACHE_MAX = 500_000


class Books:
    """Data files that follow a log: what is logged is withdrawn, and later deposited.

    They do as the records say and decide nothing. Whatever fails to be written is forgotten, and
    redone from the log.

    Args:
        storage: the log data server and the database servers.
        lag_max: how many withdrawals may be done and not yet written to the database servers. They
            are in the log, and redone from it after a crash.

    Raises:
        StorageError: the storage cannot be read.
    """

    def __init__(self, storage: Storage, lag_max: int) -> None:
        self.log = storage.log
        self._storage = storage
        self._lag_max = lag_max
        self.followers = [
            Follower(server, server_name(index)) for index, server in enumerate(storage.servers)
        ]
        self._kept: dict[AccountNumber, tuple[Kept, Follower]] = {}
        self._under_way: list[LogRecord] = []
        self.withdrawn_to = 0
        self.deposited_to = 0
        self._lag = 0
        self.fall_back()

    # The log

    @property
    def next_number(self) -> int:
        """The number of the record that is logged next."""
        return self.log.logged_to + 1

    def record(self, settlement_id: str) -> LogRecord | None:
        """The newest log record with this id, None when there is none."""
        return self.log.record(settlement_id)

    # Data files

    def data_file(self, number: AccountNumber) -> DataFile | None:
        """The data file of an account, None when there is none."""
        found = self._find(number)
        return None if found is None else found[0].data_file

    def must_have(self, number: AccountNumber) -> DataFile:
        """The data file of an account.

        Raises:
            AccountUnknownError: there is none.
        """
        found = self._find(number)
        if found is None:
            raise AccountUnknownError(
                f"expected the number of an open account, seen {number}: open_account() it first"
            )
        return found[0].data_file

    def add(self, data_files: Iterable[DataFile]) -> None:
        """Keep new data files, durably."""
        by_server: dict[int, list[DataFile]] = {}
        for data_file in data_files:
            index = server_of(data_file.number.place, len(self.followers))
            by_server.setdefault(index, []).append(data_file)
        for index, batch in by_server.items():
            self.followers[index].server.add(batch)

    def keep_proofs(self, number: AccountNumber, proofs: ReplayWindow) -> None:
        """Keep the proof counters of an account, durably."""
        kept, follower = self._must_find(number)
        follower.server.keep_proofs(number, proofs)
        kept.data_file = replace(kept.data_file, proofs=proofs)

    def numbers(self) -> list[AccountNumber]:
        """Every account, in order of its number."""
        each = (follower.server.numbers() for follower in self.followers)
        return list(merge(*each, key=lambda number: number.place))

    def entries(self, number: AccountNumber, limit: int) -> list[Entry]:
        """The newest entries of an account, newest first, at most `limit`."""
        kept, follower = self._must_find(number)
        if follower.backlog:
            self.follow()
        return list(map(entry_of, follower.server.lines(kept.newest, limit)))

    # Sums

    def in_transit_minor(self) -> int:
        """What is withdrawn and not yet deposited: the sum of the servers' in-transit accounts."""
        return sum(follower.in_transit_minor for follower in self.followers)

    def total_minor(self) -> int:
        """The sum of all balances and in-transit accounts."""
        self.follow()
        return self.in_transit_minor() + sum(
            follower.server.total_minor() for follower in self.followers
        )

    # Following the log

    def affords(self, record: LogRecord) -> bool:
        """Whether what the record withdraws is there, as it was when it was decided."""
        leg = record.withdrawal
        kept, follower = self._must_find(leg.account)
        if leg.account == CAPITAL or record.number <= follower.withdrawn_to:
            return True
        return kept.data_file.available_minor + leg.amount_minor >= leg.blocked_minor

    def withdraw(self, records: Iterable[LogRecord], lag_max: int | None = None) -> None:
        """Do what the records from withdrawn_to + 1 on do at once.

        Args:
            records: in the order of the log.
            lag_max: how many may stay unwritten this time, None: as ever.

        Raises:
            StorageError: what is not written is forgotten; it is in the log.
        """
        for record in records:
            leg = record.withdrawal
            kept, follower = self._must_find(leg.account)
            if record.number > follower.withdrawn_to:
                kept.data_file = kept.data_file.changed(leg, record.counter)
                self._note(record, 0, leg, kept, follower)
                follower.withdrawn_to = record.number
            self._under_way.append(record)
            self.withdrawn_to = record.number
            self._lag += 1
        if self._lag > (self._lag_max if lag_max is None else lag_max):
            self.follow()

    def under_way(self, limit: int | None) -> tuple[list[LogRecord], int]:
        """The oldest records whose deposits are to be made, and how many of them have any.

        Args:
            limit: of how many at most the deposits are wanted, None for all.
        """
        if limit is None:
            batch = self._under_way
            return batch, sum(record.kind is not Kind.REFUSED for record in batch)
        batch: list[LogRecord] = []
        count = 0
        for record in self._under_way:
            if count == limit:
                break
            batch.append(record)
            count += record.kind is not Kind.REFUSED
        return batch, count

    def deposit(self, batch: Sequence[LogRecord]) -> None:
        """Do what the oldest records under way do later; each account is written once.

        Raises:
            StorageError: on a server that failed nothing of it is done.
        """
        for record in batch:
            for place, leg in enumerate(record.deposits, 1):
                kept, follower = self._must_find(leg.account)
                if record.number > follower.deposited_to:
                    kept.data_file = kept.data_file.changed(leg)
                    self._note(record, place, leg, kept, follower)
        if not batch:
            return
        self.deposited_to = batch[-1].number
        for follower in self.followers:
            follower.deposited_to = max(follower.deposited_to, self.deposited_to)
            follower.withdrawn_to = max(follower.withdrawn_to, self.withdrawn_to)
        self._under_way = self._under_way[len(batch) :]
        self.follow()

    def follow(self, *, on_disk: bool = False) -> None:
        """Write to the database servers what is done.

        Raises:
            StorageError: what is not written is forgotten; it is in the log.
        """
        self._lag = 0
        try:
            for follower in self.followers:
                follower.follow(on_disk=on_disk)
        except StorageError:
            self.fall_back()
            raise
        if len(self._kept) > _CACHE_MAX:
            self._kept.clear()

    def fall_back(self) -> None:
        """Forget all that is not written: it is in the log."""
        self._kept.clear()
        self._lag = 0
        for follower in self.followers:
            follower.forget()
        self.withdrawn_to = min(follower.withdrawn_to for follower in self.followers)
        self.deposited_to = min(follower.deposited_to for follower in self.followers)
        self._under_way = list(self._logged(self.deposited_to, self.withdrawn_to))

    def close(self) -> None:
        """Close the storage; closing twice is fine."""
        self._storage.close()

    def _logged(self, after: int, to: int) -> Iterator[LogRecord]:
        if after < to:
            yield from takewhile(lambda record: record.number <= to, self.log.records(after))

    def _note(
        self, record: LogRecord, place: int, leg: Leg, kept: Kept, follower: Follower
    ) -> None:
        line = None
        if record.kind is not Kind.REFUSED:
            line = line_of(record, place, leg, kept)
            kept.newest = line[0]
        follower.in_transit_minor -= leg.amount_minor
        follower.note(kept, line)

    def _find(self, number: AccountNumber) -> tuple[Kept, Follower] | None:
        found = self._kept.get(number)
        if found is None:
            follower = self.followers[server_of(number.place, len(self.followers))]
            kept = follower.server.kept(number)
            if kept is None:
                return None
            self._kept[number] = found = kept, follower
        return found

    def _must_find(self, number: AccountNumber) -> tuple[Kept, Follower]:
        found = self._find(number)
        if found is None:
            raise StorageBrokenError(
                f"expected a data file for {number}, which the log names, seen none: "
                "log and accounts are not of one bank; restore both together"
            )
        return found


def server_name(index: int) -> str:
    """What the patent calls a database server: 300a, 300b, …, 300z, 300aa."""
    letters = ""
    index += 1
    while index:
        index, digit = divmod(index - 1, 26)
        letters = chr(ord("a") + digit) + letters
    return f"300{letters}"
