"""What a message on a link is."""

from __future__ import annotations

import msgspec


class Message(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Base of everything devices say to each other.

    Messages are values: frozen, comparable, encodable. Their tag is the class's name. Fields
    that hold secrets have the type `paybench.bank.secret.Secret`, so traces show dots.
    """

    @property
    def correlation(self) -> str:
        """Id of the settlement (or session) this message belongs to; "" for none."""
        return ""
