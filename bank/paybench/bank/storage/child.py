"""The process of a server: ``python -m paybench.bank.storage.child log|accounts FILE``.

It does what comes in, in order, and ends when nobody is there to ask for more.
"""

import gc
import os
import signal
import sys
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from paybench.bank.errors import StorageError

from .child_calls import CALLS, LENGTH_BYTES, NAMED, Failed, encode
from .sqlite_log import SqliteLog
from .sqlite_server import SqliteServer

_OPENED = {"log": SqliteLog, "accounts": SqliteServer}
_BEHIND = 10
_head_of = msgspec.msgpack.Decoder(tuple[str, msgspec.Raw]).decode


class Child:
    """An SQLite file, and what is asked of it.

    After a change that could not be written no other is, until it is asked how it stands.

    Args:
        kind: log or accounts.
        path: the file.
    """

    def __init__(self, kind: str, path: Path) -> None:
        self._open = _OPENED[kind]
        self._decoders = {
            name: msgspec.msgpack.Decoder(values).decode
            for name, (values, _) in CALLS[kind].items()
        }
        self._path = path
        self._server: SqliteLog | SqliteServer | None = None
        self._failure: StorageError | None = None

    def serve(self, requests: BinaryIO, answers: BinaryIO) -> None:
        """Answer until there are no more requests, then close the file."""
        while head := requests.read(LENGTH_BYTES):
            length = int.from_bytes(head, "big")
            body = requests.read(length)
            if len(body) < length:
                break  # who asked has gone in the middle of it: nothing of it happens
            answer = self._answer(body)
            answers.write(len(answer).to_bytes(LENGTH_BYTES, "big") + answer)
            answers.flush()
        if self._server is not None:
            self._server.close()

    def _answer(self, body: bytes) -> bytes:
        name, values = _head_of(body)
        try:
            return b"\x01" + encode(self._call(name, self._decoders[name](values)))
        except StorageError as error:
            self._failure = error
            kind = type(error).__name__
            return b"\x00" + encode(Failed(kind if kind in NAMED else "StorageError", str(error)))

    def _call(self, name: str, values: tuple[Any, ...]) -> Any:
        if name == "resume":
            return self._resume()
        if self._failure is not None:
            raise self._failure
        assert self._server is not None, "it was resumed"
        return getattr(self._server, name)(*values)

    def _resume(self) -> Any:
        self._failure = None
        if self._server is None:
            self._server = self._open(self._path)
        return self._server.resume()


def main() -> None:
    """Serve the bank that started this process."""
    gc.disable()  # what is decoded has no cycles, and there is much of it
    # What is told to the whole group is for the bank: it closes this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    kind, path = sys.argv[1:]
    if kind == "accounts":  # the bank waits for the log, and not for what follows it
        os.nice(_BEHIND)
    try:
        Child(kind, Path(path)).serve(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:  # the bank was killed; what it had sent is written
        sys.stdout = None


if __name__ == "__main__":
    main()
