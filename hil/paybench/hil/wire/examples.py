"""Examples of every message that is taken from a wire, for the test vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.bank.account import AccountNumber
from paybench.bank.approval import sign
from paybench.bank.money import Money
from paybench.bank.proof import prove
from paybench.bank.restriction import DecidedBy, Held, Restriction
from paybench.bank.settlement import Outcome, Reason, SettlingInformation
from paybench.devices.admission import (
    ADMISSION,
    ENTRY,
    Admission,
    AdmissionInformation,
    AdmissionShown,
    AuthenticationInformation,
    FareBill,
    Passed,
    Poll,
    Stored,
    Way,
)
from paybench.devices.document import SharedSeal, issue
from paybench.devices.purchase import (
    AuthenticatedPurchase,
    PurchaseDeclined,
    PurchaseInformation,
    TransferBill,
)
from paybench.devices.settling import (
    Inquiry,
    InquiryAnswer,
    SettledResult,
    SettlementDemand,
)
from paybench.devices.ticket import (
    TICKET,
    Ticket,
    TicketIssued,
    TicketKind,
    TicketOffer,
    TicketShown,
    TicketStored,
    TicketWanted,
)
from paybench.devices.vending import Item, ItemChosen, ItemsOffered, NothingChosen, Vended
from paybench.hil.wire.message import Channel, Provision, Shown
from paybench.hil.wire.tin_examples import HANDED_OVER, HEARD, SAID

if TYPE_CHECKING:
    from paybench.devices.message import Message

APPROVAL_KEY = bytes(range(32))
_MS = 1_000_000
_ID = "A.register-000001"
_PAYER, _PAYEE, _PRICE = AccountNumber(2, 2), AccountNumber(1, 1), Money(250, "EUR")
APPROVAL = sign(
    APPROVAL_KEY, settlement_id=_ID, payer=_PAYER, payee=_PAYEE, amount=_PRICE, counter=1
)
_INFORMATION = SettlingInformation(_ID, _PAYER, _PAYEE, _PRICE, APPROVAL, "A.register")
RESTRICTION = Restriction(604_800, Held.ESCROW, 18, DecidedBy.SHOP)
RESTRICTED = sign(
    APPROVAL_KEY,
    settlement_id=_ID,
    payer=_PAYER,
    payee=_PAYEE,
    amount=_PRICE,
    counter=1,
    restriction=RESTRICTION,
)
_PASSAGE, _CHALLENGE = "R.gate-000001", bytes(range(16))
_SEAL = SharedSeal(bytes(range(32)))
_ADMISSION = issue(_SEAL, ADMISSION, "R", f"R-{_PASSAGE}", Admission(_PAYER, "Kita", 0))
_TICKET = issue(_SEAL, TICKET, "T", _ID, Ticket(TicketKind.THEATRE, "Hamlet", "", _PRICE))

MESSAGES: tuple[tuple[Channel, str, Message], ...] = (
    (Channel.BENCH, "provision", Provision(_PAYER, APPROVAL_KEY, "2468", "B.phone", "B", "EUR")),
    (
        Channel.SHORT_RANGE,
        "D1",
        PurchaseInformation(
            _ID, _PAYEE, "A", _PRICE, "relayed", ("4901234567894",), terminal="A.register"
        ),
    ),
    (Channel.SHORT_RANGE, "D2", AuthenticatedPurchase(_ID, APPROVAL)),
    (Channel.SHORT_RANGE, "D2", PurchaseDeclined(_ID, "the customer said no")),
    (Channel.NETWORK, "D3", SettlementDemand(_ID, _INFORMATION)),
    (Channel.NETWORK, "D4", SettledResult(_ID, Outcome.of(_ID, _PRICE, None))),
    (
        Channel.NETWORK,
        "D51",
        SettlementDemand(
            _ID,
            SettlingInformation(_ID, _PAYER, _PAYEE, _PRICE, RESTRICTED, "", RESTRICTION),
        ),
    ),
    (
        Channel.NETWORK,
        "D4",
        SettledResult(_ID, Outcome.of(_ID, _PRICE, None, None, 604_800 * 1000 * _MS)),
    ),
    (
        Channel.NETWORK,
        "D6",
        SettledResult(_ID, Outcome.of(_ID, _PRICE, Reason.INSUFFICIENT_BALANCE, Money(100, "EUR"))),
    ),
    (Channel.NETWORK, "S108", Inquiry(_ID)),
    (
        Channel.NETWORK,
        "S108",
        InquiryAnswer(_ID, Outcome.of(_ID, Money(0, "EUR"), Reason.UNKNOWN_SETTLEMENT)),
    ),
    (
        Channel.SHORT_RANGE,
        "D11",
        ItemsOffered(
            _ID,
            _PAYEE,
            "V",
            (Item("A1", "Cola", _PRICE), Item("A2", "Tea", _PRICE, available=False)),
        ),
    ),
    (Channel.SHORT_RANGE, "D12", ItemChosen(_ID, "A1", APPROVAL)),
    (Channel.SHORT_RANGE, "D12", NothingChosen(_ID, "the customer chose nothing")),
    (Channel.SHORT_RANGE, "vended", Vended(_ID, "A1", discharged=True)),
    (Channel.SHORT_RANGE, "poll", Poll(_PASSAGE, "R.gate", "R", Way.IN, _CHALLENGE)),
    (
        Channel.SHORT_RANGE,
        "D21",
        AuthenticationInformation(
            _PASSAGE,
            prove(
                APPROVAL_KEY,
                account=_PAYER,
                purpose=ENTRY,
                verifier="R.gate",
                challenge=_CHALLENGE,
                counter=2,
            ),
        ),
    ),
    (Channel.SHORT_RANGE, "D24", AdmissionInformation(_PASSAGE, _ADMISSION)),
    (Channel.SHORT_RANGE, "stored", Stored(_PASSAGE, _ADMISSION.serial)),
    (Channel.SHORT_RANGE, "D31", AdmissionShown(_PASSAGE, _ADMISSION)),
    (Channel.SHORT_RANGE, "D31", AdmissionShown(_PASSAGE, None)),
    (Channel.SHORT_RANGE, "fare", FareBill(_PASSAGE, _PAYEE, "R", _PRICE, "relayed")),
    (Channel.SHORT_RANGE, "passed", Passed(_PASSAGE, _ADMISSION.serial, True, "FARE 2.50")),
    (Channel.SHORT_RANGE, "D41", TransferBill(_ID, _PAYEE, "A", _PRICE, "direct", (), "A.phone")),
    (Channel.SHORT_RANGE, "D91", TicketOffer(_ID, _PAYEE, "T", _PRICE, "relayed", ("Hamlet",))),
    (Channel.SHORT_RANGE, "D96", TicketIssued(_ID, _TICKET)),
    (Channel.SHORT_RANGE, "stored", TicketStored(_ID, _TICKET.serial)),
    (Channel.SHORT_RANGE, "wanted", TicketWanted("T.entrance-000001", "T", "Hamlet")),
    (Channel.SHORT_RANGE, "ticket", TicketShown("T.entrance-000001", _TICKET)),
    *((Channel.SHORT_RANGE, step, message) for step, message in HANDED_OVER),
    *((Channel.TELEPHONE, step, message) for step, message in SAID + HEARD),
    (Channel.BENCH, "shown", Shown(("PAY 2.50", "TO Ä"))),
)
