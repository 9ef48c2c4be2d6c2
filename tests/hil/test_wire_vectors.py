"""The page for firmware engineers keeps its word: vectors, tables, and a device written from it."""

import hmac
import importlib.util
import json
import os
import re
import select
import subprocess
import sys
import time
import typing
from binascii import crc_hqx
from pathlib import Path
from random import Random

import msgspec
import pytest

from paybench.bank import Approval, Outcome, Restriction, SettlingInformation
from paybench.bank.tin import FromPaying, Purchase, TerminalDetails, ToPaying
from paybench.devices.message import Message
from paybench.hil import ble
from paybench.hil.wire.cobs import stuff, unstuff
from paybench.hil.wire.errors import MessageRefused
from paybench.hil.wire.exchange import Exchange, Restarted, State, Timing
from paybench.hil.wire.frame import Frame, FrameDecoder, Kind, Noise
from paybench.hil.wire.message import TYPES, decode
from paybench.hil.wire.vectors import MESSAGES, document

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "wire-protocol.md").read_text()
VECTORS = json.loads((DOCS / "wire-vectors.json").read_text())
BODIES = typing.get_args(FromPaying | ToPaying)
FIRMWARE = Path(__file__).with_name("wire_firmware.py")
unhex = bytes.fromhex


def firmware():
    spec = importlib.util.spec_from_file_location("wire_firmware", FIRMWARE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_vectors_are_up_to_date():
    """The file holds what the code makes now; if not: python -m paybench.hil.wire.vectors."""
    assert (DOCS / "wire-vectors.json").read_bytes() == document()


def test_stuffing_and_checksum_hold_for_both():
    """The vectors of the lowest layer hold for us and for the device written from the page."""
    device = firmware()
    for pair in VECTORS["stuffing"]:
        plain, stuffed = unhex(pair["plain"]), unhex(pair["stuffed"])
        assert stuff(plain) == device.stuff(plain) == stuffed
        assert unstuff(stuffed) == device.unstuff(stuffed) == plain
    check = VECTORS["checksum"]
    assert crc_hqx(unhex(check["of"]), 0) == device.crc(unhex(check["of"])) == int(check["is"], 16)


def test_the_frames_decode():
    """Each frame of the vectors is read as its fields, and each noise as noise."""
    for vector in VECTORS["frames"]:
        wire, plain = unhex(vector["wire"]), unhex(vector["plain"])
        [frame] = FrameDecoder().feed(wire)
        numbers = vector["sequence"], vector["acknowledgement"], vector["credit"]
        assert frame == Frame(Kind[vector["kind"]], *numbers, unhex(vector["payload"]))
        assert frame.encode() == wire == stuff(plain) + b"\0"
    for vector in VECTORS["noise"]:
        [noise] = FrameDecoder().feed(unhex(vector["wire"]))
        assert isinstance(noise, Noise)


def test_the_messages_decode():
    """Each message of the vectors is taken as what it says, and each refused one refused."""
    for vector, (channel, step, message) in zip(VECTORS["messages"], MESSAGES, strict=True):
        decoded = decode(unhex(vector["payload"]))
        assert (decoded.channel, decoded.step, decoded.message) == (channel, step, message)
        assert decoded.channel == vector["channel"]
    for vector in VECTORS["refused"]:
        with pytest.raises(MessageRefused, match=re.escape(vector["why"])):
            decode(unhex(vector["payload"]))
    assert {type(message) for _, _, message in MESSAGES} == set(TYPES)
    assert {type(message.body) for _, _, message in MESSAGES if hasattr(message, "body")} == {
        *BODIES
    }


def test_the_signature_of_the_vectors_is_right():
    """The approvals of the vectors are signed as docs/approval.md says, with nothing of ours."""
    for name in ("approval", "restricted_approval"):
        approval = VECTORS[name]
        digest = hmac.digest(unhex(approval["key"]), unhex(approval["canonical"]), "sha256")
        assert digest.hex() == approval["signature"]


def fields_on_the_page(name):
    [row] = re.findall(rf"^\| `?{name}`? \|.*$", PAGE, re.MULTILINE)
    return re.findall(r"`([a-z_]+)` [a-z0-9]", row.rpartition("|")[0].split("|")[-1])


@pytest.mark.parametrize("kind", [*TYPES, *BODIES], ids=lambda kind: kind.__name__)
def test_the_page_names_every_field(kind: type[Message]):
    """The page's tables have each message and body with its fields, in the encoding's order."""
    names = [field.name for field in msgspec.structs.fields(kind)]
    assert fields_on_the_page(kind.__name__) == names


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Approval, "approval"),
        (SettlingInformation, "settling information"),
        (Restriction, "restriction"),
        (Outcome, "outcome"),
        (TerminalDetails, "terminal"),
        (Purchase, "purchase"),
    ],
)
def test_the_page_names_every_value(kind, name):
    """The same for the values inside of messages."""
    [row] = re.findall(rf"^\| {name} \| map: .*$", PAGE, re.MULTILINE)
    assert re.findall(r"`([a-z_]+)`", row) == [f.name for f in msgspec.structs.fields(kind)]


def test_the_page_shows_the_bytes_of_its_example():
    """The worked example on the page is the one of the vectors, byte for byte."""
    [vector] = [v for v in VECTORS["frames"] if v["payload"] == b"hello".hex()]
    lines = re.findall(r"^    ((?:[0-9A-F]{2} +)+)", PAGE, re.MULTILINE)
    shown = [line.replace(" ", "") for line in lines]
    assert vector["plain"].upper() in shown
    assert vector["wire"].upper() in shown


def test_the_page_has_the_uuids_of_our_service():
    """Firmware and bench find each other over BLE: the UUIDs are those of `paybench.hil.ble`."""
    assert {ble.SERVICE_UUID, ble.RX_UUID, ble.TX_UUID} <= set(
        re.findall(r"`([0-9a-f-]{36})`", PAGE)
    )


class Link:
    """Our end, in real time, with a device in another process and a bad line between them."""

    def __init__(self):
        self.end = Exchange(77, Timing(first_ns=20_000_000, longest_ns=320_000_000, tries=20))
        self.chance = Random(5)  # noqa: S311 - a bad line is no secret
        self.got = []
        self.device = None

    def plug(self, session):
        self.unplug()
        self.device = subprocess.Popen(
            [sys.executable, str(FIRMWARE), str(session)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self.end.link_up()

    def unplug(self):
        if self.device is not None:
            self.end.link_down("pulled")
            self.device.kill()
            self.device.communicate()
            self.device = None

    def spoilt(self, data, share):
        """The bytes, of which a share of all bursts is cut, changed, repeated or lost."""
        if not data or self.chance.random() >= share:
            return data
        at = self.chance.randrange(len(data))
        return self.chance.choice(
            [b"", data[:at], data[at:], data * 2, data[:at] + b"\x55" + data[at + 1 :]]
        )

    def run(self, done, share=0.0):
        give_up_at = time.monotonic() + 30
        while not done():
            assert time.monotonic() < give_up_at, self.end.why or self.end.state
            now_ns = time.monotonic_ns()
            self.end.on_deadline(now_ns)
            self.device.stdin.write(self.spoilt(self.end.to_transmit(now_ns), share))
            due_ns = self.end.next_deadline_ns
            wait_s = 1 if due_ns is None else max(0, due_ns - now_ns) / 1e9
            if select.select([self.device.stdout], [], [], wait_s)[0]:
                data = os.read(self.device.stdout.fileno(), 4096)
                self.got += self.end.receive(self.spoilt(data, share))


@pytest.fixture
def link():
    link = Link()
    yield link
    link.unplug()


def test_a_device_written_from_the_page_understands_us(link):
    """A peer that shares no code with us echoes every payload once and in order, on a bad line."""
    payloads = [bytes([n]) * (n * 25) for n in range(40)]
    link.plug(1001)
    for payload in payloads:
        link.end.send(payload)
    link.run(lambda: len(link.got) >= len(payloads), share=0.1)
    link.run(lambda: link.end.unconfirmed == 0)
    assert link.got == payloads


def test_a_device_written_from_the_page_may_reboot(link):
    """Its reboot is recognised, what it had not confirmed is handed back, and all goes on."""
    link.plug(1001)
    link.end.send(b"before")
    link.run(lambda: link.got == [b"before"])
    link.run(lambda: link.end.unconfirmed == 0)
    link.unplug()
    link.end.send(b"nobody there")
    link.plug(1002)
    link.run(lambda: len(link.got) > 1)
    assert link.got[1] == Restarted(1002, (b"nobody there",))
    link.end.send(b"after")
    link.run(lambda: len(link.got) > 2)
    assert link.got[2] == b"after"
    assert link.end.state is State.OPEN
