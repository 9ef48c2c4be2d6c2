"""The doctor: what on this machine stands in the way of real parts, and what mends it."""

from __future__ import annotations

import grp
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOOD, MISSING, NEEDLESS = "good", "missing", "not here"


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at.

    Attributes:
        what: What was looked at, e.g. ``serial ports``.
        state: ``good``; ``missing`` when a command mends it; ``not here`` when there is nothing
            to mend, e.g. no camera is plugged in.
        seen: What was found, in a sentence.
        mend: The one command that mends it, or "".
    """

    what: str
    state: str
    seen: str
    mend: str = ""


def examine() -> list[Finding]:
    """Look at everything; touches nothing and takes hold of nothing."""
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        _serial_ports,
        _input_devices,
        _cameras,
        _bluetooth,
        _decoders,
        _extras,
    )
    return [finding for check in checks for finding in check()]


def _serial_ports() -> Iterator[Finding]:
    from serial.tools.list_ports import comports

    ports = [Path(port.device) for port in comports()]
    if not ports:
        yield Finding("serial ports", NEEDLESS, "none is plugged in")
        return
    yield from _may_use("serial ports", ports, "dialout")


def _input_devices() -> Iterator[Finding]:
    devices = sorted(Path("/dev/input").glob("event*"))
    if not devices:
        yield Finding("keyboard readers", NEEDLESS, "there are no input devices (/dev/input)")
        return
    yield from _may_use("keyboard readers", devices, "input")


def _cameras() -> Iterator[Finding]:
    devices = sorted(Path("/dev").glob("video*"))
    if not devices:
        yield Finding("cameras", NEEDLESS, "none is plugged in")
        return
    yield from _may_use("cameras", devices, "video")


def _may_use(what: str, paths: list[Path], usual_group: str) -> Iterator[Finding]:
    closed = [path for path in paths if not os.access(path, os.R_OK | os.W_OK)]
    if not closed:
        yield Finding(what, GOOD, f"{', '.join(map(str, paths))}: all may be used")
        return
    group = _group_of(closed[0]) or usual_group
    yield Finding(
        what,
        MISSING,
        f"{', '.join(map(str, closed))}: permission denied",
        f"sudo usermod -aG {group} $USER",
    )


def _group_of(path: Path) -> str:
    try:
        return grp.getgrgid(path.stat().st_gid).gr_name
    except (KeyError, OSError):
        return ""


def _bluetooth() -> Iterator[Finding]:
    if not sys.platform.startswith("linux"):
        return
    adapters = sorted(Path("/sys/class/bluetooth").glob("hci*"))
    if not adapters:
        yield Finding(
            "Bluetooth adapter", NEEDLESS, "none is plugged in; the virtual radio needs none"
        )
        return
    yield Finding("Bluetooth adapter", GOOD, ", ".join(path.name for path in adapters))
    if not Path("/run/dbus/system_bus_socket").exists():
        yield Finding("D-Bus", MISSING, "the system bus does not run", "sudo systemctl start dbus")
    elif not any(Path(place, "bluetoothd").exists() for place in _BLUEZ_PLACES):
        yield Finding("BlueZ", MISSING, "bluetoothd is not installed", "sudo apt-get install bluez")
    else:
        yield Finding("BlueZ", GOOD, "bluetoothd is installed, and the system bus runs")


_BLUEZ_PLACES = ("/usr/libexec/bluetooth", "/usr/lib/bluetooth", "/usr/sbin")


def _decoders() -> Iterator[Finding]:
    yield Finding("zxing-cpp", GOOD, "the default decoder, bundled")
    try:
        import_module("pyzbar.pyzbar")
    except ImportError:
        if find_spec("pyzbar") is None:
            command = "pip install 'paybench[zbar]'"
            yield Finding("pyzbar", NEEDLESS, "the alternative decoder is not installed", command)
        else:
            command = "sudo apt-get install --no-install-recommends libzbar0"
            yield Finding("libzbar", MISSING, "pyzbar is installed, its library is not", command)
    else:
        yield Finding("pyzbar", GOOD, "the alternative decoder works")


def _extras() -> Iterator[Finding]:
    for extra, module, what in _EXTRAS:
        if find_spec(module) is not None:
            yield Finding(f"extra {extra}", GOOD, f"{module} is installed")
        else:
            command = f"pip install 'paybench[{extra}]'"
            yield Finding(f"extra {extra}", NEEDLESS, f"{what} would need it", command)


_EXTRAS = (
    ("camera", "cv2", "a camera"),
    ("ble", "bleak", "Bluetooth"),
    ("wedge", "evdev", "a keyboard reader"),
    ("postgres", "psycopg", "a bank on PostgreSQL servers"),
)
