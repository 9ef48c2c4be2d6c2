import os
import select
import threading

import pytest
import serial

from paybench.hil.errors import PortLost, PortUnavailable
from paybench.hil.virtual.tty import VirtualTty


def test_every_byte_passes_unchanged():
    """The line is raw: no byte is changed, echoed or taken for a signal, in either direction."""
    every_byte = bytes(range(256))
    with VirtualTty() as device, serial.Serial(device.path, timeout=5) as driver:
        device.write(every_byte)
        assert driver.read(256) == every_byte
        driver.write(every_byte)
        assert device.read() == every_byte
        assert device.read() == b""


def test_the_driver_may_come_and_go():
    """Closing the port and opening it again is no hang-up for the device."""
    with VirtualTty() as device:
        for payload in (b"one", b"two"):
            with serial.Serial(device.path, timeout=5) as driver:
                device.write(payload)
                assert driver.read(3) == payload
            assert device.read() == b""


def test_write_waits_for_a_slow_reader():
    """A megabyte, far more than the kernel holds, arrives whole."""
    sent = os.urandom(1 << 20)
    with VirtualTty() as device, serial.Serial(device.path, timeout=5) as driver:
        writer = threading.Thread(target=device.write, args=(sent,))
        writer.start()
        received = driver.read(len(sent))
        writer.join()
    assert received == sent


def test_write_gives_up_when_nobody_reads():
    """A full buffer which nobody empties is an error, not a wait for ever."""
    with (
        VirtualTty() as device,
        pytest.raises(PortLost, match=r"nobody reads /dev/pts/\d+: \d+ of"),
    ):
        device.write(bytes(1 << 20), patience_s=0.05)


def test_close_hangs_up():
    """The driver's read ends when the device goes, and closing twice is allowed."""
    device = VirtualTty()
    driver = os.open(device.path, os.O_RDONLY | os.O_NOCTTY)
    device.close()
    device.close()
    try:
        assert select.select([driver], [], [], 5)[0] == [driver]
        assert os.read(driver, 1) == b""
    finally:
        os.close(driver)


def test_link(tmp_path):
    """The link leads to the port and goes with it; one that a killed process left is replaced."""
    link = tmp_path / "scanner"
    link.symlink_to("/dev/pts/does-not-exist")
    with VirtualTty(link) as device:
        assert str(link.readlink()) == device.path
    assert not link.is_symlink()


def test_link_in_use(tmp_path):
    """A file, or the link of a device that is still there, is never taken over."""
    link = tmp_path / "scanner"
    with VirtualTty(link) as device:
        with pytest.raises(PortUnavailable, match=f"exists already and points to {device.path}"):
            VirtualTty(link)
        assert str(link.readlink()) == device.path
    with pytest.raises(PortUnavailable, match="the link cannot be made: No such file"):
        VirtualTty(tmp_path / "absent" / "scanner")


def test_a_link_made_anew_by_somebody_else_stays(tmp_path):
    """Hanging up removes no link that has come to lead elsewhere."""
    link = tmp_path / "scanner"
    with VirtualTty(link):
        link.unlink()
        link.symlink_to("/dev/null")
    assert str(link.readlink()) == "/dev/null"


def test_no_terminal_left(monkeypatch):
    """A machine out of pseudo-terminals is a port that is unavailable, with what to check."""

    def fail():
        raise OSError("out of pty devices")

    monkeypatch.setattr("pty.openpty", fail)
    with pytest.raises(PortUnavailable, match=r"out of pty devices.*is /dev/pts mounted"):
        VirtualTty()
