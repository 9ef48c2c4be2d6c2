"""The scanner part: reads bar codes and QR codes into a device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from paybench.devices.message import Message
from paybench.devices.port import Port

if TYPE_CHECKING:
    from paybench.devices.world import World

SCAN = "scan"
"""The step of what a scanner says to its device, where the flow has no name for it."""


class Reading(Message, frozen=True, gc=False, omit_defaults=True):
    """A code was read: its payload as text, and its symbology if the reader says it.

    Attributes:
        payload: What the code says.
        symbology: The AIM identifier (ISO/IEC 15424), e.g. ``]E0``, of a reader that sends it;
            else the name its own protocol gives, e.g. ``EAN-13``; "" if it says none.
    """

    payload: str
    symbology: str = ""


class Misreading(Message, frozen=True, gc=False):
    """Something came from the reader that is no code: how many bytes, and why it is none."""

    byte_count: int
    why: str


class Operated(Protocol):
    """A real reader: a person holds codes before it."""

    def ask(self, code: str) -> None:
        """Ask a person to hold a code before the reader."""
        ...


class Scanner:
    """The simulated reader: whatever is presented to it, it reads.

    A real one (`paybench.hil`) stands in its place with the same port and the same messages, and
    `present` only asks a person to hold the code before it.

    Args:
        world: What it shares with the others.
        name: Full name of the part, e.g. ``A.register.scanner``.
        step: The step name of its readings, e.g. ``D31`` at a gate.

    Attributes:
        name: Full name of the part.
        port: Its end of the cable to the device.
        step: The step name of its readings.
        smeared: Whether its glass is: then the simulated one reads nothing.
        gone: Why a real one is not there now.
        returns: Whether somebody tries to get a real one back.
        heard: What a real one sent instead of codes, if it did.
        operated: The real reader in its place, or None.
    """

    kind = "scanner"

    def __init__(self, world: World, name: str, step: str = SCAN) -> None:
        self.world = world
        self.name = name
        self.step = step
        self.smeared = False
        self.gone = ""
        self.returns = False
        self.heard = ""
        self.operated: Operated | None = None
        self.port = Port(world.env, name, "cable")

    def present(self, code: str) -> None:
        """Hold a code before the reader."""
        if self.operated is not None:
            self.operated.ask(code)
        elif self.smeared:
            self.misreads(len(code.encode()), "the glass is smeared")
        else:
            self.reads(code)

    def reads(self, payload: str, symbology: str = "") -> None:
        """Tell the device what was read; the arguments are those of `Reading`."""
        self.port.send(Reading(payload, symbology), self.step)

    def misreads(self, byte_count: int, why: str) -> None:
        """Tell the device that something was no code; the arguments are those of `Misreading`."""
        self.port.send(Misreading(byte_count, why), SCAN)
