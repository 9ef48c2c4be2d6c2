"""BlueZ, on a dongle on the kernel's btusb; in its air a phone that bumble plays."""

import asyncio
import json
import subprocess
import sys
import time

import pytest
from plug import LIMIT_S, command, gadget
from processes import twin
from purchase import buy, check

from paybench.hil.ble.central import BleCentral
from paybench.hil.errors import PortUnavailable

PHONE = "paybench-phone"
MUCH = 50_000
SILENCE_S = 30.0
"""An emulated processor may keep everybody from talking for a while."""


@pytest.fixture(scope="module")
def air():
    """Where the radio is, in which the machine's dongle is: plugged in, and on."""
    with gadget("dongle") as dongle:
        radio = dongle.says("hci ")
        _until("Powered: yes")
        yield radio


@pytest.fixture(scope="module")
def echo(air):
    """A peripheral that sends back what it gets."""
    with twin("ble_peripheral", "--hci", air, "--name", "echo", "--echo", "--silence", SILENCE_S):
        yield


@pytest.mark.usefixtures("air")
def test_the_doctor_sees_adapter_and_bluez(saw):
    """`paybench doctor` finds the adapter, the system bus and BlueZ."""
    words = [sys.executable, "-m", "paybench", "doctor", "--json"]
    done = subprocess.run(words, capture_output=True, check=False)
    found = {finding["what"]: finding for finding in json.loads(done.stdout)}
    saw(f"{found['Bluetooth adapter']['seen']}; {found['BlueZ']['seen']}")
    assert found["Bluetooth adapter"]["state"] == found["BlueZ"]["state"] == "good"


@pytest.mark.parametrize("variant", ["relayed", "direct"])
def test_a_phone_pays_through_bluez(air, variant, saw, tmp_path):
    """Fig 3 with a phone found by bleak over D-Bus, BlueZ and btusb; recorded and replayed."""

    def customer(_wish):
        phone.stdin.write(b"approve 2468\n")
        phone.stdin.flush()

    with twin("phone", "--ble-peripheral", air, "--name", PHONE) as (_, phone):
        recorded = buy("phone", f"ble-central:{PHONE}?wait=60", customer, variant)
    check(recorded, tmp_path)
    saw(f"{variant}: {recorded.verdict}; replayed, digest {recorded.digest[:12]}")


@pytest.mark.usefixtures("echo")
def test_much_goes_both_ways_through_bluez(saw):
    """What is written in one go comes back through BlueZ byte by byte the same."""
    data = bytes(number * number % 251 for number in range(MUCH))
    central = BleCentral("echo", open_s=LIMIT_S, silence_s=SILENCE_S)
    central.open()
    began_s = time.monotonic()
    got, lost = _exchange(central, data)
    took_s = time.monotonic() - began_s
    central.close()
    saw(f"{len(got)} bytes back in {took_s:.1f} s; {lost or 'nothing lost'}")
    assert lost == ""
    assert got == data


def _exchange(central, data):
    """Write, and take what comes until there is as much, or the link is lost."""
    loop = asyncio.new_event_loop()
    got, why = bytearray(), []

    def take(piece, lost):
        got.extend(piece)
        why.extend([lost] if lost else [])
        if lost or len(got) >= len(data):
            loop.stop()

    central.start(loop, take)
    central.write(data)
    loop.call_later(LIMIT_S * 3, loop.stop)
    loop.run_forever()
    loop.close()
    return bytes(got), "".join(why)


@pytest.mark.usefixtures("echo")
def test_an_adapter_that_is_switched_off_is_noticed(saw):
    """The adapter switched off under a session: lost; then unavailable, with what helps."""
    central = BleCentral("echo", open_s=LIMIT_S, silence_s=SILENCE_S)
    central.open()
    command("bluetoothctl", "power", "off")
    _until("Powered: no")
    _, lost = _exchange(central, b"x")
    central.close()
    with pytest.raises(PortUnavailable) as refused:
        central.open()
    command("bluetoothctl", "power", "on")
    _until("Powered: yes")
    saw(f"{lost}; then {refused.value}")
    assert lost.startswith("ble-central:echo: ")
    assert "'bluetoothctl power on'" in str(refused.value)


def _until(what):
    """Wait until BlueZ shows something of its adapter."""
    end_s = time.monotonic() + LIMIT_S
    shown = ""
    while what not in shown:
        assert time.monotonic() < end_s, f"{what!r} was expected within {LIMIT_S} s: {shown}"
        shown = subprocess.run(
            ["bluetoothctl", "show"],  # noqa: S607 - the guest's own
            capture_output=True,
            text=True,
            check=False,
        ).stdout
