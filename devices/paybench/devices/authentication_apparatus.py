"""The authentication apparatus: proves to third parties who a caller is (claims 42, 43).

It stands between the same two networks as the settlement apparatus, and no money is in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from paybench.bank.tin import AuthenticationResult, Side
from paybench.devices.settlement_apparatus import SettlementApparatus
from paybench.devices.tin_messages import BillingCall

if TYPE_CHECKING:
    from paybench.bank.tin import AuthenticationApparatus as Core
    from paybench.bank.tin import Notice
    from paybench.devices.bank_host import BankHost
    from paybench.devices.trace import Sent
    from paybench.devices.world import World


class AuthenticationApparatus(SettlementApparatus):
    """Second terminals, which demand, call on the billing network; first ones on the paying one.

    Args:
        world: What it shares with the others.
        core: What decides everything.
        host: The bank, which has nothing to do here.
        name: Full name.
    """

    role = "authenticator"

    def __init__(
        self, world: World, core: Core, host: BankHost, *, name: str = "authenticator"
    ) -> None:
        self._core = core
        # Both cores synchronise, expire and give notices alike; what they take is told below.
        super().__init__(world, cast("Any", core), host, name=name)

    def _serve(self, sent: Sent) -> list[Notice]:
        call: Any = sent.message
        if isinstance(call, BillingCall):
            line = self.addresses[Side.BILLING].get(sent.sender, sent.sender)
            body: Any = call.body
            return self._core.from_second(line, body, self.env.now_ns)
        number = self.addresses[Side.PAYING].get(sent.sender, sent.sender)
        return self._core.from_first(number, call.body, self.env.now_ns)

    def _note_decision(self, notice: Notice) -> None:
        body = notice.body
        if isinstance(body, AuthenticationResult) and notice.side is Side.BILLING:
            decision = "authenticated" if body.passed else "not authenticated"
            self.decided(decision, ", ".join(body.methods), body.session)
        else:
            super()._note_decision(notice)
