"""Fig 10: tickets sold, kept on the phone, and shown ([0112] to [0119]), and what goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from paybench.devices.phone import Phone
    from paybench.devices.ticket_office import TicketOffice
    from paybench.scenarios.rig import Rig
    from paybench.scenarios.venue import Venue

BOTH_WAYS = ["relayed", "direct"]
STEPS = {"relayed": ("D91", "D93", "D94", "D95", "D96"), "direct": ("D91", "D92", "D95", "D96")}
HAMLET = "Hamlet, 24 Dec, 20:00"
EVENTS = {
    "admission": "Museum of Clocks",
    "railway": "Kita to Minami",
    "bus": "line 12",
    "tram": "zone B",
    "gift certificate": "bookshop",
    "theatre": HAMLET,
}
BEFORE = {"T": "0.00", "B": "100.00"}
AFTER = {"T": "30.00", "B": "70.00"}


def theatre(
    rig: Rig, settles: str = "relayed", balance: str = "100.00"
) -> tuple[Venue, TicketOffice, Phone]:
    """Theatre T with its ticket office, and B with a phone."""
    venue = rig.venue("T")
    phone = rig.customer("B", balance=balance, password="2468").phone()
    return venue, venue.ticket_office(settles=settles), phone


def with_ticket(rig: Rig, good_for_s: int = 0) -> tuple[Venue, Phone]:
    """B has bought a ticket for Hamlet."""
    venue, office, phone = theatre(rig)
    office.enter("theatre", HAMLET, price="30.00", place="row 4 seat 7", good_for_s=good_for_s)
    office.bill(phone)
    phone.approve(password="2468")
    office.expects("TICKET DELIVERED")
    return venue, phone


@scenario(figure="10", variants=BOTH_WAYS)
def ticket(rig: Rig, variant: str) -> None:
    """B buys a theatre ticket and pays by phone: it is stored there, and lets B in, once."""
    venue, office, phone = theatre(rig, variant)
    office.enter("theatre", HAMLET, price="30.00", place="row 4 seat 7")
    office.bill(phone)  # D91
    phone.expects("PAY 30.00")
    phone.approve(password="2468")  # D93, D94 (relayed) or D92 (direct); D95, D96
    office.expects("TICKET DELIVERED")
    office.expects_article("handed over")
    entrance = venue.entrance(HAMLET)
    phone.hold_to(entrance)
    entrance.expects("WELCOME")
    entrance.expects_admitted(1)
    rig.expects_steps(*STEPS[variant])
    rig.expects_balances(**AFTER)


@scenario(figure="10", variants=list(EVENTS))
def ticket_of_each_kind(rig: Rig, variant: str) -> None:
    """A ticket of each kind is sold, and is good where it is for."""
    venue, office, phone = theatre(rig)
    office.enter(variant, EVENTS[variant], price="12.00")
    office.bill(phone)
    phone.approve(password="2468")
    phone.expects("TICKET")
    entrance = venue.entrance(EVENTS[variant])
    phone.hold_to(entrance)
    entrance.expects_admitted(1)
    rig.expects_balances(T="12.00", B="88.00")


@scenario(figure="10", variants=BOTH_WAYS)
def ticket_payment_refused(rig: Rig, variant: str) -> None:
    """B has too little: the bank refuses, and there is no ticket."""
    _, office, phone = theatre(rig, variant, balance="29.99")
    office.enter("theatre", HAMLET, price="30.00")
    office.bill(phone)
    phone.approve(password="2468")
    office.expects("REFUSED")
    office.expects_article("kept")
    assert phone.wallet.ticket(HAMLET) is None
    rig.expects_steps(*STEPS[variant][:-1])
    rig.expects_balances(T="0.00", B="29.99")


@scenario(figure="10", variants=BOTH_WAYS)
def ticket_declined(rig: Rig, variant: str) -> None:
    """B looks at what it is and what it costs, and says no."""
    _, office, phone = theatre(rig, variant)
    office.enter("theatre", HAMLET, price="30.00")
    office.bill(phone)
    phone.decline()
    office.expects("DECLINED")
    office.expects_article("kept")
    rig.expects_steps("D91", "D93", *(("R1", "R2") if variant == "direct" else ()))
    rig.expects_balances(**BEFORE)


@scenario(figure="10", variants=BOTH_WAYS)
def ticket_tampered(rig: Rig, variant: str) -> None:
    """Somebody on the line asks for more than B approved: the signature does not fit it."""
    _, office, phone = theatre(rig, variant)
    office.enter("theatre", HAMLET, price="30.00")
    office.bill(phone)
    rig.alters("D94" if variant == "relayed" else "D92", "information.amount", "90.00")
    phone.approve(password="2468")
    office.expects("REFUSED")
    office.expects_article("kept")
    rig.expects_balances(**BEFORE)


@scenario(figure="10", variants=["event", "signature"])
def ticket_forged(rig: Rig, variant: str) -> None:
    """B has changed the ticket, or made one: the entrance sees it by itself, without the bank."""
    venue, phone = with_ticket(rig)
    document = phone.wallet.ticket(HAMLET)
    assert document is not None
    phone.wallet.drop(document.serial)
    entrance = venue.entrance(HAMLET if variant == "signature" else "Hamlet, 31 Dec, 20:00")
    if variant == "event":
        phone.wallet.keep(replace(document, body=document.body.replace(b"24 Dec", b"31 Dec")))
    else:
        phone.wallet.keep(replace(document, signature=bytes(64)))
    phone.hold_to(entrance)
    entrance.expects("The ticket is not genuine.")
    entrance.expects_admitted(0)


@scenario(figure="10")
def ticket_for_something_else(rig: Rig) -> None:
    """B goes to the wrong performance: there is no ticket for that one on the phone."""
    venue, phone = with_ticket(rig)
    entrance = venue.entrance("Macbeth, 24 Dec, 20:00")
    phone.hold_to(entrance)
    entrance.expects("There is no ticket for this on the phone.")
    entrance.expects_admitted(0)


@scenario(figure="10")
def ticket_of_another_venue(rig: Rig) -> None:
    """Another theatre plays Hamlet too, and sells tickets: they are not good here."""
    venue, phone = with_ticket(rig)
    del venue
    entrance = rig.venue("U").entrance(HAMLET)
    phone.hold_to(entrance)
    entrance.expects("There is no ticket for this on the phone.")
    entrance.expects_admitted(0)


@scenario(figure="10")
def ticket_too_old(rig: Rig) -> None:
    """B comes a day late: the ticket is not good any more."""
    venue, phone = with_ticket(rig, good_for_s=86_400)
    rig.waits_days(2)
    entrance = venue.entrance(HAMLET)
    phone.hold_to(entrance)
    entrance.expects("The ticket is not good any more.")
    entrance.expects_admitted(0)


@scenario(figure="10", variants=["same entrance", "another entrance", "at once"])
def ticket_used_twice(rig: Rig, variant: str) -> None:
    """B has given C a copy of the ticket: one of them gets in, at whatever entrance."""
    venue, phone = with_ticket(rig)
    copy = phone.wallet.ticket(HAMLET)
    assert copy is not None
    friend = rig.customer("C").phone()
    friend.wallet.keep(copy)
    entrance = venue.entrance(HAMLET)
    other = entrance if variant == "same entrance" else venue.entrance(HAMLET)
    if variant == "at once":
        rig.at_once(lambda: phone.hold_to(entrance), lambda: friend.hold_to(other))
        rig.waits(10)
        assert entrance.arm.passed + other.arm.passed == 1
        return
    phone.hold_to(entrance)
    entrance.expects_admitted(1)
    friend.hold_to(other)
    other.expects("This admission was used already.")
    friend.expects("STAY BACK")
    assert sum(arm.passed for arm in {entrance.arm, other.arm}) == 1


@scenario(figure="10", variants=["D93", "D94", "D95", "D96", "stored"])
def ticket_lost_message(rig: Rig, variant: str) -> None:
    """A message gets lost: B pays once and has one ticket, or has not paid."""
    _, office, phone = theatre(rig)
    office.enter("theatre", HAMLET, price="30.00")
    office.bill(phone)
    rig.loses(variant)
    phone.approve(password="2468")
    if variant == "D93":
        office.expects("NO ANSWER")
        rig.expects_balances(**BEFORE)
        return
    office.expects("TICKET DELIVERED")
    assert phone.wallet.ticket(HAMLET) is not None
    rig.expects_balances(**AFTER)


@scenario(figure="10")
def ticket_fetched_later(rig: Rig) -> None:
    """B's phone is out of reach when the ticket is sent: it waits there, and B fetches it."""
    _, office, phone = theatre(rig)
    office.enter("theatre", HAMLET, price="30.00")
    office.bill(phone)
    rig.loses("D96", times=3)
    phone.approve(password="2468")
    office.expects("TICKET NOT DELIVERED")
    rig.expects_balances(**AFTER)
    phone.hold_to(office)
    office.expects("TICKET DELIVERED")
    assert phone.wallet.ticket(HAMLET) is not None


@scenario(figure="10", variants=["D93", "D94", "D95", "D96", "stored"])
def ticket_power_loss(rig: Rig, variant: str) -> None:
    """The office loses its power at a step: paid and a ticket, or neither."""
    _, office, phone = theatre(rig)
    rig.cuts_power(office, at=variant, for_s=10)
    office.enter("theatre", HAMLET, price="30.00")
    office.bill(phone)
    phone.approve(password="2468")
    rig.waits(60)
    paid = variant != "D93"
    assert (phone.wallet.ticket(HAMLET) is not None) == paid
    office.expects_article("handed over" if paid else "kept")
    rig.expects_balances(**(AFTER if paid else BEFORE))


@scenario(figure="10", variants=["wanted", "ticket", "claim", "spend"])
def ticket_entrance_power_loss(rig: Rig, variant: str) -> None:
    """The entrance loses its power at a step: the ticket lets B in once, then or the next time."""
    venue, phone = with_ticket(rig)
    entrance = venue.entrance(HAMLET)
    rig.cuts_power(entrance, at=variant, for_s=10)
    phone.hold_to(entrance)
    rig.waits(60)
    if entrance.arm.passed == 0:
        phone.hold_to(entrance)
    entrance.expects("WELCOME")
    rig.waits(10)
    phone.hold_to(entrance)
    entrance.expects("NO ENTRY")


@scenario(figure="10")
def ticket_entrance_stuck(rig: Rig) -> None:
    """The arm does not move: the ticket is as good as before at another entrance."""
    venue, phone = with_ticket(rig)
    entrance, other = venue.entrance(HAMLET), venue.entrance(HAMLET)
    entrance.block()
    phone.hold_to(entrance)
    entrance.expects("The entrance is stuck: go to another one.")
    phone.hold_to(other)
    other.expects_admitted(1)
