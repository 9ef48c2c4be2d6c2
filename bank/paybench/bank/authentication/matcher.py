"""Matchers: how like a sample is to a template, and whether that is like enough."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from msgspec import Struct

from paybench.bank.errors import AuthenticationError

from .method import Method


class Matcher(Protocol):
    """A part that compares biometric data. A real one can stand in place of the simulated one."""

    def score(self, template: bytes, sample: bytes) -> float:
        """How like they are, from 0 (not at all) to 1 (the same)."""
        ...


class HammingMatcher:
    """Compares bit by bit, as iris codes are (J. Daugman, How Iris Recognition Works, 2004).

    Where the bits are independent, those of two persons agree in half of their places, the more
    closely the more bits there are; two samples of one person agree in most. Simulated parts make
    their feature vectors in this way, whatever they stand for.
    """

    def score(self, template: bytes, sample: bytes) -> float:
        """The share of bits that agree: 1 less the normalised Hamming distance.

        0 where the lengths differ. The work depends on the length alone.
        """
        if len(template) != len(sample) or not template:
            return 0.0
        # Without the leading bytes, zeros in front would make the numbers, and the work, shorter.
        differing = int.from_bytes(b"\1" + template) ^ int.from_bytes(b"\2" + sample)
        return 1 - (differing.bit_count() - 2) / (8 * len(template))


class Threshold(Struct, frozen=True, gc=False):
    """What score is like enough.

    Args:
        least: more than 0, at most 1.

    Raises:
        AuthenticationError: it is out of range.
    """

    least: float

    def __post_init__(self) -> None:
        if not 0 < self.least <= 1:
            raise AuthenticationError(
                f"expected a threshold above 0 and up to 1, seen {self.least}: at 0, everybody "
                "would pass"
            )

    def accepts(self, score: float) -> bool:
        """Whether a score is like enough; what is not from 0 to 1, or no number, never is."""
        return self.least <= score <= 1


class Comparator(Struct, frozen=True):
    """A matcher and its threshold.

    Args:
        matcher: the part.
        threshold: what score it takes.
    """

    matcher: Matcher
    threshold: Threshold

    def accepts(self, template: bytes, sample: bytes) -> bool:
        """Whether a sample is taken for the person's whose template it is."""
        return self.threshold.accepts(self.matcher.score(template, sample))


COMPARATORS: Mapping[Method, Comparator] = MappingProxyType(
    {
        Method.VOICE: Comparator(HammingMatcher(), Threshold(0.60)),
        Method.FINGERPRINT: Comparator(HammingMatcher(), Threshold(0.64)),
        Method.IRIS: Comparator(HammingMatcher(), Threshold(0.68)),
    }
)
"""The simulated ones, by method. The iris' threshold is Daugman's distance of 0.32."""
