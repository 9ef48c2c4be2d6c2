"""The purse loader: what a phone has the bank do with its owner's store 1b1 ([0092] to [0097])."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from paybench.bank.account import ISSUER, AccountNumber
from paybench.bank.emoney.request import Request
from paybench.bank.settlement import SettlingInformation
from paybench.devices.emoney import IssuanceDemand, StoreInquiry
from paybench.devices.purse_notes import forgotten
from paybench.devices.settling import SettlementDemand
from paybench.devices.signer import Signer

if TYPE_CHECKING:
    from collections.abc import Generator

    from paybench.bank.money import Money
    from paybench.devices.insisting import Insisting
    from paybench.devices.phone import Phone

STORE_BALANCE = "store balance"
"""The purpose of the proof that a holder's phone asks with."""

_DEMANDS, _CONVERSION = "purse demands", "purse conversion"


class Demand(msgspec.Struct, frozen=True):
    """An issuance demand (D71) without an end yet; kept in the phone's store.

    Attributes:
        information: What the owner approved: from the store to the issuer store.
        request: Of the purse that is to have the e-money.
        to: Name of the receiver's phone; "" for this phone.
    """

    information: SettlingInformation
    request: Request
    to: str


class PurseLoader:
    """Demands e-money until the data have come, and converts between account and store.

    Args:
        phone: The phone. The store has the same approval key as its owner's account.
        account: The store.
        insisting: What the phone says again.
    """

    def __init__(self, phone: Phone, account: AccountNumber, insisting: Insisting) -> None:
        self.account = account
        self._phone = phone
        self._insisting = insisting
        self._signer = Signer(account, phone.signer.reveal(), phone.store)

    def resume(self) -> None:
        """The power is back: demand again, and ask what became of a conversion."""
        for name in self.demands():
            self._insist(name)
        demand = self._phone.store.get(_CONVERSION, SettlementDemand)
        if demand is not None:
            self._phone.run(self._find_out(demand))

    # -- D71 ----------------------------------------------------------------------------------

    def demands(self) -> dict[str, Demand]:
        """What is demanded and has not come to its end, by transfer id."""
        return self._phone.store.get(_DEMANDS, dict[str, Demand]) or {}

    def demand(self, request: Request, to: str) -> None:
        """Have the bank pay a purse's request out of the store (D71), as the owner approved.

        Args:
            request: Of the purse: this phone's, or another one's.
            to: Name of the receiver's phone; "" for this phone.
        """
        settlement_id, amount = request.settlement_id, request.amount
        approval = self._signer.approve(settlement_id, ISSUER, amount)
        information = SettlingInformation(settlement_id, self.account, ISSUER, amount, approval)
        demand = Demand(information, request, to)
        self._phone.store.put(_DEMANDS, {**self.demands(), request.transfer_id: demand})
        self._insist(request.transfer_id)

    def end(self, name: str) -> Demand | None:
        """The demand that has come to its end, the first time that this is heard."""
        demands = self.demands()
        self._phone.store.put(_DEMANDS, forgotten(demands, name))
        return demands.get(name)

    def _insist(self, name: str) -> None:
        def say() -> bool:
            demand = self.demands().get(name)
            if demand is not None:
                message = IssuanceDemand(demand.information, demand.request)
                self._phone.network.send(message, "D71")
            return demand is not None

        self._insisting.say(f"D71 {name}", say, tries=None)

    # -- the store ----------------------------------------------------------------------------

    def inquire(self) -> None:
        """Ask how much is in the store."""
        count = self._phone.store.count_up("store inquiries")
        # The counter in the proof sees to it that it counts once.
        proof = self._signer.prove(STORE_BALANCE, "bank", count.to_bytes(8, "big"))
        self._phone.network.send(StoreInquiry(self.account, proof), "store")

    def fill(self, amount: Money) -> None:
        """Convert balance of the owner's account into e-money in the store ([0092])."""
        self._convert(self._phone.signer, self.account, amount)

    def empty(self, amount: Money) -> None:
        """Convert e-money in the store into balance of the owner's account."""
        self._convert(self._signer, self._phone.account, amount)

    def _convert(self, payer: Signer, payee: AccountNumber, amount: Money) -> None:
        number = self._phone.store.count_up("conversions")
        settlement_id = f"{self._phone.name}-convert-{number:06d}"
        approval = payer.approve(settlement_id, payee, amount)
        information = SettlingInformation(settlement_id, payer.account, payee, amount, approval)
        demand = SettlementDemand(settlement_id, information)
        self._phone.store.put(_CONVERSION, demand)
        self._phone.run(self._settle(demand))

    def _settle(self, demand: SettlementDemand) -> Generator[Any, Any, None]:
        outcome = yield from self._phone.bank.settle(demand, "convert")
        self._phone.store.drop(_CONVERSION)
        self._phone.show_outcome(demand.settlement_id, outcome)

    def _find_out(self, demand: SettlementDemand) -> Generator[Any, Any, None]:
        bank, settlement_id = self._phone.bank, demand.settlement_id
        bank.open(settlement_id)
        outcome = yield from bank.inquire(settlement_id, demand, "convert")
        bank.close(settlement_id)
        self._phone.store.drop(_CONVERSION)
        self._phone.show_outcome(settlement_id, outcome)
