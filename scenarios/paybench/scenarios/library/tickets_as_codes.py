"""Fig 10 with codes: a ticket shown on the phone's display ([0118]), and what goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from paybench.devices.plain_profile import PlainBill, PlainCode
from paybench.devices.wallet_code import document_code
from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from paybench.devices.phone import Phone
    from paybench.scenarios.rig import Rig
    from paybench.scenarios.venue import Venue

HAMLET = "Hamlet, 24 Dec, 20:00"
STEPS = ("D91", "D93", "D94", "D95", "D96")
NO_TICKET = "This code is no ticket."
USED = "This admission was used already."


def with_ticket(rig: Rig, good_for_s: int = 0) -> tuple[Venue, Phone]:
    """B has bought a ticket for Hamlet, and shows it."""
    venue = rig.venue("T")
    office = venue.ticket_office()
    phone = rig.customer("B", balance="100.00", password="2468").phone()
    office.enter("theatre", HAMLET, price="30.00", place="row 4 seat 7", good_for_s=good_for_s)
    office.bill(phone)
    phone.expects("PAY 30.00")
    phone.approve(password="2468")
    phone.expects("TICKET")
    office.expects("TICKET DELIVERED")
    phone.wallet.show_ticket(HAMLET)
    phone.expects("PB1:TICKET:*")
    return venue, phone


@scenario(figure="10")
def ticket_code(rig: Rig) -> None:
    """B shows the ticket as a code, the entrance reads it from the display and lets B in, once."""
    venue, phone = with_ticket(rig)  # D91 to D96
    entrance = venue.entrance(HAMLET)
    entrance.read(phone)
    entrance.expects("WELCOME")
    entrance.expects_admitted(1)
    rig.expects_steps(*STEPS)
    rig.expects_balances(T="30.00", B="70.00")


@scenario(figure="10")
def ticket_code_unreadable(rig: Rig) -> None:
    """The entrance's glass is smeared and it reads nothing; wiped, it reads the ticket."""
    venue, phone = with_ticket(rig)
    entrance = venue.entrance(HAMLET)
    entrance.scanner.smeared = True
    entrance.read(phone)
    entrance.expects("READ ERROR")
    entrance.expects_admitted(0)
    entrance.scanner.smeared = False
    entrance.read(phone)
    entrance.expects_admitted(1)


@scenario(figure="10", variants=["article", "bill", "proof", "nonsense"])
def ticket_code_of_something_else(rig: Rig, variant: str) -> None:
    """B holds a code of something else before the entrance: it says so, and stays closed."""
    venue, phone = with_ticket(rig)
    entrance = venue.entrance(HAMLET)
    if variant == "proof":
        phone.wallet.show_proof("T")
    else:
        bill = PlainBill("A.register-000001", phone.account, phone.wallet.fare_limit, "A", "")
        codes = {
            "article": "4901234567894",
            "bill": bill.text,
            "nonsense": PlainCode("TICKET", b"Hamlet").text,
        }
        phone.wallet.show_picture(codes[variant])
    entrance.read(phone)
    entrance.expects(NO_TICKET)
    entrance.expects_admitted(0)


@scenario(figure="10", variants=["sign", "event", "signature"])
def ticket_code_altered(rig: Rig, variant: str) -> None:
    """B has changed the code in a picture editor: the CRC or the signature gives it away."""
    venue, phone = with_ticket(rig)
    document = phone.wallet.ticket(HAMLET)
    assert document is not None
    event, why = HAMLET, "The ticket is not genuine."
    if variant == "sign":
        code = phone.display.lines[0]
        code, why = f"{code[:20]}{'A' if code[20] != 'A' else 'B'}{code[21:]}", NO_TICKET
    elif variant == "event":
        event = HAMLET.replace("24", "31")
        code = document_code(replace(document, body=document.body.replace(b"24", b"31"))).text
    else:
        code = document_code(replace(document, signature=bytes(64))).text
    phone.wallet.show_picture(code)
    entrance = venue.entrance(event)
    entrance.read(phone)
    entrance.expects(why)
    entrance.expects_admitted(0)


@scenario(figure="10", variants=["another event", "another venue"])
def ticket_code_for_something_else(rig: Rig, variant: str) -> None:
    """B shows the ticket at a wrong door: it is a ticket, and not for this."""
    venue, phone = with_ticket(rig)
    if variant == "another event":
        entrance, why = venue.entrance("Macbeth"), "The ticket is for something else."
    else:
        entrance, why = rig.venue("U").entrance(HAMLET), "The ticket is not genuine."
    entrance.read(phone)
    entrance.expects(why)
    entrance.expects_admitted(0)


@scenario(figure="10")
def ticket_code_too_old(rig: Rig) -> None:
    """B shows the ticket a day late: it is not good any more."""
    venue, phone = with_ticket(rig, good_for_s=86_400)
    rig.waits_days(2)
    entrance = venue.entrance(HAMLET)
    entrance.read(phone)
    entrance.expects("The ticket is not good any more.")
    entrance.expects_admitted(0)


@scenario(figure="10", variants=["same entrance", "another entrance", "at once", "again"])
def ticket_code_used_twice(rig: Rig, variant: str) -> None:
    """B has sent C a screenshot of the ticket, or shows it again: one of them gets in."""
    venue, phone = with_ticket(rig)
    friend = rig.customer("C").phone()
    friend.wallet.show_picture(phone.display.lines[0])
    entrance = venue.entrance(HAMLET)
    other = entrance if variant in ("same entrance", "again") else venue.entrance(HAMLET)
    if variant == "at once":
        rig.at_once(lambda: entrance.read(phone), lambda: other.read(friend))
        rig.waits(10)
        assert entrance.arm.passed + other.arm.passed == 1
        return
    entrance.read(phone)
    entrance.expects_admitted(1)
    if variant == "again":
        phone.wallet.show_ticket(HAMLET)
        other.read(phone)
    else:
        other.read(friend)
    other.expects(USED)
    assert sum(arm.passed for arm in {entrance.arm, other.arm}) == 1


@scenario(figure="10", variants=["screenshot", "link"])
def ticket_code_and_link(rig: Rig, variant: str) -> None:
    """C comes with a screenshot and B holds the phone to the entrance: the second is refused."""
    venue, phone = with_ticket(rig)
    friend = rig.customer("C").phone()
    friend.wallet.show_picture(phone.display.lines[0])
    entrance = venue.entrance(HAMLET)
    if variant == "screenshot":
        entrance.read(friend)
        phone.hold_to(entrance)
        phone.expects("STAY BACK")
    else:
        phone.hold_to(entrance)
        entrance.read(friend)
    entrance.expects(USED)
    entrance.expects_admitted(1)


@scenario(figure="10", variants=["ticket", "claim", "spend"])
def ticket_code_power_loss(rig: Rig, variant: str) -> None:
    """An entrance that reads codes loses its power: the ticket lets in once, then or next time."""
    venue, phone = with_ticket(rig)
    entrance = venue.entrance(HAMLET)
    rig.cuts_power(entrance, at=variant, arrived=True, for_s=10)
    entrance.read(phone)
    rig.waits(60)
    if entrance.arm.passed == 0:
        entrance.read(phone)
    entrance.expects("WELCOME")
    rig.waits(10)
    entrance.read(phone)
    entrance.expects(USED)
    entrance.expects_admitted(1)
