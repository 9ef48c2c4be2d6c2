"""A cable between a tty and a port that comes and goes: what a driver sees of it."""

import os
import subprocess
import sys

import pytest
import serial
from processes import twin

from paybench.hil.virtual.tty import VirtualTty


@pytest.fixture
def device():
    """What hangs at the far end of the cable."""
    with VirtualTty() as tty:
        yield tty


@pytest.fixture
def link(tmp_path):
    """Where the cable's port is."""
    return tmp_path / "port"


def said(cable):
    return cable.stdout.readline().decode().strip()


def test_a_cable_carries_both_ways(device, link):
    """Every byte passes unchanged, in either direction."""
    every_byte = bytes(range(256))
    with twin("cable", device.path, "--link", link), serial.Serial(str(link), timeout=5) as port:
        device.write(every_byte)
        assert port.read(256) == every_byte
        port.write(every_byte)
        os.set_blocking(device.fileno(), True)
        assert os.read(device.fileno(), 256) == every_byte


def test_after_so_many_bytes_it_is_unplugged_and_put_back(device, link):
    """The port hangs up with the byte it was told, and there is another under the same name."""
    with (
        twin("cable", device.path, "--link", link, "--cut", 5) as (words, cable),
        serial.Serial(str(link), timeout=5) as port,
    ):
        assert words == ["tty", str(link)]
        before = link.readlink()
        device.write(b"1234567")
        assert (said(cable), said(cable)) == ("pulled", "back")
        with pytest.raises(serial.SerialException):
            port.read(6)
        assert link.readlink() != before
        with serial.Serial(str(link), timeout=5) as again:
            device.write(b"89")
            assert again.read(2) == b"89"


def test_a_line_on_stdin_unplugs_it(device, link):
    """Pulled by hand, it stays away as long as it was told, and what comes meanwhile is lost."""
    with twin("cable", device.path, "--link", link, "--away", 60) as (_, cable):
        cable.pull()
        assert said(cable) == "pulled"
        assert not link.is_symlink()
        device.write(b"into the void")
        cable.stdin.close()
        assert cable.wait(10) == 0


def test_it_garbles_as_much_as_it_is_told(device, link):
    """About one byte in so many is changed on the way, and none is lost."""
    with (
        twin("cable", device.path, "--link", link, "--spoil", 10),
        serial.Serial(str(link), timeout=5) as port,
    ):
        device.write(bytes(4000))
        changed = 4000 - port.read(4000).count(0)
    assert 200 < changed < 800


def test_a_device_that_hangs_up_ends_it(device, link):
    """Without a device there is no port: exit status 1, and the name is gone."""
    with twin("cable", device.path, "--link", link) as (_, cable):
        device.close()
        assert cable.wait(10) == 1
    assert not link.is_symlink()


def test_a_device_that_is_not_there_is_refused(link):
    """A tty that cannot be opened is an error of the call, and named."""
    command = [sys.executable, "-m", "paybench.hil.virtual.cable", "/dev/nowhere", "--link", link]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "/dev/nowhere" in refused.stderr
