"""A small town that the bank's tests live in: three customers, two shops, and a way to ask."""

from paybench.bank import (
    AccountNumber,
    Approval,
    Bank,
    Cancellation,
    Money,
    Outcome,
    Restriction,
    Reversal,
    SettlingInformation,
    Storage,
    sign,
)

ANNA = AccountNumber(1, 1)
BERT = AccountNumber(1, 2)
CARL = AccountNumber(2, 1)
BAKERY = AccountNumber(2, 9_000_001)  # has no key: it only receives
KIOSK = AccountNumber(999, 9_999_999)
NOBODY = AccountNumber(3, 3)

KEYS = {
    ANNA: b"anna's approval key, 32 bytes ..",
    BERT: b"bert's approval key, 32 bytes ..",
    CARL: b"carl's approval key, 32 bytes ..",
    KIOSK: b"the kiosk's key.",
}


def eur(text: str) -> Money:
    return Money.parse(text, "EUR", signed=True)


def order(
    settlement_id: str,
    amount: Money,
    counter: int,
    *,
    payer=ANNA,
    payee=BAKERY,
    key=None,
    restriction: Restriction | None = None,
) -> SettlingInformation:
    """What an honest phone and register send, unless another key is given."""
    body = {
        "settlement_id": settlement_id,
        "payer": payer,
        "payee": payee,
        "amount": amount,
        "restriction": restriction,
    }
    approval: Approval = sign(key or KEYS.get(payer, KEYS[ANNA]), **body, counter=counter)
    return SettlingInformation(**body, approval=approval)


def found(storage: Storage | None = None, *, funds: str = "10.00") -> Bank:
    """Found the town's bank: everybody has an account, Anna and Bert have money."""
    bank = Bank(storage)
    for number, holder in ((ANNA, "Anna"), (BERT, "Bert"), (CARL, "Carl"), (KIOSK, "Kiosk")):
        bank.open_account(number, holder, approval_key=KEYS[number])
    bank.open_account(BAKERY, "Bakery")
    for number in (ANNA, BERT):
        bank.fund(number, eur(funds), f"salary {number}")
    return bank


def picture(bank: Bank) -> dict[str, str]:
    """All that a refusal must leave alone."""
    balances = {str(number): str(bank.balance(number)) for number in bank.accounts()}
    available = {f"{number} available": str(bank.available(number)) for number in bank.accounts()}
    entries = {f"{number} entries": str(bank.statement(number)) for number in bank.accounts()}
    return {**balances, **available, **entries, "in transit": str(bank.in_transit())}


def cancellation(settlement_id: str, payer=ANNA) -> Cancellation:
    return Cancellation.signed(KEYS[payer], settlement_id=settlement_id, payer=payer)


def reversal(settlement_id: str, payee=KIOSK) -> Reversal:
    return Reversal.signed(KEYS[payee], settlement_id=settlement_id, payee=payee)


def reason(outcome: Outcome) -> str:
    return "settled" if outcome.reason is None else outcome.reason.value
