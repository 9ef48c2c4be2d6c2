"""What can go wrong between a bank and its clients.

HilError
├── PortUnavailable
│   └── BankUnreachable     the bank cannot be reached, or does not let us in
│       └── AnswerLost      the connection was lost, and nobody knows whether it was done
└── FaceError
    ├── FrameError          bytes that are no frame, or no message
    ├── FaceFileError       a file of keys, a client's file or a certificate cannot be used
    └── RightsMissing       the device may not ask this of the bank
"""

from __future__ import annotations

from paybench.hil.errors import HilError, PortUnavailable


class BankUnreachable(PortUnavailable):
    """The bank cannot be reached, or does not let this device in: the run is *blocked*."""


class AnswerLost(BankUnreachable):
    """The connection was lost before the answer, and asking again would be asking twice."""


class FaceError(HilError):
    """What is raised about the bank's network face, beside an unreachable bank."""


class FrameError(FaceError):
    """Bytes that are no frame or no message: whoever sent them is dropped."""


class FaceFileError(FaceError):
    """A file of keys, a client's file or a certificate is missing, malformed or open to others."""


class RightsMissing(FaceError):
    """The device's key does not carry the right to what it asked for."""
