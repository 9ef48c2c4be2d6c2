"""The settlement apparatus: its flows, both ways, and what it refuses."""

from typing import get_args

import msgspec
import pytest
from msgspec.structs import replace
from tin_town import (
    ANNAS,
    BERTS,
    CARLS,
    EVERYTHING,
    LINES,
    MACHINE,
    PASSWORD,
    PRICE,
    TILL,
    WRONG,
    S,
    TinTown,
    eur,
    reasons,
    said,
    sent_alike,
    steps,
)
from town import ANNA, BAKERY, BERT, KEYS, KIOSK, reversal

from paybench.bank import (
    BankError,
    DecidedBy,
    Held,
    Money,
    Reason,
    Restriction,
    SettlingInformation,
    StorageError,
)
from paybench.bank import State as Stands
from paybench.bank.authentication import BillingDemand, Enrolment, Method, UserDemand
from paybench.bank.storage.memory import MemoryLog, MemoryStorage
from paybench.bank.tin import (
    AmountBilled,
    AmountDue,
    AuthenticationAnswered,
    AuthenticationOrdered,
    AuthenticationResult,
    Completed,
    Confirmed,
    Connected,
    Declined,
    FromBilling,
    FromPaying,
    HistoryWanted,
    Limits,
    PasswordWanted,
    PortraitShown,
    PurchaseHistory,
    Receipt,
    Refusal,
    SessionInquiry,
    SessionState,
    SettlementApparatus,
    Side,
    State,
    Status,
    StatusWanted,
    Synchronised,
    TerminalRecord,
    TinIssued,
    TinPresented,
    TinWanted,
    ToBilling,
    ToPaying,
    UserRecord,
    Withdrawn,
    spaced,
)

BILLING, PAYING = Side.BILLING, Side.PAYING
BOTH_WAYS = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])


# The flows


@BOTH_WAYS
def test_settles(reverse):
    """T1 to T9: the money moves at T7, both sides are told, and only the payer of the balance."""
    town = TinTown(reverse=reverse)
    issued = town.issue()
    assert steps(town.last) == ["T2 paying" if reverse else "T2 billing"]
    assert (issued.expires_s, len(issued.tin)) == (180, 9)
    notices = town.present(spaced(issued.tin))
    assert steps(notices) == ["T4 billing", "T4 paying"]
    assert {notice.to for notice in notices} == {LINES[TILL], ANNAS}
    notices = town.shop(AmountBilled(issued.session, PRICE))
    assert steps(notices) == ["T6 paying"]
    (due,) = said(notices, AmountDue)
    assert (due.payee, due.amount, due.terminal.place) == (KIOSK, PRICE, "Main St")
    assert town.bank.balance(ANNA) == eur("10")
    notices = town.confirm(issued.session)
    assert steps(notices) == ["T8 billing", "T9 paying"]
    (completed,), (receipt,) = said(notices, Completed), said(notices, Receipt)
    assert completed.outcome == receipt.outcome.without_balance()
    assert completed.outcome.settled
    assert receipt.outcome.payer_balance == town.bank.balance(ANNA) == eur("7.50")
    town.bank.deposit()
    assert town.bank.balance(KIOSK) == PRICE


@BOTH_WAYS
def test_tells_each_side_who_the_other_is(reverse):
    """The shop learns the attributes the payer allows, the payer learns which terminal it is."""
    town = TinTown(reverse=reverse)
    town.synchronise()
    (told,), (connected,) = said(town.last, Synchronised), said(town.last, Connected)
    assert told.attributes == {"city": "Ulm", "name": "Anna"}  # and not when she was born
    assert (connected.terminal.terminal_id, connected.terminal.kind) == (TILL, "staffed")


@BOTH_WAYS
@pytest.mark.parametrize("step", ["T1", "T3", "T5", "T7"])
def test_answers_what_is_repeated_alike(reverse, step):
    """Whoever has lost an answer says the same again, gets the same bytes, and nothing moves."""
    town = TinTown(reverse=reverse)
    wanted = TinWanted("again", "" if reverse else TILL)
    ask = town.phone if reverse else town.shop
    (notice,) = first = ask(wanted)
    session, tin = notice.body.session, notice.body.tin
    if step == "T1":
        again = ask(wanted)
    else:
        first = town.present(tin)
        again = town.present(tin) if step == "T3" else None
    if step in ("T5", "T7"):
        billed = AmountBilled(session, PRICE)
        first, again = town.shop(billed), [told for told in town.shop(billed) if told.step == "T6"]
    if step == "T7":
        confirmed = Confirmed(session, town.approval(session))
        first = town.phone(confirmed)
        money = town.money()
        again = town.phone(confirmed)
        assert town.money() == money
        anew = Confirmed(session, town.approval(session))  # the phone has lost its signature
        assert sent_alike(town.phone(anew)) == sent_alike(first)
    assert sent_alike(again) == sent_alike(first)


@BOTH_WAYS
@pytest.mark.parametrize("method", [Method.PASSWORD, Method.PORTRAIT])
def test_answers_t3_with_what_is_asked_at_the_moment(reverse, method):
    """Who has lost T4 loses no order with it; after T5 the amount comes along."""
    town = TinTown(reverse=reverse, shop=BillingDemand(method))
    issued = town.issue()
    first = town.present(issued.tin)
    assert sent_alike(town.present(issued.tin)) == sent_alike(first)
    asked = town.answer if method is Method.PASSWORD else town.judge
    asked(issued.session)
    (due,) = town.shop(AmountBilled(issued.session, PRICE))
    again = town.present(issued.tin)
    assert sent_alike(again[:2]) == sent_alike(first[:2])
    assert due in again
    assert said(again, SessionState) == [SessionState(issued.session, State.BILLED)]


@BOTH_WAYS
def test_answers_a_late_t1_with_how_it_ended(reverse):
    """A request that comes once more when its session is over gets no number to show."""
    town = TinTown(reverse=reverse)
    wanted = TinWanted("r1", "" if reverse else TILL)
    ask, side = (town.phone, PAYING) if reverse else (town.shop, BILLING)
    town.bring(State.REFUSED)
    assert reasons(ask(wanted)) == {side: Refusal.DECLINED}
    town.bring(State.SETTLED)
    assert steps(ask(replace(wanted, request_id="r2"))) == [
        f"T9 {side}" if reverse else "T8 billing"
    ]


def test_counts_the_time_that_is_left():
    """A number asked for again is the same, with less time; synchronised, it has none to give."""
    town = TinTown()
    wanted = TinWanted("r", TILL)
    (first,) = town.shop(wanted)
    town.at_ns = 100 * S + 1
    (later,) = town.shop(wanted)
    assert later.body == replace(first.body, expires_s=79)
    town.present(first.body.tin)
    (used,) = town.shop(wanted)
    assert (used.body.tin, used.body.expires_s) == (first.body.tin, 0)
    (another,) = town.shop(TinWanted("other", TILL))
    assert another.body.tin != first.body.tin


def test_tells_a_till_that_was_gone():
    """After T7 the till finds out by its session that it was paid, even from a new apparatus."""
    town = TinTown()
    session = town.synchronise()
    town.shop(AmountBilled(session, PRICE))
    assert said(town.shop(SessionInquiry(session)), SessionState) == [
        SessionState(session, State.BILLED)
    ]
    town.confirm(session)
    again = AmountBilled(session, PRICE)
    assert steps(town.shop(again)) == ["T8 billing", "T9 paying"]
    (stands,) = said(town.shop(SessionInquiry(session)), SessionState)
    assert (stands.state, stands.outcome.settled) == (State.SETTLED, True)
    assert stands.outcome.payer_balance is None
    town.start()
    assert said(town.shop(SessionInquiry(session)), SessionState) == [stands]
    assert said(town.phone(SessionInquiry(session)), SessionState) == [stands]
    assert reasons(town.shop(SessionInquiry(session), MACHINE)) == {
        BILLING: Refusal.UNKNOWN_SESSION
    }
    assert reasons(town.phone(SessionInquiry(session), BERTS)) == {PAYING: Refusal.UNKNOWN_SESSION}
    assert reasons(town.shop(again)) == {BILLING: Refusal.UNKNOWN_SESSION}


def test_says_so_when_it_was_given_back_meanwhile():
    """A till that asks late must not hand over what has been paid back."""
    town = TinTown()
    issued = town.bring(State.SETTLED)
    town.bank.reverse(reversal(issued.session), town.at_ns)
    (late,) = said(town.shop(AmountBilled(issued.session, PRICE)), Completed)
    assert (late.outcome.settled, late.outcome.state) == (False, Stands.REVERSED)
    (stands,) = said(town.shop(SessionInquiry(issued.session)), SessionState)
    assert stands.outcome.state is Stands.REVERSED


def test_forgets_closed_sessions_and_gives_their_numbers_rest():
    """A closed session is known for an hour, its number rests a day, and the memory is bounded."""
    town = TinTown(limits=Limits(digits=3))
    seen = set()
    for _ in range(499):
        seen.add(town.bring(State.SETTLED if len(seen) < 4 else State.REFUSED).tin)
    assert len(seen) == 499
    town.at_ns = 3600 * S
    town.issue()
    assert reasons(town.shop(TinWanted("more", TILL))) == {BILLING: Refusal.BUSY}
    book = town.apparatus._book
    assert len(book._by_id) == len(book._by_tin) == len(book._by_request) == 1
    town.at_ns = 24 * 3600 * S
    town.apparatus.expire(town.at_ns)
    assert len(book._pool._taken) <= 500
    assert said(town.shop(TinWanted("more", TILL)), TinIssued)
    assert not book._open.keys() - {(BILLING, TILL)}


# Time


@BOTH_WAYS
def test_expires(reverse):
    """A number nobody sends in time, and a session nobody ends in time, are over for all there."""
    town = TinTown(reverse=reverse)
    issued = town.issue()
    assert town.apparatus.due_ns() == 180 * S
    assert town.apparatus.expire(180 * S - 1) == []
    town.at_ns = 180 * S
    notices = town.apparatus.expire(town.at_ns)
    assert reasons(notices) == {PAYING if reverse else BILLING: Refusal.EXPIRED}
    assert town.apparatus.due_ns() is None
    side = BILLING if reverse else PAYING
    assert reasons(town.present(issued.tin)) == {side: Refusal.EXPIRED}
    session = town.synchronise()
    town.shop(AmountBilled(session, PRICE))
    assert town.apparatus.due_ns() == (180 + 600) * S
    town.at_ns = town.apparatus.due_ns()
    notices = town.confirm(session)  # in time only if somebody had looked at the clock
    assert reasons(notices) == {BILLING: Refusal.EXPIRED, PAYING: Refusal.EXPIRED}
    assert town.bank.balance(ANNA) == eur("10")


@pytest.mark.parametrize("at_ns", [-1, 2**63])
def test_refuses_times_out_of_range(at_ns):
    """A time no log can hold is misuse."""
    town = TinTown()
    town.at_ns = at_ns
    for ask in (lambda: town.apparatus.expire(at_ns), town.issue):
        with pytest.raises(BankError, match="expected at_ns"):
            ask()


# Who may


def strike_off(town):
    town.terminals.remove(TILL)


def move(town):
    record = town.terminals.find(TILL)
    town.terminals.remove(TILL)
    town.terminals.add(replace(record, account=ANNA))


@pytest.mark.parametrize("change", [strike_off, move])
def test_settles_for_no_terminal_that_was_changed_under_way(change):
    """Struck off, or paid into another account: the session ends, and nothing is settled."""
    town = TinTown()
    session = town.synchronise()
    town.shop(AmountBilled(session, PRICE))
    change(town)
    assert reasons(town.shop(Withdrawn(session))) == {BILLING: Refusal.UNREGISTERED_TERMINAL}
    assert reasons(town.confirm(session)) == dict.fromkeys(Side, Refusal.UNREGISTERED_TERMINAL)
    assert town.bank.balance(ANNA) == eur("10")


def test_knows_terminals_by_id_and_line():
    """No number for a terminal that is not registered, or that calls on another's line."""
    town = TinTown()
    unknown = TinWanted("r", "nobody's")
    assert reasons(town.shop(unknown)) == {BILLING: Refusal.UNREGISTERED_TERMINAL}
    stolen = TinWanted("r", TILL)
    assert reasons(town.shop(stolen, MACHINE)) == {BILLING: Refusal.WRONG_LINE}
    assert town.last[0].to == LINES[MACHINE]
    assert town.last[0].body.about == "r"
    assert town.apparatus.due_ns() is None


def test_lets_terminals_share_a_line():
    """A shop with one line for several tills: each has its sessions, and is told by its line."""
    town = TinTown()
    town.terminals.add(replace(town.terminals.find(TILL), terminal_id="second till"))
    (first,) = town.shop(TinWanted("r", TILL))
    (second,) = town.shop(TinWanted("r", "second till"))
    assert first.body.tin != second.body.tin
    assert first.to == second.to == LINES[TILL]


@BOTH_WAYS
def test_knows_callers_by_their_numbers(reverse):
    """Who is not registered, or is blocked, is not synchronised, and uses no number up."""
    town = TinTown(reverse=reverse)
    town.users.block(BERTS)
    for caller, refusal in [("+499", "unregistered-caller"), (BERTS, "blocked-user")]:
        if reverse:
            assert reasons(town.phone(TinWanted("r"), caller)) == {PAYING: refusal}
        else:
            issued = town.issue()
            assert reasons(town.present(issued.tin, caller=caller)) == {PAYING: refusal}
            assert town.last[0].body.about == issued.tin
            assert said(town.present(issued.tin), Connected)
    town.users.block(BERTS, blocked=False)
    assert town.synchronise(caller=BERTS)


def test_does_not_settle_for_who_is_blocked_meanwhile():
    """The owner reports the phone stolen in the middle: the thief's confirmation is refused."""
    town = TinTown()
    session = town.synchronise()
    town.shop(AmountBilled(session, PRICE))
    town.users.block(ANNAS)
    for message in (Confirmed(session, town.approval(session)), HistoryWanted(), StatusWanted()):
        assert reasons(town.phone(message)) == {PAYING: Refusal.BLOCKED_USER}
    assert said(town.shop(SessionInquiry(session)), SessionState)[0].state is State.BILLED
    assert town.bank.balance(ANNA) == eur("10")


@BOTH_WAYS
def test_takes_a_number_once(reverse):
    """The first to send it has it; anybody else is told that it is used, or over."""
    town = TinTown(reverse=reverse)
    side = BILLING if reverse else PAYING
    issued = town.issue()
    other = {"terminal": MACHINE, "caller": BERTS}
    town.present(issued.tin)
    assert reasons(town.present(issued.tin, **other)) == {side: Refusal.USED}
    settled = town.bring(State.SETTLED)
    assert reasons(town.present(settled.tin, **other)) == {side: Refusal.USED}
    declined = town.bring(State.REFUSED)
    assert reasons(town.present(declined.tin, **other)) == {side: Refusal.USED}


def test_does_not_take_a_number_from_the_side_it_was_given_to():
    """A number given to a phone is none that a phone can send, and the same for terminals."""
    town = TinTown(reverse=True)
    issued = town.issue()
    assert reasons(town.phone(TinPresented(issued.tin), BERTS)) == {PAYING: Refusal.UNKNOWN_TIN}
    assert reasons(town.phone(TinPresented(issued.tin))) == {PAYING: Refusal.UNKNOWN_TIN}


@pytest.mark.parametrize("request_id", ["", "x" * 65, "ü", "a\n"])
def test_refuses_request_ids_nobody_can_keep(request_id):
    """A request id is 1 to 64 printable ASCII characters; the refusal repeats no more of it."""
    town = TinTown()
    assert reasons(town.shop(TinWanted(request_id, TILL))) == {BILLING: Refusal.MALFORMED}
    assert town.last[0].body.about == request_id[:64]


def test_bounds_how_many_sessions_are_open():
    """For each caller, each terminal and in all; an end of one makes room for another."""
    town = TinTown(limits=Limits(per_caller_max=2, per_terminal_max=4, live_max=3))
    sessions = [town.synchronise() for _ in range(2)]
    issued = town.issue()
    assert reasons(town.present(issued.tin)) == {PAYING: Refusal.BUSY}
    assert said(town.present(issued.tin, caller=BERTS), Connected)
    town.issue()
    assert reasons(town.shop(TinWanted("more", TILL))) == {BILLING: Refusal.BUSY}
    for number, has_room in enumerate((True, True, False)):  # live_max
        told = town.shop(TinWanted(f"m{number}", MACHINE), MACHINE)
        assert bool(said(told, TinIssued)) is has_room
    town.phone(Declined(sessions[0]))
    assert reasons(town.shop(TinWanted("more", TILL))) == {BILLING: Refusal.BUSY}
    town.at_ns += 180 * S
    assert said(town.shop(TinWanted("more", TILL)), TinIssued)
    assert town.synchronise()


# Money


def test_does_not_bill_more_than_is_available():
    """Balance and the day's limit bound an amount; over it the session ends, and says no figure."""
    town = TinTown()
    town.users.change(replace(town.users.find(ANNAS), limit_minor=600))
    for amount, paid in [("2.50", True), ("3.51", False), ("3.50", True), ("0.01", False)]:
        session = town.synchronise()
        notices = town.shop(AmountBilled(session, eur(amount)))
        assert bool(said(notices, AmountDue)) is paid
        if paid:
            town.confirm(session, eur(amount))
        else:
            assert reasons(notices) == dict.fromkeys(Side, Refusal.OVER_AVAILABLE)
            assert reasons(town.shop(AmountBilled(session, eur("0.01")))) == {
                BILLING: Refusal.OVER_AVAILABLE
            }
    assert town.bank.balance(ANNA) == eur("4")
    town.at_ns = 24 * 3600 * S  # another day
    session = town.synchronise()
    assert reasons(town.shop(AmountBilled(session, eur("4.01")))) == dict.fromkeys(
        Side, Refusal.OVER_AVAILABLE
    )
    assert said(town.shop(AmountBilled(town.synchronise(), eur("4"))), AmountDue)


def test_counts_the_limit_when_two_sessions_are_billed():
    """Two amounts, each within the limit, and not both: the second is not settled."""
    town = TinTown()
    town.users.change(replace(town.users.find(ANNAS), limit_minor=300))
    first, second = town.synchronise(), town.synchronise(terminal=MACHINE)
    town.shop(AmountBilled(first, PRICE))
    town.shop(AmountBilled(second, PRICE), MACHINE)
    assert said(town.confirm(first), Receipt)
    refused = town.confirm(second, terminal=MACHINE)
    assert reasons(refused) == dict.fromkeys(Side, Refusal.OVER_AVAILABLE)
    assert town.bank.balance(ANNA) == eur("7.50")


def test_passes_the_banks_refusal_on():
    """Spent meanwhile: both sides read why, and the session is over."""
    town = TinTown()
    first, second = town.synchronise(), town.synchronise(terminal=MACHINE)
    town.shop(AmountBilled(first, eur("8")))
    town.shop(AmountBilled(second, eur("8")), MACHINE)
    town.confirm(first, eur("8"))
    notices = town.confirm(second, eur("8"), terminal=MACHINE)
    assert reasons(notices) == dict.fromkeys(Side, Refusal.NOT_SETTLED)
    for notice in notices:
        assert notice.body.bank is Reason.INSUFFICIENT_BALANCE
        assert notice.body.sentence == Reason.INSUFFICIENT_BALANCE.sentence


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": eur("2.49")},
        {"payee": ANNA},
        {"key": KEYS[BERT]},
        {"restriction": Restriction(60)},
    ],
    ids=["amount", "payee", "key", "restriction"],
)
def test_does_not_settle_what_is_not_signed(wrong):
    """Signed for anything else: the payer is told, and may still sign what is billed."""
    town = TinTown()
    session = town.synchronise()
    town.shop(AmountBilled(session, PRICE))
    notices = town.confirm(session, **wrong)
    assert reasons(notices) == {PAYING: Refusal.NOT_SETTLED}
    assert notices[0].body.bank is Reason.APPROVAL_ALTERED
    assert town.bank.balance(ANNA) == eur("10")
    assert said(town.confirm(session), Receipt)
    assert reasons(town.confirm(session, **wrong)) == {PAYING: Refusal.NOT_SETTLED}
    assert town.bank.balance(ANNA) == eur("7.50")


@pytest.mark.parametrize("held", list(Held))
def test_carries_a_cooling_off_period_under_the_signature(held):
    """A restriction of T5 reaches the payer in T6; signed without it, it is not settled."""
    town = TinTown()
    week = Restriction(7 * 24 * 3600, held)
    session = town.synchronise()
    (due,) = said(town.shop(AmountBilled(session, PRICE, week)), AmountDue)
    assert due.restriction == week
    assert reasons(town.confirm(session)) == {PAYING: Refusal.NOT_SETTLED}
    (receipt,) = said(town.confirm(session, restriction=week), Receipt)
    assert receipt.outcome.state is Stands.PROVISORY
    assert town.bank.available(KIOSK) == eur("0")
    (history,) = said(town.phone(HistoryWanted()), PurchaseHistory)
    assert [purchase.state for purchase in history.purchases] == [Stands.PROVISORY]


@pytest.mark.parametrize(
    ("amount", "restriction", "refusal"),
    [
        (eur("0"), None, Refusal.AMOUNT_NOT_PAYABLE),
        (eur("-1"), None, Refusal.AMOUNT_NOT_PAYABLE),
        (Money(100, "JPY"), None, Refusal.AMOUNT_NOT_PAYABLE),
        (PRICE, Restriction(0, minimum_age_years=18, decided_by=DecidedBy.SHOP), "needs-consent"),
    ],
)
def test_does_not_take_amounts_nobody_can_pay(amount, restriction, refusal):
    """A mistake of the till is refused to the till, and it may bill again."""
    town = TinTown()
    session = town.synchronise()
    assert reasons(town.shop(AmountBilled(session, amount, restriction))) == {BILLING: refusal}
    by_bank = Restriction(0, minimum_age_years=18)
    assert said(town.shop(AmountBilled(session, PRICE, by_bank)), AmountDue)
    notices = town.confirm(session, restriction=by_bank)
    assert {notice.body.bank for notice in notices} == {Reason.AGE_UNKNOWN}


def test_bills_once():
    """A second amount in the same session is refused: the payer may be signing the first."""
    town = TinTown()
    session = town.synchronise()
    town.shop(AmountBilled(session, PRICE))
    assert reasons(town.shop(AmountBilled(session, eur("2.60")))) == {BILLING: Refusal.WRONG_STATE}
    assert town.last[0].body.state is State.BILLED
    assert said(town.confirm(session), Receipt)


@pytest.mark.parametrize("message", [Declined, Withdrawn])
@BOTH_WAYS
def test_ends_when_one_side_does_not_want_to(message, reverse):
    """Both are told who gave up, and a confirmation that comes later is refused."""
    town = TinTown(reverse=reverse)
    session = town.synchronise()
    town.shop(AmountBilled(session, PRICE))
    notices = (town.phone if message is Declined else town.shop)(message(session))
    refusal = Refusal.DECLINED if message is Declined else Refusal.WITHDRAWN
    assert reasons(notices) == dict.fromkeys(Side, refusal)
    assert reasons(town.confirm(session)) == {PAYING: refusal}
    assert town.bank.balance(ANNA) == eur("10")


class FailingLog(MemoryLog):
    """A log that fails once, when it has been written and nobody been told."""

    fails = False

    def append(self, records):
        super().append(records)
        if self.fails:
            self.fails = False
            raise StorageError("the disk is full")


@pytest.mark.parametrize("then", ["confirms again", "declines", "is too late"])
def test_believes_the_banks_log_when_the_storage_fails(then):
    """Settled and not told: whatever the payer does next, both sides learn that it is paid."""
    storage = MemoryStorage()
    log = storage.log = FailingLog()
    town = TinTown(storage=storage)
    session = town.synchronise()
    town.shop(AmountBilled(session, PRICE))
    confirmed = Confirmed(session, town.approval(session))
    log.fails = True
    with pytest.raises(StorageError):
        town.phone(confirmed)
    if then == "confirms again":
        notices = town.phone(confirmed)
    elif then == "declines":
        notices = town.phone(Declined(session))
    else:
        town.at_ns = 600 * S
        notices = town.apparatus.expire(town.at_ns)
    assert steps(notices) == ["T8 billing", "T9 paying"]
    assert all(notice.body.outcome.settled for notice in notices)
    town.bank.recover()
    assert town.bank.balance(ANNA) == eur("7.50")
    assert town.users.payments(ANNAS) == 1


@pytest.mark.parametrize(
    "other",
    [{"restriction": Restriction(7 * 24 * 3600)}, {"payee": BAKERY}, {"amount": eur("0.01")}],
    ids=["can be cancelled", "somebody else is paid", "too little"],
)
@pytest.mark.parametrize("then", ["confirms", "declines"])
def test_does_not_take_anything_for_the_payment(other, then):
    """A payer who settles something else under the session's id has not paid this session."""
    town = TinTown()
    session = town.synchronise()
    town.shop(AmountBilled(session, PRICE))
    body = {"payee": KIOSK, "amount": PRICE, "restriction": None, **other}
    approval = town.approval(session, **body)
    order = SettlingInformation(session, ANNA, approval=approval, **body)
    assert town.bank.settle(order, 0).settled
    if then == "confirms":
        notices = town.confirm(session)
        assert {notice.body.bank for notice in notices} == {Reason.ID_REUSED}
    else:
        notices = town.phone(Declined(session))
        assert reasons(notices) == dict.fromkeys(Side, Refusal.DECLINED)
    assert town.state(session) is State.REFUSED
    assert town.users.payments(ANNAS) == 0


def test_names_sessions_as_nobody_can_foresee():
    """A name that the bank has a settlement under is not used again, also after a restart."""
    town = TinTown()
    session = town.bring(State.SETTLED).session
    town.below = TinTown().below  # the same chance once more
    town.start()
    assert town.issue().session not in (session, "")
    numbers = {town.issue().session.rpartition("-")[2] for _ in range(20)}
    assert len(numbers) == 20


def test_checks_what_its_sessions_are_called():
    """A name that would make settlement ids malformed is misuse."""
    town = TinTown()
    for name in ("ü", "x" * 60):
        with pytest.raises(BankError, match="expected name"):
            SettlementApparatus(town.bank, town.terminals, town.users, town.below, name=name)


# What is asked about a user


def test_tells_the_payers_history_to_the_payer():
    """Newest first, with where it was, and how it stands now; other callers have their own."""
    town = TinTown()
    for terminal in (TILL, MACHINE):
        session = town.synchronise(terminal)
        town.shop(AmountBilled(session, PRICE), terminal)
        town.confirm(session, terminal=terminal)
        town.at_ns += S
    (history,) = said(town.phone(HistoryWanted()), PurchaseHistory)
    assert [purchase.terminal.terminal_id for purchase in history.purchases] == [MACHINE, TILL]
    assert [purchase.at_ns for purchase in history.purchases] == [S, 0]
    town.bank.reverse(reversal(history.purchases[1].session), town.at_ns)
    (history,) = said(town.phone(HistoryWanted()), PurchaseHistory)
    assert [purchase.state for purchase in history.purchases] == [Stands.SETTLED, Stands.REVERSED]
    assert len(said(town.phone(HistoryWanted(1)), PurchaseHistory)[0].purchases) == 1
    for limit in (0, -1):
        assert said(town.phone(HistoryWanted(limit)), PurchaseHistory)[0].purchases == ()
    assert said(town.phone(HistoryWanted(), BERTS), PurchaseHistory)[0].purchases == ()


def test_tells_the_shop_of_a_users_status_what_the_user_allows():
    """Registered or not; payments and available amount only where the user has them shown."""
    town = TinTown()
    town.bring(State.SETTLED)
    session = town.synchronise()
    assert said(town.shop(StatusWanted(session)), Status) == [Status(session, True, None, None)]
    town.phone(Declined(session))
    shown = frozenset({"payments", "available"})
    town.users.change(replace(town.users.find(ANNAS), shown=shown, limit_minor=300))
    session = town.synchronise()
    assert said(town.last, Synchronised)[0].attributes == {}
    asked = town.shop(StatusWanted(session))
    assert said(asked, Status) == [Status(session, True, 1, eur("0.50"))]
    town.users.block(ANNAS)
    assert said(town.shop(StatusWanted(session)), Status)[0].registered is False
    assert said(town.phone(StatusWanted(), CARLS), Status) == [Status("", True, 0, eur("0"))]


def test_takes_a_user_without_account_for_one_without_money():
    """A register and a bank that do not fit together settle nothing."""
    town = TinTown()
    nobody = replace(town.users.find(CARLS), calling_number="+498", account=replace(ANNA, branch=7))
    town.users.add(nobody)
    session = town.synchronise(caller="+498")
    assert reasons(town.shop(AmountBilled(session, PRICE))) == dict.fromkeys(
        Side, Refusal.OVER_AVAILABLE
    )


# Authentication


@BOTH_WAYS
def test_authenticates_before_it_takes_an_amount(reverse):
    """The password is ordered from the phone, the result goes to the till, then it may bill."""
    town = TinTown(reverse=reverse, shop=BillingDemand(Method.PASSWORD))
    session = town.synchronise()
    assert steps(town.last) == ["T4 billing", "T4 paying", "auth paying"]
    ordered = town.last
    assert reasons(town.shop(AmountBilled(session, PRICE))) == {BILLING: Refusal.WRONG_STATE}
    town.last = ordered
    notices = town.answer(session)
    assert (
        said(notices, AuthenticationResult)
        == [AuthenticationResult(session, True, (Method.PASSWORD,))] * 2
    )
    assert said(town.shop(AmountBilled(session, PRICE)), AmountDue)


def test_ends_at_a_wrong_password_and_locks_out():
    """One wrong answer ends the session for both; three lock the user out, at other tills too."""
    town = TinTown(shop=BillingDemand(Method.PASSWORD))
    for _ in range(3):
        session = town.synchronise()
        notices = town.answer(session, WRONG)
        assert steps(notices) == ["auth billing", "refused billing", "refused paying"]
        assert said(notices, AuthenticationResult)[0].passed is False
        assert reasons(notices) == dict.fromkeys(Side, Refusal.AUTHENTICATION_FAILED)
    town.synchronise(terminal=MACHINE)
    assert reasons(town.last) == dict.fromkeys(Side, Refusal.LOCKED_OUT)
    assert not said(town.last, Synchronised)  # the till is not told who it is
    assert said(town.present(town.issue().tin, caller=BERTS), AuthenticationOrdered)


def test_takes_no_password_in_a_session_that_was_open_before_the_lock():
    """Sessions kept open in advance give nobody a fourth try."""
    town = TinTown(shop=BillingDemand(Method.PASSWORD), limits=Limits(per_caller_max=9))
    orders = [(town.synchronise(), said(town.last, AuthenticationOrdered)[0]) for _ in range(4)]
    for session, order in orders[:3]:
        town.phone(AuthenticationAnswered(session, order.order, WRONG))
    session, order = orders[3]
    notices = town.phone(AuthenticationAnswered(session, order.order, PASSWORD))
    assert reasons(notices) == dict.fromkeys(Side, Refusal.LOCKED_OUT)


def test_takes_an_answer_once():
    """A password that comes twice is no answer to the next order, and asks again what stands."""
    town = TinTown(shop=BillingDemand(Method.VOICE), payer=UserDemand(adds_password=True))
    session = town.synchronise()
    password = AuthenticationAnswered(session, 1, PASSWORD)
    (order,) = said(town.phone(password), AuthenticationOrdered)
    assert (order.order, order.method) == (2, Method.VOICE)
    assert said(town.phone(password), AuthenticationOrdered) == [order]
    notices = town.answer(session)
    assert said(notices, AuthenticationResult)[0].methods == (Method.PASSWORD, Method.VOICE)
    assert said(town.phone(password), AuthenticationResult)[0].passed


@pytest.mark.parametrize("is_the_user", [True, False])
def test_shows_the_clerk_the_portrait(is_the_user):
    """The portrait goes to the till, never to the phone; the clerk's word decides, no lock-out."""
    town = TinTown(shop=BillingDemand(Method.PORTRAIT))
    for _ in range(4):
        session = town.synchronise()
        (shown,) = said(town.last, PortraitShown)
        assert shown.portrait == EVERYTHING.portrait
        assert [notice.side for notice in town.last if notice.body == shown] == [BILLING]
        notices = town.judge(session, is_the_user=is_the_user)
        if is_the_user:
            assert said(notices, AuthenticationResult)[0].passed
        else:
            assert reasons(notices) == dict.fromkeys(Side, Refusal.AUTHENTICATION_FAILED)
        town.phone(Declined(session))


@pytest.mark.parametrize("answer", [PASSWORD, WRONG])
def test_asks_for_the_password_when_the_clerk_cannot_tell(answer):
    """In place of the portrait (claim 36): the phone is asked, the till told the result."""
    town = TinTown(shop=BillingDemand(Method.PORTRAIT))
    session = town.synchronise()
    demanded = town.shop(PasswordWanted(session))
    assert [order.method for order in said(demanded, AuthenticationOrdered)] == ["password"]
    assert said(town.shop(PasswordWanted(session)), AuthenticationOrdered) == said(
        demanded, AuthenticationOrdered
    )
    town.last = demanded
    result = said(town.answer(session, answer), AuthenticationResult)[0]
    assert (result.passed, result.methods) == (answer is PASSWORD, (Method.PASSWORD,))


def test_replaces_no_portrait_by_a_demand_that_comes_twice():
    """The shop's demand, repeated by the network when the portrait is shown, skips nothing."""
    insists = BillingDemand(Method.PORTRAIT, insists=True)
    town = TinTown(shop=insists, payer=UserDemand(adds_password=True))
    session = town.synchronise()
    demanded = PasswordWanted(session)
    (order,) = said(town.shop(demanded), AuthenticationOrdered)
    town.phone(AuthenticationAnswered(session, order.order, PASSWORD))
    assert said(town.shop(demanded), PortraitShown)
    assert town.state(session) is State.PORTRAIT


def test_asks_for_a_password_where_nothing_was_agreed_on():
    """The shop may demand it at the counter (claim 16), and once is enough."""
    town = TinTown()
    session = town.synchronise()
    town.shop(PasswordWanted(session))
    assert reasons(town.shop(AmountBilled(session, PRICE))) == {BILLING: Refusal.WRONG_STATE}
    town.shop(PasswordWanted(session))
    town.answer(session)
    assert steps(town.shop(PasswordWanted(session))) == ["auth billing", "auth paying"]
    assert said(town.shop(AmountBilled(session, PRICE)), AmountDue)


@BOTH_WAYS
def test_tells_both_when_they_do_not_agree_on_a_method(reverse):
    """The payer reads why (claims 22, 25), the shop no more than that it is so."""
    town = TinTown(
        reverse=reverse,
        shop=BillingDemand(Method.PORTRAIT, insists=True),
        payer=UserDemand(no_portrait=True),
    )
    town.synchronise()
    assert reasons(town.last) == dict.fromkeys(Side, Refusal.DISAGREEMENT)
    billing, paying = (notice.body.sentence for notice in town.last)
    assert "portrait" in paying
    assert "portrait" not in billing
    assert not said(town.last, Synchronised)


def test_shows_no_portrait_where_there_is_no_clerk():
    """A vending machine that would like the portrait gets the password instead."""
    town = TinTown(shop=BillingDemand(Method.PORTRAIT))
    town.synchronise(terminal=MACHINE)
    assert said(town.last, Synchronised)[0].methods == (Method.PASSWORD,)


def test_asks_a_question_picked_by_chance():
    """Of several registered questions each is asked some time (claim 19)."""
    questions = EVERYTHING.questions
    second = replace(questions[0], text="Your street?")
    town = TinTown(
        shop=BillingDemand(Method.QUESTION), enrolment=Enrolment(questions=(*questions, second))
    )
    asked = set()
    for _ in range(20):
        session = town.synchronise()
        asked |= {order.prompt for order in said(town.last, AuthenticationOrdered)}
        town.phone(Declined(session))
    assert asked == {"Your first pet?", "Your street?"}


# On the wire


def through_a_wire(body, kinds):
    """Encoded, and decoded as one of the kinds that can come there."""
    sent = msgspec.msgpack.encode(body, enc_hook=lambda secret: secret.reveal())
    return msgspec.msgpack.decode(sent, type=kinds, dec_hook=lambda kind, text: kind(text))


@BOTH_WAYS
def test_says_nothing_that_cannot_be_sent(reverse):
    """Each message and each answer of a session goes through MessagePack unchanged."""
    demand = BillingDemand(Method.PORTRAIT, insists=True)
    town = TinTown(reverse=reverse, shop=demand, payer=UserDemand(Method.IRIS, adds_password=True))
    kinds = set()

    def sends(hear, types):
        def send(address, message, at_ns):
            assert through_a_wire(message, types) == message
            notices = hear(address, message, at_ns)
            for notice in notices:
                back = ToBilling if notice.side is BILLING else ToPaying
                assert through_a_wire(notice.body, back) == notice.body
                kinds.add(type(notice.body))
            return notices

        return send

    town.apparatus.from_billing = sends(town.apparatus.from_billing, FromBilling)
    town.apparatus.from_paying = sends(town.apparatus.from_paying, FromPaying)
    session = town.synchronise()
    town.answer(session)
    town.judge(session)
    town.answer(session)
    town.shop(StatusWanted(session))
    town.shop(PasswordWanted(session))
    town.shop(AmountBilled(session, PRICE, Restriction(60)))
    town.confirm(session)
    town.confirm(session, restriction=Restriction(60))
    town.shop(SessionInquiry(session))
    town.phone(HistoryWanted())
    town.shop(Withdrawn(session))
    town.phone(Declined(session))
    assert kinds == {*get_args(ToBilling), *get_args(ToPaying)}


# Registers


RECORD = TerminalRecord("t", KIOSK, "Kiosk", "Main St", "line 9")
USER = UserRecord("+490", ANNA, "Anna")


@pytest.mark.parametrize(
    "misuse",
    [
        lambda town: town.terminals.add(town.terminals.find(TILL)),
        lambda town: town.terminals.remove("nobody's"),
        lambda town: town.users.add(town.users.find(ANNAS)),
        lambda town: town.users.change(USER),
        lambda town: town.users.block("+499"),
        lambda town: town.users.note("+499", None),
        lambda town: town.users.purchases("+499"),
        lambda town: town.users.payments("+499"),
        lambda town: town.users.left_minor("+499", 0),
        lambda _: replace(RECORD, terminal_id="ü"),
        lambda _: replace(RECORD, line=""),
        lambda _: replace(RECORD, name=""),
        lambda _: replace(RECORD, place="x" * 81),
        lambda _: replace(USER, calling_number=""),
        lambda _: replace(USER, name="a\nb"),
        lambda _: replace(USER, attributes={"name": "x"}),
        lambda _: replace(USER, attributes={str(n): "x" for n in range(17)}),
        lambda _: replace(USER, attributes={"": "x"}),
        lambda _: replace(USER, attributes={"city": "x" * 81}),
        lambda _: replace(USER, limit_minor=-1),
        lambda _: replace(USER, limit_minor=10**16),
        lambda _: Limits(digits=2),
        lambda _: Limits(tin_s=0),
        lambda _: Limits(tries=True),
        lambda _: Limits(kept_s=20, rest_s=10),
    ],
)
def test_refuses_records_and_limits_nobody_can_have(misuse):
    """What is out of bounds or taken is misuse, with what was expected and what to do."""
    with pytest.raises(BankError, match=r"expected .*: ") as error:
        misuse(TinTown())
    assert isinstance(error.value, ValueError)


def test_keeps_a_hundred_purchases_and_counts_all():
    """The history is bounded, the number of payments is not, the limit is of the day."""
    town = TinTown()
    town.users.change(replace(town.users.find(ANNAS), limit_minor=10**6))
    town.bank.fund(ANNA, eur("1000"), "more")
    for _ in range(120):
        town.bring(State.SETTLED)
        town.apparatus.expire(town.at_ns)
    assert len(town.users.purchases(ANNAS)) == 100
    assert town.users.payments(ANNAS) == 120
    assert town.users.left_minor(ANNAS, town.at_ns) == 10**6 - 120 * 250
    assert town.users.left_minor(ANNAS, 24 * 3600 * S) == 10**6
    assert town.users.left_minor(BERTS, 0) is None
