"""What a payload says: one message of a flow, with its step and the way it takes.

A payload is one MessagePack array ``[version, channel, step, message]``; docs/wire-protocol.md has
the fields of every message. There is one right encoding of each: what decodes to a message and is
not that encoding is refused, so unknown fields, fields given twice and padding get nowhere.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

import msgspec

from paybench.bank.account import AccountNumber
from paybench.bank.secret import MASK, Secret
from paybench.devices.admission import (
    AdmissionInformation,
    AdmissionShown,
    AuthenticationInformation,
    FareBill,
    Passed,
    Poll,
    Stored,
)
from paybench.devices.message import Message
from paybench.devices.purchase import (
    AuthenticatedPurchase,
    PurchaseDeclined,
    PurchaseInformation,
    TransferBill,
)
from paybench.devices.settling import Inquiry, InquiryAnswer, SettledResult, SettlementDemand
from paybench.devices.ticket import (
    TicketIssued,
    TicketOffer,
    TicketShown,
    TicketStored,
    TicketWanted,
)
from paybench.devices.tin_messages import PayingCall, PayingNotice, TinHanded, TinOffered
from paybench.devices.vending import ItemChosen, ItemsOffered, NothingChosen, Vended
from paybench.hil.spec import nearest
from paybench.hil.wire.errors import MessageRefused
from paybench.hil.wire.frame import PAYLOAD_MAX_BYTES
from paybench.hil.wire.leaves import differs, leaves, shown

MESSAGE_VERSION = 1

_STEP = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,15}")


class Channel(enum.IntEnum):
    """The way a message takes between devices, or that it is for the bench itself.

    TELEPHONE is the paying network of settlement by transaction number, NETWORK the bank's.
    """

    SHORT_RANGE = 0
    NETWORK = 1
    BENCH = 2
    TELEPHONE = 3


class Shown(Message, frozen=True, gc=False):
    """A device tells the bench what its display shows now, line by line."""

    lines: tuple[str, ...]


class Provision(Message, frozen=True, gc=False):
    """The bench tells a phone under test who it is in this run: the first message to it.

    Attributes:
        account: The customer's account.
        approval_key: What the phone signs with, as docs/approval.md says. A test key.
        password: What the customer authenticates with. A test password.
        name: What the device is called: the bank knows it by that, and ids it makes begin with it.
        owner: What other phones show when this one bills them.
        currency: ISO 4217 code of the account.
    """

    account: AccountNumber
    approval_key: bytes
    password: str
    name: str
    owner: str
    currency: str

    def __repr__(self) -> str:
        return f"Provision({self.account}, {MASK})"


TYPES: tuple[type[Message], ...] = (
    # Fig 3
    PurchaseInformation,
    AuthenticatedPurchase,
    PurchaseDeclined,
    SettlementDemand,
    SettledResult,
    Inquiry,
    InquiryAnswer,
    # Fig 4
    ItemsOffered,
    ItemChosen,
    NothingChosen,
    Vended,
    # Fig 5
    Poll,
    AuthenticationInformation,
    AdmissionInformation,
    Stored,
    AdmissionShown,
    FareBill,
    Passed,
    # Fig 6
    TransferBill,
    # Fig 10
    TicketOffer,
    TicketIssued,
    TicketStored,
    TicketWanted,
    TicketShown,
    # transaction numbers
    TinOffered,
    TinHanded,
    PayingCall,
    PayingNotice,
    # to and from the bench
    Shown,
    Provision,
)
"""The messages that are taken from a wire. Anything else is refused."""


# msgspec takes just those types; the type checker cannot look into the tuple.
if TYPE_CHECKING:
    OneOfThem = Message
else:
    OneOfThem = Union[TYPES]  # noqa: UP007


class WireMessage(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A message as it stands in a payload.

    Attributes:
        version: `MESSAGE_VERSION`.
        channel: The way it takes.
        step: Its name in the flow, e.g. ``D1``: a letter, then up to 15 of letters, digits
            and ``._-``.
        message: The message itself, of one of `TYPES`.
    """

    version: Literal[1]
    channel: Channel
    step: Annotated[str, msgspec.Meta(max_length=16)]
    message: OneOfThem


def _revealed(value: object) -> str:
    """A secret goes over the wire as what it is, and shows as dots everywhere else."""
    if isinstance(value, Secret):
        return value.reveal()
    raise TypeError(f"a {type(value).__name__} has no form on a wire")


def _hidden(kind: type[Any], value: object) -> Secret:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise TypeError(f"Expected `str`, got `{type(value).__name__}`")


_encoder = msgspec.msgpack.Encoder(enc_hook=_revealed)
_decoder = msgspec.msgpack.Decoder(WireMessage, dec_hook=_hidden)


def encode(channel: Channel, step: str, message: Message) -> bytes:
    """The payload that carries a message.

    Raises:
        MessageRefused: The message is of no type for a wire, the step no name, or the payload
            too long for one frame.
    """
    if type(message) not in TYPES:
        kind = type(message).__name__
        raise MessageRefused(f"a {kind} is nothing for a wire: none of TYPES is of that name")
    _check_step(step)
    try:
        payload = _encoder.encode(WireMessage(MESSAGE_VERSION, channel, step, message))
    except (ValueError, OverflowError, TypeError) as error:
        raise MessageRefused(f"this {type(message).__name__} cannot be encoded: {error}") from error
    if len(payload) > PAYLOAD_MAX_BYTES:
        raise MessageRefused(
            f"a {type(message).__name__} of {len(payload)} bytes does not fit into a payload of "
            f"{PAYLOAD_MAX_BYTES}: shorten its texts"
        )
    return payload


def decode(payload: bytes) -> WireMessage:
    """The message a payload carries.

    Raises:
        MessageRefused: It carries none that we take; the sentence says where and why.
    """
    if len(payload) > PAYLOAD_MAX_BYTES:
        raise MessageRefused(
            f"a payload has at most {PAYLOAD_MAX_BYTES} bytes, and this one {len(payload)}"
        )
    try:
        decoded = _decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise MessageRefused(_why_not(payload, error)) from error
    except RecursionError as error:
        raise MessageRefused("the payload is nested deeper than any message") from error
    right = _encoder.encode(decoded)
    if right != payload:
        raise MessageRefused(f"the message is not encoded as it must be: {differs(payload, right)}")
    _check_step(decoded.step)
    return decoded


def _check_step(step: str) -> None:
    if not _STEP.fullmatch(step):
        raise MessageRefused(
            f"{step[:32]!r} is no step: expected a letter, then up to 15 letters, digits or ._-"
        )


def _why_not(payload: bytes, error: Exception) -> str:
    """Why a payload is no message: by the rules of this protocol where they say it better."""
    values = leaves(payload)
    version = values.get("[0]", MESSAGE_VERSION)
    if version != MESSAGE_VERSION:
        return f"a message of version {shown(version)}; this is version {MESSAGE_VERSION}"
    kind = values.get("[3].type", TYPES[0].__name__)
    names = [known.__name__ for known in TYPES]
    if kind not in names:
        meant = nearest(str(kind)[:40], names).partition(" (")[0]
        return f"a message of type {shown(kind)}, which is not in the protocol's table{meant}"
    return f"the payload is no [version, channel, step, message]: {error}"
