"""What a camera saw: codes that come into view and leave it, and which of these are readings.

A camera sees the same code in every frame. Outside the run only the changes are told, as a
`Sighting` each: they are what a recording holds, a few bytes instead of pictures. Inside the run a
`Gaze` decides by the run's own clock what is a reading, so a replay decides alike.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from paybench.hil.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.devices.scanner import Scanner
    from paybench.devices.world import World

PAYLOAD_MAX_BYTES = 4096
"""As much as a scanner on a wire may send; the largest QR code holds 2953."""

# C0 but line feed, DEL, C1 and the two Unicode line separators: nothing a display should get.
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_CAME, _LEFT = "came", "left"

OVER = b"over"
"""On record, the last word of a camera that goes away for good: a film that has ended, say."""


class Sighting(Struct, frozen=True, gc=False):
    """A code came into view, or left it.

    On record it is text in UTF-8: ``came`` or ``left``, a space, the symbology, a line feed, the
    payload.
    """

    code: Code
    came: bool = True

    def encode(self) -> bytes:
        """The bytes that are recorded."""
        word = _CAME if self.came else _LEFT
        text = f"{word} {self.code.symbology}\n{self.code.payload}"
        return text.encode(errors="backslashreplace")

    @classmethod
    def decode(cls, data: bytes) -> Sighting:
        """Read what `encode` wrote.

        Raises:
            ValueError: It is something else; a recording was changed.
        """
        head, line_feed, payload = data.decode().partition("\n")
        word, _, symbology = head.partition(" ")
        if not line_feed or not symbology or word not in (_CAME, _LEFT):
            raise ValueError(
                f"expected 'came' or 'left', symbology and payload, seen {data[:40]!r}"
            )
        return cls(Code(payload, symbology), word == _CAME)


class Gaze:
    """Decides which sightings are readings.

    A code is read when it comes into view. Held still it is read once; back in view within
    `again_ns` after it left it is the same reading, e.g. a hand trembled. `asked` reads what is in
    view already and was asked for.

    Args:
        again_ns: How long a code must have been away to be read again, in nanoseconds.
    """

    def __init__(self, again_ns: int) -> None:
        self._again_ns = again_ns
        self._in_view: set[Code] = set()
        self._left_ns: dict[Code, int] = {}

    def came(self, code: Code, now_ns: int) -> bool:
        """A code came into view; tells whether this is a reading."""
        self._forget(now_ns)
        known = code in self._in_view or code in self._left_ns
        self._in_view.add(code)
        self._left_ns.pop(code, None)
        return not known

    def left(self, code: Code, now_ns: int) -> None:
        """A code left the view."""
        self._forget(now_ns)
        if code in self._in_view:
            self._in_view.discard(code)
            self._left_ns[code] = now_ns

    def close(self, now_ns: int) -> None:
        """Nothing can be seen any more: everything has left the view."""
        self._left_ns |= dict.fromkeys(self._in_view, now_ns)
        self._in_view.clear()

    def shows(self, payload: str) -> Code | None:
        """The code with this payload that is in view, if there is one."""
        codes = (code for code in self._in_view if code.payload == payload)
        return min(codes, key=lambda code: code.symbology, default=None)

    def _forget(self, now_ns: int) -> None:
        since_ns = now_ns - self._again_ns
        self._left_ns = {code: at for code, at in self._left_ns.items() if at > since_ns}


class CameraReader:
    """Turns what a camera sees into readings, on the simulated scanner's own cable.

    It is the `Source` of the environment, and the `Operated` of the scanner: what is presented is
    asked of a person. What lies in view already when it is asked for is read at once.
    """

    def __init__(
        self, scanner: Scanner, world: World, gaze: Gaze, operator: Callable[[str], None]
    ) -> None:
        self._scanner = scanner
        self._world = world
        self._gaze = gaze
        self._operator = operator

    def ask(self, code: str) -> None:
        """Ask a person to hold a code before the camera."""
        lying = self._gaze.shows(code)
        if lying is not None:
            self._scanner.reads(lying.payload, lying.symbology)
        else:
            self._operator(f"hold {code} before {self._scanner.name}")

    def received(self, data: bytes) -> None:
        """The camera saw something come or go."""
        if self._scanner.gone:
            return
        if data == OVER:
            self._scanner.returns = False
            return
        sighting = Sighting.decode(data)
        code, now_ns = sighting.code, self._world.env.now_ns
        if not sighting.came:
            self._gaze.left(code, now_ns)
        elif self._gaze.came(code, now_ns):
            why = why_no_payload(code.payload)
            if why:
                self._scanner.misreads(len(code.payload.encode()), why)
            else:
                self._scanner.reads(code.payload, code.symbology)

    def lost(self, why: str) -> None:
        """The camera went away, or dark. What comes into view again is judged as ever."""
        self._gaze.close(self._world.env.now_ns)
        self._world.lose(self._scanner, why)

    def found(self) -> None:
        """The camera is back."""
        self._world.regain(self._scanner)


def why_no_payload(text: str) -> str:
    """Why a code's text is none that a device should get; "" for a good one."""
    size = len(text.encode())
    if size > PAYLOAD_MAX_BYTES:
        return f"{size} bytes: at most {PAYLOAD_MAX_BYTES} are read"
    control = _CONTROL.search(text)
    if control:
        return f"character {control.start()} is U+{ord(control[0]):04X}: a control character"
    return ""
