"""What a rig can expect of a run: money, steps, decisions, refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.bank.money import Money
from paybench.devices.trace import Decision, Sent
from paybench.devices.world import RIG

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.bank.account import AccountNumber
    from paybench.bank.any_bank import AnyBank
    from paybench.devices.world import World
    from paybench.scenarios.party import Party


class Expectations:
    """What a scenario expects of the whole; what a device is expected to do, the device has.

    Attributes:
        world: Clock, trace, chance and faults.
        bank: The bank core.
        currency: ISO 4217 code of all accounts and prices.
    """

    world: World
    bank: AnyBank
    currency: str

    def party(self, name: str) -> Party:
        """Somebody by name."""
        raise NotImplementedError

    def expects_balances(self, **balances: str) -> None:
        """Expect accounts to hold so much, e.g. ``rig.expects_balances(A="2.50", B="17.50")``.

        Raises:
            Unmet: One does not, within the world's patience.
            UsageError: There is nobody of that name.
        """
        self._expects_amounts("balances", balances, self.bank.balance)

    def expects_available(self, **amounts: str) -> None:
        """Expect people to have so much to dispose of: their balances less what is blocked.

        Raises:
            Unmet: Somebody has not, within the world's patience.
            UsageError: There is nobody of that name.
        """
        self._expects_amounts("available", amounts, self.bank.available)

    def _expects_amounts(
        self, what: str, texts: dict[str, str], look: Callable[[AccountNumber], Money]
    ) -> None:
        expected = {name: Money.parse(text, self.currency) for name, text in texts.items()}
        accounts = {name: self.party(name).account for name in texts}

        def found() -> dict[str, Money]:
            return {name: look(account) for name, account in accounts.items()}

        self.world.expect(
            lambda: found() == expected,
            who=RIG,
            expected=f"{what} {_amounts(expected)}",
            seen=lambda: f"{what} {_amounts(found())}",
        )

    def expects_steps(self, *steps: str) -> None:
        """Expect the run's messages so far to have been exactly these steps, in this order.

        Step names of the flow begin with a capital letter. What parts say to their devices, and
        whatever else the source text has no name for, does not count.

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

    def expects_decisions(self, *decisions: str) -> None:
        """Expect somebody to have decided each of these by now, in this order.

        Raises:
            Unmet: One is missing, or they came in another order.
        """

        def seen() -> list[str]:
            events = self.world.trace.events
            return [event.decision for event in events if isinstance(event, Decision)]

        def all_there() -> bool:
            rest = iter(seen())
            return all(decision in rest for decision in decisions)

        self.world.expect(
            all_there,
            who=RIG,
            expected="decisions " + ", ".join(decisions),
            seen=lambda: "decisions " + ", ".join(seen()),
        )

    def expects_refusal(self, why: str) -> None:
        """Expect somebody to have refused or ignored something for this reason.

        Raises:
            Unmet: Nobody has.
        """

        def seen() -> list[str]:
            events = self.world.trace.events
            return [event.why for event in events if isinstance(event, Decision)]

        self.world.expect(
            lambda: why in seen(),
            who=RIG,
            expected=f"a refusal: {why}",
            seen=lambda: "; ".join(filter(None, seen())) or "none",
        )


def _amounts(balances: dict[str, Money]) -> str:
    return ", ".join(f"{name}={money.text}" for name, money in balances.items())
