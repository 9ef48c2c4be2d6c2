"""The reliable exchange: every payload once and in order, over a link that loses and garbles.

A state machine over values: bytes and the time go in, bytes and payloads come out. Whoever drives
it asks for `to_transmit` after every other call, and calls `on_deadline` at `next_deadline_ns`.
docs/wire-protocol.md says what an implementation of one's own has to do.
"""

from __future__ import annotations

import enum
import struct

import msgspec

from paybench.hil.wire.errors import WireError
from paybench.hil.wire.frame import DELIMITER, VERSION, Frame, FrameDecoder, Kind, Noise
from paybench.hil.wire.window import ReceiveWindow, SendWindow

WINDOW = 8
"""Payloads under way at most, unless said otherwise."""

_SESSIONS = struct.Struct(">II")
_SESSION_MAX = (1 << 32) - 1
_WINDOW_MAX = 255
_STEP_BYTES = 1024
_LOW_16 = 0xFFFF
_TEXT_MAX_BYTES = 128
_UNSPOKEN = 1  # reasons in a RESET
_ENDED = 2


class State(enum.StrEnum):
    """What an exchange is doing.

    DOWN: there is no link. SILENT: there is one, and we gave up or were told to; a HELLO from the
    peer wakes us. OPENING: we say HELLO until the peer knows us. OPEN: payloads flow.
    """

    DOWN = "down"
    SILENT = "silent"
    OPENING = "opening"
    OPEN = "open"


class Timing(msgspec.Struct, frozen=True):
    """How long an exchange waits for an answer.

    Attributes:
        first_ns: Until the first retransmission; each further wait is twice as long.
        longest_ns: The longest wait.
        tries: Transmissions without an answer after which it gives up.
        byte_ns: What a byte takes on the line, e.g. 86_806 at 115200 baud 8N1; 0 where it does
            not matter. Twice the bytes under way are waited for in addition.
    """

    first_ns: int = 200_000_000
    longest_ns: int = 3_200_000_000
    tries: int = 8
    byte_ns: int = 0


class Restarted(msgspec.Struct, frozen=True, gc=False):
    """The peer is not the one from before: it rebooted, or another one was plugged in.

    Attributes:
        session: Its session id.
        unconfirmed: Payloads the former one may or may not have taken. They are not sent again.
    """

    session: int
    unconfirmed: tuple[bytes, ...]


class Exchange:
    """One end of a reliable exchange of payloads.

    While both ends live, a payload arrives once and in order however often the link fails. When
    the peer restarts, its new session id tells, and what was not confirmed is handed back.

    Args:
        session: Id of this end's life, 1 to 2^32 - 1: another one after each start.
        timing: How long it waits for answers.
        window: Payloads under way at most, in either direction, 1 to 255.

    Raises:
        WireError: The session id or the window is out of range.

    Attributes:
        state: What it is doing.
        why: Why it is down or silent, as a sentence; "" otherwise.
        noise_bytes: Bytes received that were no frames.
        noise_why: Why the last of them were none.
        next_deadline_ns: When to call `on_deadline`; None for not at all.
    """

    def __init__(self, session: int, timing: Timing | None = None, window: int = WINDOW) -> None:
        if not 1 <= session <= _SESSION_MAX:
            raise WireError(f"the session id is {session}: expected 1 to {_SESSION_MAX}")
        if not 1 <= window <= _WINDOW_MAX:
            raise WireError(f"the window is {window} payloads: expected 1 to {_WINDOW_MAX}")
        self.session = session
        self.state = State.DOWN
        self.why = "the link was never up"
        self.noise_bytes = 0
        self.noise_why = ""
        self.next_deadline_ns: int | None = None
        self._timing = timing or Timing()
        self._decoder = FrameDecoder()
        self._out = SendWindow(window)
        self._in = ReceiveWindow(window)
        self._peer = 0
        self._met = (
            False  # whether that peer has named us: only then it speaks to this life of ours
        )
        self._tries = 0
        self._hello_due = self._welcome_due = self._ack_due = False
        self._reset_due = b""

    @property
    def unconfirmed(self) -> int:
        """How many payloads given to `send` the peer has not acknowledged."""
        return len(self._out)

    # -- the link -----------------------------------------------------------------------------

    def link_up(self) -> None:
        """The link is there: find out where both ends are, and go on from there."""
        self._decoder = FrameDecoder()
        self._welcome_due = self._ack_due = False
        self._reset_due = b""
        self._begin_opening()

    def link_down(self, why: str) -> None:
        """The link is gone. Nothing is forgotten."""
        self.state, self.why = State.DOWN, why
        self.next_deadline_ns = None

    def end(self, why: str) -> None:
        """Tell the peer that we leave, so that it need not wait for us; nothing is forgotten."""
        if self.state is not State.DOWN:
            self._fall_silent(f"we ended the exchange: {why}")
            self._reset_due = _reset(_ENDED, why)

    # -- payloads -----------------------------------------------------------------------------

    def send(self, payload: bytes) -> None:
        """Take a payload for the peer, whether the link is up or not.

        Raises:
            WireError: It is longer than `PAYLOAD_MAX_BYTES`.
            ExchangeFull: `QUEUE_MAX` are waiting already.
        """
        self._out.put(payload)

    def hold(self, count: int = 1) -> None:
        """Payloads that were delivered still wait on our side: give that much less credit."""
        self._in.held += count

    def release(self, count: int = 1) -> None:
        """Payloads that were held wait no more."""
        self._in.held = max(0, self._in.held - count)
        if self._in.credit == 0:  # the peer may be waiting to hear of it
            self._ack_due = True

    # -- bytes and time -----------------------------------------------------------------------

    def receive(self, data: bytes) -> list[bytes | Restarted]:
        """Take bytes that arrived; never raises on bad ones.

        Returns:
            The peer's payloads that are complete now, in order, each once; and `Restarted` where
            the peer became another one.
        """
        delivered: list[bytes | Restarted] = []
        if self.state is not State.DOWN:
            for start in range(0, len(data), _STEP_BYTES):
                for item in self._decoder.feed(data[start : start + _STEP_BYTES]):
                    if isinstance(item, Noise):
                        self._hear_noise(item)
                    else:
                        self._hear(item, delivered)
        return delivered

    def to_transmit(self, now_ns: int) -> bytes:
        """The bytes to put on the link now; each is given out once."""
        frames: list[Frame] = []
        if self.state is State.DOWN:
            return b""
        if self._reset_due:
            frames.append(self._frame(Kind.RESET, self._reset_due))
            self._reset_due = b""
        if self._welcome_due:
            frames.append(self._frame(Kind.WELCOME, self._sessions()))
        if self._hello_due:
            frames.append(self._frame(Kind.HELLO, self._sessions()))
        if self.state is State.OPEN:
            for number, payload in self._out.take(only_oldest=self._tries > 0):
                frames.append(self._frame(Kind.DATA, payload, number))
        if self._ack_due and not frames and self.state is not State.SILENT:
            frames.append(self._frame(Kind.ACK))
        self._hello_due = self._welcome_due = self._ack_due = False
        self._set_deadline(now_ns)
        if not frames:
            return b""
        # A delimiter first: what noise an idle line has left in the peer's decoder ends there.
        return DELIMITER + b"".join(frame.encode() for frame in frames)

    def on_deadline(self, now_ns: int) -> None:
        """The time is `next_deadline_ns`, or later: an answer is overdue."""
        if self.next_deadline_ns is None or now_ns < self.next_deadline_ns:
            return
        self.next_deadline_ns = None
        self._tries += 1
        if self._tries >= self._timing.tries:
            self._fall_silent(self._gave_up())
        elif self.state is State.OPEN and self._out.sent > self._out.oldest:
            self._out.go_back()
        else:
            self._hello_due = True

    # -- what is heard ------------------------------------------------------------------------

    def _hear_noise(self, noise: Noise) -> None:
        self.noise_bytes += noise.byte_count
        self.noise_why = noise.why
        if noise.version and self.state is not State.SILENT:
            self.noise_why = f"a frame of version {noise.version}; this is version {VERSION}"
            self._reset_due = _reset(_UNSPOKEN, self.noise_why)

    def _hear(self, frame: Frame, delivered: list[bytes | Restarted]) -> None:
        if frame.kind is Kind.HELLO or frame.kind is Kind.WELCOME:
            self._meet(frame, delivered)
        elif self.state is State.SILENT:
            return
        elif frame.kind is Kind.RESET:
            self._fall_silent(f"the peer ended the exchange: {_reason(frame.payload)}")
        elif self._met and self._acknowledge(frame) and frame.kind is Kind.DATA:
            self._ack_due = True
            if self._in.accepts(frame.sequence):
                delivered.append(frame.payload)

    def _meet(self, frame: Frame, delivered: list[bytes | Restarted]) -> None:
        """The peer says who it is, and whom it takes us for."""
        theirs, ours = _SESSIONS.unpack(frame.payload)
        if theirs == self.session:
            self.noise_why = "our own session id: is the line looped back, or the id no random one"
            self.noise_bytes += len(frame.payload)
            return
        if not theirs:
            return
        is_new = theirs != self._peer
        if is_new:
            forgotten = self._out.restart(forget=self._peer != 0)
            self._in.restart()
            if self._peer:
                delivered.append(Restarted(theirs, forgotten))
            self._peer = theirs
            self._met = False
        if frame.kind is Kind.HELLO:
            self._welcome_due = True
        if ours == self.session:
            self._met = True
            if is_new or self.state is not State.OPEN:
                self._open()
            self._acknowledge(frame)
            if self._out.sent == self._out.oldest:
                self._answered()
        elif is_new or self.state is State.SILENT:
            self._begin_opening()

    def _acknowledge(self, frame: Frame) -> bool:
        """Take note of what the peer has; False when the frame is of another conversation."""
        progress = self._out.accept(frame.acknowledgement, frame.credit)
        if progress:
            self._answered()
        return progress is not None

    # -- what follows -------------------------------------------------------------------------

    def _open(self) -> None:
        self.state, self.why = State.OPEN, ""
        self._hello_due = False
        self._out.go_back()
        self._answered()

    def _begin_opening(self) -> None:
        self.state, self.why = State.OPENING, ""
        self._hello_due = True
        self._out.go_back()
        self._answered()

    def _fall_silent(self, why: str) -> None:
        self.state, self.why = State.SILENT, why
        self._hello_due = self._welcome_due = self._ack_due = False
        self.next_deadline_ns = None

    def _answered(self) -> None:
        self._tries = 0
        self.next_deadline_ns = None

    def _set_deadline(self, now_ns: int) -> None:
        if self.next_deadline_ns is not None or not self._awaits_answer():
            return
        wait_ns = min(self._timing.first_ns << self._tries, self._timing.longest_ns)
        if self._timing.byte_ns:
            wait_ns += 2 * self._timing.byte_ns * self._out.in_flight_bytes
        self.next_deadline_ns = now_ns + wait_ns

    def _awaits_answer(self) -> bool:
        if self.state is State.OPEN:
            # Either for an acknowledgement, or for credit: it may have been given and got lost.
            return len(self._out) > 0
        return self.state is State.OPENING

    def _gave_up(self) -> str:
        heard = f"; {self.noise_bytes} bytes of noise came, last {self.noise_why}"
        return (
            f"{'HELLO' if self.state is State.OPENING else 'a payload'} was sent {self._tries} "
            f"times and not answered: is the other end on, and the line the right one"
            f"{heard if self.noise_bytes else ''}?"
        )

    def _sessions(self) -> bytes:
        return _SESSIONS.pack(self.session, self._peer)

    def _frame(self, kind: Kind, payload: bytes = b"", number: int | None = None) -> Frame:
        return Frame(
            kind,
            (self._out.next if number is None else number) & _LOW_16,
            self._in.next & _LOW_16,
            self._in.offer(),
            payload,
        )


def _reset(code: int, why: str) -> bytes:
    return bytes([code]) + why.encode(errors="replace")[:_TEXT_MAX_BYTES]


def _reason(payload: bytes) -> str:
    """What a RESET says, fit to be printed whoever sent it."""
    text = payload[1:].decode(errors="replace")
    shown = "".join(letter if letter.isprintable() else "\N{MIDDLE DOT}" for letter in text)
    return shown or f"reason {payload[0]}"
