"""The wire protocol: how a device whose firmware is ours to define speaks with the bench.

Frames (`frame`) carry a reliable exchange (`exchange`) of messages (`message`), the same over
serial, TCP and BLE. docs/wire-protocol.md is all that firmware needs.
"""

from paybench.hil.wire.errors import ExchangeFull, MessageRefused, WireError
from paybench.hil.wire.exchange import Exchange, Restarted, State, Timing
from paybench.hil.wire.frame import PAYLOAD_MAX_BYTES, VERSION, Frame, FrameDecoder, Kind, Noise
from paybench.hil.wire.message import Channel, Provision, Shown, WireMessage, decode, encode

__all__ = [
    "PAYLOAD_MAX_BYTES",
    "VERSION",
    "Channel",
    "Exchange",
    "ExchangeFull",
    "Frame",
    "FrameDecoder",
    "Kind",
    "MessageRefused",
    "Noise",
    "Provision",
    "Restarted",
    "Shown",
    "State",
    "Timing",
    "WireError",
    "WireMessage",
    "decode",
    "encode",
]
