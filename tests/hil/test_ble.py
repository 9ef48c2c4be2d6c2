"""BLE streams: one end here, the other in another process, and the air between in a third."""

import asyncio
import selectors
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("bleak")
pytest.importorskip("bumble")

from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
)
from rounds import rounds

from paybench.hil.ble import hci as hci_module
from paybench.hil.ble.central import BleCentral, why_not
from paybench.hil.ble.credit import WINDOW_PIECES, Credit
from paybench.hil.ble.loop_thread import ENDING, LoopThread
from paybench.hil.ble.peripheral import BlePeripheral, static_address
from paybench.hil.ble.radio import Radio, radio_on
from paybench.hil.errors import PortLost, PortUnavailable, SpecError

MUCH = 100_000
LIMIT_S = 30.0

# A central in another process: echoes until it is told to end. What it lives through, it says.
CENTRAL = """
import asyncio, sys
from paybench.hil.ble.central import BleCentral
central = BleCentral(sys.argv[2], sys.argv[1])
central.open()
print("connected", flush=True)
loop = asyncio.new_event_loop()
def take(data, lost):
    if lost:
        print(lost, flush=True)
        loop.stop()
    central.write(data)
central.start(loop, take)
loop.add_reader(0, loop.stop)
loop.run_forever()
central.close()
"""

# A client that keeps none of the rules, one after the other: bleak on our backend, no stream.
RUDE = """
import asyncio, contextlib, sys
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakError
from paybench.hil.ble import LINK_UUID, RX_UUID, TX_UUID
from paybench.hil.ble.backend import BumbleClient, BumbleScanner
from paybench.hil.ble.hci import Adapter
async def main():
    adapter = await Adapter.open(sys.argv[1], "rude")
    for what in sys.argv[3:]:
        bumble = {"opened": adapter}
        found = await BleakScanner.find_device_by_name(
            sys.argv[2], 30, backend=BumbleScanner, **bumble
        )
        ended = asyncio.Event()
        async with BleakClient(
            found, lambda _: ended.set(), backend=BumbleClient, **bumble
        ) as client:
            if what == "look":
                continue
            await client.start_notify(TX_UUID, lambda *_: None)
            if what == "flood":
                with contextlib.suppress(BleakError):  # until it is thrown out
                    for _ in range(1000):
                        await client.write_gatt_char(RX_UUID, bytes(512), response=False)
                        await asyncio.sleep(0)
            else:
                await client.write_gatt_char(LINK_UUID, bytes.fromhex(what), response=True)
            await ended.wait()
    print("done")
asyncio.run(main())
"""

# Two peripherals that are none of ours: one without our service and with a name that is no text,
# and one that ends every connection while it is asked what it offers.
STRANGERS = """
import asyncio, sys
from bumble.core import AdvertisingData
from paybench.hil.ble.hci import Adapter
ending = set()
def end_soon(connection):  # with the answer to the first question
    def end():
        ending.add(asyncio.ensure_future(connection.disconnect()))
    connection.on("connection_att_mtu_update", end)
async def advertise(name, address):
    adapter = await Adapter.open(sys.argv[1], "stranger", address)
    data = AdvertisingData([(AdvertisingData.COMPLETE_LOCAL_NAME, name)])
    await adapter.device.start_advertising(
        advertising_data=bytes(data),
        auto_restart=True,
        advertising_interval_min=50,
        advertising_interval_max=50,
    )
    return adapter
async def main():
    stranger = await advertise(b'\\xff\\x00\\xfe', "F0:00:00:00:00:01")
    hasty = await advertise(b"hasty", "F0:00:00:00:00:02")
    hasty.device.on("connection", end_soon)
    print("advertising", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


NURSERY = []


def process(*arguments):
    """Another process, see `Nursery`."""
    return NURSERY[0].process(*arguments)


@pytest.fixture(scope="module", autouse=True)
def _nursery(nursery):
    NURSERY.append(nursery)
    yield
    NURSERY.pop()


@pytest.fixture(scope="module")
def air():
    """A radio in a process of its own."""
    with process("-m", "paybench.hil.virtual.ble_radio") as radio:
        yield radio.stdout.readline().split()[1]
        radio.send_signal(signal.SIGTERM)
        assert radio.stdout.read() == ""  # it has tidied up


@contextmanager
def twin(air, name, *options):
    """A virtual peripheral in a process of its own; it can be found when this returns."""
    module = "paybench.hil.virtual.ble_peripheral"
    with process("-m", module, "--hci", air, "--name", name, *options) as peripheral:
        assert peripheral.stdout.readline().startswith("hci ")
        assert peripheral.stdout.readline().startswith("advertising ")
        yield peripheral


@pytest.fixture(scope="module")
def echo(air):
    """A virtual peripheral that sends back what it gets, one central after the other."""
    with twin(air, "echo", "--echo") as peripheral:
        yield peripheral


@contextmanager
def frozen(peripheral):
    """A process that stands still for a while."""
    peripheral.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        peripheral.send_signal(signal.SIGCONT)


def types(peripheral, line):
    peripheral.stdin.write(f"{line}\n")
    peripheral.stdin.flush()


class World:
    """What stands in for a world: a loop that runs only while something is waited for."""

    def __init__(self, stream, *, starts=True):
        self.stream = stream
        self._starts = starts
        self.data = bytearray()
        self.lost = ""
        self.losses = 0
        self._loop = asyncio.SelectorEventLoop(selectors.SelectSelector())

    def __enter__(self):
        self.stream.open()
        if self._starts:
            self.start()
        return self

    def __exit__(self, *_):
        self.stream.close()
        self._loop.close()

    def start(self):
        self.stream.start(self._loop, self._take)

    def gets(self, count):
        self._run(lambda: len(self.data) >= count or self.lost)
        return bytes(self.data)

    def loses(self):
        self._run(lambda: self.lost)
        return self.lost

    def _take(self, data, lost):
        self.data += data
        if lost:
            self.lost = lost
            self.losses += 1
        self._loop.stop()

    def _run(self, done):
        limit = self._loop.call_later(LIMIT_S, self._loop.stop)
        while not done():
            self._loop.run_forever()
            assert self._loop.time() < limit.when(), "nothing came in time"
        limit.cancel()


def wait_until(done):
    """Wait for another thread: in turns of a loop that has nothing to do."""
    loop = asyncio.new_event_loop()
    end_s = loop.time() + LIMIT_S
    while not done():
        assert loop.time() < end_s, "it did not happen in time"
        loop.run_until_complete(asyncio.sleep(0.001))
    loop.close()


def suppress_all(call):
    with suppress(BaseException):
        call()


def pattern(count):
    return bytes(number * number % 251 for number in range(count))


# -- bytes ----------------------------------------------------------------------------------------


class SlowCentral(BleCentral):
    """A central whose stack wants to be awaited for each piece, for some longer, as BlueZ does."""

    async def _open_adapter(self):
        await super()._open_adapter()
        self._write_at_once = None

    def _send_piece(self, piece):
        return self._in_time(piece[0] % 3, super()._send_piece(piece))

    async def _in_time(self, turns, sending):
        for _ in range(turns):
            await asyncio.sleep(0)
        await sending


@pytest.mark.usefixtures("echo")
@pytest.mark.parametrize("central", [BleCentral, SlowCentral])
def test_a_hundred_kilobytes_go_both_ways_intact(air, central):
    """What is written in one go comes back from another process byte by byte the same."""
    with World(central("echo", air)) as world:
        world.stream.write(pattern(MUCH))
        assert world.gets(MUCH) == pattern(MUCH)


@pytest.mark.usefixtures("echo")
@pytest.mark.parametrize("central", [BleCentral, SlowCentral])
def test_many_small_writes_stay_in_order(air, central):
    """Writes of every length from 1 byte to more than a piece come back in order."""
    with World(central("echo", air)) as world:
        sent = b""
        for length in range(1, 1200, 13 if rounds(1) == 1 else 1):
            data = pattern(length)
            world.stream.write(data)
            sent += data
        assert world.gets(len(sent)) == sent


def test_a_peripheral_here_is_found_by_a_central_elsewhere(air):
    """The simulated phone in this process serves a register in another: both ways, intact."""
    phone = BlePeripheral(air, "phone")
    with process("-c", CENTRAL, air, "phone"), World(phone) as world:
        world.stream.write(pattern(MUCH))
        assert world.gets(MUCH) == pattern(MUCH)


def test_what_is_written_before_a_central_comes_is_sent_to_it(air):
    """Bytes written while a peripheral waits to be found go out when the session begins."""
    with twin(air, "early") as peripheral:
        types(peripheral, "4901234567894")
        with World(BleCentral("early", air)) as world:
            assert world.gets(14) == b"4901234567894\r"


def test_what_comes_before_the_start_is_kept(air, echo):
    """Bytes that arrive between open and start are handed over at the start."""
    central = BleCentral("echo", air)
    with World(central, starts=False) as world:
        types(echo, "4901234567894")
        wait_until(lambda: central._credit.arrived)
        world.start()
        assert world.gets(14) == b"4901234567894\r"


def test_a_world_that_stands_still_holds_the_other_side_back(air, echo):
    """While nobody takes, no more than a window comes in; the link stays up, and all arrives."""
    central = BleCentral("echo", air, silence_s=1.0)
    with World(central) as world:
        for _ in range(200):
            types(echo, "x" * 999)
        wait_until(lambda: central._credit.arrived == WINDOW_PIECES)
        with pytest.raises(PortUnavailable):  # seconds of wall time without a turn of the loop
            BleCentral("nobody", air, open_s=1.5).open()
        assert central._credit.arrived == WINDOW_PIECES
        assert world.gets(200_000) == (b"x" * 999 + b"\r") * 200
        assert world.lost == ""


@pytest.mark.usefixtures("echo")
def test_a_central_finds_by_address(air):
    """The address that follows from the name is as good as the name, in any case."""
    with World(BleCentral(static_address("echo").lower(), air)) as world:
        world.stream.write(b"hello")
        assert world.gets(5) == b"hello"


# -- what goes wrong ------------------------------------------------------------------------------


def test_a_peripheral_that_vanishes_is_noticed(air):
    """A peripheral killed in mid-air is lost, once, with its name and how long it was silent."""
    central = BleCentral("mortal", air, silence_s=0.5)
    with twin(air, "mortal", "--echo") as peripheral, World(central) as world:
        peripheral.kill()
        assert world.loses() == "ble-central:mortal: it has not answered for 0.5 s"
        world.stream.write(b"into the void")
        world.stream.close()
        assert world.losses == 1


def test_a_peripheral_that_freezes_is_noticed(air, echo):
    """A peripheral whose radio goes on while its program stands still is lost as well."""
    with World(BleCentral("echo", air, silence_s=0.5)) as world, frozen(echo):
        assert world.loses() == "ble-central:echo: it has not answered for 0.5 s"


def test_a_central_that_vanishes_is_noticed(air):
    """A central killed in mid-air is lost to the peripheral after its silence."""
    phone = BlePeripheral(air, "left", silence_s=1.0)
    with process("-c", CENTRAL, air, "left") as central, World(phone) as world:
        central.kill()
        assert "the central has not been heard for 1 s" in world.loses()


def test_a_central_that_hangs_up_is_noticed(air):
    """A central that ends the connection is lost for that reason."""
    phone = BlePeripheral(air, "hung")
    with process("-c", CENTRAL, air, "hung") as central, World(phone) as world:
        central.stdin.close()
        assert "the central ended the connection" in world.loses()


class BrokenCentral(BleCentral):
    """A central whose stack fails on the third piece: at once, or when it is awaited."""

    def _send_piece(self, piece):
        if self._credit.sent < 3:
            return super()._send_piece(piece)
        if self._target == "echo":
            raise OSError("the antenna came off")
        return self._fail()

    async def _fail(self):
        raise OSError("the antenna came off")


@pytest.mark.usefixtures("echo")
@pytest.mark.parametrize("target", ["echo", static_address("echo")])
def test_a_stack_that_fails_on_a_piece_ends_the_session(air, target):
    """An error of the stack's own, at once or awaited, is a loss that says what it said."""
    with World(BrokenCentral(target, air)) as world:
        world.stream.write(bytes(10_000))
        assert world.loses().endswith(": the Bluetooth stack gave up (the antenna came off)")
        wait_until(lambda: all(task.done() for task in world.stream._tasks))
        assert world.losses == 1
        assert world.stream._credit.sent == 3


def test_an_adapter_that_goes_away_is_noticed():
    """When the radio dies under a connection, the stream is lost and close does not hang."""
    listen = ("--listen", "tcp:127.0.0.1:0")
    with process("-m", "paybench.hil.virtual.ble_radio", *listen) as radio:
        hci = radio.stdout.readline().split()[1]
        with twin(hci, "cut off"), World(BleCentral("cut off", hci)) as world:
            radio.kill()
            assert world.loses().startswith("ble-central:cut off: the ")  # connection, or adapter


@pytest.mark.usefixtures("echo")
def test_an_absent_peripheral_is_refused(air):
    """Nobody of that name: unavailable in bounded time, and the error says who is in the air."""
    with pytest.raises(PortUnavailable) as refused:
        BleCentral("nobody", air, open_s=0.5).open()
    assert "ble-central:nobody: no peripheral of that name" in str(refused.value)
    assert f"'echo' {static_address('echo')}" in str(refused.value)


def test_a_peripheral_that_does_not_answer_is_refused(air, echo):
    """One whose radio advertises while its program stands still: unavailable, and no hang."""
    with frozen(echo), pytest.raises(PortUnavailable, match="advertised, but did not answer"):
        BleCentral("echo", air, open_s=1.0).open()


def test_a_stranger_is_refused(air):
    """A peripheral without our service is refused; a name that is no text does no harm."""
    with process("-c", STRANGERS, air) as strangers:
        strangers.stdout.readline()
        with pytest.raises(PortUnavailable, match="does not offer the paybench service"):
            BleCentral("F0:00:00:00:00:01", air).open()
        with pytest.raises(PortUnavailable, match="F0:00:00:00:00:01"):
            BleCentral("nobody", air, open_s=0.5).open()


def test_a_peripheral_that_hangs_up_at_once_is_refused(air):
    """One that ends the connection while it is being set up: unavailable, and nothing else."""
    with process("-c", STRANGERS, air) as strangers:
        strangers.stdout.readline()
        for _ in range(rounds(3)):
            with pytest.raises(
                PortUnavailable, match=r"the connection failed \(.*(ended|not conn)"
            ):
                BleCentral("hasty", air, open_s=3.0).open()


def test_a_register_that_never_comes_is_refused(air):
    """A peripheral nobody connects to is unavailable, and says under which name it waited."""
    with pytest.raises(PortUnavailable, match="nobody connected to 'lonely'"):
        BlePeripheral(air, "lonely", open_s=0.5).open()


def test_a_central_that_breaks_the_rules_is_lost(air):
    """Floods and impossible reports end the session with a sentence; who only looks begins none."""
    rules = {
        "flood": f"it sent more than the {WINDOW_PIECES} pieces it had credit for",
        "0100000000": "its report is 01 00 00 00 00: expected 9 bytes that begin with 01",
        "02" + "00" * 8: "is its paybench as new as this one?",
        "01" + "07000000" + "00" * 4: "it reports 7 pieces as taken, of 0 that were sent",
    }
    with process("-c", RUDE, air, "firm", "look", *rules) as rude:
        peripheral = BlePeripheral(air, "firm")
        for sentence in rules.values():
            with World(peripheral, starts=False) as world:
                wait_until(lambda: peripheral._why)
                world.start()
                assert sentence in world.loses()
                assert len(world.data) <= WINDOW_PIECES * 512
        assert rude.stdout.read() == "done\n"


def test_more_than_anybody_takes_is_given_up(air, echo):
    """Writing on to a peripheral that takes nothing ends in a loss, not in memory."""
    with World(BleCentral("echo", air, silence_s=20)) as world, frozen(echo):
        for _ in range(20):
            world.stream.write(bytes(100_000))
        assert "it takes no more bytes: 1024 KiB wait already" in world.loses()


# -- again ----------------------------------------------------------------------------------------


def test_reconnecting_works(air):
    """After close, and after the peripheral hung up and came back, the same stream opens again."""
    central = BleCentral("again", air)
    with twin(air, "again", "--echo") as peripheral:
        for _ in range(rounds(2)):
            with World(central) as world:
                world.stream.write(b"one")
                assert world.gets(3) == b"one"
        with World(central) as world:
            peripheral.send_signal(signal.SIGTERM)
            assert world.loses() == "ble-central:again: the connection ended"
    with twin(air, "again", "--echo"), World(central) as world:
        world.stream.write(b"two")
        assert world.gets(3) == b"two"


@pytest.mark.usefixtures("echo")
def test_nothing_is_left_behind(air):
    """Opening and closing leaves neither a thread nor a descriptor."""

    def left():
        return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))

    with World(BleCentral("echo", air)):
        pass
    before = left()
    for _ in range(rounds(3)):
        with World(BleCentral("echo", air)) as world:
            world.stream.write(b"hello")
            world.gets(5)
        world.stream.close()
    assert left() == before


def test_a_signal_that_ends_the_process_is_for_its_main_thread():
    """A loop's thread takes none: the main one, which tidies up, would go on waiting."""

    async def taken():
        return ENDING - signal.pthread_sigmask(signal.SIG_BLOCK, [])

    thread = LoopThread("deaf")
    try:
        assert thread.run(taken(), LIMIT_S) == set()
    finally:
        thread.close()


def test_the_radio_forgets_who_hung_up():
    """Guests that came and went leave nothing in the air."""
    thread, radio = LoopThread("radio"), Radio()
    try:
        thread.run(radio.open(), LIMIT_S)
        for _ in range(rounds(3)):
            with pytest.raises(PortUnavailable):
                BleCentral("nobody", radio.hci, open_s=0.05).open()
        wait_until(lambda: not radio._air.controllers)
    finally:
        thread.run(radio.close(), LIMIT_S)
        thread.close()


@pytest.mark.usefixtures("echo")
def test_two_centrals_at_a_time(air):
    """Two streams in one process do not get in each other's way."""
    one, two = BleCentral("echo", air), BleCentral("other", air)
    with twin(air, "other", "--echo"), World(one) as first, World(two) as second:
        one.write(b"to echo")
        two.write(b"to other")
        assert second.gets(8) == b"to other"
        assert first.gets(7) == b"to echo"


# -- no adapter -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("unix-client:/nowhere/radio", "no radio there"),
        ("tcp-client:127.0.0.1:1", "no radio there"),
        ("carrier-pigeon:1", "there is no such HCI transport"),
        ("usb:7", "is it plugged in?"),
    ],
)
def test_an_adapter_that_is_not_there_says_what_to_do(spec, sentence):
    """Every kind of missing adapter is unavailable with a hint of its own, for both roles."""
    for stream in (BleCentral("x", spec), BlePeripheral(spec)):
        with pytest.raises(PortUnavailable, match=r".") as refused:
            stream.open()
        assert sentence in str(refused.value)
        stream.close()


def test_something_else_that_listens_is_no_adapter(monkeypatch):
    """A socket that accepts and keeps silent is unavailable in bounded time."""
    monkeypatch.setattr(hci_module, "ANSWER_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        spec = f"tcp-client:127.0.0.1:{deaf.getsockname()[1]}"
        with pytest.raises(PortUnavailable, match="no Bluetooth controller answers there"):
            BleCentral("x", spec).open()


def test_an_adapter_nobody_wants_any_more_is_let_go_of():
    """Closed while its adapter is being switched on, a stream leaves no connection behind."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        central = BleCentral("x", f"tcp-client:127.0.0.1:{deaf.getsockname()[1]}")
        opening = threading.Thread(target=lambda: suppress_all(central.open))
        opening.start()
        with deaf.accept()[0] as connection:
            connection.settimeout(LIMIT_S)
            connection.recv(1)
            central.close()
            opening.join()
            while connection.recv(4096):
                pass


@pytest.mark.skipif(sys.platform != "linux", reason="BlueZ is on Linux only")
def test_without_a_d_bus_it_says_so(monkeypatch):
    """The system's Bluetooth without a D-Bus is unavailable, and names dongle and radio instead."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus")
    with pytest.raises(PortUnavailable, match="there is no system D-Bus"):
        BleCentral("phone", open_s=2.0).open()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (BleakDBusError("org.freedesktop.DBus.Error.ServiceUnknown", []), "BlueZ does not run"),
        (
            BleakBluetoothNotAvailableError("none", BleakBluetoothNotAvailableReason.NO_BLUETOOTH),
            "plug one in",
        ),
        (
            BleakBluetoothNotAvailableError("off", BleakBluetoothNotAvailableReason.POWERED_OFF),
            "bluetoothctl power on",
        ),
    ],
)
def test_what_bleak_raises_says_what_to_do(error, sentence):
    """Each of the ways in which BlueZ can be missing has one thing to do about it."""
    assert sentence in why_not(error)


def test_a_name_too_long_to_advertise_is_refused():
    """A name that does not fit is refused when it is given, and not cut."""
    with pytest.raises(SpecError, match="has 27 bytes: expected 1 to 26"):
        BlePeripheral("usb:0", "x" * 27)


def test_a_radio_at_no_address_says_what_one_is():
    """A malformed address ends the radio's process with exit status 2 and an example."""
    command = [sys.executable, "-m", "paybench.hil.virtual.ble_radio", "--listen", "udp:1:2"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "e.g. tcp:127.0.0.1:0" in refused.stderr


@pytest.mark.parametrize("listen", ["unix:", "tcp:127.0.0.1", "tcp:127.0.0.1:x", "tcp::1"])
def test_a_malformed_address_is_no_radios(listen):
    """Whatever is no address is refused before anything listens."""
    with pytest.raises(SpecError, match="a radio listens at"), radio_on(listen):
        pass


def test_a_radio_can_be_in_tcp():
    """Over TCP on this machine the air is the same: a peripheral finds it there and advertises."""
    with radio_on("tcp:127.0.0.1:0") as hci, pytest.raises(PortUnavailable, match="nobody conn"):
        BlePeripheral(hci, "lonely", open_s=0.2).open()


# -- credit ---------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 6), max_size=200), st.integers(0, 2**33))
def test_two_sides_always_get_along(steps, begun):
    """However pieces and reports interleave, neither side sees a fault or exceeds the window."""
    here, there = Credit(), Credit()
    here.sent = here.acknowledged = there.arrived = there.taken = begun
    for step in steps:
        if step <= 3:
            for _ in range(step * 16):
                if here.may_send:
                    here.sent += 1
                    there.arrive()
        elif step == 4:
            there.taken += (there.arrived - there.taken + 1) // 2
        elif step == 5:
            here.heard(there.report())
        else:
            there.heard(here.report())
        assert there.arrived - there.taken <= WINDOW_PIECES
    there.taken = there.arrived
    here.heard(there.report())
    assert here.may_send


@given(st.binary(max_size=12))
def test_a_report_of_any_bytes_is_taken_or_refused(report):
    """Whatever stands in a report, it raises nothing but a loss that can be told."""
    credit = Credit()
    try:
        credit.heard(report)
    except PortLost:
        assert credit.acknowledged == 0
    assert credit.acknowledged == 0


@given(st.integers(1, WINDOW_PIECES), st.integers(1, WINDOW_PIECES))
def test_pieces_that_stay_away_are_noticed(sent, dropped):
    """A piece the stack dropped is a loss at the second report; one that is late is none."""
    here, there = Credit(), Credit()
    here.sent = sent
    arrived = max(0, sent - dropped)
    for _ in range(arrived):
        there.arrive()
    there.heard(here.report())
    if arrived < sent:
        with pytest.raises(PortLost, match="the Bluetooth stack dropped them"):
            there.heard(here.report())
    late = Credit()
    late.heard(here.report())
    for _ in range(sent):
        late.arrive()
    late.heard(here.report())
