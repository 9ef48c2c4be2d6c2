"""Arrival: how a database server that is added gets its accounts, while the bank is open."""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from .account import AccountNumber
from .errors import BankError
from .follower import Follower
from .location import takes
from .storage import DataFile, Line
from .storage.standing import ALL_ARRIVED

if TYPE_CHECKING:
    from .books import Books


class Arrival:
    """The filling of the newest database server, some accounts at a time ([0127]).

    The accounts that it takes arrive in the order of their places, so one number says who is there
    already. They are durably there before they leave the server they were on; a crash in between
    leaves them on both, and what is left behind is never read again and cleared away.

    Args:
        books: whose servers they are.

    Raises:
        StorageError: what was left behind cannot be cleared away.
    """

    def __init__(self, books: "Books") -> None:
        self._books = books
        self._waiting: list[int] | None = None
        self._left_behind = True
        self._clear()

    @property
    def arrived_to(self) -> int:
        """Up to which place the accounts are where all servers together put them."""
        return self._books.followers[-1].arrived_to

    @property
    def is_over(self) -> bool:
        """Whether the newest server says that it has all of them."""
        return self.arrived_to == ALL_ARRIVED

    def forget_waiting(self) -> None:
        """An account was opened: it may have to wait too."""
        self._waiting = None

    def begin(self) -> None:
        """Add a server; nobody is there yet.

        Raises:
            BankError: the last one is still being filled.
        """
        books = self._books
        if not self.is_over:
            raise BankError(
                f"expected server {books.followers[-1].name} to have all its accounts, seen some "
                "that are still to move: call move_accounts() until it returns 0"
            )
        books.level()
        books.add_follower()
        books.level()
        self._waiting = None

    def to_move(self) -> int:
        """How many accounts the newest server has yet to get."""
        if self.is_over:
            return 0
        if self._waiting is None:
            self._waiting = self._places()
        return len(self._waiting)

    def move(self, limit: int) -> int:
        """Move the next accounts; how many were moved, 0 when all are there."""
        books = self._books
        target = books.followers[-1]
        if self.is_over:
            return 0
        books.level()
        self._clear()
        # If it is broken off, who waits is looked up anew.
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            waiting = self._places()
        numbers = [AccountNumber.at(place) for place in waiting[: -limit - 1 : -1]]
        if not numbers:
            target.arrived_to = ALL_ARRIVED
            target.follow(on_disk=True)
            return 0
        leaving: dict[int, list[DataFile]] = {}
        for number in numbers:
            data_file = books.must_find(number)
            leaving.setdefault(data_file.server, []).append(data_file)
        self._move(target, leaving, numbers[-1].place)
        del waiting[-len(numbers) :]
        self._waiting = waiting
        return len(numbers)

    def _move(self, target: Follower, leaving: dict[int, list[DataFile]], arrived_to: int) -> None:
        books = self._books
        arriving: list[DataFile] = []
        lines: list[Line] = []
        for index, group in leaving.items():
            server = books.followers[index].server
            for data_file in group:
                arriving.append(data_file)
                lines += server.lines(data_file.newest, ALL_ARRIVED)
        standing = target.standing
        in_transit_minor = standing.in_transit_minor - _sum_minor(arriving)
        moved = replace(standing, in_transit_minor=in_transit_minor, arrived_to=arrived_to)
        self._left_behind = True
        with books.whole:
            target.server.arrive(arriving, lines, moved)
            books.fall_back()
        self._clear({index: [data_file.number for data_file in group]
                     for index, group in leaving.items()})  # fmt: skip

    def _clear(self, leaving: dict[int, list[AccountNumber]] | None = None) -> None:
        """Let go of those that have arrived from where they were."""
        books = self._books
        last = len(books.followers) - 1
        if not self._left_behind or self.is_over:
            return
        for index in range(last):
            follower = books.followers[index]
            numbers = self._arrived(follower) if leaving is None else leaving.get(index, [])
            if not numbers:
                continue
            gone = [follower.server.data_file(number) for number in numbers]
            sum_minor = _sum_minor([data_file for data_file in gone if data_file is not None])
            standing = follower.server.standing
            in_transit_minor = standing.in_transit_minor + sum_minor
            with books.whole:
                follower.server.leave(numbers, replace(standing, in_transit_minor=in_transit_minor))
                follower.forget()
        self._left_behind = False

    def _arrived(self, follower: Follower) -> list[AccountNumber]:
        nth, arrived_to = len(self._books.followers), self.arrived_to
        return [
            number
            for number in follower.server.numbers()
            if number.place <= arrived_to and takes(nth, number.place)
        ]

    def _places(self) -> list[int]:
        """The places of all accounts that are still to move, the next one last."""
        nth, arrived_to = len(self._books.followers), self.arrived_to
        each = (follower.server.numbers() for follower in self._books.followers[:-1])
        places = (number.place for numbers in each for number in numbers)
        waiting = (place for place in places if place > arrived_to and takes(nth, place))
        return sorted(waiting, reverse=True)


def _sum_minor(data_files: list[DataFile]) -> int:
    return sum(data_file.balance_minor for data_file in data_files)
