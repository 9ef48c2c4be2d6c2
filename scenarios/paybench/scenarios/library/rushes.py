"""A rush at the registers: the bank's servers and their queues (Fig 11, 13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.bank.bank import Bank
from paybench.devices.bank_queues import BankTimes
from paybench.scenarios.errors import UsageError
from paybench.scenarios.rush import PURCHASES, Rush
from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from paybench.scenarios.rig import Rig

REGISTERS = {"registers": 30}
SLOW = BankTimes(application_s=0.0005, workers=8, flush_s=0.001, write_s=0.01)
"""A bank whose accounts are on slow disks."""


@scenario(figure="11", settings=REGISTERS)
def rush_at_the_registers(rig: Rig) -> None:
    """Everybody pays at once and waits for the one database server; with four, far shorter."""
    rig.host.times = SLOW
    registers = rig.setting("registers")
    rush = Rush(rig, rig.shop("A"), registers, "10.00")
    alone = rush.pays("1.00")
    add_servers(rig, 3)  # the bank stays open ([0127])
    spread = rush.pays("1.00")
    rush.expects_shorter(spread.mean_s(), alone.mean_s(), ratio=0.5)
    rig.expects_balances(A=f"{2 * PURCHASES * registers}.00")


@scenario(figure="13", settings=REGISTERS)
def rush_for_one_payee(rig: Rig) -> None:
    """A payee of many keeps one server busy for its payers; with auxiliary files it does not."""
    rig.host.times = SLOW
    registers = rig.setting("registers")
    shop = rig.shop("A")
    add_servers(rig, 3)
    rush = Rush(rig, shop, registers, "10.00")
    main = rush.pays("1.00")
    at_hand(rig).mark_particular(shop.account)
    auxiliary = rush.pays("1.00")
    rush.expects_shorter(auxiliary.longest_s(), main.longest_s(), ratio=0.5)
    rig.expects_balances(A=f"{2 * PURCHASES * registers}.00")


def add_servers(rig: Rig, count: int) -> None:
    """Add database servers to the bank, and move their shares of the accounts to them."""
    bank = at_hand(rig)
    for _ in range(count):
        bank.add_server()
        while bank.move_accounts():
            pass


def at_hand(rig: Rig) -> Bank:
    """The bank, which has to be in this process: its servers are nobody else's to change.

    Raises:
        UsageError: It is served elsewhere.
    """
    if not isinstance(rig.bank, Bank):
        raise UsageError(
            "this scenario adds servers to its bank, which is done where the bank is: run it "
            "with --bank memory or --bank sqlite:FOLDER"
        )
    return rig.bank
