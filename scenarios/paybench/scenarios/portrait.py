"""Portraits: small PNG pictures for the clerk to look at, drawn from a name."""

from __future__ import annotations

import hashlib
import struct
import zlib

SIZE = 16
"""Width and height in pixels."""


def portrait(name: str) -> bytes:
    """A grey picture as symmetric as a face; another one for each name.

    Args:
        name: Who is on it.
    """
    half = SIZE // 2
    shades = hashlib.shake_256(name.encode()).digest(SIZE * half)
    rows = (shades[at : at + half] for at in range(0, len(shades), half))
    scan_lines = b"".join(b"\0" + row + row[::-1] for row in rows)  # 0: no filter
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(scan_lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
