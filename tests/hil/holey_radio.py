"""Virtual air with holes, in a process of its own: `-c` with what happens, one argument each.

``drop:BYTES`` ends the connection for both, as a supervision timeout does; ``away:BYTES:SECONDS``
lets nothing through for so long; ``tell:BYTES`` only says so. It happens when so many bytes more
have gone through the air, from the first piece of a stream on, and then `struck` is said.
"""

import asyncio
import logging
import sys

from bumble.hci import HCI_CONNECTION_TIMEOUT_ERROR

from paybench.hil.ble import radio
from paybench.hil.virtual.parent import obey, say

PIECES = 0x52, 0x1B  # ATT: write without response, notification
OPCODE_AT = 4  # behind the head of L2CAP


class Holes(radio._Air):
    def __init__(self):
        super().__init__()
        self.script = [argument.split(":") for argument in sys.argv[1:]]
        self.counts = False
        self.carried_bytes = 0
        self.away = False

    def send_acl_data(self, sender_controller, destination_address, transport, data):
        self.counts = self.counts or data[OPCODE_AT] in PIECES
        self.carried_bytes += len(data) * self.counts
        if self.script and self.carried_bytes >= int(self.script[0][1]):
            self.strike(*self.script.pop(0))
        elif not self.away:
            super().send_acl_data(sender_controller, destination_address, transport, data)

    def send_advertising_pdu(self, sender_controller, packet):
        if not self.away:
            super().send_advertising_pdu(sender_controller, packet)

    def send_ll_control_pdu(self, sender_address, receiver_address, packet):
        if not self.away:
            super().send_ll_control_pdu(sender_address, receiver_address, packet)

    def strike(self, what, _bytes, seconds="0"):
        self.carried_bytes = 0
        if what == "drop":
            for controller in self.controllers:
                for connection in list(controller.le_connections.values()):
                    controller.on_le_disconnected(connection, HCI_CONNECTION_TIMEOUT_ERROR)
        elif what == "away":
            self.away = True
            asyncio.get_running_loop().call_later(float(seconds), self.come_back)
        say("struck")

    def come_back(self):
        self.away = False


logging.basicConfig(level=logging.CRITICAL)
obey()
radio._Air = Holes
with radio.radio_on() as hci:
    say(f"hci {hci}")
    sys.stdin.read()
