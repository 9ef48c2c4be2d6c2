"""What a scanner does with a code: sends it, waits for the host's answer, sends it again."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING

from paybench.hil import ssi

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paybench.hil.handshake import Handshake
    from paybench.hil.virtual.tty import VirtualTty

YES, NO, NEVER = "acknowledged", "refused", "denied"


class Trouble:
    """Faults to show on purpose.

    Args:
        spoil: So many transmissions go out damaged.
        deaf: So many answers are not heard.
    """

    def __init__(self, spoil: int = 0, deaf: int = 0) -> None:
        self._spoil = spoil
        self._deaf = deaf

    def on_the_way(self, frame: bytes) -> bytes:
        """A frame, damaged if it is its turn: one byte of its text is no UTF-8 any more."""
        if not self._spoil:
            return frame
        self._spoil -= 1
        at = len(frame) // 2
        return frame[:at] + bytes((frame[at] ^ 0xFF,)) + frame[at + 1 :]

    def hears(self) -> bool:
        """Whether an answer reaches the scanner."""
        if not self._deaf:
            return True
        self._deaf -= 1
        return False


class PlainAnswers:
    """Understands a handshake in plain bytes."""

    resends_unheard = False

    def __init__(self, handshake: Handshake) -> None:
        self._handshake = handshake
        self._heard = b""

    def hear(self, data: bytes) -> str:
        """What the host said, "" if it has not yet."""
        self._heard += data
        good, bad = self._heard.find(self._handshake.good), self._heard.find(self._handshake.bad)
        if good < 0 and bad < 0:
            self._heard = self._heard[-16:]
            return ""
        self._heard = b""
        if good >= 0:
            return YES
        return NO if self._handshake.resends else NEVER

    def again(self, frame: bytes) -> bytes:
        """The frame when it is sent again: nothing tells it from the first."""
        return frame


class SsiAnswers:
    """Understands the host's SSI packets."""

    resends_unheard = True

    def __init__(self) -> None:
        self._finder = ssi.PacketFinder(ssi.HOST)

    def hear(self, data: bytes) -> str:
        """What the host said, "" if it has not yet."""
        for found in self._finder.feed(data):
            if isinstance(found, ssi.Packet) and found.opcode == ssi.CMD_ACK:
                return YES
            if isinstance(found, ssi.Packet) and found.opcode == ssi.CMD_NAK:
                return NO if found.data == bytes((ssi.RESEND,)) else NEVER
        return ""

    def again(self, frame: bytes) -> bytes:
        """The frame when it is sent again: marked as such."""
        _, opcode, source, status = frame[:4]
        return ssi.Packet(opcode, frame[4:-2], source, status | ssi.RETRANSMIT).encode()


class Sender:
    """Sends codes, and sees to it that they arrive.

    Args:
        port: Where to.
        answers: What the host's answers look like; None if it gives none.
        answer_s: How long to wait for one, in seconds.
        patience_s: How long to wait while the port is full, in seconds.
        trouble: Faults to show.
        say: Tells what happened, a line at a time.
    """

    def __init__(
        self,
        port: VirtualTty,
        answers: PlainAnswers | SsiAnswers | None,
        answer_s: float,
        patience_s: float,
        trouble: Trouble,
        say: Callable[[str], None],
    ) -> None:
        self._port = port
        self._answers = answers
        self._answer_s = answer_s
        self._patience_s = patience_s
        self._trouble = trouble
        self._say = say

    def send(self, payload: str, frames: Sequence[bytes]) -> None:
        """Send one code.

        Args:
            payload: What it says, for the report.
            frames: Its bytes; in several pieces if each is answered by itself.

        Raises:
            PortLost: The port is full and nobody reads.
        """
        self._port.read()  # what the host said before is no answer to this
        for number, frame in enumerate(frames):
            self._transmit(frame)
            if not number:
                self._say(f"scanned {payload}")
            if self._answers is not None and not self._see_to(self._answers, frame):
                return
        if self._answers is not None:
            self._say(YES)

    def _transmit(self, frame: bytes) -> None:
        self._port.write(self._trouble.on_the_way(frame), self._patience_s)

    def _see_to(self, answers: PlainAnswers | SsiAnswers, frame: bytes) -> bool:
        """Resend a frame until it is acknowledged; False when it is given up."""
        left = ssi.RESENDS
        while (said := self._answer(answers)) != YES:
            why = said or f"no answer within {self._answer_s:g} s"
            if said == NEVER or not left or not (said or answers.resends_unheard):
                self._say(f"gave up: {why}")
                return False
            left -= 1
            self._say(f"again: {why}")
            self._transmit(answers.again(frame))
        return True

    def _answer(self, answers: PlainAnswers | SsiAnswers) -> str:
        end_s = time.monotonic() + self._answer_s
        while (left_s := end_s - time.monotonic()) > 0:
            if select.select([self._port], [], [], left_s)[0]:
                said = answers.hear(self._port.read())
                if said and self._trouble.hears():
                    return said
        return ""
