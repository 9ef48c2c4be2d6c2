"""The host of the company that manages vending machines, between them and the bank ([0059])."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from paybench.devices.device import Device
from paybench.devices.settling import SettlementDemand
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from paybench.devices.message import Message
    from paybench.devices.trace import Sent
    from paybench.devices.world import World

IDS_MAX = 10_000
"""So many settlements are remembered; results of older ones have long since come."""


class ManagementHost(Device):
    """Takes what its machines demand to the bank, and the bank's answers back to them.

    It keeps in its store which machine asked under which id, so that an answer finds its way
    after a loss of power too, and no other machine gets it; of the newest `IDS_MAX` ids.

    Attributes:
        machines: The port its machines are linked to.
        bank_line: The port towards the bank.
    """

    role = "host"

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.machines = self.port("machines")
        self.bank_line = self.port("bank line")
        self.machines.listen(self._to_bank)
        self.bank_line.listen(self._to_machine)

    def _to_bank(self, sent: Sent) -> None:
        message: Message = sent.message
        asker = self.store.get(message.correlation, str)
        if asker is None:
            if len(self.store) >= IDS_MAX:
                self.store.drop(next(iter(self.store)))
            self.store.put(message.correlation, sent.sender)
        elif asker != sent.sender:
            why = f"a {type(message).__name__} of {sent.sender} about what {asker} has asked"
            self.decided(IGNORED, why, message.correlation)
            return
        if isinstance(message, SettlementDemand):
            # The bank tells whom it has a line to: this host.
            message = replace(message, information=replace(message.information, terminal=""))
        self.bank_line.send(message, sent.step)

    def _to_machine(self, sent: Sent) -> None:
        machine = self.store.get(sent.correlation, str)
        if machine is None:
            why = f"a {type(sent.message).__name__} that no machine asked for"
            self.decided(IGNORED, why, sent.correlation)
        else:
            self.machines.send(sent.message, sent.step, machine)
