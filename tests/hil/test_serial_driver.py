"""The serial driver in whole runs: the scenario here, the real thing in another process."""

import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial
from processes import twin, written_to

from paybench.devices.trace import Act, Injected, State
from paybench.hil.driver import make_driver
from paybench.hil.errors import SpecError
from paybench.hil.virtual.tty import VirtualTty
from paybench.scenarios.discovery import find
from paybench.scenarios.recording import write
from paybench.scenarios.replay import replay
from paybench.scenarios.run import Options, run
from paybench.scenarios.scenario import scenario

CODES = Path(__file__).parents[1] / "data" / "codes"
EAN = "4901234567894"
SHOP_PURCHASE = find("shop-purchase")[0]


@contextmanager
def scanner_process(*arguments):
    """A virtual scanner in a process of its own: gives its port and its trigger."""
    with twin("scanner", *arguments) as ((_, port), process):
        yield port, process


def open_descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def with_scanner(port, operator, options="", **more):
    return Options(real={"register.scanner": f"serial:{port}{options}"}, operator=operator, **more)


@pytest.mark.parametrize("reader", ["descriptor", "thread"])
@pytest.mark.parametrize(
    "image", ["ean13_plain.png", "ean13_rotated_15.png", "ean13_noisy.png", "qr_blurred.png"]
)
def test_a_real_reader_takes_the_scanners_place(image, reader, tmp_path):
    """The same scenario passes with a reader in another process, and its recording replays."""
    with scanner_process("--decode", CODES / image) as (port, process):
        wishes = []

        def operator(wish):
            wishes.append(wish)
            process.pull()

        options = with_scanner(port, operator, f"?reader={reader}")
        recorded = run(SHOP_PURCHASE, "direct", options)
    assert (recorded.verdict, recorded.why) == ("passed", "")
    assert wishes == [f"hold {EAN} before A.register.scanner"]
    assert (
        b"".join(e.data for e in recorded.trace if isinstance(e, Injected)) == f"{EAN}\r".encode()
    )
    assert recorded.lateness is not None
    assert recorded.lateness.count > 0
    file = tmp_path / "recording.jsonl"
    write(file, recorded.content)
    again = replay(file)
    assert again.diverged_at is None
    assert again.run.digest == recorded.digest
    assert again.run.lateness is None  # nothing was attached: virtual time


def test_prefix_suffix_and_speed_are_the_specs():
    """A reader that frames its codes otherwise is understood when the spec says so."""
    framing = ("--prefix", "0x02", "--suffix", "CRLF")
    with scanner_process("--decode", CODES / "ean13_plain.png", *framing) as (port, process):
        spec = "?prefix=0x02&suffix=CRLF&baud=115200"
        passed = run(SHOP_PURCHASE, "relayed", with_scanner(port, process.pull, spec))
    assert (passed.verdict, passed.why) == ("passed", "")


def test_garbage_before_a_code_is_survived(tmp_path):
    """Noise shows as a read error and in the trace, and the next good code is read."""
    raw = tmp_path / "raw"
    raw.write_bytes(b"\x00\xff\x13\x00 garbage \xfe\r" + f"{EAN}\r".encode())
    with scanner_process("--raw", raw) as (port, process):
        passed = run(SHOP_PURCHASE, "relayed", with_scanner(port, process.pull))
    assert (passed.verdict, passed.why) == ("passed", "")
    assert b"READ ERROR" in passed.content
    assert b"Misreading" in passed.content


def test_ten_megabytes_without_a_suffix_fail_the_reader(tmp_path):
    """An endless stream without a code ends the run as the reader's failure, in little memory."""
    raw = tmp_path / "raw"
    raw.write_bytes(b"7" * 10_000_000)
    with scanner_process("--raw", raw) as (port, process):
        failed = run(SHOP_PURCHASE, "relayed", with_scanner(port, process.pull))
    assert failed.verdict == "failed"
    assert "without a readable code" in failed.why
    assert "check its suffix" in failed.why
    assert len(failed.content) < 2_000_000


def test_a_reader_that_reads_something_else_fails():
    """A reader that delivers another code than the one presented is wrong, not dark."""
    with scanner_process("--decode", CODES / "qr_long.png") as (port, process):
        failed = run(SHOP_PURCHASE, "relayed", with_scanner(port, process.pull))
    assert failed.verdict == "failed"
    assert f"where {EAN} was presented" in failed.why


def test_a_reader_that_vanishes_blocks_the_run():
    """Unplugged in the middle of a run: blocked at once, with the port's name and no traceback."""
    with scanner_process("--decode", CODES / "ean13_plain.png") as (port, process):

        def unplug(_wish):
            process.kill()

        blocked = run(SHOP_PURCHASE, "relayed", with_scanner(port, unplug, "?reconnect=no"))
    assert blocked.verdict == "blocked"
    assert f"A.register.scanner is gone: {port} went away" in blocked.why
    assert any(isinstance(e, Injected) and e.lost for e in blocked.trace)
    assert any(isinstance(e, State) and e.state.startswith("gone") for e in blocked.trace)


def test_a_dark_reader_blocks_the_run():
    """A reader that says nothing while a person waits is the bench's trouble, not the device's."""
    with scanner_process("--decode", CODES / "ean13_plain.png") as (port, _process):
        options = with_scanner(port, lambda _: None, patience_s=0.2)
        blocked = run(SHOP_PURCHASE, "relayed", options)
    assert blocked.verdict == "blocked"
    assert f"code {EAN} was expected from A.register.scanner within 0.2 s" in blocked.why


def test_a_missing_port_blocks_before_anything_starts():
    """A port that is not there is named with those that are, and the scenario never begins."""
    blocked = run(SHOP_PURCHASE, "relayed", with_scanner("/dev/ttyNOWHERE", print))
    assert blocked.verdict == "blocked"
    assert blocked.why.startswith("/dev/ttyNOWHERE: there is no such port; ports here: ")
    assert not any(isinstance(event, Act) for event in blocked.trace)


def test_a_port_in_use_blocks():
    """A port somebody else has locked is refused with the advice to close that."""
    with VirtualTty() as tty, serial.Serial(tty.path, exclusive=True):
        blocked = run(SHOP_PURCHASE, "relayed", with_scanner(tty.path, print))
    assert blocked.verdict == "blocked"
    assert "another program has it open" in blocked.why


def test_what_is_no_serial_port_blocks(tmp_path):
    """A plain file is no port, and says so."""
    file = tmp_path / "file"
    file.write_text("no tty")
    blocked = run(SHOP_PURCHASE, "relayed", with_scanner(file, print))
    assert blocked.verdict == "blocked"
    assert "cannot be opened as a serial port" in blocked.why


@pytest.mark.parametrize("part", ["phone.display", "B.phone.display"])
def test_a_real_line_display_shows_what_the_phone_shows(part):
    """A serial customer display gets every change: form feed, then the lines."""
    with VirtualTty() as tty:
        passed = run(SHOP_PURCHASE, "direct", Options(real={part: f"serial:{tty.path}"}))
        expected = "\x0cPAY 2.50\r\nTO A\r\n\x0cSENDING\r\n\x0cPAID 2.50\r\n"
        shown = written_to(tty, len(expected)).decode()
    assert (passed.verdict, passed.why) == ("passed", "")
    assert shown == expected


def test_scanner_and_display_can_both_be_real(tmp_path):
    """Two real parts at once, recorded and replayed to the same bytes."""
    with (
        VirtualTty() as tty,
        scanner_process("--decode", CODES / "ean13_plain.png") as (port, process),
    ):
        both = {"register.scanner": f"serial:{port}", "phone.display": f"serial:{tty.path}"}
        recorded = run(SHOP_PURCHASE, "direct", Options(real=both, operator=process.pull))
    assert (recorded.verdict, recorded.why) == ("passed", "")
    file = tmp_path / "recording.jsonl"
    write(file, recorded.content)
    assert replay(file).diverged_at is None


def test_a_display_that_takes_no_more_bytes_is_gone():
    """A display whose buffer is full and never read is given up; the device goes on without it."""

    @scenario()
    def floods_the_phone(rig):
        phone = rig.customer("B").phone()
        for number in range(40):
            phone.display.show(*["x" * 4000] * 4, str(number))
            rig.waits(0.001)
        assert phone.display.gone

    with VirtualTty() as tty:
        passed = run(floods_the_phone, "", Options(real={"phone.display": f"serial:{tty.path}"}))
    assert (passed.verdict, passed.why) == ("passed", "")


def test_the_reader_thread_ends_with_its_driver():
    """Closing while the thread waits for bytes neither raises nor leaves a thread behind."""
    with scanner_process("--decode", CODES / "ean13_plain.png") as (port, process):
        for _ in range(5):
            options = with_scanner(port, process.pull, "?reader=thread")
            assert run(SHOP_PURCHASE, "relayed", options).verdict == "passed"
    assert not [t for t in threading.enumerate() if t.name == "paybench serial reader"]


def test_no_descriptor_is_left_open():
    """Twenty runs with a real part leave as many descriptors open as there were."""
    with scanner_process("--decode", CODES / "ean13_plain.png") as (port, process):
        run(SHOP_PURCHASE, "relayed", with_scanner(port, process.pull))
        before = open_descriptors()
        for _ in range(20):
            run(SHOP_PURCHASE, "relayed", with_scanner(port, process.pull))
        assert open_descriptors() == before


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("/dev/ttyACM0", "no spec: write driver:address"),
        ("serial:", "no spec: write driver:address"),
        ("seriel:/dev/ttyACM0", "no driver 'seriel'; did you mean 'serial'?"),
        ("serial:/dev/x?bauds=9600", "no option 'bauds'; did you mean 'baud'?"),
        ("serial:/dev/x?baud=fast", "expected a whole number from 50"),
        ("serial:/dev/x?baud=٩٦٠٠", "expected a whole number from 50"),
        ("serial:/dev/x?frame=9N1", "expected one of 8N1"),
        ("serial:/dev/x?suffix", "write option=value"),
        ("serial:/dev/x?suffix=", "expected CR, LF, CRLF, TAB"),
        ("serial:/dev/x?suffix=CR&suffix=LF", "stands twice"),
        ("serial:/dev/x?suffix=RC", "suffix"),
    ],
)
def test_a_malformed_spec_says_what_to_write(spec, sentence):
    """Every way to get a spec wrong is answered by what is right."""
    with pytest.raises(SpecError, match=r".") as refused:
        make_driver(spec)
    assert sentence in str(refused.value)
