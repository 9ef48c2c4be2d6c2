"""A BLE round trip, write to notification: our stream beside bare bleak and bumble, in turns.

The radio is a process, and so is each of the two peripherals that echo: ours (`BlePeripheral`, with
its thread, credit and heartbeat) and a bare bumble GATT server. The bare central is bleak on the
same backend on one loop; ours is `BleCentral` with a loop of the world's kind at its end. So the
ratio holds what both of our ends add: two hand-overs between threads each, and the counting.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import selectors
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from bleak import BleakClient, BleakScanner

from paybench.hil.ble import RX_UUID, TX_UUID
from paybench.hil.ble.backend import BumbleClient, BumbleScanner
from paybench.hil.ble.central import BleCentral
from paybench.hil.ble.hci import Adapter

if TYPE_CHECKING:
    from collections.abc import Generator

PAYLOAD = bytes(range(64))
BULK_BYTES = 500_000
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

    def round_trips(self, count: int) -> list[float]:
        """Latencies in microseconds."""
        return self._loop.run_until_complete(self._round_trips(count))

    async def _round_trips(self, count: int) -> list[float]:
        latencies: list[float] = []
        for _ in range(count):
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
    """Our stream, and a loop like the world's at its end."""

    def __init__(self, air: str) -> None:
        self._loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
        self._central = BleCentral("ours", air)
        self._central.open()
        self._central.start(self._loop, self._take)
        self._echoed = bytearray()
        self._wanted = 0

    def _take(self, data: bytes, lost: str) -> None:
        assert not lost, lost
        self._echoed += data
        if len(self._echoed) >= self._wanted:
            self._loop.stop()

    def _echo(self, data: bytes) -> float:
        self._echoed.clear()
        self._wanted = len(data)
        begun = time.perf_counter_ns()
        self._central.write(data)
        self._loop.run_forever()
        latency = (time.perf_counter_ns() - begun) / 1e3
        assert self._echoed == data
        return latency

    def round_trips(self, count: int) -> list[float]:
        """Latencies in microseconds."""
        return [self._echo(PAYLOAD) for _ in range(count)]

    def bulk_kb_per_s(self) -> float:
        """Throughput of one long write that comes back, each way."""
        return BULK_BYTES / 1e3 / (self._echo(bytes(BULK_BYTES)) / 1e6)

    def close(self) -> None:
        """Hang up."""
        self._central.close()
        self._loop.close()


def main() -> None:
    """Print medians and, as the last line, the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trips", type=int, default=200, help="in each round")
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    virtual = "paybench.hil.virtual"
    with ExitStack() as stack:
        air = next(_process(stack, "-m", f"{virtual}.ble_radio")).split()[1]
        twin = _process(
            stack, "-m", f"{virtual}.ble_peripheral", "--hci", air, "--name", "ours", "--echo"
        )
        next(line for line in twin if line.startswith("advertising"))
        next(_process(stack, "-c", BARE_ECHO, air))
        kinds = {"bare bleak on bumble": Bare(air), "ours": Ours(air)}
        latencies: dict[str, list[float]] = {name: [] for name in kinds}
        for _ in range(arguments.rounds):
            for name, kind in kinds.items():
                latencies[name] += kind.round_trips(arguments.trips)
        ours = kinds["ours"]
        assert isinstance(ours, Ours)
        bulk = statistics.median(ours.bulk_kb_per_s() for _ in range(3))
        for kind in kinds.values():
            kind.close()
    for name, values in latencies.items():
        p99 = statistics.quantiles(values, n=100)[98]
        print(f"{name:21} median {statistics.median(values):7.1f} µs   p99 {p99:7.1f} µs")
    medians = {name: statistics.median(values) for name, values in latencies.items()}
    figures = {
        "ble_ratio": round(medians["ours"] / medians["bare bleak on bumble"], 3),
        "ble_us_median": round(medians["ours"], 1),
        "ble_bare_us_median": round(medians["bare bleak on bumble"], 1),
        "ble_echo_kb_per_s": round(bulk),
    }
    print(json.dumps(figures))


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


if __name__ == "__main__":
    main()
