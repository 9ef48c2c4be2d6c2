"""Insisting: a device says something again, with growing pauses, until it need not any more."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from paybench.devices.device import Device

PAUSE_S = 5.0
PAUSE_MAX_S = 300.0
TRIES = 6
"""So often something is said again over a short-range link before the other end counts as gone."""


class Insisting:
    """Says things again for one device. Its pauses keep no world busy.

    Args:
        device: Whose processes they are: they end when its power goes.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._said: set[str] = set()

    def say(
        self,
        key: str,
        say: Callable[[], bool],
        *,
        tries: int | None = TRIES,
        given_up: Callable[[], object] | None = None,
    ) -> None:
        """Say something now, and again until it has had its effect.

        Args:
            key: What it is. If it is being said already, it is said once more now.
            say: Says it, and gives True; or False where there is no need or no way to any more.
            tries: How often again; None for as long as it takes.
            given_up: Called after the last try.
        """
        if say() and key not in self._said:
            self._said.add(key)
            self._device.run(self._again(key, say, tries, given_up))

    def _again(
        self,
        key: str,
        say: Callable[[], bool],
        tries: int | None,
        given_up: Callable[[], object] | None,
    ) -> Generator[Any, Any, None]:
        pause_s = PAUSE_S
        try:
            for _ in count() if tries is None else range(tries):
                yield self._device.rest(pause_s)
                if not say():
                    return
                pause_s = min(2 * pause_s, PAUSE_MAX_S)
            yield self._device.rest(pause_s)
        finally:
            self._said.discard(key)
        if given_up is not None:
            given_up()
