"""Two processes and a real tty: nothing sleeps, each side waits for what the other does."""

import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial

from paybench.hil.scanner import Scanned, ScannerCodec

CODES = Path(__file__).parents[1] / "data" / "codes"
EAN_IMAGE = CODES / "ean13_plain.png"
LONG_IMAGE = CODES / "qr_long.png"
EAN = "4901234567894"
COMMAND = [sys.executable, "-m", "paybench.hil.virtual.scanner"]


class Running:
    """A virtual scanner, and the port of the driver that reads it."""

    def __init__(self, process, path, driver):
        self.process = process
        self.path = path
        self.driver = driver

    def pull_trigger(self, times=1):
        self.process.stdin.write(b"\n" * times)
        self.process.stdin.flush()

    def said(self):
        return self.process.stdout.readline().decode()


@contextmanager
def virtual_scanner(*arguments):
    pipe = subprocess.PIPE
    command = [*COMMAND, *map(str, arguments)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            word, path = process.stdout.readline().decode().split()
            assert word == "tty"
            with serial.Serial(path, timeout=10) as driver:
                yield Running(process, path, driver)
        finally:
            process.kill()


def refused(*arguments):
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == b""
    return done.stderr.decode()


def test_a_pull_of_the_trigger_scans_the_next_image():
    """A driver reads what was decoded from the images, in order and round again."""
    with virtual_scanner("--decode", EAN_IMAGE, LONG_IMAGE) as scanner:
        scanner.pull_trigger()
        assert scanner.driver.read_until(b"\r") == EAN.encode() + b"\r"
        assert scanner.said() == f"scanned {EAN}\n"

        scanner.pull_trigger(times=2)
        assert scanner.driver.read_until(b"\r").startswith(b"https://pay.example/")
        assert scanner.driver.read_until(b"\r") == EAN.encode() + b"\r"


def test_prefix_suffix_and_link(tmp_path):
    """The settings on the command line are what is on the wire, and the link leads to the port."""
    link = tmp_path / "scanner"
    settings = ("--prefix", "]E0", "--suffix", "0x0D0A", "--link", link)
    with virtual_scanner("--decode", EAN_IMAGE, *settings) as scanner:
        assert str(link.readlink()) == scanner.path
        scanner.pull_trigger()
        assert scanner.driver.read_until(b"\n") == f"]E0{EAN}\r\n".encode()
        scanner.process.terminate()
        assert scanner.process.wait(10) == 0
    assert not link.is_symlink()


def test_it_scans_by_itself():
    """With --every it needs no trigger."""
    with virtual_scanner("--decode", EAN_IMAGE, "--every", "0.01") as scanner:
        for _ in range(3):
            assert scanner.driver.read_until(b"\r") == EAN.encode() + b"\r"


def test_it_does_not_listen():
    """A driver that keeps sending to it, as if it wanted an answer, never blocks."""
    with virtual_scanner("--decode", EAN_IMAGE) as scanner:
        scanner.driver.write_timeout = 10
        scanner.driver.write(b"\x06" * 100_000)
        scanner.pull_trigger()
        assert scanner.driver.read_until(b"\r") == EAN.encode() + b"\r"


@pytest.mark.parametrize("end", ["end of stdin", signal.SIGTERM, signal.SIGINT])
def test_hanging_up(end):
    """The end of stdin or a signal hangs up and exits 0, and the driver sees its port go."""
    with virtual_scanner("--decode", EAN_IMAGE) as scanner:
        if end == "end of stdin":
            scanner.process.stdin.close()
        else:
            scanner.process.send_signal(end)
        with pytest.raises(serial.SerialException):
            scanner.driver.read()
        assert scanner.process.wait(10) == 0
        assert scanner.process.stderr.read() == b""


def test_ten_megabytes_of_garbage(tmp_path):
    """Garbage passes the tty whole, and a codec behind it comes back in step at the next suffix."""
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"\x00\x03\x04\x11\x13\xff" * 1_700_000 + b"\r" + EAN.encode() + b"\r")
    codec, reports = ScannerCodec(), []
    with virtual_scanner("--raw", garbage) as scanner:
        scanner.pull_trigger()
        while Scanned(EAN) not in reports:
            reports += codec.feed(scanner.driver.read(max(1, scanner.driver.in_waiting)))
        assert scanner.said() == "typed 10200015 bytes\n"

    assert len(reports) == 3
    assert sum(report.byte_count for report in reports[:2]) == 10_200_000


def test_garbage_from_stdin():
    """With --raw - it types what it is given, and stays on the line until a signal."""
    with virtual_scanner("--raw", "-") as scanner:
        scanner.process.stdin.write(b"\x00\xff")
        scanner.process.stdin.close()
        assert scanner.said() == "typed 2 bytes\n"
        assert scanner.driver.read(2) == b"\x00\xff"
        scanner.process.terminate()
        assert scanner.process.wait(10) == 0


def test_nobody_reads(tmp_path):
    """A tty which is full and which nobody reads ends the process with a sentence, not never."""
    garbage = tmp_path / "garbage"
    garbage.write_bytes(bytes(1 << 20))
    with virtual_scanner("--raw", garbage, "--patience", "0.05") as scanner:
        scanner.pull_trigger()
        assert scanner.process.wait(10) == 1
        assert b"nobody reads /dev/pts/" in scanner.process.stderr.read()


def test_an_unreadable_image():
    """An image it cannot read is told before any port is opened."""
    assert "zxing found no code in" in refused("--decode", EAN_IMAGE, CODES / "unreadable.png")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--decode", "nowhere.png"], "nowhere.png: no such file"),
        (["--decode", EAN_IMAGE, "--decoder", "zebra"], "did you mean 'zbar'"),
        (["--decode", EAN_IMAGE, "--suffix", "NONE", "--gap", "0"], "gap='0': expected seconds"),
        (["--decode", EAN_IMAGE, "--gap", "0.05"], "ends a code already"),
        (["--decode", EAN_IMAGE, "--profile", "zebra"], "invalid choice: 'zebra'"),
        (["--decode", EAN_IMAGE, "--ack", "ssi"], "expected one of none, ack-nak, host-ack"),
        (["--decode", EAN_IMAGE, "--suffix", "0x3637"], "contains the suffix '67'"),
        (["--decode", EAN_IMAGE, "--link", EAN_IMAGE], "exists already: remove it"),
        (["--decode", EAN_IMAGE, "--every", "soon"], "expected seconds, above 0"),
        (["--raw", "nowhere"], "--raw nowhere: the file cannot be read: No such file"),
        ([], "--decode --raw is required"),
    ],
)
def test_wrong_options(arguments, said):
    """Every wrong option gives exit status 2 and a sentence which names it."""
    assert said in refused(*arguments)


def test_two_codes_in_one_image(tmp_path):
    """An image with two codes is refused, because one pull of the trigger reads one code."""
    from PIL import Image

    paper = Image.new("L", (400, 500), 255)
    for name, top in (("ean13_plain", 20), ("qr_plain", 240)):
        with Image.open(CODES / f"{name}.png") as image:
            paper.paste(image, (20, top))
    paper.save(tmp_path / "two.png")

    assert "shows 2 codes" in refused("--decode", tmp_path / "two.png")
