"""Makes the recordings of this folder: `python tests/recordings/make_recordings.py [NAME…]`.

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

from processes import Customers, twin  # noqa: E402 - it lies beside the tests that use it too

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
        yield {"phone": f"tcp:{address}"}, Customers(A=process, B=process)


@contextmanager
def phone_on_bluetooth():
    """A whole phone on the virtual radio."""
    with (
        twin("ble_radio", "--listen", "tcp:127.0.0.1:0") as ((_, hci), _radio),
        twin("phone", "--ble-peripheral", hci, "--name", "paybench-phone") as (_, process),
    ):
        real = {"phone": f"ble-central:paybench-phone?hci={hci}"}
        yield real, Customers(A=process, B=process)


@contextmanager
def two_phones_on_bluetooth():
    """A's phone and B's, each a process on the virtual radio."""
    with (
        twin("ble_radio", "--listen", "tcp:127.0.0.1:0") as ((_, hci), _radio),
        twin("phone", "--ble-peripheral", hci, "--name", "A") as (_, mine),
        twin("phone", "--ble-peripheral", hci, "--name", "B") as (_, yours),
    ):
        real = {f"{name}.phone": f"ble-central:{name}?hci={hci}" for name in "AB"}
        yield real, Customers(A=mine, B=yours)


@contextmanager
def codes_on_serial():
    """A reader on a tty at each gate, which reads what the phone's display shows."""
    flags = ("--decode", "phone.png", "--anew", "--suffix", "CRLF", "--link")
    with (
        twin("scanner", *flags, "in.tty") as (_, way_in),
        twin("scanner", *flags, "out.tty") as (_, way_out),
    ):
        real = {
            "phone.display": "qr-display:phone.png",
            "R.gate.scanner": "serial:in.tty?suffix=CRLF",
            "R.gate2.scanner": "serial:out.tty?suffix=CRLF",
        }

        def hold(wish):
            (way_in if wish.endswith("R.gate.scanner") else way_out).pull()

        yield real, hold


@contextmanager
def code_by_camera():
    """A camera at the entrance, before which the phone's display is held."""
    Path("desk").mkdir()
    with twin("camera", "--folder", "desk") as (_, process):
        real = {"phone.display": "qr-display:phone.png", "entrance.scanner": "camera:desk"}

        def hold(_wish):
            process.stdin.write(b"hold phone.png\n")
            process.stdin.flush()

        yield real, hold


@contextmanager
def number_by_camera():
    """The phone's camera, before which the terminal's display is."""
    Path("desk").mkdir()
    with twin("camera", "--folder", "desk") as (_, process):
        real = {"billing.display": "qr-display:till.png?line=2", "phone.scanner": "camera:desk"}

        def hold(_wish):
            process.stdin.write(b"hold till.png\n")
            process.stdin.flush()

        yield real, hold


@contextmanager
def number_on_serial():
    """A terminal's reader on a tty, before which the phone's display is held."""
    flags = ("--decode", "phone.png", "--anew", "--suffix", "CRLF", "--link", "scanner.tty")
    with twin("scanner", *flags) as (_, process):
        real = {
            "phone.display": "qr-display:phone.png?line=1",
            "billing.scanner": "serial:scanner.tty?suffix=CRLF",
        }
        yield real, process.pull


RECORDINGS = {
    "reader-on-serial": ("shop-purchase", "relayed", reader_on_serial),
    "camera": ("shop-purchase", "direct", camera),
    "phone-on-tcp": ("shop-purchase", "direct", phone_on_tcp),
    "phone-on-tcp-refused": ("insufficient-balance", "relayed", phone_on_tcp),
    "phone-on-tcp-declines": ("customer-declines", "direct", phone_on_tcp),
    "phone-on-bluetooth": ("shop-purchase", "relayed", phone_on_bluetooth),
    "phone-on-bluetooth-vending": ("vending-machine", "direct", phone_on_bluetooth),
    "phones-on-bluetooth": ("between-customers", "relayed", two_phones_on_bluetooth),
    "gate-codes-on-serial": ("gate-code", "in and out", codes_on_serial),
    "ticket-code-by-camera": ("ticket-code", "", code_by_camera),
    "tin-by-camera": ("tin-at-shop", "camera", number_by_camera),
    "tin-on-serial": ("tin-shown-by-phone", "code", number_on_serial),
    "tin-on-bluetooth": ("tin-at-shop", "short-range", phone_on_bluetooth),
    "tin-on-bluetooth-in-reverse": ("tin-shown-by-phone", "short-range", phone_on_bluetooth),
    "tin-on-tcp-mistyped": ("tin-number-refused", "mistyped", phone_on_tcp),
}


def main():
    """Make them all, or those that are named."""
    for name in sys.argv[1:] or RECORDINGS:
        scenario, variant, bench = RECORDINGS[name]
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
