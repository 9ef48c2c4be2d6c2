"""Settlement ids: 128 bits that a sender makes up by itself, in the order of time."""

from collections.abc import Callable

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"  # without i, l, o and u: people read ids out
_LENGTH = 26
_TIME_BITS, _CHANCE_BITS = 48, 80
_NS_PER_MS = 10**6


class SettlementIds:
    """Makes ids that nobody else makes, each above the one before.

    An id is 26 digits of base 32: 48 bits of milliseconds, and 80 bits of chance that are counted
    up within a millisecond and when the clock goes back. Such ids are entered at the end of a log's
    index, and the bank can tell that one is new without a search. Any other text of 1 to 64
    printable ASCII characters is an id too.

    Args:
        chance: gives a random number of so many bits, as `secrets.randbits` does.
    """

    def __init__(self, chance: Callable[[int], int]) -> None:
        self._chance = chance
        self._newest = -1

    def next(self, at_ns: int) -> str:
        """The next id.

        Args:
            at_ns: now, in nanoseconds of the sender's clock; its milliseconds have 48 bits.
        """
        at_ms = (at_ns // _NS_PER_MS) & ((1 << _TIME_BITS) - 1)
        fresh = at_ms << _CHANCE_BITS | self._chance(_CHANCE_BITS)
        if fresh >> _CHANCE_BITS <= self._newest >> _CHANCE_BITS:
            fresh = self._newest + 1
        self._newest = fresh
        return id_of(fresh)


def id_of(bits: int) -> str:
    """128 bits as 26 digits; their order as texts is that of the numbers."""
    return "".join(_DIGITS[bits >> shift & 31] for shift in range(125, -1, -5))


def is_time_ordered(settlement_id: str) -> bool:
    """Whether an id has the form of those that `SettlementIds` makes."""
    return len(settlement_id) == _LENGTH and settlement_id[0] < "8" and settlement_id.isalnum()
