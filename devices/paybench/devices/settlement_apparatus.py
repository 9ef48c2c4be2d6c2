"""The settlement apparatus as the terminals see it: two networks, and the core in between.

The billing network has lines, the paying network calling numbers. Who sends is what the network
says of the device at the other end, and never what a message says (claims 9, 11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paybench.bank.outcome import State
from paybench.bank.tin import Completed, Refused, Side, Synchronised
from paybench.devices.device import Device
from paybench.devices.environment import FOREVER
from paybench.devices.tin_messages import BillingCall, BillingNotice, PayingCall, PayingNotice
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from collections.abc import Generator

    from paybench.bank.tin import Notice
    from paybench.bank.tin import SettlementApparatus as Core
    from paybench.devices.bank_host import BankHost
    from paybench.devices.trace import Sent
    from paybench.devices.world import World

WORKERS = 4
SERVICE_TIME_S = 0.004


class SettlementApparatus(Device):
    """Calls of both networks queue for its workers; sessions outlive a loss of its power.

    Args:
        world: What it shares with the others.
        core: What decides everything.
        host: The bank, which deposits what is settled here.
        service_time_s: How long one worker is busy with one call, in seconds.
        workers: How many calls are served side by side.
        name: Full name.

    Attributes:
        billing: Its port on the billing network.
        paying: Its port on the paying network.
        addresses: The line or the calling number of a device, by side and name of the device;
            one that has none is known by its own name, under which nobody is registered.
    """

    role = "apparatus"

    def __init__(
        self,
        world: World,
        core: Core,
        host: BankHost,
        *,
        service_time_s: float = SERVICE_TIME_S,
        workers: int = WORKERS,
        name: str = "apparatus",
    ) -> None:
        super().__init__(world, name)
        self.core = core
        self.billing = self.port("billing")
        self.paying = self.port("paying")
        self.addresses: dict[Side, dict[str, str]] = {Side.BILLING: {}, Side.PAYING: {}}
        self.service_time_s = service_time_s
        self._devices: dict[tuple[Side, str], str] = {}
        self._workers = workers
        self._host = host
        self._calls = self.port("calls")
        self._alarm_ns = FOREVER
        self.billing.listen(self._take_billing)
        self.paying.listen(self._take_paying)
        self.boot()

    def connects(self, side: Side, device: str, address: str) -> None:
        """A device has got a line, or a calling number.

        Args:
            side: Of which network.
            device: The device's full name.
            address: Its line or calling number. Of several devices that share one, the last is
                reached under it.
        """
        self.addresses[side][device] = address
        self._devices[side, address] = device

    def boot(self) -> None:
        """Start the workers, and the alarm for what expires."""
        self._alarm_ns = FOREVER
        for _ in range(self._workers):
            self.run(self._work())
        self._set_alarm()

    def _take_billing(self, sent: Sent) -> None:
        self._queue(sent, BillingCall)

    def _take_paying(self, sent: Sent) -> None:
        self._queue(sent, PayingCall)

    def _queue(self, sent: Sent, kind: type[BillingCall | PayingCall]) -> None:
        if isinstance(sent.message, kind):
            self._calls.put(sent)
        else:
            self.decided(IGNORED, f"a {type(sent.message).__name__} is nothing for this network")

    def _work(self) -> Generator[Any, Any, None]:
        while True:
            sent: Sent = yield self._calls.receive_sent()
            yield self.env.timeout(self.service_time_s)
            self._send(self._serve(sent))
            self._set_alarm()

    def _serve(self, sent: Sent) -> list[Notice]:
        """Have the core decide."""
        call: Any = sent.message
        if isinstance(call, BillingCall):
            line = self.addresses[Side.BILLING].get(sent.sender, sent.sender)
            return self.core.from_billing(line, _body(call), self.env.now_ns)
        number = self.addresses[Side.PAYING].get(sent.sender, sent.sender)
        return self.core.from_paying(number, _body(call), self.env.now_ns)

    def _send(self, notices: list[Notice]) -> None:
        """Send what the core wants to be sent, and note what it decided."""
        for notice in notices:
            self._note_decision(notice)
            billing = notice.side is Side.BILLING
            port = self.billing if billing else self.paying
            to = self._devices.get((notice.side, notice.to), notice.to)
            if to not in port.ways:
                self.decided("told nobody", f"{notice.to} cannot be reached")
                continue
            body: Any = notice.body
            port.send(BillingNotice(body) if billing else PayingNotice(body), notice.step, to)

    def _note_decision(self, notice: Notice) -> None:
        body = notice.body
        if isinstance(body, Synchronised):
            self.decided("synchronised", "", body.session)
        elif isinstance(body, Completed):
            outcome = body.outcome
            self.decided(outcome.state, outcome.sentence, body.session)
            if outcome.settled:
                self._host.deposit_soon()
            if outcome.state is State.PROVISORY:
                self._host.desk.watch()
        elif isinstance(body, Refused):
            self.decided(f"refused: {body.reason}", body.sentence, body.session)

    def _set_alarm(self) -> None:
        due_ns = self.core.due_ns()
        if due_ns is not None and due_ns < self._alarm_ns:
            self._alarm_ns = max(due_ns, self.env.now_ns)
            self.env.alarm_at(self._alarm_ns, self._ring)

    def _ring(self, due_ns: int) -> None:
        if due_ns != self._alarm_ns or not self.powered:
            return  # an earlier one took over, or it is told when the power is back
        self._alarm_ns = FOREVER
        expires_ns = self.core.due_ns()
        if expires_ns is not None and expires_ns <= due_ns:  # else it was closed in time
            self.env.now_ns = due_ns
            self._send(self.core.expire(due_ns))
        self._set_alarm()


def _body(call: BillingCall | PayingCall) -> Any:
    return call.body
