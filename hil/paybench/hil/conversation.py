"""A conversation: the wire protocol's exchange on an environment's clock.

The exchange is a state machine over values; here it gets its time from the environment, its
deadlines as alarms, and its bytes from a transport. In a replay the bytes come from the recording
and what it writes goes nowhere, and so it comes to the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.hil.wire.exchange import Exchange, Restarted, State, Timing

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.devices.environment import Environment

SESSION_BYTES = 4


class Conversation:
    """One end of an exchange of payloads.

    Args:
        env: Whose clock it lives on.
        session: Id of this end's life, `SESSION_BYTES` random bytes.
        write: Sends bytes to the other end.
        hear: Called with each payload that arrives.
        restarted: Called when the other end has started anew: what it was told it has forgotten.
        lost: Called with the reason when the other end has not answered for too long.
        byte_ns: What a byte takes on the line, in nanoseconds; 0 where that does not matter.
    """

    def __init__(
        self,
        env: Environment,
        session: bytes,
        *,
        write: Callable[[bytes], None],
        hear: Callable[[bytes], None],
        restarted: Callable[[], None],
        lost: Callable[[str], None],
        byte_ns: int = 0,
    ) -> None:
        self._env = env
        number = max(int.from_bytes(session[:SESSION_BYTES]), 1)
        self._exchange = Exchange(number, Timing(byte_ns=byte_ns))
        self._write = write
        self._hear = hear
        self._restarted = restarted
        self._lost = lost
        self._alarm_ns = 0
        self._is_silent = False
        self._exchange.link_up()
        self._go_on()

    @property
    def noise(self) -> str:
        """What came that was no frame, in words; "" if nothing did."""
        if not self._exchange.noise_bytes:
            return ""
        return f"{self._exchange.noise_bytes} bytes of noise, {self._exchange.noise_why}"

    def say(self, payload: bytes) -> None:
        """Send a payload; it arrives once, or `lost` is called.

        Raises:
            WireError: It is too long, or too many wait already.
        """
        self._exchange.send(payload)
        self._go_on()

    def receive(self, data: bytes) -> None:
        """Bytes came from the other end."""
        for item in self._exchange.receive(data):
            if isinstance(item, Restarted):
                self._restarted()
            else:
                self._hear(item)
        self._go_on()

    def cut(self, why: str) -> None:
        """The line is gone."""
        self._exchange.link_down(why)

    def mend(self) -> None:
        """The line is back: find out where both ends are, and go on from there."""
        self._exchange.link_up()
        self._go_on()

    def _go_on(self) -> None:
        """Write what is due, and set the alarm for what will be."""
        exchange = self._exchange
        data = exchange.to_transmit(self._env.now_ns)
        if data:
            self._write(data)
        if exchange.next_deadline_ns not in (None, self._alarm_ns):
            self._alarm_ns = exchange.next_deadline_ns
            self._env.alarm_at(self._alarm_ns, self._ring)
        if exchange.state is State.SILENT and not self._is_silent:
            self._lost(exchange.why)
        self._is_silent = exchange.state is State.SILENT

    def _ring(self, due_ns: int) -> None:
        if self._exchange.next_deadline_ns != due_ns:
            return  # it was answered in time
        self._env.now_ns = due_ns
        self._exchange.on_deadline(due_ns)
        self._go_on()
