"""How late events ran in wall time: a histogram that never grows."""

from __future__ import annotations


class Lateness:
    """Counts of delays, in buckets of a quarter octave: quantiles within 25 %.

    Attributes:
        count: How many events ran.
        worst_ns: The longest delay.
    """

    def __init__(self) -> None:
        self.count = 0
        self.worst_ns = 0
        self._buckets: dict[int, int] = {}

    def note(self, late_ns: int) -> None:
        """Note one delay; one that is negative counts as none."""
        late_ns = max(late_ns, 0)
        self.count += 1
        self.worst_ns = max(self.worst_ns, late_ns)
        octave = late_ns.bit_length()
        quarter = (late_ns >> max(octave - 3, 0)) & 3
        bucket = octave << 2 | quarter
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1

    def quantile_ns(self, share: float) -> int:
        """The delay that this share of the events did not exceed; 0 with no events."""
        left = share * self.count
        for bucket in sorted(self._buckets):
            left -= self._buckets[bucket]
            if left <= 0:
                octave, quarter = bucket >> 2, bucket & 3
                return min(((4 | quarter) + 1) << max(octave - 3, 0), self.worst_ns)
        return self.worst_ns
