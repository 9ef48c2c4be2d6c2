"""The guard: who sends too many wrong numbers is not listened to for a while."""

from collections import deque
from collections.abc import Hashable

from paybench.bank.errors import TinError

_NS_PER_S = 10**9


class Guard:
    """Counts wrong numbers by key in a window that slides. It has no clock.

    A right number gives nobody more tries: who guesses could otherwise send one of their own in
    between. Only keys that are registered should be counted, which bounds the memory.

    Args:
        tries: how many wrong numbers there may be within the window.
        window_s: how long one counts, in seconds.

    Raises:
        TinError: a figure is not positive.
    """

    def __init__(self, tries: int, window_s: int) -> None:
        if tries < 1 or window_s < 1:
            raise TinError(
                f"expected at least one try and one second, seen {tries} tries in {window_s} s: "
                "give positive figures"
            )
        self._tries = tries
        self._window_ns = window_s * _NS_PER_S
        self._missed_ns: dict[Hashable, deque[int]] = {}

    def missed(self, key: Hashable, at_ns: int) -> None:
        """Count a wrong number."""
        times = self._missed_ns.setdefault(key, deque(maxlen=self._tries))
        times.append(at_ns)

    def closed_until_ns(self, key: Hashable, at_ns: int) -> int | None:
        """When the key is listened to again; None: now."""
        times = self._missed_ns.get(key)
        if times is None or len(times) < self._tries:
            return None
        until_ns = times[0] + self._window_ns
        return until_ns if at_ns < until_ns else None
