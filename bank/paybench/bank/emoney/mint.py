"""The mint: issues e-money against the issuer store 1b2, and redeems it (Fig 8, [0095]-[0102])."""

import msgspec
from msgspec import Struct

from paybench.bank.account import ISSUER, AccountNumber
from paybench.bank.any_bank import AnyBank
from paybench.bank.errors import AccountUnknownError, EmoneyError, StorageBrokenError
from paybench.bank.money import Money
from paybench.bank.outcome import Outcome, State
from paybench.bank.settlement import SettlingInformation

from .certificate import Certificate, certify
from .datum import Datum
from .datum import mint as minted
from .fork import Fork, fork
from .mint_storage import MemoryMintStorage, MintStorage
from .redemption import Redemption, RedemptionResult
from .redemption import result as signed_result
from .refusal import Refusal
from .request import Request
from .signing import SigningKey
from .value import Value

_PAYMENT = "paybench-emoney-payment-1"
_encode = msgspec.msgpack.Encoder().encode


class Issuance(Struct, frozen=True, gc=False):
    """What became of an issuance demand (D71).

    Args:
        transfer_id: of the request that was to be paid.
        refusal: why the mint refused it, before anything was settled.
        outcome: of the settlement into the issuer store; None where there was none.
        value: the e-money, for the purse that asked (D72, D73); None unless settled.
    """

    transfer_id: str
    refusal: Refusal | None
    outcome: Outcome | None
    value: Value | None


class DoubleSpender(Struct, frozen=True, gc=False):
    """Who answers for a minor unit that came back twice.

    Args:
        purse_id: the certified purse; it spent twice itself, or passed on to an unknown purse. ""
            if the mint has lost the certificates.
        fork: the proof.
    """

    purse_id: str
    fork: Fork


class Mint:
    """The bank's side of e-money: certifies purses, issues, redeems.

    It keeps no list of what it issued: that is in the bank's log, and each datum proves itself. At
    every moment the issuer store holds what all purses hold and what is under way.

    Args:
        bank: the bank whose issuer store it is; opened there if it is not yet.
        key: what it signs with; a purse knows the public half.
        storage: where certificates and paid data are kept; None keeps them in memory.
    """

    def __init__(self, bank: AnyBank, key: SigningKey, storage: MintStorage | None = None) -> None:
        self.bank = bank
        self.public_key = key.public
        self._key = key
        self._storage = MemoryMintStorage() if storage is None else storage
        if not _is_open(bank, ISSUER):
            bank.open_account(ISSUER, "issuer of electronic money")

    def certify(self, purse_id: str, key: bytes) -> Certificate:
        """The certificate of a purse; the same again for the same purse.

        Args:
            purse_id: 1 to 24 printable ASCII characters, none of them a space, "/" or ">".
            key: the purse's public key, 32 bytes.

        Raises:
            EmoneyError: id or key cannot be a purse's, or one of them is another purse's.
        """
        certificate = certify(self._key, purse_id, key)
        known = (self._storage.certificate(purse_id), self._storage.certificate_of(key))
        if known == (None, None):
            self._storage.add_certificate(certificate)
        elif known != (certificate, certificate):
            raise EmoneyError(
                f"expected a new purse id with a new key, seen {purse_id!r} or its key with "
                "another purse: give each purse an id and a key of its own"
            )
        return certificate

    def issue(self, order: SettlingInformation, request: Request, at_ns: int) -> Issuance:
        """Pay a purse's request out of a user's store 1b1, with e-money (D71).

        The settlement's id is the request's, so the user's signature covers the receiver, and the
        same request is paid once. Asked again, it gives the same answer and the same e-money.

        Args:
            order: from the user's store to the issuer store, under `request.settlement_id`,
                with the user's approval and without restriction.
            request: of the purse that is to have the e-money ([0094]: the receiver).
            at_ns: now, in nanoseconds.
        """
        flaw = request.flaw(self.public_key, self.bank.currency)
        if flaw is None and self._storage.certificate(request.payee.purse_id) != request.payee:
            flaw = Refusal.UNKNOWN_PURSE
        if flaw is None:
            flaw = _differs(order, request)
        if flaw:
            return Issuance(request.transfer_id, flaw, None, None)
        outcome = self.bank.settle(order, at_ns)
        if outcome.state is not State.SETTLED:  # nothing is issued that may be taken back
            return Issuance(request.transfer_id, None, outcome, None)
        datum = minted(
            self._key,
            request.transfer_id,
            request.amount.amount_minor,
            request.amount.currency,
            request.payee.key,
        )
        value = Value(request.transfer_id, (datum,))
        return Issuance(request.transfer_id, None, outcome, value)

    def redeem(self, order: Redemption, at_ns: int) -> RedemptionResult:
        """Pay data from the issuer store into a user's store; each minor unit once ([0102]).

        Data that were paid before are left out and the rest is paid. The same order again gets
        the same answer, also after a crash in between.

        Args:
            order: the data and where they are to be paid.
            at_ns: now, in nanoseconds.

        Raises:
            StorageError: a storage failed. Ask again with the same order.
            StorageBrokenError: the issuer store holds less than what was issued.
        """
        nothing = Money(0, self.bank.currency)
        flaw = self._flaw(order)
        if flaw:
            return signed_result(self._key, order, nothing, (), flaw)
        fresh: list[Datum] = []
        spent: list[int] = []
        for position, datum in enumerate(order.data):
            known = self._storage.paid_overlapping(datum)
            if known is None:
                fresh.append(datum)
            elif known.digest() != datum.digest():
                spent.append(position)
                self._storage.add_fork(fork(known, datum))
        lost_minor = sum(order.data[position].last.amount_minor for position in spent)
        paid = Money(order.amount_minor - lost_minor, self.bank.currency)
        # Kept as paid first: after a crash in between, the purse asks again, and then it is paid.
        self._storage.add_paid(fresh)
        if paid > nothing:
            self._pay_out(order, paid, at_ns)
        return signed_result(self._key, order, paid, tuple(spent))

    def double_spenders(self) -> list[DoubleSpender]:
        """Who answers for what came back twice, in the order it was found."""
        return [DoubleSpender(self._answerable(fork), fork) for fork in self._storage.forks()]

    def _flaw(self, order: Redemption) -> Refusal | None:
        certificate = self._storage.certificate(order.purse_id)
        if certificate is None:
            return Refusal.UNKNOWN_PURSE
        flaw = order.flaw(self.public_key, certificate.key, self.bank.currency)
        if flaw:
            return flaw
        if order.account.is_banks_own or not _is_open(self.bank, order.account):
            return Refusal.UNKNOWN_ACCOUNT
        return None

    def _pay_out(self, order: Redemption, paid: Money, at_ns: int) -> None:
        # Nobody who sees the order can tell the end of the id, and settle something under it.
        seal = self._key.sign(_encode((_PAYMENT, order.digest())))[:8].hex()
        payment_id = f"redeem/{order.redemption_id}/{seal}"
        outcome = self.bank.pay_out(ISSUER, order.account, paid, payment_id, at_ns)
        if not outcome.settled:
            raise StorageBrokenError(
                f"expected the issuer store to pay {paid} to {order.account} for e-money, seen: "
                f"{outcome.sentence} Bank and mint are not of one day; restore both together"
            )

    def _answerable(self, fork: Fork) -> str:
        certificates = map(self._storage.certificate_of, fork.answerable)
        return next((found.purse_id for found in certificates if found), "")


def _differs(order: SettlingInformation, request: Request) -> Refusal | None:
    """Why the settlement that is to pay for a request does not."""
    if order.settlement_id != request.settlement_id or order.payee != ISSUER:
        return Refusal.OTHER_TRANSFER
    if order.amount != request.amount:
        return Refusal.OTHER_AMOUNT
    return Refusal.CONDITIONAL if order.restriction else None


def _is_open(bank: AnyBank, number: AccountNumber) -> bool:
    try:
        bank.holder(number)
    except AccountUnknownError:
        return False
    return True
