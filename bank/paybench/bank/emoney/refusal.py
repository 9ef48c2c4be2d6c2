"""Why a purse or the mint does not take what it was given."""

import enum


class Refusal(enum.StrEnum):
    """Why electronic money was refused. Each has a `sentence` for the person at the device."""

    CERTIFICATE_FORGED = "certificate-forged"
    REQUEST_FORGED = "request-forged"
    OTHER_CURRENCY = "other-currency"
    AMOUNT_OUT_OF_RANGE = "amount-out-of-range"
    SAME_PURSE = "same-purse"
    DECLINED = "declined"
    INSUFFICIENT = "insufficient"
    REDEEM_FIRST = "redeem-first"
    SCATTERED = "scattered"
    TOO_MANY_UNDER_WAY = "too-many-under-way"
    PAID_BEFORE = "paid-before"
    OVERSIZED = "oversized"
    NOT_ISSUED = "not-issued"
    NOT_ENDORSED = "not-endorsed"
    EXCEEDS = "exceeds"
    OTHER_OWNER = "other-owner"
    OTHER_TRANSFER = "other-transfer"
    OTHER_AMOUNT = "other-amount"
    OVERLAPS = "overlaps"
    UNKNOWN_TRANSFER = "unknown-transfer"
    RECEIPT_FORGED = "receipt-forged"
    RESULT_FORGED = "result-forged"
    UNKNOWN_PURSE = "unknown-purse"
    UNKNOWN_ACCOUNT = "unknown-account"
    ORDER_FORGED = "order-forged"
    CONDITIONAL = "conditional"

    @property
    def sentence(self) -> str:
        """The reason in one sentence; it names no figures."""
        return _SENTENCES[self]


_SENTENCES = {
    Refusal.CERTIFICATE_FORGED: "The bank has not certified this purse.",
    Refusal.REQUEST_FORGED: "The purse that is to be paid has not signed this request.",
    Refusal.OTHER_CURRENCY: "The purse does not hold this currency.",
    Refusal.AMOUNT_OUT_OF_RANGE: "The amount is not one that can be paid.",
    Refusal.SAME_PURSE: "Payer and payee are the same purse.",
    Refusal.DECLINED: "The payer declined.",
    Refusal.INSUFFICIENT: "The purse holds too little.",
    Refusal.REDEEM_FIRST: "Part of what the purse holds can only be redeemed at the bank.",
    Refusal.SCATTERED: "What the purse holds is in too many pieces: redeem some at the bank.",
    Refusal.TOO_MANY_UNDER_WAY: "Too many payments have not been acknowledged yet.",
    Refusal.PAID_BEFORE: "This request was paid before.",
    Refusal.OVERSIZED: "There is more of it than a purse takes at once.",
    Refusal.NOT_ISSUED: "The bank has not issued this electronic money.",
    Refusal.NOT_ENDORSED: "One of its owners has not passed it on.",
    Refusal.EXCEEDS: "One of its owners passed on what was not theirs.",
    Refusal.OTHER_OWNER: "It is made out to another purse.",
    Refusal.OTHER_TRANSFER: "It is made out for another transfer.",
    Refusal.OTHER_AMOUNT: "It is not the amount that was asked for.",
    Refusal.OVERLAPS: "Part of it is here already, so one of its owners has spent it twice.",
    Refusal.UNKNOWN_TRANSFER: "The purse has not asked for this, or no longer knows that it did.",
    Refusal.RECEIPT_FORGED: "The purse that was paid has not signed this receipt.",
    Refusal.RESULT_FORGED: "The bank has not signed this result for this demand.",
    Refusal.UNKNOWN_PURSE: "The bank knows no such purse.",
    Refusal.UNKNOWN_ACCOUNT: "There is no such account to pay into.",
    Refusal.ORDER_FORGED: "The purse has not signed this demand.",
    Refusal.CONDITIONAL: "Electronic money is not issued for a payment that may be taken back.",
}
