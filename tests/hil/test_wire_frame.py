import time
from binascii import crc_hqx
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paybench.hil.wire.cobs import stuff, unstuff
from paybench.hil.wire.errors import WireError
from paybench.hil.wire.frame import (
    FRAME_MAX_BYTES,
    PAYLOAD_MAX_BYTES,
    Frame,
    FrameDecoder,
    Kind,
    Noise,
)

data_frames = st.builds(
    Frame,
    st.just(Kind.DATA),
    st.integers(0, 65535),
    st.integers(0, 65535),
    st.integers(0, 255),
    st.binary(max_size=40) | st.sampled_from([bytes(PAYLOAD_MAX_BYTES), b"\xff" * 254]),
)
LONGEST = Frame(Kind.DATA, 0xFFFF, 0xFFFF, 0xFF, b"\xff" * PAYLOAD_MAX_BYTES)


def feed_in_chunks(decoder, data, cuts):
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [item for start, end in pairwise(edges) for item in decoder.feed(data[start:end])]


def is_frame(item):
    return isinstance(item, Frame)


@given(st.binary(max_size=600) | st.lists(st.sampled_from([0, 1, 255]), max_size=600).map(bytes))
def test_stuffing_leaves_no_zero_and_comes_undone(data):
    """Stuffed bytes hold no zero, are one longer at most for each 254 and one, and come back."""
    stuffed = stuff(data)
    assert 0 not in stuffed
    assert len(stuffed) <= len(data) + 1 + len(data) // 254
    assert unstuff(stuffed) == data


@pytest.mark.parametrize(
    ("data", "stuffed"),
    [
        (b"", "01"),
        (b"\0", "01 01"),
        (b"\0\0", "01 01 01"),
        (b"\x11\x22\x00\x33", "03 11 22 02 33"),
        (b"\x11\0\0\0", "02 11 01 01 01"),
        (bytes(range(1, 255)), "ff " + bytes(range(1, 255)).hex()),
        (bytes(255), "01" * 256),
        (bytes(range(1, 255)) + b"\0", "ff " + bytes(range(1, 255)).hex() + "01 01"),
        (bytes(range(1, 256)), "ff " + bytes(range(1, 255)).hex() + "02 ff"),
    ],
)
def test_stuffing_is_the_published_one(data, stuffed):
    """The known examples of COBS, the full blocks of 254 bytes among them."""
    assert stuff(data) == bytes.fromhex(stuffed)
    assert unstuff(bytes.fromhex(stuffed)) == data


def test_the_checksum_is_xmodems():
    """The check value of CRC-16/XMODEM, which every catalogue names."""
    assert crc_hqx(b"123456789", 0) == 0x31C3


@given(st.lists(data_frames, max_size=6), st.lists(st.integers(0)))
def test_frames_come_back_whatever_the_chunks(frames, cuts):
    """Any frames in any chunks are decoded to themselves, in order, with nothing left over."""
    decoder = FrameDecoder()
    data = b"".join(frame.encode() for frame in frames)
    assert feed_in_chunks(decoder, data, cuts) == frames
    assert decoder.pending_bytes == 0


@given(st.lists(data_frames | st.binary(max_size=30), max_size=8), st.lists(st.integers(0)))
def test_noise_between_frames_costs_no_frame(script, cuts):
    """Garbage that ends with a delimiter never takes a frame with it."""
    data = b"".join(item.encode() if isinstance(item, Frame) else item + b"\0" for item in script)
    items = feed_in_chunks(FrameDecoder(), data, cuts)
    assert [item for item in items if is_frame(item)] == [item for item in script if is_frame(item)]


@given(st.binary(max_size=3000), data_frames)
def test_the_next_delimiter_brings_it_back_in_step(garbage, frame):
    """After any garbage, a frame behind a delimiter is read."""
    decoder = FrameDecoder()
    decoder.feed(garbage)
    assert decoder.feed(b"\0" + frame.encode())[-1] == frame


@given(st.lists(st.binary(max_size=3000) | st.just(b"\0"), max_size=8), st.lists(st.integers(0)))
def test_every_byte_is_counted_once(parts, cuts):
    """Noise and what is pending add up to the bytes fed, in any chunks, without the delimiters."""
    data = b"".join(parts)
    decoder = FrameDecoder()
    items = feed_in_chunks(decoder, data, cuts)
    assert items == FrameDecoder().feed(data)
    counted = sum(item.byte_count for item in items) + decoder.pending_bytes
    assert counted == len(data) - data.count(0)


@given(data_frames, st.data())
def test_a_burst_of_sixteen_bits_is_noticed(frame, data):
    """Any change within 16 bits of the frame before it is stuffed is caught by the checksum."""
    plain = bytearray(unstuff(frame.encode()[:-1]))
    at = data.draw(st.integers(0, len(plain) * 8 - 16))
    burst = data.draw(st.integers(1, 0xFFFF)) << len(plain) * 8 - 16 - at
    changed = (int.from_bytes(plain, "big") ^ burst).to_bytes(len(plain), "big")
    [item] = FrameDecoder().feed(stuff(changed) + b"\0")
    assert isinstance(item, Noise)


@given(data_frames, st.integers(0), st.integers(1, 255))
def test_a_changed_byte_on_the_wire_costs_that_frame_alone(frame, at, mask):
    """A byte changed on the wire never yields a frame nobody sent, nor harms the one after."""
    wire = bytearray(frame.encode())
    wire[at % (len(wire) - 1)] ^= mask
    items = FrameDecoder().feed(bytes(wire) + LONGEST.encode())
    assert items[-1] == LONGEST
    assert not any(is_frame(item) for item in items[:-1])


def plain_frame(*plain, payload=b""):
    body = bytes(plain) + payload
    return stuff(body + crc_hqx(body, 0).to_bytes(2, "big")) + b"\0"


@pytest.mark.parametrize(
    ("wire", "why"),
    [
        (b"\x05ab\0", "cut short"),
        (b"\x03ab\0", "cut short"),
        (LONGEST.encode()[:-2] + b"x\0", "the checksum does not fit"),
        (b"x" * (FRAME_MAX_BYTES + 1) + b"\0", "longer than any frame"),
        (plain_frame(1, 9, 0, 0, 0, 0, 0), "of an unknown kind"),
        (plain_frame(1, 4, 0, 0, 0, 0, 0, payload=b"x"), "too long or too short for its kind"),
        (plain_frame(1, 1, 0, 0, 0, 0, 0, payload=b"x"), "too long or too short for its kind"),
        (plain_frame(1, 5, 0, 0, 0, 0, 0, payload=b"x" * 130), "too long or too short for its"),
        (plain_frame(2, 3, 0, 0, 0, 0, 0), "another version"),
    ],
)
def test_what_is_no_frame_says_why(wire, why):
    """Each way to be no frame is named, and counted without its delimiter."""
    [noise] = FrameDecoder().feed(wire)
    assert why in noise.why
    assert noise.byte_count == len(wire) - 1


def test_what_is_too_long_leaves_nothing_behind():
    """The end of an overlong stretch is counted with it, and the frame behind it is read."""
    decoder = FrameDecoder()
    assert decoder.feed(b"x" * (FRAME_MAX_BYTES + 1)) == []
    noise, frame = decoder.feed(b"yy\0" + LONGEST.encode())
    assert noise.byte_count == FRAME_MAX_BYTES + 3
    assert frame == LONGEST


def test_the_longest_frame_fits_exactly():
    """The bound on a frame is the length of the longest one, to the byte."""
    assert len(LONGEST.encode()) == FRAME_MAX_BYTES + 1
    assert FrameDecoder().feed(LONGEST.encode()) == [LONGEST]


@pytest.mark.parametrize(
    ("kind", "payload"), [(Kind.DATA, bytes(1025)), (Kind.ACK, b"x"), (Kind.HELLO, b"x")]
)
def test_what_fits_no_frame_is_refused(kind, payload):
    """A payload too long or too short for its kind is an error of ours, not something to send."""
    with pytest.raises(WireError, match="bytes of payload, and this one"):
        Frame(kind, 0, 0, 0, payload).encode()


def test_time_grows_with_the_bytes_alone():
    """A stream without delimiters, byte by byte, takes no longer the longer it gets."""

    def seconds(decoder, count):
        start = time.process_time()
        for _ in range(count):
            decoder.feed(b"x")
        return time.process_time() - start

    decoder = FrameDecoder()
    first = min(seconds(decoder, 20_000) for _ in range(3))
    decoder.feed(b"x" * 10_000_000)
    assert min(seconds(decoder, 20_000) for _ in range(3)) < 20 * first
    assert decoder.pending_bytes == 10_120_000
