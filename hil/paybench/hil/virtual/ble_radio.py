"""The virtual radio in a process of its own.

Run it as `python -m paybench.hil.virtual.ble_radio`; docs/ble.md tells how to use it by hand.
"""

import argparse
import logging
import sys
from collections.abc import Sequence

from paybench.hil.ble.radio import radio_on
from paybench.hil.errors import HilError
from paybench.hil.virtual.parent import obey, say


def main(arguments: Sequence[str] | None = None) -> int:
    """Be the air until SIGTERM, Ctrl-C or the end of stdin; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m paybench.hil.virtual.ble_radio",
        description="Be the air for virtual BLE devices; the first line says how to be in it.",
        epilog="exit status: 0 hung up (end of stdin, SIGTERM or Ctrl-C); 2 the address is no use",
    )
    parser.add_argument(
        "--listen",
        default="",
        metavar="ADDRESS",
        help="unix:PATH or tcp:HOST:PORT (default: a socket in a folder of this user alone)",
    )
    options = parser.parse_args(arguments)
    # bumble warns of packets that were under way when somebody left: that is what leaving is.
    logging.basicConfig(level=logging.ERROR)
    obey()
    try:
        with radio_on(options.listen) as hci:
            say(f"hci {hci}")
            sys.stdin.read()
    except HilError as error:
        sys.stderr.write(f"virtual radio: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
