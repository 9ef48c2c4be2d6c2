"""Specs: how a real part is named in one word, e.g. ``serial:/dev/ttyACM0?baud=115200``."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

import msgspec

from paybench.hil.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


NAMED_MAX = 20
"""So many names are listed to somebody who mistyped one."""


class Spec(msgspec.Struct, frozen=True):
    """A driver's name, the address of the thing, and options.

    Attributes:
        driver: Name of the driver, as its entry point is called.
        address: Where the thing is; what it looks like is the driver's business.
        options: What else the driver shall know, by option name.
    """

    driver: str
    address: str
    options: dict[str, str] = {}

    @classmethod
    def parse(cls, text: str) -> Spec:
        """Read ``driver:address?option=value&option=value``.

        Raises:
            SpecError: It is not of that form, or names an option twice.
        """
        driver, colon, rest = text.partition(":")
        address, _, query = rest.partition("?")
        if not colon or not driver or not address:
            raise SpecError(
                f"{text!r} is no spec: write driver:address, e.g. serial:/dev/ttyACM0 or "
                f"serial:/dev/ttyACM0?baud=115200&suffix=CRLF"
            )
        options: dict[str, str] = {}
        for pair in query.split("&") if query else []:
            key, equals, value = pair.partition("=")
            if not key or not equals:
                raise SpecError(f"{pair!r} in {text!r} is no option: write option=value")
            if key in options:
                raise SpecError(f"the option {key!r} stands twice in {text!r}: drop one")
            options[key] = value
        return cls(driver, address, options)

    def check_options(self, known: Mapping[str, object]) -> None:
        """See to it that every option is one the driver knows.

        Raises:
            SpecError: One is not; the error names the nearest that is.
        """
        for key in self.options:
            if key not in known:
                raise SpecError(
                    f"the {self.driver} driver has no option {key!r}{nearest(key, known)}"
                )

    def number(self, key: str, default: int, low: int, high: int) -> int:
        """An option as an integer.

        Raises:
            SpecError: It is none, or not from `low` to `high`.
        """
        text = self.options.get(key, str(default))
        if not text.isascii() or not text.isdecimal() or not low <= int(text) <= high:
            raise SpecError(f"{key}={text!r}: expected a whole number from {low} to {high}")
        return int(text)

    def choice(self, key: str, *words: str) -> str:
        """An option that is one of a few words; the first is the default.

        Raises:
            SpecError: It is none of them.
        """
        word = self.options.get(key, words[0])
        if word not in words:
            raise SpecError(f"{key}={word!r}: expected one of {', '.join(words)}")
        return word


def real_parts(words: Iterable[str]) -> dict[str, str]:
    """The specs by part of ``ROLE.PART=SPEC``, or ``ROLE=SPEC`` for a whole device, each.

    Raises:
        SpecError: A word is not of that form, or a part is given twice. The specs are not looked
            at.
    """
    real: dict[str, str] = {}
    for word in words:
        part, _, spec = word.partition("=")
        if not part or not spec:
            raise SpecError(
                f"{word!r}: write ROLE.PART=DRIVER:ADDRESS, or ROLE=DRIVER:ADDRESS for a whole "
                f"device, e.g. register.scanner=serial:/dev/ttyACM0 or phone=tcp:10.0.0.9:4001"
            )
        if part in real:
            raise SpecError(f"{part} is given twice: drop one")
        real[part] = spec
    return real


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown word: the nearest one, and all there are.

    More than `NAMED_MAX` are counted and not named: nobody would read them.
    """
    names = sorted(known)
    close = get_close_matches(word, names, n=1, cutoff=0.5)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    if len(names) > NAMED_MAX:
        return f"{meant} (there are {len(names)})"
    return f"{meant} (there are: {', '.join(names)})"
