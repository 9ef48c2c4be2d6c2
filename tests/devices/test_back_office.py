"""A shop's back office: what it has on offer, until the bank has said for good how that ended."""

import pytest
from msgspec.structs import replace

from paybench.bank import Money
from paybench.bank.settlement import SettlingInformation
from paybench.devices.back_office import OPEN_MAX
from paybench.devices.errors import OutOfOrder
from paybench.scenarios.rig import Rig


@pytest.fixture
def rig():
    rig = Rig()
    yield rig
    rig.finish()
    rig.close()


@pytest.fixture
def office(rig):
    return rig.shop("A").office()


@pytest.fixture
def terminal(rig, office):
    terminal = rig.customer("B", balance="100.00", password="2468").terminal()
    terminal.log_in(password="2468")
    office.offer(terminal, "lamp", price="49.00")
    return terminal


def forged(rig, office, terminal):
    """What the bank says to settling information that somebody else made up for the order."""
    approval = terminal.signer.approve("x", office.account, Money(100, "EUR"), None)
    order = office.order
    return rig.bank.settle(
        SettlingInformation(
            order.settlement_id,
            terminal.account,
            office.account,
            order.amount,
            replace(approval, settlement_id=order.settlement_id),
        ),
        rig.world.env.now_ns,
    )


def test_a_forged_demand_does_not_end_an_offer(rig, office, terminal):
    """The bank refused what somebody made up: the offer is open, and what is paid is sent out."""
    outcome = forged(rig, office, terminal)
    assert not outcome.settled
    office.learned(office.order.settlement_id, outcome)
    office.expects_article("kept")
    assert list(office.open_orders) == [office.order.settlement_id]
    terminal.buy()
    office.expects_article("sent out")
    assert office.open_orders == {}
    rig.expects_balances(A="49.00", B="51.00")


def test_a_refused_order_is_asked_for_again_after_a_power_cut(rig, office, terminal):
    """It was refused for no good and paid while the office had no power: it asks, and sends out."""
    office.learned(office.order.settlement_id, forged(rig, office, terminal))
    office.lose_power()
    terminal.buy()
    terminal.expects("PAID 49.00")
    office.regain_power()
    office.expects_article("sent out")


def test_an_offer_ends_with_its_withdrawal(rig, office, terminal):
    """A withdrawn offer is withdrawn once; without one, or with another id, there is none to."""
    with pytest.raises(OutOfOrder, match="no such offer open"):
        office.withdraw("A.office-000099")
    office.withdraw(office.order.settlement_id)
    office.expects_article("kept")
    with pytest.raises(OutOfOrder, match="no such offer open"):
        office.withdraw()
    terminal.buy()
    terminal.expects("REFUSED")
    rig.expects_balances(A="0.00", B="100.00")


def test_what_was_sent_out_cannot_be_withdrawn(rig, office, terminal):
    """A sale stays a sale: after it there is no offer, and the money stays."""
    terminal.buy()
    office.expects_article("sent out")
    with pytest.raises(OutOfOrder, match="no such offer open"):
        office.withdraw()
    rig.expects_balances(A="49.00", B="51.00")


def test_offers_are_bounded(office, terminal):
    """So many offers may be open; one more is refused with what to do, and ended ones make room."""
    while len(office.open_orders) < OPEN_MAX:
        office.offer(terminal, "lamp", price="49.00")
    with pytest.raises(OutOfOrder, match="1000 offers open: withdraw some"):
        office.offer(terminal, "lamp", price="49.00")
    office.withdraw()
    office.expects_article("kept")
    office.offer(terminal, "lamp", price="49.00")
    assert len(office.open_orders) == OPEN_MAX
