"""Reasons: why the bank did not do what was asked."""

import enum


class Reason(enum.StrEnum):
    """Why the bank refused. Each has a `sentence` for the person in front of the device."""

    ID_MALFORMED = "id-malformed"
    AMOUNT_NOT_POSITIVE = "amount-not-positive"
    CURRENCY_MISMATCH = "currency-mismatch"
    SAME_ACCOUNT = "same-account"
    UNKNOWN_PAYER = "unknown-payer"
    APPROVAL_MISSING = "approval-missing"
    APPROVAL_ALTERED = "approval-altered"
    ID_REUSED = "id-reused"
    APPROVAL_REPLAYED = "approval-replayed"
    UNKNOWN_PAYEE = "unknown-payee"
    INSUFFICIENT_BALANCE = "insufficient-balance"
    BALANCE_BLOCKED = "balance-blocked"
    AGE_UNKNOWN = "age-unknown"
    UNDER_AGE = "under-age"
    CONSENT_WANTED = "consent-wanted"
    CONSENT_DENIED = "consent-denied"
    CONSENT_OVERDUE = "consent-overdue"
    UNKNOWN_SETTLEMENT = "unknown-settlement"
    CANCELLED = "cancelled"
    REVERSED = "reversed"
    COOLING_OFF_OVER = "cooling-off-over"
    NOTHING_TO_GIVE_BACK = "nothing-to-give-back"
    PAYEE_BALANCE_TOO_LOW = "payee-balance-too-low"
    BANKS_OWN = "banks-own"
    UNKNOWN_ACCOUNT = "unknown-account"
    NO_KEY = "no-key"
    SIGNATURE_WRONG = "signature-wrong"
    PROOF_REPLAYED = "proof-replayed"
    LINKED = "linked"
    HELD = "held"
    EXPIRED = "expired"
    NOTHING_HELD = "nothing-held"
    MORE_THAN_HELD = "more-than-held"
    CAPTURED_ALREADY = "captured-already"
    ACCOUNT_CLOSED = "account-closed"

    @property
    def sentence(self) -> str:
        """The reason in one sentence. It names no figures: a payee may read it."""
        return _SENTENCES[self]


_SENTENCES = {
    Reason.ID_MALFORMED: "A settlement id is 1 to 64 printable ASCII characters.",
    Reason.AMOUNT_NOT_POSITIVE: "The amount must be more than zero.",
    Reason.CURRENCY_MISMATCH: "The bank does not keep accounts in this currency.",
    Reason.SAME_ACCOUNT: "Payer and payee are the same account.",
    Reason.UNKNOWN_PAYER: "The payer has no account here.",
    Reason.APPROVAL_MISSING: "The payer has not signed, or the payer's account has no key.",
    Reason.APPROVAL_ALTERED: "The approval does not match what is to be settled.",
    Reason.ID_REUSED: "This settlement id belongs to another settlement.",
    Reason.APPROVAL_REPLAYED: "The approval's counter was used before or is too old.",
    Reason.UNKNOWN_PAYEE: "The payee has no account here.",
    Reason.INSUFFICIENT_BALANCE: "The payer's balance is too low.",
    Reason.BALANCE_BLOCKED: "The payer's money is blocked until a cooling-off period has passed.",
    Reason.AGE_UNKNOWN: "The bank has no date of birth of the payer on record.",
    Reason.UNDER_AGE: "The payer is below the age that the article is sold at.",
    Reason.CONSENT_WANTED: "The payer is below the age that was set: the shop has to decide.",
    Reason.CONSENT_DENIED: "The payer is below the age that was set, and the shop said no.",
    Reason.CONSENT_OVERDUE: "The payer is below the age that was set, and the shop did not answer.",
    Reason.UNKNOWN_SETTLEMENT: "The bank knows no settlement with this id.",
    Reason.CANCELLED: "The payer cancelled, and has the money back.",
    Reason.REVERSED: "The payee gave the money back, or will not take it.",
    Reason.COOLING_OFF_OVER: "There is no cooling-off period, or it has passed.",
    Reason.NOTHING_TO_GIVE_BACK: "Nothing was paid under this id, and nothing will be.",
    Reason.PAYEE_BALANCE_TOO_LOW: "The payee's balance is too low to give this back now.",
    Reason.BANKS_OWN: "The bank itself paid this, and only the bank takes it back.",
    Reason.UNKNOWN_ACCOUNT: "There is no such account here.",
    Reason.NO_KEY: "The account has no key to sign with.",
    Reason.SIGNATURE_WRONG: "This was not signed by the account's holder for this purpose.",
    Reason.PROOF_REPLAYED: "The proof's counter was used before or is too old.",
    Reason.LINKED: "Another settlement that this one is linked to was refused.",
    Reason.HELD: "The amount is held for the payee, who has yet to capture it.",
    Reason.EXPIRED: "The payee has not captured in time: nothing is held any more.",
    Reason.NOTHING_HELD: "This was settled at once; there is nothing to capture.",
    Reason.MORE_THAN_HELD: "No more can be captured than is held.",
    Reason.CAPTURED_ALREADY: "Another amount was captured, and that is once for all.",
    Reason.ACCOUNT_CLOSED: "The account is closed.",
}
