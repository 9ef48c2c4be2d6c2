"""The card authentication apparatus 100 of Fig 9, at the card company ([0107], [0108])."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from paybench.bank.currency_number import NUMBERS
from paybench.bank.money import Money
from paybench.bank.settlement import is_well_formed
from paybench.devices import iso_message as iso
from paybench.devices.card import CREDIT, KINDS, NUMBER_DIGITS, check_digit_fits, is_digits
from paybench.devices.card_file import CardFile, CardRecord, Permission
from paybench.devices.card_reason import CardReason
from paybench.devices.device import Device, verb
from paybench.devices.errors import CardMessageError, OutOfOrder
from paybench.devices.iso_message import IsoMessage, pack, unpack
from paybench.devices.signer import Signer
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from collections.abc import Generator
    from datetime import date

    from paybench.bank.account import AccountNumber
    from paybench.devices.card_keys import CardKeys
    from paybench.devices.trace import Sent
    from paybench.devices.world import World

ECHOED = (
    iso.PROCESSING, iso.AMOUNT, iso.SENT_AT, iso.TRACE_NUMBER, iso.ACQUIRER, iso.REFERENCE,
    iso.TERMINAL, iso.MERCHANT, iso.CURRENCY, iso.SETTLEMENT_ID,
)  # fmt: skip
"""Fields that an answer has from its demand. The card's number is not among them."""

AMOUNT_DIGITS = range(12, 13)

AUTHORISATIONS = 999_999
"""Field 38 counts so far, and begins again."""

_KINDS_BY_CODE = {code: kind for kind, code in iso.PROCESSING_CODES.items()}


class KnownTerminal(NamedTuple):
    """A terminal the company answers.

    Attributes:
        keys: What the two share.
        account: The account of the shop it stands in.
    """

    keys: CardKeys
    account: AccountNumber


class CardAuthority(Device):
    """Judges cards: legality, term of validity, PIN, limit; and signs what is paid on credit.

    Args:
        world: What it shares with the others.
        name: Full name, e.g. ``C.authority``.
        account: The company's account: credit is paid from it.
        approval_key: The key of that account.
        secret: What its file is kept with.
        currency: ISO 4217 code of all limits.
        epoch: The day whose beginning the world's clock counts from.
        service_time_s: How long it is busy with one message.

    Attributes:
        terminals: The port its terminals are linked to.
        file: Its cards.
        known: Terminals by their id.
    """

    role = "authority"

    def __init__(
        self,
        world: World,
        name: str,
        *,
        account: AccountNumber,
        approval_key: bytes,
        secret: bytes,
        currency: str = "EUR",
        epoch: date,
        service_time_s: float = 0.006,
    ) -> None:
        super().__init__(world, name)
        self.account = account
        self.currency = currency
        self.terminals = self.port("terminals")
        self.file = CardFile(self.store, secret)
        self.known: dict[str, KnownTerminal] = {}
        self._signer = Signer(account, approval_key, self.store)
        self._epoch = epoch
        self._service_time_s = service_time_s
        self.boot()

    # -- what the company's people do -----------------------------------------------------------

    @verb("number")
    def report_stolen(self, number: str) -> None:
        """Put a card on the stolen list.

        Raises:
            OutOfOrder: There is no such card.
        """
        token, card = self._card(number)
        card.stolen = True
        self.file.keep(token, card)

    @verb("number")
    def unblock(self, number: str) -> None:
        """The holder has proved who they are: the PIN may be tried again.

        Raises:
            OutOfOrder: There is no such card.
        """
        token, card = self._card(number)
        card.tries = 0
        self.file.keep(token, card)

    def owed(self, holder: str = "") -> Money:
        """What a holder, or all of them, owe for what was paid on credit."""
        owed_minor = sum(
            card.owed_minor for card in self.file.cards() if holder in ("", card.holder)
        )
        return Money(owed_minor, self.currency)

    def expects_owed(self, holder: str, amount: str) -> None:
        """Expect a card holder to owe so much, e.g. ``expects_owed("B", "2.50")``.

        Raises:
            Unmet: It is another amount.
        """
        self.world.expect(
            lambda: self.owed(holder).text == amount,
            who=self.name,
            expected=f"{holder} owes {amount}",
            seen=lambda: f"{holder} owes {self.owed(holder).text}",
        )

    # -- what the apparatus does ----------------------------------------------------------------

    def boot(self) -> None:
        """Take messages one after another."""
        self.run(self._work())

    def _work(self) -> Generator[Any, Any, None]:
        while True:
            sent: Sent = yield self.terminals.receive_sent()
            yield self.env.timeout(self._service_time_s)
            try:
                self._serve(sent)
            except CardMessageError as error:
                # Whoever it is from, it cannot be answered; the terminal takes back what it asked.
                self.decided(IGNORED, str(error), sent.correlation)

    def _serve(self, sent: Sent) -> None:
        message = sent.message
        if not isinstance(message, IsoMessage):
            raise CardMessageError(f"a {type(message).__name__} is nothing for a card company")
        name = message.iso.fields().get(iso.TERMINAL, "")
        terminal = self.known.get(name)
        if terminal is None:
            raise CardMessageError("a card message from a terminal that is not registered")
        fields = unpack(message.iso, terminal.keys.mac)
        if not fields.keys() >= set(ECHOED):
            raise CardMessageError(f"a card message {fields['t']} without all of its fields")
        if fields["t"] == iso.AUTHORISE:
            kind, step, answer = iso.AUTHORISED, "D83", self._authorise(fields, terminal)
        elif fields["t"] in (iso.REVERSE, iso.REVERSE_AGAIN):
            kind, step, answer = iso.REVERSED, "R4", self._reverse(fields)
        else:
            raise CardMessageError(f"a card message {fields['t']}, which is no demand")
        self.terminals.send(pack(kind, answer, terminal.keys.mac), step, sent.sender)

    def _authorise(self, fields: dict[str, str], terminal: KnownTerminal) -> dict[str, str]:
        """0100: judge it; a demand that came before gets the answer it got."""
        name = _name(fields[iso.TERMINAL], iso.original(fields))
        asked = self.file.digest("demand", repr(sorted(fields.items())))
        known = self.file.permission(name)
        if known is not None:
            if known.asked == asked and not known.taken_back:
                return known.answer
            return self._answer(fields, CardReason.INVALID)
        permission = Permission(asked, day=f"{self._today():%Y%m%d}")
        reason = self._judge(fields, terminal, permission)
        permission.answer = self._answer(fields, reason) | permission.answer
        self.file.remember(name, permission)
        return permission.answer

    def _judge(
        self, fields: dict[str, str], terminal: KnownTerminal, permission: Permission
    ) -> CardReason:
        """What becomes of a demand; notes in the permission what was permitted."""
        if not self._is_well_formed(fields):
            return CardReason.FORMAT
        number, kind = fields[iso.NUMBER], _KINDS_BY_CODE[fields[iso.PROCESSING]]
        if not check_digit_fits(number):
            return CardReason.CHECK_DIGIT
        token = self.file.token(number)
        flaw = self.file.flaw(token, kind, fields.get(iso.EXPIRY, ""), f"{self._today():%y%m}")
        if flaw is not CardReason.APPROVED:
            return flaw
        flaw = self._pin_flaw(token, number, fields, terminal)
        if flaw is not CardReason.APPROVED:
            return flaw
        return self._permit(token, fields, terminal, permission)

    def _is_well_formed(self, fields: dict[str, str]) -> bool:
        return (
            is_digits(fields.get(iso.NUMBER), NUMBER_DIGITS)
            and is_digits(fields[iso.AMOUNT], AMOUNT_DIGITS)
            and fields[iso.PROCESSING] in _KINDS_BY_CODE
            and fields[iso.CURRENCY] == NUMBERS[self.currency]
            and is_well_formed(fields[iso.SETTLEMENT_ID])
        )

    def _pin_flaw(
        self, token: str, number: str, fields: dict[str, str], terminal: KnownTerminal
    ) -> CardReason:
        from paybench.devices.pin_block import decipher

        try:
            block = bytes.fromhex(fields.get(iso.PIN_BLOCK, ""))
            pin = decipher(terminal.keys.pin, block, number)
        except CardMessageError:
            return CardReason.PIN_BLOCK
        return self.file.pin_flaw(token, pin)

    def _permit(
        self,
        token: str,
        fields: dict[str, str],
        terminal: KnownTerminal,
        permission: Permission,
    ) -> CardReason:
        """Count it, and say who pays: the holder's account, or the company's, which signs."""
        card = self.file.card(token)
        if card is None:
            raise AssertionError("it was there a moment ago")
        amount = Money(int(fields[iso.AMOUNT]), self.currency)
        reason = self.file.permit(token, amount.amount_minor, permission.day)
        if reason is not CardReason.APPROVED:
            return reason
        permission.token, permission.amount_minor = token, amount.amount_minor
        number = (self.store.get("authorisations", int) or 0) % AUTHORISATIONS + 1
        self.store.put("authorisations", number)
        permission.answer = {iso.AUTHORISATION: f"{number:06d}", iso.ACCOUNT: str(card.account)}
        if card.kind == CREDIT:
            approval = self._signer.approve(fields[iso.SETTLEMENT_ID], terminal.account, amount)
            permission.answer[iso.ACCOUNT] = str(self.account)
            permission.answer[iso.SIGNATURE] = f"{approval.counter}:{approval.signature.hex()}"
        return reason

    def _reverse(self, fields: dict[str, str]) -> dict[str, str]:
        """0400: what field 90 names is not used."""
        original = fields.get(iso.ORIGINAL, "")
        reason = CardReason.FORMAT
        if original.startswith(iso.AUTHORISE):
            reason = self.file.take_back(_name(fields[iso.TERMINAL], original))
        return self._answer(fields, reason)

    def _answer(self, fields: dict[str, str], reason: CardReason) -> dict[str, str]:
        kind = KINDS.get(_KINDS_BY_CODE.get(fields[iso.PROCESSING], ""), "card")
        self.decided(
            f"{kind}: {fields['t']} answered {reason}",
            reason.sentence,
            fields[iso.SETTLEMENT_ID],
        )
        return {name: fields[name] for name in ECHOED} | {iso.REASON: reason}

    def _today(self) -> date:
        return iso.date_and_time(self._epoch, self.env.now_ns).date()

    def _card(self, number: str) -> tuple[str, CardRecord]:
        token = self.file.token(number)
        card = self.file.card(token)
        if card is None:
            raise OutOfOrder(f"{self.name} has issued no card of this number")
        return token, card


def _name(terminal: str, original: str) -> str:
    """What a demand is kept under."""
    return f"{terminal} {original}"
