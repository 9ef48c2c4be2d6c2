"""Scan: what real things this machine has, and a draft of a bench file that uses them."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Found(msgspec.Struct, frozen=True):
    """A thing that could stand in for a part.

    Attributes:
        kind: ``serial``, ``camera`` or ``wedge``: the driver that reaches it.
        address: Where it is, by a name that stays where there is one.
        name: What it calls itself, with its maker; "" if it does not say.
        spec: The spec to write after ``--real PART=``.
    """

    kind: str
    address: str
    name: str
    spec: str


def look_around() -> list[Found]:
    """Everything that can be seen without taking hold of it."""
    return [*_serial_ports(), *_cameras(), *_keyboards()]


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
        name = _read(Path("/sys/class/video4linux") / device.name / "name")
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


def draft(found: list[Found]) -> str:
    """A bench file with all that was found, to be edited: every part commented out."""
    lines = [
        "# A draft: take the hash marks from what is to be real, and put its part's name there.",
        '# A part is ROLE.PART, e.g. "register.scanner" or "phone.display".',
        "",
    ]
    for thing in found:
        lines += [
            f"# {thing.name or 'it does not say what it is'}",
            '# [real."register.scanner"]',
            f'# spec = "{thing.spec}"',
            "",
        ]
    if not found:
        lines.append("# Nothing is plugged in that could be found.")
    return "\n".join(lines).rstrip() + "\n"
