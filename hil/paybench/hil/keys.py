"""Keys: what a keyboard wedge types, as the kernel's input events, on the US layout.

A HID scanner is a keyboard: each character is a key pressed and released, with Shift held where
the US layout wants it, and Enter or Tab at the end. Codes are as in linux/input-event-codes.h.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from paybench.hil.errors import ScannerError, SpecError
from paybench.hil.payload import CUT_OFF, Noise, PayloadRule, Report, Scanned

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENT = struct.Struct("<qqHHi")
"""An input_event as it is recorded: seconds, microseconds, type, code, value; 24 bytes."""

EV_SYN, EV_KEY = 0, 1
SYN_REPORT, SYN_DROPPED = 0, 3
RELEASED, PRESSED = 0, 1
ENTER, TAB, KEYPAD_ENTER, CAPS_LOCK = 28, 15, 96, 58
SHIFTS = frozenset({42, 54})
OTHER_MODIFIERS = {29: "Ctrl", 97: "Ctrl", 56: "Alt", 100: "Alt", 125: "Meta", 126: "Meta"}

LOST_SILENCE_NS = 200_000_000
"""Once events were lost, the Enter may be among them: a silence so long ends the code as well."""
MAX_CHARACTERS = 4096

_ROWS = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (57, " ", " "),
)
_PLAIN = {first + at: sign for first, signs, _ in _ROWS for at, sign in enumerate(signs)}
_SHIFTED = {first + at: sign for first, _, signs in _ROWS for at, sign in enumerate(signs)}
_KEYPAD = {
    **dict(zip((71, 72, 73, 75, 76, 77, 79, 80, 81, 82), "7894561230", strict=True)),
    55: "*",
    74: "-",
    78: "+",
    83: ".",
    98: "/",
}
_STROKES = {sign: (code, True) for code, sign in _SHIFTED.items()} | {
    sign: (code, False) for code, sign in _PLAIN.items()
}

TERMINATORS = {"ENTER": frozenset({ENTER, KEYPAD_ENTER}), "TAB": frozenset({TAB})}


_SET_IT = "set the scanner to the US keyboard, without Alt or Ctrl sequences"


class KeyDecoder:
    """Makes payloads of key events, one at a time.

    A code in which a key has no character, or events were lost, is noise up to its end: it is never
    half a payload. After `SYN_DROPPED` everything up to the next report is void, and no key counts
    as held.

    Args:
        ends: The keys that end a code; none where a silence does.
        rule: What may stand before a payload, and in it.

    Attributes:
        strokes: Keys pressed since the last report.
        lost: Whether events were lost since.
    """

    def __init__(self, ends: frozenset[int], rule: PayloadRule | None = None) -> None:
        self._ends = ends
        self._rule = rule or PayloadRule()
        self._held: set[int] = set()
        self._caps = False
        self._signs: list[str] = []
        self._void = False
        self._why = ""
        self.lost = False
        self.strokes = 0

    def event(self, kind: int, code: int, value: int) -> Scanned | Noise | None:
        """Take one event; return what it ends.

        Args:
            kind: The event's type, such as `EV_KEY`.
            code: Its code.
            value: Its value: 0 released, 1 pressed, 2 repeated by the kernel.
        """
        if kind == EV_KEY and not self._void:
            return self._key(code, value)
        if kind == EV_SYN and code == SYN_DROPPED:
            self._void = self.lost = True
            self._held.clear()
            self._spoil("the kernel dropped key events: the bench was too slow to read them")
        elif kind == EV_SYN and code == SYN_REPORT:
            self._void = False
        return None

    def end(self) -> Scanned | Noise | None:
        """The code under way has ended; None if there is none."""
        text, why, count = "".join(self._signs), self._why, self.strokes
        self._signs, self._why, self.strokes, self.lost = [], "", 0, False
        if why:
            return Noise(count, why)
        return self._rule.judge(text.encode()) if text else None

    def drop(self) -> None:
        """The keyboard went away and is back: no key is held, and the code under way is noise."""
        self._void = False
        self._held.clear()
        if self.strokes:
            self._spoil(CUT_OFF)

    def _key(self, code: int, value: int) -> Scanned | Noise | None:
        if code in SHIFTS or code in OTHER_MODIFIERS:
            (self._held.add if value else self._held.discard)(code)
        elif value != PRESSED:
            pass  # a release says nothing more, and a repeat is the kernel's and not the scanner's
        elif code == CAPS_LOCK:
            self._caps = not self._caps
        elif code in self._ends:
            return self.end()
        else:
            self._type(code)
        return None

    def _type(self, code: int) -> None:
        self.strokes += 1
        modifiers = sorted({OTHER_MODIFIERS[held] for held in self._held - SHIFTS})
        shift = bool(self._held & SHIFTS)
        sign = _KEYPAD.get(code) or (_SHIFTED if shift else _PLAIN).get(code)
        if modifiers:
            self._spoil(f"key {code} came with {' and '.join(modifiers)} held: {_SET_IT}")
        elif sign is None:
            self._spoil(f"key {code} types no character on the US layout: {_SET_IT}")
        elif len(self._signs) >= MAX_CHARACTERS:
            self._spoil(f"more than {MAX_CHARACTERS} characters without an Enter or Tab")
        else:
            self._signs.append(sign.swapcase() if self._caps else sign)

    def _spoil(self, why: str) -> None:
        self._why = self._why or why
        self._signs.clear()


class KeyCodec:
    """The same as a codec of bytes, for `paybench.hil.reader`: the bytes of input_event structs.

    Args:
        suffix: ENTER, TAB or NONE.
        rule: What may stand before a payload, and in it.
        gap_ns: The silence that ends a code where no key does, in nanoseconds.

    Raises:
        SpecError: The suffix is none of the three.
    """

    def __init__(
        self, suffix: str = "ENTER", rule: PayloadRule | None = None, gap_ns: int = 100_000_000
    ) -> None:
        if suffix not in {*TERMINATORS, "NONE"}:
            raise SpecError(f"suffix={suffix!r}: expected ENTER, TAB or NONE of a keyboard")
        self._keys = KeyDecoder(TERMINATORS.get(suffix, frozenset()), rule)
        self._gap_ns = gap_ns if suffix == "NONE" else 0
        self._part = b""

    @property
    def pending_bytes(self) -> int:
        """Keys pressed that are in no report yet; and bytes of half an event."""
        return self._keys.strokes + len(self._part)

    @property
    def silence_ns(self) -> int:
        """The silence that ends the code under way, in nanoseconds; 0 if only a key does."""
        if self._keys.lost:
            return LOST_SILENCE_NS
        return self._gap_ns if self._keys.strokes else 0

    def feed(self, data: bytes) -> list[Report]:
        """Take the bytes of events and return what they complete; never raises on bad bytes."""
        data = self._part + data
        whole = len(data) - len(data) % EVENT.size
        self._part = data[whole:]
        found = [self._keys.event(*event[2:]) for event in EVENT.iter_unpack(data[:whole])]
        return [report for report in found if report is not None]

    def idle(self) -> list[Report]:
        """The keyboard was silent for `silence_ns`: return what that completes."""
        report = self._keys.end()
        return [report] if report is not None else []

    def drop(self) -> list[Report]:
        """The keyboard went away and is back: what was under way is noise, not half a payload."""
        self._part = b""
        self._keys.drop()
        return self.idle()


def strokes(text: str) -> Iterator[tuple[int, int]]:
    """The key events, code and value, in which a keyboard types a text; each is one report.

    Raises:
        ScannerError: A character is on no key of the US layout.
    """
    for sign in text:
        if sign not in _STROKES:
            raise ScannerError(f"{sign!r} is on no key of the US layout: a wedge cannot type it")
        code, shifted = _STROKES[sign]
        if shifted:
            yield min(SHIFTS), PRESSED
        yield from press(code)
        if shifted:
            yield min(SHIFTS), RELEASED


def press(code: int) -> Iterator[tuple[int, int]]:
    """One key pressed and released."""
    yield code, PRESSED
    yield code, RELEASED
