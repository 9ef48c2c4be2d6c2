"""The gate arm part: opens, closes, and reports its own position."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paybench.devices.trace import State

if TYPE_CHECKING:
    from collections.abc import Generator

    from paybench.devices.world import World

MOVE_S = 0.35
"""How long it takes from one end to the other."""

PASS_S = 0.8
"""How long somebody takes to go through."""

CLOSED, MOVING, OPEN, STUCK = "closed", "moving", "open", "stuck"


class GateArm:
    """The simulated arm.

    Attributes:
        name: Full name of the part, e.g. ``R.gate.arm``.
        position: ``closed``, ``moving``, ``open`` or ``stuck``, as its own sensors report it.
        stuck: Whether something holds it where it is.
        passed: How many people its light barrier has counted; it needs no power to remember.
    """

    kind = "gate-arm"

    def __init__(self, world: World, device: str) -> None:
        self.name = f"{device}.arm"
        self.gone = ""
        self.returns = False
        self.position = CLOSED
        self.stuck = False
        self.passed = 0
        self._world = world

    def move(self, to: str) -> Generator[Any, Any, bool]:
        """Move to ``open`` or ``closed``; gives whether the sensors say that it is there."""
        if self.position == to:
            return True
        self._report(MOVING)
        yield self._world.env.timeout(MOVE_S)
        if self.stuck:
            self._report(STUCK)
            return False
        self._report(to)
        return True

    def let_pass(self) -> Generator[Any, Any, None]:
        """Somebody goes through; the light barrier counts it."""
        yield self._world.env.timeout(PASS_S)
        self.passed += 1

    def free(self) -> None:
        """Nothing holds it any more: a spring closes it, if it stood halfway."""
        self.stuck = False
        if self.position == STUCK:
            self._report(CLOSED)

    def fall_shut(self) -> None:
        """Without power a spring closes it."""
        if self.position != CLOSED:
            self._report(CLOSED)

    def _report(self, position: str) -> None:
        self.position = position
        env = self._world.env
        self._world.trace.note(State(env.now_ns, self.name, position, ""))
