"""Wrong keys: who tries too many of them is not listened to for a while."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict

ADDRESSES_MAX = 10_000


class WrongKeys:
    """Counts failed logins by address. Whoever has logged in already is not affected.

    Args:
        maximum: How many from one address within
        window_s: so many seconds.
    """

    def __init__(self, maximum: int, window_s: float) -> None:
        self._maximum = maximum
        self._window_s = window_s
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def add(self, address: str, now_s: float) -> None:
        """One more has failed."""
        place = _place(address)
        since_s, count = self._counts.pop(place, (now_s, 0))
        if now_s - since_s >= self._window_s:
            since_s, count = now_s, 0
        self._counts[place] = since_s, count + 1
        if len(self._counts) > ADDRESSES_MAX:
            self._counts.popitem(last=False)

    def wait_s(self, address: str, now_s: float) -> float:
        """For how many seconds nobody of an address is listened to; 0: at once."""
        since_s, count = self._counts.get(_place(address), (now_s, 0))
        if count < self._maximum:
            return 0.0
        return max(0.0, since_s + self._window_s - now_s)


def _place(address: str) -> str:
    """What is counted together: an IPv4 address, or an IPv6 network of 64 bits."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 6:  # noqa: PLR2004 - IPv6
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
