"""What a phone shows as a code at gates and entrances: a ticket, an admission, who its holder is.

Each is a code of the plain profile, of a kind of its own; docs/wallet_code.md has the bytes, and
docs/decisions/codes-at-gates.md says why a proof may be made before anybody asks for it.
"""

from __future__ import annotations

import msgspec

from paybench.bank.account import AccountNumber
from paybench.bank.errors import BankError
from paybench.bank.proof import Proof
from paybench.devices.admission import ADMISSION, ENTRY_BY_CODE
from paybench.devices.document import Document
from paybench.devices.plain_profile import PlainCode, PlainProfileError
from paybench.devices.ticket import TICKET

KINDS = {TICKET: "TICKET", ADMISSION: "ADMIT"}
"""Kind of code by kind of document."""

ENTRY_KIND = "ENTRY"
"""Kind of the code a phone shows to be let in at a gate."""

TIME_BYTES = 8
CHANCE_BYTES = 8


class _Entry(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The body of a proof: what its kind says already, its purpose, is left out."""

    branch: int
    number: int
    line: str
    challenge: bytes
    counter: int
    signature: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode_document = msgspec.msgpack.Decoder(Document).decode
_decode_entry = msgspec.msgpack.Decoder(_Entry).decode
_NONE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, BankError)


def document_code(document: Document) -> PlainCode:
    """A ticket or an admission as a code; its `text` raises when there is too much in it."""
    return PlainCode(KINDS[document.kind], _encode(document))


def read_document(text: str, kind: str) -> Document:
    """Read a document of a kind strictly; whether it is genuine is not looked at.

    Args:
        text: What the code says.
        kind: The kind of document, as `Document` has it.

    Raises:
        PlainProfileError: It is no code of such a document.
    """
    body = _body(text, KINDS[kind])
    try:
        document = _decode_document(body)
    except _NONE as error:
        raise PlainProfileError(f"the body is no {kind}: {error}") from error
    if document.kind != kind or _encode(document) != body:
        raise PlainProfileError(f"the body is no {kind} as it must be")
    return document


def new_challenge(now_ns: int, chance: int) -> bytes:
    """The challenge of a proof that nobody asks for: when it is made, and 8 bytes of chance."""
    return now_ns.to_bytes(TIME_BYTES, "big") + chance.to_bytes(CHANCE_BYTES, "big")


def made_ns(proof: Proof) -> int:
    """When such a proof was made, in nanoseconds of the phone's clock."""
    return int.from_bytes(proof.challenge[:TIME_BYTES], "big")


def entry_code(proof: Proof) -> PlainCode:
    """A proof for a line's gates as a code."""
    account = proof.account
    entry = _Entry(
        account.branch,
        account.number,
        proof.verifier,
        proof.challenge,
        proof.counter,
        proof.signature,
    )
    return PlainCode(ENTRY_KIND, _encode(entry))


def read_entry(text: str) -> Proof:
    """Read a proof strictly; whether it is one, only the bank can tell.

    Raises:
        PlainProfileError: It is no code of a proof.
    """
    body = _body(text, ENTRY_KIND)
    try:
        entry = _decode_entry(body)
        account = AccountNumber(entry.branch, entry.number)
    except _NONE as error:
        raise PlainProfileError(f"the body is no proof: {error}") from error
    if _encode(entry) != body or len(entry.challenge) != TIME_BYTES + CHANCE_BYTES:
        raise PlainProfileError("the body is no proof as it must be")
    return Proof(
        account, ENTRY_BY_CODE, entry.line, entry.challenge, entry.counter, entry.signature
    )


def _body(text: str, kind: str) -> bytes:
    code = PlainCode.parse(text)
    if code.kind != kind:
        raise PlainProfileError(f"this is a code of the kind {code.kind}: expected {kind}")
    return code.body
