"""From a write over BLE to the notification that answers it.

The radio is a process, and so is each of the two peripherals that echo: ours (`BlePeripheral`, with
its credit and heartbeat) and a bare bumble GATT server. The bare central is bleak on the same
backend on one loop; ours is `BleCentral` with a loop of the world's kind at its end. So what is
compared holds all that both of our ends add: two hand-overs between threads, and the counting.
"""

from __future__ import annotations

import asyncio
import selectors
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from bleak import BleakClient, BleakScanner

from paybench.hil.ble import RX_UUID, TX_UUID
from paybench.hil.ble.backend import BumbleClient, BumbleScanner
from paybench.hil.ble.central import BleCentral
from paybench.hil.ble.hci import Adapter

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

TRIPS = 200
PAYLOAD = bytes(range(64))
BARE_ECHO = """
import asyncio, sys
from bumble.core import UUID, AdvertisingData
from bumble.gatt import Characteristic, CharacteristicValue, Service
from paybench.hil.ble import RX_UUID, SERVICE_UUID, TX_UUID
from paybench.hil.ble.hci import Adapter
async def main():
    adapter = await Adapter.open(sys.argv[1], "bare", "F0:00:00:00:00:02")
    can, may = Characteristic.Properties, Characteristic.Permissions
    tx = Characteristic(UUID(TX_UUID), can.NOTIFY, may.READABLE, b"")
    async def echo(connection, value):
        await adapter.device.notify_subscriber(connection, tx, value)
    value = CharacteristicValue(write=echo)
    rx = Characteristic(UUID(RX_UUID), can.WRITE_WITHOUT_RESPONSE, may.WRITEABLE, value)
    adapter.device.add_service(Service(UUID(SERVICE_UUID), [rx, tx]))
    name = AdvertisingData([(AdvertisingData.COMPLETE_LOCAL_NAME, b"bare")])
    await adapter.device.start_advertising(advertising_data=bytes(name))
    print("advertising", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@contextmanager
def ble_link() -> Generator[dict[str, Callable[[], list[float]]]]:
    """Rounds by name; each gives latencies in microseconds."""
    virtual = "paybench.hil.virtual"
    with ExitStack() as stack:
        air = next(_process(stack, "-m", f"{virtual}.ble_radio")).split()[1]
        twin = _process(
            stack, "-m", f"{virtual}.ble_peripheral", "--hci", air, "--name", "ours", "--echo"
        )
        next(line for line in twin if line.startswith("advertising"))
        next(_process(stack, "-c", BARE_ECHO, air))
        bare, ours = Bare(air), Ours(air)
        yield {"bare": bare.round_trips, "ours": ours.round_trips}
        ours.close()
        bare.close()
        next(line for line in twin if line.startswith("advertising"))  # it has tidied up


class Bare:
    """bleak on bumble, on one loop, as one would write it first."""

    def __init__(self, air: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._client: Any = self._loop.run_until_complete(self._connect(air))

    async def _connect(self, air: str) -> Any:
        self._adapter = await Adapter.open(air, "bare central")
        found = await BleakScanner.find_device_by_name(
            "bare", backend=BumbleScanner, opened=self._adapter
        )
        assert found is not None, "the bare peripheral is not in the air"
        client = BleakClient(found, backend=BumbleClient, opened=self._adapter)
        await client.connect()
        await client.start_notify(TX_UUID, lambda _, data: self._echoed.set_result(bytes(data)))
        self._rx = client.services.get_characteristic(RX_UUID)
        return client

    def round_trips(self) -> list[float]:
        """A round."""
        return self._loop.run_until_complete(self._round_trips())

    async def _round_trips(self) -> list[float]:
        latencies: list[float] = []
        for _ in range(TRIPS):
            self._echoed: asyncio.Future[bytes] = self._loop.create_future()
            begun = time.perf_counter_ns()
            await self._client.write_gatt_char(self._rx, PAYLOAD, response=False)
            assert await self._echoed == PAYLOAD
            latencies.append((time.perf_counter_ns() - begun) / 1e3)
        return latencies

    def close(self) -> None:
        """Hang up."""
        self._loop.run_until_complete(self._client.disconnect())
        self._loop.run_until_complete(self._adapter.close())
        self._loop.close()


class Ours:
    """Our stream, and a loop like the world's at its end, which runs as while a device waits."""

    def __init__(self, air: str) -> None:
        self._loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
        self._central = BleCentral("ours", air)
        self._central.open()
        self._central.start(self._loop, self._take)
        self._latencies: list[float] = []

    def round_trips(self) -> list[float]:
        """A round."""
        self._latencies = []
        self._loop.call_soon(self._write)
        self._loop.run_forever()
        assert len(self._latencies) == TRIPS, "the link was lost"
        return self._latencies

    def _write(self) -> None:
        self._echoed = b""
        self._begun = time.perf_counter_ns()
        self._central.write(PAYLOAD)

    def _take(self, data: bytes, lost: str) -> None:
        self._echoed += data
        if self._echoed == PAYLOAD:
            self._latencies.append((time.perf_counter_ns() - self._begun) / 1e3)
        if lost or len(self._latencies) == TRIPS:
            self._loop.stop()
        elif self._echoed == PAYLOAD:
            self._write()

    def close(self) -> None:
        """Hang up."""
        self._central.close()
        self._loop.close()


def _process(stack: ExitStack, *arguments: str) -> Generator[str]:
    """Start a process, and give what it says."""
    process = stack.enter_context(
        subprocess.Popen(
            [sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    )
    stack.callback(process.terminate)
    assert process.stdout is not None
    yield from process.stdout
