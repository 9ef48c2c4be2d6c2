"""The environment: SimPy's, in virtual time or in wall time, with a way in from outside.

Any SimPy code runs on it. Time is integer nanoseconds inside and seconds at SimPy's API. While
nothing real is attached, time is virtual and jumps from event to event. While something is, the
same processes run in wall time on one asyncio loop (`paybench.devices.wall`), and what comes in
reaches its device as soon as everything due before it has run.

Three things wait for their time here:

* the agenda: events and deliveries; the world is *settled* when it is empty;
* the alarms: time-outs of receives and other background timers, which do not keep a world busy;
* the script: in a replay, what came from outside at its recorded time.

At one instant, the agenda comes before the alarms, and both before input from outside; ties are
first in, first out. Wall time and replay hold to the same order, which is why a recorded run
replays to the same trace.
"""

# We are SimPy's environment: the state of its events is ours to read and set.
# SimPy's hints are loose at two places: the callbacks of an event that has been processed are
# None, and their argument is unknown.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnnecessaryComparison=false

from __future__ import annotations

import gc
from collections import deque
from contextlib import contextmanager, suppress
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import simpy
from simpy.core import EmptySchedule, Infinity, StopSimulation
from simpy.events import NORMAL, URGENT, Event, EventPriority

from paybench.devices.errors import ClockError, Diverged, Unsettled
from paybench.devices.trace import Act, Injected, Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from simpy.core import SimTime

    from paybench.devices.wall import Wall

COLLECTOR_THRESHOLD = 50_000
"""Objects made between two young collections during a long run; Python's default is 700."""

NS_PER_S = 1_000_000_000
FOREVER = 1 << 62
_URGENT_FIRST = 1 << 60


def to_ns(seconds: float) -> int:
    """Seconds as the integer nanoseconds the clock counts in."""
    return round(seconds * NS_PER_S)


class Source(Protocol):
    """Something real, outside the clock, that `Environment.attach` lets in."""

    def received(self, data: bytes) -> None:
        """Bytes came in; now is the time they came."""
        ...

    def lost(self, why: str) -> None:
        """The real thing went away."""
        ...

    def found(self) -> None:
        """The real thing is back."""
        ...


class _SwitchClock(Exception):
    """Attach or detach happened inside a run: go on with the other clock."""


class Environment(simpy.Environment):
    """A SimPy environment whose clock is virtual, wall time or a recording.

    Args:
        initial_time: Start of the clock in seconds.
        trace: Where inputs and acts from outside are recorded.
        script: A recording's acts and inputs in order (`Act` and `Injected` events of its
            trace). With it nothing real is reached: the recorded inputs come at their times.
    """

    def __init__(
        self,
        initial_time: SimTime = 0,
        trace: Trace | None = None,
        script: Iterable[Act | Injected] | None = None,
    ) -> None:
        super().__init__(initial_time)
        # SimPy binds event classes early only for its own class, not for a subclass.
        for name in ("process", "timeout", "event", "all_of", "any_of"):
            setattr(self, name, getattr(self, name))
        self.now_ns = to_ns(initial_time)
        self.trace = trace if trace is not None else Trace()
        self.wall: Wall | None = None
        self.agenda: list[tuple[int, int, Callable[[Any], object], Any]] = []
        self.order = count()
        self._alarms: list[tuple[int, int, Callable[[int], object]]] = []
        self._sources: dict[str, Source] = {}
        self._inbox: deque[tuple[str, bytes, str]] = deque()
        self._script = None if script is None else deque(script)
        self._limit_ns = FOREVER
        self._horizon_ns = FOREVER
        self._running = False
        self._look_ahead()

    # -- SimPy's API ------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """The time in seconds."""
        return self.now_ns / NS_PER_S

    @property
    def running(self) -> bool:
        """Whether a run is under way, i.e. whether the caller stands inside a process."""
        return self._running

    def schedule(self, event: Event, priority: EventPriority = NORMAL, delay: SimTime = 0) -> None:
        """Schedule an event `delay` seconds from now (SimPy's API)."""
        order = next(self.order)
        if priority < NORMAL:  # SimPy's URGENT, and its own -1 before that
            order -= _URGENT_FIRST * (2 - priority)
        due_ns = self.now_ns + round(delay * NS_PER_S) if delay else self.now_ns
        heappush(self.agenda, (due_ns, order, fire, event))

    def peek(self) -> float:
        """Time of the next thing due, in seconds; infinity if there is none."""
        due_ns = min(self.agenda[0][0] if self.agenda else FOREVER, self._background_ns())
        return Infinity if due_ns == FOREVER else due_ns / NS_PER_S

    def step(self) -> None:
        """Do the next thing due, in virtual time.

        Raises:
            EmptySchedule: Nothing is due any more.
        """
        if self.next_due_ns() == FOREVER:
            raise EmptySchedule
        if self.agenda and self.agenda[0][0] <= self._horizon_ns:
            self.now_ns, _, call, argument = heappop(self.agenda)
            call(argument)
        else:
            self._do_background()

    def run(self, until: SimTime | Event | None = None) -> Any:
        """Run until nothing is due, until a time in seconds, or until an event (SimPy's API).

        In wall time, "nothing is due" never comes while something real is attached: what is
        outside may always speak. Give a time or an event there.
        """
        with patient_collector():
            return self._run(until)

    def _run(self, until: SimTime | Event | None) -> Any:
        if until is None:
            self._advance(FOREVER, None, wait=True)
            return None
        if not isinstance(until, Event):
            limit_ns = to_ns(until)
            if limit_ns <= self.now_ns:
                raise ValueError(
                    f"until ({until}) must be greater than the current simulation time ({self.now})"
                )
            self._advance(limit_ns - 1, None, wait=True)
            self.now_ns = limit_ns
            return None
        if until.callbacks is None:
            return until.value
        until.callbacks.append(StopSimulation.callback)
        try:
            self._advance(FOREVER, None, wait=True)
        except StopSimulation as stop:
            return stop.args[0]
        raise RuntimeError(f'No scheduled events left but "until" event was not triggered: {until}')

    # -- time in nanoseconds ----------------------------------------------------------------

    def call_at(self, due_ns: int, call: Callable[[Any], object], argument: Any) -> None:
        """Do one call at a time: the cheapest thing the agenda can hold."""
        heappush(self.agenda, (due_ns, next(self.order), call, argument))

    def alarm_at(self, due_ns: int, ring: Callable[[int], object]) -> None:
        """Ring at a time, without keeping the world busy until then.

        `ring` gets `due_ns`; it is called with the clock still before it and sets `now_ns` if
        the alarm still means something. So a stale alarm leaves no mark.

        Raises:
            ClockError: That time is past.
        """
        if due_ns < self.now_ns:
            raise ClockError(
                f"an alarm or time-out was set {(self.now_ns - due_ns) / NS_PER_S:g} s into the "
                f"past: wait for 0 s or more"
            )
        heappush(self._alarms, (due_ns, next(self.order), ring))
        self._horizon_ns = min(self._horizon_ns, due_ns)

    def background_timeout(self, delay_s: float, value: object = None) -> Event:
        """A timeout that does not keep the world busy: for whatever a device does periodically."""
        event = Event(self)

        def ring(due_ns: int) -> None:
            self.now_ns = due_ns
            event.succeed(value)

        self.alarm_at(self.now_ns + to_ns(delay_s), ring)
        return event

    def settle(self, limit_s: float = 3600.0) -> None:
        """Run until the world is settled: until only people, time-outs or real things can move it.

        Raises:
            Unsettled: It was still busy after `limit_s`.
        """
        with patient_collector():
            settled = self._advance(self.now_ns + to_ns(limit_s), None, wait=False)
        if not settled:
            raise Unsettled(
                f"the world was still busy {limit_s:g} s after the last act: some process keeps "
                f"scheduling events; let periodic work wait with env.background_timeout()"
            )

    def wait_until(self, condition: Callable[[], bool], limit_s: float) -> bool:
        """Run until a condition holds, looked at after every event; False if it never did."""
        if condition():
            return True
        with patient_collector():
            return self._advance(self.now_ns + to_ns(limit_s), condition, wait=True)

    # -- the outside ------------------------------------------------------------------------

    def attach(self, port: str, source: Source) -> None:
        """Let a real thing in under a name; from now on the clock is wall time.

        In a replay the clock stays virtual and the recording speaks for the thing.
        """
        if port in self._sources:
            raise ClockError(f"{port} is attached already: detach it first")
        self._sources[port] = source
        if self._script is None and len(self._sources) == 1:
            from paybench.devices.wall import Wall  # asyncio, for runs that need it

            self.wall = self.wall or Wall()
            self.wall.start(self.now_ns)
            self._switch_clock()

    def detach(self, port: str) -> None:
        """Let a real thing go; with the last one the clock becomes virtual again."""
        if self._sources.pop(port, None) is None:
            raise ClockError(f"{port} is not attached")
        if not self._sources and self._script is None:
            self._switch_clock()

    @property
    def in_wall_time(self) -> bool:
        """Whether something real is attached and the clock is wall time."""
        return bool(self._sources) and self._script is None

    def inject(self, port: str, data: bytes = b"", lost: str = "") -> None:
        """Something came from outside, on the loop's own thread.

        Bytes of a real thing; or, with `lost`, why it went away; or, with neither, that it is
        back. Everything due runs, now becomes wall time, the input is recorded and delivered, and
        the agenda goes on. Another thread calls it through `wall.loop.call_soon_threadsafe`.
        """
        self._inbox.append((port, data, lost))
        if self.wall is not None:
            self.wall.pump()

    def outside(self, who: str, verb: str, arguments: dict[str, str]) -> None:
        """Somebody outside is about to act: bring the clock to the present and record it.

        Raises:
            Diverged: The recording being replayed has something else here.
            ClockError: A process called this, which is not outside.
        """
        self._refuse_inside()
        if self._script is not None:
            self._replay_up_to_act(who, verb)
        elif self.in_wall_time and self.wall is not None:
            self._catch_up(self.wall.now_ns())
        else:
            self._catch_up(self.now_ns)  # as the replay of this act will
        self.trace.note(Act(self.now_ns, who, verb, arguments))

    def script_left(self) -> int:
        """How many acts and inputs of the recording have not been played."""
        return len(self._script or ())

    def close(self) -> None:
        """End the loop of wall time, if there is one. The environment must not run after it."""
        if self.wall is not None:
            self.wall.close()

    # -- the run loops ----------------------------------------------------------------------

    def _advance(self, limit_ns: int, done: Callable[[], bool] | None, *, wait: bool) -> bool:
        """Run until `done`, or up to and including `limit_ns`; tell whether it was `done`.

        With `wait` the alarms and the outside are waited for. Without, an empty agenda is what
        is waited for.
        """
        self._refuse_inside()
        self._running = True
        try:
            while True:
                try:
                    if not wait and not self.agenda:
                        return True
                    if self.in_wall_time and self.wall is not None:
                        self._limit_ns = FOREVER
                        self._look_ahead()
                        settled = done if wait else lambda: not self.agenda
                        return self.wall.advance(self, limit_ns, settled)
                    return self._advance_virtually(limit_ns, done, wait=wait)
                except _SwitchClock:
                    continue
        finally:
            self._limit_ns = FOREVER
            self._look_ahead()
            self._running = False

    def _refuse_inside(self) -> None:
        if self._running:
            raise ClockError(
                "a process cannot run the world it lives in: yield an event instead of calling "
                "a verb that waits"
            )

    def _advance_virtually(
        self, limit_ns: int, done: Callable[[], bool] | None, *, wait: bool
    ) -> bool:
        agenda = self.agenda
        self._limit_ns = limit_ns
        self._look_ahead()
        while True:
            while agenda and agenda[0][0] <= self._horizon_ns:
                self.now_ns, _, call, argument = heappop(agenda)
                call(argument)
                if done is not None and done():
                    return True
            if not agenda and not wait:
                return True
            due_ns = self._background_ns()
            if due_ns > limit_ns or due_ns == FOREVER:
                if limit_ns < FOREVER:
                    self.now_ns = limit_ns
                return False
            self._do_background()
            if done is not None and done():
                return True

    def run_due(self, wall: Wall, wall_ns: int, done: Callable[[], bool] | None) -> bool:
        """Do everything due by a wall time, noting how late; tell whether it was `done`."""
        while (due_ns := self.next_due_ns()) <= wall_ns:
            self.step()
            wall.lateness.note(wall.now_ns() - due_ns)
            if done is not None and done():
                return True
        return False

    def take_input(self, wall_ns: int) -> bool:
        """Deliver the oldest input that waits, at a wall time; tell whether there was one."""
        if not self._inbox:
            return False
        self.now_ns = max(self.now_ns, wall_ns)
        self._deliver_input(*self._inbox.popleft())
        return True

    def next_due_ns(self) -> int:
        """Time of the next thing due; `FOREVER` if there is none."""
        return min(self.agenda[0][0] if self.agenda else FOREVER, self._horizon_ns)

    def _deliver_input(self, port: str, data: bytes, lost: str) -> None:
        source = self._sources.get(port)
        if source is None:
            return  # detached while its last bytes were on the way in
        self.trace.note(Injected(self.now_ns, port, data, lost))
        if lost:
            source.lost(lost)
        elif data:
            source.received(data)
        else:
            source.found()

    def _catch_up(self, to_time_ns: int) -> None:
        """Run what is due by a time, and make it now."""
        self._running = True
        try:
            while self.next_due_ns() <= to_time_ns:
                with suppress(_SwitchClock):
                    self.step()
        finally:
            self._running = False
        self.now_ns = max(self.now_ns, to_time_ns)

    def _replay_up_to_act(self, who: str, verb: str) -> None:
        script = self._script
        assert script is not None
        while script and isinstance(script[0], Injected):
            left = len(script)
            while len(script) == left:
                self.step()
        if not script:
            raise Diverged(f"the recording ends before {who}.{verb}, which the scenario does here")
        act = script.popleft()
        self._look_ahead()
        assert isinstance(act, Act)
        if (act.who, act.verb) != (who, verb):
            raise Diverged(
                f"the recording has {act.who}.{act.verb} at {act.at_ns / NS_PER_S:.6f} s where the "
                f"scenario does {who}.{verb}"
            )
        self._catch_up(act.at_ns)

    def _do_background(self) -> None:
        """The next alarm, or else the next input of the script."""
        if self._alarms and self._alarms[0][0] <= self._horizon_ns:
            due_ns, _, ring = heappop(self._alarms)
            self._look_ahead()
            ring(due_ns)
            return
        assert self._script is not None
        recorded = self._script.popleft()
        assert isinstance(recorded, Injected)
        self._look_ahead()
        self.now_ns = max(self.now_ns, recorded.at_ns)
        self._deliver_input(recorded.port, recorded.data, recorded.lost)

    def _background_ns(self) -> int:
        """Time of the next alarm or scripted input."""
        alarm_ns = self._alarms[0][0] if self._alarms else FOREVER
        scripted = self._script[0] if self._script else None
        return min(alarm_ns, scripted.at_ns) if isinstance(scripted, Injected) else alarm_ns

    def _look_ahead(self) -> None:
        """Set the horizon, which the agenda runs up to without looking left or right."""
        self._horizon_ns = min(self._background_ns(), self._limit_ns)

    def _switch_clock(self) -> None:
        if self._running:
            order = next(self.order) - _URGENT_FIRST * 4
            heappush(self.agenda, (self.now_ns, order, _raise_switch, None))


@contextmanager
def patient_collector() -> Generator[None]:
    """Let Python's cycle collector look less often while a fleet runs, and then as before.

    A run makes millions of small objects without cycles: looking for some after every 700 costs
    a tenth of the time and more. Cycles are still found, later. Nothing happens where somebody
    switched the collector off, or set it to be more patient than this.
    """
    before = gc.get_threshold()
    if not 0 < before[0] < COLLECTOR_THRESHOLD:
        yield
        return
    gc.set_threshold(COLLECTOR_THRESHOLD, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _raise_switch(_: object) -> NoReturn:
    raise _SwitchClock


def fire(event: Event) -> None:
    """Process a SimPy event: call its callbacks, and let a failure nobody handled out."""
    callbacks, event.callbacks = event.callbacks, None  # pyright: ignore[reportAttributeAccessIssue]
    callback = _raise_switch
    try:
        for callback in callbacks:
            callback(event)
    except StopSimulation:
        # As SimPy does: what is left of the event runs first when the run goes on.
        event.callbacks = callbacks[callbacks.index(callback) + 1 :]
        event.env.schedule(event, EventPriority(-1))
        raise
    if not event._ok and not hasattr(event, "_defused"):
        raise event._value


__all__ = ["FOREVER", "NS_PER_S", "URGENT", "Environment", "Source", "fire", "to_ns"]
