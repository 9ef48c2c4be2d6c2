"""Random, mutated and hostile bytes into codecs and drivers: in a soak, a gigabyte in all.

No error, little memory, and the first good frame behind the noise is read. What is fed is printed,
codec by codec.
"""

import base64
import gc
import socket
import threading
import time
import tracemalloc
from contextlib import ExitStack, contextmanager, suppress
from random import Random

import pytest
from rounds import FIGURES, SOAK, rounds
from test_emvco import CONSUMER_TWO, MERCHANT
from till import Till

from paybench.bank.account import AccountNumber
from paybench.devices.scanner import Reading
from paybench.hil import ssi
from paybench.hil.emvco import EmvcoError, MerchantCode
from paybench.hil.emvco_consumer import ConsumerCode
from paybench.hil.payload import Scanned
from paybench.hil.profile import reader_codec, settings
from paybench.hil.scanner import terminator
from paybench.hil.virtual.tty import VirtualTty
from paybench.hil.wire.errors import MessageRefused
from paybench.hil.wire.exchange import Exchange
from paybench.hil.wire.frame import Frame, FrameDecoder, Kind
from paybench.hil.wire.message import Channel, Provision, Shown, decode, encode

EAN = "4901234567894"
CHUNK_BYTES = 20_000
LONG_CHUNKS = 3
KEPT_MAX_BYTES = 50_000
"""What a codec may keep of a burst: less than of one that goes on for long."""
MEMORY_MAX_BYTES = 1_000_000
"""What everything may take at a time, the noise and the test included."""
BURSTS = 16
"""In one run of a driver, with a good code behind each: more noise in all than a reader may send
without one."""
LIMIT_S = 60.0


def noise(chance, good, control):
    """Bursts without end, each in chunks: random, control bytes, mutated, or one byte for long."""
    stock = good * (CHUNK_BYTES // len(good) + 1)
    only_control = (control * 256)[:256]
    while True:
        size = chance.randrange(1, CHUNK_BYTES)
        yield [chance.randbytes(size)]
        yield [chance.randbytes(size).translate(only_control)]
        yield [mutated(chance, stock[:size])]
        yield [bytes([chance.choice(control)]) * CHUNK_BYTES] * LONG_CHUNKS


def mutated(chance, data):
    """The bytes with some changed, lost, doubled and made up, about one in a hundred."""
    pieces, at = [], 0
    while at < len(data):
        end = at + 1 + chance.randrange(200)
        pieces.append(data[at:end])
        at = end + chance.choice([0, 0, 1, 20, -20])
        pieces.append(chance.randbytes(chance.choice([0, 1, 1, 5])))
    return b"".join(pieces)[: len(data)]


class Reader:
    """A scanner's codec."""

    control = b"\r\n\t\0\2\3\6\x15\x1b\x1d]Q3E07\xff"

    def __init__(self, query):
        options = dict(option.split("=") for option in query.split("&"))
        self.codec = reader_codec(options)
        self.end = terminator(settings(options).suffix)
        self.symbology = "]E0" if "aim" in options else ""
        if isinstance(self.codec, ssi.SsiCodec):
            kind = next(kind for kind, name in ssi.TYPES.items() if name == "EAN-13")
            [packet] = ssi.decode_data(kind, EAN.encode())
            self.good, self.symbology = packet.encode(), "EAN-13"
        else:
            self.good = self.codec.encode(EAN, self.symbology)

    def feed(self, data):
        self.codec.feed(data)

    def is_in_step(self):
        self.codec.feed(self.end)
        self._fall_silent()
        reports = self.codec.feed(self.good) + self._fall_silent()
        read = [report for report in reports if isinstance(report, Scanned)]
        return read == [Scanned(EAN, self.symbology)]

    def _fall_silent(self):
        reports = []
        for _ in range(3):
            if self.codec.silence_ns:
                reports += self.codec.idle()
        assert not self.codec.silence_ns, "it is silent for ever, and waits for more silence"
        return reports


class Frames:
    """The finder of frames in a stream."""

    control = b"\0\1\2\3\5\x0a\xfe\xff"
    frame = Frame(Kind.DATA, 7, 9, 8, b"a payload")
    good = frame.encode()

    def __init__(self):
        self.decoder = FrameDecoder()

    def feed(self, data):
        self.decoder.feed(data)

    def is_in_step(self):
        self.decoder.feed(b"\0")
        return self.decoder.feed(self.good) == [self.frame]


class Exchanges:
    """One end of a reliable exchange; the good frames are those of a conversation of others."""

    control = Frames.control
    good = b"".join(
        Frame(kind, number, 0, 8, payload).encode()
        for number, (kind, payload) in enumerate(
            [
                (Kind.HELLO, b"\0\0\0\5\0\0\0\0"),
                (Kind.WELCOME, b"\0\0\0\5\0\0\0\1"),
                (Kind.ACK, b""),
                *[(Kind.DATA, b"a payload")] * 9,
                (Kind.RESET, b"\1gone"),
            ]
        )
    )

    def __init__(self):
        self.here = Exchange(1)
        self.here.link_up()
        self.now_ns = 0
        self.lives = 0

    def feed(self, data):
        self.here.receive(data)
        self.here.to_transmit(self.now_ns)

    def is_in_step(self):
        self.lives += 1
        there, heard = Exchange(1000 + self.lives), []
        there.link_up()
        there.send(b"still there?")
        for _ in range(9):
            self.now_ns += 10**10
            there.on_deadline(self.now_ns)
            heard += self.here.receive(there.to_transmit(self.now_ns))
            there.receive(self.here.to_transmit(self.now_ns))
        return heard[-1:] == [b"still there?"] and not there.unconfirmed


class Values:
    """A codec that is given one whole value at a time: good ones, noise, or both in pieces."""

    def __init__(self, read, refused, *goods, control=b"0123456789\0\xff"):
        self.control = control
        self.good = b"".join(goods)
        self._read, self._refused = read, refused
        self._goods = goods
        self._number = 0

    def feed(self, data):
        for at in range(0, len(data), 100):
            self._number += 1
            good = self._goods[self._number % len(self._goods)]
            piece = data[at : at + 100]
            middle = self._number * 7 % (len(good) + 1)
            for value in piece, good[:middle] + piece[: self._number % 9] + good[middle:]:
                with suppress(self._refused):
                    self._read(value)

    def is_in_step(self):
        for good in self._goods:
            self._read(good)
        return True


def merchant():
    return Values(
        lambda data: MerchantCode.parse(data.decode(errors="replace")),
        EmvcoError,
        MERCHANT.encode(),
    )


def consumer():
    return Values(
        lambda data: ConsumerCode.parse(base64.b64encode(data).decode()),
        EmvcoError,
        base64.b64decode(CONSUMER_TWO),
        control=b"\x61\x62\x63\x4f\x5a\x9f\x81\x82\0\1\x7f\x80\xff",
    )


def message():
    return Values(
        decode,
        MessageRefused,
        encode(Channel.BENCH, "D1", Shown(("PAY 2.50", "TO A"))),
        encode(
            Channel.BENCH,
            "x",
            Provision(AccountNumber(1, 2), b"k" * 32, "2468", "B.phone", "B", "EUR"),
        ),
        control=b"\x91\x94\x81\x82\xa4\xc4\xdc\xdd\xff\0\1type",
    )


CODECS = {
    "frames": (Frames, 2_500_000),
    "exchange": (Exchanges, 1_500_000),
    "profile=generic": (Reader, 1_000_000),
    "profile=generic&aim=yes": (Reader, 600_000),
    "profile=honeywell&ack=host-ack": (Reader, 600_000),
    "profile=datalogic&prefix=0x02&suffix=CRLF": (Reader, 1_500_000),
    "profile=newland&suffix=NONE": (Reader, 1_500_000),
    "ack=ack-nak": (Reader, 600_000),
    "profile=zebra-ssi": (Reader, 60_000),
    "message": (message, 300_000),
    "EMVCo merchant": (merchant, 100_000),
    "EMVCo consumer": (consumer, 100_000),
}
"""Each codec, and how many bytes it is fed in CI."""


@contextmanager
def counted(what):
    """Tells at the end how much was fed, how long it took, and what memory at most."""
    tally = {"bytes": 0, "good": 0}
    began_s = time.monotonic()
    tracemalloc.start()
    try:
        yield tally
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    took_s = time.monotonic() - began_s
    FIGURES.append(
        f"noise into {what}: {tally['bytes'] / 1e6:.1f} MB, {tally['good']} good frames among it "
        f"read, at most {peak_bytes / 1e6:.2f} MB of memory, {took_s:.0f} s"
    )


def a_chance():
    return Random(None if SOAK else 7)  # noqa: S311 - noise is no secret


@pytest.mark.parametrize("name", CODECS)
def test_a_codec_takes_any_bytes(name):
    """Noise raises nothing and is not kept, and the good frame behind each chunk is read."""
    make, count = CODECS[name]
    codec = make(name) if make is Reader else make()
    bursts = noise(a_chance(), codec.good, codec.control)
    with counted(name) as tally:
        while tally["bytes"] < rounds(count):
            before_bytes = held_bytes()
            tally["bytes"] += feed(codec, next(bursts))
            assert held_bytes(before_bytes) - before_bytes < KEPT_MAX_BYTES
            assert codec.is_in_step()
            tally["good"] += 1
        assert tracemalloc.get_traced_memory()[1] < MEMORY_MAX_BYTES


def feed(codec, burst):
    """Feed a codec a burst of noise; how many bytes that was. It is forgotten afterwards."""
    for chunk in burst:
        codec.feed(chunk)
    return sum(len(chunk) for chunk in burst)


def held_bytes(before_bytes=0):
    """What is held in memory; garbage is collected only where there seems to be much."""
    if tracemalloc.get_traced_memory()[0] - before_bytes >= KEPT_MAX_BYTES:
        gc.collect()
    return tracemalloc.get_traced_memory()[0]


# -- drivers --------------------------------------------------------------------------------------


@contextmanager
def serial_line(query=""):
    """A tty: the driver's spec, and what writes into its other end."""
    with VirtualTty() as tty:
        yield f"serial:{tty.path}{query}", tty.write


@contextmanager
def tcp_line():
    """A socket, likewise."""
    with socket.create_server(("127.0.0.1", 0)) as server, ExitStack() as stack:

        def write(data):
            if not connections:
                connections.append(stack.enter_context(server.accept()[0]))
            connections[0].sendall(data)

        connections = []
        yield f"tcp:127.0.0.1:{server.getsockname()[1]}", write


@contextmanager
def ble_line():
    """A connection on the virtual radio, likewise."""
    from paybench.hil.ble import peripheral, radio

    with radio.radio_on() as hci:
        there = peripheral.BlePeripheral(hci, "noisy")
        opening = threading.Thread(target=there.open)
        opening.start()

        def write(data):
            opening.join()
            there.write(data)

        try:
            yield f"ble-central:noisy?hci={hci}", write
        finally:
            opening.join()
            there.close()


DRIVERS = {
    "serial": (serial_line, 400_000),
    "serial, in a thread": (lambda: serial_line("?reader=thread"), 200_000),
    "tcp": (tcp_line, 400_000),
    "ble-central": (ble_line, 50_000),
}
"""Each driver, and how many bytes it is fed in CI."""


@pytest.mark.parametrize("name", DRIVERS)
def test_a_driver_takes_any_bytes(name):
    """Noise on a line loses no good code behind it, in order, and memory is given back."""
    line, count = DRIVERS[name]
    if line is ble_line:
        pytest.importorskip("bleak")
        pytest.importorskip("paybench.hil.ble.backend")  # not to be counted as memory below
    # Long codes, and few control characters: each code and each misreading is in the trace.
    noises = noise(a_chance(), f"{EAN * 50}\r".encode(), bytes(range(256)))
    kept = []
    with counted(f"the driver {name}") as tally:
        while tally["bytes"] < rounds(count):
            codes = [f"article {number}" for number in range(BURSTS)]
            bursts = [[*next(noises), f"\r{code}\r".encode()] for code in codes]
            assert read(line, bursts) == codes
            tally["bytes"] += sum(len(chunk) for burst in bursts for chunk in burst[:-1])
            tally["good"] += len(codes)
            gc.collect()
            kept.append(tracemalloc.get_traced_memory()[0])
        assert kept[-1] - kept[0] < MEMORY_MAX_BYTES


def read(line, bursts):
    """What a driver reads of bursts of noise and a code behind each: the codes, in order."""
    with line() as (spec, write), Till(spec) as till:
        writer = threading.Thread(
            target=lambda: [write(part) for burst in bursts for part in burst]
        )
        writer.start()
        last = Reading(bursts[-1][-1].decode().strip())
        till.waits(lambda: till.heard[-1:] == [last], LIMIT_S)
        writer.join()
        return [reading for reading in till.readings if reading.startswith("article ")]
