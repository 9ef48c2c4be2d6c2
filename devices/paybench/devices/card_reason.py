"""Reasons of a card company: field 39 of its answers (ISO 8583:1987)."""

from __future__ import annotations

import enum


class CardReason(enum.StrEnum):
    """What a card company decided. Each has a `sentence` for the person at the counter."""

    APPROVED = "00"
    INVALID = "12"
    CHECK_DIGIT = "14"
    NO_ORIGINAL = "25"
    FORMAT = "30"
    STOLEN = "43"
    EXPIRED = "54"
    WRONG_PIN = "55"
    UNKNOWN_CARD = "56"
    WRONG_TYPE = "57"
    OVER_LIMIT = "61"
    PIN_BLOCK = "63"
    BLOCKED = "75"
    MALFUNCTION = "96"

    @property
    def sentence(self) -> str:
        """The reason in one sentence."""
        return _SENTENCES[self]

    @classmethod
    def of(cls, code: str) -> CardReason:
        """The reason of a code; one that is not known here is a malfunction."""
        return cls(code) if code in cls.__members__.values() else cls.MALFUNCTION


_SENTENCES = {
    CardReason.APPROVED: "Approved.",
    CardReason.INVALID: "The card company does not take this demand.",
    CardReason.CHECK_DIGIT: "The card's number is mistyped: its check digit is wrong.",
    CardReason.NO_ORIGINAL: "There was nothing to take back, and nothing will come of it.",
    CardReason.FORMAT: "The card company cannot read the demand.",
    CardReason.STOLEN: "The card is reported stolen: keep it.",
    CardReason.EXPIRED: "The card has expired.",
    CardReason.WRONG_PIN: "The PIN is wrong.",
    CardReason.UNKNOWN_CARD: "The card company has no such card.",
    CardReason.WRONG_TYPE: "The card is not of this type.",
    CardReason.OVER_LIMIT: "The card's limit for today is exceeded.",
    CardReason.PIN_BLOCK: "The PIN cannot be read with this terminal's key.",
    CardReason.BLOCKED: "The card is blocked: too many wrong PINs.",
    CardReason.MALFUNCTION: "The card company has a malfunction.",
}
