"""The virtual radio: air without any adapter, for peripherals and centrals in several processes.

It listens on a socket, and everybody who connects there finds a Bluetooth controller of his own,
which he drives over HCI like a dongle's; what the controllers send each other goes through bumble's
`LocalLink`. Whoever hangs up falls silent, as out of range: nobody is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from bumble.controller import Controller
from bumble.hci import HCI_LE_Extended_Advertising_Report_Event
from bumble.link import LocalLink
from bumble.transport.common import StreamPacketSource

from paybench.hil.ble.loop_thread import LoopThread
from paybench.hil.errors import PortUnavailable, SpecError

if TYPE_CHECKING:
    from collections.abc import Generator

UNREAD_MAX_BYTES = 1 << 20
ACL_BYTES = 251
"""Longest packet between host and controller; bumble's own 27 is five times slower."""
_LIMIT_S = 5.0


class Radio:
    """Air that is there while it is open; opened and closed on one loop.

    Args:
        listen: ``unix:PATH``, ``tcp:HOST:PORT`` (port 0 takes a free one), or "" for a socket only
            this user can reach.

    Attributes:
        hci: What to give to those who shall be in it, e.g. ``unix-client:/tmp/…/radio``.
    """

    def __init__(self, listen: str = "") -> None:
        self.hci = ""
        self._listen = listen
        self._folder: Path | None = None
        self._air = _Air()
        self._numbers = itertools.count(1)
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Be there.

        Raises:
            SpecError: The address is none.
            PortUnavailable: It is taken.
        """
        loop = asyncio.get_running_loop()
        kind, _, rest = self._where().partition(":")
        try:
            if kind == "unix" and rest:
                self._server = await loop.create_unix_server(self._guest, rest)
                self.hci = f"unix-client:{rest}"
                return
            host, _, port = rest.rpartition(":")
            if kind != "tcp" or not host or not port.isdecimal():
                raise SpecError(
                    f"{self._listen!r}: a radio listens at unix:PATH or tcp:HOST:PORT, "
                    "e.g. tcp:127.0.0.1:0"
                )
            self._server = await loop.create_server(self._guest, host, int(port))
        except OSError as error:
            raise PortUnavailable(
                f"{self._listen}: no radio can be there ({error.strerror or error}): "
                "choose another address"
            ) from error
        self.hci = f"tcp-client:{host}:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Hang up on everybody."""
        if self._server is not None:
            self._server.close()
        for controller in list(self._air.controllers):
            port = cast("Any", controller).host
            if port is not None:
                port.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _where(self) -> str:
        if self._listen:
            return self._listen
        self._folder = Path(tempfile.mkdtemp(prefix="paybench-radio-"))
        return f"unix:{self._folder / 'hci'}"

    def _guest(self) -> _HciPort:
        return _HciPort(self._air, next(self._numbers))


@contextlib.contextmanager
def radio_on(listen: str = "") -> Generator[str]:
    """A radio in a thread of its own, and the HCI transport of those who shall be in it.

    Args:
        listen: As for `Radio`.

    Raises:
        SpecError: The address is none.
        PortUnavailable: It is taken.
    """
    thread, radio = LoopThread("paybench radio"), Radio(listen)
    try:
        thread.run(radio.open(), _LIMIT_S)
        yield radio.hci
    finally:
        thread.run(radio.close(), _LIMIT_S)
        thread.close()


class _Air(LocalLink):
    """Between the controllers. What is sent to somebody who is not there any more is lost."""

    def send_ll_control_pdu(self, sender_address: Any, receiver_address: Any, packet: Any) -> None:
        if self.find_le_controller(receiver_address) is not None:
            super().send_ll_control_pdu(sender_address, receiver_address, packet)

    def send_acl_data(
        self, sender_controller: Any, destination_address: Any, transport: Any, data: bytes
    ) -> None:
        # bumble takes the sender's random address, also where it has connected with its public one.
        connection = sender_controller.le_connections.get(destination_address)
        receiver = self.find_le_controller(destination_address)
        if connection is not None and receiver is not None:
            asyncio.get_running_loop().call_soon(
                receiver.on_link_acl_data, connection.self_address, transport, data
            )

    def answer_of(self, address: Any) -> bytes:
        """What an advertiser says to those who ask for more: its scan response."""
        for controller in self.controllers:
            for advertiser in _advertisers(controller):
                if advertiser.enabled and advertiser.address == address:
                    return bytes(advertiser.scan_response_data)
        return b""


class _Controller(Controller):
    le_acl_data_packet_length = ACL_BYTES
    supported_max_tx_octets = ACL_BYTES
    supported_max_rx_octets = ACL_BYTES
    suggested_max_tx_octets = ACL_BYTES
    _answer = b""

    # bumble's own repeats the advertisement where the scan response should be.

    def on_advertising_pdu(self, pdu: Any) -> None:
        """Somebody advertises; whoever scans asks for more at once."""
        self._answer = cast("_Air", self.link).answer_of(pdu.advertiser_address)
        super().on_advertising_pdu(pdu)

    def send_hci_packet(self, packet: Any) -> None:
        """Tell the host something."""
        if isinstance(packet, HCI_LE_Extended_Advertising_Report_Event):
            for report in packet.reports:
                if report.event_type & packet.EventType.SCAN_RESPONSE:
                    report.data = self._answer
        super().send_hci_packet(packet)


class _HciPort(StreamPacketSource):
    """One guest's socket, and the controller behind it."""

    def __init__(self, air: _Air, number: int) -> None:
        super().__init__()
        self._air = air
        self._number = number
        self._socket: Any = None
        self._controller: Any = None

    def connection_made(self, transport: Any) -> None:
        self._socket = transport
        address = f"C0:00:00:00:{self._number >> 8 & 0xFF:02X}:{self._number & 0xFF:02X}"
        self._controller = _Controller(
            f"guest {self._number}", self, cast("Any", self), self._air, address
        )

    def on_packet(self, packet: bytes) -> None:
        """The controller has something for its host."""
        if self._socket.get_write_buffer_size() > UNREAD_MAX_BYTES:
            self._socket.abort()
        else:
            self._socket.write(packet)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        controller = self._controller
        controller.host = None
        for advertiser in _advertisers(controller):
            advertiser.stop()
        with contextlib.suppress(KeyError):
            self._air.remove_controller(controller)

    def close(self) -> None:
        """Hang up."""
        self._socket.abort()


def _advertisers(controller: Any) -> tuple[Any, ...]:
    """Everything of a controller that advertises, or could."""
    return (controller.le_legacy_advertiser, *controller.advertising_sets.values())
