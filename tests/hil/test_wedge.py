"""Keyboard wedges: keys from recorded events; and the driver, where the kernel has uinput."""

import subprocess
import sys
from contextlib import contextmanager
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reader_host import Host

from paybench.devices.display import Display
from paybench.devices.link import LinkProfile
from paybench.devices.port import Port
from paybench.devices.scanner import Misreading, Reading, Scanner
from paybench.devices.trace import Injected, Sent
from paybench.devices.world import World
from paybench.hil import keys
from paybench.hil.errors import PortUnavailable, ScannerError, SpecError
from paybench.hil.keys import EVENT, KeyCodec, press, strokes
from paybench.hil.payload import Noise, PayloadRule, Scanned
from paybench.hil.spec import Spec
from paybench.hil.wedge import WedgeDriver

EAN = "4901234567894"
NAME = "A.register.scanner"
TWIN = [sys.executable, "-m", "paybench.hil.virtual.wedge"]
DROPPED = EVENT.pack(0, 0, keys.EV_SYN, keys.SYN_DROPPED, 0)

texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=20)


def recorded(events):
    """Key events as the kernel gives them: the scan code, the key, the report."""
    at = iter(range(1, 1 << 20))
    return b"".join(
        EVENT.pack(1_700_000_000, next(at), kind, key, number)
        for code, value in events
        for kind, key, number in (
            (4, 4, 0x7001E),
            (keys.EV_KEY, code, value),
            (keys.EV_SYN, keys.SYN_REPORT, 0),
        )
    )


def typed(text, end=keys.ENTER):
    return recorded([*strokes(text), *(press(end) if end else ())])


def chunks(data, cuts):
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@given(texts, st.lists(st.integers(0)), st.sampled_from(["ENTER", "TAB"]))
@example("`1234567890-=[]\\;',./~!@#$%^&*()_+{}|:\"<>? aZ", [1], "ENTER")
def test_what_is_typed_is_read(text, cuts, suffix):
    """All of the US layout, with its shifts, whatever the chunks the events arrive in."""
    codec = KeyCodec(suffix)
    data = typed(text, keys.ENTER if suffix == "ENTER" else keys.TAB)
    assert [r for chunk in chunks(data, cuts) for r in codec.feed(chunk)] == [Scanned(text)]
    assert codec.pending_bytes == codec.silence_ns == 0


def test_the_bytes_are_the_kernels():
    """One event of 64-bit Linux, byte by byte: shift pressed, on an x86 recording."""
    event = bytes.fromhex("00f15365 00000000 40420f00 00000000 0100 2a00 01000000".replace(" ", ""))
    assert EVENT.unpack(event) == (1_700_000_000, 1_000_000, keys.EV_KEY, 42, keys.PRESSED)


@pytest.mark.parametrize(
    ("events", "text"),
    [
        ([(42, 1), *press(30), (54, 1), (42, 0), *press(30), (54, 0), *press(30)], "AAa"),
        ([*press(58), *press(30), (42, 1), *press(30), *press(3), (42, 0), *press(58)], "Aa@"),
        ([*press(79), *press(80), *press(82), *press(83)], "120."),
        ([(30, 1), (30, 2), (30, 2), (30, 0)], "a"),
        ([(30, 0), (28, 0), *press(48)], "b"),
    ],
)
def test_shift_caps_lock_keypad_and_repeats(events, text):
    """Either shift, caps lock for letters only, the keypad; the kernel's repeats are no keys."""
    assert KeyCodec().feed(recorded([*events, *press(keys.ENTER)])) == [Scanned(text)]


def test_both_enters_end_a_code_and_an_enter_alone_is_nothing():
    """The keypad's Enter is one too, and two in a row hold no payload."""
    data = recorded([*strokes("1"), *press(keys.KEYPAD_ENTER), *press(keys.ENTER), *strokes("2")])
    codec = KeyCodec()
    assert codec.feed(data) == [Scanned("1")]
    assert codec.pending_bytes == 1


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ([(29, 1), *press(27), (29, 0)], "key 27 came with Ctrl held: set the scanner to the US"),
        ([(56, 1), *press(79), (56, 0)], "key 79 came with Alt held"),
        ([(29, 1), (100, 1), *press(30), (29, 0), (100, 0)], "came with Alt and Ctrl held"),
        (press(59), "key 59 types no character on the US layout"),
    ],
)
def test_a_key_without_a_character_makes_the_code_noise(events, why):
    """Half a payload is none: the whole code is noise, and the next one is read."""
    codec = KeyCodec()
    [noise] = codec.feed(recorded([*strokes("12"), *events, *strokes("3"), *press(28)]))
    assert noise.byte_count == 4
    assert why in noise.why
    assert codec.feed(typed(EAN)) == [Scanned(EAN)]


@given(st.lists(texts, min_size=1, max_size=4), st.integers(0), st.integers(1, 200))
def test_lost_events_never_make_a_wrong_payload(codes, start, count):
    """Whatever the kernel drops, what is read was typed; after a silence the next code is whole."""
    data = b"".join(map(typed, codes))
    events = [data[at : at + EVENT.size] for at in range(0, len(data), EVENT.size)]
    start %= len(events)
    events[start : start + count] = [DROPPED]
    codec = KeyCodec()
    reports = codec.feed(b"".join(events))
    if codec.silence_ns:
        reports += codec.idle()
    read = [report.payload for report in reports if isinstance(report, Scanned)]
    rest = iter(codes)
    assert all(payload in rest for payload in read)  # in their order, each at most once
    assert codec.silence_ns == 0
    assert codec.feed(EVENT.pack(0, 0, 0, 0, 0) + typed(EAN)) == [Scanned(EAN)]


def test_a_code_in_which_events_were_lost_is_noise():
    """Its end ends it; a shift that was held counts as released."""
    codec = KeyCodec()
    data = recorded([(42, 1), *press(30)]) + DROPPED + recorded(press(30))
    assert codec.feed(data + recorded([*press(30), *press(28)])) == [
        Noise(2, "the kernel dropped key events: the bench was too slow to read them")
    ]
    assert codec.feed(recorded([*press(30), *press(28)])) == [Scanned("a")]


def test_prefix_and_aim_identifier_are_typed_too():
    """A wedge that types an identifier is understood as any scanner is."""
    codec = KeyCodec(rule=PayloadRule(b"#", aim=True))
    assert codec.feed(typed(f"#]E0{EAN}")) == [Scanned(EAN, "]E0")]
    assert isinstance(codec.feed(typed(EAN))[0], Noise)


def test_an_endless_code_is_bounded():
    """Keys without an Enter are counted, not kept; the code is noise."""
    codec = KeyCodec()
    codec.feed(typed("x" * (keys.MAX_CHARACTERS + 10), end=0))
    assert codec.pending_bytes == keys.MAX_CHARACTERS + 10
    [noise] = codec.feed(recorded(press(keys.ENTER)))
    assert noise.byte_count == keys.MAX_CHARACTERS + 10
    assert "without an Enter or Tab" in noise.why


@given(st.binary(max_size=500))
def test_any_bytes_are_survived(data):
    """Events that make no sense raise nothing, and a code after them is read."""
    codec = KeyCodec()
    codec.feed(data + bytes(-len(data) % EVENT.size))
    codec.idle()
    codec.feed(recorded([(code, 0) for code in (42, 54, 29, 97, 56, 100, 125, 126)]))
    codec.feed(recorded(press(keys.ENTER)))
    read = codec.feed(typed("1"))
    assert read == [Scanned("1")]


def test_what_is_on_no_key_cannot_be_typed():
    """A character the layout does not have is refused by name."""
    with pytest.raises(ScannerError, match="'ü' is on no key"):
        list(strokes("ü"))


def test_a_recording_is_decoded_again():
    """The driver in a replay is never opened: the recorded bytes give the readings."""
    script = [
        Injected(5, NAME, typed("12")),
        Injected(9, NAME, recorded([(29, 1), *press(27), (29, 0), *press(28)])),
        Injected(12, NAME, typed("34")),
    ]
    world, scanner = standing_in(WedgeDriver(Spec.parse("wedge:/dev/input/event5")), script)
    world.env.run()
    heard = [event.message for event in world.trace if isinstance(event, Sent)]
    assert heard[::2] == [Reading("12"), Reading("34")]
    assert isinstance(heard[1], Misreading)
    assert scanner.operated is not None


def test_without_a_suffix_a_silence_ends_what_was_typed():
    """A wedge that types no Enter is read when it pauses, at the nanosecond of the gap's end."""
    script = [Injected(7, NAME, typed("12", end=0)), Injected(300, NAME, typed("34", end=0))]
    with Host(KeyCodec("NONE", gap_ns=200), script=script) as host:
        host.env.run()
        sent = [(e.at_ns, e.message) for e in host.world.trace if isinstance(e, Sent)]
    assert sent == [(207, Reading("12")), (500, Reading("34"))]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("suffix=CR", "expected ENTER, TAB or NONE"),
        ("gap=0.1", "gap means nothing beside suffix=ENTER"),
        ("aim=maybe", "expected one of yes, no"),
        ("sufix=TAB", "did you mean 'suffix'"),
    ],
)
def test_a_malformed_spec_says_what_to_write(query, sentence):
    """Every way to get the spec wrong is answered by what is right."""
    with pytest.raises(SpecError) as refused:
        WedgeDriver(Spec.parse(f"wedge:/dev/input/event5?{query}"))
    assert sentence in str(refused.value)


def test_a_wedge_is_no_display():
    """It can be a scanner and nothing else."""
    world = World()
    with pytest.raises(SpecError, match=r"cannot be A\.phone\.display, which is a display"):
        WedgeDriver(Spec("wedge", "/dev/x")).stand_in(Display(world, "A.phone"), world, print)


def test_what_is_no_keyboard_is_refused(tmp_path):
    """A missing device and a plain file are told apart, each with what to do."""
    pytest.importorskip("evdev", reason="evdev is not installed: the extra wedge")
    with pytest.raises(PortUnavailable, match="there is no such device; keyboards here: "):
        WedgeDriver(Spec("wedge", "/dev/input/eventNOWHERE")).probe()
    file = tmp_path / "file"
    file.write_text("no keyboard")
    driver = WedgeDriver(Spec("wedge", str(file)))
    with pytest.raises(PortUnavailable, match="it cannot be read as a keyboard"):
        driver.open()
    driver.close()


def test_a_missing_extra_is_named():
    """Without evdev the command that adds it is named when it is needed, not at import."""
    code = (
        "import sys; sys.modules['evdev'] = None\n"
        "from paybench.hil.spec import Spec; from paybench.hil.wedge import WedgeDriver\n"
        "WedgeDriver(Spec('wedge', '/dev/input/event0')).open()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert "PortUnavailable: /dev/input/event0: " in done.stderr
    assert "uv sync --extra wedge (or pip install 'paybench[wedge]')" in done.stderr


def standing_in(driver, script=None):
    """A scanner in a world of its own, with a driver in its place."""
    world = World(script=script)
    scanner = Scanner(world, NAME)
    world.connect(scanner.port, Port(world.env, "A.register", "cable"), LinkProfile())
    driver.stand_in(scanner, world, print)
    return world, scanner


@contextmanager
def virtual_wedge(*arguments):
    """The virtual wedge in a process of its own; blocked where the kernel has no uinput."""
    pipe = subprocess.PIPE
    command = [*TWIN, *arguments]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            words = process.stdout.readline().split()
            if not words:
                pytest.skip(f"blocked: {process.stderr.read().strip()}")
            yield process, words[1]
        finally:
            process.kill()


def test_a_real_keyboard_is_grabbed_and_read():
    """Keys typed by another process through the kernel are readings, and replay to the same.

    When it is unplugged, and another process makes it anew, it is found again.
    """
    with virtual_wedge("--type", EAN, "A-b_c!") as (process, path):
        driver = WedgeDriver(Spec("wedge", path))
        driver.open()
        with pytest.raises(PortUnavailable, match="another program has grabbed it"):
            WedgeDriver(Spec("wedge", path)).probe()
        world, scanner = standing_in(driver)
        process.stdin.write("\n\n")
        process.stdin.flush()

        def heard(run):
            return [event.message for event in run.trace if isinstance(event, Sent)]

        assert world.env.wait_until(lambda: len(heard(world)) == 2, 30)
        assert heard(world) == [Reading(EAN), Reading("A-b_c!")]
        script = [event for event in world.trace if isinstance(event, Injected)]
        again, _ = standing_in(WedgeDriver(Spec("wedge", path)), script)
        again.env.run()
        assert heard(again) == heard(world)
        process.kill()
        assert world.env.wait_until(lambda: bool(scanner.gone), 30)
        assert f"{path} went away" in scanner.gone
        with virtual_wedge("--type", "back") as (anew, _):
            assert world.env.wait_until(lambda: not scanner.gone, 30)
            anew.stdin.write("\n")
            anew.stdin.flush()
            assert world.env.wait_until(lambda: heard(world)[2:] == [Reading("back")], 30)
        driver.close()
        world.env.close()
