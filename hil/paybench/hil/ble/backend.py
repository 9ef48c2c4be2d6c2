"""bleak on bumble: scanner and client for adapters that BlueZ does not drive.

bleak takes its backends as classes (`BleakClient(…, backend=BumbleClient, opened=adapter)`), so a
central is written once, for phones behind BlueZ and for the virtual radio. bleak promises nothing
about this interface between releases: hence ``bleak >=3.1,<4``.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import UUID

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakError
from bleak.uuids import normalize_uuid_str
from bumble.att import ATT_Write_Command
from bumble.core import AdvertisingData
from bumble.device import Peer
from bumble.hci import Address

from paybench.hil.ble import MTU_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import TypeVar

    from paybench.hil.ble.hci import Adapter

    T = TypeVar("T")

FLAGS = {0x02: "read", 0x04: "write-without-response", 0x08: "write", 0x10: "notify"}
ATT_HEAD_BYTES = 3
UUID_BYTES = 16


class BumbleScanner(BaseBleakScanner):
    """Listens for advertisements.

    Args:
        detection_callback: As in bleak.
        service_uuids: As in bleak.
        opened: The adapter to listen with, by keyword.
    """

    def __init__(
        self,
        detection_callback: Any,
        service_uuids: list[str] | None,
        _scanning_mode: str,
        *,
        opened: Adapter,
        **_platform: Any,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._device = opened.device

    async def start(self) -> None:
        """Begin to listen."""
        self.seen_devices = {}
        self._device.on("advertisement", self._on_advertisement)
        await self._device.start_scanning(filter_duplicates=False)

    async def stop(self) -> None:
        """Listen no more."""
        self._device.remove_listener("advertisement", self._on_advertisement)
        await self._device.stop_scanning()

    def _on_advertisement(self, advertisement: Any) -> None:
        name = _name(advertisement.data)
        data = AdvertisementData(
            local_name=name,
            manufacturer_data={},
            service_data={},
            service_uuids=_service_uuids(advertisement.data),
            tx_power=None,
            rssi=advertisement.rssi,
            platform_data=(advertisement,),
        )
        address = advertisement.address.to_string(with_type_qualifier=False)
        device = self.create_or_update_device(address, address, name, advertisement.address, data)
        self.call_detection_callbacks(device, data)


class BumbleClient(BaseBleakClient):
    """A connection to one peripheral.

    Args:
        address_or_ble_device: What the scanner found.
        opened: The adapter to connect with, by keyword.
    """

    def __init__(self, address_or_ble_device: Any, *, opened: Adapter, **options: Any) -> None:
        super().__init__(address_or_ble_device, **options)
        self._adapter = opened
        details = getattr(address_or_ble_device, "details", None)
        self._peer_address = details or Address(self.address)
        self._name = getattr(address_or_ble_device, "name", None) or self.address
        self._connection: Any = None
        self._gatt: Any = None
        self._ended: asyncio.Future[None]

    @property
    def name(self) -> str:
        """What the peripheral is called."""
        return self._name

    @property
    def mtu_size(self) -> int:
        """The MTU agreed on, in bytes."""
        return self._gatt.mtu if self._gatt is not None else 23

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection."""
        return self._connection is not None

    async def connect(self, pair: bool, **_more: Any) -> None:  # noqa: FBT001 - as in bleak
        """Connect, agree on an MTU, and discover the services.

        Raises:
            BleakError: The connection ended.
            TimeoutError: The peripheral is gone.
        """
        del pair  # the virtual radio has nobody to type a passkey
        # bumble's own timeout would wait for a cancellation that its controller never confirms.
        async with self._adapter.connecting, asyncio.timeout(self._timeout):
            self._connection = await self._adapter.device.connect(self._peer_address, timeout=None)
        self._ended = asyncio.get_running_loop().create_future()
        self._connection.on("disconnection", self._on_disconnection)
        if self._connection.handle not in self._adapter.device.connections:
            raise BleakError("the connection ended at once")
        self._gatt = Peer(self._connection).gatt_client
        await self._answered(self._live.request_mtu(MTU_BYTES))
        self.services = await self._answered(self._discover())

    async def disconnect(self) -> None:
        """End the connection, if there is one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._disconnected_callback = None
            await connection.disconnect()

    async def pair(self, *_args: Any, **_more: Any) -> None:
        """Pairing is not offered.

        Raises:
            BleakError: Always.
        """
        raise BleakError("bumble's adapters are used without pairing here")

    async def unpair(self) -> None:
        """There is nothing to undo."""

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, **_more: Any
    ) -> bytearray:
        """Read a characteristic."""
        value = await self._answered(self._live.read_value(characteristic.obj, no_long_read=True))
        return bytearray(value)

    async def write_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        data: Any,
        response: bool,  # noqa: FBT001 - as in bleak
    ) -> None:
        """Write a characteristic."""
        live = self._live
        if response:
            await self._answered(live.write_value(characteristic.obj, bytes(data), True))
        else:
            write_at_once(characteristic, bytes(data))

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: Any, **_more: Any
    ) -> None:
        """Subscribe to a characteristic."""

        def on_value(value: bytes) -> None:
            callback(bytearray(value))

        await self._answered(self._live.subscribe(characteristic.obj, on_value))

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Unsubscribe from a characteristic."""
        await self._answered(self._live.unsubscribe(characteristic.obj, force=True))

    async def read_gatt_descriptor(self, descriptor: Any, **_more: Any) -> bytearray:
        """Read a descriptor."""
        return bytearray(await self._answered(self._live.read_value(descriptor.obj)))

    async def write_gatt_descriptor(self, descriptor: Any, data: Any) -> None:
        """Write a descriptor."""
        await self._answered(self._live.write_value(descriptor.obj, bytes(data), True))

    @property
    def _live(self) -> Any:
        """The GATT client, while there is a connection."""
        if self._connection is None:
            raise BleakError("not connected")
        return self._gatt

    async def _answered(self, request: Coroutine[Any, Any, T]) -> T:
        """Wait for an answer, or for the end of the connection.

        bumble sends a request into a connection that has just ended without a word and waits for
        30 s; and when the connection ends while it waits, it cancels, which would look like the
        cancellation of the task that asked.
        """
        asked = asyncio.ensure_future(request)
        try:
            await asyncio.wait({asked, self._ended}, return_when=asyncio.FIRST_COMPLETED)
            if not asked.done() or asked.cancelled():
                raise BleakError("the connection ended")
            return asked.result()
        finally:
            asked.cancel()

    async def _discover(self) -> BleakGATTServiceCollection:
        found = BleakGATTServiceCollection()
        for service in await self._gatt.discover_services():
            ours = BleakGATTService(service, service.handle, _uuid(service.uuid))
            found.add_service(ours)
            for characteristic in await service.discover_characteristics():
                found.add_characteristic(self._characteristic(characteristic, ours))
        return found

    def _characteristic(self, theirs: Any, service: BleakGATTService) -> BleakGATTCharacteristic:
        properties: Any = [flag for bit, flag in FLAGS.items() if theirs.properties & bit]
        return BleakGATTCharacteristic(
            theirs,
            theirs.handle,
            _uuid(theirs.uuid),
            properties,
            lambda: self.mtu_size - ATT_HEAD_BYTES,
            service,
        )

    def _on_disconnection(self, _reason: int) -> None:
        self._connection = None
        if not self._ended.done():
            self._ended.set_result(None)
        callback: Callable[[], None] | None = self._disconnected_callback
        if callback is not None:
            callback()


def write_at_once(characteristic: BleakGATTCharacteristic, data: bytes) -> None:
    """Write a characteristic of a `BumbleClient` without a response: there is nothing to await."""
    theirs: Any = characteristic.obj
    command = ATT_Write_Command(attribute_handle=theirs.handle, attribute_value=data)
    theirs.client.send_gatt_pdu(bytes(command))


def _uuid(uuid: Any) -> str:
    """A bumble UUID as bleak writes it: 128 bits, lower case."""
    return normalize_uuid_str(uuid.to_hex_str("-"))


def _service_uuids(data: Any) -> list[str]:
    """The services of 128 bits an advertisement lists; anybody may send any bytes there."""
    raw = b"".join(
        data.get(kind, raw=True) or b""
        for kind in (
            AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
            AdvertisingData.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
        )
    )
    whole = len(raw) - len(raw) % UUID_BYTES
    return [str(UUID(bytes=raw[at : at + UUID_BYTES][::-1])) for at in range(0, whole, UUID_BYTES)]


def _name(data: Any) -> str | None:
    """What an advertisement calls its sender; anybody may send any bytes there."""
    for kind in (AdvertisingData.COMPLETE_LOCAL_NAME, AdvertisingData.SHORTENED_LOCAL_NAME):
        raw = data.get(kind, raw=True)
        if raw:
            return raw.decode(errors="replace")
    return None
