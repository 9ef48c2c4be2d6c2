"""A mint with three customers' stores 1b1, and the purses of their phones."""

from hashlib import sha256

from paybench.bank import ISSUER, AccountNumber, Bank, Money, SettlingInformation, sign
from paybench.bank.emoney import Issuance, Mint, MintStorage, Request, SigningKey
from paybench.devices.purse import Purse
from paybench.devices.store import Store

STORES = {name: AccountNumber(900, number) for number, name in enumerate("ABC", 1)}


def eur(text):
    return Money.parse(text, "EUR")


def secret(name):
    """32 bytes that belong to nobody."""
    return sha256(name.encode()).digest()


class Town:
    """The bank, its mint, and purses by name, each over a store that outlives it.

    Args:
        funds: what each customer's store 1b1 starts with.
        storage: the mint's.
        bank: an empty one; one in memory if left out.
    """

    def __init__(
        self, funds="100.00", storage: MintStorage | None = None, bank: Bank | None = None
    ):
        self.bank = bank or Bank()
        self.key = SigningKey(secret("bank"))
        self.mint = Mint(self.bank, self.key, storage)
        self.counters = dict.fromkeys(STORES, 0)
        self.disks: dict[str, Store] = {}
        self.purses: dict[str, Purse] = {}
        for name, account in STORES.items():
            self.bank.open_account(account, name, approval_key=secret(f"approvals of {name}"))
            self.bank.fund(account, eur(funds), f"cash of {name}")

    def purse(self, name) -> Purse:
        """A purse with a key of its own, empty at first; made anew, as after a power cut."""
        key = SigningKey(secret(f"purse {name}"))
        certificate = self.mint.certify(f"{name}.phone", key.public)
        disk = self.disks.setdefault(name, Store())
        self.purses[name] = Purse(key, certificate, self.mint.public_key, "EUR", disk)
        return self.purses[name]

    def demand(self, user, request: Request) -> SettlingInformation:
        """D71 signed by a user: my store pays this request."""
        self.counters[user] += 1
        body = {
            "settlement_id": request.settlement_id,
            "payer": STORES[user],
            "payee": ISSUER,
            "amount": request.amount,
        }
        approval = sign(secret(f"approvals of {user}"), **body, counter=self.counters[user])
        return SettlingInformation(**body, approval=approval)

    def issue(self, user, request: Request) -> Issuance:
        """D71 and what becomes of it."""
        return self.mint.issue(self.demand(user, request), request, 1)

    def load(self, name, amount) -> Purse:
        """A purse with so much in it, from the store of the same customer."""
        purse = self.purses.get(name) or self.purse(name)
        request = purse.ask(eur(amount))
        purse.take(self.issue(name[0], request).value)
        return purse

    def hand(self, payer, payee, amount):
        """One whole transfer; the value and the receipt."""
        request = payee.ask(eur(amount))
        value = payer.pay(request)
        receipt = payee.take(value)
        assert payer.acknowledge(receipt) is None
        return value, receipt

    @property
    def issuer_minor(self):
        """What the issuer store holds, deposits under way included."""
        self.bank.deposit()
        return self.bank.balance(ISSUER).amount_minor
