"""What a part is: a piece of a device that can be simulated or real."""

from __future__ import annotations

from typing import Protocol


class Part(Protocol):
    """A display, a reader: named, of a kind that drivers know, and perhaps gone.

    Attributes:
        name: Full name, e.g. ``A.register.scanner``.
        kind: What a driver must be able to be, to stand in its place, e.g. ``scanner``.
        gone: Why a real part is not there now; "" while it is. A simulated one stays.
        returns: Whether somebody tries to get a part back that is gone.
    """

    name: str
    kind: str
    gone: str
    returns: bool
