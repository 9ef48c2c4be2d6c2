"""The rig: what a scenario is told on. It has the bank, makes people and devices, and judges."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from paybench.bank.account import AccountNumber
from paybench.bank.bank import Bank
from paybench.bank.money import Money
from paybench.devices.bank_host import BankHost
from paybench.devices.faults import Fault
from paybench.devices.link import LinkProfile
from paybench.devices.trace import Sent
from paybench.devices.world import RIG, World
from paybench.hil.spec import nearest
from paybench.scenarios.errors import ConservationBroken, UsageError
from paybench.scenarios.party import Customer, Party, Shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from paybench.devices.device import Device
    from paybench.devices.port import Port
    from paybench.devices.trace import Act, Injected
    from paybench.hil.driver import Driver

BANK_LINE = LinkProfile(latency_s=0.030, jitter_s=0.020)
"""A line to the bank: a leased one or the mobile network on a good day."""

SHOPS_BRANCH = 1
CUSTOMERS_BRANCH = 2


class Rig:
    """Everything a scenario needs, in one hand.

    Args:
        seed: Seed of all chance.
        currency: ISO 4217 code of all accounts and prices.
        bank: The bank core; one in memory by default.
        real: Drivers by the part they stand in for, ``register.scanner`` or, where several
            devices have the role, ``A.register.scanner``; opened already, or never in a replay.
        all_real: Whether each of those parts has to be in the scenario; a bench may have more.
        operator: Asks a person for something a real part needs, e.g. to hold a code before it.
        patience_s: How long verbs and expectations wait, in seconds of the run's clock.
        script: A recording's acts and inputs, to play it again with nothing attached.
        picks: Picks of chance to play back instead of drawing them.

    Attributes:
        world: Clock, trace, chance and faults.
        bank: The bank core.
        host: The bank as the devices see it.
        devices: The devices made so far.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        currency: str = "EUR",
        bank: Bank | None = None,
        real: Mapping[str, Driver] | None = None,
        all_real: bool = True,
        operator: Callable[[str], None] = lambda _: None,
        patience_s: float | None = None,
        script: Iterable[Act | Injected] | None = None,
        picks: Sequence[int] | None = None,
    ) -> None:
        self.world = World(seed=seed, script=script, picks=picks)
        self.world.staged = True
        self.world.after_act = self._check_conservation
        if patience_s is not None:
            self.world.patience_s = patience_s
        self.currency = currency
        self.bank = bank if bank is not None else Bank(currency=currency)
        self.host = BankHost(self.world, self.bank)
        self.devices: list[Device] = []
        self._parties: dict[str, Party] = {}
        self._real = dict(real or {})
        self._all_real = all_real
        self._operator = operator

    # -- people -------------------------------------------------------------------------------

    def shop(self, name: str, *, balance: str = "0") -> Shop:
        """A shop with an account.

        Args:
            name: What the scenario and the customers' phones call it.
            balance: What is on its account, e.g. ``"20.00"``.

        Raises:
            UsageError: There is somebody of that name.
            MoneyError: The balance is malformed.
        """
        money = Money.parse(balance, self.currency)
        shop = Shop(self, name, self._free_account(name, SHOPS_BRANCH))
        self.bank.open_account(shop.account, name)
        self._join(shop, money)
        return shop

    def customer(self, name: str, *, balance: str = "0", password: str = "0000") -> Customer:
        """A customer with an account, and a phone that knows a password.

        Args:
            name: What the scenario calls them.
            balance: What is on the account, e.g. ``"20.00"``.
            password: What the phone asks for before it signs.

        Raises:
            UsageError: There is somebody of that name.
            MoneyError: The balance is malformed.
        """
        money = Money.parse(balance, self.currency)
        key = self._approval_key(name)
        account = self._free_account(name, CUSTOMERS_BRANCH)
        customer = Customer(self, name, account, password, key)
        self.bank.open_account(account, name, approval_key=key)
        self._join(customer, money)
        return customer

    # -- what goes wrong on purpose -----------------------------------------------------------

    def loses(self, step: str, times: int = 1) -> None:
        """The next messages of a step get lost, e.g. ``rig.loses("D4")``."""
        self.world.faults.add(step, Fault(times, "lose"))

    def duplicates(self, step: str, times: int = 1) -> None:
        """The next messages of a step arrive twice."""
        self.world.faults.add(step, Fault(times, "duplicate"))

    def delays(self, step: str, by_s: float, times: int = 1) -> None:
        """The next messages of a step take longer, by so many seconds."""
        self.world.faults.add(step, Fault(times, "delay", delay_ns=round(by_s * 1e9)))

    def alters(self, step: str, field: str, value: Any, times: int = 1) -> None:
        """The next messages of a step are changed on their way.

        Args:
            step: Step name, e.g. ``D3``.
            field: Dotted path of the field, e.g. ``information.amount``.
            value: What it becomes; money may be written as text, e.g. ``"12.50"``.
            times: How many messages.
        """
        if field.endswith("amount") and isinstance(value, str):
            value = Money.parse(value, self.currency)
        self.world.faults.add(step, Fault(times, "alter", {field: value}))

    # -- time and expectations ----------------------------------------------------------------

    def waits(self, seconds: float) -> None:
        """Let time pass."""
        self.world.env.outside(RIG, "waits", {"seconds": f"{seconds:g}"})
        self.world.env.wait_until(lambda: False, seconds)
        self._check_conservation()

    def expects_balances(self, **balances: str) -> None:
        """Expect accounts to hold so much, e.g. ``rig.expects_balances(A="2.50", B="17.50")``.

        Raises:
            Unmet: One does not, within the world's patience.
            UsageError: There is nobody of that name.
        """
        expected = {name: Money.parse(text, self.currency) for name, text in balances.items()}
        accounts = {name: self._party(name).account for name in balances}

        def found() -> dict[str, Money]:
            return {name: self.bank.balance(account) for name, account in accounts.items()}

        self.world.expect(
            lambda: found() == expected,
            who=RIG,
            expected="balances " + _amounts(expected),
            seen=lambda: "balances " + _amounts(found()),
        )

    def expects_steps(self, *steps: str) -> None:
        """Expect the run's messages so far to have been exactly these steps, in this order.

        Parts talk to their devices below the flow; their messages do not count.

        Raises:
            Unmet: They were others.
        """

        def seen() -> tuple[str, ...]:
            sent = (event for event in self.world.trace.events if isinstance(event, Sent))
            return tuple(event.step for event in sent if event.step[:1].isupper())

        self.world.expect(
            lambda: seen() == steps,
            who=RIG,
            expected="steps " + " ".join(steps),
            seen=lambda: "steps " + " ".join(seen()),
        )

    def balances(self) -> dict[str, Money]:
        """What everybody has on their account, by name."""
        return {name: self.bank.balance(party.account) for name, party in self._parties.items()}

    # -- for parties and runners --------------------------------------------------------------

    def connect_to_bank(self, port: Port) -> None:
        """Lay a line from a device's port to the bank."""
        self.world.connect(port, self.host.network, BANK_LINE)

    def install(self, device: Device) -> None:
        """A device has been made: real parts take the places of its simulated ones."""
        self.devices.append(device)
        whole: dict[str, Any] = {"": device} if hasattr(device, "kind") else {}
        for part_name, part in {**whole, **device.parts}.items():
            suffix = f".{part_name}" if part_name else ""
            for name in (f"{device.name}{suffix}", f"{device.role}{suffix}"):
                driver = self._real.pop(name, None)
                if driver is not None:
                    if part.kind not in driver.kinds:
                        raise UsageError(
                            f"{name} is a {part.kind}; this driver can be: "
                            f"{', '.join(sorted(driver.kinds))}"
                        )
                    driver.stand_in(part, self.world, self._operator)

    def is_real(self, name: str, role: str) -> bool:
        """Whether the bench has a real thing for a whole device."""
        return name in self._real or role in self._real

    def finish(self) -> None:
        """The scenario is told: let the world settle, and check what must hold in the end.

        Raises:
            ConservationBroken: Money appeared or vanished.
            UsageError: A real part was given that no device of the scenario has.
        """
        self.world.env.settle()
        self._check_conservation()
        if self._real and self._all_real:
            parts = [f"{d.role}.{part}" for d in self.devices for part in d.parts]
            name = next(iter(self._real))
            raise UsageError(
                f"no device of this scenario has a part {name!r}{nearest(name, parts)}"
            )

    def close(self) -> None:
        """Let go of the clock's loop and of the bank."""
        self.world.env.close()
        self.bank.close()

    def _check_conservation(self) -> None:
        total = self.bank.total()
        if total.amount_minor != 0:
            raise ConservationBroken(
                f"the sum over all accounts and what is under way must be 0 and is {total}"
            )

    def _party(self, name: str) -> Party:
        if name not in self._parties:
            raise UsageError(f"there is nobody called {name!r}{nearest(name, self._parties)}")
        return self._parties[name]

    def _free_account(self, name: str, branch: int) -> AccountNumber:
        if name in self._parties:
            raise UsageError(f"there is somebody called {name!r} already")
        return AccountNumber(branch, len(self._parties) + 1)

    def _join(self, party: Party, balance: Money) -> None:
        self._parties[party.name] = party
        if balance.amount_minor:
            self.bank.fund(party.account, balance, f"opening balance of {party.name}")

    def _approval_key(self, name: str) -> bytes:
        label = f"{self.world.choices.seed}|{len(name)}|{name}|approval key"
        return hashlib.sha256(label.encode()).digest()


def _amounts(balances: dict[str, Money]) -> str:
    return ", ".join(f"{name}={money.text}" for name, money in balances.items())
