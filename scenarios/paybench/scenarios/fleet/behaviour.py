"""What people do, what goes wrong, and how long things take them: rates and ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from paybench.scenarios.fleet.curve import NS_PER_S

if TYPE_CHECKING:
    from paybench.devices.choices import Stream

MILLION = 1_000_000


class Range(msgspec.Struct, frozen=True):
    """A time that varies from one occasion to the next, more often in the middle than at the ends.

    Args:
        least_s: The least, in seconds.
        most_s: The most.

    Raises:
        ValueError: It is below zero, or the most is less than the least.
    """

    least_s: float
    most_s: float

    def __post_init__(self) -> None:
        if not 0 <= self.least_s <= self.most_s:
            raise ValueError(f"a range goes from 0 s or more upwards, not {self}")

    def pick_s(self, chance: Stream) -> float:
        """One of its times, in seconds; the quiet pick is the least."""
        least_ns, most_ns = int(self.least_s * NS_PER_S), int(self.most_s * NS_PER_S)
        half_ns = (most_ns - least_ns) // 2 + 1
        return (least_ns + chance.below(half_ns) + chance.below(half_ns)) / NS_PER_S


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """What the people of a town do in a day, and what befalls its devices.

    What ends in ``_ppm`` is how many of a million people, occasions or devices.

    Attributes:
        commutes_ppm: People who go to work by a line; the others have errands.
        coffee_ppm: Commuters who buy a coffee near work.
        drink_ppm: Commuters who get a drink from a machine before the ride.
        lunch_ppm: Commuters who buy lunch.
        shares_ppm: Of those, who have the friend they work with pay them back for theirs.
        shopping_ppm: Commuters who shop on the way home.
        poor_ppm: People who have next to nothing on their accounts.
        cautious_ppm: People whose phones ask them about every fare.
        wrong_password_ppm: Occasions on which a wrong password is typed.
        wrong_again_ppm: Occasions on which the next one is wrong as well.
        declines_ppm: Bills that are declined.
        ignores_ppm: Bills and offers that are not answered at all.
        undecided_ppm: Offers of a machine of which nothing is chosen.
        careless_ppm: Choices made without looking whether the item is sold out.
        jam_ppm: Machines of which a column sticks for some time of the day.
        stuck_ppm: Gates whose arm sticks for some time of the day.
        outage_ppm: Devices that lose their power once in the day.
        patience: How many people may stand before somebody at a register or a machine.
        think: How long people take to answer a phone.
        scanning: How long a salesperson takes for an article.
        walk: How long it takes from a platform to the gates, or from a station to a shop.
        repair: How long something sticks.
        outage: How long a device has no power.
    """

    commutes_ppm: int = 800_000
    coffee_ppm: int = 350_000
    drink_ppm: int = 250_000
    lunch_ppm: int = 450_000
    shares_ppm: int = 400_000
    shopping_ppm: int = 200_000
    poor_ppm: int = 20_000
    cautious_ppm: int = 30_000
    wrong_password_ppm: int = 20_000
    wrong_again_ppm: int = 150_000
    declines_ppm: int = 8_000
    ignores_ppm: int = 1_000
    undecided_ppm: int = 30_000
    careless_ppm: int = 300_000
    jam_ppm: int = 30_000
    stuck_ppm: int = 10_000
    outage_ppm: int = 5_000
    patience: int = 8
    think: Range = Range(1.5, 7.0)
    scanning: Range = Range(0.8, 2.4)
    walk: Range = Range(20.0, 180.0)
    repair: Range = Range(300.0, 3600.0)
    outage: Range = Range(5.0, 90.0)


def happens(chance: Stream, ppm: int) -> bool:
    """Whether something happens that does so many times in a million."""
    # The quiet pick is 0: what happens seldom is at the far end.
    return chance.below(MILLION) >= MILLION - ppm
