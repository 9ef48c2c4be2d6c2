"""What every device is: a name, a state, a display, ports, and verbs."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from paybench.devices.display import Display
from paybench.devices.port import Port
from paybench.devices.secret import MASK
from paybench.devices.trace import Decision, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.devices.world import World

D = TypeVar("D", bound="Device")
P = ParamSpec("P")
T = TypeVar("T")


class Device:
    """Base of the devices.

    Args:
        world: What it shares with the others.
        name: Full name, e.g. ``A.register``; traces show it.

    Attributes:
        role: What it is to a scenario, e.g. ``register``: a bench file names parts by it.
        parts: Its parts by name: what can be simulated or real.
        state: Where it stands; changed by `become`.
    """

    role = "device"

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.env = world.env
        self.name = name
        self.state = "idle"
        self.display = Display(world, name)
        self.parts: dict[str, Any] = {"display": self.display}
        self._note = world.trace.events.append

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} {self.state}>"

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
        return Port(self.env, self.name, name)

    def become(self, state: str, correlation: str = "") -> None:
        """Change the state, and note it in the trace."""
        self.state = state
        self._note(State(self.env.now_ns, self.name, state, correlation))

    def decided(self, decision: str, why: str = "", correlation: str = "") -> None:
        """Note a decision of this device in the trace."""
        self._note(Decision(self.env.now_ns, self.name, decision, why, correlation))


def verb(
    *secrets: str,
) -> Callable[[Callable[Concatenate[D, P], T]], Callable[Concatenate[D, P], T]]:
    """Make a method a verb: something a person does to a device.

    In a staged world (a scenario) a verb is recorded in the trace as an `Act`, and returns when
    the world has settled. Elsewhere (a fleet's processes) it is the plain method.

    Args:
        secrets: Names of the arguments that the trace shows as dots.
    """

    def decorate(method: Callable[Concatenate[D, P], T]) -> Callable[Concatenate[D, P], T]:
        name = method.__name__
        parameters = list(inspect.signature(method).parameters)[1:]

        @functools.wraps(method)
        def act(device: D, /, *args: P.args, **kwargs: P.kwargs) -> T:
            if not device.world.staged:
                return method(device, *args, **kwargs)
            given = dict(zip(parameters, args, strict=False)) | kwargs
            shown = {key: MASK if key in secrets else _text(value) for key, value in given.items()}
            return device.world.act(
                device.name, name, shown, lambda: method(device, *args, **kwargs)
            )

        # Consoles find a device's verbs by this mark.
        act.__dict__["is_verb"] = True
        return act

    return decorate


def _text(value: object) -> str:
    return value.name if isinstance(value, Device) else str(value)
