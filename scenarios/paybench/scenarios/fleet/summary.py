"""The summary of a fleet's day: flows, refusals, and where the money is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.bank.money import Money
from paybench.scenarios.figures import Figures
from paybench.scenarios.fleet.tally import percentiles_s

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paybench.bank.account import AccountNumber
    from paybench.scenarios.fleet.fleet import Fleet
    from paybench.scenarios.fleet.tally import Tally

KINDS = ("gate in", "gate out", "register", "machine", "friend")
FLOWS = (
    "where", "flows", "served", "refused", "went without",
    "p50 s", "p95 s", "p99 s", "busiest hour",
)  # fmt: skip


def summary(fleet: Fleet) -> tuple[Figures, ...]:
    """What came of a day: flows with their waiting times, refusals by reason, and the money."""
    tally = fleet.tally
    flows = tuple(_flows(tally, kind) for kind in KINDS)
    refusals = [
        *((count, kind, why) for (kind, why), count in tally.refused.items()),
        *((count, kind, f"went without: {why}") for (kind, why), count in tally.without.items()),
    ]
    refusals.sort(key=lambda row: (-row[0], row[1:]))
    return (
        Figures("flows", "flows, and how long they took from joining the queue", FLOWS, flows),
        Figures("refusals", "refusals", ("count", "where", "why"), tuple(refusals)),
        Figures("money", f"money, {fleet.rig.currency}", ("what", "amount"), tuple(_money(fleet))),
    )


def _flows(tally: Tally, kind: str) -> tuple[str | int | float, ...]:
    served = tally.served[kind]
    refused = sum(count for (where, _), count in tally.refused.items() if where == kind)
    without = sum(count for (where, _), count in tally.without.items() if where == kind)
    waits_ns = tally.waits_ns.get(kind)
    waits_s = percentiles_s(waits_ns, 50, 95, 99) if waits_ns else [0.0, 0.0, 0.0]
    hours = [(count, -hour) for (where, hour), count in tally.hours.items() if where == kind]
    count, hour = max(hours, default=(0, 0))
    busiest = f"{-hour:02d}:00 ({count})" if count else "-"
    return (kind, served + refused, served, refused, without, *waits_s, busiest)


def _money(fleet: Fleet) -> Iterable[tuple[str, str]]:
    rig, town = fleet.rig, fleet.town

    def on(accounts: Iterable[AccountNumber]) -> str:
        sum_minor = sum(rig.bank.balance(account).amount_minor for account in accounts)
        return Money(sum_minor, rig.currency).text

    yield "with customers at midnight", fleet.issued.text
    yield "paid in during the day", fleet.paid_in.text
    yield "with customers in the end", on(person.account for person in fleet.people)
    yield "with lines", on(track.line.account for track in town.tracks)
    yield "with shops", on(shop.account for shop in town.shops)
    yield "with owners of machines", on(company.account for company in town.companies)
    yield "under way", rig.bank.in_transit().text
    yield "for goods and rides that were had", fleet.goods.text
    yield "sum over all accounts", rig.bank.total().text
