"""The wedge driver: a HID scanner, which is a keyboard, read through the kernel's evdev.

    wedge:/dev/input/event5
    wedge:/dev/input/by-id/usb-Honeywell_Scanner-event-kbd?suffix=TAB

The keyboard is grabbed: while it is ours, what it types goes nowhere else. What is recorded are
the bytes of the input_event structs, which a replay decodes again. docs/wedge.md tells the rest.
"""

from __future__ import annotations

import errno
import os
import struct
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from paybench.devices.scanner import Scanner
from paybench.hil.errors import PortUnavailable, SpecError
from paybench.hil.keys import ENTER, EV_KEY, EVENT, KeyCodec
from paybench.hil.payload import PayloadRule
from paybench.hil.profile import gap_in_ns, yes
from paybench.hil.reader import ByteReader
from paybench.hil.scanner import preamble

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    from paybench.devices.environment import Environment
    from paybench.devices.part import Part
    from paybench.devices.world import World
    from paybench.hil.spec import Spec

OPTIONS = {
    "prefix": "what is typed before each payload: text",
    "suffix": "the key that ends a payload: ENTER (default), TAB, or NONE: a silence",
    "gap": "that silence, in seconds, default 0.1; with suffix=NONE only",
    "aim": "yes if the scanner types AIM identifiers such as ]E0, default no",
}
MISSING = (
    "a keyboard wedge is read with evdev, which is not installed: "
    "uv sync --extra wedge (or pip install 'paybench[wedge]')"
)

_NATIVE = struct.Struct("@llHHi")
_IS_CANONICAL = _NATIVE.size == EVENT.size and sys.byteorder == "little"
_READ_BYTES = 64 * _NATIVE.size


class WedgeDriver:
    """A keyboard wedge. `kinds`: scanner."""

    kinds = frozenset({Scanner.kind})
    options = OPTIONS

    def __init__(self, spec: Spec) -> None:
        spec.check_options(OPTIONS)
        self.path = spec.address
        suffix = spec.options.get("suffix", "ENTER")
        if "gap" in spec.options and suffix != "NONE":
            raise SpecError(f"gap means nothing beside suffix={suffix}: drop it, or suffix=NONE")
        rule = PayloadRule(
            preamble(spec.options.get("prefix", "")), aim=yes("aim", spec.options.get("aim", "no"))
        )
        self._codec = KeyCodec(suffix, rule, gap_in_ns(spec.options.get("gap", "0.1")))
        self._device: Any = None
        self._name = ""
        self._env: Environment | None = None
        self._stop_reading: Callable[[], None] = _nothing

    def probe(self) -> None:
        """Grab the keyboard and let go of it again.

        Raises:
            PortUnavailable: It is missing, grabbed by somebody else, not permitted or no keyboard.
        """
        self.open()
        self.close()

    def open(self) -> None:
        """Grab the keyboard, and drop what was typed before.

        Raises:
            PortUnavailable: It is missing, grabbed by somebody else, not permitted or no keyboard.
        """
        try:
            from evdev import InputDevice
        except ImportError as error:
            raise PortUnavailable(f"{self.path}: {MISSING}") from error
        try:
            self._device = InputDevice(self.path)
            if ENTER not in self._device.capabilities().get(EV_KEY, ()):
                self.close()
                raise PortUnavailable(
                    f"{self.path}: an input device without an Enter key is no keyboard wedge; "
                    f"keyboards here: {_keyboards()}"
                )
            self._device.grab()
            with suppress(BlockingIOError):
                while os.read(self._device.fd, _READ_BYTES):
                    pass
        except OSError as error:
            self.close()
            raise PortUnavailable(f"{self.path}: {_why_not(error)}") from error

    def stand_in(self, part: Part, world: World, operator: Callable[[str], None]) -> None:
        """Take the place of a scanner.

        Raises:
            SpecError: The part is of another kind.
        """
        if not isinstance(part, Scanner):
            raise SpecError(f"a keyboard wedge cannot be {part.name}, which is a {part.kind}")
        self._name, self._env = part.name, world.env
        source = part.operated = ByteReader(part, world, self._codec, operator)
        world.env.attach(part.name, source)
        if self._device is not None and world.env.wall is not None:
            self._start_reading(world.env.wall.loop, self._device.fd)

    def close(self) -> None:
        """Stop reading, and let go of the keyboard."""
        self._stop_reading()
        self._stop_reading = _nothing
        if self._device is not None:
            self._device.close()  # which ends the grab too
            self._device = None

    def _start_reading(self, loop: AbstractEventLoop, descriptor: int) -> None:
        def stop() -> None:
            if not loop.is_closed():
                loop.remove_reader(descriptor)

        loop.add_reader(descriptor, self._readable, descriptor)
        self._stop_reading = stop

    def _readable(self, descriptor: int) -> None:
        try:
            data, lost = os.read(descriptor, _READ_BYTES), ""
        except BlockingIOError:
            return
        except OSError as error:
            data, lost = b"", f"{self.path} went away ({error.strerror})"
            self._stop_reading()
            self._stop_reading = _nothing
        if self._env is not None and (data or lost):
            self._env.inject(self._name, canonical(data), lost)


def canonical(data: bytes) -> bytes:
    """The kernel's input_event structs in the form in which all machines record them."""
    if _IS_CANONICAL:
        return data
    return b"".join(EVENT.pack(*event) for event in _NATIVE.iter_unpack(data))


def _nothing() -> None:
    """What stops nothing."""


def _why_not(error: OSError) -> str:
    """Why a keyboard could not be had, and what to do."""
    if error.errno == errno.ENOENT:
        return f"there is no such device; keyboards here: {_keyboards()}. Is it plugged in?"
    if error.errno in {errno.EACCES, errno.EPERM}:
        return "permission denied: add yourself to its group with 'sudo usermod -aG input $USER'"
    if error.errno == errno.EBUSY:
        return "another program has grabbed it: close that first (lsof names it)"
    return f"it cannot be read as a keyboard ({error.strerror or error})"


def _keyboards() -> str:
    import evdev

    library: Any = evdev  # its hints are loose
    found: list[str] = []
    for path in sorted(library.list_devices()):
        with suppress(OSError):
            device = library.InputDevice(path)
            if ENTER in device.capabilities().get(EV_KEY, ()):
                found.append(f"{path} ({device.name})")
            device.close()
    return ", ".join(found) or "none"
