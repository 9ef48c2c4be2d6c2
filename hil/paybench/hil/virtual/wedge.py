"""A HID scanner, played by a process of its own: a keyboard the kernel makes for us (uinput).

Run it as `python -m paybench.hil.virtual.wedge`; docs/wedge.md tells how to use it by hand. It
needs a kernel with uinput, the permission to use it, and the extra `wedge`.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paybench.hil.codes import read_codes
from paybench.hil.errors import CodeUnreadable, HilError, PortUnavailable
from paybench.hil.keys import ENTER, EV_KEY, TAB, press, strokes
from paybench.hil.virtual.parent import obey, say

if TYPE_CHECKING:
    from collections.abc import Sequence

PACE_S = 0.004
"""Between two key events: faster, and the reader of a busy machine loses some."""

UINPUT = Path("/dev/uinput")
_ENDS = {"ENTER": [ENTER], "TAB": [TAB], "NONE": []}
_ALL_KEYS = range(1, 128)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the scanner until stdin ends; return the exit status."""
    options = _options(arguments)
    obey()
    try:
        payloads = options.type or [_read_one(image) for image in options.decode]
        shots = cycle([(payload, _events(payload, options.suffix)) for payload in payloads])
        with _keyboard() as keyboard:
            say(f"device {keyboard.device.path}")
            for _line in sys.stdin:
                payload, events = next(shots)
                for code, value in events:
                    keyboard.write(EV_KEY, code, value)
                    keyboard.syn()
                    time.sleep(options.pace)
                say(f"typed {payload}")
    except HilError as error:
        sys.stderr.write(f"virtual wedge: {error}\n")
        return 2
    return 0


def _keyboard() -> Any:
    try:
        from evdev import UInput, UInputError
    except ImportError as error:
        raise PortUnavailable(
            "a virtual keyboard is made with evdev, which is not installed: "
            "uv sync --extra wedge (or pip install 'paybench[wedge]')"
        ) from error
    if not UINPUT.exists():
        raise PortUnavailable(
            f"{UINPUT} does not exist: this kernel has no uinput, or its module is not loaded "
            "(sudo modprobe uinput)"
        )
    try:
        return UInput({EV_KEY: list(_ALL_KEYS)}, name="paybench virtual wedge")
    except (OSError, UInputError) as error:
        raise PortUnavailable(f"{UINPUT}: no keyboard can be made of it ({error})") from error


def _events(payload: str, suffix: str) -> list[tuple[int, int]]:
    return [*strokes(payload), *(event for code in _ENDS[suffix] for event in press(code))]


def _read_one(image: Path) -> str:
    codes = read_codes(image)
    if len(codes) > 1:
        raise CodeUnreadable(f"{image} shows {len(codes)} codes: crop it to the one to type")
    return codes[0].payload


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m paybench.hil.virtual.wedge",
        description="Play a keyboard wedge: each line read on stdin types the next payload.",
        epilog="exit status: 0 end of stdin or a signal; 2 no keyboard can be made, or an image or "
        "payload is wrong",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--type", nargs="+", metavar="TEXT", help="what to type, in order and again")
    what.add_argument(
        "--decode", nargs="+", type=Path, metavar="IMAGE", help="type what these images say"
    )
    parser.add_argument("--suffix", choices=_ENDS, default="ENTER", help="default: ENTER")
    parser.add_argument(
        "--pace", type=float, default=PACE_S, metavar="SECONDS", help="between events: 0.004"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
