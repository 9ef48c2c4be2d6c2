"""Frames: what goes over the wire, and how they are found in a stream of bytes.

docs/wire-protocol.md has the byte tables.
"""

from __future__ import annotations

import enum
import struct
from binascii import crc_hqx

import msgspec

from paybench.hil.wire.cobs import stuff, unstuff
from paybench.hil.wire.errors import WireError

VERSION = 1
PAYLOAD_MAX_BYTES = 1024
DELIMITER = b"\0"

_HEADER = struct.Struct(">BBHHB")
_CHECKSUM_BYTES = 2
_BARE_BYTES = _HEADER.size + _CHECKSUM_BYTES
_PLAIN_MAX_BYTES = _BARE_BYTES + PAYLOAD_MAX_BYTES
FRAME_MAX_BYTES = _PLAIN_MAX_BYTES + 1 + (_PLAIN_MAX_BYTES - 1) // 254
"""The longest frame once stuffed, without its delimiter."""

_STEP_BYTES = 4096  # a long feed is taken in steps, so that it is never held twice


class Kind(enum.IntEnum):
    """What a frame is for."""

    HELLO = 1
    WELCOME = 2
    DATA = 3
    ACK = 4
    RESET = 5


_PAYLOAD_BYTES = {
    Kind.HELLO: (8, 8),
    Kind.WELCOME: (8, 8),
    Kind.DATA: (0, PAYLOAD_MAX_BYTES),
    Kind.ACK: (0, 0),
    Kind.RESET: (1, 129),
}


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One frame.

    Attributes:
        kind: What it is for.
        sequence: Number of its payload (DATA), else of the next payload of its sender; 16 bits.
        acknowledgement: Number of the payload its sender expects next; 16 bits.
        credit: How many payloads from there on its sender has room for, 0 to 255.
        payload: At most `PAYLOAD_MAX_BYTES`; how many depends on the kind.
    """

    kind: Kind
    sequence: int
    acknowledgement: int
    credit: int
    payload: bytes = b""

    def encode(self) -> bytes:
        """The frame as it goes over the wire, with its delimiter.

        Raises:
            WireError: The payload is too long or too short for the kind.
        """
        low, high = _PAYLOAD_BYTES[self.kind]
        if not low <= len(self.payload) <= high:
            raise WireError(
                f"a {self.kind.name} frame has {low} to {high} bytes of payload, "
                f"and this one {len(self.payload)}"
            )
        plain = (
            _HEADER.pack(VERSION, self.kind, self.sequence, self.acknowledgement, self.credit)
            + self.payload
        )
        return stuff(plain + crc_hqx(plain, 0).to_bytes(_CHECKSUM_BYTES, "big")) + DELIMITER


class Noise(msgspec.Struct, frozen=True, gc=False):
    """Bytes which are no frame, and why.

    Attributes:
        byte_count: How many, without the delimiter. Each byte is counted once.
        why: A sentence without figures: of a kind that can be counted.
        version: For a sound frame of another version of the protocol, which; else 0.
    """

    byte_count: int
    why: str
    version: int = 0


class FrameDecoder:
    """Finds the frames in a stream of bytes, whatever the chunks it arrives in.

    Whatever is no frame is reported as `Noise` when the next delimiter comes, and with that
    delimiter the decoder is back in step. Memory is bounded: of a frame that is too long only
    the length is kept. Time is linear in the bytes fed. Delimiters in a row mean nothing.
    """

    def __init__(self) -> None:
        self._pending = bytearray()
        self._dropped_bytes = 0  # of the frame under way, once it is too long

    @property
    def pending_bytes(self) -> int:
        """Bytes since the last delimiter; grows without end on a line where none comes."""
        return self._dropped_bytes + len(self._pending)

    def feed(self, data: bytes) -> list[Frame | Noise]:
        """Take the bytes that arrived and return what they complete; never raises."""
        items: list[Frame | Noise] = []
        for start in range(0, len(data), _STEP_BYTES):
            *ended, rest = data[start : start + _STEP_BYTES].split(DELIMITER)
            for piece in ended:
                self._keep(piece)
                if self._pending or self._dropped_bytes:
                    items.append(self._close())
            self._keep(rest)
        return items

    def _keep(self, piece: bytes) -> None:
        if self._dropped_bytes or len(self._pending) + len(piece) > FRAME_MAX_BYTES:
            self._dropped_bytes += len(self._pending) + len(piece)
            self._pending.clear()
        else:
            self._pending += piece

    def _close(self) -> Frame | Noise:
        """What the delimiter just read has ended."""
        if self._dropped_bytes:
            noise = Noise(self._dropped_bytes, "longer than any frame")
            self._dropped_bytes = 0
            return noise
        stuffed = bytes(self._pending)
        self._pending.clear()
        return _judge(stuffed)


def _judge(stuffed: bytes) -> Frame | Noise:
    """The frame, or why there is none."""
    plain = unstuff(stuffed)
    if plain is None or len(plain) < _BARE_BYTES:
        return Noise(len(stuffed), "cut short: bytes were changed or lost")
    if crc_hqx(plain, 0):  # over a sound frame with its checksum, it is 0
        return Noise(len(stuffed), "the checksum does not fit: bytes were changed or lost")
    version, number, sequence, acknowledgement, credit = _HEADER.unpack_from(plain)
    payload = plain[_HEADER.size : -_CHECKSUM_BYTES]
    if version != VERSION:  # 0 is none: zeros have the checksum 0, and are no frame
        return Noise(len(stuffed), "a frame of another version of the protocol", version)
    if number not in _PAYLOAD_BYTES:
        return Noise(len(stuffed), "a frame of an unknown kind")
    kind = Kind(number)
    low, high = _PAYLOAD_BYTES[kind]
    if low <= len(payload) <= high:
        return Frame(kind, sequence, acknowledgement, credit, payload)
    return Noise(len(stuffed), "a payload too long or too short for its kind of frame")
