"""The authentication apparatus: who a caller is, proved to a third party (claims 42, 43)."""

import random

import pytest
from tin_town import (
    ANNAS,
    BERTS,
    LINES,
    MACHINE,
    NO_WISH,
    RIGHT,
    TILL,
    WRONG,
    S,
    TinTown,
    reasons,
    said,
)

from paybench.bank.authentication import BillingDemand, Method, UserDemand
from paybench.bank.tin import (
    AUTHENTICATION,
    AuthenticationAnswered,
    AuthenticationApparatus,
    AuthenticationOrdered,
    AuthenticationResult,
    AuthenticationWanted,
    ClerksWord,
    Declined,
    PasswordWanted,
    PortraitShown,
    Refusal,
    Refused,
    SessionInquiry,
    SessionState,
    Side,
    State,
    Synchronised,
    TinIssued,
    TinPresented,
    Withdrawn,
    tin,
)

PASSWORD_DEMAND = BillingDemand(Method.PASSWORD)
AUTOMATIC = [method for method in Method if not method.is_visual]


class Office:
    """The town's registers, and a second terminal at the till's place that wants to know."""

    def __init__(self, *, shop=PASSWORD_DEMAND, payer=NO_WISH):
        town = TinTown(shop=shop, payer=payer)
        self.below = random.Random(1).randrange  # noqa: S311 - the same in each run
        self.apparatus = AuthenticationApparatus(town.terminals, town.users, self.below)
        self.users = town.users
        self.at_ns = 0

    def second(self, message, terminal=TILL):
        return self.apparatus.from_second(LINES[terminal], message, self.at_ns)

    def first(self, message, caller=ANNAS):
        return self.apparatus.from_first(caller, message, self.at_ns)

    def issue(self, demand=None, request_id="r"):
        (notice,) = self.second(AuthenticationWanted(request_id, TILL, demand))
        return notice.body

    def state(self, session):
        return self.apparatus._book.find(session).state


@pytest.mark.parametrize("method", AUTOMATIC)
@pytest.mark.parametrize("right", [True, False])
def test_proves_who_it_is_by_each_method(method, right):
    """What the second terminal demands is ordered from the first, and the result goes back."""
    office = Office()
    issued = office.issue(BillingDemand(method))
    notices = office.first(TinPresented(issued.tin))
    assert said(notices, Synchronised)[0].attributes == {"city": "Ulm", "name": "Anna"}
    (order,) = said(notices, AuthenticationOrdered)
    assert order.method is method
    answer = RIGHT[method] if right else WRONG
    notices = office.first(AuthenticationAnswered(issued.session, order.order, answer))
    result = AuthenticationResult(issued.session, right, (method,))
    assert notices[0].body == result
    assert (notices[0].side, notices[0].to) == (Side.BILLING, LINES[TILL])
    assert office.state(issued.session) is (State.AUTHENTICATED if right else State.REFUSED)
    if not right:
        assert reasons(notices) == dict.fromkeys(Side, Refusal.AUTHENTICATION_FAILED)


@pytest.mark.parametrize("is_the_user", [True, False])
def test_has_the_clerk_look_at_the_portrait(is_the_user):
    """At a second terminal with a clerk the portrait is shown there, and the clerk decides."""
    office = Office()
    issued = office.issue(BillingDemand(Method.PORTRAIT))
    (shown,) = said(office.first(TinPresented(issued.tin)), PortraitShown)
    notices = office.second(ClerksWord(issued.session, shown.order, is_the_user))
    assert said(notices, AuthenticationResult)[0].passed is is_the_user


def test_takes_the_terminals_own_demand_where_it_names_none():
    """Registered with the terminal, or named with the request; one of them there has to be."""
    office = Office()
    issued = office.issue()
    orders = said(office.first(TinPresented(issued.tin)), AuthenticationOrdered)
    assert [order.method for order in orders] == [Method.PASSWORD]
    office = Office(shop=BillingDemand())
    assert office.issue().reason is Refusal.NO_METHOD
    assert office.issue(BillingDemand(insists=True)).reason is Refusal.NO_METHOD


def test_gives_the_same_number_for_the_same_request():
    """A lost answer is asked for again; the demand that was named first stands."""
    office = Office()
    issued = office.issue(BillingDemand(Method.IRIS))
    assert office.issue(BillingDemand(Method.QUESTION)) == issued
    orders = said(office.first(TinPresented(issued.tin)), AuthenticationOrdered)
    assert [order.method for order in orders] == [Method.IRIS]
    again = said(office.first(TinPresented(issued.tin)), AuthenticationOrdered)
    assert again == orders


def test_refuses_as_a_settlement_apparatus_does():
    """Terminals, lines, callers, numbers and strangers are judged alike."""
    office = Office(payer=UserDemand(no_portrait=True))
    unknown = AuthenticationWanted("r", "nobody's")
    assert reasons(office.second(unknown)) == {Side.BILLING: Refusal.UNREGISTERED_TERMINAL}
    stolen = AuthenticationWanted("r", TILL)
    assert reasons(office.second(stolen, MACHINE)) == {Side.BILLING: Refusal.WRONG_LINE}
    issued = office.issue(BillingDemand(Method.PORTRAIT, insists=True))
    presented = TinPresented(issued.tin)
    assert reasons(office.first(presented, "+499")) == {Side.PAYING: Refusal.UNREGISTERED_CALLER}
    for number in range(5):
        office.first(TinPresented(tin(number)), BERTS)
    assert reasons(office.first(presented, BERTS)) == {Side.PAYING: Refusal.TOO_MANY_TRIES}
    assert reasons(office.first(presented)) == dict.fromkeys(Side, Refusal.DISAGREEMENT)
    issued = office.issue(request_id="other")
    office.first(TinPresented(issued.tin))
    for stranger in (
        office.first(Declined(issued.session), BERTS),
        office.second(Withdrawn(issued.session), MACHINE),
    ):
        assert [notice.body.reason for notice in stranger] == [Refusal.UNKNOWN_SESSION]
    office.at_ns = 10**12
    assert reasons(office.apparatus.expire(office.at_ns)) == dict.fromkeys(Side, Refusal.EXPIRED)


WAYS = {
    State.ISSUED: (None, None),
    State.AUTHENTICATING: (BillingDemand(Method.PASSWORD), None),
    State.PORTRAIT: (BillingDemand(Method.PORTRAIT), None),
    State.AUTHENTICATED: (BillingDemand(Method.PASSWORD), RIGHT[Method.PASSWORD]),
    State.REFUSED: (BillingDemand(Method.PASSWORD), WRONG),
    State.EXPIRED: (BillingDemand(Method.PASSWORD), None),
}


def bring(state):
    office = Office()
    demand, answer = WAYS[state]
    issued = office.issue(demand)
    if state is not State.ISSUED:
        office.first(TinPresented(issued.tin))
    if answer is not None:
        office.first(AuthenticationAnswered(issued.session, 1, answer))
    if state is State.EXPIRED:
        office.at_ns = 600 * S
        office.apparatus.expire(office.at_ns)
    assert office.state(issued.session) is state
    return office, issued


MESSAGES = {
    "TinPresented": lambda issued: (Side.PAYING, TinPresented(issued.tin)),
    "AuthenticationAnswered": lambda issued: (
        Side.PAYING,
        AuthenticationAnswered(issued.session, 1, RIGHT[Method.PASSWORD]),
    ),
    "wrong answer": lambda issued: (
        Side.PAYING,
        AuthenticationAnswered(issued.session, 2, WRONG),
    ),
    "Declined": lambda issued: (Side.PAYING, Declined(issued.session)),
    "inquiry of the first": lambda issued: (Side.PAYING, SessionInquiry(issued.session)),
    "ClerksWord": lambda issued: (
        Side.BILLING,
        ClerksWord(issued.session, 1, is_the_user=True),
    ),
    "PasswordWanted": lambda issued: (Side.BILLING, PasswordWanted(issued.session)),
    "Withdrawn": lambda issued: (Side.BILLING, Withdrawn(issued.session)),
    "inquiry of the second": lambda issued: (Side.BILLING, SessionInquiry(issued.session)),
    "AuthenticationWanted": lambda _: (Side.BILLING, AuthenticationWanted("r", TILL)),
}


@pytest.mark.parametrize("state", WAYS)
@pytest.mark.parametrize("what", MESSAGES)
def test_takes_every_message_in_every_state(state, what):
    """As its table says: another state, or a refusal that names the one it is in."""
    office, issued = bring(state)
    side, message = MESSAGES[what](issued)
    seated = office.apparatus._book.find(issued.session).end(side) is not None
    notices = (office.first if side is Side.PAYING else office.second)(message)
    event, after = type(message).__name__, office.state(issued.session)
    rows = [row for row in AUTHENTICATION.rows if (row.state, row.event) == (state, event)]
    assert notices
    if after is not state:
        assert after in {row.then for row in rows}
    elif isinstance(message, SessionInquiry) and seated:
        assert said(notices, SessionState) == [SessionState(issued.session, state)]
    elif not rows and seated and event not in ("TinPresented", "AuthenticationWanted"):
        for refused in said(notices, Refused):
            assert refused.state is state
        assert said(notices, Refused) or what == "AuthenticationAnswered"
    assert said(notices, TinIssued) == [] or event == "AuthenticationWanted"
