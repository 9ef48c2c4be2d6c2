"""Handshakes: what a reader waits for after each code, when it is set to wait.

They are said in plain bytes. The handshake of Zebra's SSI is made of packets: `paybench.hil.ssi`.
"""

from __future__ import annotations

import msgspec

from paybench.hil.payload import Noise, Reply, Scanned

REFUSALS = 3
"""So many refusals in a row, then what cannot be read is accepted to be rid of it: a Honeywell
resends for as long as it is refused."""


class Handshake(msgspec.Struct, frozen=True):
    """What the host says after a code.

    Attributes:
        good: That it has arrived.
        bad: That it has not.
        resends: Whether the reader sends the code again when it hears `bad`.
        patience_s: How long the reader waits for either, in seconds, as it leaves the factory.
    """

    good: bytes
    bad: bytes
    resends: bool
    patience_s: float


HANDSHAKES = {
    "ack-nak": Handshake(b"\x06", b"\x15", resends=True, patience_s=2.0),
    "host-ack": Handshake(b"\x1b7,", b"\x1b8,", resends=False, patience_s=10.0),
}
"""``ack-nak`` is ASCII's, which all makers have; ``host-ack`` is Honeywell's, in escape commands:
7 is the beep of a good read, 8 the tone of a bad one."""


class Answering:
    """The host's side of a handshake: one answer to each code, and to each frame that is none."""

    def __init__(self, handshake: Handshake) -> None:
        self._handshake = handshake
        self._refusals = 0

    def answer(self, report: Scanned | Noise) -> Reply:
        """The answer to what came."""
        if isinstance(report, Noise) and self._refusals < REFUSALS:
            # A refusal nobody resends on is no part of a row.
            self._refusals += self._handshake.resends
            return Reply(self._handshake.bad)
        self._refusals = 0
        return Reply(self._handshake.good)
