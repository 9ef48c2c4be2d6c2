"""What can go wrong with the wire protocol, short of a bad line: that is `Noise`, and no error.

HilError
└── WireError (ValueError)      something the wire protocol cannot carry or was not made for
    ├── MessageRefused          a payload which is no message, or one we do not take
    └── ExchangeFull            more is waiting for the peer than an exchange keeps
"""

from paybench.hil.errors import HilError


class WireError(HilError, ValueError):
    """Something the wire protocol cannot carry or was not made for."""


class MessageRefused(WireError):
    """A payload which is no message, or one we do not take; the sentence says what and where."""


class ExchangeFull(WireError):
    """More is waiting for the peer than an exchange keeps: it takes nothing, or too slowly."""
