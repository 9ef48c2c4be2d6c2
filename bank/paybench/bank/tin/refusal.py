"""Why a settlement by TIN does not go on."""

import enum


class Refusal(enum.StrEnum):
    """Why an apparatus refused. Each has a `sentence` that payer and shop alike may read."""

    UNREGISTERED_TERMINAL = "unregistered-terminal"
    WRONG_LINE = "wrong-line"
    UNREGISTERED_CALLER = "unregistered-caller"
    BLOCKED_USER = "blocked-user"
    MALFORMED = "malformed"
    BUSY = "busy"
    TOO_MANY_TRIES = "too-many-tries"
    TYPING_ERROR = "typing-error"
    UNKNOWN_TIN = "unknown-tin"
    EXPIRED = "expired"
    USED = "used"
    NO_METHOD = "no-method"
    DISAGREEMENT = "disagreement"
    AUTHENTICATION_FAILED = "authentication-failed"
    LOCKED_OUT = "locked-out"
    UNKNOWN_SESSION = "unknown-session"
    WRONG_STATE = "wrong-state"
    AMOUNT_NOT_PAYABLE = "amount-not-payable"
    NEEDS_CONSENT = "needs-consent"
    OVER_AVAILABLE = "over-available"
    NOT_SETTLED = "not-settled"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"

    @property
    def sentence(self) -> str:
        """The reason in one sentence; it names no figures."""
        return _SENTENCES[self]


_SENTENCES = {
    Refusal.UNREGISTERED_TERMINAL: "No billing terminal is registered under this id.",
    Refusal.WRONG_LINE: "The terminal is registered for another line.",
    Refusal.UNREGISTERED_CALLER: "Nobody is registered under this calling number.",
    Refusal.BLOCKED_USER: "This calling number is blocked at present.",
    Refusal.MALFORMED: "A request id is 1 to 64 printable ASCII characters.",
    Refusal.BUSY: "There are too many open sessions: close one, or try again later.",
    Refusal.TOO_MANY_TRIES: "There were too many wrong numbers: try again later.",
    Refusal.TYPING_ERROR: "This cannot be a transaction number: type it once more.",
    Refusal.UNKNOWN_TIN: "This is not the number of any transaction.",
    Refusal.EXPIRED: "The time for this transaction is over: ask for a new number.",
    Refusal.USED: "This transaction number has been used: ask for a new one.",
    Refusal.NO_METHOD: "The terminal has not said how the user is to be authenticated.",
    Refusal.DISAGREEMENT: "Shop and payer do not agree on a method of authentication.",
    Refusal.AUTHENTICATION_FAILED: "The payer could not be authenticated.",
    Refusal.LOCKED_OUT: "The payer could not be authenticated too often: try again later.",
    Refusal.UNKNOWN_SESSION: "You have no session of this name.",
    Refusal.WRONG_STATE: "This cannot be done at this point of the transaction.",
    Refusal.AMOUNT_NOT_PAYABLE: "The amount must be more than zero, in the bank's currency.",
    Refusal.NEEDS_CONSENT: "A restriction on which the shop decides cannot be billed here.",
    Refusal.OVER_AVAILABLE: "The amount is more than the payer has available.",
    Refusal.NOT_SETTLED: "The bank did not settle.",
    Refusal.DECLINED: "The payer declined.",
    Refusal.WITHDRAWN: "The shop withdrew.",
}
