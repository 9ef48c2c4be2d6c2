"""Electronic money on a rig: the mint, its desk, who has purses, and what must hold of them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from paybench.bank.account import ISSUER, AccountNumber
from paybench.bank.bank import Bank
from paybench.bank.emoney.datum import mint as minted
from paybench.bank.emoney.mint import Mint
from paybench.bank.emoney.mint_storage import MemoryMintStorage
from paybench.bank.emoney.signing import SigningKey
from paybench.bank.money import Money
from paybench.devices.cash_counter import CashCounter
from paybench.devices.emoney_desk import EmoneyDesk
from paybench.devices.holding import Holding
from paybench.devices.purse_identity import PurseIdentity
from paybench.devices.purse_notes import Notes
from paybench.devices.till import Till
from paybench.devices.world import RIG
from paybench.scenarios.circulation_check import CirculationCheck
from paybench.scenarios.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.devices.device import Device
    from paybench.devices.phone import Phone
    from paybench.devices.seller import Seller
    from paybench.scenarios.party import Customer, Party, Shop
    from paybench.scenarios.rig import Rig

STORES_BRANCH = 3


class Circulation:
    """The electronic money of one rig; made when it is first needed.

    Attributes:
        mint: What issues and redeems.
        desk: The bank's desk for it.
        check: What must hold after every step.
    """

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        storage = MemoryMintStorage()
        self.mint = Mint(rig.bank, self._key("the bank's mint"), storage)
        self.desk = EmoneyDesk(rig.host, self.mint)
        self.check = CirculationCheck(rig.bank, storage)
        rig.checks.append(self.check)
        self._stores: dict[str, AccountNumber] = {}
        self._purses: dict[str, list[Device]] = {}

    # -- who has what ---------------------------------------------------------------------------

    def store(self, party: Party, approval_key: bytes, cash: str = "0") -> AccountNumber:
        """Somebody's store 1b1: opened when it is first needed, with the owner's approval key.

        Args:
            party: Whose it is.
            approval_key: What the owner approves with.
            cash: Cash that is paid into it now.

        Raises:
            MoneyError: The amount is malformed.
        """
        number = self._stores.get(party.name)
        if number is None:
            number = AccountNumber(STORES_BRANCH, party.account.number)
            self._rig.bank.open_account(number, f"{party.name}, e-money", approval_key=approval_key)
            self._stores[party.name] = number
            self.desk.stores.add(number)
        money = Money.parse(cash, self._rig.currency)
        if money.amount_minor:
            self._rig.bank.fund(number, money, f"cash of {party.name}")
        return number

    def equip(self, party: Party, device: Device, store: AccountNumber) -> None:
        """Put a purse into a device that has none; harmless when it has one.

        Raises:
            EmoneyError: The device's name is too long for a purse.
        """
        if PurseIdentity.of(device.store) is None:
            self._identity(device.name, self.mint, store).keep(device.store)
            self.desk.purses[device.name] = device.name
            self.check.add(device.name, device.store)
            self._purses.setdefault(party.name, []).append(device)

    def till(self, shop: Shop, seller: Seller, store: AccountNumber) -> Till:
        """Have a register or a ticket office take e-money.

        Raises:
            UsageError: It takes e-money already.
        """
        self.equip(shop, seller, store)
        try:
            return Till(seller)
        except ValueError as error:
            raise UsageError(str(error)) from error

    def counter(self) -> CashCounter:
        """A machine of the bank's that takes cash in."""
        number = len(self.desk.counters) + 1
        name = f"branch.counter{number if number > 1 else ''}"
        counter = CashCounter(self._rig.world, name, currency=self._rig.currency)
        self.desk.counters.add(counter.name)
        self._rig.connect_to_bank(counter.network)
        self._rig.install(counter)
        return counter

    # -- who should not have it -----------------------------------------------------------------

    def clone(self, customer: Customer, phone: Phone) -> Phone:
        """A second phone with a copy of all that is in a phone's store, and the same password.

        From now on copies circulate: less is in the issuer store than in all purses.
        """
        clone = customer.phone()
        for name in phone.store:
            clone.store.put(name, phone.store.get(name, msgspec.Raw))
        self.check.copies = True
        return clone

    def counterfeit(self, phone: Phone, amount: str, store: AccountNumber) -> None:
        """Put the purse of a bank that does not exist into a phone, with so much in it.

        Raises:
            MoneyError: The amount is malformed.
        """
        key = self._key("another mint")
        mint = Mint(Bank(currency=self._rig.currency), key)
        identity = self._identity(phone.name, mint, store)
        identity.keep(phone.store)
        money = Money.parse(amount, self._rig.currency)
        datum = minted(
            key, "nobody/1", money.amount_minor, money.currency, identity.certificate.key
        )
        holding = Holding(datum, datum.start_minor, datum.end_minor)
        phone.store.put("purse", Notes(holdings=(holding,)))

    # -- what is expected -----------------------------------------------------------------------

    def expects_purses(self, **balances: str) -> None:
        """Expect somebody's purses to hold so much in all, nothing that is under way.

        Raises:
            Unmet: One does not, within the world's patience.
            UsageError: Somebody of that name has no purse.
        """
        missing = balances.keys() - self._purses.keys()
        if missing:
            raise UsageError(f"{', '.join(sorted(missing))} has no purse")
        self._expect("purses", balances, self._in_purses)

    def expects_stores(self, **balances: str) -> None:
        """Expect somebody's store 1b1 to hold so much; ``bank`` for the issuer store 1b2.

        Raises:
            Unmet: One does not, within the world's patience.
            UsageError: Somebody of that name has no store.
        """
        missing = balances.keys() - {"bank", *self._stores}
        if missing:
            raise UsageError(f"{', '.join(sorted(missing))} has no store of e-money")
        self._expect("stores", balances, self._in_store)

    def expects_nothing_under_way(self) -> None:
        """Expect all e-money to be in purses, and whoever passed some on to know that it arrived.

        Raises:
            Unmet: Some is not, or somebody does not, within the world's patience.
        """

        def seen() -> list[str]:
            return [*self.check.under_way(), *self.check.not_known()]

        self._rig.world.expect(
            lambda: not seen(),
            who=RIG,
            expected="nothing under way",
            seen=lambda: ", ".join(seen()),
        )

    def _expect(self, what: str, balances: dict[str, str], found: Callable[[str], Money]) -> None:
        expected = {name: Money.parse(text, self._rig.currency) for name, text in balances.items()}

        def told(amounts: dict[str, Money]) -> str:
            return f"{what} " + ", ".join(f"{name}={one.text}" for name, one in amounts.items())

        def seen() -> dict[str, Money]:
            return {name: found(name) for name in expected}

        self._rig.world.expect(
            lambda: seen() == expected,
            who=RIG,
            expected=told(expected),
            seen=lambda: told(seen()),
        )

    def _in_purses(self, name: str) -> Money:
        balances = (self.check.balance_minor(device.name) for device in self._purses[name])
        return Money(sum(balances), self._rig.currency)

    def _in_store(self, name: str) -> Money:
        return self._rig.bank.balance(ISSUER if name == "bank" else self._stores[name])

    def _identity(self, purse_id: str, mint: Mint, store: AccountNumber) -> PurseIdentity:
        secret = self._secret(f"purse of {purse_id}")
        certificate = mint.certify(purse_id, SigningKey(secret).public)
        return PurseIdentity(secret, certificate, mint.public_key, self._rig.currency, store)

    def _key(self, label: str) -> SigningKey:
        return SigningKey(self._secret(label))

    def _secret(self, label: str) -> bytes:
        return hashlib.sha256(f"{self._rig.world.choices.seed}|e-money|{label}".encode()).digest()
