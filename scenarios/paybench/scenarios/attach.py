"""``paybench attach``: a console on the terminal, with real parts if there are any."""

from __future__ import annotations

import select
import sys
from contextlib import ExitStack
from dataclasses import replace
from io import FileIO
from typing import TYPE_CHECKING

from paybench.hil.errors import PortUnavailable
from paybench.hil.hold import Hold
from paybench.scenarios.command import EXIT_CODES
from paybench.scenarios.console import Console
from paybench.scenarios.report import View, console, drawing
from paybench.scenarios.run import drivers_for, make_rig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paybench.scenarios.rig import Rig
    from paybench.scenarios.run import Options

LOOK_S = 0.05
"""How often it is looked whether somebody typed, while the world goes on in wall time."""


def attach(role: str, options: Options) -> int:
    """Talk to a device until the input ends.

    Returns:
        The exit code: 0, or 3 when a real part is missing, or was not ours all the while.

    Raises:
        UsageError: There is no device of that role, a spec is malformed, or a real part was given
            that no device here has.
    """
    ask = View().ask
    with ExitStack() as stack:
        drivers = drivers_for(options.real)
        hold = Hold(drivers, options.bench, f"attach {role}", ask)
        stack.callback(hold.close)
        try:
            hold.take()
        except PortUnavailable as unavailable:
            return _blocked(str(unavailable))
        rig = make_rig(replace(options, operator=ask), real=drivers)
        stack.callback(rig.close)
        session = Console(rig, role, drawing(console()))
        rig.real_parts.check(rig.devices)
        for line in session.greeting():
            _say(line)
        session.run(_typed(rig, f"{session.device.name}> "), _say)
        why_lost = hold.lost()
    return _blocked(why_lost) if why_lost else 0


def _blocked(why: str) -> int:
    sys.stderr.write(f"paybench: blocked: {why}\n")
    return EXIT_CODES["blocked"]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _typed(rig: Rig, prompt: str) -> Iterator[str]:
    """Lines as they are typed. With real parts, the world goes on while nobody types."""
    # Unbuffered: a line that waits in a buffer of ours would be seen by no select.
    keys = FileIO(sys.stdin.fileno(), closefd=False)
    while True:
        if sys.stdin.isatty():
            sys.stdout.write(prompt)
            sys.stdout.flush()
        _let_it_run(rig)
        line = keys.readline()
        if not line:
            return
        yield line.decode(errors="replace")


def _let_it_run(rig: Rig) -> None:
    env = rig.world.env
    if not env.in_wall_time or env.wall is None:
        return
    while not select.select([sys.stdin], [], [], 0)[0]:
        env.wait_until(lambda: False, LOOK_S)
