"""Zebra's Simple Serial Interface (SSI): codes in packets, each acknowledged by the host.

A packet is ``length opcode source status data… checksum``: the length counts all but the checksum,
which is the two's complement of the sum of all bytes before it, high byte first. docs/ssi.md shows
it byte by byte, and says what is certain.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from paybench.hil.errors import ScannerError
from paybench.hil.payload import CUT_OFF, Noise, PayloadRule, Reply, Report, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

CMD_ACK, CMD_NAK, DECODE_DATA, EVENT = 0xD0, 0xD1, 0xF3, 0xF6
DECODER, HOST = 0, 4
RETRANSMIT, CONTINUATION = 0x01, 0x02
RESEND, BAD_CONTEXT, DENIED = 1, 2, 6
"""Causes of a CMD_NAK: the checksum is wrong, the packet is none we know, we cannot take it."""

_RESENT = re.compile(rb"\xf3\x00[\x01\x03]")  # what is left of a damaged packet shows it

RESPONSE_TIMEOUT_S = 2.0
"""How long a scanner waits for an answer before it resends, as it leaves the factory."""
RESENDS = 2
"""How often it resends, after which it gives the code up."""

_HEADER_BYTES, _CHECKSUM_BYTES = 4, 2
_LOWEST_OPCODE = 0x10
_MAX_DATA_BYTES = 255 - _HEADER_BYTES
_NOISE_STEP_BYTES = 4096
_NS_PER_S = 1_000_000_000
_GIVEN_UP_NS = int((1 + RESENDS) * RESPONSE_TIMEOUT_S) * _NS_PER_S

TYPES = {
    0x01: "Code 39",
    0x03: "Code 128",
    0x06: "ITF",
    0x07: "Code 93",
    0x08: "UPC-A",
    0x09: "UPC-E",
    0x0A: "EAN-8",
    0x0B: "EAN-13",
    0x0F: "GS1-128",
    0x11: "PDF417",
    0x1B: "Data Matrix",
    0x1C: "QR",
    0x2D: "Aztec",
}
"""Bar code types of retail and payment, by the byte that names them in DECODE_DATA."""


class Packet(msgspec.Struct, frozen=True, gc=False):
    """One SSI packet.

    Attributes:
        opcode: What it is.
        data: What it carries, at most 251 bytes.
        source: Who sent it: `DECODER`, the scanner, or `HOST`.
        status: Bits, of which `RETRANSMIT` and `CONTINUATION` mean something here.
    """

    opcode: int
    data: bytes = b""
    source: int = HOST
    status: int = 0

    def encode(self) -> bytes:
        """The bytes on the wire."""
        length = _HEADER_BYTES + len(self.data)
        body = bytes((length, self.opcode, self.source, self.status)) + self.data
        return body + checksum(body)


def checksum(body: bytes) -> bytes:
    """The two's complement of the sum of all bytes, in 16 bits, high byte first."""
    return (-sum(body) & 0xFFFF).to_bytes(2, "big")


def decode_data(kind: int, text: bytes, part_bytes: int = _MAX_DATA_BYTES - 1) -> list[Packet]:
    """The packets in which a scanner sends one code.

    Args:
        kind: Its type, of `TYPES`; it stands in each packet.
        text: The payload, with whatever the scanner is set to put around it.
        part_bytes: So much of it goes into one packet.

    Raises:
        ScannerError: There is no text.
    """
    if not text:
        raise ScannerError("a scanner sends no empty code: give it a payload")
    parts = [text[at : at + part_bytes] for at in range(0, len(text), part_bytes)]
    return [
        Packet(
            DECODE_DATA,
            bytes((kind,)) + part,
            DECODER,
            CONTINUATION if number < len(parts) else 0,
        )
        for number, part in enumerate(parts, 1)
    ]


class PacketFinder:
    """Finds packets in a stream, whatever the chunks it arrives in and what stands between them.

    Where bytes make no packet, it looks for one from the next byte on: a good packet behind
    garbage is found, at the latest when the line falls silent.

    Args:
        source: Who is listened to: a packet of anybody else is none.
    """

    def __init__(self, source: int) -> None:
        self._source = source
        self._pending = bytearray()

    @property
    def pending_bytes(self) -> int:
        """Bytes that may become a packet."""
        return len(self._pending)

    def feed(self, data: bytes) -> Iterator[Packet | bytes]:
        """Packets, and bytes that are part of none, in order."""
        self._pending += data
        return self._find(silent=False)

    def idle(self) -> Iterator[Packet | bytes]:
        """The line is silent: what is incomplete will never be a packet."""
        return self._find(silent=True)

    def _find(self, *, silent: bool) -> Iterator[Packet | bytes]:
        pending = self._pending
        skipped = bytearray()
        while pending:
            size = pending[0] + _CHECKSUM_BYTES
            possible = self._possible()
            if possible and len(pending) < size and not silent:
                break
            body = bytes(pending[: size - _CHECKSUM_BYTES])
            if possible and bytes(pending[len(body) : size]) == checksum(body):
                if skipped:
                    yield bytes(skipped)
                    skipped.clear()
                del pending[:size]
                yield Packet(body[1], body[_HEADER_BYTES:], body[2], body[3])
            else:
                skipped.append(pending.pop(0))
        if skipped:
            yield bytes(skipped)

    def _possible(self) -> bool:
        """Whether a packet may begin here."""
        length, opcode, source = self._pending[:1], self._pending[1:2], self._pending[2:3]
        return (
            length[0] >= _HEADER_BYTES
            and (not opcode or opcode[0] >= _LOWEST_OPCODE)
            and (not source or source[0] == self._source)
        )


class SsiCodec:
    """The host's side: packets to payloads, and the answer each packet wants.

    One scan is one payload, whatever was damaged, refused, resent or lost on the way:

    * a packet whose checksum is wrong is refused, and comes again;
    * a packet with `RETRANSMIT` that equals the last one accepted comes again because our answer
      was lost: it is acknowledged once more and not read again, unless what we refused since was
      sent for the first time: then it is the same article, scanned again;
    * the parts of a long code are put together until one comes without `CONTINUATION`.

    Memory is bounded by `max_payload_bytes`.

    Args:
        rule: What may stand before a payload, and in it.
        suffix: Bytes which the scanner is set to put after each payload.
        max_payload_bytes: The longest payload.
        gap_ns: A silence so long within a packet, in nanoseconds, and it will never be whole.
        answers: Whether the scanner waits for answers (its ACK/NAK handshaking).
    """

    def __init__(
        self,
        rule: PayloadRule | None = None,
        suffix: bytes = b"",
        max_payload_bytes: int = 4096,
        *,
        gap_ns: int = 100_000_000,
        answers: bool = True,
    ) -> None:
        self._rule = rule or PayloadRule()
        self._suffix = suffix
        self._max_bytes = self._rule.extra_bytes + max_payload_bytes + len(suffix)
        self._gap_ns = gap_ns
        self._answers = answers
        self._finder = PacketFinder(DECODER)
        self._parts: list[bytes] = []
        self._parts_bytes = 0
        self._kind: int = 0
        self._noise_bytes = 0  # not yet reported
        self._refused = False  # something sent for the first time, since the last packet
        self._said_so = False  # in the burst of noise under way
        self._more_noise = False  # since we said so
        self._last: Packet | None = None  # accepted, without its retransmit bit

    @property
    def pending_bytes(self) -> int:
        """Bytes that came and are in no report yet."""
        return self._noise_bytes + self._finder.pending_bytes + self._parts_bytes

    @property
    def silence_ns(self) -> int:
        """How long a silence ends the packet, or else the code, under way; 0 for neither."""
        if self._finder.pending_bytes or self._noise_bytes:
            return self._gap_ns
        return _GIVEN_UP_NS if self._parts else 0

    def feed(self, data: bytes) -> list[Report]:
        """Take the bytes that arrived and return what they complete; never raises on bad bytes."""
        reports: list[Report] = []
        for start in range(0, len(data), _NOISE_STEP_BYTES):
            for found in self._finder.feed(data[start : start + _NOISE_STEP_BYTES]):
                self._take(found, reports)
        return reports

    def idle(self) -> list[Report]:
        """The scanner was silent for `silence_ns`: return what that completes."""
        reports: list[Report] = []
        if not self._finder.pending_bytes and not self._noise_bytes:
            self._give_up_parts("the scanner gave the rest of the code up", reports)
            return reports
        for found in self._finder.idle():
            self._take(found, reports)
        if self._more_noise:
            self._refuse(RESEND, reports)
        self._said_so = self._more_noise = False
        self._report_noise(reports)
        return reports

    def drop(self) -> list[Report]:
        """The scanner went away and is back: what was under way is noise, not half a payload."""
        count = self.pending_bytes
        self._finder = PacketFinder(DECODER)
        self._parts, self._parts_bytes, self._noise_bytes = [], 0, 0
        self._refused = self._said_so = self._more_noise = False
        return [Noise(count, CUT_OFF)] if count else []

    def _take(self, found: Packet | bytes, reports: list[Report]) -> None:
        if isinstance(found, Packet):
            self._report_noise(reports)
            self._open(found, reports)
            self._refused = self._said_so = self._more_noise = False
            return
        self._noise_bytes += len(found)
        if self._said_so:
            self._more_noise = True  # a word a burst, lest noise on the line is answered by noise
        else:
            self._said_so = True
            self._refused |= not _RESENT.search(found)
            self._refuse(RESEND, reports)
        if self._noise_bytes >= _NOISE_STEP_BYTES:
            self._report_noise(reports)

    def _open(self, packet: Packet, reports: list[Report]) -> None:
        if packet.opcode in {CMD_ACK, CMD_NAK}:
            return  # an answer wants no answer
        if packet.opcode == EVENT:
            self._accept(reports)
        elif packet.opcode != DECODE_DATA:
            why = f"an SSI packet with opcode 0x{packet.opcode:02X}, which is no decode data"
            reports.append(Noise(_size(packet), why))
            self._refuse(BAD_CONTEXT, reports)
        elif not packet.data:
            reports.append(Noise(_size(packet), "SSI decode data without a bar code type"))
            self._refuse(DENIED, reports)
        else:
            self._decode(packet, reports)

    def _decode(self, packet: Packet, reports: list[Report]) -> None:
        resent = packet.status & RETRANSMIT
        packet = Packet(packet.opcode, packet.data, status=packet.status & CONTINUATION)
        self._accept(reports)
        if resent and not self._refused and packet == self._last:
            return  # our answer was lost, and the code was not
        self._last = packet
        # The part we refused would have come again as a resent one.
        if packet.data[0] != self._kind or (self._refused and not resent):
            self._give_up_parts("the scanner began another code before its end", reports)
        self._kind = packet.data[0]
        self._parts_bytes += len(packet.data) - 1
        if self._parts_bytes <= self._max_bytes:
            self._parts.append(packet.data[1:])
        if not packet.status & CONTINUATION:
            self._close(reports)
        elif not self._parts:
            self._parts.append(b"")

    def _close(self, reports: list[Report]) -> None:
        """The last part of a code has come."""
        text, byte_count = b"".join(self._parts), self._parts_bytes
        self._parts, self._parts_bytes = [], 0
        if byte_count > self._max_bytes:
            why = f"the code has {byte_count} bytes: at most {self._max_bytes} are taken"
            reports.append(Noise(byte_count, why))
        elif self._suffix and not text.endswith(self._suffix):
            seen = shown(text[-len(self._suffix) :])
            why = f"expected the suffix {shown(self._suffix)} in the decode data, saw {seen}"
            reports.append(Noise(byte_count, why))
        else:
            symbology = TYPES.get(self._kind, f"SSI 0x{self._kind:02X}")
            reports.append(self._rule.judge(text.removesuffix(self._suffix), symbology))

    def _give_up_parts(self, why: str, reports: list[Report]) -> None:
        if self._parts:
            reports.append(Noise(self._parts_bytes, f"{self._parts_bytes} bytes of a code: {why}"))
            self._parts, self._parts_bytes = [], 0

    def _report_noise(self, reports: list[Report]) -> None:
        if self._noise_bytes:
            reports.append(
                Noise(
                    self._noise_bytes,
                    "expected an SSI packet (length, opcode, source, status, data, checksum), saw "
                    f"{self._noise_bytes} bytes that are none: is the scanner set to SSI, and its "
                    "decode data to packets?",
                )
            )
            self._noise_bytes = 0

    def _accept(self, reports: list[Report]) -> None:
        if self._answers:
            reports.append(Reply(Packet(CMD_ACK).encode()))

    def _refuse(self, cause: int, reports: list[Report]) -> None:
        if self._answers:
            reports.append(Reply(Packet(CMD_NAK, bytes((cause,))).encode()))


def _size(packet: Packet) -> int:
    return _HEADER_BYTES + len(packet.data) + _CHECKSUM_BYTES
