import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from paybench.hil.errors import ScannerError, SpecError
from paybench.hil.handshake import HANDSHAKES, REFUSALS
from paybench.hil.payload import Noise, Reply, Scanned
from paybench.hil.scanner import ScannerCodec, preamble, terminator

EAN = "4901234567894"

settings = st.fixed_dictionaries(
    {
        "prefix": st.sampled_from([b"", b">", b"a>", b"\n"]),
        "suffix": st.sampled_from([b"\r", b"\r\n", b"\t", b"aa", b"aba"]),
        "max_payload_bytes": st.integers(1, 8),
    }
).filter(lambda chosen: chosen["suffix"] not in chosen["prefix"])


@st.composite
def streams(draw, chosen):
    """Bytes in which prefixes, suffixes and overlong frames come up all the time."""
    words = [
        chosen["prefix"],
        chosen["suffix"],
        b"\n",
        b"a",
        b"b" * 9,
        b"\x00",
        b"\xc3\xbc",
        b"\xff",
    ]
    return b"".join(draw(st.lists(st.sampled_from(words) | st.binary(max_size=3))))


scripts = settings.flatmap(lambda chosen: st.tuples(st.just(chosen), streams(chosen)))
payloads = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), min_size=1, max_size=40
)


def feed_in_chunks(codec, data, cuts):
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    chunks = [data[start:end] for start, end in pairwise(edges)]
    return [report for chunk in chunks for report in codec.feed(chunk)]


def outline(data, prefix, suffix, max_payload_bytes):
    """The same rules told the simple way: with all bytes at hand, and no sentence for noise."""
    *frames, rest = data.split(suffix)
    longest = len(prefix) + max_payload_bytes
    for index, frame in enumerate([*frames, rest]):
        if suffix == b"\r" and prefix != b"\n":
            frame = frame.lstrip(b"\n")  # noqa: PLW2901
        ended = index < len(frames)
        if len(frame) > longest and (ended or len(frame) >= longest + len(suffix)):
            yield longest + 1
            if ended:
                yield len(frame) - longest - 1
        elif ended and frame:
            text = frame.removeprefix(prefix).decode(errors="replace")
            bad = not text or any(c < " " or "\x7f" <= c < "\xa0" or c == "\ufffd" for c in text)
            yield len(frame) if bad or not frame.startswith(prefix) else text


@given(scripts, st.lists(st.integers(0)))
def test_chunking_changes_nothing(script, cuts):
    """The reports depend on the bytes alone, not on the chunks in which they arrive."""
    settings, data = script
    whole = ScannerCodec(**settings)
    cut = ScannerCodec(**settings)

    assert feed_in_chunks(cut, data, cuts) == whole.feed(data)
    assert cut.pending_bytes == whole.pending_bytes


@given(scripts)
@example(({"prefix": b"", "suffix": b"\r", "max_payload_bytes": 2}, b"\n\na\r"))
@example(({"prefix": b"", "suffix": b"\r", "max_payload_bytes": 2}, b"aaa\n\n\r"))
def test_reports_follow_the_rules(script):
    """Any bytes give exactly the payloads and dropped counts of the rules, and no error."""
    settings, data = script
    reports = ScannerCodec(**settings).feed(data)

    told = [r.payload if isinstance(r, Scanned) else r.byte_count for r in reports]
    assert told == list(outline(data, **settings))


@given(payloads, st.sampled_from([b"", b"]E0", b"\x02"]), st.sampled_from([b"\r", b"\r\n", b"\t"]))
def test_what_is_encoded_is_read_back(payload, prefix, suffix):
    """Feeding what `encode` sends gives the payload and leaves nothing behind."""
    codec = ScannerCodec(prefix, suffix)

    assert codec.feed(codec.encode(payload)) == [Scanned(payload)]
    assert codec.pending_bytes == 0


@given(st.text(max_size=6), settings)
def test_encode_refuses_what_feed_would_not_give_back(payload, settings):
    """Whatever `encode` lets through, under any settings, comes back whole."""
    codec = ScannerCodec(**settings)
    try:
        frame = codec.encode(payload)
    except ScannerError:
        return
    assert codec.feed(frame) == [Scanned(payload)]


@given(st.binary(), st.integers(0, 7))
def test_a_payload_after_garbage_is_read(garbage, overlong):
    """The first suffix after any garbage brings the codec back in step."""
    codec = ScannerCodec(max_payload_bytes=13)
    codec.feed(garbage + b"x" * 13 * overlong + b"\r")

    assert codec.feed(codec.encode(EAN)) == [Scanned(EAN)]


def test_ten_megabytes_without_a_suffix():
    """A scanner gone mad costs two reports and a few kB, and the next payload is read."""
    codec = ScannerCodec()
    garbage = b"\x55" * 10_000_000
    tracemalloc.start()
    first = codec.feed(garbage)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert first == [
        Noise(4097, "no suffix CR within 4096 bytes: dropping bytes until the next one")
    ]
    assert codec.pending_bytes == 10_000_000
    assert peak_bytes < 100_000
    assert codec.feed(b"\r" + codec.encode(EAN)) == [
        Noise(10_000_000 - 4097, "the end of 10000000 bytes without a suffix CR"),
        Scanned(EAN),
    ]


def test_single_bytes_are_searched_once():
    """Half a megabyte, byte by byte, is done at once; a search from the start each time is not."""
    codec = ScannerCodec(suffix=b"\r\n", max_payload_bytes=1 << 20)
    for _ in range(1 << 19):
        codec.feed(b"x")

    assert codec.feed(b"\r\n") == [Scanned("x" * (1 << 19))]


def test_cr_lf_from_a_scanner_believed_to_send_cr():
    """The line feed of CR LF is no part of the next payload, even when it comes late."""
    codec = ScannerCodec()

    assert codec.feed(b"one\r") == [Scanned("one")]
    assert codec.feed(b"\n") == []
    assert codec.feed(b"two\r\n\r\n") == [Scanned("two")]
    assert codec.pending_bytes == 0


def test_an_absent_suffix_shows_as_pending_bytes():
    """A driver that waits in vain can see that bytes came and their suffix did not."""
    codec = ScannerCodec(suffix=b"\t")

    assert codec.feed(EAN.encode() + b"\r") == []
    assert codec.pending_bytes == 14


@pytest.mark.parametrize(
    ("frame", "noise"),
    [
        (b"4901\r", Noise(4, "expected the prefix ']E0', saw '490'")),
        (b"]E\r", Noise(2, "expected the prefix ']E0', saw ']E'")),
        (b"\xff\xfe\xfd\r", Noise(3, "expected the prefix ']E0', saw 0xFFFEFD")),
        (b"]E0\r", Noise(3, "no payload between prefix and suffix")),
        (b"]E049\xff1\r", Noise(7, "byte 5 is 0xFF: not UTF-8")),
        (
            b"]E049\n\r",
            Noise(
                6,
                "character 2 of the payload is U+000A: "
                "a control character (is it part of the suffix the scanner is set to?)",
            ),
        ),
        (
            b"]E0\xc2\x85\r",
            Noise(
                5,
                "character 0 of the payload is U+0085: "
                "a control character (is it part of the suffix the scanner is set to?)",
            ),
        ),
    ],
)
def test_noise_says_why(frame, noise):
    """Each kind of noise names what was expected, what was seen and where."""
    assert ScannerCodec(prefix=b"]E0").feed(frame) == [noise]


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ("", "no payload"),
        ("12\r34", "U\\+000D"),
        ("12;;34", "contains the suffix ';;'"),
        ("1234;", "contains the suffix ';;'"),
        ("12345678901", "11 bytes of UTF-8: at most 10 fit"),
        ("\ud800", "not Unicode text"),
    ],
)
def test_encode_refuses(payload, said):
    """A payload which the other side would not read back is refused with the reason."""
    with pytest.raises(ScannerError, match=said):
        ScannerCodec(suffix=b";;", max_payload_bytes=10).encode(payload)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"suffix": b""}, "idle gap"),
        ({"prefix": b"a\r"}, "contains the suffix CR"),
        ({"max_payload_bytes": 0}, "expected 1 or more"),
        ({"suffix": b"\r", "gap_ns": 1}, "ends a code already"),
    ],
)
def test_settings_that_cannot_work(settings, said):
    """Settings under which no payload could ever be read are refused at once."""
    with pytest.raises(SpecError, match=said):
        ScannerCodec(**settings)


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("CR", b"\r"), ("LF", b"\n"), ("CRLF", b"\r\n"), ("TAB", b"\t"), ("0x0D0a", b"\r\n")],
)
def test_terminator(name, suffix):
    """Each word of a spec gives its bytes."""
    assert terminator(name) == suffix


@pytest.mark.parametrize("name", ["", "cr", "CRFL", "0x", "0x0", "0xZZ", "0x0D 0A", "0D", "\r"])
def test_unknown_terminator(name):
    """A misspelt word is refused with the words there are."""
    with pytest.raises(SpecError, match="expected CR, LF, CRLF, TAB, or bytes in hex"):
        terminator(name)


def test_no_terminator():
    """NONE is no suffix, which a codec takes only together with the silence that ends a code."""
    assert terminator("NONE") == b""
    assert ScannerCodec(suffix=b"", gap_ns=1).encode(EAN) == EAN.encode()
    with pytest.raises(SpecError, match=r"idle gap.* one of CR, LF, CRLF, TAB"):
        ScannerCodec(suffix=b"")


def test_preamble():
    """A prefix is text or hex, and broken hex is not taken for text."""
    assert preamble("]E0") == b"]E0"
    assert preamble("0x0202") == b"\x02\x02"
    assert preamble("") == b""
    with pytest.raises(SpecError, match="two digits each"):
        preamble("0x2")


def test_an_aim_identifier_is_no_part_of_the_payload():
    """Where a scanner sends AIM identifiers they are taken off, and say what was read."""
    codec = ScannerCodec(prefix=b"\x02", aim=True)
    assert codec.encode(EAN, "]E0") == b"\x02]E04901234567894\r"
    assert codec.feed(codec.encode(EAN, "]E0")) == [Scanned(EAN, "]E0")]
    assert codec.feed(b"\x02]]Q3]E0\r\x02]Q3]E0\r")[1] == Scanned("]E0", "]Q3")


@pytest.mark.parametrize(
    ("frame", "noise"),
    [
        (b"4901\r", "expected an AIM identifier such as ]E0, saw '490'"),
        (b"]0E4901\r", "expected an AIM identifier such as ]E0, saw ']0E'"),
        (b"]E\r", "expected an AIM identifier such as ]E0, saw ']E'"),
        (b"]E0\r", "no payload"),
        (b"]Q1a\x1db\r", "character 1 of the payload is U+001D"),
    ],
)
def test_without_its_aim_identifier_a_code_is_noise(frame, noise):
    """A code whose identifier is missing or empty behind it is not guessed at."""
    [report] = ScannerCodec(aim=True).feed(frame)
    assert report.byte_count == len(frame) - 1
    assert noise in report.why


@pytest.mark.parametrize("aim", ["]C1", "]e0", "]d2", "]Q3"])
def test_gs1_separators_are_part_of_the_payload(aim):
    """GS stands between the fields of a GS1 code; anywhere else it is a control character."""
    codec = ScannerCodec(aim=True)
    assert codec.feed(codec.encode("10ABC\x1d2112", aim)) == [Scanned("10ABC\x1d2112", aim)]
    assert isinstance(codec.feed(f"{aim}10\x1d\x02\r".encode())[0], Noise)


@pytest.mark.parametrize("chunk_bytes", [1, 5, 100])
def test_without_a_suffix_a_silence_ends_a_code(chunk_bytes):
    """Bytes are pending, whatever their chunks, until a silence makes a payload of them."""
    codec = ScannerCodec(suffix=b"", gap_ns=7)
    assert codec.silence_ns == 0
    for start in range(0, 13, chunk_bytes):
        assert codec.feed(EAN.encode()[start : start + chunk_bytes]) == []
        assert codec.silence_ns == 7
    assert codec.idle() == [Scanned(EAN)]
    assert codec.silence_ns == codec.pending_bytes == 0
    assert codec.idle() == []


@given(st.lists(st.binary(min_size=1, max_size=9)), st.integers(1, 8))
def test_an_endless_code_without_a_suffix_is_bounded(chunks, longest):
    """Too long a code is dropped, each of its bytes is counted once, and the next one is read."""
    codec = ScannerCodec(suffix=b"", gap_ns=1, max_payload_bytes=longest)
    reports = [report for chunk in chunks for report in codec.feed(chunk)]
    assert len(reports) == (len(b"".join(chunks)) > longest)
    assert len(codec._pending) <= longest + 9
    reports += codec.idle()
    noise = sum(report.byte_count for report in reports if isinstance(report, Noise))
    if not any(isinstance(report, Scanned) for report in reports):
        assert noise == len(b"".join(chunks))
    assert codec.feed(b"7") + codec.idle() == [Scanned("7")]


@pytest.mark.parametrize("word", HANDSHAKES)
def test_each_code_is_answered_once(word):
    """A scanner that waits gets one good answer for a code and one bad one for a bad frame."""
    handshake = HANDSHAKES[word]
    good, bad = Reply(handshake.good), Reply(handshake.bad)
    codec = ScannerCodec(handshake=handshake)
    assert codec.feed(b"49\r") == [Scanned("49"), good]
    _, answer = codec.feed(b"\xff\r")
    assert answer == bad
    assert codec.feed(b"49\r\r\n") == [Scanned("49"), good]


def test_what_is_never_good_is_not_refused_for_ever():
    """After a few refusals in a row a bad frame is accepted, so that the scanner goes on."""
    handshake = HANDSHAKES["ack-nak"]
    codec = ScannerCodec(handshake=handshake)
    answers = [codec.feed(b"\xff\r")[1].data for _ in range(REFUSALS + 2)]
    assert answers == [handshake.bad] * REFUSALS + [handshake.good, handshake.bad]
