"""A BLE peripheral - a phone, a reader - played by a process of its own.

Run it as `python -m paybench.hil.virtual.ble_peripheral`; docs/ble.md tells how to use it by hand.
It serves one central after the other, on the virtual radio or on a dongle.
"""

import argparse
import contextlib
import logging
import os
import sys
import threading
from collections.abc import Sequence

from paybench.hil.ble import SILENCE_S
from paybench.hil.ble.peripheral import BlePeripheral
from paybench.hil.errors import HilError
from paybench.hil.scanner import terminator
from paybench.hil.virtual.parent import hang_up, obey, say

_STDIN = 0
_FOR_GOOD_S = 365 * 86400.0

_EPILOG = """\
example: a reader in the air of its own; each line typed is a code it has scanned
  $ python -m paybench.hil.virtual.ble_peripheral --name reader
  hci unix-client:/tmp/paybench-radio-x1y2z3/hci
  advertising reader F1:5C:8A:21:7B:D0
  connected
  4901234567894

exit status: 0 hung up (end of stdin, SIGTERM or Ctrl-C); 2 an option is wrong, or there is no
adapter
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the peripheral until it is hung up; return the exit status."""
    options = _options(arguments)
    # bumble warns of packets that were under way when somebody left: that is what leaving is.
    logging.basicConfig(level=logging.ERROR)
    obey()
    try:
        with _air(options.hci) as hci:
            say(f"hci {hci}")
            peripheral = BlePeripheral(
                hci,
                options.name,
                open_s=_FOR_GOOD_S,
                silence_s=options.silence,
                advertising=lambda: say(f"advertising {options.name} {peripheral.address}"),
            )
            suffix = terminator(options.suffix)
            threading.Thread(target=_type, args=(peripheral, suffix), daemon=True).start()
            try:
                while True:
                    _serve(peripheral, echoes=options.echo)
            finally:
                peripheral.close()
    except HilError as error:
        sys.stderr.write(f"virtual peripheral: {error}\n")
        return 2


def _air(hci: str) -> contextlib.AbstractContextManager[str]:
    if hci:
        return contextlib.nullcontext(hci)
    from paybench.hil.ble.radio import radio_on

    return radio_on()


def _serve(peripheral: BlePeripheral, *, echoes: bool) -> None:
    """Wait for a central, and talk to it until it is gone."""
    gone = threading.Event()
    byte_count = 0

    def take(data: bytes, lost: str) -> None:
        nonlocal byte_count
        byte_count += len(data)
        if lost:
            say(f"received {byte_count} bytes; {lost}")
            gone.set()
        elif echoes:
            peripheral.write(data)

    peripheral.open()
    say("connected")
    peripheral.start(peripheral.loop, take)
    gone.wait()
    peripheral.close()


def _type(peripheral: BlePeripheral, suffix: bytes) -> None:
    """Send each line of stdin; its end hangs up. In a thread: the main one waits for centrals."""
    rest = b""
    # Not sys.stdin: a thread that waits there holds a lock on which the interpreter's end fails.
    while typed := os.read(_STDIN, 65536):
        *lines, rest = (rest + typed).split(b"\n")
        for line in lines:
            peripheral.write(line.rstrip(b"\r") + suffix)
    hang_up()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m paybench.hil.virtual.ble_peripheral",
        description="Play a BLE peripheral on the virtual radio or on a dongle.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--name", default="paybench", help="what it advertises (paybench)")
    parser.add_argument(
        "--hci",
        default="",
        metavar="TRANSPORT",
        help="usb:0, or what a virtual radio printed (default: a radio of its own)",
    )
    parser.add_argument("--echo", action="store_true", help="send back whatever comes")
    parser.add_argument("--suffix", default="CR", help="what ends a line that is sent (CR)")
    parser.add_argument(
        "--silence",
        type=float,
        default=SILENCE_S,
        metavar="SECONDS",
        help="a central not heard for so long is gone (3)",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
