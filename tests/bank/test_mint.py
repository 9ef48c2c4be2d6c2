"""The mint issues against the issuer store, pays once, and names who spent twice."""

import pytest
from msgspec.structs import replace
from purses import STORES, Town, eur, secret

from paybench.bank import (
    CAPITAL,
    ISSUER,
    AccountNumber,
    Bank,
    EmoneyError,
    MemoryStorage,
    Reason,
    Restriction,
    SettlingInformation,
    StorageBrokenError,
    StorageError,
    sign,
)
from paybench.bank.emoney import MemoryMintStorage, Mint, Refusal, SigningKey
from paybench.bank.emoney.certificate import certify
from paybench.bank.emoney.redemption import redemption, reference
from paybench.bank.emoney.request import request
from paybench.bank.storage.memory import MemoryLog

A, B, C = STORES.values()


@pytest.fixture
def town():
    return Town()


def redeem(town, purse, account, amount=None):
    """One whole redemption; its result."""
    result = town.mint.redeem(purse.redeem(account, amount), 1)
    assert purse.close(result) is None
    town.bank.deposit()
    return result


def balances(town):
    town.bank.deposit()
    return [town.bank.balance(account).text for account in (A, B, C, ISSUER)]


# Issuing


def test_moves_from_the_users_store_to_the_issuers(town):
    """D71: what leaves the user's store is in the issuer store, and the phone has the data."""
    purse = town.load("A", "30.00")
    assert purse.balance == eur("30.00")
    assert balances(town) == ["70.00", "100.00", "100.00", "30.00"]


def test_issues_to_another_users_purse(town):
    """D73: the receiver in the demand is another user's phone."""
    purse = town.purse("B")
    asked = purse.ask(eur("30.00"))
    purse.take(town.issue("A", asked).value)
    assert purse.balance == eur("30.00")
    assert balances(town) == ["70.00", "100.00", "100.00", "30.00"]


def test_issues_the_same_once(town):
    """A demand whose answer was lost gets the same answer and data again, from a new mint too."""
    asked = town.purse("A").ask(eur("30.00"))
    order = town.demand("A", asked)
    first = town.mint.issue(order, asked, 1)
    assert town.mint.issue(order, asked, 2) == first
    storage = MemoryMintStorage()
    storage.add_certificate(asked.payee)
    assert Mint(town.bank, town.key, storage).issue(order, asked, 3) == first
    assert balances(town)[0] == "70.00"


def test_issues_nothing_that_is_not_settled(town):
    """A refusal of the bank is the answer, and there are no data."""
    asked = town.purse("A").ask(eur("100.01"))
    issued = town.issue("A", asked)
    assert issued.outcome.reason is Reason.INSUFFICIENT_BALANCE
    assert (issued.refusal, issued.value) == (None, None)


def unknown_purse(order, asked):
    stranger = SigningKey(secret("stranger"))
    key = SigningKey(secret("bank"))
    asked = request(stranger, certify(key, "X", stranger.public), 1, asked.amount)
    return replace(order, settlement_id=asked.settlement_id), asked


ISSUE_REFUSED = {
    "another receiver": (
        lambda order, asked: (replace(order, settlement_id="issue/A.phone/2"), asked),
        Refusal.OTHER_TRANSFER,
    ),
    "another payee": (
        lambda order, asked: (replace(order, payee=B), asked),
        Refusal.OTHER_TRANSFER,
    ),
    "another amount": (
        lambda order, asked: (replace(order, amount=eur("1.01")), asked),
        Refusal.OTHER_AMOUNT,
    ),
    "a payment that may be taken back": (
        lambda order, asked: (replace(order, restriction=Restriction(cooling_off_s=9)), asked),
        Refusal.CONDITIONAL,
    ),
    "an altered request": (
        lambda order, asked: (order, replace(asked, amount=eur("1.01"))),
        Refusal.REQUEST_FORGED,
    ),
    "a purse the mint does not know": (unknown_purse, Refusal.UNKNOWN_PURSE),
}


@pytest.mark.parametrize(("change", "expected"), ISSUE_REFUSED.values(), ids=list(ISSUE_REFUSED))
def test_refuses_to_issue_for(town, change, expected):
    """What the user signed and what the purse asked for must be one; else nothing is settled."""
    asked = town.purse("A").ask(eur("1.00"))
    order, asked = change(town.demand("A", asked), asked)
    issued = town.mint.issue(order, asked, 1)
    assert (issued.refusal, issued.outcome, issued.value) == (expected, None, None)
    assert balances(town)[3] == "0.00"


def test_issues_nothing_for_what_was_settled_provisorily(town):
    """A payment to the issuer store that can still be cancelled brings no e-money."""
    asked = town.purse("A").ask(eur("1.00"))
    body = {
        "settlement_id": asked.settlement_id,
        "payer": A,
        "payee": ISSUER,
        "amount": asked.amount,
        "restriction": Restriction(cooling_off_s=9),
    }
    approval = sign(secret("approvals of A"), **body, counter=1)
    assert town.bank.settle(SettlingInformation(**body, approval=approval), 1).settled
    town.counters["A"] = 1
    assert town.issue("A", asked).value is None


# Certificates


def test_gives_each_purse_a_name_and_a_key_of_its_own(town):
    """The same purse is certified again; another key under its name, or its key elsewhere, not."""
    key, other = SigningKey(secret("1")).public, SigningKey(secret("2")).public
    assert town.mint.certify("till", key) == town.mint.certify("till", key)
    for purse_id, taken in (("till", other), ("till-2", key)):
        with pytest.raises(EmoneyError, match="another purse"):
            town.mint.certify(purse_id, taken)
    town.mint.certify("till-2", other)
    with pytest.raises(EmoneyError, match="another purse"):
        town.mint.certify("till", other)


def test_trusts_its_list_more_than_its_signature(town):
    """A mint that lost its list and gave a name away again does not issue to the former key."""
    asked = town.purse("A").ask(eur("1.00"))
    mint = Mint(town.bank, town.key, MemoryMintStorage())
    mint.certify("A.phone", SigningKey(secret("another")).public)
    issued = mint.issue(town.demand("A", asked), asked, 1)
    assert issued.refusal is Refusal.UNKNOWN_PURSE


# Redeeming


def test_pays_into_the_owners_store_and_into_anothers(town):
    """Data come back into any user's store, all or a part; what is left stays in the purse."""
    purse = town.load("A", "30.00")
    assert redeem(town, purse, A, eur("10.00")).paid == eur("10.00")
    assert purse.balance == eur("20.00")
    assert redeem(town, purse, B).paid == eur("20.00")
    assert balances(town) == ["80.00", "120.00", "100.00", "0.00"]
    assert town.mint.double_spenders() == []


def test_pays_once_however_often_it_is_asked(town):
    """A redemption whose result was lost gets the same result again, from a new mint too."""
    storage = MemoryMintStorage()
    town = Town(storage=storage)
    purse = town.load("A", "30.00")
    order = purse.redeem(A)
    first = town.mint.redeem(order, 1)
    assert town.mint.redeem(order, 2) == first
    assert Mint(town.bank, town.key, storage).redeem(order, 3) == first
    assert balances(town) == ["100.00", "100.00", "100.00", "0.00"]


class FailingLog(MemoryLog):
    """A bank's log whose disk is full for a while."""

    full = False

    def append(self, records):
        if self.full:
            raise StorageError("the disk is full")
        super().append(records)


def test_pays_after_a_crash_between_noting_and_paying():
    """Noted as paid and then cut off, the same demand is paid when it is asked again, once."""
    storage = MemoryStorage()
    storage.log = FailingLog()
    town = Town(bank=Bank(storage))
    purse = town.load("A", "30.00")
    order = purse.redeem(B)
    storage.log.full = True
    with pytest.raises(StorageError):
        town.mint.redeem(order, 1)
    storage.log.full = False
    assert balances(town)[3] == "30.00"
    assert town.mint.redeem(order, 2).paid == eur("30.00")
    assert balances(town) == ["70.00", "130.00", "100.00", "0.00"]


# Spent twice


def copied(town, name):
    """The purse as it is now, to be put back later: what a thief of the phone's memory has."""
    return town.purses[name].notes


def put_back(town, name, notes):
    town.disks[name].put("purse", notes)
    return town.purse(name)


def culprits(town):
    return [found.purse_id for found in town.mint.double_spenders()]


def test_a_copy_is_paid_once(town):
    """Of a purse and its copy, the first gets the money; the bank knows whose purse it was."""
    purse = town.load("A", "30.00")
    kept = copied(town, "A")
    assert redeem(town, purse, A).paid == eur("30.00")
    copy = put_back(town, "A", kept)
    result = redeem(town, copy, B)
    assert (result.paid, result.spent_before) == (eur("0.00"), (0,))
    assert copy.balance == eur("0.00")
    assert copy.notes.written_off_minor == 3000
    assert balances(town) == ["100.00", "100.00", "100.00", "0.00"]
    assert culprits(town) == ["A.phone"]


def test_a_stolen_demand_is_paid_into_the_store_it_names(town):
    """Who copies a redemption cannot have it paid elsewhere, and repeating it pays nothing."""
    purse, thief = town.load("A", "30.00"), town.purse("B")
    order = purse.redeem(A)
    key = SigningKey(secret("purse B"))
    stolen = redemption(key, "B.phone", 1, B, order.data)
    assert town.mint.redeem(stolen, 1).refusal is Refusal.OTHER_TRANSFER
    moved = redemption(key, "A.phone", order.number, B, order.data)
    assert town.mint.redeem(moved, 1).refusal is Refusal.ORDER_FORGED
    assert town.mint.redeem(order, 1).paid == town.mint.redeem(order, 2).paid == eur("30.00")
    assert balances(town)[:2] == ["100.00", "100.00"]
    assert thief.close(town.mint.redeem(order, 3)) is Refusal.UNKNOWN_TRANSFER


def test_pays_the_first_of_two_and_names_who_spent_twice(town):
    """Spent twice without the bank: the first is paid, the second not, the spender is known."""
    purse, b, c = town.load("A", "30.00"), town.purse("B"), town.load("C", "5.00")
    kept = copied(town, "A")
    town.hand(purse, b, "20.00")
    town.hand(put_back(town, "A", kept), c, "20.00")
    assert redeem(town, b, B).paid == eur("20.00")
    result = redeem(town, c, C)
    assert (result.paid, result.spent_before) == (eur("5.00"), (0,))
    assert culprits(town) == ["A.phone"]
    (found,) = town.mint.double_spenders()
    owners = {found.fork.first.owner, found.fork.second.owner}
    assert owners == {b.certificate.key, c.certificate.key}


def test_does_not_blame_those_who_passed_it_on_in_good_faith(town):
    """The fork is found at its place in the chain, however far each branch has come since."""
    purse, b, c = town.load("A", "30.00"), town.purse("B"), town.purse("C")
    d, e = town.purse("D"), town.purse("E")
    town.hand(purse, b, "20.00")
    kept = copied(town, "B")
    town.hand(b, c, "20.00")
    town.hand(c, d, "20.00")
    town.hand(put_back(town, "B", kept), e, "15.00")
    assert redeem(town, e, B).paid == eur("15.00")
    assert redeem(town, d, C).spent_before == (0,)
    assert culprits(town) == ["B.phone"]


def test_blames_who_passed_money_on_to_an_unknown_purse(town):
    """Money that went through a purse without certificate: whoever gave it there answers."""
    town.load("A", "30.00")
    unknown, key = SigningKey(secret("unknown")), SigningKey(secret("purse A"))
    holding = town.purses["A"].notes.holdings[0].datum
    astray = holding.endorsed(key, 0, 1000, unknown.public, "nobody/1")
    results = []
    for name in "BC":
        redeemer, end = SigningKey(secret(f"purse {name}")), f"{name}.phone/1"
        town.purse(name)
        passed = astray.endorsed(unknown, 0, 1000, redeemer.public, end)
        what_for = reference(f"{name}.phone/2", B)
        back = passed.endorsed(redeemer, 0, 1000, town.mint.public_key, what_for)
        order = redemption(redeemer, f"{name}.phone", 2, B, (back,))
        results.append(town.mint.redeem(order, 1).paid)
    assert results == [eur("10.00"), eur("0.00")]
    assert culprits(town) == ["A.phone"]
    assert town.mint.double_spenders()[0].fork.spender == unknown.public


def test_pays_what_was_not_spent_twice(town):
    """Only the minor units that are there twice are lost, not the rest of the mintage."""
    purse, b, c = town.load("A", "30.00"), town.purse("B"), town.purse("C")
    kept = copied(town, "A")
    town.hand(purse, b, "10.00")
    town.hand(purse, b, "5.00")
    town.hand(put_back(town, "A", kept), c, "10.00")
    assert redeem(town, c, C).paid == eur("10.00")
    assert redeem(town, b, B).paid == eur("5.00")
    assert balances(town) == ["70.00", "105.00", "110.00", "15.00"]


def test_keeps_one_proof_for_each_place_money_was_spent_twice(town):
    """Presenting the same copy again and again fills no storage."""
    purse = town.load("A", "30.00")
    kept = copied(town, "A")
    redeem(town, purse, A)
    for _ in range(3):
        purse = put_back(town, "A", kept)
        purse.ask(eur("1.00"))
        kept = copied(town, "A")
        assert redeem(town, purse, A).spent_before == (0,)
    assert culprits(town) == ["A.phone"]


def forged(order, **change):
    key = SigningKey(secret("purse A"))
    order = replace(order, **change)
    return redemption(key, order.purse_id, order.number, order.account, order.data)


REDEEM_REFUSED = {
    "an altered account": (lambda _, order: replace(order, account=B), Refusal.ORDER_FORGED),
    "a datum taken out": (
        lambda _, order: replace(order, data=order.data[1:]),
        Refusal.ORDER_FORGED,
    ),
    "a datum twice": (
        lambda _, order: forged(order, data=(*order.data, order.data[0])),
        Refusal.OVERLAPS,
    ),
    "no data": (lambda _, order: forged(order, data=()), Refusal.OVERSIZED),
    "too many data": (
        lambda _, order: forged(order, data=order.data * 33),
        Refusal.OVERSIZED,
    ),
    "data endorsed for another account": (
        lambda _, order: forged(order, account=B),
        Refusal.OTHER_TRANSFER,
    ),
    "data that are not endorsed to the bank": (
        lambda _, order: forged(
            order, data=tuple(replace(one, endorsements=()) for one in order.data)
        ),
        Refusal.OTHER_OWNER,
    ),
    "an unknown purse": (
        lambda _, order: replace(order, purse_id="nobody"),
        Refusal.UNKNOWN_PURSE,
    ),
    "an unknown account": (
        lambda town, _: town.purse("A").redeem(AccountNumber(900, 77)),
        Refusal.UNKNOWN_ACCOUNT,
    ),
    "the bank's own account": (
        lambda town, _: town.purse("A").redeem(CAPITAL),
        Refusal.UNKNOWN_ACCOUNT,
    ),
}


@pytest.mark.parametrize(("change", "expected"), REDEEM_REFUSED.values(), ids=list(REDEEM_REFUSED))
def test_refuses_to_redeem(town, change, expected):
    """A demand that is not whole and the purse's own pays nothing, and spends nothing."""
    town.load("A", "10.00")
    town.load("A", "5.00")
    order = town.load("A", "1.00").redeem(A, eur("15.00"))
    result = town.mint.redeem(change(town, order), 1)
    assert (result.refusal, result.paid) == (expected, eur("0.00"))
    assert town.mint.redeem(order, 1).paid == eur("15.00")
    assert town.mint.double_spenders() == []


def test_nobody_can_take_the_id_of_a_payment(town):
    """The end of the id under which the bank pays out is known to nobody beforehand."""
    purse = town.load("A", "10.00")
    order = purse.redeem(A)
    town.mint.redeem(order, 1)
    paid = town.bank.statement(ISSUER, 1)[0].settlement_id
    assert paid.startswith("redeem/A.phone/2/")
    assert len(paid.removeprefix("redeem/A.phone/2/")) == 16
    other = Mint(Bank(), SigningKey(secret("another bank")))
    assert other.public_key != town.mint.public_key


def test_says_when_the_issuer_store_does_not_hold_what_was_issued(town):
    """Data of a mint whose bank has forgotten issuing them are not paid from nothing."""
    order = town.load("A", "10.00").redeem(A)
    emptied = Town()
    emptied.purse("A")
    with pytest.raises(StorageBrokenError, match="restore both together"):
        emptied.mint.redeem(order, 1)
