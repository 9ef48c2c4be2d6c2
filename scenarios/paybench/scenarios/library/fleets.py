"""A fleet: devices of all kinds at once, and the people of a town who use them in a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from paybench.scenarios.rig import Rig

TOWN = {
    "shops": 4,
    "registers": 5,
    "machines": 8,
    "gates": 16,
    "customers": 200,
    "loss_ppm": 0,
}
"""A small one, which lives its day in a second. All are how many; `loss_ppm` of a million messages
get lost on the lines to the bank."""


@scenario(settings=TOWN)
def commuter_day(rig: Rig) -> None:
    """A town's day: to work and home by train, coffee, lunch with a friend, a drink on the way."""
    fleet = rig.populate(
        shops=rig.setting("shops"),
        registers=rig.setting("registers"),
        machines=rig.setting("machines"),
        gates=rig.setting("gates"),
        customers=rig.setting("customers"),
        loss_ppm=rig.setting("loss_ppm"),
    )
    fleet.lives()
    fleet.expects_nobody_inside_who_got_out()
