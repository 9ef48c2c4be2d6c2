"""The fingerprint part: a simulated sensor, with its noise and its threshold."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paybench.devices.world import World

BITS = 256


class FingerprintSensor:
    """Compares a finger with the one enrolled: like enough, or not.

    A finger is known by a text, e.g. ``"B's right thumb"``; its features are as many bits made
    from that. A reading differs from the finger in some of them, by chance; two fingers agree in
    about half of theirs.

    Attributes:
        name: Full name of the part, e.g. ``B.phone.fingerprint``.
        noise_permille: How many of a thousand features a reading gets wrong; a wet finger many.
        threshold_permille: How many of a thousand must agree.
        score_permille: How many of a thousand agreed the last time.
    """

    kind = "fingerprint"

    def __init__(
        self,
        world: World,
        device: str,
        enrolled: str,
        *,
        noise_permille: int = 80,
        threshold_permille: int = 800,
    ) -> None:
        self.name = f"{device}.fingerprint"
        self.gone = ""
        self.returns = False
        self.noise_permille = noise_permille
        self.threshold_permille = threshold_permille
        self.score_permille = 0
        self._world = world
        self._template = _features(enrolled)

    def matches(self, finger: str) -> bool:
        """Read a finger, and tell whether it is the one enrolled."""
        chance = self._world.choices.stream(self.name, "noise")
        reading = _features(finger)
        for bit in range(BITS):
            if chance.below(1000) >= 1000 - self.noise_permille:  # the quiet pick is 0
                reading ^= 1 << bit
        agreeing = BITS - (reading ^ self._template).bit_count()
        self.score_permille = agreeing * 1000 // BITS
        return self.score_permille >= self.threshold_permille


def _features(finger: str) -> int:
    return int.from_bytes(hashlib.sha256(finger.encode()).digest())
