"""The eavesdropper: hears what goes over the air, and sends it again, in this or another form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from paybench.devices.device import Device, verb
from paybench.devices.encoder import Sealed
from paybench.devices.errors import OutOfOrder
from paybench.devices.trace import Sent

if TYPE_CHECKING:
    from paybench.devices.port import Port
    from paybench.devices.world import World


class Eavesdropper(Device):
    """Stands between two devices, with an antenna.

    It hears what is in the trace between the two, which is what is in the air; what it sends
    itself arrives under the name of the one it pretends to be.

    Args:
        world: What it shares with the others.
        name: Full name, e.g. ``E.ear``.
        ends: The ports it stands between.
    """

    role = "ear"

    def __init__(self, world: World, name: str, *ends: Port) -> None:
        super().__init__(world, name)
        self._ends = {port.device: port for port in ends}

    @verb()
    def replay(self, step: str) -> None:
        """Send the newest message of a step again, to whom it went.

        Raises:
            OutOfOrder: It has heard none.
        """
        heard = self._heard(step)
        self._send(heard, heard.sender, heard.receiver, heard.message, "replayed")

    @verb()
    def reflect(self, step: str) -> None:
        """Send the newest message of a step back to whom it came from.

        Raises:
            OutOfOrder: It has heard none.
        """
        heard = self._heard(step)
        self._send(heard, heard.receiver, heard.sender, heard.message, "reflected")

    @verb()
    def alter(self, step: str, at: int = -1) -> None:
        """Send the newest sealed message of a step again with a bit of one byte changed.

        Args:
            step: Step name.
            at: Which byte of the record; -1 for the last.

        Raises:
            OutOfOrder: It has heard none, or it was not sealed.
        """
        heard = self._heard(step)
        message = heard.message
        if not isinstance(message, Sealed):
            raise OutOfOrder(f"the {step} that {self.name} heard was not sealed")
        record = bytearray(message.record)
        record[at] ^= 1
        altered = Sealed(bytes(record))
        self._send(heard, heard.sender, heard.receiver, altered, f"altered at {at}")

    def reads(self, text: str) -> bool:
        """Whether a text, or a number's digits, stands anywhere in what it has heard."""
        sought = text.encode()
        content = (msgspec.msgpack.encode(sent.message, enc_hook=str) for sent in self._all())
        return any(sought in encoded for encoded in content)

    def _all(self) -> list[Sent]:
        events = self.world.trace.events
        return [
            event
            for event in events
            if isinstance(event, Sent)
            and event.sender in self._ends
            and event.receiver in self._ends
        ]

    def _heard(self, step: str) -> Sent:
        heard = [sent for sent in self._all() if sent.step == step]
        if not heard:
            raise OutOfOrder(f"{self.name} has heard no {step}")
        return heard[-1]

    def _send(self, heard: Sent, sender: str, receiver: str, message: Any, how: str) -> None:
        self.decided(f"{how} {heard.step}", f"to {receiver}, as if from {sender}")
        number = len(self.world.trace)
        sent = Sent(
            self.env.now_ns, number, heard.step, sender, receiver, heard.correlation, message
        )
        self.world.trace.note(sent)
        self.env.call_at(self.env.now_ns, self._ends[receiver].deliver, sent)
