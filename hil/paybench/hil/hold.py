"""The hold a run has of its real things: locked, reset, open; and let go of in the end."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from paybench.hil.driver import Resettable
from paybench.hil.errors import PortUnavailable
from paybench.hil.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from paybench.hil.bench import Bench, RealPart
    from paybench.hil.driver import Driver
    from paybench.hil.lock import Lock

SETTLE_S = 0.1
"""How long a thing has to come to rest after its reset bytes, unless the bench says otherwise."""


class Hold:
    """Takes hold of real things, and lets go of them.

    Args:
        drivers: Drivers by part, not yet open.
        bench: How to take hold of them; None to open them and nothing else.
        purpose: What for, e.g. the scenario's name; told to those who wait for a lock.
        tell: Tells the person at the bench something.
    """

    def __init__(
        self,
        drivers: Mapping[str, Driver],
        bench: Bench | None,
        purpose: str,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._drivers = drivers
        self._bench = bench
        self._purpose = purpose
        self._tell = tell
        self._locks: dict[str, Lock] = {}
        self._stack = ExitStack()

    def take(self) -> None:
        """Lock all that is exclusive, run the reset commands, then open everything.

        What has reset bytes is sent them as soon as it is open.

        Raises:
            PortUnavailable: Something is locked, cannot be reset, or does not open. Whatever was
                taken until then is held until `close`.
        """
        parts = dict(self._bench.real) if self._bench is not None else {}
        for part in parts.values():
            if part.exclusive:
                self._lock(part)
        for name, part in parts.items():
            if part.reset:
                from paybench.hil.reset import run_reset

                run_reset(name, part.reset, part.timeout_s)
        for name, driver in self._drivers.items():
            self._stack.callback(driver.close)
            self._open(driver, parts.get(name))

    def lost(self) -> str:
        """Why the hold counts no more, as a sentence; "" while it does."""
        return next((why for lock in self._locks.values() if (why := lock.lost())), "")

    def close(self) -> None:
        """Let go of everything; harmless when nothing was taken."""
        self._stack.close()
        self._locks.clear()

    def _lock(self, part: RealPart) -> None:
        from paybench.hil.lock import Lock, thing_of

        thing = thing_of(Spec.parse(part.spec))
        if thing in self._locks or self._bench is None:
            return
        about = self._bench.about
        lock = Lock(thing, self._purpose, about.owner, about.lock_s)
        lock.take()
        self._stack.callback(lock.release)
        self._locks[thing] = lock
        if lock.displaced is not None:
            self._tell(f"{thing}: took over the lock of {lock.displaced}: that process hangs")

    def _open(self, driver: Driver, part: RealPart | None) -> None:
        """Open a driver, trying again as often as its part says."""
        retries = part.retries if part is not None else 0
        pause_s = part.timeout_s / retries if part is not None and retries else 0.0
        for tried in range(retries + 1):
            try:
                driver.open()
                break
            except PortUnavailable as error:
                if tried < retries:
                    driver.close()
                    time.sleep(pause_s)
                    continue
                raise PortUnavailable(self._explained(error, part)) from error
        if part is not None and part.exclusive:
            # What came back from its reset, or was plugged in, may have another name now.
            self._lock(part)
        if part is not None and part.reset_bytes and isinstance(driver, Resettable):
            driver.reset(bytes.fromhex(part.reset_bytes), part.settle_s or SETTLE_S)

    def _explained(self, error: PortUnavailable, part: RealPart | None) -> str:
        text = str(error)
        if part is None:
            return text
        if part.retries:
            text += f" (tried {part.retries + 1} times over {part.timeout_s:g} s)"
        expired = [lock.displaced for lock in self._locks.values() if lock.displaced is not None]
        if part.exclusive and expired:
            text += f"; a lock had expired and was taken over from {expired[0]}: end that process"
        return text
