"""The books: the data files on all database servers, as they follow the log (Fig 13, 14)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge
from itertools import takewhile

from .account import CAPITAL, AccountNumber
from .approval import ReplayWindow
from .arrival import Arrival
from .arrivals import integrated
from .errors import AccountUnknownError, StorageBrokenError
from .follower import Follower
from .group import Group
from .location import server_of
from .particular_users import ParticularUsers
from .storage import DataFile, Entry, Kind, Leg, LogRecord, Storage
from .storage.line import entry_of, line_of

_REFUSED = Kind.REFUSED
_CACHE_MAX = 500_000
_REDO_LAG = 10_000
_LAG_MAX_IN_MEMORY = 1000
_ALL = 2**62
_FALLEN = -1


class Books:
    """Data files that follow a log: what is logged is withdrawn, and later deposited.

    They do as the records say and decide nothing. What is decided is done in memory at once, so
    that the next decision sees it; nothing of it is written to a database server before it is in
    the log. Whatever fails to be written is forgotten, and redone from the log.

    Args:
        storage: the log data server and the database servers.
        lag_max: how many withdrawals may be done and not yet written to the database servers. They
            are in the log, and redone from it after a crash.
        particular_per_s: how many deposits within a second make a payee a particular user; None:
            nobody becomes one by itself.

    Raises:
        StorageError: the storage cannot be read.
    """

    def __init__(self, storage: Storage, lag_max: int, particular_per_s: int | None) -> None:
        self.log = storage.log
        self._storage = storage
        self._lag_max = lag_max if storage.outlives_process else _LAG_MAX_IN_MEMORY
        self.followers = [
            Follower(server, server_name(index)) for index, server in enumerate(storage.servers)
        ]
        self._read: dict[AccountNumber, DataFile] = {}
        self._under_way: list[LogRecord] = []
        self.withdrawn_to = 0
        self.deposited_to = 0
        self._lag = 0
        self.logged = (0, 0)
        self._flying: Group | None = None
        self.whole = _Whole(self._fall)
        self.particular = ParticularUsers(self, particular_per_s)
        self.fall_back()
        self._arrival = Arrival(self)

    # The log

    def begin(self, group: Group) -> None:
        """Begin to log what a group has decided; `land` ends it. What began before is ended first.

        Raises:
            StorageError: nothing of the group is logged, and nothing of it done.
        """
        self.land()
        if not group.records:
            return
        try:
            waits = self.log.begin(group.records)
        except BaseException:
            self._fall()
            raise
        self._flying = group
        if not waits:
            self.land()

    def land(self) -> None:
        """Wait until what was begun is logged.

        Raises:
            StorageError: all that was begun or decided since is forgotten; the log says how much
                of it is there.
        """
        group = self._flying
        if group is None:
            return
        try:
            self.log.end()
        except BaseException:
            self._flying = None
            self._fall()
            raise
        self._flying = None
        flushes, written = self.logged
        self.logged = flushes + 1, written + len(group.records)

    @property
    def is_logging(self) -> bool:
        """Whether what was begun is still to be waited for."""
        return self._flying is not None

    @property
    def is_level(self) -> bool:
        """Whether all that is logged or begun is withdrawn, and nothing else."""
        flying = self._flying
        begun_to = flying.next_number - 1 if flying else self.log.logged_to
        return self.withdrawn_to == begun_to

    @property
    def next_number(self) -> int:
        """The number of the record that is decided next, once all is level."""
        return self.withdrawn_to + 1

    def record(self, settlement_id: str) -> LogRecord | None:
        """The newest record with this id, logged or begun; None when there is none."""
        flying = self._flying
        begun = None if flying is None else flying.decided(settlement_id)
        return begun or self.log.record(settlement_id)

    # Data files

    def data_file(self, number: AccountNumber) -> DataFile | None:
        """The data file of an account, None when there is none."""
        return self._read.get(number) or self._find(number)

    def must_have(self, number: AccountNumber) -> DataFile:
        """The data file of an account.

        Raises:
            AccountUnknownError: there is none.
        """
        data_file = self.data_file(number)
        if data_file is None:
            raise AccountUnknownError(
                f"expected the number of an open account, seen {number}: open_account() it first"
            )
        return data_file

    def must_find(self, number: AccountNumber) -> DataFile:
        """The data file of an account that the log names.

        Raises:
            StorageBrokenError: there is none.
        """
        data_file = self.data_file(number)
        if data_file is None:
            raise StorageBrokenError(
                f"expected a data file for {number}, which the log names, seen none: "
                "log and accounts are not of one bank; restore all of them together"
            )
        return data_file

    def add(self, data_files: Iterable[DataFile]) -> None:
        """Keep new data files, durably."""
        by_server: dict[int, list[DataFile]] = {}
        for data_file in data_files:
            by_server.setdefault(self._index(data_file.number), []).append(data_file)
        with self.whole:
            for index, batch in by_server.items():
                self.followers[index].server.add(batch)
        self._arrival.forget_waiting()

    def keep_proofs(self, number: AccountNumber, proofs: ReplayWindow) -> None:
        """Keep the proof counters of an account, durably."""
        data_file = self.must_find(number)
        with self.whole:
            self.followers[data_file.server].server.keep_proofs(number, proofs)
            data_file.proofs = proofs

    def close_account(self, number: AccountNumber) -> None:
        """Mark an account as closed, durably."""
        data_file = self.must_find(number)
        with self.whole:
            data_file.closed = True
            self.followers[data_file.server].note(data_file)
        self.follow(on_disk=True)

    def numbers(self) -> list[AccountNumber]:
        """Every account, in order of its number."""
        with self.whole:
            each = [follower.server.numbers() for follower in self.followers]
        return list(merge(*each, key=lambda number: number.place))

    def entries(self, number: AccountNumber, limit: int) -> list[Entry]:
        """The newest entries of an account, newest first, at most `limit`."""
        self.follow()
        limit = min(limit, _ALL)
        data_file = self.must_find(number)
        auxiliary = self.particular.files(number)
        with self.whole:
            main = self.followers[data_file.server].server.lines(data_file.newest, limit)
            if auxiliary is None:
                return list(map(entry_of, main))
            chains = [
                self.followers[index].server.lines(each.newest, limit)
                for index, each in auxiliary.items()
            ]
        return integrated(main, chains, self.particular.has_minor(number))[:limit]

    def history(self, number: AccountNumber) -> Iterable[Entry]:
        """Every entry of an account, newest first."""
        return self.entries(number, _ALL)

    def is_deposited(self, record: LogRecord, leg: Leg) -> bool:
        """Whether a deposit of a record is done: one server may be behind another."""
        return (
            record.number
            <= self.followers[self.particular.payee_file(record, leg).server].deposited_to
        )

    def route(self, payer: AccountNumber, payee: AccountNumber) -> tuple[str, str]:
        """The names of the servers on which a settlement is withdrawn and deposited, or ""."""
        pays = self.data_file(payer)
        paid = self.data_file(payee)
        withdrawn = self.followers[pays.server].name if pays else ""
        if paid is None:
            return withdrawn, ""
        if paid.particular_since is not None and withdrawn:
            return withdrawn, withdrawn
        return withdrawn, self.followers[paid.server].name

    # Servers

    def add_server(self) -> None:
        """Add a database server; `move_accounts` then fills it.

        Raises:
            BankError: the last one is still being filled.
        """
        self._arrival.begin()

    @property
    def is_filled(self) -> bool:
        """Whether the newest server has all its accounts, and says so."""
        return self._arrival.is_over

    def to_move(self) -> int:
        """How many accounts the newest server has yet to get."""
        return self._arrival.to_move()

    def move_accounts(self, limit: int) -> int:
        """Move so many accounts to the newest server; how many were moved, 0 when all are there."""
        return self._arrival.move(limit)

    def add_follower(self) -> None:
        """Follow up a new server of the storage."""
        index = len(self.followers)
        servers = self._storage.servers
        if len(servers) == index:  # otherwise it was there already when this was broken off
            self._storage.add_server()
        self.followers.append(Follower(servers[index], server_name(index)))

    def level(self) -> None:
        """Do and write all that is under way, to the disk, on every server."""
        self.deposit(self._under_way)
        for follower in self.followers:
            follower.moves_on(self.withdrawn_to, self.withdrawn_to)
        self.follow(on_disk=True)

    # Sums

    def in_transit_minor(self) -> int:
        """What is withdrawn and not yet deposited: the sum of the servers' in-transit accounts."""
        return sum(follower.in_transit_minor for follower in self.followers)

    def total_minor(self) -> int:
        """The sum of all balances and in-transit accounts."""
        self.follow()
        with self.whole:
            totals = [follower.server.total_minor() for follower in self.followers]
        return self.in_transit_minor() + sum(totals)

    # Following the log

    def affords(self, record: LogRecord) -> bool:
        """Whether what the record withdraws is there, as it was when it was decided."""
        leg = record.withdrawal
        data_file = self.must_find(leg.account)
        if leg.account == CAPITAL or record.number <= self.followers[data_file.server].withdrawn_to:
            return True
        return data_file.available_minor + leg.amount_minor >= leg.blocked_minor

    def withdraw(self, record: LogRecord, data_file: DataFile | None = None) -> None:
        """Do what record withdrawn_to + 1 does at once; it is logged next, or was before.

        Args:
            record: what is done.
            data_file: that of the account which it changes, where it is at hand.
        """
        leg = record.withdrawal
        if data_file is None:
            data_file = self.must_find(leg.account)
        # From here on it is either logged, or seen by its number that it is not.
        self.withdrawn_to = record.number
        data_file.change(leg, record.counter)
        follower = self.followers[data_file.server]
        follower.withdrawn_to = record.number
        self._note(record, 0, leg, data_file, follower)
        self._under_way.append(record)
        self._lag += 1

    def redo(self, record: LogRecord) -> None:
        """Do what record withdrawn_to + 1, which is logged, does at once, unless it is done."""
        data_file = self.must_find(record.withdrawal.account)
        if record.number > self.followers[data_file.server].withdrawn_to:
            self.withdraw(record, data_file)
            self.relieve(_REDO_LAG)
        else:
            self._under_way.append(record)
            self.withdrawn_to = record.number

    def under_way(self, limit: int | None) -> tuple[list[LogRecord], int]:
        """The oldest records whose deposits are to be made, and how many of them have any.

        Args:
            limit: of how many at most the deposits are wanted, None for all.
        """
        if limit is None or limit >= len(self._under_way):
            batch = self._under_way
            return batch, len(batch) - [record.kind for record in batch].count(_REFUSED)
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
        if not batch:
            return
        with self.whole:
            self._credit(batch)
            self.particular.integrate()
            self.deposited_to = batch[-1].number
            for follower in self.followers:
                follower.moves_on(self.withdrawn_to, self.deposited_to)
            self._under_way = self._under_way[len(batch) :]
        self.follow()
        if len(self.followers) > 1:
            self.particular.mark_hot(batch)

    def _credit(self, batch: Sequence[LogRecord]) -> None:
        """Do in memory what records do later, where it is not done."""
        followers, read = self.followers, self._read
        for record in batch:
            for nth, leg in enumerate(record.deposits, 1):
                data_file = read.get(leg.account)
                if data_file is None or data_file.particular_since is not None:
                    data_file = self.particular.payee_file(record, leg)
                follower = followers[data_file.server]
                if record.number > follower.deposited_to:
                    if data_file.auxiliary:  # below zero for what was transferred
                        data_file.balance_minor += leg.amount_minor
                    else:
                        data_file.change(leg)
                    self._note(record, nth, leg, data_file, follower)

    def relieve(self, lag_max: int | None = None) -> None:
        """Write what is done, if too much of it is not written.

        Args:
            lag_max: how many withdrawals may stay unwritten this time, None: as ever.

        Raises:
            StorageError: what is not written is forgotten; it is in the log.
        """
        if self._lag > (self._lag_max if lag_max is None else lag_max):
            self.follow()

    def follow(self, *, on_disk: bool = False) -> None:
        """Write to the database servers what is done.

        Raises:
            StorageError: what is not written is forgotten; it is in the log.
        """
        self.land()
        assert not self.fallen, "what is done may not be logged"
        assert self.withdrawn_to <= self.log.logged_to, "nothing is written before it is logged"
        self._lag = 0
        with self.whole:
            for follower in self.followers:
                follower.follow(on_disk=on_disk)
        if len(self._read) > _CACHE_MAX:
            self._read.clear()

    def _fall(self) -> None:
        """A server failed: nothing is known of any account until `fall_back` has read it anew."""
        self.withdrawn_to = _FALLEN
        self._read.clear()
        self._lag = 0

    @property
    def fallen(self) -> bool:
        """Whether a server failed since `fall_back`."""
        return self.withdrawn_to == _FALLEN

    def fall_back(self) -> None:
        """Forget all that is not written: it is in the log.

        Raises:
            StorageError: a server does not say how it stands. Call it again.
        """
        self._fall()
        for follower in self.followers:
            follower.forget()
        withdrawn_to = min(follower.withdrawn_to for follower in self.followers)
        self.deposited_to = min(follower.deposited_to for follower in self.followers)
        self._under_way = list(self._logged(self.deposited_to, withdrawn_to))
        self.particular.fall_back()
        self.withdrawn_to = withdrawn_to  # last: it says that the rest is known

    def close(self) -> None:
        """Close the storage; closing twice is fine."""
        self._storage.close()

    def _logged(self, after: int, to: int) -> Iterator[LogRecord]:
        if after < to:
            yield from takewhile(lambda record: record.number <= to, self.log.records(after))

    def _note(
        self, record: LogRecord, nth: int, leg: Leg, data_file: DataFile, follower: Follower
    ) -> None:
        if record.kind is not _REFUSED:
            line = line_of(record, nth, leg, data_file)
            data_file.newest = line[0]
            follower.lines.append(line)
        follower.changed[id(data_file)] = data_file
        follower.in_transit_minor -= leg.amount_minor

    def _index(self, number: AccountNumber) -> int:
        return server_of(number.place, len(self.followers), self.followers[-1].arrived_to)

    def _find(self, number: AccountNumber) -> DataFile | None:
        """Read an account from its server, where it was not read before."""
        index = self._index(number)
        with self.whole:
            data_file = self.followers[index].server.data_file(number)
        if data_file is not None:
            data_file.server = index
            self._read[number] = data_file
        return data_file


class _Whole:
    """Around what servers are asked, and what is done in several steps.

    A server that fails may have fallen back, and what is broken off in the middle, as by Ctrl-C, is
    half done: both are read anew, and redone from the log.

    Args:
        fall: called when it is not done whole.
    """

    def __init__(self, fall: Callable[[], None]) -> None:
        self._fall = fall

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._fall()


def server_name(index: int) -> str:
    """What the patent calls a database server: 300a, 300b, …, 300z, 300aa."""
    letters = ""
    index += 1
    while index:
        index, digit = divmod(index - 1, 26)
        letters = chr(ord("a") + digit) + letters
    return f"300{letters}"
