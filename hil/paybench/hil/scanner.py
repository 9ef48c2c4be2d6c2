"""How a USB-serial bar code scanner speaks: prefix, payload, suffix.

This is the wire format which Honeywell, Zebra, Datalogic and Newland scanners share in their
USB-COM (CDC-ACM) mode. docs/scanner.md shows it byte by byte.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from paybench.hil.errors import ScannerError, SpecError
from paybench.hil.handshake import Answering
from paybench.hil.payload import CUT_OFF, TERMINATORS, Noise, PayloadRule, Report, Scanned, shown

if TYPE_CHECKING:
    from paybench.hil.handshake import Handshake

NO_SUFFIX = "NONE"

_HEX = re.compile("0x(?:[0-9A-Fa-f]{2})+")
_STEP_BYTES = 4096  # a long feed is taken in steps, so that it is never held twice


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
        suffix: bytes which end each payload; see `terminator`. Empty: a silence ends it.
        max_payload_bytes: the longest payload, in bytes of UTF-8.
        gap_ns: the silence that ends a payload where there is no suffix, in nanoseconds.
        aim: whether an AIM identifier stands between prefix and payload.
        handshake: what the scanner waits for after each code; None if for nothing.

    Raises:
        SpecError: there is neither a suffix nor a gap or there are both, the prefix contains the
            suffix, or no payload is allowed.
    """

    def __init__(
        self,
        prefix: bytes = b"",
        suffix: bytes = b"\r",
        max_payload_bytes: int = 4096,
        *,
        gap_ns: int = 0,
        aim: bool = False,
        handshake: Handshake | None = None,
    ) -> None:
        if not suffix and gap_ns <= 0:
            raise SpecError(
                "the suffix is empty, and no idle gap is given that would end a code: write "
                "suffix=NONE&gap=0.05, or set the scanner to send one of "
                f"{', '.join(TERMINATORS)} and name it"
            )
        if suffix and gap_ns:
            raise SpecError(
                f"a gap was given beside the suffix {shown(suffix)}, which ends a code already: "
                "drop one, or write suffix=NONE"
            )
        if suffix and suffix in prefix:
            raise SpecError(
                f"the prefix {shown(prefix)} contains the suffix {shown(suffix)}: "
                "no payload would ever follow it; choose another of the two"
            )
        if max_payload_bytes < 1:
            raise SpecError(f"max_payload_bytes is {max_payload_bytes}: expected 1 or more")
        self.prefix = prefix
        self.suffix = suffix
        self.max_payload_bytes = max_payload_bytes
        self._rule = PayloadRule(prefix, aim=aim)
        self._answering = Answering(handshake) if handshake is not None else None
        self._gap_ns = gap_ns
        self._end = f"suffix {shown(suffix)}" if suffix else "silence"
        self._max_frame_bytes = self._rule.extra_bytes + max_payload_bytes
        self._skips_lf = suffix == b"\r" and not prefix.startswith(b"\n")
        self._pending = bytearray()
        self._searched_bytes = 0  # of _pending, known to hold no start of a suffix
        self._dropped_bytes = 0  # of the frame under way, once it is too long

    @property
    def pending_bytes(self) -> int:
        """Bytes since the last suffix: they stay when a scanner sends none, or another one."""
        return self._dropped_bytes + len(self._pending)

    @property
    def silence_ns(self) -> int:
        """The silence that ends what is pending, in nanoseconds; 0 if only a suffix does."""
        return self._gap_ns if self.pending_bytes else 0

    def feed(self, data: bytes) -> list[Report]:
        """Take the bytes that arrived and return what they complete; never raises on bad bytes."""
        reports: list[Report] = []
        for start in range(0, len(data), _STEP_BYTES):
            chunk = data[start : start + _STEP_BYTES]
            if self.suffix:
                self._pending += chunk
                self._drain(reports)
            elif self._dropped_bytes:
                self._dropped_bytes += len(chunk)
            else:
                self._pending += chunk
                if len(self._pending) > self._max_frame_bytes:
                    self._drop(reports)
        return reports

    def idle(self) -> list[Report]:
        """The scanner was silent for `silence_ns`: return what that completes."""
        reports: list[Report] = []
        if not self.suffix:
            frame = bytes(self._pending)
            self._pending.clear()
            self._close(frame, reports)
        return reports

    def drop(self) -> list[Report]:
        """The scanner went away and is back: what was under way is noise, not half a payload."""
        frame = bytes(self._pending)
        self._pending.clear()
        self._searched_bytes = 0
        if self._dropped_bytes:
            report = self._report(frame)
            return [report] if report is not None else []
        return [Noise(len(frame), CUT_OFF)] if frame else []

    def encode(self, payload: str, aim: str = "") -> bytes:
        """Return what a scanner sends for `payload`: the inverse of `feed`.

        Args:
            payload: the text of the code.
            aim: its AIM identifier, where scanners send those.

        Raises:
            ScannerError: the payload is empty, too long, contains the suffix or is not printable.
        """
        try:
            body = (aim + payload).encode()
        except UnicodeEncodeError as error:
            raise ScannerError(f"the payload is not Unicode text: {error}") from error
        report = self._rule.judge(self.prefix + body)
        if not isinstance(report, Scanned):
            raise ScannerError(f"a scanner cannot send this payload: {report.why}")
        if (byte_count := len(body) - len(aim)) > self.max_payload_bytes:
            raise ScannerError(
                f"the payload has {byte_count} bytes of UTF-8: at most {self.max_payload_bytes} "
                "fit; raise max_payload_bytes or shorten it"
            )
        frame = self.prefix + body + self.suffix
        if self.suffix and frame.find(self.suffix) != len(frame) - len(self.suffix):
            raise ScannerError(
                f"the payload contains the suffix {shown(self.suffix)}: "
                "the reader would cut it in two; choose another suffix"
            )
        return frame

    def _drain(self, reports: list[Report]) -> None:
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

    def _drop(self, reports: list[Report]) -> None:
        """Drop the front of a frame that is too long; its last bytes may begin a suffix."""
        count = self._max_frame_bytes + 1
        if not self._dropped_bytes:
            reports.append(
                Noise(
                    count,
                    f"no {self._end} within {self._max_frame_bytes} bytes: "
                    "dropping bytes until the next one",
                )
            )
        del self._pending[:count]
        self._searched_bytes = 0
        self._dropped_bytes += count

    def _close(self, frame: bytes, reports: list[Report]) -> None:
        """Report what ended with a suffix or a silence, and answer it."""
        report = self._report(frame)
        if report is None:
            return
        reports.append(report)
        if self._answering is not None:
            reports.append(self._answering.answer(report))

    def _report(self, frame: bytes) -> Scanned | Noise | None:
        if self._dropped_bytes:
            total = self._dropped_bytes + len(frame)
            self._dropped_bytes = 0
            why = f"the end of {total} bytes without a {self._end}"
            return Noise(total - self._max_frame_bytes - 1, why)
        return self._rule.judge(frame) if frame else None


def terminator(name: str) -> bytes:
    """Return the suffix which a spec names.

    Args:
        name: CR, LF, CRLF, TAB, bytes in hex such as 0x0D0A, or NONE for b"": a silence.

    Raises:
        SpecError: the name is none of these.
    """
    if name in TERMINATORS:
        return TERMINATORS[name]
    if name == NO_SUFFIX:
        return b""
    if _HEX.fullmatch(name):
        return bytes.fromhex(name[2:])
    raise SpecError(
        f"suffix {name!r} is unknown: expected {', '.join(TERMINATORS)}, "
        f"or bytes in hex, two digits each, such as 0x0D0A, or {NO_SUFFIX} for an idle gap"
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
