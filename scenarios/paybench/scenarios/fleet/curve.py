"""Demand curves: when in the day people do something."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from paybench.devices.choices import Stream

NS_PER_S = 1_000_000_000


def clock_s(text: str) -> int:
    """Seconds since midnight of a time of day, e.g. of ``"07:30"``.

    Raises:
        ValueError: It is no time of day.
    """
    hours, colon, minutes = text.partition(":")
    if not (colon and hours.isdecimal() and minutes.isdecimal() and int(minutes) < 60):  # noqa: PLR2004
        raise ValueError(f"{text!r} is no time of day: write it like 07:30")
    return int(hours) * 3600 + int(minutes) * 60


class Curve(msgspec.Struct, frozen=True, dict=True):
    """How a demand is spread over a part of the day: equal steps, even within each.

    Args:
        begins: Time of day of the first step, e.g. ``"06:00"``.
        step_s: How long a step is, in seconds.
        weights: How many come in each step, in proportion to each other.

    Raises:
        ValueError: The time is malformed, a step is no longer than nothing, or nobody comes.
    """

    begins: str
    step_s: int
    weights: tuple[int, ...]

    def __post_init__(self) -> None:
        clock_s(self.begins)
        if self.step_s < 1 or min(self.weights, default=0) < 0 or not sum(self.weights):
            raise ValueError(
                f"a curve has steps of at least 1 s and weights of which one is above 0, "
                f"not {self.step_s} s and {self.weights}"
            )

    def moment_ns(self, chance: Stream) -> int:
        """A moment picked from it, in nanoseconds since midnight."""
        ends = self._ends
        pick = chance.below(ends[-1] * self.step_s * NS_PER_S)
        step_ns = self.step_s * NS_PER_S
        step = bisect_right(ends, pick // step_ns)
        before = ends[step - 1] if step else 0
        within_ns = (pick - before * step_ns) // self.weights[step]
        return clock_s(self.begins) * NS_PER_S + step * step_ns + within_ns

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(self.weights))


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """When a town's people do what: two peaks of commuters, and one at noon.

    Attributes:
        leaves_home: When commuters set out in the morning.
        lunch: When they have lunch.
        leaves_work: When they set out for home.
        errand: When those who do not commute are on their errands.
    """

    leaves_home: Curve = Curve("06:00", 1800, (2, 6, 14, 22, 18, 9, 4, 2))
    lunch: Curve = Curve("11:30", 900, (4, 10, 16, 14, 8, 3))
    leaves_work: Curve = Curve("15:30", 1800, (4, 8, 16, 22, 16, 10, 6, 3, 2))
    errand: Curve = Curve("08:00", 3600, (2, 6, 10, 12, 8, 6, 8, 10, 12, 10, 6, 2))
