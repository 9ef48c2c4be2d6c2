"""A database server 300 in a process of its own, as Fig 11 draws it: it works beside the bank's."""

import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import msgspec

from paybench.bank.account import AccountNumber
from paybench.bank.approval import ReplayWindow
from paybench.bank.errors import StorageError

from . import Change, DatabaseServer, DataFile, Line, Standing
from .server_calls import ANSWERS, LENGTH_BYTES, NAMED, Failed, encode
from .sqlite_rows import rows_of

_UNANSWERED_MAX = 4


class ServerProcess(DatabaseServer):
    """An SQLite file that a process of its own writes; the bank does not wait for it.

    What is to be on the disk is waited for, and what is read. Other changes are on their way when
    `write` returns; one that fails is told by the next call, and whatever was on its way after it
    is not written either. From then on each call fails until `standing` is read again: who reads
    it has understood that it fell back.

    Args:
        path: the file.
        held: descriptors that the process holds too: a lock on the folder lasts until it has ended.

    Raises:
        StorageVersionError: the file is of another schema version.
        StorageError: the file cannot be read, or no process can be started.
    """

    def __init__(self, path: Path, held: Sequence[int] = ()) -> None:
        self._path = path
        self._held = held
        self._unanswered = 0
        self._failure: StorageError | None = None
        self._closed = False
        self._start()

    @property
    def standing(self) -> Standing:  # pyright: ignore[reportIncompatibleVariableOverride] - read only
        """How far it follows the log, with all that was on its way written or lost.

        Raises:
            StorageError: it does not say; and it is asked anew the next time.
        """
        if self._failure is None:
            with suppress(StorageError):
                return self._ask("resume")
        self._failure = None
        if self._process.poll() is not None:
            self._end()
            self._start()
        return self._ask("resume")

    def add(self, data_files: Sequence[DataFile]) -> None:
        """Keep new data files, on the disk on return."""
        self._ask("add", data_files)

    def keep_proofs(self, number: AccountNumber, proofs: ReplayWindow) -> None:
        """Keep the proof counters of an account, on the disk on return."""
        self._ask("keep_proofs", number, proofs)

    def data_file(self, number: AccountNumber) -> DataFile | None:
        """An account's data file."""
        return self._ask("data_file", number)

    def particular(self) -> list[DataFile]:
        """The particular users whose main file is here, and all auxiliary files here."""
        return self._ask("particular")

    def numbers(self) -> list[AccountNumber]:
        """Every account whose main file is here, in order of its number."""
        return self._ask("numbers")

    def total_minor(self) -> int:
        """The sum of all balances here, in minor units."""
        return self._ask("total_minor")

    def write(self, change: Change) -> None:
        """Send a change on its way; on the disk on return where it has to be."""
        rows = rows_of(change)
        if change.on_disk:
            self._ask("write_rows", rows)
        else:
            self._send("write_rows", (rows,))
            while self._unanswered > _UNANSWERED_MAX:
                self._hear()

    def arrive(
        self, data_files: Sequence[DataFile], lines: Iterable[Line], standing: Standing
    ) -> None:
        """Take over accounts with their histories, on the disk on return."""
        self._ask("arrive", data_files, list(lines), standing)

    def leave(self, numbers: Iterable[AccountNumber], standing: Standing) -> None:
        """Let accounts go with their histories, on the disk on return."""
        self._ask("leave", list(numbers), standing)

    def lines(self, newest: int | None, limit: int) -> list[Line]:
        """A history from its newest line on backwards, at most `limit` lines."""
        return self._ask("lines", newest, limit)

    def close(self) -> None:
        """Have all that is on its way written, and end the process; closing twice is fine.

        Raises:
            StorageError: some of it could not be written; it is in the log.
        """
        if self._closed:
            return
        self._closed = True
        try:
            while self._unanswered:
                self._hear()
        finally:
            self._end()

    # The process

    def _start(self) -> None:
        command = [sys.executable, "-m", "paybench.bank.storage.server_child", str(self._path)]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=self._held
            )
        except OSError as error:
            raise StorageError(
                f"expected to start a database server for {self._path}, seen {error}: free "
                "memory or processes, or keep the servers in the bank's own process"
            ) from error
        assert self._process.stdin is not None, "it is a pipe"
        assert self._process.stdout is not None, "it is a pipe"
        self._requests: IO[bytes] = self._process.stdin
        self._answers: IO[bytes] = self._process.stdout
        self._unanswered = 0
        try:
            self._ask("resume")
        except StorageError:
            self._end()
            raise

    def _ask(self, name: str, *values: Any) -> Any:
        """Call a method there and wait for what it returns."""
        self._send(name, values)
        while self._unanswered > 1:
            self._hear()
        return msgspec.msgpack.decode(self._hear(), type=ANSWERS[name], strict=True)

    def _send(self, name: str, values: tuple[Any, ...]) -> None:
        if self._failure is not None:
            raise self._failure
        if self._closed:
            raise self._gone("it is closed")
        body = encode((name, values))
        try:
            self._requests.write(len(body).to_bytes(LENGTH_BYTES, "big"))
            self._requests.write(body)
            self._requests.flush()
        except OSError as error:
            self._failure = self._gone(str(error))
            raise self._failure from error
        self._unanswered += 1

    def _hear(self) -> bytes:
        """The oldest answer that was not heard."""
        length = int.from_bytes(self._answers.read(LENGTH_BYTES), "big")
        answer = self._answers.read(length)
        if not answer:
            self._unanswered = 0
            self._failure = self._gone("its process has ended")
            raise self._failure
        self._unanswered -= 1
        ok, answer = answer[:1], answer[1:]
        if ok == b"\x00":
            failed = msgspec.msgpack.decode(answer, type=Failed)
            self._failure = NAMED[failed.kind](failed.sentence)
            while self._unanswered:  # what was on its way after it has failed too
                self._answers.read(int.from_bytes(self._answers.read(LENGTH_BYTES), "big"))
                self._unanswered -= 1
            raise self._failure
        return answer

    def _gone(self, why: str) -> StorageError:
        return StorageError(
            f"expected a database server for {self._path}, seen none: {why}. Check that the bank "
            "is open, and ask again: what is in the log is redone"
        )

    def _end(self) -> None:
        with suppress(OSError):  # whoever has ended reads no rest
            self._requests.close()
        self._process.wait()
        self._answers.close()
