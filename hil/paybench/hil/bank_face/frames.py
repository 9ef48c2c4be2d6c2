"""Frames: a length of four bytes, and a MessagePack map of so many bytes."""

from __future__ import annotations

import struct

from paybench.hil.bank_face.errors import FrameError

LENGTH = struct.Struct(">I")
BEFORE_LOGIN_MAX_BYTES = 1024
TERMINALS_MAX_BYTES = 64 * 1024
FRAME_MAX_BYTES = 1024 * 1024


def framed(payload: bytes) -> bytes:
    """A payload as it goes over the wire."""
    return LENGTH.pack(len(payload)) + payload


class FrameReader:
    """Finds the frames in a stream of bytes, whatever the pieces it arrives in.

    Args:
        max_bytes: The longest payload that is taken; may be set anew between two frames.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._pending = bytearray()

    @property
    def pending_bytes(self) -> int:
        """How many bytes wait to become a frame, or to be taken as one."""
        return len(self._pending)

    def feed(self, data: bytes) -> None:
        """Take bytes that arrived."""
        self._pending += data

    def take(self) -> bytes | None:
        """The next payload; None while it is not complete.

        Raises:
            FrameError: It is empty, or longer than is taken.
        """
        pending = self._pending
        if len(pending) < LENGTH.size:
            return None
        (length,) = LENGTH.unpack_from(pending)
        if not 1 <= length <= self.max_bytes:
            raise FrameError(
                f"expected a frame of 1 to {self.max_bytes} bytes, seen one of {length}: send "
                "shorter requests, and speak the protocol of docs/bank_face.md"
            )
        end = LENGTH.size + length
        if len(pending) < end:
            return None
        payload = bytes(pending[LENGTH.size : end])
        del pending[:end]
        return payload
