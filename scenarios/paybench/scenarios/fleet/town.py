"""A town: lines with stations, and shops and machines near them."""

from __future__ import annotations

from itertools import accumulate
from math import isqrt
from typing import TYPE_CHECKING

from paybench.bank.money import Money
from paybench.scenarios.errors import UsageError
from paybench.scenarios.fleet.place import Place

if TYPE_CHECKING:
    from paybench.devices.cash_register import CashRegister
    from paybench.devices.choices import Stream
    from paybench.devices.device import Device
    from paybench.devices.gate import Gate
    from paybench.devices.vending_machine import VendingMachine
    from paybench.scenarios.line import Line
    from paybench.scenarios.party import Shop
    from paybench.scenarios.rig import Rig

GATES_A_LINE_MAX = 400
STATIONS_A_LINE_MAX = 20
MACHINES_A_COMPANY = 100
GATES_MIN = 4

BASE_FARE_MINOR, FARE_A_STOP_MINOR = 140, 30
HEADWAY_S, STOP_TO_STOP_S = 360, 150
"""How often a train comes, and how long it takes from one station to the next."""

STOCK = 30
ITEMS = (("A1", "Cola", "1.80"), ("A2", "Water", "1.20"), ("B1", "Nuts", "1.50"))
"""What a machine has: number of the column, name, price."""


class Station:
    """A station, with what is near it.

    Attributes:
        number: Which one of its line.
        ins: Gates that lead in.
        outs: Gates that lead out.
        registers: Registers of the shops near it.
        machines: Vending machines near it.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.ins: list[Place[Gate]] = []
        self.outs: list[Place[Gate]] = []
        self.registers: list[Place[CashRegister]] = []
        self.machines: list[Place[VendingMachine]] = []

    def ride_s(self, to: Station, now_s: float) -> float:
        """How long a ride takes from here, with the wait for the next train."""
        stops = abs(to.number - self.number)
        direction = to.number > self.number
        # Trains leave the ends of the line together; this is when they come by here.
        since_s = (now_s - self.number * STOP_TO_STOP_S * (1 if direction else -1)) % HEADWAY_S
        return HEADWAY_S - since_s + stops * STOP_TO_STOP_S


class Track:
    """A line's stations, with as many people who work near each as there are.

    Attributes:
        line: The line: its account, its register of admissions.
        stations: Its stations, from one end to the other.
    """

    def __init__(self, line: Line, stations: list[Station]) -> None:
        self.line = line
        self.stations = stations
        # The nearer to the middle of town, the more work there is.
        middle = len(stations) // 2
        self._work = list(accumulate(60 // (1 + abs(i - middle)) + 1 for i in range(len(stations))))

    def home(self, chance: Stream) -> Station:
        """A station somebody lives at."""
        return self.stations[chance.below(len(self.stations))]

    def work(self, chance: Stream, home: Station) -> Station:
        """A station somebody works at, who lives at another one."""
        pick = chance.below(self._work[-1])
        number = next(i for i, end in enumerate(self._work) if pick < end)
        if number == home.number:
            number = (number + 1) % len(self.stations)
        return self.stations[number]


class Town:
    """What there is in a town, apart from its people.

    Args:
        rig: The rig it is built on.
        shops: How many shops.
        registers: How many registers they have in all.
        machines: How many vending machines.
        gates: How many gates, half of them in and half of them out.

    Attributes:
        tracks: Its lines.
        stations: The stations of all lines.
        shops: The shops.
        companies: Who the machines belong to.
        kinds: What kind of place each device is, by the device's name.

    Raises:
        UsageError: There are too few gates for a line, or registers without a shop.
    """

    def __init__(self, rig: Rig, *, shops: int, registers: int, machines: int, gates: int) -> None:
        if 0 < gates < GATES_MIN:
            raise UsageError(f"a line needs {GATES_MIN} gates or more, not {gates}")
        if registers and not shops:
            raise UsageError(f"{registers} registers need a shop to stand in")
        self.rig = rig
        self.kinds: dict[str, str] = {}
        self.tracks: list[Track] = []
        lines = -(-gates // GATES_A_LINE_MAX)
        for number in range(lines):
            self.tracks.append(
                self._track(f"R{number + 1}", gates // lines + (number < gates % lines))
            )
        self.stations = [station for track in self.tracks for station in track.stations]
        self.stations = self.stations or [Station(0)]
        self.shops = [rig.shop(f"S{number + 1}") for number in range(shops)]
        for number in range(registers):
            register = self.shops[number % shops].cash_register(
                settles="direct" if number // shops % 2 else "relayed"
            )
            self._stand(register, "register")
            self._near(number).registers.append(Place(register))
        companies = -(-machines // MACHINES_A_COMPANY)
        self.companies = [rig.shop(f"V{number + 1}") for number in range(companies)]
        for number in range(machines):
            self._near(number).machines.append(Place(self._machine(number)))

    @property
    def devices(self) -> list[Device]:
        """Gates, machines and registers."""
        places = [(s.ins, s.outs, s.machines, s.registers) for s in self.stations]
        return [place.device for kinds in places for kind in kinds for place in kind]

    @property
    def gates(self) -> list[Gate]:
        """The gates alone."""
        return [place.device for s in self.stations for place in (*s.ins, *s.outs)]

    @property
    def machines(self) -> list[VendingMachine]:
        """The vending machines alone."""
        return [place.device for station in self.stations for place in station.machines]

    @property
    def sellers(self) -> list[Shop]:
        """Everybody who is paid by customers."""
        return [*(track.line for track in self.tracks), *self.shops, *self.companies]

    def _track(self, name: str, gates: int) -> Track:
        count = max(2, min(STATIONS_A_LINE_MAX, isqrt(gates)))
        stations = [Station(number) for number in range(count)]
        names = [f"{name}-{number + 1:02d}" for number in range(count)]
        fares = {(names[a], names[b]): self._fare(b - a) for b in range(count) for a in range(b)}
        line = self.rig.line(name, fares, there_and_back=self._fare(0))
        for number in range(gates):
            station = stations[number % count]
            way = "out" if number // count % 2 else "in"
            gate = line.gate(names[station.number], way)
            self._stand(gate, f"gate {way}")
            (station.outs if way == "out" else station.ins).append(Place(gate))
        return Track(line, stations)

    def _fare(self, stops: int) -> str:
        return Money(BASE_FARE_MINOR + stops * FARE_A_STOP_MINOR, self.rig.currency).text

    def _machine(self, number: int) -> VendingMachine:
        company = self.companies[number // MACHINES_A_COMPANY]
        machine = company.vending_machine(managed=number % 4 == 3)  # noqa: PLR2004 - one in four
        for column, name, price in ITEMS:
            machine.load(column, name, price, STOCK)
        self._stand(machine, "machine")
        return machine

    def _near(self, number: int) -> Station:
        return self.stations[number % len(self.stations)]

    def _stand(self, device: Device, kind: str) -> None:
        self.kinds[device.name] = kind
