"""A Bluetooth dongle on USB, which the kernel's btusb drives, and the air around it.

    python dongle.py --port 4004

The air is a virtual radio. It says where that is (`hci unix-client:…`), as
`paybench.hil.virtual.ble_radio` does; phones are in it as they are in that. Between dongle and
radio HCI packets are handed on as they are: on USB commands come by the control pipe, events go by
the interrupt pipe and data by the bulk pipes (Bluetooth Core, Vol 4, Part B, 2).
"""

from __future__ import annotations

import argparse
import asyncio

from bumble.controller import Controller
from bumble.hci import LeFeatureMask
from bumble.transport import open_transport
from gadget import MAKER, VENDOR_ID, say
from usbip.classes.device import Bluetooth
from usbip.device import USBDevice
from usbip.transport import USBIP

from paybench.hil.ble.radio import Radio

TOO_MUCH = (
    LeFeatureMask.LL_PRIVACY
    | LeFeatureMask.LE_EXTENDED_ADVERTISING
    | LeFeatureMask.LE_PERIODIC_ADVERTISING
)
"""What bumble's controllers offer and cannot do as BlueZ wants it."""

COMMAND, DATA, EVENT = b"\x01", b"\x02", b"\x04"
"""What stands before a packet where all go one way (H4)."""


class ToUsb:
    """What the controller says goes to the kernel."""

    def __init__(self, dongle):
        self._dongle = dongle

    def on_packet(self, packet):
        send = self._dongle.send_event if packet[:1] == EVENT else self._dongle.send_acl
        send(packet[1:])


async def main():
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, required=True, help="where it is offered by USB/IP")
    options = parser.parse_args()
    Controller.le_features &= ~TOO_MUCH
    loop = asyncio.get_running_loop()
    radio = Radio()
    await radio.open()
    ours = await open_transport(radio.hci)

    def to_radio(kind):
        def send(packet):  # in a thread of the USB library's
            loop.call_soon_threadsafe(ours.sink.on_packet, kind + packet)

        return send

    device = USBDevice(VENDOR_ID, 4, manufacturer=MAKER, product="Dongle", serial="0004")
    dongle = device.add(Bluetooth(on_command=to_radio(COMMAND), on_acl=to_radio(DATA)))
    ours.source.set_packet_sink(ToUsb(dongle))
    device.plug(USBIP("127.0.0.1", options.port))
    say(f"offered {options.port}")
    say(f"hci {radio.hci}")
    await ours.source.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
