"""The plain profile: QR codes of our own, for devices whose firmware is ours to define.

A code is text in the 45 characters that QR stores most densely::

    PB1:BILL:….3B72     profile and version, kind, body in base45, CRC

What a body means is for its kind to say. `PlainBill` is one: what a shop shows to be paid. Anything
else, e.g. a document that is signed, goes as bytes of a kind of its own. docs/plain_profile.md has
all that firmware needs. Values in, values out: nothing here reads or shows an image.
"""

from __future__ import annotations

import binascii
import re

import msgspec
from msgspec import Struct

from paybench.bank.account import AccountNumber
from paybench.bank.errors import BankError
from paybench.bank.money import Money
from paybench.bank.settlement import is_well_formed
from paybench.devices import base45
from paybench.devices.errors import DeviceError

VERSION = 1
BODY_MAX_BYTES = 512
"""The longest body: with it, a code is of QR version 18 at error correction level M."""

KIND_MAX = 8
BILL = "BILL"
NAME_MAX = 64

_HEAD = re.compile(r"PB([0-9]{1,4}):")
_KIND = re.compile(rf"[A-Z][A-Z0-9]{{0,{KIND_MAX - 1}}}")
_CRC_SIGNS = 4
_TEXT_MAX = len(f"PB{VERSION}:") + KIND_MAX + 1 + BODY_MAX_BYTES // 2 * 3 + _CRC_SIGNS


class PlainProfileError(DeviceError, ValueError):
    """A code the plain profile does not allow; the sentence says where and why."""


class PlainCode(Struct, frozen=True):
    """A code of any kind: the envelope.

    Attributes:
        kind: What the body is: a capital letter, then up to 7 of capital letters and digits.
        body: 1 to 512 bytes. They are not looked into, nor are they secret or protected from those
            who want to change them: what must not be changed is signed inside.
    """

    kind: str
    body: bytes

    @property
    def text(self) -> str:
        """What the QR holds.

        Raises:
            PlainProfileError: Kind or body are none.
        """
        _check(self.kind, self.body)
        head = f"PB{VERSION}:{self.kind}:{base45.encode(self.body)}"
        return head + crc(head)

    @classmethod
    def parse(cls, text: str) -> PlainCode:
        """Read a code strictly: each has one right text.

        Raises:
            PlainProfileError: It is no code of this profile and version, or was changed; the first
                thing that is wrong is told, with its position in characters, counted from 0.
        """
        head = _HEAD.match(text)
        if head is None:
            raise PlainProfileError(
                f"this is no code of the plain profile: expected 'PB{VERSION}:' first, seen "
                f"{text[:4]!r}"
            )
        if head[1] != str(VERSION):
            raise PlainProfileError(
                f"this is a code of version {head[1]} of the plain profile; this is version "
                f"{VERSION}"
            )
        if len(text) > _TEXT_MAX:
            raise PlainProfileError(f"the code has {len(text)} characters: at most {_TEXT_MAX} fit")
        for at, sign in enumerate(text):
            if sign not in base45.ALPHABET:
                raise PlainProfileError(
                    f"at character {at}: {sign!r}: expected capital letters, digits, and "
                    f"{base45.ALPHABET[36:]!r}"
                )
        kind, colon, rest = text[head.end() :].partition(":")
        if not colon:
            raise PlainProfileError(
                f"at character {head.end()}: there is no kind, and ':' after it"
            )
        _check_crc(text)
        try:
            body = base45.decode(rest[:-_CRC_SIGNS])
        except base45.Base45Error as error:
            raise PlainProfileError(f"in the body, {error}") from error
        _check(kind, body)
        return cls(kind, body)


class PlainBill(Struct, frozen=True):
    """What a shop, a machine or a phone shows to be paid: the kind BILL.

    Attributes:
        settlement_id: Id of the purchase, 1 to 64 printable ASCII characters; it settles once.
        payee: The account to pay to.
        amount: What is to be paid; above 0.
        shop: Who bills, for the customer's eyes, at most 64 printable characters; "" for nobody.
        terminal: Name of the billing device at the bank, which tells it the result; likewise.
    """

    settlement_id: str
    payee: AccountNumber
    amount: Money
    shop: str = ""
    terminal: str = ""

    @property
    def text(self) -> str:
        """What the QR holds.

        Raises:
            PlainProfileError: A field does not fit into a code.
        """
        self._check()
        body = _Bill(
            self.settlement_id,
            self.payee.branch,
            self.payee.number,
            self.amount.amount_minor,
            self.amount.currency,
            self.shop,
            self.terminal,
        )
        return PlainCode(BILL, _encode(body)).text

    @classmethod
    def parse(cls, text: str) -> PlainBill:
        """Read a bill strictly.

        Raises:
            PlainProfileError: It is no code of this profile, or none of a bill.
        """
        code = PlainCode.parse(text)
        if code.kind != BILL:
            raise PlainProfileError(f"this is a code of the kind {code.kind}: expected {BILL}")
        try:
            body = _decode_bill(code.body)
            payee = AccountNumber(body.branch, body.number)
            amount = Money(body.amount_minor, body.currency)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, BankError) as error:
            raise PlainProfileError(f"the body is no bill: {error}") from error
        if _encode(body) != code.body:
            raise PlainProfileError(
                "the body is no bill as it must be: a value is not in its shortest form, or there "
                "are more than 7"
            )
        bill = cls(body.settlement_id, payee, amount, body.shop, body.terminal)
        bill._check()
        return bill

    def _check(self) -> None:
        if not is_well_formed(self.settlement_id):
            raise PlainProfileError(
                f"the purchase id {self.settlement_id[:NAME_MAX]!r} is none: expected 1 to 64 "
                "printable ASCII characters"
            )
        if self.amount.amount_minor <= 0:
            raise PlainProfileError(f"the amount is {self.amount}: expected more than nothing")
        for name, value in (("shop", self.shop), ("terminal", self.terminal)):
            if len(value) > NAME_MAX or not value.isprintable():
                raise PlainProfileError(
                    f"the {name} is {value[:NAME_MAX]!r}: expected at most {NAME_MAX} printable "
                    "characters"
                )


class _Bill(Struct, frozen=True, array_like=True):
    """The body of a bill, in the order of its array."""

    settlement_id: str
    branch: int
    number: int
    amount_minor: int
    currency: str
    shop: str
    terminal: str


_encode = msgspec.msgpack.Encoder().encode
_decode_bill = msgspec.msgpack.Decoder(_Bill).decode


def _check(kind: str, body: bytes) -> None:
    if not _KIND.fullmatch(kind):
        raise PlainProfileError(
            f"{kind[:16]!r} is no kind: expected a capital letter, then up to {KIND_MAX - 1} of "
            "capital letters and digits"
        )
    if not 1 <= len(body) <= BODY_MAX_BYTES:
        raise PlainProfileError(f"the body has {len(body)} bytes: expected 1 to {BODY_MAX_BYTES}")


def _check_crc(text: str) -> None:
    given, right = text[-_CRC_SIGNS:], crc(text[:-_CRC_SIGNS])
    if given != right:
        raise PlainProfileError(
            f"at character {len(text) - _CRC_SIGNS}: the CRC is {given!r} where {right!r} is "
            "right: the code was changed, or cut off"
        )


def crc(text: str) -> str:
    """The CRC at the end of a code: the one EMVCo uses, CRC-16/CCITT-FALSE over UTF-8."""
    return f"{binascii.crc_hqx(text.encode(), 0xFFFF):04X}"
