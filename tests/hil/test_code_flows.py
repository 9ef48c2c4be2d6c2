"""Codes in the flows of Figs 5 and 10, read by real readers from what a phone's display shows.

The phone's display is a picture on which the driver shows a real QR code; a reader in another
process looks at that picture: on a tty, as a keyboard, or as a camera.
"""

from contextlib import ExitStack

import pytest
from input_slots import plugged, slots_in, typed
from processes import Customers, twin

from paybench.devices.plain_profile import PlainCode
from paybench.devices.trace import Sent
from paybench.hil.codes import read_codes
from paybench.hil.errors import CodeUnreadable
from paybench.scenarios.discovery import find
from paybench.scenarios.recording import write
from paybench.scenarios.replay import replay
from paybench.scenarios.run import Options, run


class Bench:
    """Readers in processes of their own, and whoever holds phones before them.

    Attributes:
        real: The drivers' specs by part.
    """

    def __init__(self, folder, monkeypatch, processes):
        self.real = {}
        self._folder = folder
        self._monkeypatch = monkeypatch
        self._processes = processes
        self._readers = {}
        self._pictures = []

    def display(self, phone):
        """The display of a phone is a picture."""
        picture = self._folder / f"{phone}.png"
        self._pictures.append(picture)
        self.real[f"{phone}.display"] = f"qr-display:{picture}"

    def reader(self, kind, scanner):
        """A reader of a kind in the place of a scanner."""
        self.real[scanner], self._readers[scanner] = getattr(self, f"_{kind}")()

    def phone(self, owner):
        """A phone in a process of its own, on a socket."""
        (_, address), process = self._start("phone", "--listen", "127.0.0.1:0")
        self.real[f"{owner}.phone"] = f"tcp:{address}"
        self._customers = Customers(**{owner: process})

    def __call__(self, wish):
        """Do on a phone what is asked for, or hold one before a scanner."""
        if wish.startswith("hold "):
            code, scanner = wish.removeprefix("hold ").rsplit(" before ", 1)
            picture = next(file for file in self._pictures if shows(file) == code)
            self._readers[scanner](picture)
        else:
            self._customers(wish)

    def _start(self, *arguments):
        return self._processes.enter_context(twin(*arguments))

    def _serial(self):
        held = self._folder / "held.png"
        flags = ("--decode", held, "--anew", "--suffix", "CRLF")
        (_, tty), process = self._start("scanner", *flags)

        def hold(picture):
            held.write_bytes(picture.read_bytes())
            process.pull()

        return f"serial:{tty}?suffix=CRLF", hold

    def _camera(self, *arguments):
        (_, where), process = self._start("camera", *arguments)

        def hold(picture):
            process.stdin.write(f"hold {picture}\n".encode())
            process.stdin.flush()

        return f"camera:{where}", hold

    def _folder_camera(self):
        desk = self._folder / "desk"
        desk.mkdir()
        return self._camera("--folder", desk)

    def _wedge(self):
        slots = slots_in(self._folder, self._monkeypatch)
        keyboard = self._processes.enter_context(plugged(slots.folder / "event5"))

        def hold(picture):
            keyboard.type(typed(shows(picture)))

        return f"wedge:{slots.folder / 'event5'}", hold


def shows(picture):
    """What the code in a picture says, or None where there is none."""
    try:
        [code] = read_codes(picture)
    except CodeUnreadable:
        return None
    return code.payload


@pytest.fixture
def bench(tmp_path, monkeypatch):
    with ExitStack() as processes:
        yield Bench(tmp_path, monkeypatch, processes)


def played(bench, scenario, variant, file):
    """A scenario told with real readers: recorded, and replayed with nothing attached."""
    options = Options(real=bench.real, operator=bench)
    recorded = run(find(scenario)[0], variant, options)
    assert (recorded.verdict, recorded.why) == ("passed", "")
    write(file, recorded.content)
    again = replay(file)
    assert again.diverged_at is None
    assert again.run.digest == recorded.digest
    sent = [event for event in recorded.trace if isinstance(event, Sent)]
    return [event for event in sent if event.sender.endswith(".scanner")]


def test_a_ride_by_code(bench, tmp_path):
    """Fig 5: D21 and D31 read from a phone's display, by a reader on a tty and by a camera."""
    pytest.importorskip("cv2")
    bench.display("A.phone")
    bench.reader("serial", "R.gate.scanner")
    bench.reader("camera", "R.gate2.scanner")
    read = played(bench, "gate-code", "in and out", tmp_path / "run.jsonl")
    assert [sent.step for sent in read] == ["D21", "D31"]
    assert [PlainCode.parse(sent.message.payload).kind for sent in read] == ["ENTRY", "ADMIT"]


@pytest.mark.parametrize(
    ("scenario", "variant", "reader"),
    [
        ("gate-code-of-something-else", "other line", "serial"),
        ("gate-code-altered", "sign", "folder_camera"),
        ("gate-code-altered", "account", "wedge"),
    ],
)
def test_a_gate_that_refuses_a_code(scenario, variant, reader, bench, tmp_path):
    """Fig 5: another line's code and altered ones are read by real readers, and refused."""
    bench.display("A.phone")
    bench.reader(reader, "R.gate.scanner")
    [read] = played(bench, scenario, variant, tmp_path / "run.jsonl")
    assert read.step == "D21"


@pytest.mark.parametrize(
    ("is_real", "readers"),
    [(True, ("serial", "folder_camera")), (False, ("folder_camera", "wedge"))],
    ids=["real phone, serial and camera", "camera and wedge"],
)
def test_a_ticket_and_its_copy(is_real, readers, bench, tmp_path):
    """Fig 10: a ticket is read from a phone's display, and its copy from another's is refused."""
    if is_real:
        bench.phone("B")
    for phone, reader, scanner in zip("BC", readers, ("entrance", "entrance2"), strict=True):
        bench.display(f"{phone}.phone")
        bench.reader(reader, f"T.{scanner}.scanner")
    variant = "another entrance"
    first, second = played(bench, "ticket-code-used-twice", variant, tmp_path / "run.jsonl")
    assert first.step == second.step == "ticket"
    assert PlainCode.parse(first.message.payload).kind == "TICKET"
    assert first.message.payload == second.message.payload
