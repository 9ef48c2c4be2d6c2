"""Where codes are held to a device: its scanner, and the cable from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.devices.errors import OutOfOrder, PartSilent, UnexpectedReading
from paybench.devices.link import LinkProfile
from paybench.devices.scanner import SCAN, Misreading, Reading, Scanner

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.devices.device import Device
    from paybench.devices.phone import Phone
    from paybench.devices.trace import Sent

CABLE = LinkProfile()


class CodeReader:
    """A device's scanner: what it reads goes to the device, whether somebody waits for it or not.

    Args:
        device: Whose it is.
        take: Called with each code that is read.
        step: The step name a reading has in the trace, e.g. ``D31``.

    Attributes:
        scanner: The scanner, a part of the device, simulated or real.
    """

    def __init__(self, device: Device, take: Callable[[str], object], step: str = SCAN) -> None:
        self.scanner = Scanner(device.world, f"{device.name}.scanner", step)
        self._device = device
        self._take = take
        self._read = ""
        self._misread = ""
        cable = device.port("scanner cable")
        cable.listen(self._hear)
        device.parts["scanner"] = self.scanner
        device.world.connect(self.scanner.port, cable, CABLE)

    def read(self, code: str) -> None:
        """Hold a code before the scanner, and wait until that has read something.

        Raises:
            PartSilent: Nothing, or nothing readable, came from the scanner.
            UnexpectedReading: The scanner read another code than the one presented.
        """
        world, scanner = self._device.world, self.scanner
        self._read, self._misread = "", ""
        scanner.present(code)
        try:
            world.wait_for(self._has_answered, scanner, f"code {code}")
        except PartSilent as silent:
            silent.heard = self._misread or scanner.heard
            raise
        if self._read not in ("", code):
            raise UnexpectedReading(
                f"{scanner.name} read {self._read} where {code} was presented: present what the "
                f"scenario names, or mend the reader"
            )

    def read_display(self, phone: Phone) -> None:
        """Hold a phone's display before the scanner; the rest is as in `read`.

        Raises:
            OutOfOrder: The display shows nothing.
        """
        code = "\n".join(phone.display.lines)
        if not code:
            raise OutOfOrder(
                f"{phone.name} shows nothing: have it show a code first "
                f"(phone.wallet.show_ticket(event))"
            )
        self.read(code)

    def _has_answered(self) -> bool:
        # Before a real reader somebody holds the code again; a simulated one is asked once.
        return bool(self._read or (self._misread and self.scanner.operated is None))

    def _hear(self, sent: Sent) -> None:
        message = sent.message
        if isinstance(message, Misreading):
            self._misread = message.why
            self._device.display.show("READ ERROR", "SCAN AGAIN")
        elif isinstance(message, Reading):
            self._read = message.payload
            self._take(message.payload)
