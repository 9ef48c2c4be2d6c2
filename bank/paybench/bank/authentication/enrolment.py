"""Enrolments: what a user has registered to be authenticated by (claims 14, 17-19, 43)."""

import struct
from typing import Any

from msgspec import Struct

from paybench.bank.errors import AuthenticationError

from .biometric import BiometricData
from .method import Method
from .password import AnswerHash, PasswordHash

QUESTIONS_MAX = 16
QUESTION_MAX = 200
PORTRAIT_MAX_PIXELS = 1024
"""On a side. A small file can hold a picture that fills a terminal's memory."""

_PNG_BEGINS = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_PNG_ENDS = b"\0\0\0\0IEND\xaeB`\x82"
_SIZE = struct.Struct(">II")


class Question(Struct, frozen=True):
    """A question that the user has answered in advance (claim 19).

    Args:
        text: 1 to 200 printable characters, shown on the paying terminal.
        answer: the hash of the answer: `hashed_answer`.

    Raises:
        AuthenticationError: the text is something else.
    """

    text: str
    answer: AnswerHash

    def __post_init__(self) -> None:
        if not (0 < len(self.text) <= QUESTION_MAX and self.text.isprintable()):
            raise AuthenticationError(
                f"expected a question of 1 to {QUESTION_MAX} printable characters, "
                f"seen {self.text[:QUESTION_MAX]!r}: a paying terminal has to show it"
            )


class Enrolment(Struct, frozen=True):
    """What a user has registered; None or () stands for nothing. It shows its methods only.

    Args:
        password: the hash of the password: `hashed`.
        questions: up to 16, no two with the same text.
        voice: template.
        portrait: a PNG picture, at most 64 KiB and 1024 by 1024 pixels.
        fingerprint: template.
        iris: template of iris or retina.

    Raises:
        AuthenticationError: there are too many questions, or one twice; or the portrait is no such
            picture.
    """

    password: PasswordHash | None = None
    questions: tuple[Question, ...] = ()
    voice: BiometricData | None = None
    portrait: BiometricData | None = None
    fingerprint: BiometricData | None = None
    iris: BiometricData | None = None

    def __post_init__(self) -> None:
        texts = {question.text for question in self.questions}
        if not len(texts) == len(self.questions) <= QUESTIONS_MAX:
            raise AuthenticationError(
                f"expected up to {QUESTIONS_MAX} different questions, seen {len(self.questions)} "
                f"of which {len(texts)} differ: leave some out"
            )
        if self.portrait is not None:
            _check_portrait(self.portrait.data)

    @property
    def methods(self) -> frozenset[Method]:
        """What the user can be authenticated by."""
        registered = {
            Method.QUESTION: self.questions,
            Method.PASSWORD: self.password,
            Method.VOICE: self.voice,
            Method.PORTRAIT: self.portrait,
            Method.FINGERPRINT: self.fingerprint,
            Method.IRIS: self.iris,
        }
        return frozenset(method for method, what in registered.items() if what)

    def template(self, method: Method) -> BiometricData | None:
        """What samples are compared with; None where nothing is registered or compared."""
        templates = {
            Method.VOICE: self.voice,
            Method.FINGERPRINT: self.fingerprint,
            Method.IRIS: self.iris,
        }
        return templates.get(method)

    def __repr__(self) -> str:
        return f"Enrolment(methods={sorted(self.methods)})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:  # or rich would show every field
        return [("methods", sorted(self.methods))]


def _check_portrait(data: bytes) -> None:
    if not (data.startswith(_PNG_BEGINS) and data.endswith(_PNG_ENDS)):
        raise AuthenticationError(
            f"expected a portrait that is one whole PNG picture, seen {len(data)} bytes of "
            "something else: convert it"
        )
    width, height = _SIZE.unpack_from(data, len(_PNG_BEGINS))
    if not (0 < width <= PORTRAIT_MAX_PIXELS and 0 < height <= PORTRAIT_MAX_PIXELS):
        raise AuthenticationError(
            f"expected a portrait of 1 to {PORTRAIT_MAX_PIXELS} pixels on a side, seen {width} "
            f"by {height}: scale it down"
        )
