"""The register of a line or a hall: which admissions and tickets are good, and which are used."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec

from paybench.devices.admission import Action, RegisterAnswer, RegisterDemand
from paybench.devices.device import Device
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from paybench.devices.message import Message
    from paybench.devices.trace import Sent
    from paybench.devices.world import World

NEW, OPEN, SPENT = "new", "open", "spent"
SPENT_MAX = 10_000


class Standing(msgspec.Struct):
    """How a serial stands: open, claimed by a gate for a passage, or spent.

    Attributes:
        state: ``open``, ``spent``, or the gate and the passage that claim it.
        account: Whose it is, as text; "" where that does not matter.
        opened_by: The gate and the passage that opened it.
    """

    state: str
    account: str = ""
    opened_by: str = ""


class AdmissionRegister(Device):
    """The computer in the station or the hall that its gates are linked to.

    A signature tells that an admission is genuine; that it is used once, only somebody can tell
    whom all gates ask. What it knows is in its store; of the admissions it has opened itself it
    forgets those that were used, but for the newest `SPENT_MAX`.

    Args:
        world: What it shares with the others.
        name: Full name, e.g. ``R.register``.
        opened_here: Whether serials are opened here first, one at a time for each account, as the
            admissions of a line are; tickets, which somebody else sells, are not known before.

    Attributes:
        gates: The port its gates are linked to.
    """

    role = "admissions"

    def __init__(self, world: World, name: str, *, opened_here: bool = True) -> None:
        super().__init__(world, name)
        self.opened_here = opened_here
        self.gates = self.port("gates")
        self.gates.listen(self._hear)
        self._spent: deque[str] = deque()

    def boot(self) -> None:
        """Remember which ones to forget first."""
        records = (name for name in self.store if name.startswith("serial "))
        self._spent = deque(name for name in records if self._stands(name) == SPENT)

    def standing(self, serial: str) -> str:
        """How a serial stands, for scenarios to look at; "" when it is not known."""
        return self._stands(f"serial {serial}")

    def inside(self) -> list[str]:
        """The accounts, as text, that went in with an admission and did not get out yet."""
        return [name.removeprefix("open ") for name in self.store if name.startswith("open ")]

    def _hear(self, sent: Sent) -> None:
        message: Message = sent.message
        if not isinstance(message, RegisterDemand):
            self.decided(IGNORED, f"a {type(message).__name__} is nothing for a register")
            return
        why = self._flaw(message, sent.sender)
        answer = RegisterAnswer(message.session, message.action, message.serial, not why, why)
        if why:
            self.decided(f"{message.action} refused", why, message.session)
        self.gates.send(answer, message.action, sent.sender)

    def _stands(self, record: str) -> str:
        known = self.store.get(record, Standing)
        return "" if known is None else known.state

    def _flaw(self, demand: RegisterDemand, gate: str) -> str:
        """Do what is asked, or say why not; asked again, it comes to the same."""
        record = f"serial {demand.serial}"
        known = self.store.get(record, Standing)
        claimant = f"{gate} {demand.session}"
        if demand.action is Action.OPEN:
            return self._open(demand, record, known, claimant)
        if known is None and self.opened_here:
            return "This admission is not known here."
        known = known or Standing(NEW)
        if known.state == SPENT:
            return "" if demand.action is Action.SPEND else "This admission was used already."
        if known.state not in (NEW, OPEN, claimant):
            return "This admission is being used at another gate."
        if demand.action is Action.CLAIM:
            self.store.put(record, Standing(claimant, known.account, known.opened_by))
        elif demand.action is Action.SPEND:
            self._spend(record, known)
        else:
            self._release(record, known, claimant)
        return ""

    def _spend(self, record: str, known: Standing) -> None:
        self.store.put(record, Standing(SPENT, known.account))
        self.store.drop(f"open {known.account}")
        if self.opened_here:  # forgotten, it is not known here: that is refused as well
            self._spent.append(record)
            if len(self._spent) > SPENT_MAX:
                self.store.drop(self._spent.popleft())

    def _release(self, record: str, known: Standing, claimant: str) -> None:
        """What this very passage has opened or claimed, and nothing else."""
        if known.state == claimant and self.opened_here:
            self.store.put(record, Standing(OPEN, known.account, known.opened_by))
        elif known.state == claimant:
            self.store.drop(record)
        elif known.state == OPEN and known.opened_by == claimant:  # nobody went in with it
            self.store.drop(record)
            self.store.drop(f"open {known.account}")

    def _open(
        self, demand: RegisterDemand, record: str, known: Standing | None, claimant: str
    ) -> str:
        account = "" if demand.account is None else str(demand.account)
        if known is not None:
            return "" if known.state == OPEN else "This admission was used already."
        if account:
            inside = self.store.get(f"open {account}", str)
            if inside is not None:
                return "You went in before and have not come out."
            self.store.put(f"open {account}", demand.serial)
        self.store.put(record, Standing(OPEN, account, claimant))
        return ""
