"""The wedge driver: a HID scanner, which is a keyboard, read through the kernel's evdev.

    wedge:/dev/input/event5
    wedge:/dev/input/by-id/usb-Honeywell_Scanner-event-kbd?suffix=TAB

The keyboard is grabbed: while it is ours, what it types goes nowhere else. What is recorded are
the bytes of the input_event structs, which a replay decodes again. docs/wedge.md tells the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.devices.scanner import Scanner
from paybench.hil.errors import SpecError
from paybench.hil.keyboard import Keyboard
from paybench.hil.keys import KeyCodec
from paybench.hil.payload import PayloadRule
from paybench.hil.pluggable import RECONNECT, PluggableDriver
from paybench.hil.profile import gap_in_ns, yes
from paybench.hil.reader import ByteReader
from paybench.hil.scanner import preamble

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.devices.part import Part
    from paybench.devices.world import World
    from paybench.hil.spec import Spec

OPTIONS = {
    "prefix": "what is typed before each payload: text",
    "suffix": "the key that ends a payload: ENTER (default), TAB, or NONE: a silence",
    "gap": "that silence, in seconds, default 0.1; with suffix=NONE only",
    "aim": "yes if the scanner types AIM identifiers such as ]E0, default no",
} | RECONNECT


class WedgeDriver(PluggableDriver):
    """A keyboard wedge. `kinds`: scanner."""

    kinds = frozenset({Scanner.kind})
    options = OPTIONS

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec, Keyboard(spec.address))
        suffix = spec.options.get("suffix", "ENTER")
        if "gap" in spec.options and suffix != "NONE":
            raise SpecError(f"gap means nothing beside suffix={suffix}: drop it, or suffix=NONE")
        rule = PayloadRule(
            preamble(spec.options.get("prefix", "")), aim=yes("aim", spec.options.get("aim", "no"))
        )
        self._codec = KeyCodec(suffix, rule, gap_in_ns(spec.options.get("gap", "0.1")))

    def stand_in(self, part: Part, world: World, operator: Callable[[str], None]) -> None:
        """Take the place of a scanner.

        Raises:
            SpecError: The part is of another kind.
        """
        if not isinstance(part, Scanner):
            raise SpecError(f"a keyboard wedge cannot be {part.name}, which is a {part.kind}")
        source = part.operated = ByteReader(part, world, self._codec, operator)
        self.attach(part, world, source)
