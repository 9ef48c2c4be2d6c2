"""A BLE peripheral: lets a real register, or another central, find a simulated phone.

bumble plays it, on a USB dongle or any other HCI transport, or on the virtual radio. The kernel
must not hold the dongle at the same time.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any

from paybench.hil.ble import (
    LINK_UUID,
    MTU_BYTES,
    PIECE_MAX_BYTES,
    RX_UUID,
    SERVICE_UUID,
    SILENCE_S,
    TX_UUID,
)
from paybench.hil.ble.stream import CLOSE_S, BleStream
from paybench.hil.errors import PortLost, PortUnavailable, SpecError

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.hil.ble.hci import Adapter

NAME_MAX_BYTES = 26
"""What fits into an advertisement of 31 bytes beside its flags."""
ADVERTISING_MS = 50.0
WAIT_S = 30.0
ATT_HEAD_BYTES = 3


class BlePeripheral(BleStream):
    """The peripheral's end of a byte stream; it serves one central.

    Args:
        hci: The adapter's HCI transport, e.g. ``usb:0``.
        name: The name it advertises. Its address follows from it, so that it stays the same.
        open_s: Patience for a central to connect and subscribe, in seconds.
        silence_s: Nothing heard of the central for so many seconds, and it is gone.
        advertising: Called when it can be found, in a thread of its own.

    Raises:
        SpecError: The name does not fit into an advertisement.
    """

    def __init__(
        self,
        hci: str,
        name: str = "paybench",
        *,
        open_s: float = WAIT_S,
        silence_s: float = SILENCE_S,
        advertising: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(f"ble-peripheral:{hci}", open_s=open_s, silence_s=silence_s)
        if not 0 < len(name.encode()) <= NAME_MAX_BYTES:
            raise SpecError(
                f"the name {name!r} has {len(name.encode())} bytes: expected 1 to {NAME_MAX_BYTES}"
            )
        self.address = static_address(name)
        self._hci = hci
        self._advertised_name = name
        self._advertising = advertising
        self._adapter: Adapter | None = None
        self._connection: Any = None
        self._tx: Any = None
        self._heard_s = 0.0

    async def _connect(self) -> None:
        from paybench.hil.ble.hci import Adapter

        self._settled = asyncio.Event()  # somebody subscribed, or nobody can any more
        self._adapter = adapter = await Adapter.open(self._hci, self._advertised_name, self.address)
        adapter.when_lost(lambda: self._lose(f"the adapter {self._hci} went away"))
        adapter.device.add_service(self._service())
        adapter.device.on("connection", self._on_connection)
        await self._advertise()
        self._advertising()
        try:
            async with asyncio.timeout(self._open_s):
                await self._settled.wait()
        except TimeoutError as error:
            raise PortUnavailable(
                f"{self.name}: nobody connected to {self._advertised_name!r} "
                f"({self.address}) and subscribed to TX within {self._open_s:g} s: "
                "start the register's search, or raise the patience (wait=)"
            ) from error
        if self._why:
            raise PortUnavailable(self._why)
        self._begin(self._keep_in_touch())

    def _lose(self, why: str) -> None:
        super()._lose(why)
        self._settled.set()

    async def _advertise(self) -> None:
        from bumble.core import UUID, AdvertisingData

        assert self._adapter is not None
        data = AdvertisingData(
            [
                (AdvertisingData.FLAGS, b"\x06"),  # generally discoverable, no BR/EDR
                (AdvertisingData.COMPLETE_LOCAL_NAME, self._advertised_name.encode()),
            ]
        )
        more = AdvertisingData(
            [
                (
                    AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
                    UUID(SERVICE_UUID).to_bytes(),
                )
            ]
        )
        await self._adapter.device.start_advertising(
            advertising_data=bytes(data),
            scan_response_data=bytes(more),
            advertising_interval_min=ADVERTISING_MS,
            advertising_interval_max=ADVERTISING_MS,
        )

    def _service(self) -> Any:
        from bumble.att import ATT_Handle_Value_Notification
        from bumble.core import UUID
        from bumble.gatt import Characteristic, CharacteristicValue, Service

        self._notification = ATT_Handle_Value_Notification
        can, may = Characteristic.Properties, Characteristic.Permissions
        value: Any = CharacteristicValue
        receive = Characteristic(
            UUID(RX_UUID),
            can.WRITE | can.WRITE_WITHOUT_RESPONSE,
            may.WRITEABLE,
            value(write=self._on_rx),
        )
        self._tx = Characteristic(UUID(TX_UUID), can.NOTIFY, may.READABLE, b"")
        self._tx.on("subscription", self._on_subscription)
        link = Characteristic(
            UUID(LINK_UUID),
            can.READ | can.WRITE | can.WRITE_WITHOUT_RESPONSE,
            may.READABLE | may.WRITEABLE,
            value(read=self._on_link_read, write=self._on_link_written),
        )
        return Service(UUID(SERVICE_UUID), [receive, self._tx, link])

    # What bumble calls must not raise: it would leave the central without an answer for 30 s.

    def _on_connection(self, connection: Any) -> None:
        self._connection = connection
        connection.on("disconnection", self._on_disconnection)

    def _on_disconnection(self, _reason: int) -> None:
        self._connection = None
        if self._settled.is_set():
            self._lose("the central ended the connection")
        else:  # somebody who only looked around
            self._tasks.append(asyncio.create_task(self._until_lost(self._advertise())))

    def _on_subscription(self, _connection: Any, notify: bool, _indicate: bool) -> None:  # noqa: FBT001
        if notify:
            self._listen()
            self._settled.set()
        elif self._settled.is_set():
            self._lose("the central unsubscribed from TX")

    def _on_rx(self, _connection: Any, piece: bytes) -> None:
        self._listen()
        self._received(piece)

    def _on_link_read(self, _connection: Any) -> bytes:
        self._listen()
        return self._credit.report()

    def _on_link_written(self, _connection: Any, report: bytes) -> None:
        self._listen()
        try:
            self._heard(report)
        except PortLost as error:
            self._lose(str(error))

    def _listen(self) -> None:
        self._heard_s = asyncio.get_running_loop().time()

    async def _keep_in_touch(self) -> None:
        """The central reports; see to it that it does."""
        clock = asyncio.get_running_loop().time
        while True:
            left_s = self._heard_s + self._silence_s - clock()
            if left_s <= 0:
                raise PortLost(f"the central has not been heard for {self._silence_s:g} s")
            await asyncio.sleep(left_s)

    def _send_piece(self, piece: bytes) -> None:
        # Not bumble's `notify_subscriber`, a coroutine that never waits: that the central has
        # subscribed we know, or else the session would be lost.
        if self._adapter is not None and self._connection is not None:
            notification = self._notification(self._tx.handle, piece)
            server = self._adapter.device.gatt_server
            server.send_gatt_pdu(self._connection, bytes(notification))

    def _piece_bytes(self) -> int:
        mtu: int = self._connection.att_mtu if self._connection is not None else MTU_BYTES
        return min(mtu - ATT_HEAD_BYTES, PIECE_MAX_BYTES)

    async def _disconnect(self) -> None:
        adapter, self._adapter = self._adapter, None
        connection, self._connection = self._connection, None
        try:
            if connection is not None:
                async with asyncio.timeout(CLOSE_S / 2):
                    await connection.disconnect()
        finally:
            if adapter is not None:
                await adapter.close()


def static_address(name: str) -> str:
    """A random static address that follows from a name (Bluetooth Core, Vol 6, Part B, 1.3.2.1)."""
    octets = bytearray(hashlib.sha256(name.encode()).digest()[:6])
    octets[0] |= 0xC0  # the two highest bits say that it is static
    return ":".join(f"{octet:02X}" for octet in octets)
