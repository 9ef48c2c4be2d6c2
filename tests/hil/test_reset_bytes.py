"""Reset by bytes: sent once the thing is open, before each scenario, and its answer dropped."""

import asyncio
import select
import socket
from contextlib import contextmanager

import pytest
from processes import written_to

from paybench.devices.trace import Act
from paybench.hil.bench import read_bench
from paybench.hil.ble.central import BleCentral
from paybench.hil.driver import make_driver
from paybench.hil.errors import BenchError, PortLost, ResetFailed
from paybench.hil.virtual.tty import VirtualTty
from paybench.scenarios.discovery import find
from paybench.scenarios.recording import write
from paybench.scenarios.replay import replay
from paybench.scenarios.run import Options, run

SHOP_PURCHASE = find("shop-purchase")[0]
DISPLAY = '[real."phone.display"]\n'


def bench(folder, text):
    file = folder / "bench.toml"
    file.write_text(text)
    return read_bench(file)


def purchase(bench):
    return run(SHOP_PURCHASE, "direct", Options(real=bench.specs, bench=bench))


def test_the_bytes_come_first_before_each_scenario(tmp_path):
    """The thing gets its reset bytes as written, then what the scenario shows; and so each time."""
    with VirtualTty() as tty:
        part = f"spec = 'serial:{tty.path}'\nreset_bytes = '1b 40 0D'\nsettle_s = 0.001\n"
        resetting = bench(tmp_path, DISPLAY + part)
        all_of_it = b"\x1b\x40\r\x0cPAY 2.50\r\nTO A\r\n\x0cSENDING\r\n\x0cPAID 2.50\r\n"
        for _ in range(2):
            passed = purchase(resetting)
            assert (passed.verdict, passed.why) == ("passed", "")
            assert written_to(tty, len(all_of_it)) == all_of_it
    write(tmp_path / "run.jsonl", passed.content)
    assert replay(tmp_path / "run.jsonl").diverged_at is None


def test_a_command_comes_before_the_bytes(tmp_path):
    """Both resets may be there: a command brings the port, the bytes go through it."""
    with VirtualTty() as tty:
        port = tmp_path / "port"
        part = (
            f"spec = 'serial:{port}'\nreset = ['ln', '-s', '{tty.path}', '{port}']\n"
            f"reset_bytes = '16 4D 0D'\n"
        )
        passed = purchase(bench(tmp_path, DISPLAY + part))
        assert (passed.verdict, passed.why) == ("passed", "")
        assert written_to(tty, 4).startswith(b"\x16M\r\x0c")


# -- its answer ------------------------------------------------------------------------------


@contextmanager
def on_serial():
    with VirtualTty() as tty:
        transport = make_driver(f"serial:{tty.path}").transport
        transport.open()

        def say(data):
            tty.write(data)
            select.select([transport._tty.fileno()], [], [], 30)

        yield transport, say, tty.close
        transport.close()


@contextmanager
def on_tcp():
    with socket.create_server(("127.0.0.1", 0)) as server:
        transport = make_driver(f"tcp:127.0.0.1:{server.getsockname()[1]}").transport
        transport.open()
        far, _ = server.accept()

        def say(data):
            far.sendall(data)
            select.select([transport._socket], [], [], 30)

        with far:
            yield transport, say, far.close
        transport.close()


@contextmanager
def on_ble():
    transport = BleCentral("nobody")  # what has come in, without the air it comes through
    yield transport, transport._received, lambda: transport._lose("the connection ended")


@pytest.mark.parametrize("line", [on_serial, on_tcp, on_ble])
def test_what_came_before_is_dropped(line):
    """What a thing says until its reset is over is not heard; what it says from then on is."""
    heard = []
    with line() as (transport, say, _):
        say(b"RESET OK\r")
        transport.discard()
        say(b"4901\r")
        loop = asyncio.new_event_loop()

        def take(data, _lost):
            heard.append(data)
            loop.stop()

        transport.start(loop, take)
        loop.call_later(30, loop.stop)
        loop.run_forever()
        transport.close()
        loop.close()
    assert heard == [b"4901\r"]


@pytest.mark.parametrize("line", [on_serial, on_tcp, on_ble])
def test_what_goes_away_at_its_reset_is_lost(line):
    """A thing whose cable is out when its answer is dropped is noticed there."""
    with line() as (transport, _, go_away):
        go_away()
        with pytest.raises(PortLost):
            transport.discard()


def test_a_reset_of_what_has_gone_failed():
    """A thing that hangs up over its reset bytes fails the reset, which says what to do instead."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        driver = make_driver(f"tcp:127.0.0.1:{server.getsockname()[1]}")
        driver.open()
        server.accept()[0].close()
        with pytest.raises(ResetFailed, match=r"at its reset bytes: if they make it restart, "):
            driver.reset(b"\x1b@", 0.0)
        driver.close()


# -- the bench file --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ("reset_bytes = '0x1B40'", 'reset_bytes: expected bytes in hex, e.g. "1B 40", seen'),
        ("reset_bytes = 'ESC @'", "expected bytes in hex"),
        ("reset_bytes = '1B4'", "expected bytes in hex"),
        ("reset_bytes = '1 B'", "expected bytes in hex"),
        ("reset_bytes = ''", "expected bytes in hex"),
        ("reset_bytes = [27, 64]", "reset_bytes: expected text, seen [27, 64]"),
        ("reset_bytes = '\\t1B'", "expected bytes in hex"),
        ("settle_s = 1", "settle_s is the time after reset_bytes, and there are none"),
        ("reset_bytes = '1B'\nsettle_s = 0", "settle_s: expected a number > 0.0, seen 0"),
    ],
)
def test_malformed_bytes_are_named(keys, sentence, tmp_path):
    """What is no row of bytes is said with its line, before anything is opened."""
    with pytest.raises(BenchError) as refused:
        bench(tmp_path, f"{DISPLAY}spec = 'serial:/dev/nowhere'\n{keys}\n")
    assert f"bench.toml:{2 + len(keys.splitlines())}: " in str(refused.value)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    "keys",
    [
        "spec = 'camera:0'",
        "spec = 'wedge:/dev/input/event5'",
        "spec = 'qr-display:phone.png'",
        "driver = 'camera'\naddress = '0'",
    ],
)
def test_a_driver_without_bytes_is_no_place_for_them(keys, tmp_path):
    """A camera, a keyboard or a picture is not reset by bytes, and the file says so at once."""
    with pytest.raises(BenchError, match="driver has no way to send bytes: reset by a command"):
        bench(tmp_path, f"[real.'register.scanner']\n{keys}\nreset_bytes = '1B 40'\n")


def test_a_blocked_reset_begins_no_scenario(tmp_path):
    """Reset bytes go nowhere while the thing does not open: the run is blocked as ever."""
    part = "spec = 'serial:/dev/nowhere'\nreset_bytes = '1B 40'\n"
    blocked = purchase(bench(tmp_path, DISPLAY + part))
    assert blocked.verdict == "blocked"
    assert "there is no such port" in blocked.why
    assert not any(isinstance(event, Act) for event in blocked.trace)
