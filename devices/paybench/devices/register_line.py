"""The line from a gate or an entrance to the register of admissions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paybench.devices.admission import Action, RegisterAnswer, RegisterDemand
from paybench.devices.bank_line import PAUSE_MAX_S, hear

if TYPE_CHECKING:
    from collections.abc import Generator

    from paybench.bank.account import AccountNumber
    from paybench.devices.device import Device
    from paybench.devices.message import Message
    from paybench.devices.port import Port

TRIES = 3
UNANSWERED = "The register of admissions does not answer."
"""Why not, where nobody knows whether it was granted: ask for a release until that is answered."""


class RegisterLine:
    """Asks the register, again if no answer comes; asking twice does what asking once does.

    Args:
        device: Whose line it is.
        port: The device's port towards the register.
        answer_timeout_s: How long the register may take.
    """

    def __init__(self, device: Device, port: Port, answer_timeout_s: float) -> None:
        self.port = port
        self.answer_timeout_s = answer_timeout_s
        self._device = device

    def ask(
        self, session: str, action: Action, serial: str, account: AccountNumber | None = None
    ) -> Generator[Any, Any, str]:
        """Ask for something; gives why not, "" if it is granted.

        Args:
            session: The passage it is for.
            action: What is asked.
            serial: Of which document.
            account: Whose it is, where that matters.
        """
        demand = RegisterDemand(session, action, serial, account)
        for _ in range(TRIES):
            self.port.send(demand, action)
            answer: Message | None = demand
            while answer is not None and not _answers(answer, action, serial):
                answer = yield from hear(self._device, self.port, session, self.answer_timeout_s)
            if isinstance(answer, RegisterAnswer):
                return "" if answer.granted else answer.why
        return UNANSWERED

    def insist(self, session: str, action: Action, serial: str) -> Generator[Any, Any, None]:
        """Ask until there is an answer, whatever it is; its pauses keep no world busy."""
        pause_s = self.answer_timeout_s
        while (yield from self.ask(session, action, serial)) == UNANSWERED:
            yield self._device.rest(pause_s)
            pause_s = min(2 * pause_s, PAUSE_MAX_S)


def _answers(answer: Message, action: Action, serial: str) -> bool:
    about = (answer.action, answer.serial) if isinstance(answer, RegisterAnswer) else None
    return about == (action, serial)
