"""Passwords and answers to questions: kept as salted argon2id hashes (RFC 9106), never as such."""

import hmac
import unicodedata
from typing import Any

from msgspec import Struct

from paybench.bank.errors import AuthenticationError
from paybench.bank.secret import Secret

SALT_MIN_BYTES = 16
SALT_MAX_BYTES = 64
DIGEST_BYTES = 32

PASSWORD_MIN = 4
"""As short as a PIN, because it is entered at a till: the lock-out has to make up for that."""
TEXT_MAX = 128
"""Characters a password or an answer may have, once normalised."""

MEMORY_MAX_KIB = 1_048_576
PASSES_MAX = 64
LANES_MAX = 16

_LANE_KIB = 8
# Characters that are normalised at all: composed of up to four others, they come as so many.
_TYPED_MAX = 8 * TEXT_MAX
# Control characters, surrogates, line ends; and what Unicode may yet assign, since until then
# nobody knows how it normalises.
_UNFIT = frozenset({"Cc", "Cs", "Cn", "Zl", "Zp"})


def _check(what: str, seen: int, least: int, most: int) -> None:
    if type(seen) is not int or not least <= seen <= most:
        raise AuthenticationError(
            f"expected {what} from {least} to {most}, seen {seen!r}: hashed() and its presets of "
            "cost keep to that"
        )


class Cost(Struct, frozen=True, gc=False):
    """What one try costs the bank, and whoever guesses.

    Args:
        memory_kib: at least 8 a lane, at most 1,048,576 KiB.
        passes: over the memory, 1 to 64.
        lanes: that can be computed side by side, 1 to 16.

    Raises:
        AuthenticationError: a figure is out of range.
    """

    memory_kib: int
    passes: int
    lanes: int = 1

    def __post_init__(self) -> None:
        _check("lanes", self.lanes, 1, LANES_MAX)
        _check("passes", self.passes, 1, PASSES_MAX)
        _check("memory_kib", self.memory_kib, _LANE_KIB * self.lanes, MEMORY_MAX_KIB)


OWASP_MINIMUM = Cost(memory_kib=19_456, passes=2)
"""What OWASP's Password Storage Cheat Sheet asks of argon2id at least."""

INSECURE_SIMULATION = Cost(memory_kib=8, passes=1)
"""The least there is: for simulated users, whose passwords belong to nobody."""


class PasswordHash(Struct, frozen=True):
    """What is kept of a password. It shows its cost and nothing else.

    Args:
        salt: 16 to 64 bytes, others for each hash.
        cost: what it cost.
        digest: argon2id's, 32 bytes.

    Raises:
        AuthenticationError: salt or digest has another length.
    """

    salt: bytes
    cost: Cost
    digest: bytes

    def __post_init__(self) -> None:
        _check("bytes of salt", len(self.salt), SALT_MIN_BYTES, SALT_MAX_BYTES)
        _check("bytes of digest", len(self.digest), DIGEST_BYTES, DIGEST_BYTES)

    def matches(self, password: Secret | str) -> bool:
        """Whether it is this password; compared in constant time.

        What cannot be a password at all is none, and no work is done for it.
        """
        try:
            text = self._normalised(password)
        except AuthenticationError:
            return False
        return hmac.compare_digest(_digest(text, self.salt, self.cost), self.digest)

    @staticmethod
    def _normalised(password: Secret | str) -> str:
        return _password(password)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(cost={self.cost})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:  # or rich would show every field
        return [("cost", self.cost)]


class AnswerHash(PasswordHash, frozen=True):
    """What is kept of the answer to a question, likewise."""

    @staticmethod
    def _normalised(password: Secret | str) -> str:
        return _answer(password)


def hashed(password: Secret | str, salt: bytes, cost: Cost = OWASP_MINIMUM) -> PasswordHash:
    """The hash of a password.

    However a keyboard composes a character, it is the same one: the password is normalised first
    (NFKC, as NIST SP 800-63B recommends). Spaces count.

    Args:
        password: 4 to 128 characters, none of them a control character or unassigned.
        salt: 16 to 64 random bytes, drawn by the caller.
        cost: what it is to cost.

    Raises:
        AuthenticationError: the password or the salt is out of bounds; it shows neither.
    """
    text = _password(password)
    _check("bytes of salt", len(salt), SALT_MIN_BYTES, SALT_MAX_BYTES)
    return PasswordHash(salt, cost, _digest(text, salt, cost))


def hashed_answer(answer: Secret | str, salt: bytes, cost: Cost = OWASP_MINIMUM) -> AnswerHash:
    """The hash of an answer: as a password's, but of 1 to 128 characters, in any case and spacing.

    Raises:
        AuthenticationError: the answer or the salt is out of bounds; it shows neither.
    """
    text = _answer(answer)
    _check("bytes of salt", len(salt), SALT_MIN_BYTES, SALT_MAX_BYTES)
    return AnswerHash(salt, cost, _digest(text, salt, cost))


def _password(password: Secret | str) -> str:
    text = _raw(password)
    if len(text) <= _TYPED_MAX:
        text = unicodedata.normalize("NFKC", text)
    return _fit(text, "a password", PASSWORD_MIN)


def _answer(answer: Secret | str) -> str:
    text = _raw(answer)
    if len(text) <= _TYPED_MAX:
        # A compatibility caseless match (The Unicode Standard, D146): folding undoes normalising.
        for form in ("NFD", "NFKD"):
            text = unicodedata.normalize(form, text).casefold()
        text = " ".join(unicodedata.normalize("NFKC", text).split())
    return _fit(text, "an answer", 1)


def _raw(secret: Secret | str) -> str:
    return secret.reveal() if isinstance(secret, Secret) else secret


def _fit(text: str, what: str, least: int) -> str:
    if not least <= len(text) <= TEXT_MAX:
        raise AuthenticationError(
            f"expected {what} of {least} to {TEXT_MAX} characters, seen {len(text)}: "
            "choose another one"
        )
    if any(unicodedata.category(character) in _UNFIT for character in text):
        raise AuthenticationError(
            f"expected {what} of characters that can be typed, seen one that is a control "
            "character or unassigned: choose another one"
        )
    return text


def _digest(text: str, salt: bytes, cost: Cost) -> bytes:
    from argon2.low_level import Type, hash_secret_raw

    return hash_secret_raw(
        secret=text.encode(),
        salt=salt,
        time_cost=cost.passes,
        memory_cost=cost.memory_kib,
        parallelism=cost.lanes,
        hash_len=DIGEST_BYTES,
        type=Type.ID,
    )
