"""The QR display driver: what it shows is read back by a decoder, or by a camera elsewhere."""

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from paybench.devices.trace import Displayed, Injected
from paybench.hil.codes import Code, read_codes
from paybench.hil.driver import make_driver
from paybench.hil.emvco import Bill
from paybench.hil.errors import CodeError, CodeUnreadable, PortUnavailable, SpecError
from paybench.hil.qr_picture import half_blocks, qr_picture
from paybench.hil.sighting import Sighting
from paybench.scenarios.discovery import find
from paybench.scenarios.recording import write
from paybench.scenarios.replay import replay
from paybench.scenarios.run import Options, run
from paybench.scenarios.scenario import scenario

SHOP_PURCHASE = find("shop-purchase")[0]
HALVES = {" ": (255, 255), "▀": (0, 255), "▄": (255, 0), "█": (0, 0)}
PHONE = """
import sys
from paybench.hil.driver import make_driver
from paybench.scenarios import Rig

driver = make_driver(sys.argv[1])
driver.open()
phone = Rig(real={"phone.display": driver}).customer("B").phone()
for line in sys.stdin:
    phone.display.show(*line.split("|")[:-1])
    print("shown", flush=True)
"""


def showing(where, **more):
    return Options(real={"phone.display": f"qr-display:{where}"}, **more)


@contextmanager
def phone_process(spec):
    """A phone in a process of its own: gives what makes its display show lines."""
    command = [sys.executable, "-c", PHONE, spec]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def show(*lines):
            process.stdin.write("".join(f"{line}|" for line in lines) + "\n")
            process.stdin.flush()
            assert process.stdout.readline() == "shown\n"

        try:
            yield show
        finally:
            process.kill()


def from_half_blocks(text):
    """The picture somebody sees who looks at a terminal."""
    lines = text.splitlines()
    rows = [bytes(HALVES[cell][half] for cell in line) for line in lines for half in (0, 1)]
    picture = Image.frombytes("L", (len(rows[0]), len(rows)), b"".join(rows))
    return picture.resize((picture.width * 4, picture.height * 4), Image.Resampling.NEAREST)


def test_a_picture_file_shows_the_display(tmp_path):
    """At every change the file holds the display's text as a QR code, and no half of one."""
    file, texts = tmp_path / "phone.png", []

    @scenario()
    def a_phone_that_talks(rig):
        phone = rig.customer("B").phone()
        for lines in (("PAY 2.50", "TO A"), ("PAID 2.50",)):
            phone.display.show(*lines)
            texts.append(read_codes(file)[0].payload)
        phone.display.show()
        with pytest.raises(CodeUnreadable):
            read_codes(file)

    passed = run(a_phone_that_talks, "", showing(file))
    assert (passed.verdict, passed.why) == ("passed", "")
    assert texts == ["PAY 2.50\nTO A", "PAID 2.50"]
    assert [path.name for path in tmp_path.iterdir()] == ["phone.png"]


def test_one_line_can_be_the_code(tmp_path):
    """With `line`, the code says that line alone; where the display has none, nothing."""
    file = tmp_path / "phone.png"
    passed = run(SHOP_PURCHASE, "direct", showing(f"{file}?line=1&module=3"))
    assert (passed.verdict, passed.why) == ("passed", "")
    assert read_codes(file) == [Code("PAID 2.50", "QR")]
    assert run(SHOP_PURCHASE, "direct", showing(f"{file}?line=3")).verdict == "passed"
    with pytest.raises(CodeUnreadable):
        read_codes(file)


def test_a_phones_code_is_scanned_in_another_process(tmp_path):
    """A phone there shows a payment code, the register here scans it; the recording replays."""
    bill = Bill.parse(
        "00020101021226280012org.paybench01081-00000152040000530397854042.505802DE5906Shop A"
        "6006Berlin62210517A.register-00000163043B72"
    )

    @scenario()
    def scans_a_phone(rig):
        register = rig.shop("A").cash_register()
        register.scan(bill.text, price=bill.amount.text)
        register.expects("TOTAL 2.50")

    with phone_process(f"qr-display:{tmp_path / 'phone.png'}?line=2") as show:
        options = Options(
            real={"register.scanner": f"camera:{tmp_path}"},
            operator=lambda _wish: show("SCAN ME", bill.text),
        )
        recorded = run(scans_a_phone, "", options)
    assert (recorded.verdict, recorded.why) == ("passed", "")
    inputs = [event for event in recorded.trace if isinstance(event, Injected)]
    assert [Sighting.decode(event.data) for event in inputs] == [Sighting(Code(bill.text, "QR"))]


def test_display_and_camera_in_one_run(tmp_path):
    """The customer's phone shows, the shop's camera reads: both real, recorded and replayed."""
    real = {
        "phone.display": f"qr-display:{tmp_path / 'phone.png'}",
        "register.scanner": f"camera:{tmp_path}",
    }
    phones = []

    def operator(wish):
        phones[0].display.show(wish.split()[1])

    recorded = run(SHOP_PURCHASE, "direct", Options(real=real, operator=print, patience_s=0.05))
    assert recorded.verdict == "blocked"  # nobody shows anything

    @scenario()
    def shows_and_scans(rig):
        phones[:] = [rig.customer("B").phone()]
        rig.shop("A").cash_register().scan("4901234567894", price="2.50")

    recorded = run(shows_and_scans, "", Options(real=real, operator=operator))
    assert (recorded.verdict, recorded.why) == ("passed", "")


def test_a_replay_shows_nothing(tmp_path):
    """Playing a recording again writes no picture, and gives the same bytes."""
    file = tmp_path / "phone.png"
    recorded = run(SHOP_PURCHASE, "direct", showing(file))
    file.unlink()
    write(tmp_path / "recording.jsonl", recorded.content)
    again = replay(tmp_path / "recording.jsonl")
    assert again.diverged_at is None
    assert again.run.digest == recorded.digest
    assert not file.exists()


def test_a_text_too_long_for_a_code_loses_the_display_and_not_the_run(tmp_path):
    """The display is gone with a sentence; the device goes on, as it cannot know."""

    @scenario()
    def talks_too_much(rig):
        phone = rig.customer("B").phone()
        phone.display.show("x" * 2331)
        rig.waits(0.001)
        assert not phone.display.gone
        phone.display.show("x" * 2332)
        phone.display.show("short")
        rig.waits(0.001)
        assert "a text of 2332 characters cannot be a QR code" in phone.display.gone

    passed = run(talks_too_much, "", showing(tmp_path / "phone.png"))
    assert (passed.verdict, passed.why) == ("passed", "")
    assert sum(isinstance(event, Displayed) for event in passed.trace) == 3


def test_a_folder_that_goes_away_loses_the_display(tmp_path):
    """A picture that cannot be written any more is told, and the run goes on."""
    folder = tmp_path / "shown"
    folder.mkdir()

    @scenario()
    def loses_it(rig):
        phone = rig.customer("B").phone()
        (folder / "phone.png").unlink()
        folder.rmdir()
        phone.display.show("PAY 2.50")
        rig.waits(0.001)
        assert "No such file" in phone.display.gone

    passed = run(loses_it, "", showing(folder / "phone.png"))
    assert (passed.verdict, passed.why) == ("passed", "")


def test_the_terminal_shows_it():
    """What another process writes to its terminal is read back from the half blocks."""
    command = [sys.executable, "-c", PHONE, "qr-display:terminal"]
    done = subprocess.run(
        command, input="PAY 2.50|TO A|\n|\n", capture_output=True, text=True, check=True
    )
    blocks = done.stderr
    assert read_codes(from_half_blocks(blocks)) == [Code("PAY 2.50\nTO A", "QR")]


@example("¡")
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
def test_every_text_survives_its_picture(text):
    """Picture and half blocks of any text, of any alphabet, are read back as it was."""
    assert read_codes(qr_picture(text), "zxing")[0].payload == text
    plain = half_blocks(text, colour=False)
    assert read_codes(from_half_blocks(plain), "zxing")[0].payload == text
    coloured = half_blocks(text, colour=True)
    assert coloured.replace("\x1b[30;107m", "").replace("\x1b[0m", "") == plain


@pytest.mark.parametrize("text", ["", "x" * 2332, "\ud800"])
def test_what_cannot_be_a_code(text):
    """Nothing, too much and no Unicode are refused in a sentence."""
    with pytest.raises(CodeError, match="cannot be a QR code: it takes 1 to 2331 bytes"):
        qr_picture(text)


def test_a_missing_folder_or_window_blocks(tmp_path, monkeypatch):
    """What cannot be written or opened is named before the scenario starts, with what to do."""
    blocked = run(SHOP_PURCHASE, "direct", showing(tmp_path / "nowhere" / "phone.png"))
    assert blocked.verdict == "blocked"
    assert "make its folder first" in blocked.why
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(PortUnavailable, match="pip install opencv-contrib-python; or show the"):
        make_driver("qr-display:window").probe()


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("qr-display:phone", "expected terminal, window, or a picture file (.png"),
        ("qr-display:phone.jpg", "is no place for a code"),
        ("qr-display:terminal?line=one", "expected a whole number from 0 to 99"),
        ("qr-display:terminal?size=3", "no option 'size'"),
    ],
)
def test_a_malformed_spec_says_what_to_write(spec, sentence):
    """Every way to get a spec wrong is answered by what is right."""
    with pytest.raises(SpecError) as refused:
        make_driver(spec)
    assert sentence in str(refused.value)


def test_the_former_runs_code_is_not_shown(tmp_path):
    """A code left over from a former run is gone as soon as the driver is open."""
    file = Path(tmp_path / "phone.png")
    qr_picture("4901234567894").save(file)
    make_driver(f"qr-display:{file}").probe()
    with pytest.raises(CodeUnreadable):
        read_codes(file)
