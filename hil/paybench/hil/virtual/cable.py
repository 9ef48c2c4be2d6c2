"""A cable that is pulled, in a process of its own: a tty, offered on another that comes and goes.

It plays the USB plug of a phone or reader. When it is pulled, its port hangs up and the name is
gone; when it is put back, there is a new port under the same name. Run it as
`python -m paybench.hil.virtual.cable TTY --link NAME`; docs/serial.md tells how.
"""

from __future__ import annotations

import argparse
import os
import select
import sys
import time
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import serial

from paybench.hil.errors import HilError
from paybench.hil.virtual.parent import obey, say
from paybench.hil.virtual.tty import VirtualTty

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

READ_BYTES = 65536
_STDIN = 0

_EPILOG = """\
example: pulled after 60 bytes, and away for half a second; then each Enter pulls it
  $ python -m paybench.hil.virtual.cable /dev/pts/7 --link ./phone --cut 60 --away 0.5
  tty ./phone
  pulled
  back

exit status: 0 stdin ended; 1 the device hung up, or nobody read the port; 2 an option is wrong
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry bytes both ways until stdin ends or the device hangs up."""
    options = _options(arguments)
    chance = Random(options.spoil)  # noqa: S311 - which byte is spoilt is no secret
    obey()
    try:
        device = serial.Serial(str(options.tty), timeout=0)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"virtual cable: {options.tty}: it cannot be opened ({error})\n")
        return 2
    word = f"tty {options.link}"
    try:
        with device:
            while True:
                with VirtualTty(options.link) as port:
                    say(word)
                    limit = options.cut.pop(0) if options.cut else None
                    if not _carry(device, port, limit, partial(_spoilt, chance, options.spoil)):
                        return 0
                say("pulled")
                if not _stay_away(device, options.away):
                    return 0
                word = "back"
    except (HilError, OSError) as error:  # pyserial's own errors are OSErrors
        sys.stderr.write(f"virtual cable: {error}\n")
        return 1


def _carry(
    device: Any, port: VirtualTty, limit: int | None, on_the_way: Callable[[bytes], bytes]
) -> bool:
    """Carry bytes until the cable is pulled: by a line on stdin, or after `limit` bytes.

    What the limit leaves over is lost. False when stdin has ended.
    """
    left = READ_BYTES if limit is None else limit
    while left > 0:
        ready = select.select([device, port, _STDIN], [], [])[0]
        if _STDIN in ready:
            return bool(os.read(_STDIN, READ_BYTES))
        for source, sink in ((device, port), (port, device)):
            if source in ready and left > 0:
                data = (device.read(READ_BYTES) if source is device else port.read())[:left]
                left -= 0 if limit is None else len(data)
                sink.write(on_the_way(data))
    return True


def _spoilt(chance: Random, one_in: int, data: bytes) -> bytes:
    """The bytes with about one in so many changed; 0 changes none."""
    if not one_in:
        return data
    return bytes(
        byte ^ chance.randrange(1, 256) if chance.random() * one_in < 1 else byte for byte in data
    )


def _stay_away(device: Any, away_s: float) -> bool:
    """Let what the device says meanwhile go nowhere. False when stdin has ended."""
    end_s = time.monotonic() + away_s
    while (left_s := end_s - time.monotonic()) > 0:
        ready = select.select([device, _STDIN], [], [], left_s)[0]
        if _STDIN in ready and not os.read(_STDIN, READ_BYTES):
            return False
        if device in ready:
            device.read(READ_BYTES)
    return True


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m paybench.hil.virtual.cable",
        description=(__doc__ or "").partition("\n")[0],
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("tty", type=Path, help="the device's own port")
    parser.add_argument(
        "--link", type=Path, required=True, metavar="NAME", help="where the port comes and goes"
    )
    parser.add_argument(
        "--cut", type=int, nargs="*", default=[], metavar="BYTES",
        help="pull it after so many bytes, either way; the next number is for the next time",
    )  # fmt: skip
    parser.add_argument(
        "--away", type=float, default=0.0, metavar="SECONDS",
        help="how long it is out (default: it is put back at once)",
    )  # fmt: skip
    parser.add_argument(
        "--spoil", type=int, default=0, metavar="BYTES",
        help="change about one byte in so many on the way",
    )  # fmt: skip
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
