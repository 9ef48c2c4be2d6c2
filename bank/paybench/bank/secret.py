"""Values that no trace, log, report or traceback may show."""

from __future__ import annotations

import hmac

MASK = "•••"


class Secret:
    """A text that shows itself as dots everywhere; `reveal` is the only way to it.

    Comparison takes the same time wherever two secrets differ. A kind of secret of which a part
    may be seen overrides ``__repr__``: traces and reports show that.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return MASK

    def __str__(self) -> str:
        return repr(self)
