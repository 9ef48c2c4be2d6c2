"""The short-range link between a phone and what it is held to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from paybench.devices.link import LinkProfile

if TYPE_CHECKING:
    from paybench.devices.phone import Phone
    from paybench.devices.port import Port

SHORT_RANGE = LinkProfile(latency_s=0.015, jitter_s=0.010)
"""Infrared or Bluetooth between a phone and what stands before it."""


class Near(Protocol):
    """What a phone can be held to, and speaks over the short-range link."""

    @property
    def name(self) -> str:
        """Its full name."""
        ...

    @property
    def short_range(self) -> Port:
        """Its port."""
        ...


class Meets(Protocol):
    """A device that begins to speak when a phone is held to it."""

    name: str

    def meet(self, phone: Phone) -> object:
        """A phone is held to the device; gives the process that begins with it, if it tells."""
        ...
