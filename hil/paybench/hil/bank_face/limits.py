"""Limits: what a server grants its clients."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """What a server grants its clients; beyond it, they wait, are told so, or are dropped.

    Attributes:
        connections_max: Connections in all.
        per_device_max: Connections of one device.
        strangers_max: Connections that have not logged in yet; a new one takes the oldest's place.
        in_flight_max: Requests of a connection that wait for answers; no more are read meanwhile.
        waiting_max: Requests in all that wait; more are refused with `BusyError`.
        unread_max_bytes: Answers of a connection that wait to be taken, in bytes; no more of its
            requests are read meanwhile.
        login_s: How long a connection may take to log in, in seconds.
        frame_s: How long a frame may take to arrive once it has begun.
        unread_s: How long a client may leave its answers untaken.
        idle_s: How long a connection may say nothing.
        wrong_keys_max: Failed logins from one address within
        wrong_keys_s: so many seconds; more are not looked at.
        deposit_s: How long what terminals have settled waits for its deposit.
        stop_s: How long a stop waits for what is under way.
    """

    connections_max: int = 4096
    per_device_max: int = 256
    strangers_max: int = 256
    in_flight_max: int = 64
    waiting_max: int = 10_000
    unread_max_bytes: int = 1024 * 1024
    login_s: float = 10.0
    frame_s: float = 10.0
    unread_s: float = 10.0
    idle_s: float = 3600.0
    wrong_keys_max: int = 10
    wrong_keys_s: float = 60.0
    deposit_s: float = 0.5
    stop_s: float = 10.0
