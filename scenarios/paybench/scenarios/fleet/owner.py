"""The owner of a phone: thinks, and answers what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.scenarios.fleet.behaviour import happens
from paybench.scenarios.fleet.curve import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.devices.choices import Stream
    from paybench.devices.phone import Phone
    from paybench.devices.vending import Item, ItemsOffered
    from paybench.scenarios.fleet.behaviour import Behaviour


class Owner:
    """Answers a phone as people do: after a while, mostly rightly, mostly with a yes.

    Args:
        behaviour: What people do.
        chance: What this one does.
        password: What the phone asks for.
    """

    __slots__ = ("_behaviour", "_chance", "_erred", "_offer", "_password")

    def __init__(self, behaviour: Behaviour, chance: Stream, password: str) -> None:
        self._behaviour = behaviour
        self._chance = chance
        self._password = password
        self._erred = False
        self._offer = ""

    def notified(self, phone: Phone) -> None:
        """The phone shows something; for `Phone.customer`."""
        request, vending = phone.request, phone.__dict__.get("vending")
        offer: ItemsOffered | None = None if vending is None else vending.offer
        is_new = offer is not None and offer.settlement_id != self._offer
        if offer is not None:
            self._offer = offer.settlement_id
        if self._does(self._behaviour.ignores_ppm):
            return
        if is_new:
            self._later(phone, self._choose, self._offer)
        elif request is not None:
            self._later(phone, self._answer, request.correlation)

    def _answer(self, phone: Phone, correlation: str) -> None:
        request = phone.request
        if request is None or request.correlation != correlation or phone.state == "locked":
            return
        if self._does(self._behaviour.declines_ppm):
            phone.decline()
        elif self._errs():
            phone.approve(password="")
            self._later(phone, self._answer, correlation)
        else:
            phone.approve(password=self._password)

    def _choose(self, phone: Phone, correlation: str) -> None:
        offer = phone.vending.offer
        if offer is None or offer.settlement_id != correlation:
            return
        item = self._wish(offer)
        if item is None or phone.state == "locked":
            phone.vending.leave()
        elif self._errs():
            phone.vending.choose(item.number, password="")
            self._later(phone, self._choose, correlation)
        else:
            phone.vending.choose(item.number, password=self._password)

    def _wish(self, offer: ItemsOffered) -> Item | None:
        """What to choose; None for nothing."""
        if not offer.items or self._does(self._behaviour.undecided_ppm):
            return None
        item = self._one_of(offer.items)
        if item.available or self._does(self._behaviour.careless_ppm):
            return item
        there = tuple(other for other in offer.items if other.available)
        return self._one_of(there) if there else None

    def _one_of(self, items: tuple[Item, ...]) -> Item:
        return items[self._chance.below(len(items))]

    def _errs(self) -> bool:
        behaviour = self._behaviour
        again = behaviour.wrong_again_ppm if self._erred else behaviour.wrong_password_ppm
        self._erred = self._does(again)
        return self._erred

    def _later(self, phone: Phone, do: Callable[[Phone, str], None], correlation: str) -> None:
        env = phone.env
        think_ns = int(self._behaviour.think.pick_s(self._chance) * NS_PER_S)
        env.call_at(env.now_ns + think_ns, lambda about: do(phone, about), correlation)

    def _does(self, ppm: int) -> bool:
        return happens(self._chance, ppm)
