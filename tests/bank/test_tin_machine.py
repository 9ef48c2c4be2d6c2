"""Every state and every message, through the real apparatus, against the table it is made of."""

from itertools import product
from typing import NamedTuple, get_args

import pytest
from tin_town import (
    ANNAS,
    BERTS,
    FINGER,
    LINES,
    MACHINE,
    PASSWORD,
    PORTRAIT,
    PRICE,
    TILL,
    VOICE,
    WRONG,
    TinTown,
    eur,
    said,
)

from paybench.bank import DecidedBy, Money, Restriction, SettlingInformation
from paybench.bank.authentication import BillingDemand, Enrolment, Method, UserDemand
from paybench.bank.secret import Secret
from paybench.bank.tin import (
    AUTHENTICATION,
    DEADLINE,
    SETTLEMENT,
    AmountBilled,
    AuthenticationAnswered,
    AuthenticationOrdered,
    ClerksWord,
    Completed,
    Confirmed,
    Declined,
    Finding,
    FromBilling,
    FromPaying,
    HistoryWanted,
    PasswordWanted,
    PortraitShown,
    Receipt,
    Refusal,
    Refused,
    SessionInquiry,
    Side,
    State,
    StatusWanted,
    TinPresented,
    TinWanted,
    Withdrawn,
)

BILLING, PAYING = Side.BILLING, Side.PAYING
INSISTS = BillingDemand(Method.PORTRAIT, insists=True)
SETUPS = {
    "nothing agreed on": {},
    "password": {"shop": BillingDemand(Method.PASSWORD)},
    "portrait": {"shop": INSISTS},
    "password, portrait": {"shop": INSISTS, "payer": UserDemand(adds_password=True)},
    "portrait, finger": {"shop": INSISTS, "payer": UserDemand(Method.FINGERPRINT)},
    "password, voice": {
        "shop": BillingDemand(Method.VOICE),
        "payer": UserDemand(adds_password=True),
    },
    "portrait, no password": {"shop": INSISTS, "enrolment": Enrolment(portrait=PORTRAIT)},
    "voice, no password": {
        "shop": BillingDemand(Method.VOICE),
        "enrolment": Enrolment(voice=VOICE),
    },
    "nothing registered": {"enrolment": Enrolment()},
    "no agreement": {"shop": INSISTS, "payer": UserDemand(no_portrait=True)},
}
EVENTS = {row.event for row in SETTLEMENT.rows} - {DEADLINE}


def steps_to(town):
    """The way of one session, step by step; each returns nothing and may be the last."""
    session = town.issued.session

    def go_on():
        """Whatever is asked, is answered."""
        if said(town.last, AuthenticationOrdered):
            town.answer(session)
        elif said(town.last, PortraitShown):
            town.judge(session)

    yield lambda: None
    yield lambda: town.present(town.issued.tin)
    yield go_on
    yield go_on
    yield lambda: town.shop(AmountBilled(session, PRICE))
    yield lambda: town.confirm(session)


def expire(town):
    due_ns = town.apparatus.due_ns()
    if due_ns is not None:
        town.at_ns = due_ns
        town.last = town.apparatus.expire(due_ns)


def pay_directly(town):
    """The payer takes the approval to the bank."""
    session = town.issued.session
    if town.state(session) is State.BILLED:
        approval = town.approval(session)
        town.bank.settle(
            SettlingInformation(session, approval.payer, approval.payee, approval.amount, approval),
            town.at_ns,
        )


def spend(town):
    """The payer has less than the price left, and the till does not know."""
    approval = town.approval("elsewhere", eur("9.00"))
    parties = approval.payer, approval.payee
    town.bank.settle(SettlingInformation("elsewhere", *parties, approval.amount, approval), 0)


ENDINGS = {
    "spent": spend,
    "declined": lambda town: town.phone(Declined(town.issued.session)),
    "withdrawn": lambda town: town.shop(Withdrawn(town.issued.session)),
    "expired": expire,
    "paid at the bank": pay_directly,
}


def brought(setup, reverse, step, ending):
    """A town with a session that has gone so far."""
    town = TinTown(reverse=reverse, **SETUPS[setup])
    town.issued = town.issue()
    for number, go in enumerate(steps_to(town)):
        go()
        if number == step:
            break
    if ending:
        ENDINGS[ending](town)
    return town


def order_of(town):
    run = town.apparatus._book.find(town.issued.session).run
    return getattr(run.step, "number", 1) if run else 1


def messages(town):
    """Everything that can be said about the session, well and badly: (side, what, message)."""
    session, tin, order = town.issued.session, town.issued.tin, order_of(town)
    shop_age = Restriction(minimum_age_years=18, decided_by=DecidedBy.SHOP)
    right = {
        Method.PASSWORD: PASSWORD,
        Method.VOICE: VOICE,
        Method.FINGERPRINT: FINGER,
    }
    run = town.apparatus._book.find(session).run
    answer = right.get(getattr(run.step, "method", None), PASSWORD) if run else PASSWORD
    billing = [
        TinWanted("r1", TILL),
        TinPresented(tin, TILL),
        ClerksWord(session, order, is_the_user=True),
        ClerksWord(session, order, is_the_user=False),
        ClerksWord(session, 99, is_the_user=True),
        PasswordWanted(session),
        AmountBilled(session, PRICE),
        AmountBilled(session, eur("2.51")),
        AmountBilled(session, eur("10.01")),
        AmountBilled(session, eur("0")),
        AmountBilled(session, eur("-1")),
        AmountBilled(session, Money(1, "JPY")),
        AmountBilled(session, PRICE, shop_age),
        Withdrawn(session),
        StatusWanted(session),
        SessionInquiry(session),
    ]
    paying = [
        TinWanted("r1"),
        TinPresented(tin),
        AuthenticationAnswered(session, order, answer),
        AuthenticationAnswered(session, order, WRONG),
        AuthenticationAnswered(session, 99, answer),
        AuthenticationAnswered(session, order, Secret("x" * 10**5)),
        Confirmed(session, town.approval(session)),
        Confirmed(session, town.approval(session, eur("2.49"))),
        Confirmed(session, town.approval(session, key=bytes(16))),
        Confirmed(session, town.approval(session, payee=town.bank.accounts()[2])),
        Confirmed(session, town.approval(session, restriction=Restriction(60))),
        Declined(session),
        HistoryWanted(),
        StatusWanted(),
        SessionInquiry(session),
    ]
    return [(BILLING, message) for message in billing] + [(PAYING, message) for message in paying]


class Tried(NamedTuple):
    """What came of one message."""

    where: str
    side: Side
    message: object
    stranger: bool
    seated: bool
    before: State
    repeated: bool
    after: State
    notices: list
    moved: bool
    known: bool

    @property
    def event(self):
        return type(self.message).__name__


def is_repeated(session, side, message):
    """Whether the session's end has said this before, in all that counts."""
    match message:
        case TinPresented():
            return session.direction.presenter is side and session.end(side) is not None
        case AuthenticationAnswered() | ClerksWord():
            return (side, message.order) in session.answered
        case AmountBilled():
            return (message.amount, message.restriction) == (session.amount, session.restriction)
        case Confirmed():
            return session.state is State.SETTLED and message.approval.amount == session.amount
    return False


def hear(town, side, message, *, stranger=False):
    """Say it from the session's own end, or from somebody else's."""
    if side is BILLING:
        line = LINES[MACHINE if stranger else TILL]
        return town.apparatus.from_billing(line, message, town.at_ns)
    return town.apparatus.from_paying(BERTS if stranger else ANNAS, message, town.at_ns)


def places():
    """Every place a session can be at, each once: how it was set up, and how it came there."""
    seen = set()
    for setup, reverse, step in product(SETUPS, (False, True), range(6)):
        for ending in ("", *ENDINGS):
            town = brought(setup, reverse, step, ending)
            session = town.apparatus._book.find(town.issued.session)
            known = town.apparatus._known_outcome(town.issued.session)
            # What is over is over, whatever was agreed on; and what is billed is billed.
            early = not session.state.is_closed and session.state is not State.BILLED
            how = setup, str(session.run and session.run.step)
            spent = ending == "spent" and session.state is State.BILLED
            place = (reverse, session.state, session.refusal, spent, bool(known), early and how)
            if place not in seen:
                seen.add(place)
                yield setup, reverse, step, ending


def tried_at(setup, reverse, step, ending):
    count = len(messages(brought(setup, reverse, step, ending)))
    where = f"{setup}, {'reverse' if reverse else 'forward'}, step {step}, {ending}"
    for number, stranger in product(range(count), (False, True)):
        town = brought(setup, reverse, step, ending)
        side, message = messages(town)[number]
        session = town.apparatus._book.find(town.issued.session)
        before, money = session.state, town.money()
        seated = session.end(side) is not None
        repeated = not stranger and is_repeated(session, side, message)
        notices = hear(town, side, message, stranger=stranger)
        known = town.apparatus._known_outcome(session.session_id) is not None
        moved = town.money() != money
        told = (where, side, message, stranger, seated, before, repeated)
        yield Tried(*told, session.state, notices, moved, known)


@pytest.fixture(scope="module")
def all_tried():
    """All of them; whatever crashes, crashes here."""
    return [one for place in places() for one in tried_at(*place)]


@pytest.fixture(scope="module")
def own(all_tried):
    """What the session's own ends have said."""
    return [one for one in all_tried if not one.stranger]


def rows_for(one):
    """Where the table leads from here; nowhere for whoever is not part of the session yet."""
    if not one.seated and one.event != "TinPresented":
        return set()
    event = one.before, one.event
    return {row.then for row in SETTLEMENT.rows if (row.state, row.event) == event}


def test_tries_every_message_in_every_state(own):
    """The tests below leave nothing out: each state, and each message that can come."""
    kinds = {kind.__name__ for kind in (*get_args(FromBilling), *get_args(FromPaying))}
    assert {(one.before, one.event) for one in own} == set(product(SETTLEMENT.states, kinds))
    assert kinds >= EVENTS


def test_refuses_what_has_no_row_and_names_the_state(own):
    """What does not fit changes nothing, and who said it is told where the session stands."""
    unfit = [one for one in own if one.event in EVENTS and not rows_for(one) and not one.repeated]
    assert len(unfit) > 300
    for one in unfit:
        assert one.after is one.before, one
        assert not one.moved, one
        (notice,) = one.notices
        assert isinstance(notice.body, Refused), one
        assert notice.side is one.side, one
        if one.seated and one.event != "TinPresented":  # or whoever said it has no session yet
            assert notice.body.state is one.before, one
            assert notice.body.session == notice.body.about, one
        assert notice.body.sentence, one


def test_goes_where_the_table_says(own):
    """From each state a message leads to one of its rows' states, or is flawed and refused."""
    for one in own:
        if one.after is not one.before:
            assert one.after in rows_for(one), one
        elif rows_for(one) and one.before not in rows_for(one) and not one.repeated:
            assert all(isinstance(notice.body, Refused) for notice in one.notices), one
        assert not (one.repeated and one.after is not one.before), one


def test_has_no_row_that_never_happens(own):
    """Each row of the table is the way of some session."""
    seen = {(one.before, one.event, one.after) for one in own}
    seen |= {(before, DEADLINE, after) for before, after, _ in deadlines()}
    assert {(row.state, row.event, row.then) for row in SETTLEMENT.rows} <= seen


def deadlines():
    """What becomes of every open session when its time is over."""
    for place in places():
        town = brought(*place)
        before = town.state(town.issued.session)
        if not before.is_closed:
            expire(town)
            yield before, town.state(town.issued.session), town.last


def test_tells_everybody_there_when_the_time_is_over():
    """At its deadline each open session ends, and whoever is part of it is told, once."""
    for before, after, notices in deadlines():
        assert after in (State.EXPIRED, State.SETTLED)
        assert len({notice.side for notice in notices}) == len(notices)
        assert len(notices) == (1 if before is State.ISSUED else 2)
        if after is State.EXPIRED:
            assert {notice.body.reason for notice in notices} == {Refusal.EXPIRED}


def test_settles_only_what_both_sides_agreed_on(all_tried):
    """Money moves when a billed session's own payer signs that amount, and at no other message."""
    moving = [one for one in all_tried if one.moved]
    assert len(moving) == 2  # forward and reverse
    for one in moving:
        assert (one.before, one.event, one.after) == (State.BILLED, "Confirmed", State.SETTLED)
        assert (one.stranger, one.message.approval.amount) == (False, PRICE)
    for one in all_tried:
        if one.after is State.SETTLED:
            assert one.known, one  # the bank says so
        told = [notice.body for notice in one.notices]
        paid = [body.outcome.settled for body in told if isinstance(body, Completed | Receipt)]
        assert all(paid), one
        assert not paid or one.after is State.SETTLED, one


def test_is_deaf_to_strangers(all_tried):
    """From another line or number nothing changes a session, but the number itself, sent first."""
    strangers = [one for one in all_tried if one.stranger]
    for one in strangers:
        if one.event == "TinPresented" and one.before is State.ISSUED:
            continue
        assert one.after is one.before, one
        addresses = {LINES[MACHINE] if one.side is BILLING else BERTS}
        assert {notice.to for notice in one.notices} == addresses, one
        if hasattr(one.message, "session") and one.message.session:
            assert one.notices[0].body.reason is Refusal.UNKNOWN_SESSION, one
    wrong_line = [one for one in strangers if one.side is BILLING and hasattr(one.message, "tin")]
    assert {one.notices[0].body.reason for one in wrong_line} == {Refusal.WRONG_LINE}
    assert not [one for one in wrong_line if one.after is not one.before]


def test_ends_for_both_sides(own):
    """Whoever is part of a session hears of its end, with the reason."""
    for one in own:
        if one.after.is_closed and not one.before.is_closed:
            ends = {BILLING, PAYING} if one.before is not State.ISSUED else {one.side}
            assert {notice.side for notice in one.notices} >= ends, one


def test_shows_no_secret(all_tried):
    """No answer repeats a password, a sample or a portrait where anybody could read it."""
    for one in all_tried:
        shown = repr(one.notices) + repr(one.message)
        assert PASSWORD.reveal() not in shown, one.where
        assert PORTRAIT.reveal() not in shown, one.where
        assert VOICE.reveal() not in shown, one.where


@pytest.mark.parametrize("machine", [SETTLEMENT, AUTHENTICATION], ids=["settle", "authenticate"])
def test_is_a_sound_table(machine):
    """All states can be reached, open ones can be left, and closed ones are the end."""
    reached = {State.ISSUED}
    for _ in machine.states:
        reached |= {row.then for row in machine.rows if row.state in reached}
    assert reached == set(machine.states)
    for state in machine.states:
        events = {row.event for row in machine.rows if row.state is state}
        if state.is_closed:
            assert not events
        else:
            assert {"Declined", "Withdrawn", DEADLINE} < events
    assert {machine.takes(row.state, row.event) for row in machine.rows} == {True}
    assert not machine.takes(State.ISSUED, "Confirmed")
    with pytest.raises(KeyError):
        machine.then(State.ISSUED, "Confirmed", Finding.SETTLED)


@pytest.mark.parametrize("machine", [SETTLEMENT, AUTHENTICATION], ids=["settle", "authenticate"])
def test_draws_every_row(machine):
    """The diagram has an arrow for each pair of states and names each event on it."""
    drawn = machine.mermaid().splitlines()
    assert drawn[0] == "stateDiagram-v2"
    assert f"[*] --> issued : {machine.begin}" in drawn[1]
    for row in machine.rows:
        pair = f"    {row.state} --> {row.then} : "
        (arrow,) = [line for line in drawn if line.startswith(pair)]
        assert row.event in arrow
    assert len(machine.text().splitlines()) == len(machine.rows)
    assert all(len(line.split("  ")) >= 4 for line in machine.text().splitlines())
