"""The process that started a twin: it is told things line by line, and hangs the twin up."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

_STDOUT = 1


def obey() -> None:
    """Let SIGTERM and Ctrl-C hang up: the twin ends with exit status 0, and tidies up first."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _hang_up)


def say(line: str) -> None:
    """Tell the parent a line at once, from any thread; hang up when it is gone."""
    try:
        os.write(_STDOUT, f"{line}\n".encode())
    except BrokenPipeError:
        hang_up()


def hang_up() -> None:
    """End the twin as the parent would, from any thread."""
    os.kill(os.getpid(), signal.SIGTERM)


def _hang_up(_signal_number: int, _frame: object) -> NoReturn:
    sys.exit(0)
