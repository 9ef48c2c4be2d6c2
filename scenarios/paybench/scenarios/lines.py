"""The lines of a rig: how what is told on it is linked."""

from __future__ import annotations

from paybench.devices.link import LinkProfile

BANK_LINE = LinkProfile(latency_s=0.030, jitter_s=0.020)
"""A line to the bank: a leased one or the mobile network on a good day."""

BILLING_LINE = LinkProfile(latency_s=0.020, jitter_s=0.010)
"""A private line from a billing terminal to an apparatus."""

RADIO_TELEPHONE = LinkProfile(latency_s=0.080, jitter_s=0.060)
"""The paying network, which knows who calls."""
