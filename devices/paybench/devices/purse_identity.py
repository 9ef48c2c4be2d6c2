"""A purse's identity: the key a device signs e-money with, and the bank's word for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from paybench.bank.account import AccountNumber
from paybench.bank.emoney.certificate import Certificate
from paybench.bank.emoney.signing import SigningKey
from paybench.devices.purse import Purse

if TYPE_CHECKING:
    from paybench.devices.store import Store

_RECORD = "purse identity"


class PurseIdentity(msgspec.Struct, frozen=True):
    """What the bank gives a device that is to hold e-money; kept in the device's store.

    Attributes:
        secret: What the purse signs with, 32 bytes.
        certificate: The bank's word that this is the purse's key.
        bank_key: Public key of the bank.
        currency: ISO 4217 code.
        account: The owner's store 1b1 at the bank.
    """

    secret: bytes
    certificate: Certificate
    bank_key: bytes
    currency: str
    account: AccountNumber

    def __repr__(self) -> str:
        return f"PurseIdentity({self.certificate.purse_id})"

    def keep(self, store: Store) -> None:
        """Put it into a device."""
        store.put(_RECORD, self)

    @classmethod
    def of(cls, store: Store) -> PurseIdentity | None:
        """The identity that is in a device's store, or None."""
        return store.get(_RECORD, cls)

    def purse(self, store: Store) -> Purse:
        """The purse, with the notes it has in the store.

        Raises:
            EmoneyError: The certificate is not the bank's, or is of another key.
        """
        return Purse(SigningKey(self.secret), self.certificate, self.bank_key, self.currency, store)
