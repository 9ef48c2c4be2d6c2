"""The check of circulation sees what is wrong, and the rig says what cannot be."""

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from paybench.bank import ISSUER
from paybench.bank.money import Money
from paybench.devices.purse_notes import Notes
from paybench.scenarios.errors import ConservationBroken, UsageError
from paybench.scenarios.library.electronic_money import PASSWORDS, town
from paybench.scenarios.rig import Rig


@pytest.fixture
def rig():
    rig = Rig()
    yield rig
    rig.close()


def eur(text):
    return Money.parse(text, "EUR")


def make_more(there, _rig):
    """A's purse has a datum twice."""
    notes = there.a.store.get("purse", Notes)
    there.a.store.put("purse", replace(notes, holdings=notes.holdings * 2))


def lose_some(there, _rig):
    """A's purse has forgotten what it holds."""
    there.a.store.put("purse", replace(there.a.store.get("purse", Notes), holdings=()))


def lose_under_way(there, rig):
    """A's purse has forgotten what it paid and B has not got."""
    rig.loses("value", times=9)
    there.a.purse.give(there.b, "5.00")
    there.a.store.put("purse", replace(there.a.store.get("purse", Notes), sent={}))


def take_unpaid(there, _rig):
    """B's purse has what A's says it holds still."""
    holdings = there.a.store.get("purse", Notes).holdings
    there.b.store.put("purse", Notes(holdings=holdings))


def pay_out(there, rig):
    """The bank pays out of the issuer store, and nobody has redeemed anything."""
    rig.bank.pay_out(ISSUER, there.user.account, eur("1.00"), "nobody redeemed this", 1)
    rig.bank.deposit()


def strand(_there, rig):
    """Money gets into the issuer store without e-money for it."""
    rig.bank.fund(ISSUER, eur("1.00"), "stranded")


@pytest.mark.parametrize(
    "wrong", [make_more, lose_some, lose_under_way, take_unpaid, pay_out, strand]
)
def test_the_check_fails_when_something_is_wrong(rig, wrong):
    """The next act finds that the issuer store is not what circulates."""
    there = town(rig)
    rig.check_conservation()
    wrong(there, rig)
    with pytest.raises(ConservationBroken, match="the issuer store must hold"):
        rig.waits(1)


def test_the_check_holds_at_every_moment(rig):
    """Also while deposits and messages are under way, not only when the world has settled."""
    there = town(rig, loaded="")
    env, seen = rig.world.env, set()

    def looked():
        rig.circulation.check()
        seen.update(name.partition(" ")[0] for name in rig.circulation.check.under_way())
        return False

    rig.world.staged = False  # the verbs are done, and time is ours
    there.a.purse.load("20.00", password=PASSWORDS["A"])
    env.wait_until(looked, 2)
    there.a.purse.give(there.b, "5.00")
    env.wait_until(looked, 2)
    there.b.purse.redeem("2.00")
    env.wait_until(looked, 2)
    assert seen == {"issued", "A.phone", "redeeming"}
    assert there.b.purse.balance == eur("3.00")


def test_expectations_say_what_was_seen(rig):
    """What is expected of purses and stores is compared, and of nobody else's."""
    there = town(rig)
    with pytest.raises(AssertionError, match=r"expected purses A=1\.00, seen purses A=20\.00"):
        rig.expects_purses(A="1.00")
    with pytest.raises(AssertionError, match=r"stores bank=1\.00, seen stores bank=20\.00"):
        rig.expects_stores(bank="1.00")
    rig.loses("value", times=9)
    there.a.purse.give(there.b, "5.00")
    with pytest.raises(AssertionError, match=r"seen A\.phone paid B\.phone/1, A\.phone has"):
        rig.circulation.expects_nothing_under_way()
    for expects in (rig.expects_purses, rig.expects_stores):
        with pytest.raises(UsageError, match="X has no"):
            expects(X="1.00")


def test_what_cannot_be_is_said(rig):
    """A purse needs a phone, and a register has one till."""
    there = town(rig)
    with pytest.raises(UsageError, match="has no phone for a purse"):
        rig.customer("C").purse()
    with pytest.raises(UsageError, match="a till already"):
        there.shop.till(there.register)


def test_a_second_phone_gets_a_purse_of_its_own(rig):
    """What was there stays as it is."""
    there = town(rig)
    second = there.user.phone()
    there.user.purse()
    there.a.purse.give(second, "5.00")
    second.expects("RECEIVED 5.00")
    rig.expects_purses(A="20.00")
    assert there.a.purse.balance == eur("15.00")


def test_cash_is_taken_at_several_counters(rig):
    """Each has a name and ids of its own."""
    there = town(rig)
    for name in ("branch.counter", "branch.counter2"):
        counter = rig.circulation.counter()
        assert counter.name == name
        counter.pay_in(there.user.store, "5.00")
        counter.expects("PAID IN 5.00")
    rig.expects_stores(A="40.00")


def test_the_page_runs():
    """The example of docs/purse_app.md does what it says."""
    page = (Path(__file__).parents[2] / "docs" / "purse_app.md").read_text()
    exec(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1], {})  # noqa: S102 - our own page


def test_rigs_without_e_money_have_none_of_it(rig):
    """No issuer store, no check, and no key is made."""
    rig.customer("A", balance="5.00").phone()
    assert "circulation" not in vars(rig)
    assert rig.checks == []
    assert ISSUER not in rig.bank.accounts()
