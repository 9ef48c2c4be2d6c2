"""What sells by number without a clerk: vending machines and web shops (claims 37 to 41)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.bank.errors import BankError
from paybench.bank.tin import TerminalKind
from paybench.devices.tin_vending_machine import TinVendingMachine
from paybench.devices.web_shop import WebShop
from paybench.scenarios.errors import UsageError
from paybench.scenarios.tin_office import TerminalOptions

if TYPE_CHECKING:
    from paybench.devices.emoney_slot import EmoneySlot
    from paybench.scenarios.party import Shop
    from paybench.scenarios.rig import Rig


class MachineOptions(TerminalOptions, total=False):
    """How a vending machine is registered, and sells.

    Attributes:
        cooling_off_days: For how long a customer may take a purchase back.
        held: How it is held meanwhile: ``restricted-deposit`` or ``escrow``.
    """

    cooling_off_days: float
    held: str


def tin_vending_machine(
    rig: Rig, shop: Shop, name: str, options: MachineOptions
) -> TinVendingMachine:
    """A vending machine; `Shop.tin_vending_machine` says more."""
    terminal_id = options.get("terminal_id", name)
    try:
        machine = TinVendingMachine(
            rig.world,
            name,
            terminal_id=terminal_id,
            account=shop.account,
            account_key=shop.account_key,
            currency=rig.currency,
            cooling_off_days=options.get("cooling_off_days", 0),
            held=options.get("held", "restricted-deposit"),
        )
    except (BankError, ValueError) as error:
        raise UsageError(f"no such restriction: {error}") from error
    rig.connect_to_bank(machine.bank_line)
    kind = TerminalKind.VENDING_MACHINE
    rig.tin_office.connect_terminal(shop, machine, machine.line.port, terminal_id, options, kind)
    return machine


def web_shop(rig: Rig, shop: Shop, name: str, options: TerminalOptions) -> WebShop:
    """A shop's server; `Shop.web_shop` says more."""
    terminal_id = options.get("terminal_id", name)
    server = WebShop(
        rig.world,
        name,
        terminal_id=terminal_id,
        account=shop.account,
        account_key=shop.account_key,
        currency=rig.currency,
    )
    rig.connect_to_bank(server.bank_line)
    kind = TerminalKind.WEB_SHOP
    rig.tin_office.connect_terminal(shop, server, server.line.port, terminal_id, options, kind)
    return server


def emoney_slot(rig: Rig, shop: Shop, machine: TinVendingMachine) -> EmoneySlot:
    """Have a vending machine take e-money; `Shop.emoney_slot` says more."""
    from paybench.devices.emoney_slot import EmoneySlot

    rig.circulation.equip(shop, machine, shop.store)
    try:
        return EmoneySlot(machine)
    except ValueError as error:
        raise UsageError(str(error)) from error
