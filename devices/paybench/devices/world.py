"""What the devices of one run share: clock, trace, chance and faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from paybench.devices.choices import Choices
from paybench.devices.environment import Environment
from paybench.devices.errors import PartSilent, Unmet
from paybench.devices.faults import Faults
from paybench.devices.link import Link, LinkProfile
from paybench.devices.trace import Act, Decision, Injected, State, Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from paybench.devices.choices import Stream
    from paybench.devices.part import Part
    from paybench.devices.port import Port

T = TypeVar("T")

IGNORED = "ignored"
"""The decision of a device that makes nothing of a message; its reason names the message."""

RIG = "rig"
"""Who acts, in traces, when it is the scenario itself and no device's user."""

PATIENCE_S = 300.0
"""Patience in virtual time, where waiting costs nothing."""


class World:
    """The devices' common ground.

    Args:
        seed: Seed of all chance.
        picks: Picks of chance to play back instead of drawing them.
        script: A recording's acts and inputs, to play it again.

    Attributes:
        staged: Whether a scenario stands outside and acts: then each verb is recorded, and runs
            the world until it has settled. A world that runs by itself (`env.run`) is not.
        patience_s: How long a verb waits for a part and an expectation for its fulfilment, in
            seconds.
        after_act: Called when a verb has settled.
        link_chance: A stream of chance that all links laid from now on share, as a fleet's do,
            which are many and short-lived; None: each has its own, and what befalls one is not
            changed by another.
    """

    def __init__(
        self,
        seed: int = 0,
        picks: Sequence[int] | None = None,
        script: Iterable[Act | Injected] | None = None,
    ) -> None:
        self.trace = Trace()
        self.env = Environment(trace=self.trace, script=script)
        self.choices = Choices(seed, picks)
        self.faults = Faults()
        self.staged = False
        self.patience_s = PATIENCE_S
        self.after_act: Callable[[], None] = lambda: None
        self.link_chance: Stream | None = None
        self._acting = False

    def connect(self, a: Port, b: Port, profile: LinkProfile) -> None:
        """Lay a link between two ports, unless there is one."""
        if b.device not in a.ways:
            Link(self, a, b, profile)

    def part(self, a: Port, b: Port) -> None:
        """Take up the link between two ports; what is on its way still arrives."""
        a.drop_way(b.device)
        b.drop_way(a.device)

    def let_go(self) -> None:
        """Forget what a long run need not keep: old events, and the picks of chance.

        Events go where the trace has been told to let them go (`Trace.flow`); otherwise both
        are kept.
        """
        if self.trace.let_go():
            self.choices.picks.clear()

    def act(self, who: str, verb: str, arguments: dict[str, str], deed: Callable[[], T]) -> T:
        """Do what somebody outside does, record it, and let the world settle."""
        if not self.staged or self._acting or self.env.running:
            return deed()
        self._acting = True
        try:
            self.env.outside(who, verb, arguments)
            result = deed()
            self.env.settle()
        finally:
            self._acting = False
        self.after_act()
        return result

    def wait_for(self, condition: Callable[[], bool], part: Part, what: str) -> None:
        """Within a verb: let the world run until what the verb asked a part for has come.

        Does nothing in a world that runs by itself, where nobody stands outside and waits.

        Raises:
            PartSilent: It did not come within `patience_s`, or the part went away.
        """
        if not self.staged or self.env.running:
            return
        self.env.wait_until(
            lambda: condition() or bool(part.gone and not part.returns), self.patience_s
        )
        if condition():
            return
        if part.gone:
            raise PartSilent(part.name, f"{part.name} is gone: {part.gone}")
        raise PartSilent(
            part.name,
            f"{what} was expected from {part.name} within {self.patience_s:g} s and did not come",
        )

    def lose(self, part: Part, why: str) -> None:
        """A real part has gone away; once is enough."""
        if not part.gone:
            part.gone = why
            self.trace.note(State(self.env.now_ns, part.name, f"gone: {why}", ""))

    def regain(self, part: Part) -> bool:
        """A real part is back; tells whether it was gone."""
        if not part.gone:
            return False
        part.gone = ""
        self.trace.note(State(self.env.now_ns, part.name, "back", ""))
        return True

    def expect(
        self,
        condition: Callable[[], bool],
        *,
        who: str,
        expected: str,
        seen: Callable[[], str],
    ) -> None:
        """Expect something to hold, now or once the world has gone on.

        Args:
            condition: What is to hold; looked at after every event.
            who: Whose business it is: a device's name, or `RIG`.
            expected: What is expected, in words.
            seen: Tells what is there instead, in words.

        Raises:
            Unmet: It did not come to hold within `patience_s`.
        """
        self.env.outside(who, "expects", {"what": expected})
        if not self.env.wait_until(condition, self.patience_s):
            raise Unmet(who, expected, seen() + self._last_ignored())
        self.after_act()

    def _last_ignored(self) -> str:
        """What a device last made nothing of: often the reason that something expected is not."""
        for event in reversed(self.trace.events):
            if isinstance(event, Decision) and event.decision == IGNORED:
                return f" ({event.by} ignored {event.why})"
        return ""

    def decided(self, by: str, decision: str, why: str = "", correlation: str = "") -> None:
        """Note in the trace what somebody decided who is no device, e.g. a fleet's customer."""
        self.trace.note(Decision(self.env.now_ns, by, decision, why, correlation))
