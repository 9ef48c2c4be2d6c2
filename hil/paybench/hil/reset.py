"""The reset of a real thing: a command that puts it into its starting state."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from typing import TYPE_CHECKING

from paybench.hil.errors import ResetFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

OUTPUT_MAX_BYTES = 2000
"""So much of a command's output, the last of it, is kept to be shown."""


def run_reset(thing: str, command: Sequence[str], timeout_s: float) -> None:
    """Run a command to its end: without a shell, without input, in a process group of its own.

    Args:
        thing: Whose reset it is, for the error.
        command: Program and arguments.
        timeout_s: The most it may take, in seconds; then it is killed with all it started.

    Raises:
        ResetFailed: It cannot be started, takes too long, or ends with another code than 0.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - the bench file's own command, as a list
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        why = f"the reset {command[0]!r} cannot be started ({error.strerror})"
        raise ResetFailed(f"{thing}: {why}: is it there, and executable?") from error
    ended = False
    with process:
        try:
            output, ended = _watch(process, timeout_s)
        finally:
            if not ended:  # what it left behind on purpose, such as a server, may stay
                os.killpg(process.pid, signal.SIGKILL)
    if not ended:
        raise ResetFailed(
            f"{thing}: the reset {command[0]!r} did not end within {timeout_s:g} s{_told(output)}"
        )
    if process.returncode:
        code = process.returncode
        how = f"with code {code}" if code > 0 else f"by signal {-code}"
        raise ResetFailed(f"{thing}: the reset {command[0]!r} ended {how}{_told(output)}")


def _watch(process: subprocess.Popen[bytes], timeout_s: float) -> tuple[bytes, bool]:
    """The last of a process's output, and whether it ended in time."""
    if process.stdout is None:
        raise AssertionError("the output is piped")
    pipe = process.stdout.fileno()
    end = os.pidfd_open(process.pid)
    output = b""
    deadline_s = time.monotonic() + timeout_s
    try:
        watched = [pipe, end]
        while (left_s := deadline_s - time.monotonic()) > 0:
            ready, _, _ = select.select(watched, [], [], left_s)
            data = os.read(pipe, 65536) if pipe in ready else b""
            output = (output + data)[-OUTPUT_MAX_BYTES:]
            if pipe in ready and not data:
                watched = [end]  # it has closed its output, and may go on
            # What it wrote before it ended is read first; what a child still writes is not.
            elif end in ready and not data:
                process.wait()
                return output, True
    finally:
        os.close(end)
    return output, False


def _told(output: bytes) -> str:
    """The end of a sentence: what a command said, in one line."""
    text = " / ".join(output.decode(errors="replace").split("\n")).strip(" /")
    shown = "".join(char if char.isprintable() else "?" for char in text)
    return f"; it said: {shown}" if shown else "; it said nothing"
