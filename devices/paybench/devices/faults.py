"""Faults: what a scenario breaks on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from paybench.devices.message import Message


class Fault(msgspec.Struct):
    """Something that befalls the next messages of one step on their way.

    Attributes:
        times: How many messages it still befalls.
        kind: ``pass``, ``lose``, ``alter``, ``duplicate``, ``delay``, or ``then``: it passes, and
            something happens once it has been sent or has arrived.
        changes: For ``alter``: new values by field path, e.g. ``{"information.amount": …}``.
        delay_ns: For ``delay``: how much longer it takes.
        then: For ``then``: what happens.
        arrived: For ``then``: whether it happens on arrival, and not on sending.
    """

    times: int
    kind: str
    changes: dict[str, Any] = {}
    delay_ns: int = 0
    then: Callable[[], object] | None = None
    arrived: bool = False


class Faults:
    """The faults of a run, by step name; empty in a quiet one."""

    def __init__(self) -> None:
        self.by_step: dict[str, list[Fault]] = {}

    def add(self, step: str, fault: Fault) -> None:
        """Lay a fault in wait for the next messages of a step; several befall one after another."""
        self.by_step.setdefault(step, []).append(fault)

    def next_for(self, step: str) -> Fault | None:
        """The fault that befalls the message of a step that is sent now, if any."""
        waiting = self.by_step.get(step)
        if not waiting:
            return None
        fault = waiting[0]
        fault.times -= 1
        if fault.times <= 0:
            waiting.pop(0)
            if not waiting:
                del self.by_step[step]
        return fault


def altered(message: Message, changes: dict[str, Any]) -> Message:
    """A copy of a message with the fields at dotted paths changed.

    Raises:
        AttributeError: A path names no field; the error lists the fields there are.
    """
    for path, value in changes.items():
        message = _replaced(message, path.split("."), value)
    return message


def _replaced(struct: Any, path: list[str], value: Any) -> Any:
    field, rest = path[0], path[1:]
    if field not in struct.__struct_fields__:
        raise AttributeError(
            f"{type(struct).__name__} has no field {field!r}, only "
            f"{', '.join(struct.__struct_fields__)}"
        )
    inner = _replaced(getattr(struct, field), rest, value) if rest else value
    return msgspec.structs.replace(struct, **{field: inner})
