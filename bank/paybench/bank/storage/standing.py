"""How far a database server has followed the log, what is in transit on it, and who arrived."""

from msgspec import Struct

ALL_ARRIVED = 10**10
"""Above every place."""


class Standing(Struct, frozen=True, gc=False):
    """Two watermarks of one database server, its in-transit account, and how far it was filled.

    Args:
        withdrawn_to: the newest log record up to which the withdrawals from its accounts are done.
        deposited_to: likewise the deposits to them; not above withdrawn_to.
        in_transit_minor: withdrawn from its accounts, less deposited to them, in minor units. With
            the balances of its accounts it sums to zero at every moment, on each server by itself.
            Over all servers it is what is under way.
        arrived_to: a server that is being added has those of its accounts already whose place is
            not above this.
    """

    withdrawn_to: int = 0
    deposited_to: int = 0
    in_transit_minor: int = 0
    arrived_to: int = ALL_ARRIVED
