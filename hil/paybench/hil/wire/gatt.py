"""The wire protocol over BLE: a GATT service with one characteristic for each direction."""

from __future__ import annotations

SERVICE = "141ab36e-0000-4461-8387-05bc585c1bc9"
"""The primary service, which a device also names in its advertising."""

TO_DEVICE = "141ab36e-0001-4461-8387-05bc585c1bc9"
"""Write without response: bytes to the device."""

FROM_DEVICE = "141ab36e-0002-4461-8387-05bc585c1bc9"
"""Notify: bytes from the device."""

ATT_MTU_MIN = 23
VALUE_MAX_BYTES = 512
_ATT_HEADER_BYTES = 3


def pieces(data: bytes, att_mtu: int) -> list[bytes]:
    """Bytes cut into values for one write or notification each.

    Args:
        data: What `Exchange.to_transmit` gave out.
        att_mtu: The ATT MTU agreed on, 23 or more.
    """
    size = min(max(att_mtu, ATT_MTU_MIN) - _ATT_HEADER_BYTES, VALUE_MAX_BYTES)
    return [data[at : at + size] for at in range(0, len(data), size)]
