"""The committer: many threads settle, and wait for one flush together."""

import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from itertools import groupby
from typing import Any, Self, TypeVar

from .bank import Bank
from .errors import BusyError, StorageError
from .group import Batch, Mode
from .outcome import Outcome
from .settlement import SettlingInformation

_WAITING_MAX = 100_000
_GROUP_MAX = 4096

T = TypeVar("T")


class Committer:
    """Lets many threads settle with one bank: one of its own takes whatever waits, as one group.

    While a group is written to the disk the next one gathers, so groups are as large as the load
    makes them and nobody waits for a timer. From `__enter__` to `__exit__` the bank is the
    committer's alone.

    Args:
        bank: the bank; no other thread uses it meanwhile.
        deposit_every: how many settlements are deposited at once, at the least.
        waiting_max: how many batches and calls may wait; more are refused.
    """

    def __init__(
        self, bank: Bank, deposit_every: int = 10_000, waiting_max: int = _WAITING_MAX
    ) -> None:
        self._bank = bank
        self._deposit_every = deposit_every
        self._waiting_max = waiting_max
        self._waiting: list[_Waiting] = []
        self._changed = threading.Condition()
        self._closing = False
        self._settled = 0
        self._thread = threading.Thread(target=self._work, name="committer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Settle what waits, deposit, and stop."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def settle(self, order: SettlingInformation, at_ns: int) -> Outcome:
        """Settle and wait for the answer: as `Bank.settle`, from any thread.

        Raises:
            BusyError: it is closed, or too many wait.
            StorageError: the storage failed. Ask again with the same id.
        """
        return self.submit(Batch((order,), at_ns)).result()[0]

    def settle_many(
        self, orders: Sequence[SettlingInformation], at_ns: int, mode: Mode = Mode.CONTINUE
    ) -> list[Outcome]:
        """Likewise for a batch: as `Bank.settle_many`."""
        return self.submit(Batch(orders, at_ns, mode)).result()

    def submit(self, batch: Batch) -> "Future[list[Outcome]]":
        """Queue a batch; its answers come when it is on the disk.

        Raises:
            BusyError: it is closed, or too many wait.
        """
        return self._queue(batch)

    def call(self, function: Callable[[Bank], T]) -> "Future[T]":
        """Queue anything else that is asked of the bank: done in its turn, between two groups.

        Args:
            function: gets the bank, which is its own while it runs.

        Raises:
            BusyError: it is closed, or too many wait.
        """
        return self._queue(function)

    def _queue(self, work: Batch | Callable[[Bank], Any]) -> "Future[Any]":
        future: Future[Any] = Future()
        with self._changed:
            if self._closing or len(self._waiting) >= self._waiting_max:
                raise BusyError(
                    f"expected fewer than {self._waiting_max} requests waiting at an open "
                    f"committer, seen {len(self._waiting)}: ask again later with the same ids"
                )
            self._waiting.append((work, future))
            self._changed.notify()
        return future

    def _work(self) -> None:
        while True:
            with self._changed:
                while not (self._waiting or self._closing):
                    self._changed.wait()
                group = self._waiting[:_GROUP_MAX]
                del self._waiting[:_GROUP_MAX]
            if not group:
                self._deposit()
                return
            wanted = [each for each in group if each[1].set_running_or_notify_cancel()]
            for are_batches, part in groupby(wanted, _is_batch):
                work = self._commit if are_batches else self._call
                work(list(part))
            if self._settled >= self._deposit_every:
                self._deposit()

    def _commit(self, group: "list[tuple[Any, Future[Any]]]") -> None:
        try:
            answers = self._bank.settle_batches([batch for batch, _ in group])
        except BaseException as error:  # noqa: BLE001 - whoever waits is told
            if len(group) > 1 and not isinstance(error, StorageError):
                for each in group:  # one sender's mistake is nobody else's
                    self._commit([each])
                return
            for _, future in group:
                future.set_exception(error)
            return
        for (_, future), answer in zip(group, answers, strict=True):
            future.set_result(answer)
            self._settled += len(answer)

    def _call(self, calls: "list[tuple[Any, Future[Any]]]") -> None:
        for function, future in calls:
            try:
                result = function(self._bank)
            except BaseException as error:  # noqa: BLE001 - whoever waits is told
                future.set_exception(error)
            else:
                future.set_result(result)

    def _deposit(self) -> None:
        self._settled = 0
        # What fails stays under way, and goes with the next ones.
        with contextlib.suppress(StorageError):
            self._bank.deposit()


_Waiting = tuple[Batch | Callable[[Bank], Any], "Future[Any]"]


def _is_batch(waiting: _Waiting) -> bool:
    return isinstance(waiting[0], Batch)
