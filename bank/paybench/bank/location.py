"""Location: on which database server a data file is, computed from branch and account number."""

from .storage.standing import ALL_ARRIVED

_MASK = 2**64 - 1
_ODD = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio: neighbours go far apart
_ODDER = 0xD6E8FEB86659FD93


def server_of(place: int, count: int, arrived_to: int = ALL_ARRIVED) -> int:
    """The index of the server that an account is on: arithmetic, and no table ([0130-0131]).

    Server n, when it is added as the nth, takes every nth account, drawn by a calculation on the
    place and n; all others stay where they are. So an account is on the last server that took it,
    all servers have the same share, and adding one moves what it has to get and nothing else.

    Args:
        place: the account's place: branch times 10^7 plus number.
        count: how many servers there are.
        arrived_to: while the last of them is being filled: accounts above this place are still
            where they were without it.
    """
    if place > arrived_to:
        count -= 1
    for nth in range(count, 1, -1):
        if takes(nth, place):
            return nth - 1
    return 0


def takes(nth: int, place: int) -> bool:
    """Whether the nth server takes this account from those before it."""
    mixed = (place + 1) * _ODD + nth * _ODDER & _MASK
    mixed = (mixed ^ mixed >> 32) * _ODDER & _MASK
    mixed = (mixed ^ mixed >> 29) * _ODD & _MASK
    return (mixed ^ mixed >> 32) * nth >> 64 == 0
