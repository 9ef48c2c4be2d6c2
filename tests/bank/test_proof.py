"""Proofs: who holds an account, shown to one verifier, once (D21-D23, S101)."""

import pytest
from msgspec.structs import replace
from town import ANNA, BAKERY, BERT, KEYS, NOBODY, eur, found, order, picture

from paybench.bank import ApprovalError, Bank, prove, sign

GATE = {"purpose": "gate entry", "verifier": "gate 5A"}
CHALLENGE = b"eight by"
FIELDS = {**GATE, "account": ANNA, "challenge": CHALLENGE, "counter": 7}


def proof(key=KEYS[ANNA], **change):
    return prove(key, **{**FIELDS, **change})


def ask(bank, shown, **wanted):
    answer = bank.authenticate(shown, **{**GATE, "challenge": CHALLENGE, **wanted})
    assert answer.account == shown.account
    assert answer.authenticated == (answer.reason is None)
    return "authenticated" if answer.reason is None else answer.reason.value


def test_authenticates_a_holder(bank):
    """Whoever signed for this gate, purpose and challenge holds the account; nothing moves."""
    before = picture(bank)
    assert ask(bank, proof()) == "authenticated"
    assert ask(bank, proof(counter=8), challenge=None) == "authenticated"
    assert picture(bank) == before


def test_takes_a_proof_once(bank):
    """A proof that was overheard is refused, and so is one too old to tell."""
    assert ask(bank, proof(counter=100)) == "authenticated"
    assert ask(bank, proof(counter=100)) == "proof-replayed"
    assert ask(bank, proof(counter=99)) == "authenticated"
    assert ask(bank, proof(counter=36)) == "proof-replayed"


def test_remembers_proofs_on_reopening(reopened):
    """A replay is refused by the bank that opens next, too."""
    assert ask(found(reopened()), proof()) == "authenticated"
    assert ask(Bank(reopened()), proof()) == "proof-replayed"


def test_counts_proofs_and_approvals_apart(bank):
    """Neither spends the other's counter, so a phone may use one counter for both."""
    assert ask(bank, proof()) == "authenticated"
    assert bank.settle(order("s1", eur("1"), 7), 1).settled
    assert ask(bank, proof()) == "proof-replayed"
    assert ask(bank, proof(counter=8)) == "authenticated"


@pytest.mark.parametrize(
    ("shown", "wanted", "expected"),
    [
        (proof(), {"verifier": "gate 5B"}, "signature-wrong"),
        (proof(), {"purpose": "log in"}, "signature-wrong"),
        (proof(), {"challenge": b"another."}, "signature-wrong"),
        (replace(proof(), verifier="gate 5B"), {"verifier": "gate 5B"}, "signature-wrong"),
        (replace(proof(), purpose="log in"), {"purpose": "log in"}, "signature-wrong"),
        (replace(proof(), challenge=b"another."), {"challenge": None}, "signature-wrong"),
        (replace(proof(), counter=8), {}, "signature-wrong"),
        (replace(proof(), counter=-1), {}, "signature-wrong"),
        (replace(proof(), counter=2**64), {}, "signature-wrong"),
        (replace(proof(), challenge=b""), {"challenge": b""}, "signature-wrong"),
        (replace(proof(), verifier="\ud800"), {"verifier": "\ud800"}, "signature-wrong"),
        (replace(proof(), signature=b""), {}, "signature-wrong"),
        (replace(proof(), account=BERT), {}, "signature-wrong"),
        (proof(KEYS[BERT]), {}, "signature-wrong"),
        (proof(account=NOBODY), {}, "unknown-account"),
        (proof(account=BAKERY), {}, "no-key"),
    ],
)
def test_refuses_what_proves_nothing(bank, shown, wanted, expected):
    """Relayed to another verifier, altered, or signed by another: refused, no counter spent."""
    assert ask(bank, shown, **wanted) == expected
    assert ask(bank, proof()) == "authenticated"


def test_takes_no_approval_for_a_proof(bank):
    """A signature made for anything else is none: each has a tag of its own."""
    approval = sign(
        KEYS[ANNA], settlement_id="s1", payer=ANNA, payee=BAKERY, amount=eur("1"), counter=7
    )
    assert ask(bank, replace(proof(), signature=approval.signature)) == "signature-wrong"


def test_signs_the_documented_bytes():
    """What is signed is the MessagePack array the documentation names, so others can sign too."""
    assert proof().signature.hex() == (
        "7bea6c73f785ab58207ee980c9b5695b1fd8ad2ee2dd54ef3b6c2d5eeda82f85"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"purpose": ""},
        {"purpose": "x" * 65},
        {"verifier": "caf\u00e9"},
        {"challenge": b"x" * 7},
        {"challenge": b"x" * 65},
        {"counter": -1},
        {"counter": 2**63},
        {"key": b"short"},
    ],
    ids=str,
)
def test_proves_nothing_out_of_bounds(change):
    """A field that no bank would take is not signed."""
    with pytest.raises(ApprovalError, match="expected"):
        proof(**change)
