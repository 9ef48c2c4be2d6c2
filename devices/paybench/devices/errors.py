"""Everything the devices room raises.

DeviceError
├── ClockError          the environment was asked for something time does not do
│   └── Unsettled       a verb did not come to rest within its limit
├── RouteError          a message has nowhere to go: port without a link, unknown peer
├── ReceiveGivenUp      somebody waits for a receive that was given up before
├── ChannelError        what came over an encoded channel does not open, or nobody is there
├── PartSilent          a part was waited for and nothing came from it
├── UnexpectedReading   a reader read something else than it was given
├── OutOfOrder          a person pressed what the device cannot do in its state
├── PlainProfileError   a code is none of our own: drawn in plain_profile.py
├── TraceError          a trace file is broken, or of another version
├── CardMessageError    bytes that are no card message, or not from who they should be from
└── Diverged            a replay did what the recording did not
"""

from __future__ import annotations


class DeviceError(Exception):
    """Base of everything this room raises; its text is one sentence for a person."""


class ClockError(DeviceError):
    """The environment was asked for something time does not do."""


class Unsettled(ClockError):
    """The world was still busy at the end of the time a verb has to settle in."""


class RouteError(DeviceError):
    """A message has nowhere to go."""


class ReceiveGivenUp(DeviceError):
    """A receive nobody listened to any more was waited for again."""


class ChannelError(DeviceError):
    """Something is wrong with an encoded channel, or with what came over it."""


class PartSilent(DeviceError):
    """A part was waited for and nothing usable came from it.

    Attributes:
        part: Full name of the part, e.g. ``A.register.scanner``.
        heard: What did come, if anything: tells a dark part from one that talks nonsense.
    """

    def __init__(self, part: str, sentence: str, heard: str = "") -> None:
        super().__init__(sentence)
        self.part = part
        self.heard = heard


class Unmet(DeviceError, AssertionError):
    """An expectation did not come to hold.

    Attributes:
        who: Whose business it was.
        expected: What was expected.
        seen: What was there instead.
    """

    def __init__(self, who: str, expected: str, seen: str) -> None:
        super().__init__(f"{who}: expected {expected}, seen {seen}")
        self.who = who
        self.expected = expected
        self.seen = seen


class UnexpectedReading(DeviceError):
    """A reader read something else than what was held before it."""


class OutOfOrder(DeviceError):
    """A verb does not fit the state the device is in."""


class TraceError(DeviceError):
    """A trace file cannot be read as one of this version."""


class CardMessageError(DeviceError):
    """Bytes between a card terminal and a card company that are no message, or not authentic."""


class Diverged(DeviceError):
    """A replay did something the recording did not, or the other way round.

    Attributes:
        line: Number of the first differing line, the header being line 1.
    """

    def __init__(self, sentence: str, line: int = 0) -> None:
        super().__init__(sentence)
        self.line = line
