"""The town with telephones: a till, a vending machine, and three callers who can be asked."""

import random

import msgspec
from town import ANNA, BAKERY, BERT, CARL, KEYS, KIOSK, eur, found

from paybench.bank import sign
from paybench.bank.authentication import (
    INSECURE_SIMULATION,
    BillingDemand,
    BiometricData,
    Enrolment,
    Method,
    Question,
    UserDemand,
    hashed,
    hashed_answer,
)
from paybench.bank.secret import Secret
from paybench.bank.tin import (
    AmountBilled,
    AuthenticationAnswered,
    AuthenticationOrdered,
    ClerksWord,
    Confirmed,
    Declined,
    Limits,
    PortraitShown,
    Refused,
    SettlementApparatus,
    State,
    TerminalKind,
    TerminalRecord,
    TerminalRegister,
    TinPresented,
    TinWanted,
    UserRecord,
    UserRegister,
)

S = 10**9
TILL, MACHINE = "till", "machine"
LINES = {TILL: "line 1", MACHINE: "line 2"}
PAYEES = {TILL: KIOSK, MACHINE: BAKERY}
ANNAS, BERTS, CARLS = "+491", "+492", "+493"
PAYERS = {ANNAS: ANNA, BERTS: BERT, CARLS: CARL}
PASSWORD, WRONG = Secret("2468"), Secret("1357")
PRICE = eur("2.50")

PORTRAIT = BiometricData.of(
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1" + bytes(9) + b"\0\0\0\0IEND\xaeB`\x82"
)
VOICE, FINGER, IRIS = (BiometricData.of(bytes([part]) * 64) for part in (0x5A, 0x33, 0x0F))
SALT = bytes(16)
EVERYTHING = Enrolment(
    hashed(PASSWORD, SALT, INSECURE_SIMULATION),
    (Question("Your first pet?", hashed_answer("Rex", SALT, INSECURE_SIMULATION)),),
    VOICE,
    PORTRAIT,
    FINGER,
    IRIS,
)
NO_DEMAND, NO_WISH, DEFAULTS = BillingDemand(), UserDemand(), Limits()
RIGHT = {
    Method.PASSWORD: PASSWORD,
    Method.QUESTION: Secret("Rex"),
    Method.VOICE: VOICE,
    Method.FINGERPRINT: FINGER,
    Method.IRIS: IRIS,
}


class TinTown:
    """A bank, both registers, an apparatus, and short ways to say things to it.

    Args:
        reverse: whether numbers are issued to phones.
        shop: what the till and the machine demand.
        payer: what everybody demands who pays.
        enrolment: what everybody has registered.
        limits: the apparatus's.
        seed: of all chance.
        storage: the bank's.
    """

    def __init__(
        self,
        *,
        reverse=False,
        shop=NO_DEMAND,
        payer=NO_WISH,
        enrolment=EVERYTHING,
        limits=DEFAULTS,
        seed=1,
        storage=None,
    ):
        self.bank = found(storage)
        self.reverse = reverse
        self.terminals, self.users = TerminalRegister(), UserRegister()
        kinds = {TILL: TerminalKind.STAFFED, MACHINE: TerminalKind.VENDING_MACHINE}
        for name, line in LINES.items():
            self.terminals.add(
                TerminalRecord(name, PAYEES[name], name, "Main St", line, kinds[name], shop)
            )
        for caller, account in PAYERS.items():
            attributes = {"city": "Ulm", "born": "1990"}
            self.users.add(
                UserRecord(
                    caller,
                    account,
                    self.bank.holder(account),
                    attributes,
                    frozenset({"name", "city"}),
                    enrolment,
                    payer,
                )
            )
        self.below = random.Random(seed).randrange  # noqa: S311 - the same in each run
        self.limits = limits
        self.at_ns = 0
        self.counters = dict.fromkeys(PAYERS, 0)
        self.requests = 0
        self.last = []
        self.start()

    def start(self):
        """Switch the apparatus on, with nothing in its memory."""
        self.apparatus = SettlementApparatus(
            self.bank, self.terminals, self.users, self.below, limits=self.limits
        )

    # What is said

    def shop(self, message, terminal=TILL):
        """Say it on the terminal's line."""
        self.last = self.apparatus.from_billing(LINES[terminal], message, self.at_ns)
        return self.last

    def phone(self, message, caller=ANNAS):
        """Say it from the caller's number."""
        self.last = self.apparatus.from_paying(caller, message, self.at_ns)
        return self.last

    def issue(self, terminal=TILL, caller=ANNAS):
        """T1, T2: a new number for the one or the other; its TinIssued."""
        self.requests += 1
        if self.reverse:
            issued = self.phone(TinWanted(f"r{self.requests}"), caller)
        else:
            issued = self.shop(TinWanted(f"r{self.requests}", terminal), terminal)
        return issued[0].body

    def present(self, tin, terminal=TILL, caller=ANNAS):
        """T3: from the side that has not been given it."""
        if self.reverse:
            return self.shop(TinPresented(tin, terminal), terminal)
        return self.phone(TinPresented(tin), caller)

    def synchronise(self, terminal=TILL, caller=ANNAS):
        """T1 to T4; the session's name."""
        issued = self.issue(terminal, caller)
        self.present(issued.tin, terminal, caller)
        return issued.session

    def approval(self, session, amount=PRICE, caller=ANNAS, terminal=TILL, **changed):
        """What the caller's phone signs."""
        self.counters[caller] += 1
        return sign(
            changed.pop("key", KEYS[PAYERS[caller]]),
            settlement_id=session,
            payer=PAYERS[caller],
            payee=changed.pop("payee", PAYEES[terminal]),
            amount=amount,
            counter=self.counters[caller],
            **changed,
        )

    def confirm(self, session, amount=PRICE, caller=ANNAS, terminal=TILL, **changed):
        """T7."""
        approval = self.approval(session, amount, caller, terminal, **changed)
        return self.phone(Confirmed(session, approval), caller)

    def answer(self, session, answer=None, caller=ANNAS):
        """Answer the order that has just come."""
        (order,) = said(self.last, AuthenticationOrdered)
        right = RIGHT[order.method] if answer is None else answer
        return self.phone(AuthenticationAnswered(session, order.order, right), caller)

    def judge(self, session, *, is_the_user=True):
        """The clerk's word on the portrait that has just come."""
        (shown,) = said(self.last, PortraitShown)
        return self.shop(ClerksWord(session, shown.order, is_the_user))

    def bring(self, state):
        """A session of Anna's at the till that stands there; its TinIssued."""
        issued = self.issue()
        if state is State.ISSUED:
            return issued
        self.present(issued.tin)
        if state in (State.AUTHENTICATING, State.PORTRAIT, State.READY):
            return issued
        self.shop(AmountBilled(issued.session, PRICE))
        if state is State.SETTLED:
            self.confirm(issued.session)
        elif state is State.REFUSED:
            self.phone(Declined(issued.session))
        elif state is State.EXPIRED:
            self.at_ns += self.limits.session_s * S
            self.apparatus.expire(self.at_ns)
        return issued

    def state(self, session):
        """Where it stands, as the apparatus has it."""
        return self.apparatus._book.find(session).state

    def money(self):
        """All balances and what is under way, as one value."""
        balances = {str(number): self.bank.balance(number) for number in self.bank.accounts()}
        return balances, self.bank.in_transit()


def said(notices, kind):
    """The bodies of one kind."""
    return [notice.body for notice in notices if isinstance(notice.body, kind)]


def steps(notices):
    """The steps, and to which side."""
    return [f"{notice.step} {notice.side}" for notice in notices]


def reasons(notices):
    """The reasons of all refusals, and to which side."""
    return {
        notice.side: notice.body.reason for notice in notices if isinstance(notice.body, Refused)
    }


def sent_alike(notices):
    """The notices as bytes, to compare them."""
    return msgspec.msgpack.encode(notices, enc_hook=lambda secret: secret.reveal())
