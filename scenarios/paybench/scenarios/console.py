"""The console: poke a device by its verbs, one line at a time.

    paybench attach register --real register.scanner=serial:/dev/ttyACM0

A shop A with a register and a customer B with a phone are there; what is typed goes to the device
attached, or with its name before it to another one.
"""

from __future__ import annotations

import inspect
import shlex
from typing import TYPE_CHECKING, Any

from paybench.bank.errors import BankError
from paybench.devices.errors import DeviceError
from paybench.scenarios.errors import ScenarioError, UsageError
from paybench.scenarios.ladder import Ladder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from paybench.devices.device import Device
    from paybench.scenarios.rig import Rig

BALANCE = "100.00"
PASSWORD = "2468"  # noqa: S105 - the console tells it to whoever asks
HELP = "help, show, wait SECONDS, balances, quit; NAME VERB … speaks to another device"


class Console:
    """One session with a device.

    Args:
        rig: The rig, with nobody in it yet.
        role: Role of the device to attach: ``register`` or ``phone``.
        drawing: How its ladder is drawn; the arguments of `Ladder`.

    Raises:
        UsageError: There is no device of that role.
    """

    def __init__(self, rig: Rig, role: str, drawing: dict[str, Any]) -> None:
        self._rig = rig
        rig.shop("A").cash_register()
        rig.customer("B", balance=BALANCE, password=PASSWORD).phone()
        self._devices = {device.name: device for device in rig.devices}
        roles = {device.role: device for device in rig.devices}
        if role not in roles:
            raise UsageError(f"there is no {role!r} to attach (there are: {', '.join(roles)})")
        self.device = roles[role]
        self._ladder = Ladder([*self._devices, rig.host.name], **drawing)
        self._drawn = 0

    def greeting(self) -> list[str]:
        """What is said before the first prompt."""
        verbs = [f"  {usage}" for usage in usages(self.device)]
        others = ", ".join(name for name in self._devices if name != self.device.name)
        there = f"also there: {others} (balance {BALANCE}, password {PASSWORD})"
        return [
            f"{self.device.name} is attached; {there}",
            *verbs,
            f"  {HELP}",
        ]

    def run(self, lines: Iterable[str], say: Callable[[str], None]) -> None:
        """Do what is typed until the lines end, or ``quit``."""
        for line in lines:
            if line.strip() in ("quit", "exit"):
                return
            try:
                for answer in self.do(line):
                    say(answer)
            except (DeviceError, ScenarioError, BankError) as error:
                for drawn in self._new_lines():
                    say(drawn)
                say(f"! {error}")

    def do(self, line: str) -> Iterator[str]:
        """Do one line, and tell what came of it.

        Raises:
            UsageError: It names no verb, or gives it other arguments than it takes.
            DeviceError: The device could not.
        """
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise UsageError(f"the line cannot be read: {error}") from error
        if not words:
            return
        device = self.device
        if words[0] in self._devices:
            device = self._devices[words.pop(0)]
        yield from self._do(device, words)
        yield from self._new_lines()

    def _do(self, device: Device, words: list[str]) -> Iterator[str]:
        match words:
            case [] | ["help"]:
                yield from (f"  {usage}" for usage in usages(device))
                yield f"  {HELP}"
            case ["show"]:
                shown = " / ".join(device.display.lines)
                yield f"{device.name} is {device.state}; its display: {shown}"
            case ["balances"]:
                for name, money in self._rig.balances().items():
                    yield f"{name} {money}"
            case ["wait", seconds]:
                self._rig.waits(_seconds(seconds))
            case _:
                verb, *arguments = words
                self._call(device, verb, arguments)

    def _call(self, device: Device, name: str, arguments: list[str]) -> None:
        verb = verbs(device).get(name)
        if verb is None:
            raise UsageError(f"{device.name} has no verb {name!r}: {', '.join(verbs(device))}")
        given = [self._devices.get(argument, argument) for argument in arguments]
        signature = inspect.signature(verb)
        try:
            bound = signature.bind(*given)
        except TypeError:
            raise UsageError(f"write {_usage(name, signature)}") from None
        for key, value in bound.arguments.items():
            kind = _kind(signature.parameters[key])
            if kind == "int":
                bound.arguments[key] = _whole(key, value)
            elif kind not in ("str", "float", "") and isinstance(value, str):
                raise UsageError(f"{value} is no device: {', '.join(self._devices)}")
        verb(*bound.args, **bound.kwargs)

    def _new_lines(self) -> list[str]:
        events = self._rig.world.trace.events
        lines = [line for event in events[self._drawn :] for line in self._ladder.feed(event)]
        self._drawn = len(events)
        return lines


def verbs(device: Device) -> dict[str, Callable[..., Any]]:
    """A device's verbs by name."""
    members = inspect.getmembers(device, callable)
    return {name: member for name, member in members if getattr(member, "is_verb", False)}


def usages(device: Device) -> list[str]:
    """How each verb is written, with what it does."""
    told = verbs(device).items()
    return [
        f"{_usage(name, inspect.signature(verb)):24} {(verb.__doc__ or '').partition(chr(10))[0]}"
        for name, verb in told
    ]


def _usage(name: str, signature: inspect.Signature) -> str:
    words = [
        key.upper() if parameter.default is inspect.Parameter.empty else f"[{key.upper()}]"
        for key, parameter in signature.parameters.items()
    ]
    return " ".join([name, *words])


def _kind(parameter: inspect.Parameter) -> str:
    """The name of a parameter's type; "" for none."""
    annotation = parameter.annotation
    if annotation is inspect.Parameter.empty:
        return ""
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86400 * 366:
        raise UsageError(f"expected a number of seconds, seen {text!r}")
    return seconds


def _whole(key: str, text: object) -> int:
    if isinstance(text, str) and text.isascii() and text.isdecimal():
        return int(text)
    raise UsageError(f"expected a whole number as {key.upper()}, seen {text!r}")
