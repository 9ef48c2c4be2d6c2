"""Keyboards that are unplugged and come back: their events from another process, on a tty.

Only evdev itself is replaced, as this runs without input devices. tests/hil/test_wedge.py has the
kernel's own.
"""

import pytest
from input_slots import READER, plugged, slots_in, typed
from msgspec import structs

from paybench.devices.link import LinkProfile
from paybench.devices.port import Port
from paybench.devices.scanner import Misreading, Reading, Scanner
from paybench.devices.trace import Injected, Sent, State
from paybench.devices.world import World
from paybench.hil.errors import PortUnavailable
from paybench.hil.keyboard import Nameplate
from paybench.hil.keys import EVENT
from paybench.hil.spec import Spec
from paybench.hil.wedge import WedgeDriver

SCANNER = "A.register.scanner"
OTHER = Nameplate("Keyboard of the desk", (3, 0x46D, 0xC31C, 0x110), "", "usb-2/input0")


@pytest.fixture
def slots(tmp_path, monkeypatch):
    return slots_in(tmp_path, monkeypatch)


class Till:
    """A scanner part with a wedge in its place; or, with a script, a recording of one."""

    def __init__(self, path, script=None):
        self.driver = WedgeDriver(Spec("wedge", str(path)))
        if script is None:
            self.driver.open()
        self.world = World(script=script)
        self.scanner = Scanner(self.world, SCANNER)
        till = Port(self.world.env, "A.register", "cable")
        self.world.connect(self.scanner.port, till, LinkProfile())
        self.driver.stand_in(self.scanner, self.world, print)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.close()
        self.world.env.close()

    def waits(self, condition):
        assert self.world.env.wait_until(condition, 30), self.heard
        self.world.env.settle()

    @property
    def heard(self):
        return [event.message for event in self.world.trace if isinstance(event, Sent)]

    @property
    def changes(self):
        return [event.state for event in self.world.trace if isinstance(event, State)]


def test_a_wedge_is_known_by_its_nameplate(slots):
    """Its number taken by another keyboard, it is found under its new one; half a code is noise."""
    with (
        plugged(slots.folder / "event5") as reader,
        plugged(slots.folder / "event7", OTHER) as other,
        Till(slots.folder / "event5") as till,
    ):
        reader.type(typed("1") + typed("23")[: 3 * EVENT.size])
        till.waits(lambda: till.heard == [Reading("1")])
        reader.unplug()
        other.file.rename(slots.folder / "event5")
        till.waits(lambda: till.scanner.gone)
        with plugged(slots.folder / "event8") as back:
            till.waits(lambda: not till.scanner.gone)
            back.type(typed("45"))
            till.waits(lambda: Reading("45") in till.heard)
        noise = Misreading(1, "the reader went away within a code: scan it again")
        assert till.heard == [Reading("1"), noise, Reading("45")]
        gone = f"gone: {slots.folder}/event5 went away ("
        assert [state[: len(gone)] for state in till.changes] == [gone, "back"]
        assert slots.grabbed == ["event5", "event8"]
        script = [event for event in till.world.trace if isinstance(event, Injected)]
        with Till(slots.folder / "event5", script) as again:
            again.world.env.run()
        assert (again.heard, again.changes) == (till.heard, till.changes)


def test_a_lasting_name_leads_to_the_wedge_wherever_it_is_plugged_in(slots):
    """By a link such as those in by-id it is found though plug and number are others."""
    link = slots.folder / "usb-Reader-event-kbd"
    link.symlink_to("event5")
    moved = structs.replace(READER, plug="usb-3.1/input0")
    with plugged(slots.folder / "event5") as reader, Till(link) as till:
        reader.unplug()
        link.unlink()
        till.waits(lambda: till.scanner.gone)
        with plugged(slots.folder / "event8", moved) as back:
            link.symlink_to("event8")
            till.waits(lambda: not till.scanner.gone)
            back.type(typed("1"))
            till.waits(lambda: till.heard == [Reading("1")])


def test_another_keyboard_is_never_taken_for_the_one_that_went_away(slots):
    """While only others are there the driver finds none, and says which there are."""
    driver = WedgeDriver(Spec("wedge", str(slots.folder / "event5")))
    with plugged(slots.folder / "event5") as reader:
        driver.probe()
        reader.unplug()
    with plugged(slots.folder / "event5", OTHER), pytest.raises(PortUnavailable) as refused:
        driver.open()
    assert "there is no such device; keyboards here: " in str(refused.value)
    assert "event5 (Keyboard of the desk). Is it plugged in?" in str(refused.value)
    assert slots.grabbed == ["event5"]


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({}, True),
        ({"plug": "usb-2/input0"}, False),  # another of the kind, beside it
        ({"plug": "usb-1/input1"}, False),  # its media keys
        ({"name": "Reader 2"}, False),
        ({"ids": (3, 0xC2E, 0xB61, 0x111)}, False),
        ({"serial": "S1"}, False),
    ],
)
def test_without_a_serial_number_the_plug_tells(change, is_same):
    """Two scanners of a kind are told apart by where they are plugged in."""
    assert structs.replace(READER, **change).is_of(READER) == is_same


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({"plug": "usb-2/input0"}, True),
        ({"plug": "usb-2/input1"}, False),
        ({"serial": "S2"}, False),
    ],
)
def test_a_serial_number_tells_wherever_it_is_plugged_in(change, is_same):
    """With a serial number the plug may be another, and the interface still counts."""
    known = structs.replace(READER, serial="S1")
    assert structs.replace(known, **change).is_of(known) == is_same
