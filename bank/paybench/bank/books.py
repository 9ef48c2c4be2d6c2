"""The books: the data files on all database servers, as they follow the log (Fig 13, 14)."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from heapq import merge
from itertools import takewhile
from typing import Self

from msgspec.structs import replace

from .account import CAPITAL, AccountNumber
from .approval import ReplayWindow
from .arrival import Arrival
from .arrivals import Arrivals, integrated
from .errors import AccountUnknownError, StorageBrokenError, StorageError
from .follower import Follower, Step
from .location import server_of
from .storage import DataFile, Entry, Kept, Kind, Leg, LogRecord, Storage
from .storage.line import entry_of, line_of

_REFUSED = Kind.REFUSED
_CACHE_MAX = 500_000
_REDO_LAG = 10_000
_LAG_MAX_IN_MEMORY = 1000
_ALL = 2**62
_FALLEN = -1


class Books:
    """Data files that follow a log: what is logged is withdrawn, and later deposited.

    They do as the records say and decide nothing. Whatever fails to be written is forgotten, and
    redone from the log.

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
        self._kept: dict[AccountNumber, Kept] = {}
        self._under_way: list[LogRecord] = []
        self.withdrawn_to = 0
        self.deposited_to = 0
        self._lag = 0
        self.logged = (0, 0)
        self._particular: dict[AccountNumber, dict[int, Kept]] = {}
        self._arrivals = Arrivals(particular_per_s)
        self.fall_back()
        self._arrival = Arrival(self)

    # The log

    @property
    def books(self) -> Self:
        """These: a group asks what it is built on."""
        return self

    def append(self, records: Sequence[LogRecord]) -> None:
        """Write records to the log; durable on return."""
        self.log.append(records)
        flushes, written = self.logged
        self.logged = flushes + 1, written + len(records)

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
        kept = self._kept.get(number) or self._find(number)
        return None if kept is None else kept.data_file

    def must_have(self, number: AccountNumber) -> DataFile:
        """The data file of an account.

        Raises:
            AccountUnknownError: there is none.
        """
        kept = self._kept.get(number) or self._find(number)
        if kept is None:
            raise AccountUnknownError(
                f"expected the number of an open account, seen {number}: open_account() it first"
            )
        return kept.data_file

    def must_find(self, number: AccountNumber) -> Kept:
        """An account that the log names.

        Raises:
            StorageBrokenError: there is none.
        """
        kept = self._kept.get(number) or self._find(number)
        if kept is None:
            raise StorageBrokenError(
                f"expected a data file for {number}, which the log names, seen none: "
                "log and accounts are not of one bank; restore all of them together"
            )
        return kept

    def add(self, data_files: Iterable[DataFile]) -> None:
        """Keep new data files, durably."""
        by_server: dict[int, list[DataFile]] = {}
        for data_file in data_files:
            by_server.setdefault(self._index(data_file.number), []).append(data_file)
        with self._asking():
            for index, batch in by_server.items():
                self.followers[index].server.add(batch)
        self._arrival.forget_waiting()

    def keep_proofs(self, number: AccountNumber, proofs: ReplayWindow) -> None:
        """Keep the proof counters of an account, durably."""
        kept = self.must_find(number)
        with self._asking():
            self.followers[kept.server].server.keep_proofs(number, proofs)
        kept.data_file = replace(kept.data_file, proofs=proofs)

    def close_account(self, number: AccountNumber) -> None:
        """Mark an account as closed, durably."""
        kept = self.must_find(number)
        kept.data_file = replace(kept.data_file, closed=True)
        self.followers[kept.server].note(kept)
        self.follow(on_disk=True)

    def numbers(self) -> list[AccountNumber]:
        """Every account, in order of its number."""
        with self._asking():
            each = [follower.server.numbers() for follower in self.followers]
        return list(merge(*each, key=lambda number: number.place))

    def entries(self, number: AccountNumber, limit: int) -> list[Entry]:
        """The newest entries of an account, newest first, at most `limit`."""
        self.follow()
        kept = self.must_find(number)
        auxiliary = self._particular.get(number)
        with self._asking():
            main = self.followers[kept.server].server.lines(kept.newest, limit)
            if auxiliary is None:
                return list(map(entry_of, main))
            chains = [
                self.followers[index].server.lines(each.newest, limit)
                for index, each in auxiliary.items()
            ]
        return integrated(main, chains, self.has_minor(number))[:limit]

    def history(self, number: AccountNumber) -> Iterable[Entry]:
        """Every entry of an account, newest first."""
        return self.entries(number, _ALL)

    # Particular users

    def mark(self, number: AccountNumber, *, particular: bool) -> None:
        """Make an account a particular user's from the next record on, or no longer ([0132])."""
        kept = self.must_find(number)
        if (kept.particular_since is not None) == particular:
            return
        self.level()
        kept = self.must_find(number)
        kept.particular_since = self.withdrawn_to if particular else None
        self._particular.setdefault(number, {})
        self.followers[kept.server].note(kept)
        self.follow(on_disk=True)

    def is_particular(self, number: AccountNumber) -> bool:
        """Whether an account is a particular user's."""
        return self.must_find(number).particular_since is not None

    def is_deposited(self, record: LogRecord, leg: Leg) -> bool:
        """Whether a deposit of a record is done: one server may be behind another."""
        return record.number <= self.followers[self._payee_file(record, leg).server].deposited_to

    def has_minor(self, number: AccountNumber) -> int:
        """What an account has, with what was not integrated yet, in minor units."""
        balance_minor = self.must_find(number).data_file.balance_minor
        if number in self._particular:
            balance_minor += self._not_integrated_minor(number)
        return balance_minor

    def _payee_file(self, record: LogRecord, leg: Leg) -> Kept:
        """The file that a deposit lands in: a particular user's at the payer's server ([0135])."""
        kept = self.must_find(leg.account)
        if kept.particular_since is None or record.kind is not Kind.SETTLED:
            return kept
        index = self.must_find(record.payer).server
        if index == kept.server or record.number <= kept.particular_since:
            return kept
        number = kept.data_file.number
        here = self._particular[number]
        if index not in here:
            here[index] = _auxiliary(number, index)
        return here[index]

    def route(self, payer: AccountNumber, payee: AccountNumber) -> tuple[str, str]:
        """The names of the servers on which a settlement is withdrawn and deposited, or ""."""
        pays = self._kept.get(payer) or self._find(payer)
        paid = self._kept.get(payee) or self._find(payee)
        withdrawn = self.followers[pays.server].name if pays else ""
        if paid is None:
            return withdrawn, ""
        if paid.particular_since is not None and withdrawn:
            return withdrawn, withdrawn
        return withdrawn, self.followers[paid.server].name

    def integrate(self) -> None:
        """Transfer what the auxiliary files have got to the main files ([0136]).

        The main file's server alone is written: what was transferred stands there against the
        auxiliary files, whose balances only grow.
        """
        for number, auxiliary in self._particular.items():
            transferred_minor = self._not_integrated_minor(number)
            if transferred_minor <= 0:  # a power cut took some that deposits will bring again
                continue
            kept = self.must_find(number)
            index = kept.server
            if index not in auxiliary:
                auxiliary[index] = _auxiliary(number, index)
            against = auxiliary[index]
            kept.data_file = kept.data_file.changed(Leg(number, transferred_minor))
            _add(against, -transferred_minor)
            self.followers[index].note(kept)
            self.followers[index].note(against)

    def _not_integrated_minor(self, number: AccountNumber) -> int:
        return sum(each.data_file.balance_minor for each in self._particular[number].values())

    # Servers

    def add_server(self) -> None:
        """Add a database server; `move_accounts` then fills it.

        Raises:
            BankError: the last one is still being filled.
        """
        self._arrival.begin()

    def to_move(self) -> int:
        """How many accounts the newest server has yet to get."""
        return self._arrival.to_move()

    def move_accounts(self, limit: int) -> int:
        """Move so many accounts to the newest server; how many were moved, 0 when all are there."""
        return self._arrival.move(limit)

    def add_follower(self) -> None:
        """Follow up a new server of the storage."""
        index = len(self.followers)
        self.followers.append(Follower(self._storage.add_server(), server_name(index)))

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
        with self._asking():
            totals = [follower.server.total_minor() for follower in self.followers]
        return self.in_transit_minor() + sum(totals)

    # Following the log

    def affords(self, record: LogRecord) -> bool:
        """Whether what the record withdraws is there, as it was when it was decided."""
        leg = record.withdrawal
        kept = self.must_find(leg.account)
        if leg.account == CAPITAL or record.number <= self.followers[kept.server].withdrawn_to:
            return True
        return kept.data_file.available_minor + leg.amount_minor >= leg.blocked_minor

    def withdraw(self, steps: Iterable[Step], lag_max: int | None = None) -> None:
        """Do what the records from withdrawn_to + 1 on do at once.

        Args:
            steps: the records in the order of the log, with the data files as they will be.
            lag_max: how many may stay unwritten this time, None: as ever.

        Raises:
            StorageError: what is not written is forgotten; it is in the log.
        """
        followers, under_way = self.followers, self._under_way
        number = self.withdrawn_to
        for record, leg, kept, after in steps:
            number = record.number
            follower = followers[kept.server]
            kept.data_file = after
            follower.withdrawn_to = number
            self._note(record, 0, leg, kept, follower)
            under_way.append(record)
        self._lag += number - self.withdrawn_to
        self.withdrawn_to = number
        if self._lag > (self._lag_max if lag_max is None else lag_max):
            self.follow()

    def redo(self, record: LogRecord) -> None:
        """Do what record withdrawn_to + 1 does at once, unless its server has it already."""
        leg = record.withdrawal
        kept = self.must_find(leg.account)
        if record.number > self.followers[kept.server].withdrawn_to:
            after = kept.data_file.changed(leg, record.counter)
            self.withdraw([(record, leg, kept, after)], _REDO_LAG)
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
        self._credit(batch)
        if not batch:
            return
        if self._particular:
            self.integrate()
        self.deposited_to = batch[-1].number
        for follower in self.followers:
            follower.moves_on(self.withdrawn_to, self.deposited_to)
        self._under_way = self._under_way[len(batch) :]
        self.follow()
        if len(self.followers) > 1:
            for number in self._arrivals.hot(batch):
                self.mark(number, particular=True)

    def _credit(self, batch: Sequence[LogRecord]) -> None:
        """Do in memory what records do later, where it is not done."""
        followers, read = self.followers, self._kept
        for record in batch:
            for place, leg in enumerate(record.deposits, 1):
                kept = read.get(leg.account)
                if kept is None or kept.particular_since is not None:
                    kept = self._payee_file(record, leg)
                follower = followers[kept.server]
                if record.number > follower.deposited_to:
                    if kept.auxiliary:
                        _add(kept, leg.amount_minor)
                    else:
                        kept.data_file = kept.data_file.changed(leg)
                    self._note(record, place, leg, kept, follower)

    def follow(self, *, on_disk: bool = False) -> None:
        """Write to the database servers what is done.

        Raises:
            StorageError: what is not written is forgotten; it is in the log.
        """
        self._lag = 0
        with self._asking():
            for follower in self.followers:
                follower.follow(on_disk=on_disk)
        if len(self._kept) > _CACHE_MAX:
            self._kept.clear()

    @contextmanager
    def _asking(self) -> Generator[None]:
        """Around what servers are asked: one that fails may have fallen back."""
        try:
            yield
        except StorageError:
            self._fall()
            raise

    def _fall(self) -> None:
        """A server failed: nothing is known of any account until `fall_back` has read it anew."""
        self._kept.clear()
        self.withdrawn_to = _FALLEN

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
        self._lag = 0
        for follower in self.followers:
            follower.forget()
        self.withdrawn_to = min(follower.withdrawn_to for follower in self.followers)
        self.deposited_to = min(follower.deposited_to for follower in self.followers)
        self._under_way = list(self._logged(self.deposited_to, self.withdrawn_to))
        self._particular = {}
        for index, follower in enumerate(self.followers):
            for kept in follower.server.particular():
                auxiliary = self._particular.setdefault(kept.data_file.number, {})
                if kept.auxiliary:
                    kept.server, kept.place = index, kept.data_file.number.place
                    auxiliary[index] = kept

    def close(self) -> None:
        """Close the storage; closing twice is fine."""
        self._storage.close()

    def _logged(self, after: int, to: int) -> Iterator[LogRecord]:
        if after < to:
            yield from takewhile(lambda record: record.number <= to, self.log.records(after))

    def _note(
        self, record: LogRecord, place: int, leg: Leg, kept: Kept, follower: Follower
    ) -> None:
        if record.kind is not _REFUSED:
            line = line_of(record, place, leg, kept)
            kept.newest = line[0]
            follower.lines.append(line)
        follower.kept[id(kept)] = kept
        follower.in_transit_minor -= leg.amount_minor

    def _index(self, number: AccountNumber) -> int:
        return server_of(number.place, len(self.followers), self.followers[-1].arrived_to)

    def _find(self, number: AccountNumber) -> Kept | None:
        """Read an account from its server, where it was not read before."""
        index = self._index(number)
        with self._asking():
            kept = self.followers[index].server.kept(number)
        if kept is not None:
            kept.server, kept.place = index, number.place
            self._kept[number] = kept
        return kept


def _auxiliary(number: AccountNumber, server: int) -> Kept:
    """A new auxiliary file on a server."""
    return Kept(DataFile(number, "", None), auxiliary=True, server=server, place=number.place)


def _add(auxiliary: Kept, amount_minor: int) -> None:
    """Change an auxiliary file's balance, which may be below zero for what was transferred."""
    data_file = auxiliary.data_file
    auxiliary.data_file = replace(data_file, balance_minor=data_file.balance_minor + amount_minor)


def server_name(index: int) -> str:
    """What the patent calls a database server: 300a, 300b, …, 300z, 300aa."""
    letters = ""
    index += 1
    while index:
        index, digit = divmod(index - 1, 26)
        letters = chr(ord("a") + digit) + letters
    return f"300{letters}"
