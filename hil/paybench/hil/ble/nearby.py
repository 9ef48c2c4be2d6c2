"""What is near: the BLE devices that advertise, and which of them are made for us."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import msgspec

from paybench.hil.ble import SERVICE_UUID
from paybench.hil.ble.central import why_not
from paybench.hil.ble.loop_thread import LoopThread
from paybench.hil.ble.stream import EXTRA
from paybench.hil.errors import PortUnavailable
from paybench.hil.scan import PHONE, Found

LISTEN_S = 3.0
"""Long enough for those that advertise every second or two."""

DEVICES_MAX = 32
"""So many are told; an office may have hundreds."""
_GRACE_S = 7.0
_IN_A_SPEC = re.compile(r"[ !#-&(->@-\[\]-~]+")
"""Printable ASCII but ?, which begins a spec's options, and quotes and backslashes, for TOML."""

_AWAY = "the Bluetooth adapter answers no more: take it out, put it in, and try again"


class Nearby(msgspec.Struct, frozen=True):
    """A device that advertises.

    Attributes:
        address: Its address, which some change every quarter of an hour.
        name: What it calls itself; "" if it does not say.
        signal_dbm: How strong it is heard, in dBm: -40 is beside us, -90 hardly there.
        is_ours: Whether it advertises our service (docs/ble.md).
    """

    address: str
    name: str
    signal_dbm: int
    is_ours: bool


def listen(hci: str = "", listen_s: float = LISTEN_S) -> list[Nearby]:
    """The devices heard within a time: those made for us first, then the strongest.

    Args:
        hci: An adapter's HCI transport, for bumble; "" for the system's Bluetooth.
        listen_s: How long to listen, in seconds.

    Raises:
        PortUnavailable: There is nothing to listen with; the error says what to do.
    """
    thread = LoopThread("paybench nearby")
    try:
        found = thread.run(_listen(hci, listen_s), listen_s + _GRACE_S)
    except ImportError as error:
        raise PortUnavailable(EXTRA.format(name=error.name)) from error
    except TimeoutError as error:
        raise PortUnavailable(_AWAY) from error
    finally:
        thread.close()
    found.sort(key=lambda near: (not near.is_ours, -near.signal_dbm, near.address))
    return found[:DEVICES_MAX]


def find(hci: str = "", listen_s: float = LISTEN_S) -> list[Found]:
    """The same as things a scan has found, with a spec for each; as `listen`."""
    near = listen(hci, listen_s)
    names = [device.name for device in near]
    return [_found(device, hci, alone=names.count(device.name) == 1) for device in near]


def _found(device: Nearby, hci: str, *, alone: bool) -> Found:
    # A name lasts, while a phone's address changes; but others may have it, or it may be any bytes.
    by_name = alone and _IN_A_SPEC.fullmatch(device.name)
    where = device.name if by_name else device.address
    service = "has the paybench service" if device.is_ours else "does not say it is one of ours"
    return Found(
        "ble-central",
        device.address,
        device.name,
        f"ble-central:{where}" + (f"?hci={hci}" if hci else ""),
        PHONE,
        f"{device.address}, {device.signal_dbm} dBm, {service}",
    )


async def _listen(hci: str, listen_s: float) -> list[Nearby]:
    if not hci:
        return await _heard(listen_s)
    from paybench.hil.ble.backend import BumbleScanner
    from paybench.hil.ble.hci import Adapter

    adapter = await Adapter.open(hci, "paybench scan")
    try:
        return await _heard(listen_s, backend=BumbleScanner, opened=adapter)
    finally:
        await adapter.close()


async def _heard(listen_s: float, **backend: Any) -> list[Nearby]:
    from bleak import BleakScanner

    devices: dict[str, Nearby] = {}

    def hear(device: Any, advertisement: Any) -> None:
        # An advertisement and the answer to a scan may come apart: each says a part of it.
        before = devices.get(device.address)
        devices[device.address] = Nearby(
            address=device.address,
            name=advertisement.local_name or device.name or (before.name if before else ""),
            signal_dbm=max(advertisement.rssi, before.signal_dbm if before else advertisement.rssi),
            is_ours=SERVICE_UUID in advertisement.service_uuids or bool(before and before.is_ours),
        )

    try:
        async with BleakScanner(hear, **backend):
            await asyncio.sleep(listen_s)
    # bleak raises what D-Bus, bumble and the socket below raise, and trees of its own.
    except Exception as error:
        lost = type(error).__name__ == "TransportLostError"  # bumble's, which need not be here
        raise PortUnavailable(_AWAY if lost else why_not(error)) from error
    return list(devices.values())
