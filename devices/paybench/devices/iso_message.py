"""Card messages: ISO 8583 (1987) between a card terminal and a card company.

A message is bytes, as a real host would take them: the layout is pyiso8583's default one (text in
ASCII, bitmaps and authentication code in binary), with the fields that `docs/card_terminal.md`
lists. Field 128 is an AES-CMAC over all bytes before it. In traces a message shows what may be
seen of it: of the card number the first six and last four digits, and nothing of the PIN.
"""

from __future__ import annotations

import hmac
from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING, Any

from paybench.bank.secret import MASK, Secret
from paybench.devices.card import CardNumber
from paybench.devices.card_reason import CardReason
from paybench.devices.errors import CardMessageError
from paybench.devices.message import Message

if TYPE_CHECKING:
    from datetime import date, datetime

AUTHORISE, AUTHORISED = "0100", "0110"
REVERSE, REVERSE_AGAIN, REVERSED = "0400", "0401", "0410"

NUMBER, PROCESSING, AMOUNT, SENT_AT, TRACE_NUMBER = "2", "3", "4", "7", "11"
LOCAL_TIME, LOCAL_DATE, EXPIRY, ENTRY_MODE, ACQUIRER = "12", "13", "14", "22", "32"
REFERENCE, AUTHORISATION, REASON, TERMINAL, MERCHANT = "37", "38", "39", "41", "42"
CURRENCY, SETTLEMENT_ID, SIGNATURE, ORIGINAL = "49", "62", "63", "90"
ACCOUNT, PIN_BLOCK, MAC = "102", "110", "128"

PROCESSING_CODES = {"1": "003000", "2": "002000"}
"""Field 3: goods and services, from a credit account or from a cheque account."""

CONTACTLESS_WITH_PIN = "071"

MAC_BYTES = 8
MESSAGE_MAX_BYTES = 2048

_SHOWN = {
    PROCESSING, AMOUNT, SENT_AT, TRACE_NUMBER, LOCAL_TIME, LOCAL_DATE, EXPIRY, ENTRY_MODE,
    ACQUIRER, REFERENCE, AUTHORISATION, REASON, TERMINAL, MERCHANT, CURRENCY, SETTLEMENT_ID,
    SIGNATURE, ORIGINAL, ACCOUNT,
}  # fmt: skip
"""What a trace may show. Every other field shows as dots: who adds one has to decide."""


class IsoBytes(Secret):
    """The bytes of a card message, which show themselves masked.

    Args:
        data: The bytes.
    """

    __slots__ = ("_fields",)

    def __init__(self, data: bytes) -> None:
        super().__init__(data.decode("latin-1"))
        self._fields: dict[str, str] | None = None

    @property
    def data(self) -> bytes:
        """The bytes themselves."""
        return self.reveal().encode("latin-1")

    def fields(self) -> dict[str, str]:
        """What is in it, by field number, and under ``t`` its type; unauthenticated.

        Raises:
            CardMessageError: It is no message.
        """
        if self._fields is None:
            self._fields = _decoded(self.data)
        return dict(self._fields)

    def __repr__(self) -> str:
        try:
            fields = self.fields()
        except CardMessageError:
            return f"{len(self.data)} bytes that are no card message"
        kind = fields.pop("t")
        if REASON in fields:
            gist = CardReason.of(fields[REASON]).sentence
        else:
            gist = str(CardNumber(fields.get(NUMBER, "")))
        shown = (f"{number}={_shown(number, value)}" for number, value in fields.items())
        return f"{kind} {gist} | {' '.join(shown)}"


class IsoMessage(Message, frozen=True, gc=False):
    """D82, D83, and what takes an authorisation back (R3, R4): a card message."""

    iso: IsoBytes

    @property
    def correlation(self) -> str:
        """The settlement's id, as field 62 has it; "" without one."""
        try:
            return self.iso.fields().get(SETTLEMENT_ID, "")
        except CardMessageError:
            return ""


def pack(kind: str, fields: dict[str, str], mac_key: bytes) -> IsoMessage:
    """A message with these fields, and its authentication code.

    Args:
        kind: Message type, e.g. ``0100``.
        fields: Values by field number; binary ones in hexadecimal digits.
        mac_key: AES key of terminal and company.

    Raises:
        CardMessageError: A value does not fit its field.
    """
    import iso8583

    values = {"t": kind, **fields, MAC: "00" * MAC_BYTES}
    try:
        raw, _ = iso8583.encode(values, _layout())
    except iso8583.EncodeError as error:
        # Neither the error nor what caused it may be shown: they have all fields.
        raise CardMessageError(f"field {error.field} does not fit: {error.msg}") from None
    covered = bytes(raw)[:-MAC_BYTES]
    return IsoMessage(IsoBytes(covered + _mac(mac_key, covered)))


def unpack(data: IsoBytes, mac_key: bytes) -> dict[str, str]:
    """The fields of an authentic message, and under ``t`` its type.

    Raises:
        CardMessageError: It is none, or was altered, or is from somebody else.
    """
    fields, raw = data.fields(), data.data
    mac = _mac(mac_key, raw[:-MAC_BYTES])
    if MAC not in fields or not hmac.compare_digest(mac, raw[-MAC_BYTES:]):
        raise CardMessageError("a card message with a wrong authentication code")
    return fields


def original(fields: dict[str, str]) -> str:
    """Field 90: what names the message with these fields ever after."""
    names = fields["t"] + fields[TRACE_NUMBER] + fields[SENT_AT]
    return names + fields[ACQUIRER].zfill(11) + "0" * 11


def date_and_time(epoch: date, now_ns: int) -> datetime:
    """The time that a clock shows which stood at 0 as the epoch's day began (UTC)."""
    from datetime import UTC, datetime, time, timedelta

    return datetime.combine(epoch, time(), UTC) + timedelta(seconds=now_ns // 1_000_000_000)


def _shown(number: str, value: str) -> str:
    if number == NUMBER:
        return str(CardNumber(value)).replace(" ", "")
    return value if number in _SHOWN else MASK


def _decoded(raw: bytes) -> dict[str, str]:
    import iso8583

    if len(raw) > MESSAGE_MAX_BYTES:
        raise CardMessageError(f"{len(raw)} bytes are too many for a card message")
    try:
        fields, _ = iso8583.decode(raw, _layout())
    except iso8583.DecodeError as error:
        raise CardMessageError(f"no card message: field {error.field}: {error.msg}") from None
    return {number: value for number, value in fields.items() if number not in ("h", "p", "1")}


@cache
def _layout() -> dict[str, Any]:
    from iso8583.specs import default

    layout = deepcopy(default)
    # A block of ISO 9564-1 format 4 has 16 bytes, and field 52 has room for 8.
    layout[PIN_BLOCK] |= {"data_enc": "b", "max_len": 16}
    return layout


def _mac(key: bytes, covered: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.cmac import CMAC

    cmac = CMAC(AES(key))
    cmac.update(covered)
    return cmac.finalize()[:MAC_BYTES]
