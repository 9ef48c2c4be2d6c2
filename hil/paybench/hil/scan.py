"""Scan: what real things this machine has, and a draft of a bench file that uses them."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

import msgspec

from paybench.hil.driver import GROUP

SCANNER, PHONE = "register.scanner", "phone"


class Found(msgspec.Struct, frozen=True):
    """A thing that could stand in for a part.

    Attributes:
        kind: ``serial``, ``camera``, ``wedge`` or ``ble-central``: the driver that reaches it.
        address: Where it is, by a name that stays where there is one.
        name: What it calls itself, with its maker; "" if it does not say.
        spec: The spec to write after ``--real PART=``.
        part: The part it might be.
        more: What else was seen of it, in a few words.
    """

    kind: str
    address: str
    name: str
    spec: str
    part: str = SCANNER
    more: str = ""


def look_around() -> list[Found]:
    """Everything that can be seen without taking hold of it."""
    return [*_serial_ports(), *_cameras(), *_keyboards()]


class Listener(Protocol):
    """What a driver has as well whose things make themselves heard."""

    @staticmethod
    def nearby(hci: str, listen_s: float) -> list[Found]:
        """What is heard within a time, the most likely first.

        Args:
            hci: An adapter's HCI transport; "" for the system's Bluetooth.
            listen_s: How long to listen, in seconds.

        Raises:
            PortUnavailable: There is nothing to listen with; the error says what to do.
        """
        ...


def listen_around(hci: str, listen_s: float) -> list[Found]:
    """The Bluetooth devices that are heard; as `Listener.nearby`."""
    # By its entry point, as drivers are: who scans need not know what a driver needs.
    [point] = entry_points(group=GROUP, name="ble-central")
    listener: Listener = point.load()
    return listener.nearby(hci, listen_s)


def _serial_ports() -> list[Found]:
    from serial.tools.list_ports import comports

    found: list[Found] = []
    for port in sorted(comports()):
        maker = " ".join(filter(None, (port.manufacturer, port.product)))
        where = _lasting("/dev/serial/by-id", port.device)
        found.append(Found("serial", where, maker or _known(port.hwid), f"serial:{where}"))
    return found


def _cameras() -> list[Found]:
    found: list[Found] = []
    for device in sorted(Path("/dev").glob("video*")):
        about = Path("/sys/class/video4linux") / device.name
        if _read(about / "index") not in {"", "0"}:
            continue  # the second node of a USB camera gives what is about its pictures, and none
        name = _read(about / "name")
        where = _lasting("/dev/v4l/by-id", str(device))
        found.append(Found("camera", where, name, f"camera:{where}"))
    return found


def _keyboards() -> list[Found]:
    # Readers that type show themselves as keyboards; the by-id names tell them from mice.
    return [
        Found("wedge", str(link), link.name.removesuffix("-event-kbd"), f"wedge:{link}")
        for link in sorted(Path("/dev/input/by-id").glob("*-event-kbd"))
    ]


def _lasting(folder: str, device: str) -> str:
    """The name that stays when things are plugged in another order; else the device's own."""
    for link in sorted(Path(folder).glob("*")):
        if str(link.resolve()) == device:
            return str(link)
    return device


def _known(hwid: str) -> str:
    return "" if hwid == "n/a" else hwid


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def printable(text: str) -> str:
    """A text from outside, on one line: a thing may call itself whatever it likes."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def draft(found: list[Found]) -> str:
    """A bench file with all that was found, to be edited: every part commented out."""
    lines = [
        "# A draft: take the hash marks from what is to be real, and put its part's name there.",
        '# A part is ROLE.PART, e.g. "register.scanner" or "phone.display".',
        "",
    ]
    for thing in found:
        words = filter(None, (thing.name or "it does not say what it is", thing.more))
        lines += [
            f"# {printable(', '.join(words))}",
            f'# [real."{thing.part}"]',
            f'# spec = "{thing.spec}"',
            "",
        ]
    if not found:
        lines.append("# Nothing is plugged in that could be found.")
    return "\n".join(lines).rstrip() + "\n"
