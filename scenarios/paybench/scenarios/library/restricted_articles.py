"""Fig 7B: articles not for everybody ([0086] to [0091]): the bank refuses, or the shop decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from paybench.devices.back_office import BackOffice
    from paybench.devices.terminal import Terminal
    from paybench.scenarios.rig import Rig

DECIDED_BY = ["bank", "shop"]
MINOR, ADULT = "2010-05-31", "1990-05-31"
BEFORE = {"A": "0.00", "B": "100.00"}
AFTER = {"A": "12.00", "B": "88.00"}


def wine(rig: Rig, born: str, decided_by: str) -> tuple[BackOffice, Terminal]:
    """A offers B, born then, a bottle of wine: from 18 years of age."""
    office = rig.shop("A").office()
    terminal = rig.customer("B", balance="100.00", password="2468", born=born).terminal()
    terminal.log_in(password="2468")
    terminal.expects("LOGGED IN")
    office.offer(terminal, "wine", price="12.00", minimum_age_years=18, decided_by=decided_by)
    terminal.expects("FROM 18 YEARS OF AGE")
    return office, terminal


@scenario(figure="7B", variants=DECIDED_BY)
def restricted_article(rig: Rig, variant: str) -> None:
    """B is old enough: it settles like any other, and nobody is asked."""
    office, terminal = wine(rig, ADULT, variant)
    terminal.buy()  # D61
    terminal.expects("PAID 12.00")
    office.expects_article("sent out")
    rig.expects_steps("S101", "S101", "D61")
    rig.expects_balances(**AFTER)


@scenario(figure="7B")
def restricted_article_refused(rig: Rig) -> None:
    """B is a minor: the bank replies uniformly that it cannot be settled (D62)."""
    office, terminal = wine(rig, MINOR, "bank")
    terminal.buy()
    terminal.expects("REFUSED")
    office.expects_article("kept")
    rig.expects_steps("S101", "S101", "D61", "D62", "D62")  # to the shop, and to B
    rig.expects_balances(**BEFORE)


@scenario(figure="7B", variants=["admits", "refuses", "does not answer"])
def restricted_article_shop_decides(rig: Rig, variant: str) -> None:
    """B is a minor, and the bank asks the shop (D63): it admits, refuses, or does not answer."""
    office, terminal = wine(rig, MINOR, "shop")
    terminal.buy()
    office.expects("ADMIT?")
    if variant == "admits":
        office.admit()
    elif variant == "refuses":
        office.refuse()
    terminal.expects("PAID 12.00" if variant == "admits" else "REFUSED")
    office.expects_article("sent out" if variant == "admits" else "kept")
    rig.expects_balances(**(AFTER if variant == "admits" else BEFORE))


@scenario(figure="7B")
def restricted_article_age_unknown(rig: Rig) -> None:
    """The bank has no date of birth on record: it is refused, and nobody is asked."""
    office, terminal = wine(rig, "", "shop")
    terminal.buy()
    terminal.expects("REFUSED")
    office.expects_article("kept")
    rig.expects_balances(**BEFORE)


@scenario(figure="7B", variants=["day before", "birthday"])
def restricted_article_birthday(rig: Rig, variant: str) -> None:
    """B turns 18 on 3 January: refused on the day before, settled on the day itself."""
    office, terminal = wine(rig, "2008-01-03", "bank")
    rig.waits_days(1 if variant == "day before" else 2)  # the bank's calendar begins on 1 January
    terminal.log_in(password="2468")
    terminal.expects("LOGGED IN")
    terminal.buy()
    terminal.expects("REFUSED" if variant == "day before" else "PAID 12.00")
    office.expects_article("kept" if variant == "day before" else "sent out")
    rig.expects_balances(**(BEFORE if variant == "day before" else AFTER))


@scenario(figure="7B")
def restricted_article_tampered(rig: Rig) -> None:
    """Somebody takes the restriction off on the way: the signature does not fit any more."""
    office, terminal = wine(rig, MINOR, "bank")
    rig.alters("D61", "information.restriction", None)
    terminal.buy()
    terminal.expects("REFUSED")
    office.expects_article("kept")
    rig.expects_balances(**BEFORE)


@scenario(figure="7B")
def restricted_article_asked_twice(rig: Rig) -> None:
    """The line repeats D61 while the shop decides: it is asked once, and it settles once."""
    office, terminal = wine(rig, MINOR, "shop")
    rig.duplicates("D61")
    terminal.buy()
    office.expects("ADMIT?")
    office.admit()
    terminal.expects("PAID 12.00")
    office.expects_article("sent out")
    rig.expects_balances(**AFTER)
