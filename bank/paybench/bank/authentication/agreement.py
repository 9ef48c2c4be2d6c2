"""The agreement of shop and user on how the user is authenticated (claims 20-26)."""

import enum

from msgspec import Struct

from .method import Method, accuracy


class BillingDemand(Struct, frozen=True, gc=False):
    """What a billing terminal demands (claim 20).

    Args:
        method: the method it demands; None: any will do, or none.
        insists: it essentially requires this very method (claims 24, 25). Without a method there
            is nothing to insist on, and this counts as False.
    """

    method: Method | None = None
    insists: bool = False


class UserDemand(Struct, frozen=True, gc=False):
    """What a user demands whenever the user's account is to pay (claim 20).

    Args:
        method: the least accurate method the user wants to be authenticated by; None: any.
        no_portrait: the user's portrait is not to be shown to anybody (claims 24, 25). It also
            overrules the user's own demand of the portrait.
        adds_password: the password is asked for in addition, whatever else is (claim 26).
    """

    method: Method | None = None
    no_portrait: bool = False
    adds_password: bool = False


class Agreement(Struct, frozen=True):
    """What both sides agree on.

    Args:
        methods: each is carried out, in this order: from the least to the most accurate. Empty
            where nobody demands any.
    """

    methods: tuple[Method, ...] = ()


class Ground(enum.StrEnum):
    """Why there is no agreement."""

    PORTRAIT_REFUSED = "portrait-refused"
    """The shop insists on the portrait, the user does not show it (claim 25)."""
    INSISTED_UNAVAILABLE = "insisted-unavailable"
    """The shop insists on what the user has not registered (claim 22)."""
    OWN_UNAVAILABLE = "own-unavailable"
    """The user's demand is of what the user has not registered (claim 22)."""
    NOTHING_AVAILABLE = "nothing-available"
    """The shop would take something else, but there is no password either (claim 22)."""


class Disagreement(Struct, frozen=True):
    """The authentication is refused, and the payer is told (claims 22, 25).

    Args:
        reason: why.
        method: the method that could not be had.
    """

    reason: Ground
    method: Method

    @property
    def sentence(self) -> str:
        """The same for the payer to read."""
        return _SENTENCES[self.reason].format(method=_NOUNS[self.method])


_NOUNS = {
    Method.QUESTION: "a personal question",
    Method.PASSWORD: "a password",
    Method.VOICE: "your voice",
    Method.PORTRAIT: "your portrait",
    Method.FINGERPRINT: "your fingerprint",
    Method.IRIS: "your iris",
}

_SENTENCES = {
    Ground.PORTRAIT_REFUSED: (
        "No agreement on the method of authentication: the shop requires {method}, and you do "
        "not have it shown."
    ),
    Ground.INSISTED_UNAVAILABLE: (
        "No agreement on the method of authentication: the shop requires {method}, which is not "
        "registered or cannot be taken here."
    ),
    Ground.OWN_UNAVAILABLE: (
        "No agreement on the method of authentication: you require {method}, which is not "
        "registered or cannot be taken here."
    ),
    Ground.NOTHING_AVAILABLE: (
        "No agreement on the method of authentication: the shop asks for {method}. Without it a "
        "password is needed, and none is registered."
    ),
}


def agree(
    billing: BillingDemand, user: UserDemand, registered: frozenset[Method]
) -> Agreement | Disagreement:
    """Select what both sides can live with (claim 20). Pure: the same demands, the same answer.

    - Of the two demanded methods, the more accurate one is carried out (claim 21).
    - A method the shop insists on is carried out in any case: beside the user's, where that is
      more accurate. If the user refuses it (claim 25) or has not registered it (claim 22), there
      is no agreement.
    - A shop that does not insist gets another method where its own cannot be had: the user's, or
      else the password (claim 24; the same for what is not registered).
    - The user's demand is a floor: what is carried out is that or something more accurate, or
      there is no agreement (claim 22). No shop can talk a user's account down to less.
    - The user's additional password comes on top, once (claim 26).

    Any two methods differ in accuracy, so "does not match" (claim 22) cannot mean "is not the
    same", or claim 21 would be empty: it means that what one side requires cannot be had.

    Args:
        billing: the billing terminal's demand.
        user: the user's.
        registered: what the user has registered, less what cannot be carried out at these
            terminals: a vending machine has no clerk to look at a portrait.
    """
    allowed = registered - {Method.PORTRAIT} if user.no_portrait else registered
    own = None if user.no_portrait and user.method is Method.PORTRAIT else user.method
    insisted = billing.method if billing.insists else None
    if insisted and insisted not in allowed:
        refused = insisted is Method.PORTRAIT and user.no_portrait
        ground = Ground.PORTRAIT_REFUSED if refused else Ground.INSISTED_UNAVAILABLE
        return Disagreement(ground, insisted)
    demanded = [method for method in (billing.method, own) if method and method in allowed]
    if not demanded and (billing.method or own) and Method.PASSWORD in allowed:
        demanded = [Method.PASSWORD]
    chosen = max(demanded, key=accuracy) if demanded else None
    if own and (chosen is None or accuracy(chosen) < accuracy(own)):
        return Disagreement(Ground.OWN_UNAVAILABLE, own)
    if billing.method and chosen is None:
        return Disagreement(Ground.NOTHING_AVAILABLE, billing.method)
    if user.adds_password and Method.PASSWORD not in allowed:
        return Disagreement(Ground.OWN_UNAVAILABLE, Method.PASSWORD)
    added = Method.PASSWORD if user.adds_password else None
    methods = {chosen, insisted, added}
    return Agreement(tuple(method for method in Method if method in methods))
