"""Bytes over Bluetooth Low Energy: a stream in each direction on one GATT service.

A central writes to RX and is notified by TX; both are pieces of a byte stream and carry nothing
else, so what is framed above looks the same on BLE, on a tty and on a socket. LINK stands beside
them: each side says there how many pieces it has taken and sent (`credit`), which paces the sender,
shows what a Bluetooth stack has lost, and is the heartbeat. docs/ble.md tells it byte by byte.

`central` is a register or bench that looks for a peripheral, `peripheral` one that is found.
"""

SERVICE_UUID = "70617962-656e-6368-8000-000000000000"
"""The service; its first eight bytes are "paybench" in ASCII."""

RX_UUID = "70617962-656e-6368-8000-000000000001"
"""What the peripheral receives. Write without response, or write."""

TX_UUID = "70617962-656e-6368-8000-000000000002"
"""What the peripheral transmits. Notify; subscribing to it begins a session."""

LINK_UUID = "70617962-656e-6368-8000-000000000003"
"""How far each side is. The central writes its report, and reads the peripheral's."""

PIECE_MAX_BYTES = 512
"""No attribute is longer (Bluetooth Core, Vol 3, Part F, 3.2.9), whatever the MTU."""

MTU_BYTES = 517
"""What we ask for: the longest that anybody uses, a whole attribute and its head."""

OPEN_S = 10.0
"""Patience for a peripheral to be found and connected."""

SILENCE_S = 3.0
"""Nothing heard of the other side for so long, and it is gone."""
