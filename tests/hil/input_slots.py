"""Input devices as evdev shows them, where the kernel has none: keyboards as files in a folder.

Only evdev itself is replaced. A file says what hangs there, and which tty its events come from:
a process of its own types them.
"""

import json
import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

from processes import twin

from paybench.hil import keys
from paybench.hil.keyboard import Nameplate
from paybench.hil.keys import EVENT, press, strokes

READER = Nameplate("Reader", (3, 0xC2E, 0xB61, 0x110), "", "usb-1/input0")


def typed(text):
    events = [*strokes(text), *press(keys.ENTER)]
    return b"".join(
        EVENT.pack(0, 0, *event)
        for code, value in events
        for event in ((keys.EV_KEY, code, value), (keys.EV_SYN, keys.SYN_REPORT, 0))
    )


class Keyboard:
    """A keyboard that hangs on a folder's file, in a process of its own."""

    def __init__(self, file, process):
        self.file = file
        self._process = process

    def type(self, data):
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def unplug(self):
        self.file.unlink()
        self._process.kill()


@contextmanager
def plugged(file, nameplate=READER):
    """A keyboard in a process of its own, plugged in under a number."""
    with twin("scanner", "--raw", "-") as ((_, tty), process):
        info = dict(zip(("bustype", "vendor", "product", "version"), nameplate.ids, strict=True))
        text = {"tty": tty, "name": nameplate.name, "info": info}
        half = file.with_suffix(".new")
        half.write_text(json.dumps(text | {"uniq": nameplate.serial, "phys": nameplate.plug}))
        half.rename(file)
        yield Keyboard(file, process)
        with suppress(FileNotFoundError):
            file.unlink()


def slots_in(tmp_path, monkeypatch):
    """The folder of input devices, as evdev shows it, and the names of those that were grabbed."""
    folder = tmp_path / "input"
    folder.mkdir()
    grabbed = []

    class Device:
        def __init__(self, path):
            says = json.loads(Path(path).read_text())
            self.fd = os.open(says["tty"], os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY)
            self.name, self.uniq, self.phys = says["name"], says["uniq"], says["phys"]
            self.info = SimpleNamespace(**says["info"])
            self._path = os.path.realpath(path)

        def capabilities(self):
            return {keys.EV_KEY: [keys.ENTER]}

        def grab(self):
            grabbed.append(Path(self._path).name)

        def close(self):
            if self.fd >= 0:
                os.close(self.fd)
            self.fd = -1

    def list_devices():
        return [str(file) for file in folder.glob("event?")]

    evdev = SimpleNamespace(InputDevice=Device, list_devices=list_devices)
    monkeypatch.setitem(sys.modules, "evdev", evdev)
    return SimpleNamespace(folder=folder, grabbed=grabbed)
