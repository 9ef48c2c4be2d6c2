"""The two windows of an exchange: what goes out in order, and what comes in in order.

Payloads are counted from 0 without end; a frame carries the low 16 bits, which tell the count
again because no window reaches 32768 payloads far.
"""

from __future__ import annotations

from collections import deque

from paybench.hil.wire.errors import ExchangeFull, WireError
from paybench.hil.wire.frame import PAYLOAD_MAX_BYTES

QUEUE_MAX = 256
"""Payloads an exchange keeps until they are acknowledged."""

_NUMBERS = 1 << 16


def unwrap(number: int, near: int) -> int:
    """The count whose low 16 bits are `number`, and which is nearest to `near`."""
    half = _NUMBERS >> 1
    return near + (number - near + half) % _NUMBERS - half


class SendWindow:
    """Payloads until the peer has acknowledged them. Go-back-n: the oldest first, in order.

    Attributes:
        oldest: Number of the oldest payload not acknowledged.
        next: Number of the payload to transmit next.
        sent: One past the highest number ever transmitted.
        edge: One past the highest number the peer has room for.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._queue: deque[bytes] = deque()
        self.oldest = self.next = self.sent = self.edge = 0

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def in_flight_bytes(self) -> int:
        """Bytes of the payloads transmitted and not acknowledged."""
        return sum(len(self._queue[at]) for at in range(self.sent - self.oldest))

    def put(self, payload: bytes) -> None:
        """Take a payload in.

        Raises:
            WireError: It is too long.
            ExchangeFull: `QUEUE_MAX` are waiting.
        """
        if len(payload) > PAYLOAD_MAX_BYTES:
            raise WireError(
                f"a payload has at most {PAYLOAD_MAX_BYTES} bytes, and this one {len(payload)}"
            )
        if len(self._queue) >= QUEUE_MAX:
            raise ExchangeFull(
                f"{QUEUE_MAX} payloads wait for the peer: it takes nothing, or too slowly"
            )
        self._queue.append(payload)

    def take(self, *, only_oldest: bool) -> list[tuple[int, bytes]]:
        """The payloads to transmit now, with their numbers."""
        reach = 1 if only_oldest else self._size
        end = min(self.oldest + min(len(self._queue), reach), self.edge)
        due = [(number, self._queue[number - self.oldest]) for number in range(self.next, end)]
        self.next = max(self.next, end)
        self.sent = max(self.sent, end)
        return due

    def accept(self, acknowledgement: int, credit: int) -> bool | None:
        """The peer says what it has and has room for.

        Returns:
            Whether it has more than before; None when it says it has what was never sent, or
            less than it had: then the frame is of another conversation, or old.
        """
        upto = unwrap(acknowledgement, self.oldest)
        if not self.oldest <= upto <= self.sent:
            return None
        progress = upto > self.oldest
        for _ in range(upto - self.oldest):
            self._queue.popleft()
        self.oldest = upto
        self.next = max(self.next, upto)
        self.edge = max(self.edge, upto + credit)
        return progress

    def go_back(self) -> None:
        """Transmit again from the oldest payload on."""
        self.next = self.oldest

    def restart(self, *, forget: bool) -> tuple[bytes, ...]:
        """Count from 0 for another peer; with `forget`, without the payloads that wait.

        Returns:
            The payloads forgotten.
        """
        self.oldest = self.next = self.sent = self.edge = 0
        if not forget:
            return ()
        forgotten = tuple(self._queue)
        self._queue.clear()
        return forgotten


class ReceiveWindow:
    """What has come in, and how much more there is room for.

    Attributes:
        next: Number of the payload expected next.
        held: Payloads that were delivered and still take a place.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._edge = 0
        self.next = 0
        self.held = 0

    @property
    def credit(self) -> int:
        """How many payloads the peer has been told it may send from `next` on."""
        return self._edge - self.next

    def offer(self) -> int:
        """The credit to tell the peer. What it was once told it may send is never taken back."""
        self._edge = max(self._edge, self.next + self._size - self.held)
        return self._edge - self.next

    def accepts(self, sequence: int) -> bool:
        """Count the payload in if it is the one expected and there is room for it."""
        if self.next == self._edge or unwrap(sequence, self.next) != self.next:
            return False
        self.next += 1
        return True

    def restart(self) -> None:
        """Count from 0 for another peer."""
        self.next = self._edge = 0
