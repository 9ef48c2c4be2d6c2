"""SSI: packets as the manual has them, and a host that reads each scan once, whatever happens."""

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rounds import rounds

from paybench.hil import ssi
from paybench.hil.errors import ScannerError
from paybench.hil.payload import Noise, PayloadRule, Reply, Scanned
from paybench.hil.ssi import Packet, PacketFinder, SsiCodec, decode_data

EAN = "4901234567894"
EAN_TYPE, QR_TYPE = 0x0B, 0x1C
ACK = Reply(bytes.fromhex("04 D0 04 00 FF 28"))
NAK = Reply(bytes.fromhex("05 D1 04 00 01 FF 25"))

packets = st.builds(
    Packet,
    opcode=st.sampled_from([ssi.DECODE_DATA, ssi.EVENT, 0xA4]),
    data=st.binary(max_size=20),
    source=st.just(ssi.DECODER),
    status=st.integers(0, 255),
)
codes = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=12)


def scan(text, kind=EAN_TYPE, **how):
    return b"".join(packet.encode() for packet in decode_data(kind, text.encode(), **how))


def resent(frame):
    return Packet(frame[1], frame[4:-2], frame[2], frame[3] | ssi.RETRANSMIT).encode()


def damaged(frame):
    return frame[:4] + bytes((frame[4] ^ 0x55,)) + frame[5:]


def payloads(reports):
    return [report.payload for report in reports if isinstance(report, Scanned)]


def answers(reports):
    return [report for report in reports if isinstance(report, Reply)]


def test_packets_are_as_the_manual_has_them():
    """Length, opcode, source, status, data, and the two's complement of their sum."""
    assert Packet(ssi.CMD_ACK).encode() == ACK.data
    assert Packet(ssi.CMD_NAK, b"\x01").encode() == NAK.data
    code = scan("1234", kind=0x03)
    assert code.hex(" ").upper() == "09 F3 00 00 03 31 32 33 34 FE 37"
    assert sum(code[:-2]) + int.from_bytes(code[-2:], "big") == 0x10000


def test_no_packet_is_longer_than_257_bytes():
    """A long code goes into packets of at most 255 bytes and a checksum, all but one continued."""
    sent = decode_data(QR_TYPE, b"x" * 1000)
    assert [len(packet.encode()) for packet in sent] == [257, 257, 257, 257]
    assert [packet.status for packet in sent] == [ssi.CONTINUATION] * 3 + [0]
    with pytest.raises(ScannerError, match="no empty code"):
        decode_data(QR_TYPE, b"")


def test_a_code_is_read_and_acknowledged():
    """A packet of decode data is a payload with its symbology, and one CMD_ACK."""
    assert SsiCodec().feed(scan(EAN)) == [ACK, Scanned(EAN, "EAN-13")]
    assert SsiCodec().feed(scan(EAN, kind=0xEE)) == [ACK, Scanned(EAN, "SSI 0xEE")]
    assert SsiCodec(answers=False).feed(scan(EAN)) == [Scanned(EAN, "EAN-13")]


def test_prefix_aim_and_suffix_stand_in_the_decode_data():
    """What the scanner is set to put around a payload comes off, and its absence is noise."""
    codec = SsiCodec(PayloadRule(b"\x02", aim=True), b"\r")
    assert codec.feed(scan(f"\x02]E0{EAN}\r")) == [ACK, Scanned(EAN, "]E0")]
    [_, noise] = codec.feed(scan(f"\x02]E0{EAN}"))
    assert noise == Noise(17, "expected the suffix CR in the decode data, saw '4'")


@given(st.lists(packets, min_size=1, max_size=5), st.lists(st.integers(0)))
def test_chunking_changes_nothing(sent, cuts):
    """Packets are found whatever the chunks they arrive in."""
    data = b"".join(packet.encode() for packet in sent)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    finder = PacketFinder(ssi.DECODER)
    found = [item for start, end in pairwise(edges) for item in finder.feed(data[start:end])]
    assert found == sent
    assert finder.pending_bytes == 0


@settings(max_examples=rounds(100))
@given(st.binary(max_size=600), st.lists(packets, min_size=1, max_size=3), st.binary(max_size=300))
def test_packets_in_garbage_are_found(before, sent, after):
    """Whatever stands around them, good packets are found at the latest in the next silence."""
    data = before + b"".join(packet.encode() for packet in sent) + after
    finder = PacketFinder(ssi.DECODER)
    found = [*finder.feed(data), *finder.idle()]
    assert [item for item in found if isinstance(item, Packet)] == sent
    assert sum(len(x) if isinstance(x, bytes) else len(x.encode()) for x in found) == len(data)
    assert finder.pending_bytes == 0


@given(st.lists(st.binary(max_size=400) | st.none(), max_size=8))
def test_after_any_garbage_and_a_silence_a_code_is_read_at_once(garbage):
    """No bytes and no silences (None) bring the codec out of step for longer than a silence."""
    codec, reports = SsiCodec(), []
    for data in garbage:
        reports += codec.idle() if data is None else codec.feed(data)
    while codec.silence_ns:
        reports += codec.idle()
    assert codec.pending_bytes == 0
    noise = sum(report.byte_count for report in reports if isinstance(report, Noise))
    assert noise == sum(len(data or b"") for data in garbage)
    assert codec.feed(scan(EAN)) == [ACK, Scanned(EAN, "EAN-13")]


def test_a_damaged_packet_is_refused_and_read_when_it_comes_again():
    """One NAK that asks to resend, one report of noise, one reading."""
    codec, frame = SsiCodec(), scan(EAN)
    assert codec.feed(damaged(frame)) == [NAK]
    noise, *rest = codec.feed(resent(frame))
    assert noise.byte_count == len(frame)
    assert "is the scanner set to SSI" in noise.why
    assert rest == [ACK, Scanned(EAN, "EAN-13")]


def test_a_resend_because_our_answer_was_lost_is_no_second_reading():
    """A packet marked as resent that equals the last is acknowledged again, and suppressed."""
    codec, frame = SsiCodec(), scan(EAN)
    assert payloads(codec.feed(frame)) == [EAN]
    assert codec.feed(resent(frame)) == [ACK]
    assert codec.feed(damaged(resent(frame))) == [NAK]
    assert payloads(codec.feed(resent(frame))) == []


def test_the_same_article_twice_is_two_readings():
    """Two scans of one article are two, also when the second one was damaged at first."""
    codec, frame = SsiCodec(), scan(EAN)
    assert payloads(codec.feed(frame + frame)) == [EAN, EAN]
    codec.feed(damaged(frame))
    assert payloads(codec.feed(resent(frame))) == [EAN]


def test_a_packet_cut_short_is_refused_after_a_silence():
    """A length that promises more than comes holds up nothing for longer than the gap."""
    codec, frame = SsiCodec(), scan(EAN)
    assert codec.feed(frame[:-3]) == []
    assert codec.silence_ns == 100_000_000
    answer, noise = codec.idle()
    assert answer == NAK
    assert noise.byte_count == len(frame) - 3
    assert codec.silence_ns == 0
    assert payloads(codec.feed(resent(frame))) == [EAN]


def test_each_part_of_a_long_code_is_acknowledged():
    """Parts are put together, and the scanner is asked to go on after each (multipacket 1)."""
    codec = SsiCodec()
    reports = codec.feed(scan("x" * 600, kind=QR_TYPE))
    assert reports == [ACK, ACK, ACK, Scanned("x" * 600, "QR")]


def test_a_code_whose_end_never_comes_is_noise():
    """Parts whose scanner gave up are dropped in the silence, or when another code begins."""
    first, *_ = decode_data(QR_TYPE, b"x" * 600)
    codec = SsiCodec()
    codec.feed(first.encode())
    assert codec.silence_ns == 6_000_000_000
    assert codec.idle() == [
        Noise(250, "250 bytes of a code: the scanner gave the rest of the code up")
    ]
    codec.feed(first.encode())
    assert payloads(codec.feed(scan(EAN))) == [EAN]
    codec.feed(first.encode())
    codec.feed(damaged(first.encode()))
    assert payloads(codec.feed(scan("after", kind=QR_TYPE))) == ["after"]


def test_memory_is_bounded():
    """Any number of parts that never end, and of garbage, is counted and not kept."""
    part = decode_data(QR_TYPE, b"x" * 300)[0].encode()
    codec = SsiCodec()
    tracemalloc.start()
    for _ in range(400):
        codec.feed(part)
    garbage = SsiCodec()
    for _ in range(5):
        garbage.feed(b"\xff\x01\x00" * 3000)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 80_000
    [_, noise] = codec.feed(scan("x", kind=QR_TYPE))
    assert noise == Noise(100_001, "the code has 100001 bytes: at most 4096 are taken")
    assert codec.feed(scan(EAN))[-1] == Scanned(EAN, "EAN-13")


@pytest.mark.parametrize(
    ("packet", "cause", "why"),
    [
        (Packet(0xA4, b"rev", ssi.DECODER), ssi.BAD_CONTEXT, "opcode 0xA4"),
        (Packet(ssi.DECODE_DATA, b"", ssi.DECODER), ssi.DENIED, "without a bar code type"),
    ],
)
def test_a_packet_that_is_no_code_is_refused_with_its_cause(packet, cause, why):
    """What cannot be taken is refused so that it is not sent again, and is noise."""
    noise, answer = SsiCodec().feed(packet.encode())
    assert why in noise.why
    assert answer == Reply(Packet(ssi.CMD_NAK, bytes((cause,))).encode())


def test_answers_are_not_answered_and_events_are():
    """An ACK or NAK from the scanner ends there; an event (a beep, a start) is acknowledged."""
    for opcode in (ssi.CMD_ACK, ssi.CMD_NAK):
        assert SsiCodec().feed(Packet(opcode, b"\x01", ssi.DECODER).encode()) == []
    assert SsiCodec().feed(Packet(ssi.EVENT, b"\x01", ssi.DECODER).encode()) == [ACK]


class Scanner:
    """A scanner as the manual has it, on a line where each transmission may suffer a fault."""

    def __init__(self, codec, faults):
        self.codec = codec
        self.faults = iter(faults)
        self.reports = []

    def hears_yes(self, frame):
        fault = next(self.faults, "")
        data = {"damaged": damaged(frame), "lost": b""}.get(fault, frame)
        reports = self.codec.feed(data)
        if not answers(reports):
            reports += self.codec.idle() if self.codec.silence_ns == 100_000_000 else []
        self.reports += reports
        return answers(reports)[-1:] == [ACK] and fault != "unheard"

    def scans(self, text, part_bytes):
        """Whether the code was acknowledged to its end."""
        for packet in decode_data(QR_TYPE, text.encode(), part_bytes):
            frame = packet.encode()
            tries = [frame, resent(frame), resent(frame)]
            if not any(self.hears_yes(sent) for sent in tries):
                return False
        return True


@settings(max_examples=rounds(100))
@given(
    st.lists(codes, min_size=1, max_size=6, unique=True),
    st.lists(st.sampled_from(["", "", "damaged", "lost", "unheard"]), max_size=30),
    st.integers(3, 12),
)
def test_one_scan_is_one_reading(texts, faults, part_bytes):
    """Damaged, lost, answered unheard: an acknowledged scan is read once, another at most once."""
    scanner = Scanner(SsiCodec(), faults)
    for number, text in enumerate(texts):
        marked = f"{number}{text}{number}"  # no two parts of two codes are equal
        before = len(scanner.reports)
        acknowledged = scanner.scans(marked, max(part_bytes, len(marked)))
        read = payloads(scanner.reports[before:])
        assert read in ([[marked]] if acknowledged else [[], [marked]])


@settings(max_examples=rounds(100))
@given(
    st.text("ab", min_size=1, max_size=20),
    st.lists(st.sampled_from(["", "", "damaged", "unheard"]), max_size=40),
    st.integers(1, 7),
)
def test_equal_parts_and_equal_codes_are_not_confused(text, faults, part_bytes):
    """The same article again and again, in equal parts, on a bad line: never a wrong one."""
    scanner = Scanner(SsiCodec(), faults)
    for _ in range(5):
        before = len(scanner.reports)
        acknowledged = scanner.scans(text, part_bytes)
        read = payloads(scanner.reports[before:])
        assert read in ([[text]] if acknowledged else [[], [text]])
        if not acknowledged:
            while scanner.codec.silence_ns:
                scanner.codec.idle()  # nobody scans faster than that
