"""EMVCo consumer-presented codes: what the QR on a customer's phone says.

EMV QR Code Specification for Payment Systems, Consumer-Presented Mode, version 1.1. A payload is
BER-TLV (ISO/IEC 8825-1, as EMV Book 3, Annex B restricts it) in base64: the payload format
indicator 85, ``CPV01``; then application templates 61, each with the name of its application 4F;
then, if need be, a common data template 62.

Card numbers (5A, 57) never stand in errors, nor in the `repr` of a code.
"""

from __future__ import annotations

import base64
import binascii

from msgspec import Struct

from paybench.hil.emvco import PAYLOAD_MAX, EmvcoError

VERSION = b"CPV01"
_CARD_TAGS = ("5A", "57")
_APPLICATION_NAME_BYTES = range(5, 17)
_DEPTH_MAX = 4
_CONSTRUCTED = 0x20
_LONG_TAG = 0x1F
_MORE = 0x80


class Tlv(Struct, frozen=True):
    """A BER-TLV data object.

    Attributes:
        tag: The tag in capital hex digits, such as 4F or 5F20.
        value: The value; "" in a template.
        items: What a template holds.
    """

    tag: str
    value: bytes = b""
    items: tuple[Tlv, ...] = ()

    def __repr__(self) -> str:
        if self.items:
            return f"Tlv({self.tag}, items={self.items!r})"
        shown = "…" if self.tag in _CARD_TAGS else self.value.hex().upper()
        return f"Tlv({self.tag}, {shown})"

    @property
    def data(self) -> bytes:
        """As it stands in a payload: tag, length, value.

        Raises:
            EmvcoError: The tag is none, or does not fit what it holds.
        """
        try:
            tag = bytes.fromhex(self.tag)
        except ValueError:
            tag = b""
        if not tag or _tag_end(tag, 0) != len(tag) or self.tag != tag.hex().upper():
            raise EmvcoError(f"{self.tag!r} is no tag: write hex digits, such as 4F or 5F20")
        if self.items and not _is_template(tag):
            raise EmvcoError(f"the tag {self.tag} is of no template and cannot hold others")
        value = b"".join(item.data for item in self.items) if self.items else self.value
        return tag + _length(len(value)) + value


class ConsumerCode(Struct, frozen=True):
    """A consumer-presented code: its data objects in their order, from the indicator on.

    Make one with `parse` or `build`, which check it.
    """

    objects: tuple[Tlv, ...]

    @classmethod
    def parse(cls, payload: str) -> ConsumerCode:
        """Read a payload strictly.

        Raises:
            EmvcoError: It breaks the specification; the first breach is told, with its position in
                bytes of the data under the base64, counted from 0.
        """
        if len(payload) > PAYLOAD_MAX:
            raise EmvcoError(
                f"the payload has {len(payload)} characters: at most {PAYLOAD_MAX} fit"
            )
        try:
            data = base64.b64decode(payload.encode("ascii"), validate=True)
        except (UnicodeEncodeError, binascii.Error) as error:
            raise EmvcoError(f"the payload is no base64: {error}") from error
        if base64.b64encode(data).decode() != payload:
            raise EmvcoError("the payload is no base64: the bits after its end are not 0")
        code = cls(_split(data, 0, 0))
        code._check()
        return code

    @classmethod
    def build(cls, *objects: Tlv) -> ConsumerCode:
        """Make a code; the payload format indicator is put before the objects.

        Raises:
            EmvcoError: Such a payload would break the specification.
        """
        return cls.parse(cls((Tlv("85", VERSION), *objects)).text)

    @property
    def text(self) -> str:
        """The payload: what the QR holds."""
        return base64.b64encode(b"".join(item.data for item in self.objects)).decode()

    @property
    def applications(self) -> tuple[bytes, ...]:
        """The names (AID) of the applications, the preferred one first."""
        return tuple(
            inner.value
            for item in self.objects
            if item.tag == "61"
            for inner in item.items
            if inner.tag == "4F"
        )

    def find(self, *path: str) -> bytes:
        """The value under a tag, or under a tag within a template: ``find("62", "64", "9F26")``.

        Gives that of the first where a template stands more than once, and b"" where there is none.
        """
        items = self.objects
        found: Tlv | None = None
        for tag in path:
            found = next((item for item in items if item.tag == tag), None)
            items = found.items if found else ()
        return found.value if found else b""

    def _check(self) -> None:
        if not self.objects or self.objects[0] != Tlv("85", VERSION):
            raise EmvcoError("at byte 0: expected the payload format indicator 85, CPV01, first")
        if not any(item.tag == "61" for item in self.objects):
            raise EmvcoError("there is no application template: expected at least one 61")
        for item in self.objects:
            if item.tag != "61":
                continue
            names = [inner.value for inner in item.items if inner.tag == "4F"]
            if not names:
                raise EmvcoError("an application template 61 has no 4F, the application's name")
            if len(names[0]) not in _APPLICATION_NAME_BYTES:
                raise EmvcoError(f"4F has {len(names[0])} bytes: expected 5 to 16")
        tags = [item.tag for item in self.objects]
        for tag in set(tags) - {"61"}:
            if tags.count(tag) > 1:
                raise EmvcoError(f"{tag} stands there {tags.count(tag)} times: expected once")


def _split(data: bytes, base: int, depth: int) -> tuple[Tlv, ...]:
    """Cut bytes into data objects; `base` is their position in the payload."""
    items: list[Tlv] = []
    at = 0
    while at < len(data):
        here = f"at byte {base + at}"
        end = _tag_end(data, at)
        if end > len(data):
            raise EmvcoError(f"{here}: the data ends within a tag")
        raw = data[at:end]
        tag = raw.hex().upper()
        start, length = _read_length(data, end, f"{here}: {tag}")
        if length > len(data) - start:
            raise EmvcoError(
                f"{here}: {tag} says {length} bytes and {len(data) - start} are left: "
                "it was cut off"
            )
        value = data[start : start + length]
        if not _is_template(raw):
            items.append(Tlv(tag, value))
        elif depth >= _DEPTH_MAX:
            raise EmvcoError(f"{here}: templates within templates, deeper than {_DEPTH_MAX}")
        elif not value:
            raise EmvcoError(f"{here}: the template {tag} is empty: leave it out")
        else:
            items.append(Tlv(tag, items=_split(value, base + start, depth + 1)))
        if depth and [item.tag for item in items].count(tag) > 1:
            raise EmvcoError(f"{here}: {tag} stands there a second time")
        at = start + length
    return tuple(items)


def _tag_end(data: bytes, at: int) -> int:
    """Where the tag ends that begins at a byte; beyond the data when that ends first."""
    end = at + 1
    if data[at] & _LONG_TAG == _LONG_TAG:
        while end < len(data) and data[end] & _MORE:
            end += 1
        end += 1
    return end


def _is_template(tag: bytes) -> bool:
    return bool(tag[0] & _CONSTRUCTED)


def _read_length(data: bytes, at: int, here: str) -> tuple[int, int]:
    """Where the value begins and how long it is; in as few bytes as it can be said."""
    head = data[at : at + 1]
    if not head:
        raise EmvcoError(f"{here} has no length: it was cut off")
    if head[0] < _MORE:
        return at + 1, head[0]
    count = head[0] - _MORE
    digits = data[at + 1 : at + 1 + count]
    if count not in (1, 2) or len(digits) < count:
        raise EmvcoError(
            f"{here} has the length {head.hex().upper()}…: expected 00 to 7F, 81 and a byte, or 82 "
            "and two"
        )
    length = int.from_bytes(digits)
    if _length(length) != head + digits:
        raise EmvcoError(f"{here}: its length {length} is written in more bytes than it takes")
    return at + 1 + count, length


def _length(length: int) -> bytes:
    if length < _MORE:
        return bytes([length])
    digits = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([_MORE + len(digits)]) + digits
