"""The signer: what a customer's device signs with the key it shares with the bank ([0120])."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.bank.approval import sign
from paybench.bank.proof import prove
from paybench.bank.recall import Cancellation, Reversal

if TYPE_CHECKING:
    from paybench.bank.account import AccountNumber
    from paybench.bank.approval import Approval
    from paybench.bank.money import Money
    from paybench.bank.proof import Proof
    from paybench.bank.restriction import Restriction
    from paybench.devices.store import Store

_RECORD = "counter"


class Signer:
    """Signs for one account; each signature has a counter of its own, kept in the store.

    Args:
        account: The account it signs for.
        key: The secret shared with the bank, at least 16 bytes.
        store: The device's store.
    """

    __slots__ = ("_key", "_store", "account")

    def __init__(self, account: AccountNumber, key: bytes, store: Store) -> None:
        self.account = account
        self._key = key
        self._store = store

    def approve(
        self,
        settlement_id: str,
        payee: AccountNumber,
        amount: Money,
        restriction: Restriction | None = None,
    ) -> Approval:
        """The approval of one settlement."""
        return sign(
            self._key,
            settlement_id=settlement_id,
            payer=self.account,
            payee=payee,
            amount=amount,
            counter=self._next(),
            restriction=restriction,
        )

    def prove(self, purpose: str, verifier: str, challenge: bytes) -> Proof:
        """The proof that it is the account's holder, for one verifier and one challenge."""
        return prove(
            self._key,
            account=self.account,
            purpose=purpose,
            verifier=verifier,
            challenge=challenge,
            counter=self._next(),
        )

    def cancel(self, settlement_id: str) -> Cancellation:
        """The cancellation of a settlement this account has paid."""
        return Cancellation.signed(self._key, settlement_id=settlement_id, payer=self.account)

    def reverse(self, settlement_id: str) -> Reversal:
        """The reversal of a settlement this account was paid by."""
        return Reversal.signed(self._key, settlement_id=settlement_id, payee=self.account)

    def reveal(self) -> bytes:
        """The key, for a bench to tell a real device under test."""
        return self._key

    def _next(self) -> int:
        # A power cut may waste a counter, and never use one twice.
        return self._store.count_up(_RECORD)
