"""The bank's desk for electronic money: issues, redeems, takes cash in (Fig 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.bank.account import ISSUER, AccountNumber
from paybench.bank.errors import BankError
from paybench.bank.reason import Reason
from paybench.devices.emoney import (
    CashEntered,
    CashTaken,
    EmoneyData,
    IssuanceDemand,
    IssuanceResult,
    RedemptionAnswer,
    RedemptionDemand,
    StoreInquiry,
    StoreStatement,
    TransferReceipt,
)
from paybench.devices.purse_loader import STORE_BALANCE
from paybench.devices.settling import SettlementDemand
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from paybench.bank.emoney.mint import Mint
    from paybench.bank.emoney.request import Request
    from paybench.bank.emoney.value import Value
    from paybench.devices.bank_host import BankHost
    from paybench.devices.trace import Sent


class EmoneyDesk:
    """Serves what phones, tills and cash counters ask of the bank about e-money.

    Args:
        host: The bank's host.
        mint: What issues and redeems.

    Attributes:
        purses: Name of the device that a purse is in, by purse id.
        stores: The users' stores 1b1.
        counters: Names of the cash counters: what others say about cash is ignored.
    """

    def __init__(self, host: BankHost, mint: Mint) -> None:
        self.mint = mint
        self.purses: dict[str, str] = {}
        self.stores: set[AccountNumber] = set()
        self.counters: set[str] = set()
        self._host = host
        self._bank = host.bank
        # What a receiver's phone has not acknowledged, by transfer id, and who demanded it. It
        # need not last: a demand that is repeated brings it back.
        self._awaited: dict[str, tuple[str, Request, Value]] = {}
        self._found = 0
        host.serve(IssuanceDemand, self._issue)
        host.serve(TransferReceipt, self._pass_on)
        host.serve(RedemptionDemand, self._redeem)
        host.serve(StoreInquiry, self._state)
        host.serve(CashTaken, self._enter)
        host.serve(SettlementDemand, self._settle)

    # -- D71, D72, D73 ------------------------------------------------------------------------

    def _issue(self, demand: IssuanceDemand, sent: Sent) -> None:
        """Out of the user's store 1b1 into the issuer store 1b2, and e-money for it ([0096])."""
        host, request = self._host, demand.request
        name, sender = request.transfer_id, sent.sender
        issuance = self.mint.issue(demand.information, request, host.env.now_ns)
        if issuance.value is None:
            why = issuance.refusal or (issuance.outcome and issuance.outcome.reason)
            host.decided(f"not issued: {why}", why.sentence if why else "", name)
            result = IssuanceResult(name, issuance.refusal, issuance.outcome)
            host.network.send(result, "not issued", sender)
            return
        receiver = self.purses.get(request.payee.purse_id, "")
        host.decided("issued", f"{request.amount} for {request.payee.purse_id}", name)
        host.deposit_soon()
        if receiver == sender:
            host.network.send(EmoneyData(issuance.value), "D72", sender)
            return
        self._awaited[name] = (sender, request, issuance.value)
        if receiver in host.network.ways:
            host.network.send(EmoneyData(issuance.value), "D73", receiver)
        else:
            host.decided("told nobody", f"there is no line to {request.payee.purse_id}", name)

    def _pass_on(self, message: TransferReceipt, sent: Sent) -> None:
        """The receiver has the e-money of a D73: tell who demanded it."""
        name = message.correlation
        demander, request, value = self._awaited.get(name, ("", None, None))
        if request is None or value is None:
            self._host.decided(IGNORED, "a receipt that nobody waits for", name)
        elif not message.receipt.is_for(value, request.payee.key):
            self._host.decided(IGNORED, f"a receipt that {sent.sender} has not signed", name)
        else:
            del self._awaited[name]
            self._host.network.send(message, "receipt", demander)

    # -- redeeming ----------------------------------------------------------------------------

    def _redeem(self, demand: RedemptionDemand, sent: Sent) -> None:
        """Into the user's own store 1b1, or into another user's ([0101], [0102])."""
        host, order = self._host, demand.redemption
        result = self.mint.redeem(order, host.env.now_ns)
        if result.refusal:
            host.decided("not redeemed", result.refusal.sentence, order.redemption_id)
        else:
            host.decided("redeemed", f"{result.paid} to {order.account}", order.redemption_id)
        for found in self.mint.double_spenders()[self._found :]:
            self._found += 1
            who = found.purse_id or "an unknown purse"
            host.decided(f"{who} spent twice", "it has signed the proof", order.redemption_id)
        host.deposit_soon()
        host.network.send(RedemptionAnswer(result), "redeemed", sent.sender)

    # -- the stores 1b1 -----------------------------------------------------------------------

    def _state(self, inquiry: StoreInquiry, sent: Sent) -> None:
        proof, account = inquiry.proof, inquiry.account
        word = self._bank.authenticate(proof, purpose=STORE_BALANCE, verifier="bank")
        if word.authenticated and proof.account == account:
            statement = StoreStatement(account, self._bank.balance(account))
        else:
            statement = StoreStatement(account, None, word.sentence)
            self._host.decided("no statement", word.sentence)
        self._host.network.send(statement, "store", sent.sender)

    def _enter(self, cash: CashTaken, sent: Sent) -> None:
        """Cash has been taken in: it comes from CAPITAL, as all money of this bank."""
        host = self._host
        if sent.sender not in self.counters:
            host.decided(IGNORED, f"{sent.sender} takes no cash for the bank", cash.cash_id)
            return
        why = ""
        try:
            if cash.store not in self.stores:
                why = "There is no such store of electronic money."
            else:
                self._bank.fund(cash.store, cash.amount, cash.cash_id, host.env.now_ns)
        except BankError as error:
            why = str(error)
        host.decided("cash refused" if why else "cash entered", why, cash.cash_id)
        host.network.send(CashEntered(cash.cash_id, why), "entered", sent.sender)

    def _settle(self, demand: SettlementDemand, sent: Sent) -> None:
        """A payment to the issuer store without a request to issue for would be stranded there."""
        information = demand.information
        if information.payee != ISSUER:
            self._host.settle(demand, sent)
            return
        outcome = information.refused(Reason.UNKNOWN_PAYEE)
        self._host.decided(f"refused: {outcome.reason}", outcome.sentence, demand.settlement_id)
        self._host.tell(outcome, information.terminal, sent)
