"""Profiles of terminals: the five kinds from which Fig 1's customers reach the bank ([0038])."""

from __future__ import annotations

import msgspec

from paybench.devices.link import LinkProfile


class Profile(msgspec.Struct, frozen=True):
    """What one kind of terminal is like.

    Attributes:
        name: What people call it.
        columns: Characters in a line of its display.
        lines: Lines of its display.
        line: Its line to the bank.
        idle_s: After how long without a key it logs out, in seconds.
    """

    name: str
    columns: int
    lines: int
    line: LinkProfile
    idle_s: float


PROFILES = {
    "pc": Profile("personal computer", 80, 24, LinkProfile(latency_s=0.012, jitter_s=0.008), 600.0),
    "mobile": Profile("mobile phone", 24, 8, LinkProfile(latency_s=0.045, jitter_s=0.060), 120.0),
    "car": Profile("car navigation", 32, 6, LinkProfile(latency_s=0.060, jitter_s=0.120), 60.0),
    "tv": Profile(
        "satellite or cable television", 40, 12, LinkProfile(latency_s=0.270, jitter_s=0.030), 300.0
    ),
    "console": Profile(
        "video game console", 60, 16, LinkProfile(latency_s=0.020, jitter_s=0.010), 300.0
    ),
}
"""The five profiles by the names scenarios use; the television's line goes over a satellite."""
