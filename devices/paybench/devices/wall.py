"""Wall time: one asyncio loop that runs an environment's agenda as the real clock reaches it.

The loop's selector is `select`: an epoll loop rounds timers up to a whole millisecond, select
has microseconds. Lateness - how long after its time an event ran - is measured and reported,
and is never an exception: the event keeps its own time, so the trace does not depend on it.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from typing import TYPE_CHECKING

from paybench.devices.environment import FOREVER
from paybench.devices.lateness import Lateness

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.devices.environment import Environment


class Wall:
    """The wall clock of one environment, and the loop that waits on it.

    Attributes:
        loop: The asyncio loop drivers register their file descriptors with.
        lateness: How late events ran.
    """

    def __init__(self) -> None:
        self.loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
        self.lateness = Lateness()
        self._offset_ns = 0
        self._advance: _Advance | None = None

    def start(self, now_ns: int) -> None:
        """Let wall time go on from a time of the environment's clock."""
        self._offset_ns = now_ns - time.monotonic_ns()

    def now_ns(self) -> int:
        """Wall time on the environment's clock."""
        return self._offset_ns + time.monotonic_ns()

    def advance(
        self,
        env: Environment,
        limit_ns: int,
        done: Callable[[], bool] | None,
    ) -> bool:
        """Run in wall time until `done` or `limit_ns`; tell whether it was `done`."""
        self._advance = advance = _Advance(self, env, limit_ns, done)
        try:
            self.loop.call_soon(advance.pump)
            self.loop.run_forever()
        finally:
            advance.disarm()
            self._advance = None
        if advance.failure is not None:
            raise advance.failure
        return advance.was_done

    def pump(self) -> None:
        """Something came in: see to it now, if the environment is running."""
        if self._advance is not None:
            self._advance.pump()

    def close(self) -> None:
        """Close the loop."""
        if not self.loop.is_closed():
            self.loop.close()


class _Advance:
    """One advance in wall time: pumped by timers and inputs until it ends."""

    def __init__(
        self,
        wall: Wall,
        env: Environment,
        limit_ns: int,
        done: Callable[[], bool] | None,
    ) -> None:
        self.was_done = False
        self.failure: BaseException | None = None
        self._wall = wall
        self._env = env
        self._limit_ns = limit_ns
        self._done = done
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = FOREVER
        self._ended = False
        self._pumping = False

    def pump(self) -> None:
        """Run what is due, take what came in, and set the timer for what comes next."""
        if self._ended or self._pumping:
            return  # what comes in while something runs has its turn right after it
        self._pumping = True
        try:
            if self._run():
                self._end()
        except BaseException as failure:  # noqa: BLE001 - the loop would log it and go on
            self.failure = failure
            self._end()
        finally:
            self._pumping = False

    def disarm(self) -> None:
        """Cancel the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._timer_ns = FOREVER

    def _run(self) -> bool:
        """Run what can run now; True when the advance is over."""
        env, wall = self._env, self._wall
        while True:
            wall_ns = min(wall.now_ns(), self._limit_ns)
            if env.run_due(wall, wall_ns, self._done):
                self.was_done = True
                return True
            if wall_ns >= self._limit_ns:
                env.now_ns = max(env.now_ns, self._limit_ns)
                return True
            if not env.take_input(wall_ns):
                break
            if self._done is not None and self._done():
                self.was_done = True
                return True
        self._arm(min(env.next_due_ns(), self._limit_ns))
        return False

    def _arm(self, due_ns: int) -> None:
        if due_ns >= self._timer_ns or due_ns >= FOREVER:
            return  # the timer that runs wakes us early enough; waking for nothing is harmless
        self.disarm()
        delay_s = max(due_ns - self._wall.now_ns(), 0) / 1e9
        self._timer = self._wall.loop.call_later(delay_s, self._wake)
        self._timer_ns = due_ns

    def _wake(self) -> None:
        self._timer = None
        self._timer_ns = FOREVER
        self.pump()

    def _end(self) -> None:
        self._ended = True
        self.disarm()
        self._wall.loop.stop()
