"""The lines of a rig: how what is told on it is linked."""

from __future__ import annotations

from paybench.devices.link import LinkProfile

BANK_LINE = LinkProfile(latency_s=0.030, jitter_s=0.020)
"""A line to the bank: a leased one or the mobile network on a good day."""
