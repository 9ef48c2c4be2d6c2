"""A bench for codes: displays that are pictures, readers in processes of their own, and people.

The display of a device is a picture on which the driver shows a real QR code; a reader in another
process looks at that picture: on a tty, as a keyboard, or as a camera.
"""

from input_slots import plugged, slots_in, typed
from processes import Customers

from paybench.devices.trace import Sent
from paybench.hil.codes import read_codes
from paybench.hil.errors import CodeUnreadable
from paybench.scenarios.discovery import find
from paybench.scenarios.recording import write
from paybench.scenarios.replay import replay
from paybench.scenarios.run import Options, run


class Bench:
    """Readers and phones in processes of their own, and whoever holds the ones before the others.

    Args:
        folder: Where pictures are.
        monkeypatch: Puts keyboards in evdev's place.
        processes: The stack that ends the processes.
        begin: Begins one: a nursery's `twin`.

    Attributes:
        real: The drivers' specs by part.
    """

    def __init__(self, folder, monkeypatch, processes, begin):
        self.real = {}
        self._begin = begin
        self._folder = folder
        self._monkeypatch = monkeypatch
        self._processes = processes
        self._readers = {}
        self._pictures = {}

    def display(self, device, line=0):
        """The display of a device is a picture: of all its lines, or of one."""
        self._pictures[device] = picture = self._folder / f"{device}.png"
        self.real[f"{device}.display"] = f"qr-display:{picture}?line={line}"

    def article(self, picture):
        """There is a picture of a code on something to be sold."""
        self._pictures[picture.stem] = picture

    def reader(self, kind, scanner):
        """A reader of a kind in the place of a scanner."""
        self.real[scanner], self._readers[scanner] = getattr(self, f"_{kind}")()

    def phone(self, owner, by="tcp", answer=""):
        """A phone in a process of its own: on a socket, or on the radio and found by either end."""
        if by == "tcp":
            (_, address), process = self._start("phone", "--listen", "127.0.0.1:0")
            self.real[f"{owner}.phone"] = f"tcp:{address}"
        else:
            (_, hci), _radio = self._start("ble_radio")
            other = {"ble-central": "--ble-peripheral", "ble-peripheral": "--ble-central"}[by]
            _, process = self._start("phone", other, hci, "--name", owner)
            specs = {"ble-central": f"{owner}?hci={hci}", "ble-peripheral": f"{hci}?name={owner}"}
            self.real[f"{owner}.phone"] = f"{by}:{specs[by]}"
        self._customers = Customers(answer, **{owner: process})

    def __call__(self, wish):
        """Do on a phone what is asked for, or hold one before a scanner."""
        if wish.startswith("hold "):
            code, scanner = wish.removeprefix("hold ").rsplit(" before ", 1)
            picture = next(file for file in self._pictures.values() if shows(file) == code)
            self._readers[scanner](picture)
        elif wish.startswith("read "):
            device, phone = wish.removeprefix("read ").split(" on ")
            self._customers(f"scan {shows(self._pictures[device])} on {phone}")
        else:
            self._customers(wish)

    def _start(self, *arguments):
        return self._processes.enter_context(self._begin(*arguments))

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


def played(bench, scenario, variant, file):
    """A scenario told with what is real: recorded, and replayed with nothing attached."""
    options = Options(real=bench.real, operator=bench)
    recorded = run(find(scenario)[0], variant, options)
    assert recorded.verdict == "passed", recorded.why
    write(file, recorded.content)
    again = replay(file)
    assert again.diverged_at is None, again.around(again.replayed)
    assert again.run.digest == recorded.digest
    return recorded


def scans(recorded):
    """What scanners have read, as their devices were told."""
    sent = [event for event in recorded.trace if isinstance(event, Sent)]
    return [event for event in sent if event.sender.endswith(".scanner")]
