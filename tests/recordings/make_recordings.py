"""Makes the recordings of this folder: `python tests/recordings/make_recordings.py`.

Each is a run with something real: a twin in another process, on a tty, a socket, the virtual radio,
or pictures. tests/hil/test_recordings.py replays them with nothing attached. They are made anew
when the flow itself changes; a difference that nobody meant is what they are there to show.
"""

import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "hil"))

from processes import twin  # noqa: E402 - it lies beside the tests that use it too

from paybench.scenarios.discovery import find  # noqa: E402
from paybench.scenarios.recording import write  # noqa: E402
from paybench.scenarios.run import Options, run  # noqa: E402

CODES = HERE.parent / "data" / "codes"


@contextmanager
def reader_on_serial():
    """A reader on a tty, by a name that is the same every time."""
    flags = ("--decode", CODES / "ean13_noisy.png", "--suffix", "CRLF", "--link", "scanner.tty")
    with twin("scanner", *flags) as (_, process):
        yield {"register.scanner": "serial:scanner.tty?suffix=CRLF"}, process.pull


@contextmanager
def camera():
    """Pictures in a folder: one appears when it is asked for."""
    Path("pictures").mkdir()
    picture = (CODES / "qr_rotated_15.png").read_bytes()

    def hold(_wish):
        Path("pictures/.part").write_bytes(picture)
        Path("pictures/.part").rename("pictures/article.png")

    yield {"register.scanner": "camera:pictures"}, hold


@contextmanager
def phone_on_tcp():
    """A whole phone on a socket."""
    with twin("phone", "--listen", "127.0.0.1:0") as ((_, address), process):
        yield {"phone": f"tcp:{address}"}, customer(process)


@contextmanager
def phone_on_bluetooth():
    """A whole phone on the virtual radio."""
    with (
        twin("ble_radio", "--listen", "tcp:127.0.0.1:0") as ((_, hci), _radio),
        twin("phone", "--ble-peripheral", hci, "--name", "paybench-phone") as (_, process),
    ):
        yield {"phone": f"ble-central:paybench-phone?hci={hci}"}, customer(process)


def customer(process):
    """Whoever holds the phone."""

    def asked(wish):
        process.stdin.write(b"approve 2468\n" if wish.startswith("approve") else b"decline\n")
        process.stdin.flush()

    return asked


RECORDINGS = {
    "reader-on-serial": ("shop-purchase", "relayed", reader_on_serial),
    "camera": ("shop-purchase", "direct", camera),
    "phone-on-tcp": ("shop-purchase", "direct", phone_on_tcp),
    "phone-on-tcp-refused": ("insufficient-balance", "relayed", phone_on_tcp),
    "phone-on-tcp-declines": ("customer-declines", "direct", phone_on_tcp),
    "phone-on-bluetooth": ("shop-purchase", "relayed", phone_on_bluetooth),
}


def main():
    """Make them all."""
    for name, (scenario, variant, bench) in RECORDINGS.items():
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            with bench() as (real, operator):
                options = Options(real=real, operator=operator)
                made = run(find(scenario)[0], variant, options)
            os.chdir(HERE)
        if made.verdict != "passed":
            sys.exit(f"{name}: {made.verdict}: {made.why}")
        write(HERE / f"{name}.jsonl", made.content)
        sys.stdout.write(f"{name}  {made.digest}\n")


if __name__ == "__main__":
    main()
