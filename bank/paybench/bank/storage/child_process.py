"""A server's process as the bank has it: started, asked, heard, and started again."""

import fcntl
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import msgspec

from paybench.bank.errors import StorageError

from .child_calls import CALLS, LENGTH_BYTES, NAMED, Failed, encode

# What is sent fits into the pipe, as a rule: who sends does not wait until it is read.
_PIPE_BYTES = 1 << 20


class ChildProcess:
    """An SQLite file that a process of its own writes.

    It does what it is sent in order. What fails is told when it is heard, and whatever was on its
    way after it is not done either. From then on each call fails until `resume`.

    Args:
        kind: log or accounts.
        path: the file.
        held: descriptors that the process holds too: a lock on the folder lasts until it has ended.

    Raises:
        StorageVersionError: the file is of another schema version.
        StorageError: the file cannot be read, or no process can be started.
    """

    def __init__(self, kind: str, path: Path, held: Sequence[int]) -> None:
        self._kind = kind
        self._path = path
        self._held = held
        self._failure: StorageError | None = None
        self._closed = False
        self._start()

    @property
    def has_failed(self) -> bool:
        """Whether `resume` has to be called before anything else."""
        return self._failure is not None

    def resume(self) -> Any:
        """How it stands, with all that was on its way done or lost; in another process if need be.

        Raises:
            StorageError: it does not say; and it is asked anew the next time.
        """
        if self._failure is None:
            with suppress(StorageError):
                return self.ask("resume")
        self._failure = None
        if self.process.poll() is not None:
            self._end()
            self._start()
        return self.ask("resume")

    def ask(self, name: str, *values: Any) -> Any:
        """Call a method there and wait for what it returns.

        Raises:
            StorageError: it failed, or what was on its way before it did.
        """
        self.send(name, *values)
        while self.unheard > 1:
            self.hear()
        return msgspec.msgpack.decode(self.hear(), type=CALLS[self._kind][name][1], strict=True)

    def send(self, name: str, *values: Any) -> None:
        """Have a method called there; its answer is the next but `unheard` to be heard.

        Raises:
            StorageError: it is closed, has ended, or something failed before.
        """
        if self._failure is not None:
            raise self._failure
        if self._closed:
            raise self._gone("it is closed")
        body = encode((name, values))
        with self._whole():
            try:
                self._requests.write(len(body).to_bytes(LENGTH_BYTES, "big"))
                self._requests.write(body)
                self._requests.flush()
            except OSError as error:
                raise self._lost(str(error)) from error
            self.unheard += 1

    def hear(self) -> bytes:
        """The oldest answer that was not heard, encoded.

        Raises:
            StorageError: that is what it says.
        """
        with self._whole():
            answer = self._read()
            if not answer:
                raise self._lost("its process has ended")
            self.unheard -= 1
            if answer[:1] == b"\x00":
                failed = msgspec.msgpack.decode(answer[1:], type=Failed)
                self._failure = NAMED[failed.kind](failed.sentence)
                while self.unheard:  # what was on its way after it has failed too
                    self._read()
                    self.unheard -= 1
                raise self._failure
        return answer[1:]

    def close(self) -> None:
        """Have all that is on its way done, and end the process; closing twice is fine.

        Raises:
            StorageError: some of it failed.
        """
        if self._closed:
            return
        self._closed = True
        try:
            while self.unheard:
                self.hear()
        finally:
            self._end()

    def _read(self) -> bytes:
        length = int.from_bytes(self._answers.read(LENGTH_BYTES), "big")
        return self._answers.read(length)

    @contextmanager
    def _whole(self) -> Generator[None]:
        """Around what cannot be taken up again when it was interrupted, as by Ctrl-C."""
        try:
            yield
        except StorageError:
            raise
        except BaseException:
            self._lost("what it was told was interrupted")
            raise

    def _start(self) -> None:
        module = "paybench.bank.storage.child"
        command = [sys.executable, "-m", module, self._kind, str(self._path)]
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own module
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=self._held
            )
        except OSError as error:
            raise StorageError(
                f"expected to start a server for {self._path}, seen {error}: free memory or "
                "processes, or keep the servers in the bank's own process"
            ) from error
        assert self.process.stdin is not None, "it is a pipe"
        assert self.process.stdout is not None, "it is a pipe"
        self._requests: IO[bytes] = self.process.stdin
        with suppress(OSError):  # where a user may have no more, it is as large as it was
            fcntl.fcntl(self._requests, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._answers: IO[bytes] = self.process.stdout
        self.unheard = 0
        try:
            self.ask("resume")
        except StorageError:
            self._end()
            raise

    def _lost(self, why: str) -> StorageError:
        """The process is given up, whether it has ended or is about to: `resume` starts another."""
        self.process.kill()
        self.process.wait()
        self.unheard = 0
        self._failure = self._gone(why)
        return self._failure

    def _gone(self, why: str) -> StorageError:
        return StorageError(
            f"expected a server for {self._path}, seen none: {why}. Check that the bank is open, "
            "and ask again: what is in the log is redone"
        )

    def _end(self) -> None:
        with suppress(OSError):  # whoever has ended reads no rest
            self._requests.close()
        self.process.wait()
        self._answers.close()
