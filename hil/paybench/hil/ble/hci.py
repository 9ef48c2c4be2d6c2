"""A Bluetooth adapter that bumble drives: a USB dongle, any HCI transport, or the virtual radio.

An HCI transport is named as bumble names it: ``usb:0``, ``serial:/dev/ttyACM0,1000000``,
``hci-socket:0``, ``unix-client:/run/radio``, ``tcp-client:127.0.0.1:6402``. The last two are what a
virtual radio prints (`paybench.hil.virtual.ble_radio`).
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from paybench.hil.errors import PortUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

ANSWER_S = 5.0


class Adapter:
    """An adapter with power on; made by `open`.

    Attributes:
        hci: Its HCI transport.
        device: The bumble device.
        connecting: Held while connecting: of two attempts at a time bumble fails one.
    """

    def __init__(self, hci: str, device: Any, transport: Any) -> None:
        self.hci = hci
        self.device = device
        self.connecting = asyncio.Lock()
        self._transport = transport

    @classmethod
    async def open(cls, hci: str, name: str, address: str = "") -> Adapter:
        """Take hold of an adapter and switch it on.

        Args:
            hci: The HCI transport.
            name: What the device is called in the air.
            address: Its random static address; "" draws one.

        Raises:
            PortUnavailable: There is none, it is busy, or it does not answer as one.
        """
        from bumble.device import Device
        from bumble.hci import Address
        from bumble.host import Host
        from bumble.transport import open_transport

        transport: Any = None
        try:
            async with asyncio.timeout(ANSWER_S):
                transport = await open_transport(hci)
                device = Device(
                    name=name,
                    address=Address(address) if address else None,
                    host=Host(transport.source, transport.sink),
                )
                await device.power_on()
        # Each of bumble's transports has errors of its own library.
        except Exception as error:
            if transport is not None:
                await _let_go(transport)
            raise PortUnavailable(f"{hci}: {_why_not(hci, error)}") from error
        except asyncio.CancelledError:  # nobody wants it any more
            if transport is not None:
                await _let_go(transport)
            raise
        return cls(hci, device, transport)

    def when_lost(self, call: Callable[[], None]) -> None:
        """Have something called when the adapter goes away."""

        def terminated(_future: object) -> None:
            call()

        self._transport.source.terminated.add_done_callback(terminated)

    async def close(self) -> None:
        """Let go of it."""
        await _let_go(self._transport)


async def _let_go(transport: Any) -> None:
    with contextlib.suppress(Exception):
        async with asyncio.timeout(ANSWER_S):
            await transport.close()


def _why_not(hci: str, error: Exception) -> str:
    """Why an adapter could not be opened, and what to do."""
    kind, seen = hci.partition(":")[0], str(error) or type(error).__name__
    if isinstance(error, TimeoutError):
        return f"no Bluetooth controller answers there within {ANSWER_S:g} s: is it an HCI adapter?"
    if "unknown transport scheme" in seen:
        return (
            "there is no such HCI transport: write e.g. usb:0, serial:/dev/ttyACM0,1000000, "
            "tcp-client:127.0.0.1:6402 or unix-client:/run/radio"
        )
    if kind in {"unix", "unix-client", "tcp-client"}:
        return (
            f"no radio there ({seen}): start one with 'python -m paybench.hil.virtual.ble_radio' "
            "and take the address it prints"
        )
    if kind in {"usb", "pyusb"}:
        return (
            f"the dongle cannot be opened ({seen}): is it plugged in? The kernel lets go of it "
            "after 'sudo hciconfig hci0 down', and a udev rule makes it yours"
        )
    return f"the adapter cannot be opened ({seen})"
