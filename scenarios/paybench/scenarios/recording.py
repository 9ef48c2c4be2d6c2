"""Trace files: written whole or not at all, read strictly."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import msgspec

from paybench.devices.errors import TraceError
from paybench.devices.trace import KEPT, AnyEvent, Header

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path
    from typing import BinaryIO, Self

    from paybench.devices.trace import Trace

FORMAT = 1
"""Version of the trace format; goes up when an old reader would misread a new file."""

_event = msgspec.json.Decoder(AnyEvent)
_header = msgspec.json.Decoder(Header)


class Tape:
    """Takes a trace file, in one piece or while its run goes on: the whole file is there or none.

    Args:
        path: The file; None where nobody wants one.
        keep: So many events the trace keeps of a long run.
    """

    def __init__(self, path: Path | None, keep: int = KEPT) -> None:
        self.keep = keep
        self._path = path
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()

    def take(self, content: bytes) -> None:
        """Take the next bytes of the file.

        Raises:
            TraceError: They cannot be written there.
        """
        if self._path is None:
            return
        with self._failing(self._path) as partial:
            if self._file is None:
                partial.parent.mkdir(parents=True, exist_ok=True)
                self._file = partial.open("wb")
            self._file.write(content)

    def end(self, trace: Trace, header: Header) -> None:
        """The run has ended: take what it has not let go of, and have the file be there.

        Raises:
            TraceError: It cannot be written there.
        """
        if self._path is not None:
            self.take(trace.encode_kept() if trace.gone else trace.encode(header))
            self.close()

    def close(self) -> None:
        """Nothing more comes: have the file be there.

        Raises:
            TraceError: It cannot be written there.
        """
        if self._path is not None and self._file is not None:
            with self._failing(self._path) as partial:
                self._file.close()
                partial.replace(self._path)
            self._file = None

    def drop(self) -> None:
        """Nothing came of it: leave nothing behind. Harmless when the file is there."""
        if self._path is not None and self._file is not None:
            with suppress(OSError):
                self._file.close()
            with suppress(OSError):
                _partial(self._path).unlink(missing_ok=True)
            self._file = None

    @contextmanager
    def _failing(self, path: Path) -> Generator[Path]:
        """Around what may fail; gives where the file grows until it is whole."""
        try:
            yield _partial(path)
        except OSError as error:
            self.drop()
            raise TraceError(f"{path}: the trace cannot be written ({error.strerror})") from error


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def write(path: Path, content: bytes) -> None:
    """Write a trace file in one stroke: there is the whole file or none.

    Raises:
        TraceError: It cannot be written there.
    """
    with Tape(path) as tape:
        tape.take(content)
        tape.close()


def check_writable(folder: Path) -> None:
    """Make the folder traces shall go to, before a long run finds out that it cannot.

    Raises:
        TraceError: It cannot be made, or not written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        allowed = os.access(folder, os.W_OK)
    except OSError as error:
        raise TraceError(f"{folder}: the trace cannot be written ({error.strerror})") from error
    if not allowed:
        raise TraceError(f"{folder}: the trace cannot be written (permission denied)")


def read(path: Path) -> tuple[Header, list[AnyEvent], list[bytes]]:
    """Read a trace file: its header, its events, and its lines as they stand.

    Raises:
        TraceError: It cannot be read, is of another version, or is broken; the error names the
            line.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise TraceError(f"{path}: the trace cannot be read ({error.strerror})") from error
    if lines.pop() != b"":
        raise TraceError(f"{path}: the last line has no end: the file was cut off")
    if not lines:
        raise TraceError(f"{path}: the file is empty, not a trace")
    header = _decode_header(path, lines[0])
    events: list[AnyEvent] = []
    try:
        for line in lines[1:]:
            events.append(_event.decode(line))  # noqa: PERF401 - its length tells the broken line
    except msgspec.MsgspecError as error:
        number = len(events) + 2
        raise TraceError(f"{path}, line {number}: no trace event ({error})") from error
    return header, events, lines


class _Format(msgspec.Struct, tag="Header", tag_field="event"):
    format: int
    paybench: str = "?"


def _decode_header(path: Path, line: bytes) -> Header:
    try:
        found = msgspec.json.decode(line, type=_Format)
        if found.format == FORMAT:
            return _header.decode(line)
    except msgspec.MsgspecError as error:
        raise TraceError(
            f"{path}: the first line is no trace header: is this a file of paybench run --trace?"
        ) from error
    raise TraceError(
        f"{path}: a trace of format {found.format} (written by paybench {found.paybench}); "
        f"this paybench reads format {FORMAT}: record it again, or use that version"
    )
