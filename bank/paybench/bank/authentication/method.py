"""Methods of authentication, and which of two is the more accurate (claims 21, 23, 43)."""

import enum


class Method(enum.StrEnum):
    """How a user can be authenticated, from the least accurate to the most accurate."""

    QUESTION = "question"
    """One of the user's questions, picked at random (claim 19)."""
    PASSWORD = "password"  # noqa: S105 - the name of a method
    VOICE = "voice"
    PORTRAIT = "portrait"
    """Visual: the clerk at the billing terminal looks at portrait and user (claims 15, 35)."""
    FINGERPRINT = "fingerprint"
    IRIS = "iris"
    """Iris or retina."""

    @property
    def is_visual(self) -> bool:
        """Whether the clerk judges it; the apparatus judges all the others."""
        return self is Method.PORTRAIT

    @property
    def is_biometric(self) -> bool:
        """Whether the apparatus compares a sample with a template."""
        return self in _BIOMETRIC


_BIOMETRIC = frozenset({Method.VOICE, Method.FINGERPRINT, Method.IRIS})
_ACCURACY = {method: rank for rank, method in enumerate(Method, 1)}


def accuracy(method: Method) -> int:
    """How sure a method is, as a rank from 1 to 6; no two methods share one (claim 21).

    The order is argued in docs/decisions/authentication-methods.md.
    """
    return _ACCURACY[method]
