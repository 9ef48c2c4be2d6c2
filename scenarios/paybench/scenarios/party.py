"""The people of a scenario: a shop, a customer. Each has an account and brings devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.devices.cash_register import CashRegister
from paybench.devices.phone import Phone
from paybench.devices.remote_phone import RemotePhone

if TYPE_CHECKING:
    from paybench.bank.account import AccountNumber
    from paybench.scenarios.rig import Rig


class Party:
    """Somebody with an account.

    Attributes:
        name: What the scenario calls them.
        account: Their account.
    """

    def __init__(self, rig: Rig, name: str, account: AccountNumber) -> None:
        self.name = name
        self.account = account
        self._rig = rig

    def _device_name(self, role: str) -> str:
        """``A.register``, and ``A.register2`` for the second one."""
        number = 1 + sum(
            1 for device in self._rig.devices if device.name.startswith(f"{self.name}.{role}")
        )
        return f"{self.name}.{role}" if number == 1 else f"{self.name}.{role}{number}"


class Shop(Party):
    """A shop."""

    def cash_register(self, *, settles: str = "relayed") -> CashRegister:
        """A register at its counter.

        Args:
            settles: ``relayed`` or ``direct``, the two ways of Fig 3.
        """
        register = CashRegister(
            self._rig.world,
            self._device_name(CashRegister.role),
            account=self.account,
            shop=self.name,
            currency=self._rig.currency,
            settles=settles,
        )
        self._rig.connect_to_bank(register.bank_line)
        self._rig.install(register)
        return register


class Customer(Party):
    """A customer."""

    def __init__(
        self, rig: Rig, name: str, account: AccountNumber, password: str, approval_key: bytes
    ) -> None:
        super().__init__(rig, name, account)
        self._password = password
        self._approval_key = approval_key

    def phone(self) -> Phone:
        """The phone in the customer's pocket: simulated, or a real one that the bench names."""
        name = self._device_name(Phone.role)
        kind = RemotePhone if self._rig.is_real(name, Phone.role) else Phone
        phone = kind(
            self._rig.world,
            name,
            account=self.account,
            password=self._password,
            approval_key=self._approval_key,
        )
        self._rig.connect_to_bank(phone.network)
        self._rig.install(phone)
        return phone
