"""What a code reader's bytes come to: payloads, noise, and answers to the reader."""

from __future__ import annotations

import re
from typing import Protocol

import msgspec

GS = "\x1d"

# C0, DEL, C1 and the two Unicode line separators: nothing a code's text may hold.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_AIM = re.compile(r"\][A-Za-z][0-9A-Za-z]")
_AIM_BYTES = 3
# Code 128, DataBar, Data Matrix and QR as GS1 use them: there FNC1 separates fields, sent as GS.
_GS1 = frozenset({"]C1", "]e0", "]d2", "]Q3"})


class Scanned(msgspec.Struct, frozen=True, gc=False):
    """A payload as the reader read it, without prefix, identifier and suffix.

    Attributes:
        payload: The text.
        symbology: As in `paybench.devices.scanner.Reading`.
    """

    payload: str
    symbology: str = ""


class Noise(msgspec.Struct, frozen=True, gc=False):
    """Bytes which were dropped, without the suffix that ended them, and why.

    Each dropped byte is counted in exactly one `Noise`, so the counts may be added up.
    """

    byte_count: int
    why: str


class Reply(msgspec.Struct, frozen=True, gc=False):
    """Bytes to write back to the reader: that its code has arrived, or shall come again."""

    data: bytes


Report = Scanned | Noise | Reply


class ReaderCodec(Protocol):
    """Makes reports of what a reader sends, whatever the chunks it arrives in."""

    @property
    def pending_bytes(self) -> int:
        """Bytes that came and are in no report yet."""
        ...

    @property
    def silence_ns(self) -> int:
        """A silence so long, in nanoseconds, means something: call `idle` then. 0 for none."""
        ...

    def feed(self, data: bytes) -> list[Report]:
        """Take the bytes that arrived and return what they complete; never raises on bad bytes."""
        ...

    def idle(self) -> list[Report]:
        """The reader was silent for `silence_ns`: return what that completes."""
        ...

    def drop(self) -> list[Report]:
        """The reader went away and is back: what was under way is noise, not half a payload."""
        ...


CUT_OFF = "the reader went away within a code: scan it again"


class PayloadRule:
    """Tells a payload from noise: what stands before it, and what it may hold.

    Args:
        prefix: Bytes which must stand first.
        aim: Whether an AIM identifier must follow.

    Attributes:
        extra_bytes: So many bytes come on top of the payload.
    """

    def __init__(self, prefix: bytes = b"", *, aim: bool = False) -> None:
        self.prefix = prefix
        self.aim = aim
        self.extra_bytes = len(prefix) + (_AIM_BYTES if aim else 0)

    def judge(self, frame: bytes, symbology: str = "") -> Scanned | Noise:
        """Tell a payload from noise.

        Args:
            frame: Prefix, identifier and payload.
            symbology: What the protocol around the frame says of it.
        """
        start = len(self.prefix)
        if not frame.startswith(self.prefix):
            seen = shown(frame[:start])
            return Noise(len(frame), f"expected the prefix {shown(self.prefix)}, saw {seen}")
        try:
            payload = frame[start:].decode()
        except UnicodeDecodeError as error:
            at = start + error.start
            return Noise(len(frame), f"byte {at} is 0x{frame[at]:02X}: not UTF-8")
        if self.aim:
            if not _AIM.match(payload):
                seen = payload[:_AIM_BYTES]
                return Noise(
                    len(frame),
                    f"expected an AIM identifier such as ]E0, saw {seen!r}: "
                    "set the scanner to send them, or write aim=no",
                )
            symbology, payload = payload[:_AIM_BYTES], payload[_AIM_BYTES:]
        if not payload:
            return Noise(len(frame), "no payload between prefix and suffix")
        text = payload.replace(GS, "") if symbology in _GS1 else payload
        if control := _CONTROL.search(text):
            return Noise(
                len(frame),
                f"character {payload.index(control[0])} of the payload is U+{ord(control[0]):04X}: "
                "a control character (is it part of the suffix the scanner is set to?)",
            )
        return Scanned(payload, symbology)


TERMINATORS = {"CR": b"\r", "LF": b"\n", "CRLF": b"\r\n", "TAB": b"\t"}


def shown(data: bytes) -> str:
    """Name bytes as a spec would: CR, '>' or 0x02."""
    for name, suffix in TERMINATORS.items():
        if data == suffix:
            return name
    if data.isascii() and data.decode().isprintable():
        return repr(data.decode())
    return "0x" + data.hex().upper()
