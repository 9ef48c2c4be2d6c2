"""EMVCo merchant-presented codes: what the QR of a shop or a terminal says.

EMV QR Code Specification for Payment Systems, Merchant-Presented Mode, version 1.1. A payload is a
row of data objects, each an ID of two digits, a length of two digits and so many characters; some
are templates, which hold data objects again. The last one is a CRC. Values in, values out: nothing
here reads or shows an image. The consumer's codes are in `paybench.hil.emvco_consumer`.
"""

from __future__ import annotations

import binascii
import re
from typing import NamedTuple

from msgspec import Struct

from paybench.bank.currency_number import CURRENCIES, NUMBERS
from paybench.bank.errors import MoneyError
from paybench.bank.money import Money
from paybench.hil.errors import HilError

PAYLOAD_MAX = 512
"""The longest payload, in characters: what the specification advises not to exceed."""

CRC_ID_AND_LENGTH = "6304"
NETWORK = "org.paybench"
"""Whose merchant account information a `Bill` carries: a reverse domain name."""

_NETWORK_TEMPLATES = {f"{number:02}" for number in (*range(26, 52), *range(80, 100))}
_TEMPLATES = _NETWORK_TEMPLATES | {"62", "64"}
_ACCOUNTS = {f"{number:02}" for number in range(2, 52)}
_MANDATORY = {
    "52": "merchant category code",
    "53": "transaction currency",
    "58": "country code",
    "59": "merchant name",
    "60": "merchant city",
}
_AMOUNT = r"(?=.{1,13}$)[0-9]+(\.[0-9]*)?"
_FORMS = {
    "00": ("01", "01"),
    "01": ("1[12]", "11 (static) or 12 (dynamic)"),
    "52": ("[0-9]{4}", "4 digits"),
    "53": ("[0-9]{3}", "3 digits"),
    "54": (_AMOUNT, "at most 13 digits and a point"),
    "55": ("0[123]", "01, 02 or 03"),
    "56": (_AMOUNT, "at most 13 digits and a point"),
    "57": (r"(?!0*\.?0*$)[0-9]{1,2}(\.[0-9]{0,2})?", "a percentage from 00.01 to 99.99"),
    "58": ("[A-Z]{2}", "2 capital letters"),
    "59": (".{1,25}", "at most 25 characters"),
    "60": (".{1,15}", "at most 15 characters"),
    "61": (".{1,10}", "at most 10 characters"),
}
_SUB_FORMS = {
    "62": {f"{number:02}": (".{1,25}", "at most 25 characters") for number in range(1, 9)}
    | {
        "09": ("[AME]{1,3}", "some of the letters A, M, E"),
        "10": (".{1,20}", "at most 20 characters"),
        "11": (".{3}", "3 characters"),
    },
    "64": {
        "00": ("[A-Za-z]{2}", "2 letters"),
        "01": (".{1,25}", "at most 25 characters"),
        "02": (".{1,15}", "at most 15 characters"),
    },
}
_PRINTABLE = re.compile("[ -~]*")


class EmvcoError(HilError, ValueError):
    """A payload which the EMVCo specifications do not allow; the sentence says where and why."""


class DataObject(Struct, frozen=True, gc=False):
    """An ID of two digits and its value; a template's value is the text of its own objects."""

    id: str
    value: str

    @property
    def text(self) -> str:
        """As it stands in a payload: ID, length in characters, value."""
        return f"{self.id}{len(self.value):02}{self.value}"


def template(id: str, *objects: DataObject) -> DataObject:  # noqa: A002 - the standard's word
    """A data object that holds others."""
    return DataObject(id, "".join(inner.text for inner in objects))


class MerchantCode(Struct, frozen=True):
    """A merchant-presented code: its data objects in their order, without the CRC.

    Make one with `parse` or `build`, which check it.
    """

    objects: tuple[DataObject, ...]

    @classmethod
    def parse(cls, payload: str) -> MerchantCode:
        """Read a payload strictly.

        Raises:
            EmvcoError: It breaks the specification; the first breach is told, with its position
                in characters, counted from 0.
        """
        return cls(tuple(DataObject(part.id, part.value) for part in _checked(payload)))

    @classmethod
    def build(cls, *objects: DataObject) -> MerchantCode:
        """Make a code of data objects, in the order given; the CRC is added in `text`.

        Raises:
            EmvcoError: Such a payload would break the specification.
        """
        code = cls(objects)
        for part in objects:
            if not 1 <= len(part.value) <= 99:  # noqa: PLR2004 - the length has two digits
                raise EmvcoError(
                    f"the value of {part.id} has {len(part.value)} characters: expected 1 to 99"
                )
        _checked(code.text)
        return code

    @property
    def text(self) -> str:
        """The payload, CRC and all: what the QR holds."""
        body = "".join(part.text for part in self.objects) + CRC_ID_AND_LENGTH
        return body + crc(body)

    def find(self, *path: str) -> str:
        """The value under an ID, or under an ID within a template: ``find("62", "05")``.

        Gives "" where there is none: an empty value is not allowed.
        """
        objects = self.objects
        value = ""
        for depth, wanted in enumerate(path):
            if depth:
                objects = tuple(DataObject(part.id, part.value) for part in _split(value, 0, ""))
            value = next((part.value for part in objects if part.id == wanted), "")
        return value

    @property
    def currency(self) -> str:
        """The transaction currency, as an alphabetic ISO 4217 code."""
        return CURRENCIES[self.find("53")]

    @property
    def amount(self) -> Money | None:
        """The amount to be paid; None where the consumer enters it."""
        text = self.find("54")
        return _money(text, self.currency) if text else None


class Bill(Struct, frozen=True):
    """As much of a merchant-presented code as a bill on this bench needs.

    Attributes:
        payee: Account to pay to, at most 60 printable ASCII characters.
        name: Merchant name, at most 25 characters.
        city: Merchant city, at most 15.
        amount: What is to be paid; above 0.
        reference: Reference label, at most 25; "" for none. The settlement's id, say.
        country: ISO 3166-1 alpha-2 code.
        category: ISO 18245 merchant category code; 0000 for none.
    """

    payee: str
    name: str
    city: str
    amount: Money
    reference: str = ""
    country: str = "DE"
    category: str = "0000"

    @property
    def text(self) -> str:
        """The payload.

        Raises:
            EmvcoError: A field does not fit into a code.
        """
        more = [template("62", DataObject("05", self.reference))] if self.reference else []
        return MerchantCode.build(
            DataObject("00", "01"),
            DataObject("01", "12"),
            template("26", DataObject("00", NETWORK), DataObject("01", self.payee)),
            DataObject("52", self.category),
            DataObject("53", NUMBERS[self.amount.currency]),
            DataObject("54", self.amount.text),
            DataObject("58", self.country),
            DataObject("59", self.name),
            DataObject("60", self.city),
            *more,
        ).text

    @classmethod
    def parse(cls, payload: str) -> Bill:
        """Read a bill out of a payload, which may hold more than a bill needs.

        Raises:
            EmvcoError: It breaks the specification, or has no amount or no account of ours.
        """
        code = MerchantCode.parse(payload)
        amount = code.amount
        if amount is None:
            raise EmvcoError("the code has no amount (54): expected that of a bill")
        for part in code.objects:
            if part.id in _NETWORK_TEMPLATES and code.find(part.id, "00") == NETWORK:
                payee = code.find(part.id, "01")
                if payee:
                    return cls(
                        payee,
                        code.find("59"),
                        code.find("60"),
                        amount,
                        code.find("62", "05"),
                        code.find("58"),
                        code.find("52"),
                    )
        raise EmvcoError(
            f"the code names no account of the network {NETWORK!r}: expected one of the templates "
            "26 to 51 with 00 = that name and 01 = the account"
        )


def crc(text: str) -> str:
    """The CRC of a payload up to and including ``6304``: CRC-16/CCITT-FALSE over its UTF-8.

    Polynomial 0x1021, initial value 0xFFFF, neither reflected nor inverted; four capital hex
    digits.
    """
    return f"{binascii.crc_hqx(text.encode(), 0xFFFF):04X}"


class _Part(NamedTuple):
    """A data object, and where in the payload it and its value begin."""

    id: str
    value: str
    at: int

    @property
    def value_at(self) -> int:
        return self.at + 4


def _checked(payload: str) -> list[_Part]:
    """The data objects of a payload that is as it must be, without the CRC."""
    if len(payload) > PAYLOAD_MAX:
        raise EmvcoError(f"the payload has {len(payload)} characters: at most {PAYLOAD_MAX} fit")
    _check_text(payload)
    parts = _split(payload, 0, "")
    if not parts or parts[0].id != "00":
        raise EmvcoError("at character 0: expected the payload format indicator, 000201, first")
    _check_crc(payload, parts.pop())
    for part in parts:
        _check_part(part)
    by_id = {part.id: part for part in parts}
    for wanted, name in _MANDATORY.items():
        if wanted not in by_id:
            raise EmvcoError(f"there is no {wanted} ({name}): the specification demands it")
    if not _ACCOUNTS & by_id.keys():
        raise EmvcoError("there is no merchant account information: expected one of 02 to 51")
    _check_money(by_id)
    return parts


def _check_text(payload: str) -> None:
    try:
        payload.encode()
    except UnicodeEncodeError as error:
        raise EmvcoError(f"at character {error.start}: this is not Unicode text") from error


def _split(text: str, base: int, inside: str) -> list[_Part]:
    """Cut text into data objects; `base` is its position in the payload."""
    parts: list[_Part] = []
    seen: set[str] = set()
    at = 0
    while at < len(text):
        here = f"at character {base + at}{inside}"
        head = text[at : at + 4]
        if not re.fullmatch("[0-9]{4}", head):
            raise EmvcoError(f"{here}: expected an ID and a length, 4 digits, seen {head!r}")
        id_, length = head[:2], int(head[2:])
        if not length:
            raise EmvcoError(f"{here}: {id_} has length 00: leave out what is empty")
        value = text[at + 4 : at + 4 + length]
        if len(value) < length:
            raise EmvcoError(
                f"{here}: {id_} says {length} characters and {len(value)} are left: it was cut "
                "off, or its length counts bytes instead of characters"
            )
        if id_ in seen:
            raise EmvcoError(f"{here}: {id_} stands there a second time")
        seen.add(id_)
        parts.append(_Part(id_, value, base + at))
        at += 4 + length
    return parts


def _check_crc(payload: str, last: _Part) -> None:
    if last.id != "63" or len(last.value) != 4:  # noqa: PLR2004 - four hex digits
        raise EmvcoError(
            f"at character {last.at}: expected the CRC, 6304 and 4 hex digits, last; seen {last.id}"
        )
    right = crc(payload[: last.value_at])
    if last.value != right:
        raise EmvcoError(
            f"at character {last.value_at}: the CRC is {last.value!r} where {right!r} is right: "
            "the code was changed, or made with another CRC"
        )


def _check_part(part: _Part) -> None:
    if part.id == "63":
        raise EmvcoError(f"at character {part.at}: the CRC stands before the end")
    if part.id in _TEMPLATES:
        _check_template(part)
        return
    _check_form(part, *_FORMS.get(part.id, (".*", "")))
    if not _PRINTABLE.fullmatch(part.value) and int(part.id) < 65:  # noqa: PLR2004 - 65 to 79 are free
        raise EmvcoError(
            f"at character {part.value_at}: {part.id} is {part.value!r}: expected printable ASCII; "
            "other alphabets belong into 64"
        )


def _check_template(part: _Part) -> None:
    parts = _split(part.value, part.value_at, f" (in {part.id})")
    ids = {inner.id for inner in parts}
    forms = _SUB_FORMS.get(part.id, {"00": (".{1,32}", "at most 32 characters")})
    for inner in parts:
        if inner.id in forms:
            _check_form(inner, *forms[inner.id], within=part.id)
        elif part.id == "62" and inner.id >= "50":
            _check_template(_Part("80", inner.value, inner.at))  # of the same build
    needed = () if part.id == "62" else ("00", "01") if part.id == "64" else ("00",)
    for wanted in needed:
        if wanted not in ids:
            raise EmvcoError(
                f"at character {part.value_at}: the template {part.id} has no {wanted}"
            )


def _check_form(part: _Part, pattern: str, words: str, within: str = "") -> None:
    if not re.fullmatch(pattern, part.value, re.DOTALL):
        name = f"{within}.{part.id}" if within else part.id
        raise EmvcoError(
            f"at character {part.value_at}: {name} is {part.value!r}: expected {words}"
        )


def _check_money(by_id: dict[str, _Part]) -> None:
    number = by_id["53"]
    currency = CURRENCIES.get(number.value)
    if currency is None:
        raise EmvcoError(
            f"at character {number.value_at}: 53 is {number.value!r}: expected the number of an "
            "ISO 4217 currency, such as 978 for EUR"
        )
    for id_ in by_id.keys() & {"54", "56"}:
        part = by_id[id_]
        try:
            amount = _money(part.value, currency)
        except MoneyError as error:
            raise EmvcoError(f"at character {part.value_at}: {id_}: {error}") from error
        if not amount.amount_minor:
            raise EmvcoError(
                f"at character {part.value_at}: {id_} is zero: leave it out where the consumer "
                "enters the amount"
            )
    indicator = by_id["55"].value if "55" in by_id else ""
    for id_, wanted in (("56", "02"), ("57", "03")):
        if (id_ in by_id) != (indicator == wanted):
            raise EmvcoError(
                f"there {'is' if id_ in by_id else 'is no'} {id_} and 55 is "
                f"{indicator or 'missing'}: {id_} belongs to 55 = {wanted} and to no other"
            )


def _money(text: str, currency: str) -> Money:
    return Money.parse(text.removesuffix("."), currency)
