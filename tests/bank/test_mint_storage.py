"""What every storage of a mint does, in memory and on the disk."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from purses import STORES, Town, eur, secret

from paybench.bank import StorageError
from paybench.bank.emoney import MemoryMintStorage, Mint, SigningKey
from paybench.bank.emoney.certificate import certify
from paybench.bank.emoney.datum import mint
from paybench.bank.emoney.fork import fork
from paybench.bank.emoney.sqlite_mint_storage import SqliteMintStorage

BANK, ANNA = SigningKey(secret("bank")), SigningKey(secret("A"))
A, B, _ = STORES.values()


def passed(start_minor, end_minor, mintage="A/1", what_for="A/2>900-0000001"):
    issued = mint(BANK, mintage, 10_000, "EUR", ANNA.public)
    return issued.endorsed(ANNA, start_minor, end_minor - start_minor, BANK.public, what_for)


@pytest.fixture(params=["memory", "sqlite"])
def reopened(request, tmp_path):
    """Close the storage and open it again; the first call opens it."""
    if request.param == "memory":
        storage = MemoryMintStorage()
        yield lambda: storage
        return
    opened = []

    def reopen():
        for storage in opened:
            storage.close()
        opened.append(SqliteMintStorage(tmp_path))
        return opened[-1]

    yield reopen
    opened[-1].close()


def test_keeps_certificates(reopened):
    """A certificate is found by its purse and by its key, and no other is."""
    certificate = certify(BANK, "A", ANNA.public)
    reopened().add_certificate(certificate)
    storage = reopened()
    assert storage.certificate("A") == storage.certificate_of(ANNA.public) == certificate
    assert storage.certificate("B") is storage.certificate_of(BANK.public) is None


@pytest.mark.parametrize(
    ("start_minor", "end_minor", "found"),
    [
        *((0, 100, None), (100, 200, 0), (0, 101, 0), (199, 201, 0), (120, 130, 0)),
        *((0, 1000, 0), (200, 300, None), (300, 301, 1), (150, 350, 0), (400, 10_000, None)),
    ],
)
def test_finds_what_was_paid_before(reopened, start_minor, end_minor, found):
    """Any minor unit in common is found, nothing else is, and the first comes first."""
    paid = [passed(100, 200), passed(300, 400)]
    reopened().add_paid([*reversed(paid), passed(0, 10_000, mintage="A/9")])
    known = reopened().paid_overlapping(passed(start_minor, end_minor))
    assert known == (None if found is None else paid[found])


@given(st.permutations(range(6)), st.integers(0, 70), st.integers(1, 30))
def test_finds_it_in_whatever_order_it_was_paid(order, start_minor, length_minor):
    """In memory the paid data are kept in order, whatever order they come in."""
    storage = MemoryMintStorage()
    for place in order:
        storage.add_paid([passed(10 * place, 10 * place + 5)])
    known = storage.paid_overlapping(passed(start_minor, start_minor + length_minor))
    expected = [
        10 * place
        for place in range(6)
        if 10 * place < start_minor + length_minor and start_minor < 10 * place + 5
    ]
    assert ([known.start_minor] if known else []) == expected[:1]


def test_keeps_one_fork_for_each_place(reopened):
    """A second proof against the same owner at the same place adds nothing."""
    first, second = passed(0, 10), passed(5, 15)
    found, other = fork(first, second), fork(first, passed(5, 16))
    elsewhere = fork(passed(0, 10, mintage="A/3"), passed(0, 9, mintage="A/3"))
    storage = reopened()
    for one in (found, other, elsewhere, found):
        storage.add_fork(one)
    assert reopened().forks() == [found, elsewhere]


def test_the_disk_keeps_all_of_a_redemption_or_nothing(tmp_path):
    """A datum paid before makes the file refuse it and those that came with it."""
    storage = SqliteMintStorage(tmp_path)
    storage.add_paid([passed(100, 200)])
    with pytest.raises(StorageError, match="part of it was paid before"):
        storage.add_paid([passed(0, 100), passed(199, 300)])
    assert storage.paid_overlapping(passed(0, 100)) is None
    storage.close()


def test_a_mint_finds_on_the_disk_what_it_paid(tmp_path):
    """After a restart, a copy of what was redeemed before is still paid to nobody."""
    storage = SqliteMintStorage(tmp_path)
    town = Town(storage=storage)
    purse = town.load("A", "10.00")
    copied = purse.notes
    assert town.mint.redeem(purse.redeem(A), 1).paid == eur("10.00")
    storage.close()
    again = SqliteMintStorage(tmp_path)
    town.mint = Mint(town.bank, town.key, again)
    town.disks["A"].put("purse", copied)
    assert town.mint.redeem(town.purse("A").redeem(B), 2).spent_before == (0,)
    assert [found.purse_id for found in town.mint.double_spenders()] == ["A.phone"]
    again.close()
