"""How a USB-serial bar code scanner speaks: prefix, payload, suffix.

This is the wire format which Honeywell, Zebra, Datalogic and Newland scanners share in their
USB-COM (CDC-ACM) mode. docs/scanner.md shows it byte by byte.
"""

import re

import msgspec

from paybench.hil.errors import ScannerError, SpecError

TERMINATORS = {"CR": b"\r", "LF": b"\n", "CRLF": b"\r\n", "TAB": b"\t"}

_NO_IDLE_GAP = (
    "payloads ended by a pause (idle gap) are not supported; "
    f"set the scanner to send one of {', '.join(TERMINATORS)} and name it here"
)

# C0, DEL, C1 and the two Unicode line separators: nothing a code's text may hold.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_HEX = re.compile("0x(?:[0-9A-Fa-f]{2})+")
_STEP_BYTES = 4096  # a long feed is taken in steps, so that it is never held twice


class Scanned(msgspec.Struct, frozen=True, gc=False):
    """A payload as the scanner read it, without prefix and suffix."""

    payload: str


class Noise(msgspec.Struct, frozen=True, gc=False):
    """Bytes which were dropped, without the suffix that ended them, and why.

    Each dropped byte is counted in exactly one `Noise`, so the counts may be added up.
    """

    byte_count: int
    why: str


class ScannerCodec:
    """Splits what a scanner sends into payloads, whatever the chunks it arrives in.

    Anything that is no payload is reported as `Noise`, and the next suffix brings the codec back
    in step. Memory is bounded: when `max_payload_bytes` pass without a suffix, one `Noise` says so,
    the following bytes are counted and not kept, and the next suffix brings a closing `Noise` with
    the rest of the count. Time is linear in the bytes fed.

    Two suffixes in a row hold no payload and are ignored. When the suffix is CR, so are line feeds
    before a payload: a scanner set to CR LF is understood too.

    Args:
        prefix: bytes which must stand before each payload.
        suffix: bytes which end each payload; see `terminator`.
        max_payload_bytes: the longest payload, in bytes of UTF-8.

    Raises:
        SpecError: the suffix is empty, the prefix contains it, or no payload is allowed.
    """

    def __init__(
        self, prefix: bytes = b"", suffix: bytes = b"\r", max_payload_bytes: int = 4096
    ) -> None:
        if not suffix:
            raise SpecError(f"the suffix is empty: {_NO_IDLE_GAP}")
        if suffix in prefix:
            raise SpecError(
                f"the prefix {_show(prefix)} contains the suffix {_show(suffix)}: "
                "no payload would ever follow it; choose another of the two"
            )
        if max_payload_bytes < 1:
            raise SpecError(f"max_payload_bytes is {max_payload_bytes}: expected 1 or more")
        self.prefix = prefix
        self.suffix = suffix
        self.max_payload_bytes = max_payload_bytes
        self._max_frame_bytes = len(prefix) + max_payload_bytes
        self._skips_lf = suffix == b"\r" and not prefix.startswith(b"\n")
        self._pending = bytearray()
        self._searched_bytes = 0  # of _pending, known to hold no start of a suffix
        self._dropped_bytes = 0  # of the frame under way, once it is too long

    @property
    def pending_bytes(self) -> int:
        """Bytes since the last suffix: they stay when a scanner sends none, or another one."""
        return self._dropped_bytes + len(self._pending)

    def feed(self, data: bytes) -> list[Scanned | Noise]:
        """Take the bytes that arrived and return what they complete; never raises on bad bytes."""
        reports: list[Scanned | Noise] = []
        for start in range(0, len(data), _STEP_BYTES):
            self._pending += data[start : start + _STEP_BYTES]
            self._drain(reports)
        return reports

    def encode(self, payload: str) -> bytes:
        """Return what a scanner sends for `payload`: the inverse of `feed`.

        Raises:
            ScannerError: the payload is empty, too long, contains the suffix or is not printable.
        """
        try:
            body = payload.encode()
        except UnicodeEncodeError as error:
            raise ScannerError(f"the payload is not Unicode text: {error}") from error
        report = self._judge(self.prefix + body)
        if not isinstance(report, Scanned):
            raise ScannerError(f"a scanner cannot send this payload: {report.why}")
        if len(body) > self.max_payload_bytes:
            raise ScannerError(
                f"the payload has {len(body)} bytes of UTF-8: at most {self.max_payload_bytes} "
                "fit; raise max_payload_bytes or shorten it"
            )
        frame = self.prefix + body + self.suffix
        if frame.find(self.suffix) != len(frame) - len(self.suffix):
            raise ScannerError(
                f"the payload contains the suffix {_show(self.suffix)}: "
                "the reader would cut it in two; choose another suffix"
            )
        return frame

    def _drain(self, reports: list[Scanned | Noise]) -> None:
        """Cut every frame that is complete off the front of the pending bytes."""
        pending, suffix = self._pending, self.suffix
        # A frame is too long when no suffix ends within this window. That depends on the bytes
        # alone, so the reports are the same for every chunking.
        window_bytes = self._max_frame_bytes + len(suffix)
        while True:
            if self._skips_lf and not self._dropped_bytes and pending.startswith(b"\n"):
                del pending[: len(pending) - len(pending.lstrip(b"\n"))]
            end = pending.find(suffix, self._searched_bytes, window_bytes)
            if end >= 0:
                frame = bytes(pending[:end])
                del pending[: end + len(suffix)]
                self._searched_bytes = 0
                self._close(frame, reports)
            elif len(pending) >= window_bytes:
                self._drop(reports)
            else:
                self._searched_bytes = max(0, len(pending) - len(suffix) + 1)
                return

    def _drop(self, reports: list[Scanned | Noise]) -> None:
        """Drop the front of a frame that is too long; its last bytes may begin a suffix."""
        count = self._max_frame_bytes + 1
        if not self._dropped_bytes:
            reports.append(
                Noise(
                    count,
                    f"no suffix {_show(self.suffix)} within {self._max_frame_bytes} bytes: "
                    "dropping bytes until the next one",
                )
            )
        del self._pending[:count]
        self._searched_bytes = 0
        self._dropped_bytes += count

    def _close(self, frame: bytes, reports: list[Scanned | Noise]) -> None:
        """Report what ended with a suffix."""
        if self._dropped_bytes:
            total = self._dropped_bytes + len(frame)
            why = f"the end of {total} bytes without a suffix {_show(self.suffix)}"
            reports.append(Noise(total - self._max_frame_bytes - 1, why))
            self._dropped_bytes = 0
        elif frame:
            reports.append(self._judge(frame))

    def _judge(self, frame: bytes) -> Scanned | Noise:
        """Tell a payload from noise."""
        if not frame.startswith(self.prefix):
            seen = _show(frame[: len(self.prefix)])
            return Noise(len(frame), f"expected the prefix {_show(self.prefix)}, saw {seen}")
        try:
            payload = frame[len(self.prefix) :].decode()
        except UnicodeDecodeError as error:
            at = len(self.prefix) + error.start
            return Noise(len(frame), f"byte {at} is 0x{frame[at]:02X}: not UTF-8")
        if not payload:
            return Noise(len(frame), "no payload between prefix and suffix")
        if control := _CONTROL.search(payload):
            return Noise(
                len(frame),
                f"character {control.start()} of the payload is U+{ord(control[0]):04X}: "
                "a control character (is it part of the suffix the scanner is set to?)",
            )
        return Scanned(payload)


def terminator(name: str) -> bytes:
    """Return the suffix which a spec names: CR, LF, CRLF, TAB, or bytes in hex such as 0x0D0A.

    Raises:
        SpecError: the name is none of these.
    """
    if name in TERMINATORS:
        return TERMINATORS[name]
    if _HEX.fullmatch(name):
        return bytes.fromhex(name[2:])
    if name.upper() == "NONE":
        raise SpecError(f"suffix {name!r}: {_NO_IDLE_GAP}")
    raise SpecError(
        f"suffix {name!r} is unknown: expected {', '.join(TERMINATORS)}, "
        "or bytes in hex, two digits each, such as 0x0D0A"
    )


def preamble(text: str) -> bytes:
    """Return the prefix which a spec gives: the text itself, or bytes in hex such as 0x02.

    Raises:
        SpecError: it starts as hex and is not.
    """
    if not text.startswith("0x"):
        return text.encode()
    if not _HEX.fullmatch(text):
        raise SpecError(f"prefix {text!r}: expected bytes in hex, two digits each, such as 0x02")
    return bytes.fromhex(text[2:])


def _show(data: bytes) -> str:
    """Name bytes as a spec would: CR, '>' or 0x02."""
    for name, suffix in TERMINATORS.items():
        if data == suffix:
            return name
    if data.isascii() and data.decode().isprintable():
        return repr(data.decode())
    return "0x" + data.hex().upper()
