"""The TINs that are out, and those that rest: none is given out twice within a long while."""

from collections import deque
from collections.abc import Callable

from .number import check_length, tin

_DRAWS = 64


class TinPool:
    """Draws TINs that nobody has, and that nobody has had lately.

    Args:
        below: draws evenly from 0 up to its argument, that one excluded.
        digits: of a number without its check digit.
        rest_ns: for how long a number that was used up is not drawn, in nanoseconds.

    Raises:
        TinError: the length is out of range.
    """

    def __init__(self, below: Callable[[int], int], digits: int, rest_ns: int) -> None:
        check_length(digits)
        self._below = below
        self._digits = digits
        self._numbers = 10**digits
        self._rest_ns = rest_ns
        self._taken: set[int] = set()
        self._resting: deque[tuple[int, int]] = deque()

    def draw(self, at_ns: int) -> str | None:
        """A TIN drawn evenly among the free ones; None when half of all numbers are taken."""
        self._wake(at_ns)
        if 2 * len(self._taken) >= self._numbers:
            return None
        number = self._below(self._numbers)
        for _ in range(_DRAWS):
            if number not in self._taken:
                break
            number = self._below(self._numbers)
        while number in self._taken:  # by chance once in 2^64 times: `below` is no chance
            number = (number + 1) % self._numbers
        self._taken.add(number)
        return tin(number, self._digits)

    def rest(self, tin: str, at_ns: int) -> None:
        """Put away, once, a TIN that is used up."""
        self._resting.append((at_ns + self._rest_ns, int(tin[:-1])))

    def _wake(self, at_ns: int) -> None:
        while self._resting and self._resting[0][0] <= at_ns:
            self._taken.discard(self._resting.popleft()[1])
