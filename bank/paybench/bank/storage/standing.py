"""How far a database server has followed the log, and what is in transit on it."""

from msgspec import Struct


class Standing(Struct, frozen=True, gc=False):
    """Two watermarks and the in-transit account of one database server.

    Args:
        withdrawn_to: the newest log record up to which the withdrawals from its accounts are done.
        deposited_to: likewise the deposits to them; not above withdrawn_to.
        in_transit_minor: withdrawn from its accounts, less deposited to them, in minor units. With
            the balances of its accounts it sums to zero at every moment, on each server by itself.
            Over all servers it is what is under way.
    """

    withdrawn_to: int = 0
    deposited_to: int = 0
    in_transit_minor: int = 0
