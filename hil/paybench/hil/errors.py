"""What can go wrong with a real thing.

HilError
├── SpecError (ValueError)      a part's spec is malformed
│   └── BenchError              a bench file is malformed
├── PortUnavailable             the port is missing, busy or not permitted
│   ├── PortLocked              another run holds the thing, or took it over
│   └── ResetFailed             the command or the bytes that reset the thing did not
├── PortLost                    the port went away while in use
├── CodeError                   an image gave no payload
│   ├── DecoderMissing          the decoder asked for is unknown here or not installed
│   └── CodeUnreadable          not an image, too large, or no code found in it
├── ScannerError (ValueError)   a payload which a scanner cannot put on the wire
├── EmvcoError (ValueError)     a payment code that breaks its rules: drawn in emvco.py
└── WireError (ValueError)      what the wire protocol cannot carry: drawn in wire/errors.py
"""


class HilError(Exception):
    """Anything raised by `paybench.hil` on purpose."""


class SpecError(HilError, ValueError):
    """A part's spec is malformed: correct it where it is written."""


class BenchError(SpecError):
    """A bench file is malformed; its text begins with the file and the line."""


class PortUnavailable(HilError):
    """The port cannot be opened: it is missing, busy or not permitted."""


class PortLocked(PortUnavailable):
    """Another run holds the real thing, or has taken it over from this one."""


class ResetFailed(PortUnavailable):
    """The command or the bytes that put the real thing into its starting state failed."""


class PortLost(HilError):
    """The port went away while in use, e.g. the cable was pulled."""


class CodeError(HilError):
    """An image gave no payload."""


class DecoderMissing(CodeError):
    """The decoder asked for is not known, or not installed on this machine."""


class CodeUnreadable(CodeError):
    """The file is missing, is no image, is too large, or shows no code the decoder can read."""


class ScannerError(HilError, ValueError):
    """A payload which a bar code scanner cannot put on the wire."""
