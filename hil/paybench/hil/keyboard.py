"""A keyboard that is ours alone, through Linux's evdev."""

from __future__ import annotations

import errno
import os
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from paybench.hil.errors import PortUnavailable
from paybench.hil.keys import ENTER, EV_KEY, EVENT
from paybench.hil.transport import nothing, watch

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    from paybench.hil.transport import Take

MISSING = (
    "a keyboard wedge is read with evdev, which is not installed: "
    "uv sync --extra wedge (or pip install 'paybench[wedge]')"
)

_NATIVE = struct.Struct("@llHHi")
_IS_CANONICAL = _NATIVE.size == EVENT.size and sys.byteorder == "little"
_READ_BYTES = 64 * _NATIVE.size


class Nameplate(msgspec.Struct, frozen=True):
    """What a keyboard keeps when it is plugged in again, and what tells it from others.

    Attributes:
        name: What it calls itself.
        ids: Bus, vendor, product and version.
        serial: Its serial number; "" for most scanners.
        plug: Where it is plugged in, e.g. ``usb-0000:00:14.0-2/input0``; after the slash, which of
            a device's interfaces it is.
    """

    name: str
    ids: tuple[int, ...]
    serial: str
    plug: str

    @classmethod
    def of(cls, device: Any) -> Nameplate:
        """The nameplate of an evdev device."""
        info = device.info
        ids = (info.bustype, info.vendor, info.product, info.version)
        return cls(device.name, ids, device.uniq or "", device.phys or "")

    def is_of(self, other: Nameplate) -> bool:
        """Whether the other is of the same keyboard: by its serial number, else by its plug."""
        if (self.name, self.ids, self.serial) != (other.name, other.ids, other.serial):
            return False
        if not self.serial:
            return self.plug == other.plug
        return self.plug.rpartition("/")[2] == other.plug.rpartition("/")[2]


class Keyboard:
    """A keyboard, grabbed while it is open: what it types goes nowhere else.

    It is found again, though the kernel may have numbered it anew: a name that lasts
    (``/dev/input/by-id/…``) leads to it; and a number leads to whichever keyboard has the nameplate
    of the one that had the number at first.

    Args:
        path: Its device file.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._device: Any = None
        self._nameplate: Nameplate | None = None
        self._stop_reading: Callable[[], None] = nothing

    def open(self) -> None:
        """Grab the keyboard, and drop what was typed before.

        Raises:
            PortUnavailable: It is missing, grabbed by somebody else, not permitted or no keyboard.
        """
        try:
            self._device = self._find()
            if ENTER not in self._device.capabilities().get(EV_KEY, ()):
                self.close()
                raise PortUnavailable(
                    f"{self._path}: an input device without an Enter key is no keyboard wedge; "
                    f"keyboards here: {_keyboards()}"
                )
            self._device.grab()
            with suppress(BlockingIOError):
                while os.read(self._device.fd, _READ_BYTES):
                    pass
        except ImportError as error:
            raise PortUnavailable(f"{self._path}: {MISSING}") from error
        except OSError as error:
            self.close()
            raise PortUnavailable(f"{self._path}: {_why_not(error)}") from error
        self._nameplate = Nameplate.of(self._device)

    def start(self, loop: AbstractEventLoop, take: Take) -> None:
        """Watch its device file; the bytes are as `canonical` gives them."""
        self._stop_reading = watch(loop, self._device.fd, self._read, take)

    def close(self) -> None:
        """Stop reading, and let go of the keyboard."""
        self._stop_reading()
        self._stop_reading = nothing
        if self._device is not None:
            self._device.close()  # which ends the grab too
            self._device = None

    def _find(self) -> Any:
        """The device, wherever it is now.

        Raises:
            OSError: It is not there, or not permitted.
            ImportError: evdev is not installed.
        """
        evdev = _evdev()
        if self._nameplate is None or Path(self._path).is_symlink():
            return evdev.InputDevice(self._path)
        for path in sorted(evdev.list_devices(), key=lambda path: (path != self._path, path)):
            # Any of them may be unplugged just now.
            with suppress(OSError):
                device = evdev.InputDevice(path)
                if Nameplate.of(device).is_of(self._nameplate):
                    return device
                device.close()
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    def _read(self) -> tuple[bytes, str]:
        """The events that have come; or why there will be no more."""
        try:
            data = os.read(self._device.fd, _READ_BYTES)
        except BlockingIOError:
            return b"", ""
        except OSError as error:
            return b"", f"{self._path} went away ({error.strerror})"
        return canonical(data), "" if data else f"{self._path} went away (it has ended)"


def canonical(data: bytes) -> bytes:
    """The kernel's input_event structs in the form in which all machines record them."""
    if _IS_CANONICAL:
        return data
    return b"".join(EVENT.pack(*event) for event in _NATIVE.iter_unpack(data))


def _why_not(error: OSError) -> str:
    """Why a keyboard could not be had, and what to do."""
    if error.errno == errno.ENOENT:
        return f"there is no such device; keyboards here: {_keyboards()}. Is it plugged in?"
    if error.errno in {errno.EACCES, errno.EPERM}:
        return "permission denied: add yourself to its group with 'sudo usermod -aG input $USER'"
    if error.errno == errno.EBUSY:
        return "another program has grabbed it: close that first (lsof names it)"
    return f"it cannot be read as a keyboard ({error.strerror or error})"


def _evdev() -> Any:  # its hints are loose
    import evdev

    return evdev


def _keyboards() -> str:
    evdev = _evdev()
    found: list[str] = []
    for path in sorted(evdev.list_devices()):
        with suppress(OSError):
            device = evdev.InputDevice(path)
            if ENTER in device.capabilities().get(EV_KEY, ()):
                found.append(f"{path} ({device.name})")
            device.close()
    return ", ".join(found) or "none"
