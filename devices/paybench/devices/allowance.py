"""The allowance: how much a phone pays before it wants a password or a finger again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paybench.bank.money import Money
    from paybench.devices.phone import Phone

_RECORD = "paid freely"


class Allowance:
    """Counts what was paid without proving who it is; in the store, so that it stays counted.

    Args:
        phone: The phone.
        limit: So much may be paid since the owner was last known.
    """

    def __init__(self, phone: Phone, limit: Money) -> None:
        self.limit = limit
        self._phone = phone

    def permits(self, correlation: str, amount: Money, password: str, finger: str) -> bool:
        """Whether the owner may pay so much now; says so on the display if not.

        Args:
            correlation: What it belongs to, for the trace.
            amount: How much.
            password: What was typed; "" for nothing.
            finger: The finger on the sensor; "" for none.
        """
        phone = self._phone
        if password or finger or phone.state == "locked":
            known = phone.authenticates(correlation, password, finger)
            if known:
                phone.store.drop(_RECORD)
            return known
        freely_minor = (phone.store.get(_RECORD, int) or 0) + amount.amount_minor
        if freely_minor > self.limit.amount_minor:
            phone.display.show("ENTER THE PASSWORD", f"PAY {amount.text}")
            return False
        phone.store.put(_RECORD, freely_minor)
        return True
