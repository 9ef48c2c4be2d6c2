"""Trace files: written whole or not at all, read strictly."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from paybench.devices.errors import TraceError
from paybench.devices.trace import AnyEvent, Header

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1
"""Version of the trace format; goes up when an old reader would misread a new file."""

_event = msgspec.json.Decoder(AnyEvent)
_header = msgspec.json.Decoder(Header)


def write(path: Path, content: bytes) -> None:
    """Write a trace file in one stroke: there is the whole file or none.

    Raises:
        TraceError: It cannot be written there.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise TraceError(f"{path}: the trace cannot be written ({error.strerror})") from error


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
