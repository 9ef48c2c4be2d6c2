"""A card company: issues cards, and has an apparatus that judges them (Fig 9)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from paybench.bank.money import Money
from paybench.devices.card import CardNumber, form_flaw, pin_flaw
from paybench.devices.card_app import yymm
from paybench.devices.card_authority import CardAuthority, KnownTerminal
from paybench.devices.card_keys import CardKeys
from paybench.devices.card_terminal import CardTerminal
from paybench.scenarios.errors import UsageError
from paybench.scenarios.lines import BANK_LINE
from paybench.scenarios.party import Party

if TYPE_CHECKING:
    from paybench.bank.account import AccountNumber
    from paybench.devices.seller import Seller
    from paybench.scenarios.rig import Rig

CARD_LINE = BANK_LINE
"""A line from a shop to a card company: as one to the bank."""


class CardCompany(Party):
    """Who issues cards, vouches for them, and pays what is bought on credit.

    Attributes:
        authority: Its card authentication apparatus 100.
    """

    def __init__(self, rig: Rig, name: str, account: AccountNumber, account_key: bytes) -> None:
        super().__init__(rig, name, account)
        self._secret = hashlib.sha256(account_key + b"|cards").digest()
        self.authority = CardAuthority(
            rig.world,
            self._device_name(CardAuthority.role),
            account=account,
            approval_key=account_key,
            secret=self._secret,
            currency=rig.currency,
            epoch=rig.bank.epoch,
        )
        rig.install(self.authority)

    def terminal(self, seller: Seller) -> CardTerminal:
        """Give a register or a ticket office a card terminal, the apparatus 20.

        Raises:
            UsageError: It has one already, this company's or another's.
        """
        number = len(self.authority.known) + 1
        terminal_id = f"T{number:07d}"
        keys = CardKeys(hashlib.sha256(self._secret + terminal_id.encode()).digest())
        try:
            terminal = CardTerminal(
                seller,
                terminal_id=terminal_id,
                merchant_id=str(seller.account),
                keys=keys,
                epoch=self._rig.bank.epoch,
            )
        except ValueError as error:
            raise UsageError(str(error)) from error
        self.authority.known[terminal_id] = KnownTerminal(keys, seller.account)
        self._rig.world.connect(terminal.line, self.authority.terminals, CARD_LINE)
        return terminal

    def issue(
        self, holder: Party, kind: str, *, number: str, expiry: str, pin: str, limit: str
    ) -> None:
        """Issue a card to somebody; `Customer.card` puts it into their phones too.

        Args:
            holder: Whose card it is: a debit card's payments come from their account.
            kind: ``1`` credit, ``2`` debit.
            number: Its number.
            expiry: The last month it is good in, ``MM/YY``.
            pin: Its PIN, 4 to 12 digits.
            limit: How much may be paid with it in a day.

        Raises:
            UsageError: These are no card's data, or there is a card of this number.
            MoneyError: The limit is malformed.
        """
        shown = CardNumber(number)
        flaw = form_flaw(kind, shown, yymm(expiry), holder.name) or pin_flaw(pin)
        if flaw:
            raise UsageError(f"{self.name} cannot issue {shown}: {flaw}")
        try:
            self.authority.file.issue(
                number,
                pin,
                kind=kind,
                expiry=yymm(expiry),
                holder=holder.name,
                account=holder.account,
                limit_minor=Money.parse(limit, self._rig.currency).amount_minor,
            )
        except ValueError as error:
            raise UsageError(f"{self.name} cannot issue {shown}: {error}") from error
