"""A visitor: stands in line for a device, deals with it, and tells how it went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paybench.scenarios.fleet.behaviour import happens
from paybench.scenarios.fleet.tally import GOES_WITHOUT, JOINS, REFUSED, SERVED

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from simpy.events import Event, Process

    from paybench.devices.cash_register import CashRegister
    from paybench.devices.device import Device
    from paybench.devices.gate import Gate
    from paybench.devices.phone import Phone
    from paybench.devices.vending_machine import VendingMachine
    from paybench.scenarios.fleet.fleet import Fleet
    from paybench.scenarios.fleet.place import P, Place

NO_POWER = "It has no power."
TOO_LONG = "The queue is too long."
LOOKS_EVERY_S = 5.0
LOOKS_MAX = 120
"""How often somebody looks whether a device that was interrupted is done, before they go."""

AT_REST = frozenset({"passed", "refused", "paid", "unknown", "discharged", "reversed", "open"})
"""States of a passage, a vend or a sale after which a device serves the next one."""


class Visitor:
    """Somebody with a phone, before one device after the other.

    Args:
        fleet: The fleet they belong to.
        name: What traces call them.

    Attributes:
        name: What traces call them.
        phone: Their phone, once their day has begun.
    """

    __slots__ = ("_chance", "_env", "_fleet", "_world", "name", "phone")

    phone: Phone

    def __init__(self, fleet: Fleet, name: str) -> None:
        self.name = name
        self._fleet = fleet
        self._world = fleet.rig.world
        self._env = self._world.env
        self._chance = self._world.choices.stream(name, "day")

    def finds(self, places: Sequence[Place[P]]) -> Place[P] | None:
        """The better one of two places somebody happens to see; None where neither will do."""
        if not places or self.phone.state == "locked":
            return None
        seen = [places[self._chance.below(len(places))] for _ in range(2)]
        place = min(seen, key=len)
        if not place.device.powered:
            self.goes_without(place, NO_POWER)
        elif len(place) > self._fleet.behaviour.patience:
            self.goes_without(place, TOO_LONG)
        else:
            return place
        return None

    def queues(self, place: Place[P]) -> Generator[Any, Any, str]:
        """Stand in line until it is one's turn; gives why it never was, "" if it is."""
        self._world.decided(self.name, JOINS, place.device.name)
        turn = place.join()
        if turn is not None:
            yield turn
        for _ in range(LOOKS_MAX):
            if _is_at_rest(place.device):
                return ""
            yield self._env.timeout(LOOKS_EVERY_S)
        return self.done(place, "", _told(place.device))

    def deals(
        self, device: Gate | VendingMachine | CashRegister, process: Process
    ) -> Generator[Any, Any, None]:
        """Stand before a device until it is done, also if its power goes and comes meanwhile."""
        yield process
        for _ in range(LOOKS_MAX):
            if _is_at_rest(device):
                break
            yield self._env.timeout(LOOKS_EVERY_S)
        self._world.part(device.short_range, self.phone.short_range)

    def done(self, place: Place[P], correlation: str, why: str) -> str:
        """Go, and let the next one; gives why it did not work, "" if it did."""
        self._world.decided(self.name, REFUSED if why else SERVED, why, correlation)
        place.leave()
        return why

    def concludes(self, place: Place[P], number: str, customer: str, *, well: bool) -> str:
        """Go, after a dealing: of which number and with whom the device has dealt last."""
        if customer != self.phone.name:
            number, well = "", False
        return self.done(place, number, "" if well else _told(place.device))

    def goes_without(self, place: Place[P], why: str) -> None:
        """Not even join the queue."""
        kind = self._fleet.town.kinds[place.device.name]
        self._world.decided(self.name, GOES_WITHOUT, f"{kind}: {why}")

    def walk(self) -> Event:
        """A walk, for ``yield``."""
        return self._env.timeout(self._fleet.behaviour.walk.pick_s(self._chance))

    def does(self, ppm: int) -> bool:
        """Whether they do what so many in a million do."""
        return happens(self._chance, ppm)


def _is_at_rest(device: Device) -> bool:
    """Whether a device has power, and is done with whom it served last."""
    if not device.powered:
        return False
    for name in ("passage", "vend", "sale"):
        dealing = getattr(device, name, None)
        if dealing is not None:
            # An offer that the power took away is nobody's any more.
            return dealing.state in AT_REST or (dealing.state, device.state) == ("offered", "idle")
    return True


def _told(device: Device) -> str:
    """What a device tells people of why not."""
    if not device.powered:
        return NO_POWER
    lines = device.display.lines or ("IT SHOWS NOTHING",)
    # Where there is a reason, it is a sentence.
    return ", ".join(lines) if lines[-1].isupper() else lines[-1]
