"""Profiles: how the scanners of a maker are set when they leave the factory, and what overrides it.

docs/scanner.md has the facts behind each, and says which are certain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from paybench.hil.errors import SpecError
from paybench.hil.handshake import HANDSHAKES
from paybench.hil.payload import PayloadRule
from paybench.hil.scanner import NO_SUFFIX, ScannerCodec, preamble, terminator
from paybench.hil.spec import nearest
from paybench.hil.ssi import SsiCodec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paybench.hil.payload import ReaderCodec

NO_ACK, SSI_ACK = "none", "ssi"
GAP_S = (0.001, 10.0)

OPTIONS = {
    "profile": "generic (default), honeywell, datalogic, newland or zebra-ssi: presets of the rest",
    "prefix": "what stands before each payload: text, or hex as 0x02",
    "suffix": "what ends a payload: CR (default), LF, CRLF, TAB, hex as 0x0D0A, or NONE: a silence",
    "gap": "that silence, in seconds, default 0.05; with zebra-ssi: within a packet, default 0.1",
    "aim": "yes if the scanner sends AIM identifiers such as ]E0, default no",
    "ack": "what the scanner waits for after a code: none (default), ack-nak, host-ack or ssi",
}


class Profile(msgspec.Struct, frozen=True):
    """Presets of the options of the same names.

    Attributes:
        packets: Whether codes come in SSI packets.
    """

    suffix: str = "CR"
    prefix: str = ""
    gap: str = "0.05"
    aim: str = "no"
    ack: str = NO_ACK
    packets: bool = False


PROFILES = {
    "generic": Profile(),
    "honeywell": Profile(),
    "datalogic": Profile(),
    "newland": Profile(),
    "zebra-ssi": Profile(suffix=NO_SUFFIX, gap="0.1", ack=SSI_ACK, packets=True),
}


def reader_codec(options: Mapping[str, str]) -> ReaderCodec:
    """The codec for what a spec says of its reader; other options are not looked at.

    Raises:
        SpecError: An option is malformed, or two of them do not go together.
    """
    profile = settings(options)
    suffix, prefix = terminator(profile.suffix), preamble(profile.prefix)
    aim, gap_ns = yes("aim", profile.aim), gap_in_ns(profile.gap)
    if profile.packets:
        _choose("ack", profile.ack, (SSI_ACK, NO_ACK))
        answers = profile.ack == SSI_ACK
        return SsiCodec(PayloadRule(prefix, aim=aim), suffix, gap_ns=gap_ns, answers=answers)
    _choose("ack", profile.ack, (NO_ACK, *HANDSHAKES))
    if suffix and "gap" not in options:
        gap_ns = 0  # the preset is for those who have no suffix
    handshake = HANDSHAKES.get(profile.ack)
    return ScannerCodec(prefix, suffix, gap_ns=gap_ns, aim=aim, handshake=handshake)


def settings(options: Mapping[str, str]) -> Profile:
    """The profile that options name, with what they override.

    Raises:
        SpecError: There is no such profile.
    """
    name = options.get("profile", "generic")
    if name not in PROFILES:
        raise SpecError(f"profile={name!r}: there is none{nearest(name, PROFILES)}")
    fields = ("suffix", "prefix", "gap", "aim", "ack")
    return msgspec.structs.replace(
        PROFILES[name], **{field: options[field] for field in fields if field in options}
    )


def yes(key: str, word: str) -> bool:
    """Whether an option that is yes or no is yes.

    Raises:
        SpecError: It is neither.
    """
    _choose(key, word, ("yes", "no"))
    return word == "yes"


def gap_in_ns(text: str) -> int:
    """A gap in seconds, as text, in nanoseconds.

    Raises:
        SpecError: It is no number, or none a reader could keep to.
    """
    low, high = GAP_S
    try:
        seconds = float(text) if text.isascii() else 0.0
    except ValueError:
        seconds = 0.0
    if not low <= seconds <= high:
        raise SpecError(
            f"gap={text!r}: expected seconds from {low:g} to {high:g}, such as gap=0.05"
        )
    return round(seconds * 1e9)


def _choose(key: str, word: str, words: tuple[str, ...]) -> None:
    if word not in words:
        raise SpecError(f"{key}={word!r}: expected one of {', '.join(words)} here")
