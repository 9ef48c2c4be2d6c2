"""Chance: every act of it is "pick an integer below n", and 0 is the quiet default.

A run's chance is one `Choices`. It hands out streams by name and purpose; a stream's state is a
hash of (seed, name, purpose), so a new device or a new question never shifts the answers others
get. The picks are noted in the order they are made and can be played back, shortened or replaced
by zeros: a failing run shrinks towards the quiet one.

The generator is SplitMix64 (Steele, Lea, Flood 2014): eight bytes of state a stream, where
`random.Random` needs 2.5 kB and 4 µs to make; a fleet has a hundred thousand streams.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_MASK = (1 << 64) - 1
_GAMMA = 0x9E3779B97F4A7C15


class Stream:
    """One named stream of picks. Made by `Choices.stream`."""

    __slots__ = ("_choices", "_state")

    def __init__(self, choices: Choices, state: int) -> None:
        self._choices = choices
        self._state = state

    def below(self, n: int) -> int:
        """Pick an integer in ``range(n)``. 0 means that nothing unusual happens.

        Raises:
            ValueError: n is not positive.
        """
        if n < 1:
            raise ValueError(f"a pick is made below a positive number, not below {n}")
        state = self._state = (self._state + _GAMMA) & _MASK
        mixed = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return self._choices.settle_pick(((mixed ^ (mixed >> 31)) * n) >> 64, n)


class Choices:
    """All the chance of one run.

    Args:
        seed: Number the streams are derived from.
        playback: Picks to make instead, in order; after their end every pick is 0. A pick that
            is too large for its question (an edited list) is cut to the largest allowed.

    Attributes:
        picks: Every pick made so far, in the order made.
    """

    def __init__(self, seed: int = 0, playback: Sequence[int] | None = None) -> None:
        self.seed = seed
        self.picks: list[int] = []
        self._playback = None if playback is None else iter(playback)

    def stream(self, name: str, purpose: str) -> Stream:
        """The stream of one thing for one purpose, e.g. ``("A.register>B.phone", "loss")``."""
        # Lengths go in as well, so that ("ab", "c") and ("a", "bc") differ.
        label = f"{self.seed}|{len(name)}|{name}|{purpose}".encode()
        return Stream(self, int.from_bytes(hashlib.sha256(label).digest()[:8], "big"))

    def settle_pick(self, drawn: int, n: int) -> int:
        """Note a pick; while playing back, the list's pick stands instead of the drawn one."""
        if self._playback is not None:
            drawn = min(max(next(self._playback, 0), 0), n - 1)
        self.picks.append(drawn)
        return drawn
