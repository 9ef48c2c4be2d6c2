"""The sending line: a billing line behind which something is sent out when it is paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.devices.billing_line import BillingLine

if TYPE_CHECKING:
    from paybench.bank.outcome import Outcome
    from paybench.bank.tin import Refusal
    from paybench.devices.billing import Billing


class SendingLine(BillingLine):
    """The line of a machine or a web shop, where nobody hands anything over (claims 37, 38).

    What becomes of the article is for the device to say, when its billing is over.
    """

    def conclude(self, billing: Billing, outcome: Outcome) -> None:
        """It is paid, or not."""
        if outcome.settled and outcome.amount == billing.amount:
            self._stand(billing, "paid")
        else:
            super().conclude(billing, outcome)

    def _refuse(self, billing: Billing, reason: Refusal, sentence: str = "") -> None:
        billing.reason, billing.sentence = reason, sentence or reason.sentence
        self._stand(billing, "refused")
