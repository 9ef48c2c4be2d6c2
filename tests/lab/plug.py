"""USB devices to plug in and pull out: the gadgets, and the kernel's virtual USB socket."""

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

PORTS = {"scanner": 4001, "wedge": 4002, "camera": 4003, "dongle": 4004}
NODES = {
    "scanner": "/dev/serial/by-id/usb-Acme_Scanner_0001-if00",
    "wedge": "/dev/input/by-id/usb-Acme_Wedge_0002-event-kbd",
    "camera": "/dev/v4l/by-id/usb-Acme_Camera_0003-video-index0",
}
STATUS = Path("/sys/devices/platform/vhci_hcd.0/status")
LIMIT_S = 60


def command(*words):
    """Run a program; what it printed."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.stdout


class Gadget:
    """A USB device in another process, which can be plugged in and pulled out."""

    def __init__(self, kind, process):
        self._kind = kind
        self._process = process
        self.node = NODES.get(kind, "")
        self.place = ""
        self.says(f"offered {PORTS[kind]}")

    def plug(self):
        """Plug it in; returns when udev has named it."""
        port = str(PORTS[self._kind])
        command("usbip", "--tcp-port", port, "attach", "-r", "127.0.0.1", "-b", "1-1")
        if self.node:
            command("udevadm", "wait", f"--timeout={LIMIT_S}", self.node)
            command("udevadm", "settle")
            self.place = f"{Path(self.node).resolve()} by {self._driver()}"
        return self

    def unplug(self):
        """Pull it out; returns when its name is gone."""
        command("usbip", "detach", "-p", self._socket())
        if self.node:
            command("udevadm", "wait", f"--timeout={LIMIT_S}", "--removed", self.node)

    def _driver(self):
        """The kernel's drivers its interfaces are bound to."""
        links = Path("/sys/bus/usb/devices").glob(f"{self._usb_name()}:*/driver")
        return ", ".join(sorted({link.resolve().name for link in links}))

    def _socket(self):
        """The number of the virtual socket it is in."""
        rows = [row.split() for row in STATUS.read_text(encoding="utf-8").splitlines()]
        return next(row[1] for row in rows if row[-1] == self._usb_name())

    def _usb_name(self):
        """What the kernel calls it, e.g. 3-1."""
        [name] = [
            file.parent.name
            for file in Path("/sys/bus/usb/devices").glob("*/product")
            if file.read_text(encoding="utf-8") == f"{self._kind.title()}\n"
        ]
        return name

    def shows(self, code):
        """Hold a code before it; returns when it has done with it what it does."""
        self.begins(code)
        self.says(f"did {code}")

    def begins(self, code):
        """Hold a code before it, and do not wait."""
        self._process.stdin.write(f"{code}\n")
        self._process.stdin.flush()

    def says(self, what):
        """Wait until it says something that begins so; the rest of it."""
        for line in self._process.stdout:
            if line.startswith(what):
                return line.removeprefix(what).strip()
        raise AssertionError(f"the {self._kind} ended before it said {what!r}")


@contextmanager
def gadget(kind):
    """A gadget that is plugged in."""
    folder = Path(__file__).parent
    program = ["dongle.py"] if kind == "dongle" else ["gadget.py", kind]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, folder / program[0], *program[1:], "--port", str(PORTS[kind])],
        stdin=pipe,
        stdout=pipe,
        text=True,
    ) as process:
        try:
            yield Gadget(kind, process).plug()
        finally:
            process.kill()  # which pulls it out as well
