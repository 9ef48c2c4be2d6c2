"""Credit: how many pieces each side of a session has sent and taken.

A Bluetooth stack drops notifications when they come faster than its client reads (BlueZ does, in
bursts of more than a hundred), and says nothing. So neither side has more than `WINDOW_PIECES` on
their way, and each says in its reports what it has sent: what does not arrive is noticed.

A report is nine bytes, little-endian: version (1), pieces taken, pieces sent, the latter two modulo
2 to the 32nd.
"""

from __future__ import annotations

import struct

from paybench.hil.errors import PortLost

VERSION = 1
WINDOW_PIECES = 64
"""So many pieces a side may have sent that the other has not yet said it took."""

_REPORT = struct.Struct("<BII")
_MODULUS = 1 << 32


class Credit:
    """One side's counts, from the beginning of a session.

    Attributes:
        sent: Pieces sent.
        acknowledged: Pieces sent that the other side has taken, as far as it said.
        arrived: Pieces that came in.
        taken: Pieces that came in and were handed on; what waits between is bounded.
        reported: What the last report said was taken.
    """

    def __init__(self) -> None:
        self.sent = 0
        self.acknowledged = 0
        self.arrived = 0
        self.taken = 0
        self.reported = 0
        self._behind = (0, 0)  # what had arrived, of how many sent, at the last report with a gap

    @property
    def may_send(self) -> bool:
        """Whether another piece fits in the window."""
        return self.sent - self.acknowledged < WINDOW_PIECES

    @property
    def is_due(self) -> bool:
        """Whether half a window has gone in one direction: time for a report."""
        half = WINDOW_PIECES // 2
        return self.sent - self.acknowledged >= half or self.taken - self.reported >= half

    def arrive(self) -> None:
        """Count a piece that came in.

        Raises:
            PortLost: The other side sends on without credit: there would be no end to it.
        """
        self.arrived += 1
        if self.arrived - self.taken > WINDOW_PIECES:
            raise PortLost(
                f"it sent more than the {WINDOW_PIECES} pieces it had credit for: "
                "it must wait until its pieces are reported as taken"
            )

    def report(self) -> bytes:
        """What to tell the other side now."""
        self.reported = self.taken
        return _REPORT.pack(VERSION, self.taken % _MODULUS, self.sent % _MODULUS)

    def heard(self, report: bytes) -> None:
        """Take the other side's report.

        Raises:
            PortLost: It is none, it takes what was never sent, or pieces got lost on the way.
        """
        if len(report) != _REPORT.size or report[0] != VERSION:
            raise PortLost(
                f"its report is {report[:16].hex(' ') or 'empty'}: expected {_REPORT.size} bytes "
                f"that begin with {VERSION:02x}; is its paybench as new as this one?"
            )
        _, taken, sent = _REPORT.unpack(report)
        newly_taken = (taken - self.acknowledged) % _MODULUS
        if newly_taken > self.sent - self.acknowledged:
            raise PortLost(
                f"it reports {taken} pieces as taken, of {self.sent % _MODULUS} that were sent"
            )
        self.acknowledged += newly_taken
        self._look_for_gap(sent)

    def _look_for_gap(self, sent: int) -> None:
        """Pieces that stay away from one report to the next are lost.

        Once proves nothing: a stack may hand a report over before the pieces sent earlier.
        """
        missing = (sent - self.arrived) % _MODULUS
        if not 0 < missing < _MODULUS // 2:
            self._behind = (0, 0)
            return
        if self._behind == (self.arrived, sent):
            raise PortLost(
                f"{missing} of the {sent} pieces it sent never arrived: the Bluetooth stack "
                "dropped them; begin the session again"
            )
        self._behind = (self.arrived, sent)
