"""The card company's file: its cards, what it permitted, and what its customers owe."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

import msgspec

from paybench.bank.account import AccountNumber
from paybench.devices.card import CREDIT
from paybench.devices.card_reason import CardReason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paybench.devices.store import Store

PIN_TRIES = 3
"""Wrong PINs in a row that block a card."""

_ROUNDS = 1000
_CARD, _PERMISSION = "card ", "permission "


class CardRecord(msgspec.Struct):
    """A card as its company knows it: neither its number nor its PIN is here.

    Attributes:
        kind: ``1`` credit, ``2`` debit.
        expiry: The last month it is good in, ``YYMM``.
        holder: Whose name is on it.
        account: The holder's account.
        limit_minor: How much may be paid with it in a day, in minor units.
        salt: What the PIN's hash was made with.
        pin_hash: The PIN's hash.
        stolen: Whether it is reported stolen.
        tries: Wrong PINs since the last right one.
        day: The day of the last payment permitted, ``YYYYMMDD``.
        spent_minor: What was permitted that day and not taken back, in minor units.
        owed_minor: What was permitted on credit and not taken back, in minor units.
    """

    kind: str
    expiry: str
    holder: str
    account: AccountNumber
    limit_minor: int
    salt: bytes
    pin_hash: bytes
    stolen: bool = False
    tries: int = 0
    day: str = ""
    spent_minor: int = 0
    owed_minor: int = 0


class Permission(msgspec.Struct):
    """What became of one demand; kept, so that the same demand gets the same answer.

    Attributes:
        asked: Digest of the demand.
        answer: The answer's fields; none of a demand that was taken back before it came.
        token: Of the card; "" if nothing was permitted.
        amount_minor: What was permitted, in minor units.
        day: On which day.
        taken_back: Whether it does not stand any more.
    """

    asked: bytes = b""
    answer: dict[str, str] = {}
    token: str = ""
    amount_minor: int = 0
    day: str = ""
    taken_back: bool = False


class CardFile:
    """Cards by token, permissions by the name of their demand; all in the company's store.

    Args:
        store: The store of the device that has the file.
        secret: What tokens and hashes are made with; without it the store tells nothing.
    """

    def __init__(self, store: Store, secret: bytes) -> None:
        self._store = store
        self._secret = secret

    def issue(
        self,
        number: str,
        pin: str,
        *,
        kind: str,
        expiry: str,
        holder: str,
        account: AccountNumber,
        limit_minor: int,
    ) -> None:
        """Add a card.

        Raises:
            ValueError: There is one of this number.
        """
        token = self.token(number)
        if self.card(token) is not None:
            raise ValueError("there is a card of this number: give each its own")
        salt = self.digest("salt", token)
        record = CardRecord(
            kind, expiry, holder, account, limit_minor, salt, self._pin_hash(pin, salt)
        )
        self.keep(token, record)

    def token(self, number: str) -> str:
        """By what a card is known here, other than by its number."""
        return self.digest("token", number).hex()[:32]

    def card(self, token: str) -> CardRecord | None:
        """The card of a token, or None."""
        return self._store.get(_CARD + token, CardRecord)

    def cards(self) -> Iterator[CardRecord]:
        """All cards, in the order they were issued."""
        for name in list(self._store):
            if name.startswith(_CARD):
                card = self.card(name.removeprefix(_CARD))
                if card is not None:
                    yield card

    def keep(self, token: str, card: CardRecord) -> None:
        """Note what has changed about a card."""
        self._store.put(_CARD + token, card)

    def flaw(self, token: str, kind: str, expiry: str, month: str) -> CardReason:
        """What the card itself says against a payment; approved if nothing does.

        Args:
            token: The card's.
            kind: Of which kind the terminal says it is.
            expiry: The term of validity that the terminal says it has, ``YYMM``.
            month: Which month it is, ``YYMM``.
        """
        card = self.card(token)
        if card is None:
            return CardReason.UNKNOWN_CARD
        if card.stolen:
            return CardReason.STOLEN
        if card.tries >= PIN_TRIES:
            return CardReason.BLOCKED
        if expiry != card.expiry:
            return CardReason.INVALID
        if month > card.expiry:
            return CardReason.EXPIRED
        return CardReason.APPROVED if kind == card.kind else CardReason.WRONG_TYPE

    def pin_flaw(self, token: str, pin: str) -> CardReason:
        """Whether the PIN is right: compared in constant time; wrong ones count."""
        card = self.card(token)
        if card is None:
            return CardReason.UNKNOWN_CARD
        if hmac.compare_digest(self._pin_hash(pin, card.salt), card.pin_hash):
            card.tries = 0
            self.keep(token, card)
            return CardReason.APPROVED
        card.tries += 1
        self.keep(token, card)
        return CardReason.BLOCKED if card.tries >= PIN_TRIES else CardReason.WRONG_PIN

    def permit(self, token: str, amount_minor: int, day: str) -> CardReason:
        """Count a payment, if the day's limit allows it."""
        card = self.card(token)
        if card is None:
            return CardReason.UNKNOWN_CARD
        spent_minor = card.spent_minor if card.day == day else 0
        if spent_minor + amount_minor > card.limit_minor:
            return CardReason.OVER_LIMIT
        card.day, card.spent_minor = day, spent_minor + amount_minor
        if card.kind == CREDIT:
            card.owed_minor += amount_minor
        self.keep(token, card)
        return CardReason.APPROVED

    def permission(self, name: str) -> Permission | None:
        """What became of the demand of that name, or None."""
        return self._store.get(_PERMISSION + name, Permission)

    def remember(self, name: str, permission: Permission) -> None:
        """Note what became of a demand."""
        self._store.put(_PERMISSION + name, permission)

    def take_back(self, name: str) -> CardReason:
        """A demand's answer is not used: as if it had never come, or, if it has not, will not."""
        permission = self.permission(name)
        if permission is None:
            self.remember(name, Permission(taken_back=True))
            return CardReason.NO_ORIGINAL
        card = self.card(permission.token) if permission.token else None
        if card is not None and not permission.taken_back:
            if card.day == permission.day:
                card.spent_minor -= permission.amount_minor
            if card.kind == CREDIT:
                card.owed_minor -= permission.amount_minor
            self.keep(permission.token, card)
        if not permission.taken_back:
            permission.taken_back = True
            self.remember(name, permission)
        return CardReason.APPROVED if permission.answer else CardReason.NO_ORIGINAL

    def _pin_hash(self, pin: str, salt: bytes) -> bytes:
        # A PIN has few digits: what protects it is the secret, which is not in the store.
        return hashlib.pbkdf2_hmac("sha256", pin.encode(), self._secret + salt, _ROUNDS)

    def digest(self, purpose: str, text: str) -> bytes:
        """What stands here for a text that is not to be kept."""
        return hmac.digest(self._secret, f"{purpose}|{text}".encode(), hashlib.sha256)
