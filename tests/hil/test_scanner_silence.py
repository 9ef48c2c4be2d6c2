"""Silences that end a code, on the clock of the run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reader_host import Host, replayed
from test_ssi import scan
from test_virtual_scanner import EAN, EAN_IMAGE, virtual_scanner
from test_wedge import typed

from paybench.devices.scanner import Reading
from paybench.devices.trace import Injected, Sent
from paybench.hil.keys import KeyCodec
from paybench.hil.scanner import ScannerCodec
from paybench.hil.ssi import SsiCodec

GAP_NS = 1000
NAME = "A.register.scanner"


def codec(gap_ns=GAP_NS):
    return ScannerCodec(suffix=b"", gap_ns=gap_ns)


def recording(pauses_ns):
    """A digit at each of these times after the one before."""
    at_ns = 0
    for number, pause_ns in enumerate(pauses_ns):
        at_ns += pause_ns
        yield Injected(at_ns, NAME, str(number % 10).encode())


@given(st.lists(st.integers(0, 2 * GAP_NS) | st.sampled_from([GAP_NS - 1, GAP_NS]), min_size=1))
def test_a_silence_ends_a_code_at_its_nanosecond(pauses_ns):
    """Codes are cut exactly where the pause reaches the gap, and stamped with its end."""
    codes = []
    for event in recording(pauses_ns):
        if not codes or event.at_ns - codes[-1][0] >= GAP_NS:
            codes.append((event.at_ns, b""))
        codes[-1] = (event.at_ns, codes[-1][1] + event.data)
    with Host(codec(), script=list(recording(pauses_ns))) as host:
        host.env.run()
        sent = [event for event in host.world.trace if isinstance(event, Sent)]
    assert [(e.at_ns, e.message.payload) for e in sent] == [
        (last_ns + GAP_NS, code.decode()) for last_ns, code in codes
    ]


def test_one_alarm_serves_a_code_that_comes_byte_by_byte():
    """A thousand bytes one by one do not leave a thousand alarms behind."""
    with Host(codec(), script=list(recording([1] * 1000))) as host:
        most = 0

        def watch():
            nonlocal most
            most = max(most, len(host.env._alarms))
            return bool(host.heard)

        host.listens(watch)
        assert len(host.readings[0].payload) == 1000
    assert most <= 2


def test_a_reader_that_is_gone_says_nothing_more():
    """When the cable is pulled within a code, the silence after it completes nothing."""
    script = [Injected(0, NAME, b"49"), Injected(1, NAME, b"", "unplugged")]
    with Host(codec(), script=script) as host:
        host.env.run()
        assert host.heard == []
        assert host.scanner.gone == "unplugged"


def test_a_real_reader_without_a_suffix_is_read_and_replayed():
    """Over a real tty: a code ends a gap after its last byte, and a replay agrees in all events."""
    options = ("--suffix", "NONE")
    gap_ns = 20_000_000
    with virtual_scanner("--decode", EAN_IMAGE, *options) as scanner:
        scanner.driver.close()
        with Host(codec(gap_ns), scanner.path) as host:
            for count in (1, 2):
                scanner.pull_trigger()
                host.listens(lambda count=count: len(host.heard) == count)
            assert host.heard == [Reading(EAN)] * 2
            at_ns = [event.at_ns for event in host.world.trace if isinstance(event, Sent)]
            assert at_ns[-1] == host.injected[-1].at_ns + gap_ns
            assert replayed(host, codec(gap_ns)).world.trace.events == host.world.trace.events


@pytest.mark.parametrize(
    ("make", "whole"),
    [
        (codec, b"4901"),
        (ScannerCodec, b"4901\r"),
        (SsiCodec, scan("4901")),
        (KeyCodec, typed("4901")),
    ],
)
def test_a_code_cut_off_by_a_lost_cable_is_not_glued_to_the_next(make, whole):
    """What came before the reader went away is noise once it is back; its next code is whole."""
    with Host(make()) as host:
        host.reader.received(whole[: len(whole) // 2])
        host.reader.lost("unplugged")
        host.reader.found()
        [noise] = host.heard
        assert "went away within a code" in noise.why
        host.reader.received(whole)
        host.listens(lambda: host.readings)
        assert [reading.payload for reading in host.readings] == ["4901"]


@pytest.mark.parametrize("first", [b"49", b"\xff"])
def test_a_code_at_the_very_end_of_a_gap_is_the_next_one(first):
    """At one instant the silence comes before the byte, in a replay as in wall time."""
    script = [Injected(0, NAME, first), Injected(GAP_NS, NAME, b"1")]
    with Host(codec(), script=script) as host:
        host.env.run()
        assert len(host.heard) == 2
        assert host.readings[-1] == Reading("1")
