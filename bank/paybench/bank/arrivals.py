"""Particular users: who becomes one, and how their statement is put together (Fig 13)."""

from collections.abc import Iterable, Sequence
from heapq import merge

from msgspec.structs import replace

from .account import AccountNumber
from .storage import Entry, Kind, Line, LogRecord
from .storage.line import entry_of

_NS_PER_S = 10**9


class Arrivals:
    """Counts what arrives for each payee: whoever is paid often is a particular user ([0133]).

    Args:
        per_s: how many deposits within a second of the bank's time make a payee one; None: nobody
            becomes one.
    """

    def __init__(self, per_s: int | None) -> None:
        self._per_s = per_s
        self._second = -1
        self._counts: dict[AccountNumber, int] = {}

    def hot(self, batch: Iterable[LogRecord]) -> list[AccountNumber]:
        """Those who have become particular users with these deposits, in the order of the log."""
        if self._per_s is None:
            return []
        hot: list[AccountNumber] = []
        for record in batch:
            if record.kind is not Kind.SETTLED:
                continue
            second = record.created_ns // _NS_PER_S
            if second != self._second:
                self._second = second
                self._counts.clear()
            count = self._counts.get(record.payee, 0) + 1
            self._counts[record.payee] = count
            if count == self._per_s:
                hot.append(record.payee)
        return hot


def integrated(
    main: Sequence[Line], chains: Iterable[Sequence[Line]], balance_minor: int
) -> list[Entry]:
    """The statement of a particular user: the lines of all files, with one running balance.

    Args:
        main: the lines of the main file, newest first.
        chains: likewise those of the auxiliary files.
        balance_minor: what the user has, in minor units.
    """
    entries: list[Entry] = []
    mains = iter(main)
    newest_main = next(mains, None)
    for line in merge(main, *chains, key=_row, reverse=True):
        if newest_main is not None and line[0] == newest_main[0]:
            blocked_minor = newest_main[-1]
            newest_main = next(mains, None)
        else:
            # As after the main file's line before it: an auxiliary file blocks nothing.
            blocked_minor = 0 if newest_main is None else newest_main[-1]
        entry = entry_of(line)
        entries.append(replace(entry, balance_minor=balance_minor, blocked_minor=blocked_minor))
        balance_minor -= entry.amount_minor
    return entries


def _row(line: Line) -> int:
    return line[0]
