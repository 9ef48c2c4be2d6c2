"""Profiles of scanners, and whole conversations with one over a real tty."""

import pytest
from reader_host import Host, replayed
from test_virtual_scanner import EAN, EAN_IMAGE, LONG_IMAGE, virtual_scanner

from paybench.devices.scanner import Reading
from paybench.hil.errors import SpecError
from paybench.hil.profile import PROFILES, reader_codec
from paybench.hil.spec import Spec

NAK, OVERDUE = "again: refused\n", "again: no answer within 0.3 s\n"


def flags(options):
    """The options of a spec as the virtual scanner takes them."""
    return [word for key, value in options.items() for word in (f"--{key}", value)]


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_reads_a_code(name):
    """A scanner set as a maker has it is understood by the same word in a spec."""
    options = {"profile": name}
    with virtual_scanner("--decode", EAN_IMAGE, *flags(options)) as scanner:
        scanner.driver.close()
        with Host(reader_codec(options), scanner.path) as host:
            scanner.pull_trigger()
            host.listens(lambda: host.heard)
            assert host.heard == [Reading(EAN, "EAN-13" if name == "zebra-ssi" else "")]
            assert replayed(host, reader_codec(options)).world.trace.events == (
                host.world.trace.events
            )


@pytest.mark.parametrize(
    ("options", "faults", "said", "misreadings"),
    [
        ({"profile": "honeywell", "ack": "ack-nak"}, [], [], 0),
        ({"profile": "honeywell", "ack": "ack-nak"}, ["--spoil", "1"], [NAK], 1),
        ({"profile": "honeywell", "ack": "ack-nak"}, ["--spoil", "2"], [NAK, NAK], 2),
        ({"profile": "honeywell", "ack": "host-ack"}, [], [], 0),
        ({"profile": "datalogic", "ack": "ack-nak", "suffix": "CRLF"}, ["--spoil", "1"], [NAK], 1),
        ({"profile": "newland", "ack": "ack-nak", "aim": "yes"}, ["--spoil", "1"], [NAK], 1),
        ({"ack": "ack-nak", "suffix": "NONE", "gap": "0.02"}, ["--spoil", "1"], [NAK], 1),
        ({"profile": "zebra-ssi"}, [], [], 0),
        ({"profile": "zebra-ssi"}, ["--spoil", "1"], [NAK], 1),
        ({"profile": "zebra-ssi"}, ["--spoil", "2", "--part", "9"], [NAK, NAK], 2),
        ({"profile": "zebra-ssi"}, ["--deaf", "1"], [OVERDUE], 0),
        ({"profile": "zebra-ssi"}, ["--deaf", "2"], [OVERDUE, OVERDUE], 0),
        ({"profile": "zebra-ssi"}, ["--deaf", "1", "--part", "5"], [OVERDUE], 0),
        ({"profile": "zebra-ssi", "aim": "yes", "suffix": "CR"}, ["--spoil", "1"], [NAK], 1),
    ],
)
def test_a_conversation_ends_with_one_reading(options, faults, said, misreadings):
    """Refused, resent or answered unheard: one scan is acknowledged and read exactly once."""
    if "--deaf" in faults:
        faults = [*faults, "--answer-within", "0.3"]
    with virtual_scanner("--decode", EAN_IMAGE, *flags(options), *faults) as scanner:
        scanner.driver.close()
        with Host(reader_codec(options), scanner.path) as host:
            scanner.pull_trigger()
            # The end of the conversation is the scanner's: all its answers have been written then.
            host.listens(lambda: len(host.written) > len(said) and host.readings)
            words = [scanner.said() for _ in range(len(said) + 2)]
            assert words == [f"scanned {EAN}\n", *said, "acknowledged\n"]
            scanner.pull_trigger()  # the same article again is a second reading
            host.listens(lambda: len(host.readings) == 2)
            aim = options.get("aim") == "yes"
            symbology = "]E0" if aim else "EAN-13" if options.get("profile") == "zebra-ssi" else ""
            assert host.readings == [Reading(EAN, symbology)] * 2
            assert len(host.misreadings) <= misreadings  # neighbouring bursts are one
            assert bool(host.misreadings) == bool(misreadings)
            assert replayed(host, reader_codec(options)).world.trace.events == (
                host.world.trace.events
            )


def test_a_bad_read_under_host_ack_is_not_resent():
    """Honeywell's Host ACK tells the operator and resends nothing: no reading, and both know."""
    options = {"profile": "honeywell", "ack": "host-ack"}
    with virtual_scanner("--decode", EAN_IMAGE, *flags(options), "--spoil", "1") as scanner:
        scanner.driver.close()
        with Host(reader_codec(options), scanner.path) as host:
            scanner.pull_trigger()
            host.listens(lambda: host.heard)
            assert not host.readings
            assert host.written == [b"\x1b8,"]
            assert [scanner.said(), scanner.said()] == [f"scanned {EAN}\n", "gave up: denied\n"]


def test_a_code_in_many_packets_is_one_reading():
    """A long QR code in SSI packets of 16 bytes, one of them damaged, is put together."""
    options = {"profile": "zebra-ssi"}
    more = ("--part", "16", "--spoil", "1")
    with virtual_scanner("--decode", LONG_IMAGE, *flags(options), *more) as scanner:
        scanner.driver.close()
        with Host(reader_codec(options), scanner.path) as host:
            scanner.pull_trigger()
            host.listens(lambda: host.readings)
            [reading] = host.readings
            assert scanner.said() == f"scanned {reading.payload}\n"
            assert reading.symbology == "QR"
            assert len(reading.payload) > 16


def test_a_scanner_nobody_answers_gives_up():
    """A host that stays silent makes the scanner resend twice and give up, and go on."""
    with virtual_scanner(
        "--decode", EAN_IMAGE, "--profile", "zebra-ssi", "--answer-within", "0.02"
    ) as scanner:
        scanner.pull_trigger()
        words = [scanner.said() for _ in range(4)]
        overdue = "no answer within 0.02 s\n"
        again = f"again: {overdue}"
        assert words == [f"scanned {EAN}\n", again, again, f"gave up: {overdue}"]


def test_single_options_override_a_profile():
    """What stands in the spec beats what the maker has."""
    codec = reader_codec({"profile": "honeywell", "suffix": "TAB", "prefix": "0x02"})
    assert (codec.prefix, codec.suffix) == (b"\x02", b"\t")
    assert reader_codec({"suffix": "NONE"}).encode("49") == b"49"


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("profile=honeywel", "there is none; did you mean 'honeywell'? (there are: datalogic"),
        ("suffix=RC", "suffix 'RC' is unknown"),
        ("aim=true", "aim='true': expected one of yes, no"),
        ("gap=0.05", "ends a code already"),
        ("suffix=NONE&gap=nan", "gap='nan': expected seconds from 0.001 to 10"),
        ("suffix=NONE&gap=\u0660.\u0665", "expected seconds"),
        ("suffix=NONE&gap=1e9", "expected seconds"),
        ("ack=yes", "ack='yes': expected one of none, ack-nak, host-ack here"),
        ("ack=ssi", "expected one of none, ack-nak, host-ack here"),
        ("profile=zebra-ssi&ack=ack-nak", "expected one of ssi, none here"),
    ],
)
def test_settings_that_do_not_go_together(query, sentence):
    """Every wrong setting is answered by what is right."""
    with pytest.raises(SpecError) as refused:
        reader_codec(Spec.parse(f"serial:/dev/x?{query}").options)
    assert sentence in str(refused.value)
