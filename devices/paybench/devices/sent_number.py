"""A number that a telephone has sent (T3): which answers are to it, and which to those before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from paybench.bank.tin import Connected, Refused
from paybench.bank.tin.synchroniser import ABOUT_MAX

if TYPE_CHECKING:
    from paybench.bank.tin import AuthenticationResult, Receipt

FORMER_MAX = 8
"""So many numbers a telephone remembers after the next one was sent."""


class SentNumber(Protocol):
    """What a telephone knows of a transaction whose number it has sent.

    Attributes:
        tin: The number.
        session: The apparatus' name of the transaction; "" as long as nobody has told it.
        former: Numbers of the last few transactions by session: what is still said of those is
            not about this one, unless it is the same number once more.
    """

    tin: str
    session: str
    former: dict[str, str]


def former_numbers(last: SentNumber | None) -> dict[str, str]:
    """The numbers before the next one, by session.

    Args:
        last: The one that was sent last, or None.
    """
    if last is None:
        return {}
    named = {last.session: last.tin} if last.session else {}
    return dict([*last.former.items(), *named.items()][-FORMER_MAX:])


def answers(body: object, sent: SentNumber, finished: type[AuthenticationResult | Receipt]) -> bool:
    """Whether something answers T3; nobody has told the session's name before.

    Args:
        body: What was said.
        sent: The number.
        finished: What is said of a number whose transaction has been finished by this telephone.
    """
    if isinstance(body, Refused):
        if body.session:  # refused as soon as it was synchronised
            return sent.former.get(body.session, sent.tin) == sent.tin
        return body.about == sent.tin[:ABOUT_MAX]
    if isinstance(body, finished):
        return sent.former.get(body.session) == sent.tin
    return isinstance(body, Connected) and body.tin == sent.tin
