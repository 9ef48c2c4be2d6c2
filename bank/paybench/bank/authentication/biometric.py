"""Biometric data: templates, samples and portraits, which no trace, log or report may show."""

import binascii
from base64 import b64decode, b64encode
from typing import Self

from paybench.bank.errors import AuthenticationError
from paybench.bank.secret import Secret

BIOMETRIC_MAX_BYTES = 65_536

_TEXT_MAX = 4 * -(-BIOMETRIC_MAX_BYTES // 3)


class BiometricData(Secret):
    """Bytes taken from a person. They show themselves as dots; `data` is the way to them.

    In a message they are base64 text (RFC 4648), as every `Secret` is a text.

    Args:
        text: 1 to 65,536 bytes as base64; `of` takes them as they are.

    Attributes:
        data: the bytes.

    Raises:
        AuthenticationError: the text is not base64, or there are too few or too many bytes.
    """

    __slots__ = ("data",)

    def __init__(self, text: str) -> None:
        if len(text) > _TEXT_MAX:  # so that no work is done for what is too long
            raise _length_error(f"{len(text)} characters of base64")
        try:
            data = b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise AuthenticationError(
                "expected biometric data as base64 text, seen something else: "
                "make it with BiometricData.of(data)"
            ) from None  # the cause's traceback would show it
        if not 0 < len(data) <= BIOMETRIC_MAX_BYTES:
            raise _length_error(f"{len(data)} bytes")
        super().__init__(text)
        self.data = data

    @classmethod
    def of(cls, data: bytes) -> Self:
        """The same from the bytes themselves.

        Raises:
            AuthenticationError: there are none, or more than 65,536.
        """
        return cls(b64encode(data).decode())


def _length_error(seen: str) -> AuthenticationError:
    return AuthenticationError(
        f"expected 1 to {BIOMETRIC_MAX_BYTES} bytes of biometric data, seen {seen}: "
        "give features or a small picture, not a raw recording"
    )
