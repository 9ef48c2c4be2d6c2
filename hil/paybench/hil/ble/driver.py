"""The ble-central and ble-peripheral drivers: readers, displays and phones on Bluetooth Low Energy.

ble-central:my-phone                               the system's Bluetooth
ble-central:F1:5C:8A:21:7B:D0?hci=usb:0            bumble on a dongle
ble-peripheral:usb:0?name=paybench                 we are what a real register finds
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.hil.ble import OPEN_S
from paybench.hil.ble.central import BleCentral
from paybench.hil.ble.peripheral import WAIT_S, BlePeripheral
from paybench.hil.byte_driver import READER_OPTIONS, ByteDriver

if TYPE_CHECKING:
    from paybench.hil.scan import Found
    from paybench.hil.spec import Spec

CENTRAL_OPTIONS = {
    "hci": "an HCI transport of bumble's, e.g. usb:0, instead of the system's Bluetooth",
    "wait": f"whole seconds to look for the peripheral, default {OPEN_S:g}",
}
PERIPHERAL_OPTIONS = {
    "name": "the name we advertise, default paybench",
    "wait": f"whole seconds to wait for a central, default {WAIT_S:g}",
}


class BleCentralDriver(ByteDriver):
    """A real phone or peripheral, which we look for by its name or address."""

    options = CENTRAL_OPTIONS | READER_OPTIONS

    def __init__(self, spec: Spec) -> None:
        wait_s = spec.number("wait", int(OPEN_S), 1, 3600)
        central = BleCentral(spec.address, spec.options.get("hci", ""), open_s=wait_s)
        super().__init__(spec, central)

    @staticmethod
    def nearby(hci: str, listen_s: float) -> list[Found]:
        """The peripherals that are heard, ours first; see `paybench.hil.scan`.

        Raises:
            PortUnavailable: There is nothing to listen with.
        """
        from paybench.hil.ble.nearby import find

        return find(hci, listen_s)


class BlePeripheralDriver(ByteDriver):
    """A real register or central, which looks for us."""

    options = PERIPHERAL_OPTIONS | READER_OPTIONS

    def __init__(self, spec: Spec) -> None:
        wait_s = spec.number("wait", int(WAIT_S), 1, 3600)
        name = spec.options.get("name", "paybench")
        super().__init__(spec, BlePeripheral(spec.address, name, open_s=wait_s))
