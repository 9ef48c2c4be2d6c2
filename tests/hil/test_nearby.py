"""On the air: devices of other processes on the virtual radio, and how a scan tells of them."""

import json
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("bleak")
pytest.importorskip("bumble")


from paybench.hil.ble import nearby
from paybench.hil.ble.nearby import Nearby, listen
from paybench.hil.ble.peripheral import static_address
from paybench.hil.driver import make_driver
from paybench.hil.errors import PortUnavailable
from paybench.hil.scan import Found, draft, listen_around

LISTEN_S = 1.0
HOSTILE = 'a"\n[real.x]\nspec = "y"'

# Devices that are none of ours: each advertises a name, and services that are not whole.
STRANGERS = """
import asyncio, sys
from bumble.core import AdvertisingData
from paybench.hil.ble.hci import Adapter
async def main():
    kept = []
    for number, name in enumerate(sys.argv[2:], 1):
        adapter = await Adapter.open(sys.argv[1], "stranger", f"F0:00:00:00:00:{number:02}")
        name = (AdvertisingData.COMPLETE_LOCAL_NAME, name.encode())
        odd = (AdvertisingData.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, b"123")
        await adapter.device.start_advertising(
            advertising_data=bytes(AdvertisingData([name, odd])),
            auto_restart=True, advertising_interval_min=50, advertising_interval_max=50,
        )
        kept.append(adapter)
    print("advertising", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def air(nursery):
    """A radio, a reader of ours and three strangers on it, in processes of their own."""
    virtual = "paybench.hil.virtual"
    with nursery.process("-m", f"{virtual}.ble_radio") as radio:
        hci = radio.stdout.readline().split()[1]
        ours = ("--hci", hci, "--name", "reader")
        with (
            nursery.process("-m", f"{virtual}.ble_peripheral", *ours) as reader,
            nursery.process("-c", STRANGERS, hci, HOSTILE, "twin", "twin") as strangers,
        ):
            reader.stdout.readline()
            assert reader.stdout.readline().startswith("advertising ")
            strangers.stdout.readline()
            yield hci


def scan(*arguments, cwd=None, **env):
    command = [sys.executable, "-m", "paybench", "scan", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=cwd, env=os.environ | env
    )


def runs(process):
    """Whether a signal that stops or ends a process has not taken effect yet."""
    try:
        state = Path(f"/proc/{process._pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "TZ"


def test_what_is_near_is_heard_ours_first(air):
    """Name, address, signal and service of each: two of one name are two, and ours come first."""
    found = listen(air, LISTEN_S)
    assert [(near.address, near.name, near.is_ours) for near in found] == [
        (static_address("reader"), "reader", True),
        ("F0:00:00:00:00:01", HOSTILE, False),
        ("F0:00:00:00:00:02", "twin", False),
        ("F0:00:00:00:00:03", "twin", False),
    ]
    assert all(-128 < near.signal_dbm < 20 for near in found)


def test_a_spec_is_made_of_what_finds_the_device_again(air):
    """By its name where it has one of its own that a spec can hold, else by its address."""
    found = listen_around(air, LISTEN_S)
    where = ["reader", "F0:00:00:00:00:01", "F0:00:00:00:00:02", "F0:00:00:00:00:03"]
    assert [thing.spec for thing in found] == [f"ble-central:{name}?hci={air}" for name in where]
    assert found[0].more.endswith("dBm, has the paybench service")
    make_driver(found[0].spec).probe()


def test_a_scan_drafts_a_bench_with_what_is_on_the_air(air, tmp_path):
    """The draft is all comments, whatever a device calls itself, and its entries are TOML."""
    done = scan("--hci", air, "--listen", LISTEN_S, "--write", "bench.toml", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"ble-central  ble-central:reader?hci={air}" in done.stdout
    text = (tmp_path / "bench.toml").read_text()
    assert tomllib.loads(text) == {}
    at = text.index("# reader, ")
    entry = text[at:].splitlines()[1:3]
    assert tomllib.loads("\n".join(line.removeprefix("# ") for line in entry)) == {
        "real": {"phone": {"spec": f"ble-central:reader?hci={air}"}}
    }


def test_an_adapter_that_is_not_there_blocks_and_the_rest_is_listed(tmp_path):
    """One line says why on stderr; stdout stays what a machine reads; exit code 3."""
    done = scan("--json", "--hci", f"unix-client:{tmp_path}/nowhere")
    assert done.returncode == 3
    assert isinstance(json.loads(done.stdout), list)
    assert done.stderr.count("\n") == 1
    assert "no Bluetooth: " in done.stderr
    assert "start one with" in done.stderr


def test_without_bluetooth_a_scan_says_why_and_goes_on(tmp_path):
    """A machine without D-Bus has no system Bluetooth: one line, with what to do; exit code 0."""
    done = scan("--json", DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={tmp_path}/nowhere")
    assert done.returncode == 0
    assert done.stderr.startswith("no Bluetooth: there is no system D-Bus")
    assert "'paybench doctor'" in done.stderr
    assert done.stderr.count("\n") == 1
    silent = scan("--listen", "0", DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={tmp_path}/nowhere")
    assert (silent.returncode, silent.stderr) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["gone", "stuck"])
def test_an_adapter_that_fails_while_it_listens_is_told(number, monkeypatch, nursery, tmp_path):
    """When the radio dies or hangs in the middle, that is a sentence in bounded time."""
    own = ("--listen", f"unix:{tmp_path}/hci")  # which the killed one leaves behind
    with nursery.process("-m", "paybench.hil.virtual.ble_radio", *own) as radio:
        hci = radio.stdout.readline().split()[1]

        async def sleep(_s):
            radio.send_signal(number)
            while runs(radio):
                os.sched_yield()

        monkeypatch.setattr(nearby, "asyncio", SimpleNamespace(sleep=sleep))
        monkeypatch.setattr(nearby, "_GRACE_S", 0.1)
        with pytest.raises(PortUnavailable, match="the Bluetooth adapter answers no more"):
            listen(hci, LISTEN_S)


def test_a_missing_extra_is_named(monkeypatch):
    """Without bumble or bleak the command that adds them is named."""
    monkeypatch.setitem(sys.modules, "bleak", None)
    with pytest.raises(PortUnavailable, match=r"pip install 'paybench\[ble\]'"):
        listen("", LISTEN_S)


def test_a_crowd_is_cut_to_ours_and_the_strongest(monkeypatch):
    """In an office with hundreds of devices the weak and strange ones are left out."""
    crowd = [Nearby(f"{n:02X}", "", -40 - n % 50, n == 150) for n in range(200)]

    async def heard(_listen_s, **_backend):
        return crowd

    monkeypatch.setattr(nearby, "_heard", heard)
    found = listen("", 0.0)
    assert len(found) == nearby.DEVICES_MAX
    assert found[0].is_ours
    assert max(-near.signal_dbm for near in found) < 50


def test_a_draft_has_no_line_that_is_no_comment():
    """Not even a line separator of Unicode's in a maker's name gets out of its comment."""
    odd = Found("serial", "/dev/x", "Maker\u2028x = 1\r\ny = 2", "serial:/dev/x")
    assert all(not line or line.startswith("#") for line in draft([odd]).splitlines())
