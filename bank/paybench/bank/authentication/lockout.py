"""Lock-out: after some wrong tries in a row, none is taken for a while."""

from collections.abc import Hashable

from msgspec import Struct

from paybench.bank.errors import AuthenticationError

DAY_S = 24 * 3600

_NS_PER_S = 1_000_000_000


class _Record(Struct):
    """What is remembered of a key."""

    wrong: int = 0
    """Tries since the last lock."""
    locks: int = 0
    locked_until_ns: int = 0
    forgotten_at_ns: int = 0


class Lockout:
    """Counts wrong tries by key, and says until when no more are taken. It has no clock.

    Args:
        tries: how many wrong ones in a row lock.
        for_s: how long the first lock lasts, in seconds. Each further one lasts twice as long as
            the one before, up to a day, until a try is right.
        keys_max: how many keys are remembered. Past that, the key whose last wrong try is the
            oldest is forgotten; so is any key a day after its last wrong try or the end of its
            lock.

    Raises:
        AuthenticationError: a figure is not positive.
    """

    def __init__(self, tries: int = 3, for_s: int = 900, *, keys_max: int = 100_000) -> None:
        for name, figure in (("tries", tries), ("for_s", for_s), ("keys_max", keys_max)):
            if figure < 1:
                raise AuthenticationError(
                    f"expected {name} of at least 1, seen {figure}: a lock-out has to lock"
                )
        self._tries = tries
        self._for_s = for_s
        self._keys_max = keys_max
        self._records: dict[Hashable, _Record] = {}  # by last wrong try, the oldest first

    def failed(self, key: Hashable, at_ns: int) -> None:
        """Count a wrong try. While the key is locked none is counted, as none was to be taken."""
        record = self._record(key, at_ns) or _Record()
        if at_ns < record.locked_until_ns:
            return
        record.wrong += 1
        if record.wrong == self._tries:
            record.wrong = 0
            record.locked_until_ns = at_ns + self._lock_s(record.locks) * _NS_PER_S
            record.locks += 1
        record.forgotten_at_ns = max(at_ns, record.locked_until_ns) + DAY_S * _NS_PER_S
        self._records.pop(key, None)
        self._records[key] = record
        self._forget_oldest(at_ns)

    def succeeded(self, key: Hashable) -> None:
        """Forget a key's wrong tries."""
        self._records.pop(key, None)

    def locked_until_ns(self, key: Hashable, at_ns: int) -> int | None:
        """When the next try is taken; None: now."""
        record = self._record(key, at_ns)
        if record is None or at_ns >= record.locked_until_ns:
            return None
        return record.locked_until_ns

    def _record(self, key: Hashable, at_ns: int) -> _Record | None:
        record = self._records.get(key)
        return record if record is not None and at_ns < record.forgotten_at_ns else None

    def _lock_s(self, locks: int) -> int:
        longest = max(self._for_s, DAY_S)
        return min(self._for_s << min(locks, longest.bit_length()), longest)

    def _forget_oldest(self, at_ns: int) -> None:
        while True:
            oldest = next(iter(self._records))
            if len(self._records) <= self._keys_max and self._record(oldest, at_ns):
                return
            del self._records[oldest]
