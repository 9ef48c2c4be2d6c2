"""Tills and callers over networks that lose, double and reorder, and people who type anything.

The model knows what was agreed on: which amounts the right terminal has billed in a session, and
which its right caller has signed. Whatever happens, nothing else may be settled.
"""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from rounds import rounds
from tin_town import (
    ANNAS,
    BERTS,
    CARLS,
    KEYS,
    LINES,
    MACHINE,
    PASSWORD,
    PAYEES,
    PAYERS,
    TILL,
    WRONG,
    S,
    TinTown,
    said,
)

from paybench.bank import Kind, Money, Restriction, sign
from paybench.bank.authentication import BillingDemand, Method, UserDemand
from paybench.bank.tin import (
    AmountBilled,
    AmountDue,
    AuthenticationAnswered,
    AuthenticationOrdered,
    AuthenticationResult,
    ClerksWord,
    Completed,
    Confirmed,
    Connected,
    Declined,
    Limits,
    PasswordWanted,
    PortraitShown,
    Receipt,
    Refusal,
    Refused,
    SessionInquiry,
    Side,
    State,
    Synchronised,
    TinIssued,
    TinPresented,
    TinWanted,
    Withdrawn,
    tin,
)

TERMINALS = st.sampled_from([TILL, MACHINE])
CALLERS = st.sampled_from([ANNAS, BERTS, CARLS])
AMOUNTS = st.sampled_from([Money(minor, "EUR") for minor in (100, 250, 400, 1100)])
RESTRICTIONS = st.sampled_from([None, None, None, Restriction(60)])
DEMANDS = st.sampled_from(
    [BillingDemand(), BillingDemand(Method.PASSWORD), BillingDemand(Method.PORTRAIT)]
)
WISHES = st.sampled_from(
    [UserDemand(), UserDemand(no_portrait=True), UserDemand(adds_password=True)]
)
MEDDLING = [
    AuthenticationAnswered,
    ClerksWord,
    Declined,
    PasswordWanted,
    SessionInquiry,
    Withdrawn,
]
LIMITS = Limits(digits=3, tin_s=60, session_s=200, kept_s=300, rest_s=10**6, tries=4, window_s=100)


class Telephones(RuleBasedStateMachine):
    """Every message is (side, address, body); it may be delivered never, once or often."""

    def __init__(self):
        super().__init__()
        self.wires, self.weather = [], "good"
        self.orders = []  # what phones have been asked: (session, order number)
        self.sessions = {}  # name: its TIN
        self.numbers = {}  # who and which request: session and TIN
        self.lines, self.callers, self.methods = {}, {}, {}  # of sessions that are synchronised
        self.billed, self.signed = {}, {}  # name: what has been agreed to, by whom
        self.forged = []
        self.passed, self.closed, self.told = set(), set(), set()
        self.missed = {}  # who: when
        self.requests = 0

    @initialize(shop=DEMANDS, payer=WISHES, seed=st.integers(0, 9))
    def open(self, shop, payer, seed):
        self.town = TinTown(shop=shop, payer=payer, limits=LIMITS, seed=seed)

    # What people and devices say

    def say(self, side, who, body, *, reacts=False):
        """As the weather is: at once; twice, and once more later; or later."""
        message = (side, LINES[who] if side is Side.BILLING else who, body)
        if self.weather == "good" or (self.weather == "slow to react" and not reacts):
            self.hear(*message)
            return
        if self.weather == "doubling":
            self.hear(*message)
            self.hear(*message, answered=False)
        self.wires.append(message)

    def react(self, side, who, body):
        self.say(side, who, body, reacts=True)

    @rule(weather=st.sampled_from(["good", "doubling", "slow to react", "stuck"]))
    def change(self, weather):
        self.weather = weather

    @rule(who=st.sampled_from([TILL, MACHINE, ANNAS, BERTS]))
    def want_a_number(self, who):
        self.requests += 1
        side = Side.BILLING if who in LINES else Side.PAYING
        self.say(side, who, TinWanted(f"r{self.requests}", who))

    @rule(who=TERMINALS | CALLERS, terminal=TERMINALS, data=st.data())
    def type_in(self, who, terminal, data):
        """Somebody's number, a guess, or nonsense; a terminal perhaps in another's name."""
        known = [st.sampled_from(sorted(self.sessions.values()))] * bool(self.sessions)
        guess = st.integers(0, 999).map(lambda number: tin(number, 3))
        number = data.draw(st.one_of(*known * 3, guess, st.just("12 34"), st.text(max_size=5)))
        side = Side.BILLING if who in LINES else Side.PAYING
        self.say(side, who, TinPresented(number, terminal))

    def meet(self, terminal, caller, reverse, amount):
        """A session that is left open: authenticated, and perhaps billed."""
        self.requests += 1
        billing, paying = (Side.BILLING, LINES[terminal]), (Side.PAYING, caller)
        giver, taker = (paying, billing) if reverse else (billing, paying)
        wanted = TinWanted(f"r{self.requests}", terminal)
        for issued in said(self.hear(*giver, wanted, answered=False), TinIssued):
            presented = TinPresented(issued.tin, terminal)
            notices, told = self.hear(*taker, presented, answered=False), []
            while notices and notices != told:
                told = notices
                for order in said(told, AuthenticationOrdered):
                    right = AuthenticationAnswered(issued.session, order.order, PASSWORD)
                    notices = self.hear(*paying, right, answered=False)
                for shown in said(told, PortraitShown):
                    word = ClerksWord(issued.session, shown.order, is_the_user=True)
                    notices = self.hear(*billing, word, answered=False)
            if amount:
                self.hear(*billing, AmountBilled(issued.session, amount), answered=False)

    def a_session(self, data):
        """Mostly one of the newest."""
        names = list(self.sessions)
        return data.draw(st.sampled_from(names[-2:] * 3 + names))

    def a_terminal(self, data, session):
        """Mostly the right one."""
        right = [one for one in LINES if LINES[one] == self.lines.get(session)]
        return data.draw(st.sampled_from(right * 3 + [TILL, MACHINE]))

    def a_caller(self, data, session):
        right = [self.callers[session]] if session in self.callers else []
        return data.draw(st.sampled_from(right * 3 + [ANNAS, BERTS, CARLS]))

    @rule(
        data=st.data(),
        what=st.sampled_from([Confirmed, AmountBilled, *MEDDLING]),
        amount=AMOUNTS,
        restriction=RESTRICTIONS,
        order=st.integers(0, 2),
        right=st.booleans(),
        fresh=st.booleans(),
    )
    def meddle(self, data, what, amount, restriction, order, right, fresh):
        """Anything said about a session, mostly by whom it belongs to; right or wrong."""
        if fresh:
            terminal, caller = data.draw(TERMINALS), data.draw(st.sampled_from([ANNAS, BERTS]))
            self.meet(terminal, caller, data.draw(st.booleans()), data.draw(AMOUNTS | st.none()))
        if not self.sessions:
            return
        session = list(self.sessions)[-1] if fresh else self.a_session(data)
        terminal, caller = self.a_terminal(data, session), self.a_caller(data, session)
        if what is Confirmed:
            billed = sorted((said[1:] for said in self.billed.get(session, ())), key=str)
            signed = data.draw(st.sampled_from([*billed, (amount, restriction)]))
            self.sign(session, caller, terminal, *signed, forged=not right)
        elif what is AuthenticationAnswered:
            answered = AuthenticationAnswered(session, order, PASSWORD if right else WRONG)
            self.say(Side.PAYING, caller, answered)
        elif what is AmountBilled:
            self.say(Side.BILLING, terminal, AmountBilled(session, amount, restriction))
        elif what is ClerksWord:
            self.say(Side.BILLING, terminal, ClerksWord(session, order, is_the_user=right))
        elif what is Declined:
            self.say(Side.PAYING, caller, Declined(session))
        elif what is SessionInquiry and right:
            self.say(Side.PAYING, caller, SessionInquiry(session))
        else:
            self.say(Side.BILLING, terminal, what(session))

    def sign(self, session, caller, terminal, amount, restriction, *, forged, reacts=False):
        self.town.counters[caller] += 1
        approval = sign(
            bytes(32) if forged else KEYS[PAYERS[caller]],
            settlement_id=session,
            payer=PAYERS[caller],
            payee=PAYEES[terminal],
            amount=amount,
            counter=self.town.counters[caller],
            restriction=restriction,
        )
        confirmed = Confirmed(session, approval)
        if forged:
            self.forged.append(confirmed)
        self.say(Side.PAYING, caller, confirmed, reacts=reacts)

    # What the networks and the clock do

    @precondition(lambda self: self.wires)
    @rule(data=st.data(), what=st.sampled_from(["deliver", "deliver again", "lose", "all"]))
    def carry(self, data, what):
        for _ in range(8 if what == "all" else 1):
            last = len(self.wires) - 1
            index = 0 if what == "all" else data.draw(st.integers(0, last))
            message = self.wires[index] if what == "deliver again" else self.wires.pop(index)
            if what != "lose":
                self.hear(*message)
            if not self.wires:
                break

    @rule(seconds=st.sampled_from([1, 1, 10, 10, 61, 201, 400]), looked_at=st.booleans())
    def wait(self, seconds, looked_at):
        self.town.at_ns += seconds * S
        if looked_at:
            self.note(self.town.apparatus.expire(self.town.at_ns))

    @rule(caller=CALLERS, what=st.sampled_from(["block", "unblock", "unblock", "restart"]))
    def trouble(self, caller, what):
        """A stolen phone that is found again; an apparatus that forgets everything."""
        if what != "restart":
            self.town.users.block(caller, blocked=what == "block")
            return
        self.town.start()
        self.sessions.clear()
        self.numbers.clear()
        self.missed.clear()

    # What comes of it

    def hear(self, side, address, body, *, answered=True):
        """Deliver a message, note what it agrees to, and what is answered."""
        if isinstance(body, AmountBilled):
            agreed = (address, body.amount, body.restriction)
            self.billed.setdefault(body.session, set()).add(agreed)
        if isinstance(body, Confirmed) and body not in self.forged:
            approval = body.approval
            agreed = (address, approval.payee, approval.amount, approval.restriction)
            self.signed.setdefault(body.session, set()).add(agreed)
        apparatus = self.town.apparatus
        hear = apparatus.from_billing if side is Side.BILLING else apparatus.from_paying
        notices = hear(address, body, self.town.at_ns)
        assert notices
        self.note(notices)
        if isinstance(body, TinWanted):
            self.note_number(side, body, notices)
        if isinstance(body, TinPresented):
            self.note_miss(side, address, body, notices)
        if answered:
            for notice in notices:
                self.answer_honestly(notice)
        return notices

    def answer_honestly(self, notice):
        """What an honest terminal, phone, clerk or payer says to it."""
        number = len(self.sessions)
        price = Money((100, 250, 400)[number % 3], "EUR")
        restriction = None if number % 4 else Restriction(60)
        terminal = TILL if notice.to == LINES[TILL] else MACHINE
        match notice.body:
            case TinIssued(tin=tin) if notice.side is Side.BILLING:
                self.react(Side.PAYING, [ANNAS, BERTS, CARLS][number % 3], TinPresented(tin))
            case TinIssued(tin=tin):
                terminal = [TILL, MACHINE][number % 2]
                self.react(Side.BILLING, terminal, TinPresented(tin, terminal))
            case AuthenticationOrdered(session=session, order=order):
                answered = AuthenticationAnswered(session, order, PASSWORD)
                self.react(Side.PAYING, notice.to, answered)
            case PortraitShown(session=session, order=order):
                self.react(Side.BILLING, terminal, ClerksWord(session, order, is_the_user=True))
            case Synchronised(session=session, methods=()):
                self.react(Side.BILLING, terminal, AmountBilled(session, price, restriction))
            case AuthenticationResult(session=session, passed=True):
                if notice.side is Side.BILLING:
                    self.react(Side.BILLING, terminal, AmountBilled(session, price, restriction))
            case AmountDue(session=session, amount=amount, restriction=restriction) as due:
                paid = (amount, restriction)
                self.sign(
                    session, notice.to, due.terminal.terminal_id, *paid, forged=False, reacts=True
                )
            case _:
                pass

    def note(self, notices):
        """What both sides are told has to be true."""
        for notice in notices:
            match notice.body:
                case Synchronised(session=session, methods=methods):
                    self.lines[session] = notice.to
                    self.methods[session] = methods
                case Connected(session=session):
                    self.callers[session] = notice.to
                case AuthenticationOrdered(session=session, order=order):
                    self.orders.append((session, order))
                case AuthenticationResult(session=session, passed=True):
                    self.passed.add(session)
                case Completed(session=session, outcome=outcome):
                    assert outcome == self.town.bank.inquire(session)
                    assert notice.to == self.lines[session]
                    self.told.add((session, notice.side))
                case Receipt(session=session, outcome=outcome):
                    assert outcome.without_balance() == self.town.bank.inquire(session)
                    assert notice.to == self.callers[session]
                    self.told.add((session, notice.side))
                case Refused(session=session, state=State.REFUSED | State.EXPIRED):
                    self.closed.add(session)
                case _:
                    pass

    def note_number(self, side, body, notices):
        """A request has one number, and no two sessions have the same."""
        for issued in said(notices, TinIssued):
            asked = (side, body.terminal_id, body.request_id)
            session, tin = self.numbers.get(asked, ("", ""))
            if self.town.apparatus._book.find(session):  # or it has long been forgotten
                assert (session, tin) == (issued.session, issued.tin)
            self.numbers[asked] = (issued.session, issued.tin)
            self.sessions[issued.session] = issued.tin
        assert len(set(self.sessions.values())) == len(self.sessions)

    def note_miss(self, side, address, body, notices):
        """Nobody is told of more wrong numbers in a window than there are tries."""
        wrong = {Refusal.UNKNOWN_TIN, Refusal.USED, Refusal.EXPIRED}
        refused = [refusal for refusal in said(notices, Refused) if not refusal.session]
        if any(refusal.reason in wrong for refusal in refused):
            who = address if side is Side.PAYING else body.terminal_id
            times = self.missed.setdefault(who, [])
            times.append(self.town.at_ns)
            recent = [at_ns for at_ns in times if at_ns > self.town.at_ns - LIMITS.window_s * S]
            assert len(recent) <= LIMITS.tries

    # What always holds

    def settled(self):
        """The log records of settlements by TIN."""
        records = self.town.bank._books.log.records(0)
        paid = (Kind.SETTLED, Kind.PROVISORY)
        return [one for one in records if one.kind in paid and one.settlement_id[:4] == "tin-"]

    @invariant()
    def settles_what_both_sides_agreed_on(self):
        """Once, for what the terminal billed and the caller signed, who was authenticated."""
        records = self.settled()
        assert len({record.settlement_id for record in records}) == len(records)
        for record in records:
            session, what = record.settlement_id, (record.amount, record.restriction)
            assert (self.lines[session], *what) in self.billed[session]
            caller = self.callers[session]
            assert (caller, record.payee, *what) in self.signed[session]
            assert PAYERS[caller] == record.payer
            assert LINES[TILL if record.payee == PAYEES[TILL] else MACHINE] == self.lines[session]
            assert not self.methods[session] or session in self.passed
            assert session not in self.closed
            assert {(session, side) for side in Side} <= self.told

    @invariant()
    def conserves_money(self):
        bank = self.town.bank
        assert bank.total() == Money(0, "EUR")
        for caller, account in PAYERS.items():
            spent = [one.amount.amount_minor for one in self.settled() if one.payer == account]
            begun = 0 if caller == CARLS else 1000
            assert bank.balance(account).amount_minor == begun - sum(spent)


TestTelephones = Telephones.TestCase
TestTelephones.settings = settings(max_examples=rounds(60), stateful_step_count=50, deadline=None)
