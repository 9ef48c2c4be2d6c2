"""Examples of everything a phone says and hears of transaction numbers, for the test vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.bank.account import AccountNumber
from paybench.bank.approval import sign
from paybench.bank.authentication import Method
from paybench.bank.money import Money
from paybench.bank.outcome import Outcome
from paybench.bank.restriction import Held, Restriction
from paybench.bank.secret import Secret
from paybench.bank.tin import (
    AmountDue,
    AuthenticationAnswered,
    AuthenticationOrdered,
    AuthenticationResult,
    Confirmed,
    Connected,
    Declined,
    HistoryWanted,
    Purchase,
    PurchaseHistory,
    Receipt,
    Refusal,
    Refused,
    SessionInquiry,
    SessionState,
    State,
    Status,
    StatusWanted,
    TerminalDetails,
    TerminalKind,
    TinIssued,
    TinPresented,
    TinWanted,
    tin,
)
from paybench.devices.tin_messages import PayingCall, PayingNotice, TinHanded, TinOffered

if TYPE_CHECKING:
    from paybench.bank.tin import FromPaying, ToPaying

_KEY = bytes(range(32))
_NUMBER, _OTHER = tin(12_345_678), tin(1)
_SESSION, _REQUEST = "tin-000001-123456", "B.phone-000001"
_PAYER, _PAYEE, _PRICE = AccountNumber(2, 2), AccountNumber(1, 1), Money(250, "EUR")
_COUNTER = TerminalDetails("A.billing", "A", "Counter 1", TerminalKind.STAFFED)
_RESTRICTION = Restriction(604_800, Held.ESCROW)
_APPROVAL = sign(_KEY, settlement_id=_SESSION, payer=_PAYER, payee=_PAYEE, amount=_PRICE, counter=1)
_PAID = Outcome.of(_SESSION, _PRICE, None, Money(1750, "EUR"))

CALLS: tuple[tuple[str, FromPaying], ...] = (
    ("T1", TinWanted(_REQUEST)),
    ("T3", TinPresented(_NUMBER)),
    ("auth", AuthenticationAnswered(_SESSION, 1, Secret("correct horse"))),
    ("T7", Confirmed(_SESSION, _APPROVAL)),
    ("decline", Declined(_SESSION)),
    ("S108", SessionInquiry(_SESSION)),
    ("history", HistoryWanted(4)),
    ("history", HistoryWanted()),
    ("status", StatusWanted()),
)
"""What a phone says over the paying network."""

NOTICES: tuple[tuple[str, ToPaying], ...] = (
    ("T2", TinIssued(_SESSION, _REQUEST, _NUMBER, 180)),
    ("T4", Connected(_SESSION, _NUMBER, _COUNTER, (Method.PORTRAIT, Method.PASSWORD))),
    ("auth", AuthenticationOrdered(_SESSION, 1, Method.PASSWORD, "Enter your password.")),
    ("auth", AuthenticationResult(_SESSION, True, (Method.PASSWORD,))),
    ("T6", AmountDue(_SESSION, _PAYEE, _PRICE, _COUNTER)),
    ("T6", AmountDue(_SESSION, _PAYEE, _PRICE, _COUNTER, _RESTRICTION)),
    ("T9", Receipt(_SESSION, _PAID, _COUNTER)),
    ("S108", SessionState(_SESSION, State.BILLED)),
    ("S108", SessionState(_SESSION, State.SETTLED, _PAID)),
    ("status", Status("", True, 1, Money(1750, "EUR"))),
    ("history", PurchaseHistory((Purchase(_SESSION, 10**9, _COUNTER, _PRICE),))),
    ("refused", Refused(_OTHER, Refusal.UNKNOWN_TIN, Refusal.UNKNOWN_TIN.sentence)),
    (
        "refused",
        Refused(_SESSION, Refusal.EXPIRED, Refusal.EXPIRED.sentence, _SESSION, State.EXPIRED),
    ),
)
"""What it hears there."""

HANDED_OVER = (("offered", TinOffered(_NUMBER)), ("handed", TinHanded(_NUMBER)))
"""What goes over the short-range link."""

SAID = tuple((step, PayingCall(body)) for step, body in CALLS)
HEARD = tuple((step, PayingNotice(body)) for step, body in NOTICES)
