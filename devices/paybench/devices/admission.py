"""What is said at entrance and exit gates: Figs 5A and 5B ([0062] to [0071])."""

from __future__ import annotations

import enum

import msgspec

from paybench.bank.account import AccountNumber
from paybench.bank.proof import Authentication, Proof
from paybench.devices.document import Document
from paybench.devices.message import Message
from paybench.devices.purchase import PurchaseInformation

ADMISSION = "admission"
"""The kind of document an admission is."""

ENTRY = "gate entry"
"""The purpose of a proof at an entrance."""

ENTRY_BY_CODE = "gate entry by code"
"""The purpose of a proof that a phone shows as a code: it is for all gates of a line."""


class Way(enum.StrEnum):
    """Which way somebody goes."""

    IN = "in"
    OUT = "out"


class Admission(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What an admission says ([0065]).

    Attributes:
        account: Whose it is.
        station: Where the holder went in.
        entered_ns: When, in nanoseconds of the gate's clock.
        payee: The line's account: a phone pays a fare unasked to nobody else.
    """

    account: AccountNumber
    station: str
    entered_ns: int
    payee: AccountNumber | None = None


class PassageMessage(Message, frozen=True, gc=False):
    """Base of what belongs to one passage.

    Attributes:
        session: The gate's number of the passage.
    """

    session: str

    @property
    def correlation(self) -> str:
        """The passage."""
        return self.session


class Poll(PassageMessage, frozen=True, gc=False):
    """Gate to phone: which gate and line, which way, and what to sign for it."""

    gate: str
    line: str
    way: Way
    challenge: bytes


class AuthenticationInformation(PassageMessage, frozen=True, gc=False):
    """D21, phone to gate: who holds it."""

    proof: Proof


class AuthenticationDemand(PassageMessage, frozen=True, gc=False):
    """D22, gate to bank: is that an account holder?"""

    proof: Proof


class AuthenticationAnswer(PassageMessage, frozen=True, gc=False):
    """D23, bank to gate: it is, or why not."""

    authentication: Authentication


class AdmissionInformation(PassageMessage, frozen=True, gc=False):
    """D24, gate to phone: the admission, for the phone to store."""

    document: Document


class Stored(PassageMessage, frozen=True, gc=False):
    """Phone to gate: the admission is stored."""

    serial: str


class AdmissionShown(PassageMessage, frozen=True, gc=False):
    """D31, phone to gate: the admission stored at the entrance; None where there is none."""

    document: Document | None


class FareBill(PurchaseInformation, frozen=True, gc=False):
    """Gate to phone: what the ride costs, for the phone to approve."""


class Passed(PassageMessage, frozen=True, gc=False):
    """Gate to phone: how it ended.

    Attributes:
        serial: The admission it is about, "" for none.
        opened: Whether the gate opened.
        why: Why not, as a sentence; at an exit that opened, the fare.
    """

    serial: str
    opened: bool
    why: str = ""


class Action(enum.StrEnum):
    """What a gate asks of the register of admissions."""

    OPEN = "open"
    """Somebody goes in: note the serial."""
    CLAIM = "claim"
    """It is shown: whoever claims it first has it to himself."""
    SPEND = "spend"
    """It has been used."""
    RELEASE = "release"
    """It has not been used after all: it is as it was before it was opened or claimed."""


class RegisterDemand(PassageMessage, frozen=True, gc=False):
    """Gate to its line's register of admissions."""

    action: Action
    serial: str
    account: AccountNumber | None = None


class RegisterAnswer(PassageMessage, frozen=True, gc=False):
    """The register's answer: granted, or why not."""

    action: Action
    serial: str
    granted: bool
    why: str = ""
