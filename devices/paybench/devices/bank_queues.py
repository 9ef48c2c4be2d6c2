"""The queues of the bank's servers: how long a request is under way there (Fig 11, 14)."""

from __future__ import annotations

from heapq import heapreplace
from typing import TYPE_CHECKING

from msgspec import Struct

from paybench.devices.environment import to_ns

if TYPE_CHECKING:
    from collections.abc import Iterable

APPLICATION, LOG = "200", "400"
"""The application server and the log data server, by their names in Fig 11."""


class BankTimes(Struct, frozen=True, kw_only=True):
    """How long the bank's servers are busy with a request, in seconds.

    A settlement takes ``application_s + flush_s + write_s`` where nobody waits, anything else
    ``application_s + read_s``: 4 ms either way unless told otherwise.

    Args:
        application_s: The application server (200), with any request.
        workers: How many requests it serves side by side.
        flush_s: The log data server (400), with one group of settlements, however many they are.
        write_s: A database server (300a, …), with one account that it changes.
        read_s: Likewise with what is only asked.

    Raises:
        ValueError: There is no worker, or a time is below zero.
    """

    application_s: float = 0.0025
    workers: int = 4
    flush_s: float = 0.001
    write_s: float = 0.0005
    read_s: float = 0.0015

    def __post_init__(self) -> None:
        times_s = self.application_s, self.flush_s, self.write_s, self.read_s
        if self.workers < 1 or min(times_s) < 0:
            raise ValueError(f"expected one worker at least and times of 0 s or more, seen {self}")


class Turn(Struct, frozen=True, gc=False):
    """When a request is done with, and how long it waits until then.

    Args:
        done_ns: When, in nanoseconds of the run's clock.
        waited_ns: For how long it waits in each server's queue, by the server's name.
    """

    done_ns: int
    waited_ns: dict[str, int]


class BankQueues:
    """The servers' queues, first come, first served.

    A request takes its places when it comes in: what each server does is known by then, so one
    event on the agenda is enough for its whole way.

    Args:
        times: How long each server is busy.
    """

    def __init__(self, times: BankTimes) -> None:
        self._application_ns = to_ns(times.application_s)
        self._flush_ns = to_ns(times.flush_s)
        self._write_ns = to_ns(times.write_s)
        self._read_ns = to_ns(times.read_s)
        self._workers_free_ns = [0] * times.workers
        self._flushed_ns = 0
        self._free_ns: dict[str, int] = {}

    def settlement(self, at_ns: int, server: str) -> Turn:
        """A settlement: application server, a flush of the log, the payer's database server."""
        ready_ns = self._apply(at_ns)
        applied_ns = ready_ns - self._application_ns
        logged_ns = self._log(ready_ns)
        start_ns = self._access(server, logged_ns, self._write_ns)
        waited_ns = {
            APPLICATION: applied_ns - at_ns,
            LOG: logged_ns - self._flush_ns - ready_ns,
            server: start_ns - logged_ns,
        }
        return Turn(start_ns + self._write_ns, waited_ns)

    def other(self, at_ns: int) -> int:
        """When anything else is done, in nanoseconds: the application server reads what it wants.

        Which server that is on is not asked; reading disturbs no settlement.
        """
        return self._apply(at_ns) + self._read_ns

    def deposits(self, at_ns: int, servers: Iterable[str]) -> None:
        """A batch of deposits: each server is busy with each account that it changes."""
        for server in servers:
            self._access(server, at_ns, self._write_ns)

    def _apply(self, at_ns: int) -> int:
        """When the first worker that is free has done its part."""
        free = self._workers_free_ns
        ready_ns = max(at_ns, free[0]) + self._application_ns
        heapreplace(free, ready_ns)
        return ready_ns

    def _log(self, ready_ns: int) -> int:
        """When it is on the disk: while one group is on its way there the next one gathers."""
        if ready_ns >= self._flushed_ns:
            self._flushed_ns = ready_ns + self._flush_ns
        elif ready_ns > self._flushed_ns - self._flush_ns:
            self._flushed_ns += self._flush_ns
        return self._flushed_ns

    def _access(self, server: str, at_ns: int, busy_ns: int) -> int:
        """When a database server begins with it."""
        start_ns = max(at_ns, self._free_ns.get(server, 0))
        self._free_ns[server] = start_ns + busy_ns
        return start_ns
