"""The biometric part: simulated samples of voice, finger and iris, with their noise."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from paybench.bank.authentication import BiometricData, Method

if TYPE_CHECKING:
    from paybench.devices.world import World

FEATURE_BYTES = 64
NOISE_PERMILLE = {Method.VOICE: 150, Method.FINGERPRINT: 80, Method.IRIS: 100}
"""How many of a thousand features a sample gets wrong, by what is taken."""


class BiometricSensor:
    """Takes samples for an apparatus to compare; it decides nothing itself.

    Whoever is before it is known by a text, e.g. ``"B's voice"``; the features are 512 bits made
    from that. A sample differs from them in some, by chance; those of two persons agree in about
    half of theirs.

    Attributes:
        name: Full name of the part, e.g. ``B.phone.biometrics``.
        noise_permille: How many of a thousand features a sample gets wrong, by method.
    """

    kind = "biometrics"

    def __init__(self, world: World, device: str) -> None:
        self.name = f"{device}.biometrics"
        self.gone = ""
        self.returns = False
        self.noise_permille = dict(NOISE_PERMILLE)
        self._chance = world.choices.stream(self.name, "noise")

    def sample(self, method: Method, person: str) -> BiometricData:
        """Take a sample.

        Args:
            method: Voice, fingerprint or iris.
            person: Who, or which finger, is before it.
        """
        quiet = 1000 - self.noise_permille[method]
        features = int.from_bytes(template(method, person).data)
        for bit in range(8 * FEATURE_BYTES):
            if self._chance.below(1000) >= quiet:  # the quiet pick is 0
                features ^= 1 << bit
        return BiometricData.of(features.to_bytes(FEATURE_BYTES))


def template(method: Method, person: str) -> BiometricData:
    """What somebody registers: the features themselves."""
    features = hashlib.shake_256(f"{method}|{person}".encode()).digest(FEATURE_BYTES)
    return BiometricData.of(features)
