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

T = TypeVar("T")
Told = Callable[[Any], object]
"""Is told the answers to a batch, or the result of a call; or the exception there was instead."""
Work = Batch | Callable[[Bank], Any]

_WAITING_MAX = 100_000
_GROUP_MAX = 4096


class Committer:
    """Lets many threads settle with one bank: one of its own takes whatever waits, as one group.

    While a group is written to the disk the next one gathers, and is decided where the log is a
    process of its own: groups are as large as the load makes them, and nobody waits for a timer.
    From `__enter__` to `__exit__` the bank is the
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
        self._waiting: list[tuple[Work, Told]] = []
        self._changed = threading.Condition()
        self._closing = False
        self._settled = 0
        self._flying: list[tuple[Told, list[Outcome]]] = []
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
        """Queue a batch; its answers come when it is on the disk. It cannot be cancelled.

        Raises:
            BusyError: it is closed, or too many wait.
        """
        return self._submit(batch)

    def call(self, function: Callable[[Bank], T]) -> "Future[T]":
        """Queue anything else that is asked of the bank: done in its turn, between two groups.

        Args:
            function: gets the bank, which is its own while it runs.

        Raises:
            BusyError: it is closed, or too many wait.
        """
        return self._submit(function)

    def ask(self, work: Work, told: Told) -> None:
        """Queue a batch or a call; when it is done, the committer's thread calls `told`, once.

        Others wait while `told` works: it only passes on what it is told, and raises nothing. For
        whoever has thousands under way this costs less than futures.

        Raises:
            BusyError: it is closed, or too many wait; `told` is not called.
        """
        with self._changed:
            if self._closing or len(self._waiting) >= self._waiting_max:
                raise BusyError(
                    f"expected fewer than {self._waiting_max} requests waiting at an open "
                    f"committer, seen {len(self._waiting)}: ask again later with the same ids"
                )
            self._waiting.append((work, told))
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not (self._waiting or self._closing or self._flying):
                    self._changed.wait()
                group = self._waiting[:_GROUP_MAX]
                del self._waiting[:_GROUP_MAX]
                ends = self._closing and not self._waiting
            if not group:
                self._land()
                if ends:
                    self._deposit()
                    return
            for are_batches, part in groupby(group, _is_batch):
                work = self._commit if are_batches else self._call
                work(list(part))
            if self._settled >= self._deposit_every:
                self._deposit()

    def _commit(self, group: list[tuple[Any, Told]]) -> None:
        """Have a group decided while the one before it is logged; its senders are told later."""
        try:
            answers = self._bank.begin_batches([batch for batch, _ in group])
        except StorageError as error:
            self._tell_of(error, [told for told, _ in self._flying])
            self._tell_of(error, [told for _, told in group])
        except BaseException as error:  # noqa: BLE001 - whoever waits is told
            self._land()
            if len(group) == 1:
                self._tell_of(error, [group[0][1]])
            else:  # one sender's mistake is nobody else's
                for each in group:
                    self._commit([each])
        else:
            self._tell()
            for (_, told), answer in zip(group, answers, strict=True):
                self._flying.append((told, answer))
            if not self._bank.is_logging:
                self._tell()

    def _land(self) -> None:
        """Wait until the group that is being logged is, and tell its senders."""
        try:
            self._bank.end_batches()
        except BaseException as error:  # noqa: BLE001 - likewise
            self._tell_of(error, [told for told, _ in self._flying])
        else:
            self._tell()

    def _tell(self) -> None:
        flying, self._flying = self._flying, []
        for told, answer in flying:
            self._settled += len(answer)
            told(answer)

    def _tell_of(self, error: BaseException, senders: list[Told]) -> None:
        self._flying = []
        for told in senders:
            told(error)

    def _call(self, calls: list[tuple[Any, Told]]) -> None:
        self._land()
        for function, told in calls:
            try:
                result = function(self._bank)
            except BaseException as error:  # noqa: BLE001 - whoever waits is told
                result = error
            told(result)

    def _submit(self, work: Work) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()

        def tell(told: Any) -> None:
            if isinstance(told, BaseException):
                future.set_exception(told)
            else:
                future.set_result(told)

        self.ask(work, tell)
        return future

    def _deposit(self) -> None:
        self._land()
        self._settled = 0
        # What fails stays under way, and goes with the next ones.
        with contextlib.suppress(StorageError):
            self._bank.deposit()


def _is_batch(waiting: tuple[Work, Told]) -> bool:
    return isinstance(waiting[0], Batch)
