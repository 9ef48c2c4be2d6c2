"""What every device is: a name, a state, a display, ports, a store, power, and verbs."""

# Ending a process reaches into SimPy's, whose hints are loose there.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar

from paybench.bank.secret import MASK
from paybench.devices.display import Display
from paybench.devices.environment import to_ns
from paybench.devices.errors import OutOfOrder
from paybench.devices.port import Port
from paybench.devices.store import Store
from paybench.devices.trace import Decision, State

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from simpy.events import Process

    from paybench.devices.port import Receive
    from paybench.devices.world import World


class Doer(Protocol):
    """What has verbs: a device, or a piece of one.

    Attributes:
        name: Who acts, in traces.
        world: Its world.
        by_hand: Has a person do on a real thing what a verb says: called with the verb, its
            arguments, and which of them are secret. None where the thing is simulated.
        powered: Whether it has power.
    """

    name: str
    world: World

    @property
    def powered(self) -> bool:
        """Whether it has power."""
        ...

    @property
    def by_hand(self) -> Callable[[str, dict[str, Any], tuple[str, ...]], Any] | None:
        """How a person does it, or None."""
        ...


D = TypeVar("D", bound=Doer)
P = ParamSpec("P")
T = TypeVar("T")

PROCESSES_KEPT = 8
"""So many processes a device remembers before it forgets the ended ones."""


def verb(
    *secrets: str, mechanical: bool = False
) -> Callable[[Callable[Concatenate[D, P], T]], Callable[Concatenate[D, P], T]]:
    """Make a method a verb: something a person does to a device.

    In a staged world (a scenario) a verb is recorded in the trace as an `Act`, and returns when
    the world has settled. Elsewhere (a fleet's processes) it is the plain method.

    Args:
        secrets: Names of the arguments that the trace shows as dots.
        mechanical: Whether it can be done to a device without power, too; the others raise
            `OutOfOrder` there.
    """

    def decorate(method: Callable[Concatenate[D, P], T]) -> Callable[Concatenate[D, P], T]:
        name = method.__name__
        parameters = list(inspect.signature(method).parameters)[1:]

        @functools.wraps(method)
        def act(device: D, /, *args: P.args, **kwargs: P.kwargs) -> T:
            if not mechanical and not device.powered:
                raise OutOfOrder(f"{device.name} has no power: {name} does nothing there")
            if not device.world.staged:
                return method(device, *args, **kwargs)
            given = dict(zip(parameters, args, strict=False)) | kwargs
            shown = {key: MASK if key in secrets else _text(value) for key, value in given.items()}
            by_hand = device.by_hand

            def deed() -> T:
                if by_hand is not None:
                    return by_hand(name, given, secrets)
                return method(device, *args, **kwargs)

            return device.world.act(device.name, name, shown, deed)

        # Consoles find a device's verbs by this mark.
        act.__dict__["is_verb"] = True
        return act

    return decorate


class Device:
    """Base of the devices.

    Args:
        world: What it shares with the others.
        name: Full name, e.g. ``A.register``; traces show it.

    Attributes:
        role: What it is to a scenario, e.g. ``register``: a bench file names parts by it.
        parts: Its parts by name: what can be simulated or real.
        state: Where it stands; changed by `become`.
        store: What outlives a loss of power.
        powered: Whether it has power.

    A device starts its processes in `boot`, with `run`: when the power goes they end where they
    are, and when it is back `boot` starts them again, with nothing to go by but the store.
    """

    role = "device"

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.env = world.env
        self.name = name
        self.state = "idle"
        self.display = Display(world, name)
        self.parts: dict[str, Any] = {"display": self.display}
        self.store = Store()
        self.powered: bool = True
        self._outages = 0
        self._ports: list[Port] = []
        self._processes: list[Process] = []
        self._note = world.trace.note

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} {self.state}>"

    @property
    def by_hand(self) -> Callable[[str, dict[str, Any], tuple[str, ...]], Any] | None:
        """A simulated device does what its verbs say."""
        return None

    def expects(self, line: str) -> None:
        """Expect the display to show a line, now or once the world has gone on.

        Args:
            line: The whole line; ``*`` stands for anything.

        Raises:
            Unmet: It did not, within the world's patience.
        """
        self.world.expect(
            lambda: self.display.shows(line),
            who=self.name,
            expected=f"display {line!r}",
            seen=lambda: "display " + (" / ".join(map(repr, self.display.lines)) or "dark"),
        )

    def port(self, name: str) -> Port:
        """A new port of this device."""
        port = Port(self.env, self.name, name)
        self._ports.append(port)
        return port

    def boot(self) -> None:
        """Start the processes, and take up what the store says was under way."""

    def run(self, process: Generator[Any, Any, Any]) -> Process:
        """Run a process of the device: it ends where it is when the power goes."""
        if len(self._processes) >= PROCESSES_KEPT:
            self._processes = [running for running in self._processes if running.is_alive]
        running = self.env.process(process)
        self._processes.append(running)
        return running

    def rest(self, seconds: float) -> Receive:
        """A pause, for ``yield``, that keeps no world busy: what goes on meanwhile goes first."""
        return Port(self.env, self.name, "rest").receive(seconds)

    @verb(mechanical=True)
    def lose_power(self, for_s: float = 0.0) -> None:
        """Everything the device was doing ends; what its store has remains.

        Args:
            for_s: After how long the power is back, in seconds; 0 for not by itself.
        """
        if not self.powered:
            return
        self.powered = False
        self._outages += 1
        for port in self._ports:
            port.dark = True
            if port.encoder is not None:
                port.encoder.forget()
        self.become("dark")
        self.display.show()
        # One of the processes may be the one that calls: it ends when it next lets go.
        self.env.call_at(self.env.now_ns, self._end_what_ran, self._outages)
        if for_s:
            back = functools.partial(self._power_is_back, self._outages)
            self.env.alarm_at(self.env.now_ns + to_ns(for_s), back)

    @verb(mechanical=True)
    def regain_power(self) -> None:
        """The power is back: the device starts anew, from its store."""
        if self.powered:
            return
        self._end_processes()
        self.powered = True
        for port in self._ports:
            port.drain()
            port.dark = False
        self.become("idle")
        self.boot()

    def _power_is_back(self, outage: int, due_ns: int) -> None:
        if not self.powered and outage == self._outages:  # else it came back and went again
            self.env.now_ns = due_ns
            self.regain_power()

    def _end_what_ran(self, outage: int) -> None:
        if not self.powered and outage == self._outages:  # else what runs now began later
            self._end_processes()

    def _end_processes(self) -> None:
        while self._processes:  # a process that ends may begin another one
            ending, self._processes = self._processes, []
            for process in ending:
                if process.is_alive:
                    end_process(process)

    def become(self, state: str, correlation: str = "") -> None:
        """Change the state, and note it in the trace."""
        self.state = state
        self._note(State(self.env.now_ns, self.name, state, correlation))

    def decided(self, decision: str, why: str = "", correlation: str = "") -> None:
        """Note a decision of this device in the trace."""
        self._note(Decision(self.env.now_ns, self.name, decision, why, correlation))


def end_process(process: Process) -> None:
    """End a process where it stands: its `finally` clauses run, and it counts as done.

    SimPy can interrupt a process, which may go on; this one has no say.
    """
    waits_for: Any = process._target
    if waits_for is not None and waits_for.callbacks is not None:
        waits_for.callbacks.remove(process._resume)
    process._generator.close()
    process._target = None  # pyright: ignore[reportAttributeAccessIssue]
    process.succeed()


def _text(value: object) -> str:
    return value.name if isinstance(value, Device) else str(value)
