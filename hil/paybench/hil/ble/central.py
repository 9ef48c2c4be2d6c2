"""A BLE central: finds a phone or another peripheral by name or address, and talks to it.

With the system's Bluetooth (bleak: BlueZ over D-Bus on Linux), or with an adapter of its own that
bumble drives: a USB dongle, or the virtual radio.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from paybench.hil.ble import LINK_UUID, OPEN_S, PIECE_MAX_BYTES, RX_UUID, SILENCE_S, TX_UUID
from paybench.hil.ble.stream import CLOSE_S, BleStream
from paybench.hil.errors import PortLost, PortUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from paybench.hil.ble.hci import Adapter

HEARTBEAT_S = 0.5
BLOCKED_S = 0.01
"""How often to ask for credit while there is none, in seconds."""
SEEN_MAX = 8


class BleCentral(BleStream):
    """The central's end of a byte stream.

    Args:
        target: The peripheral's name as it advertises it, or its address (``F0:12:…``).
        hci: The adapter's HCI transport for bumble; "" for the system's Bluetooth.
        open_s: Patience for the peripheral to be found and connected, each, in seconds.
        silence_s: Nothing heard of it for so many seconds, and it is gone.
    """

    def __init__(
        self,
        target: str,
        hci: str = "",
        *,
        open_s: float = OPEN_S,
        silence_s: float = SILENCE_S,
    ) -> None:
        super().__init__(f"ble-central:{target}", open_s=2 * open_s, silence_s=silence_s)
        self._target = target
        self._hci = hci
        self._patience_s = open_s
        self._adapter: Adapter | None = None
        self._client: Any = None
        self._backends: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        self._write_at_once: Callable[[Any, bytes], None] | None = None

    async def _connect(self) -> None:
        if self._hci:
            await self._open_adapter()
        with self._complaints():
            device = await self._find()
            await self._join(device)

    async def _open_adapter(self) -> None:
        from paybench.hil.ble.backend import BumbleClient, BumbleScanner, write_at_once
        from paybench.hil.ble.hci import Adapter

        self._adapter = adapter = await Adapter.open(self._hci, "paybench central")
        adapter.when_lost(lambda: self._lose(f"the adapter {self._hci} went away"))
        self._backends = (
            {"backend": BumbleScanner, "opened": adapter},
            {"backend": BumbleClient, "opened": adapter},
        )
        self._write_at_once = write_at_once

    async def _find(self) -> Any:
        """Look for the peripheral until it advertises."""
        from bleak import BleakScanner

        seen: dict[str, str] = {}

        def is_wanted(device: Any, advertisement: Any) -> bool:
            name: str = advertisement.local_name or device.name or ""
            if len(seen) < SEEN_MAX:
                seen[device.address] = name
            return name == self._target or device.address.upper() == self._target.upper()

        device = await BleakScanner.find_device_by_filter(
            is_wanted, self._patience_s, **self._backends[0]
        )
        if device is None:
            others = ", ".join(f"{name!r} {address}" for address, name in seen.items()) or "nobody"
            raise PortUnavailable(
                f"{self.name}: no peripheral of that name or address advertised within "
                f"{self._patience_s:g} s; in the air: {others}. Is it on, near, and not connected "
                "to something else?"
            )
        return device

    async def _join(self, device: Any) -> None:
        """Connect to the peripheral, and begin the session."""
        from bleak import BleakClient

        self._client = client = BleakClient(
            device,
            disconnected_callback=lambda _: self._lose("the connection ended"),
            timeout=self._patience_s,
            **self._backends[1],
        )
        async with asyncio.timeout(self._patience_s):
            await client.connect()
            self._check_service()
            await client.start_notify(TX_UUID, lambda _, piece: self._received(bytes(piece)))
            await self._exchange()
        self._begin(self._keep_in_touch())

    def _check_service(self) -> None:
        services = self._client.services
        characteristics = [services.get_characteristic(u) for u in (RX_UUID, TX_UUID, LINK_UUID)]
        if None in characteristics:
            offered = ", ".join(service.uuid for service in services) or "none"
            raise PortUnavailable(
                f"{self.name}: it does not offer the paybench service with RX, TX and LINK "
                f"(docs/ble.md); its services: {offered}"
            )
        self._rx, _, self._link = characteristics

    async def _keep_in_touch(self) -> None:
        """Exchange reports: now and then, at once when one is due, and often while blocked."""
        while True:
            is_blocked = self._outbox and not self._credit.may_send
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BLOCKED_S if is_blocked else HEARTBEAT_S):
                    await self._due.wait()
            self._due.clear()
            await self._exchange()

    async def _exchange(self) -> None:
        async with asyncio.timeout(self._silence_s):
            report = self._credit.report()
            await self._client.write_gatt_char(self._link, report, response=True)
            self._heard(bytes(await self._client.read_gatt_char(self._link)))

    def _send_piece(self, piece: bytes) -> Coroutine[None, None, None] | None:
        if self._write_at_once is None:
            return self._client.write_gatt_char(self._rx, piece, response=False)
        self._write_at_once(self._rx, piece)
        return None

    def _piece_bytes(self) -> int:
        return min(self._rx.max_write_without_response_size, PIECE_MAX_BYTES)

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        adapter, self._adapter = self._adapter, None
        try:
            if client is not None:
                async with asyncio.timeout(CLOSE_S / 2):
                    await client.disconnect()
        finally:
            if adapter is not None:
                await adapter.close()

    @contextlib.contextmanager
    def _complaints(self) -> Generator[None]:
        """Say in a sentence what the stack complains of.

        It awaits nothing, and is no asynchronous generator: a loop that ends under a connection
        would close that first, and then trip over it.
        """
        try:
            yield
        except (PortUnavailable, PortLost, ImportError):
            raise
        # bleak raises what D-Bus, bumble and the socket below raise, and trees of its own.
        except Exception as error:
            raise PortUnavailable(f"{self.name}: {why_not(error)}") from error


def why_not(error: Exception) -> str:
    """Why a central could not get through, and the one thing to do."""
    from bleak.exc import BleakBluetoothNotAvailableError, BleakDBusError

    if isinstance(error, FileNotFoundError):
        return (
            "there is no system D-Bus, which BlueZ needs: 'sudo apt-get install dbus bluez', then "
            "'sudo service dbus start'; without BlueZ, name a dongle or a virtual radio as hci="
        )
    if isinstance(error, BleakDBusError) and error.dbus_error.endswith(".ServiceUnknown"):
        return (
            "BlueZ does not run: 'sudo apt-get install bluez', then 'sudo service bluetooth start'"
        )
    if isinstance(error, BleakBluetoothNotAvailableError):
        if error.reason.name == "POWERED_OFF":
            return "the Bluetooth adapter is off: 'bluetoothctl power on'"
        return (
            f"there is no Bluetooth adapter to be used ({error.args[0]}): plug one in, and see "
            "that 'bluetoothctl list' shows it"
        )
    if isinstance(error, TimeoutError):
        return "it advertised, but did not answer: bring it nearer, or switch it off and on"
    return f"the connection failed ({str(error) or type(error).__name__})"
