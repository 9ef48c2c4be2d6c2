"""The servers of Fig 11 to 13: added while the bank is open, relieved, and audited."""

import shutil

import pytest
from town import ANNA, BAKERY, BERT, KEYS, eur, order

from paybench.bank import AccountNumber, Bank, BankError, MemoryStorage, Money, StorageError
from paybench.bank.location import server_of
from paybench.bank.storage import Leg
from paybench.bank.storage.sqlite import SqliteStorage

SHOP = AccountNumber(9, 9)
CUSTOMERS = [AccountNumber(1 + number % 3, number) for number in range(12)]
START = Money(1000, "EUR")
CENT = Money(1, "EUR")


def opened(storage, **options) -> Bank:
    bank = Bank(storage, particular_per_s=None, **options)
    bank.open_account(SHOP, "Shop", approval_key=KEYS[ANNA])
    for number in CUSTOMERS:
        bank.open_account(number, "Customer", approval_key=KEYS[ANNA])
        bank.fund(number, START, f"salary {number}")
    return bank


def pay(bank: Bank, round_: int, payee=SHOP) -> None:
    """Each customer pays a little to the payee."""
    for number in CUSTOMERS:
        settlement_id = f"{round_}/{number}"
        request = order(settlement_id, CENT, round_, payer=number, payee=payee, key=KEYS[ANNA])
        assert bank.settle(request, round_).settled


def balanced(bank: Bank) -> None:
    """Each server's accounts and its in-transit account sum to zero by themselves."""
    bank._books.follow()
    for follower in bank._books.followers:
        assert follower.server.total_minor() + follower.in_transit_minor == 0
    assert bank.audit() is None


@pytest.mark.parametrize("batch", [1, 3, 1000])
def test_adds_a_server_while_it_settles(reopened, batch):
    """Accounts move a few at a time between settlements, and nothing else changes."""
    bank = opened(reopened())
    before = {number: bank._books.must_find(number).server for number in bank.accounts()}
    count = len(bank._books.followers)
    name = bank.add_server()
    assert name == f"300{'abcd'[count]}"
    with pytest.raises(BankError, match="still to move"):
        bank.add_server()
    round_ = moved = 0
    while step := bank.move_accounts(batch):
        round_ += 1
        moved += step
        pay(bank, round_)
        balanced(bank)
    bank.deposit()
    assert bank.move_accounts() == 0
    for again in (False, True):
        bank = Bank(reopened()) if again else bank
        places = {number: bank._books.must_find(number).server for number in bank.accounts()}
        changed = {number for number, index in places.items() if index != before[number]}
        assert len(changed) == moved
        assert all(places[number] == count for number in changed)
        assert all(places[number] == server_of(number.place, count + 1) for number in places)
        assert bank.balance(SHOP) == Money(round_ * len(CUSTOMERS), "EUR")
        lines = bank.statement(CUSTOMERS[0], 10**6)
        assert [line.balance_minor for line in lines] == list(range(1000 - round_, 1001))
        balanced(bank)


@pytest.mark.parametrize("reopened", ["sqlite 3", "processes 2", "postgres 3"], indirect=True)
def test_adds_one_server_however_often_it_fails(reopened):
    """Adding that fails, as the log does not note it, is asked for again and adds one server."""
    bank = opened(reopened())
    count = len(bank.servers())
    log = bank._books.log

    def fail(_):
        raise StorageError("as if the log were lost")

    log.count_servers = fail
    for _ in range(2):
        with pytest.raises(StorageError, match="as if"):
            bank.add_server()
    del log.count_servers
    bank.add_server()
    while bank.move_accounts():
        pass
    for again in (False, True):
        bank = Bank(reopened()) if again else bank
        assert len(bank.servers()) == count + 1
        pay(bank, 1 + again)
        balanced(bank)


@pytest.mark.parametrize("reopened", ["sqlite", "sqlite 3", "processes 2"], indirect=True)
def test_goes_on_filling_after_a_server_failed(reopened):
    """Accounts that have arrived, and could not leave where they were, do so when asked again."""
    bank = opened(reopened())
    bank.add_server()

    def fail(*_):
        raise StorageError("as if the disk were full")

    for follower in bank._books.followers[:-1]:
        follower.server.leave = fail
    with pytest.raises(StorageError, match="as if"):
        bank.move_accounts(3)
    for follower in bank._books.followers[:-1]:
        del follower.server.leave
    while bank.move_accounts(3):
        pass
    pay(bank, 1)
    balanced(bank)


def test_opens_accounts_while_a_server_is_filled(storage):
    """An account that is opened meanwhile is found, wherever it has to go."""
    bank = opened(storage)
    bank.add_server()
    bank.move_accounts(5)
    for number in range(100, 140):
        bank.open_account(AccountNumber(2, number), "Late")
    while bank.move_accounts(5):
        pass
    names = {bank.server_of(AccountNumber(2, number)) for number in range(100, 140)}
    assert bank._books.followers[-1].name in names
    balanced(bank)


def test_goes_on_filling_after_it_was_closed(reopened):
    """A server that was half filled is filled on, and what had arrived is not moved again."""
    bank = opened(reopened())
    bank.add_server()
    first = bank.move_accounts(3)
    bank.close()
    bank = Bank(reopened())
    pay(bank, 1)
    rest = 0
    while step := bank.move_accounts(50):
        rest += step
    nth = len(bank._books.followers)
    there = [number for number in bank.accounts() if server_of(number.place, nth) == nth - 1]
    assert first + rest == len(there)
    balanced(bank)


def test_shows_its_servers(storage):
    """Each server has its name, its accounts, what was written to it, and how far it lags."""
    bank = opened(storage)
    pay(bank, 1)
    log, *servers = bank.servers()
    assert (log.name, log.written) == ("400", 2 * len(CUSTOMERS))
    assert [each.name for each in servers] == ["300a", "300b", "300c"][: len(servers)]
    assert sum(each.accounts for each in servers) == len(bank.accounts())
    assert {each.lag for each in servers} == {len(CUSTOMERS)}
    assert sum(each.in_transit_minor for each in servers) == len(CUSTOMERS)
    bank.deposit()
    assert {each.lag for each in bank.servers()} == {0}


def test_leaves_nothing_to_redo_after_a_checkpoint(reopened):
    """After a checkpoint every server is as far as the log, also for who opens it anew."""
    bank = opened(reopened())
    pay(bank, 1)
    bank.checkpoint()
    assert {each.lag for each in bank.servers()} == {0}
    storage = reopened()
    logged_to = storage.log.logged_to
    standings = [server.standing for server in storage.servers]
    for standing in standings:
        assert standing.deposited_to == standing.withdrawn_to == logged_to
    assert sum(standing.in_transit_minor for standing in standings) == 0


def test_keeps_auxiliary_files_of_a_particular_user(reopened):
    """What payers elsewhere pay lands there, and is in one balance and one statement."""
    bank = opened(reopened())
    pay(bank, 1)
    bank.mark_particular(SHOP)
    pay(bank, 2)
    bank.deposit()
    books = bank._books
    if len(books.followers) > 1:
        others = set(books.particular.files(SHOP)) - {books.must_find(SHOP).server}
        assert others == set(range(len(books.followers))) - {books.must_find(SHOP).server}
    request = order("spent", Money(23, "EUR"), 1, payer=SHOP, payee=BAKERY)
    assert bank.settle(request, 3).reason == "unknown-payee"
    request = order("spent2", Money(23, "EUR"), 2, payer=SHOP, payee=CUSTOMERS[0])
    assert bank.settle(request, 3).payer_balance == Money(1, "EUR")
    for again in (False, True):
        bank = Bank(reopened()) if again else bank
        assert bank.is_particular(SHOP)
        assert bank.balance(SHOP) == Money(1, "EUR")
        lines = bank.statement(SHOP, 10**6)
        assert [line.balance_minor for line in lines] == [1, *range(24, 0, -1)]
        for limit in (1, 5, 60):
            assert bank.statement(SHOP, limit) == lines[:limit]
        balanced(bank)


def test_moves_a_particular_user(reopened):
    """A particular user's main file may move to a server that has an auxiliary one."""
    bank = opened(reopened())
    bank.mark_particular(SHOP)
    for round_ in range(1, 6):
        pay(bank, round_)
        bank.deposit()
        bank.add_server()
        while bank.move_accounts(10):
            pass
        balanced(bank)
    bank = Bank(reopened())
    bank.mark_particular(SHOP, particular=False)
    pay(bank, 7)
    bank.deposit()
    assert bank.balance(SHOP) == Money(72, "EUR")
    assert [line.balance_minor for line in bank.statement(SHOP, 999)] == list(range(72, 0, -1))
    balanced(bank)


def test_marks_who_is_paid_often():
    """A payee of many becomes a particular user by the rate at which deposits arrive."""
    bank = Bank(MemoryStorage(3), particular_per_s=12)
    bank.open_account(SHOP, "Shop")
    for number in CUSTOMERS:
        bank.open_account(number, "Customer", approval_key=KEYS[ANNA])
        bank.fund(number, START, f"salary {number}")
    pay(bank, 1)
    assert not bank.is_particular(SHOP)
    bank.deposit()
    assert bank.is_particular(SHOP)
    assert not any(bank.is_particular(number) for number in CUSTOMERS)
    pay(bank, 2)
    bank.deposit()
    assert bank.balance(SHOP) == Money(24, "EUR")
    balanced(bank)


@pytest.mark.parametrize("lag_max", [0, 3, 1000])
def test_answers_before_the_servers_follow(reopened, lag_max):
    """A bank whose servers may lag behind answers alike, and is redone from the log."""
    bank = opened(reopened(), lag_max=lag_max)
    pay(bank, 1)
    assert bank.balance(CUSTOMERS[3]) == Money(999, "EUR")
    assert bank.statement(CUSTOMERS[3], 1)[0].balance_minor == 999
    pay(bank, 2)
    lagging = bank
    bank = Bank(reopened())  # the other was not closed: what it had not written is in the log
    assert bank.balance(CUSTOMERS[3]) == lagging.balance(CUSTOMERS[3]) == Money(998, "EUR")
    balanced(bank)


def test_audits_to_the_first_difference(bank):
    """A balance that the log does not explain is named, with what it should be."""
    bank.settle(order("s1", eur("1"), 1), 1)
    assert bank.audit() is None
    books = bank._books
    for number, minor in ((ANNA, 5), (BERT, -5)):
        books.must_find(number).change(Leg(number, minor))
    assert bank.audit() == "expected 900 minor units on 001-0000001, as logged, seen 905"


def test_follows_again_from_an_older_copy_of_a_server(tmp_path):
    """What was deposited on a main file is not deposited on an auxiliary one by a server redone."""
    folder = tmp_path / "bank"
    bank = opened(SqliteStorage(folder, 3))
    home = bank._books.must_find(SHOP).server
    bank.close()
    others = ["accounts.sqlite", "accounts-2.sqlite", "accounts-3.sqlite"]
    del others[home]
    for name in others:
        shutil.copy(folder / name, tmp_path)
    bank = Bank(SqliteStorage(folder), particular_per_s=None)
    pay(bank, 1)
    bank.deposit()
    bank.mark_particular(SHOP)
    pay(bank, 2)
    bank.deposit()
    spent = order("spent", Money(23, "EUR"), 1, payer=SHOP, payee=CUSTOMERS[0])
    assert bank.settle(spent, 3).settled
    bank.close()
    for name in others:
        shutil.copy(tmp_path / name, folder)
    with Bank(SqliteStorage(folder)) as bank:
        bank.deposit()
        assert bank.balance(SHOP) == Money(1, "EUR")
        balanced(bank)
