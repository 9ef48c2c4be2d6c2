"""What a driver is: a real thing that stands in for parts of some kinds.

Drivers are found by the entry points of the group ``paybench.drivers``, so a package of its own
can bring one. The life of a driver: made from a spec, `open` before the scenario starts,
`stand_in` when the scenario's device appears, `close`; `probe` at any time before. In a replay it
is never opened: what it received is in the recording, and only its `stand_in` is called.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from paybench.hil.errors import SpecError
from paybench.hil.spec import Spec, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from paybench.devices.part import Part
    from paybench.devices.world import World

GROUP = "paybench.drivers"


class Driver(Protocol):
    """A real thing that stands in for parts of some kinds.

    Attributes:
        kinds: The kinds of parts it can be, e.g. ``{"scanner", "display"}``: its capabilities.
        options: What its spec may hold after the question mark: option name to what it means.
    """

    kinds: frozenset[str]
    options: Mapping[str, str]

    def __init__(self, spec: Spec) -> None:
        """Check the spec; touch nothing yet.

        Raises:
            SpecError: The spec is nothing for this driver.
        """

    def probe(self) -> None:
        """See whether the thing is there, without taking hold of it.

        Raises:
            PortUnavailable: It is missing, busy or not permitted; the error says what to do.
        """

    def open(self) -> None:
        """Take hold of the thing.

        Raises:
            PortUnavailable: It is missing, busy or not permitted; the error says what to do.
        """

    def stand_in(self, part: Part, world: World, operator: Callable[[str], None]) -> None:
        """Take the place of a simulated part.

        Args:
            part: The part; of one of `kinds`.
            world: Its world. The driver attaches itself to the world's environment.
            operator: Asks a person for something, e.g. to hold a code before a reader.
        """

    def close(self) -> None:
        """Let go of the thing; harmless when it was never opened or has gone."""


@runtime_checkable
class Resettable(Protocol):
    """What a driver has as well if it can reset its thing by bytes sent to it."""

    def reset(self, data: bytes, settle_s: float) -> None:
        """Send the bytes to the open thing, wait, and drop what it says to them.

        Args:
            data: The bytes.
            settle_s: How long it has to come to rest, in seconds.

        Raises:
            ResetFailed: It takes no bytes, or went away over them.
        """


def make_drivers(real: Mapping[str, str]) -> dict[str, Driver]:
    """The drivers for specs by part, not yet opened.

    Raises:
        SpecError: A spec is malformed, or there is no such driver.
    """
    return {part: make_driver(spec) for part, spec in real.items()}


def make_driver(text: str) -> Driver:
    """The driver for a spec, not yet opened.

    Raises:
        SpecError: The spec is malformed, or there is no such driver.
    """
    spec = Spec.parse(text)
    drivers = {point.name: point for point in entry_points(group=GROUP)}
    if spec.driver not in drivers:
        raise SpecError(f"there is no driver {spec.driver!r}{nearest(spec.driver, drivers)}")
    kind: type[Driver] = drivers[spec.driver].load()
    return kind(spec)
