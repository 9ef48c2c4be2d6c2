"""What a log record says of a settlement."""

import enum


class Kind(enum.StrEnum):
    """What became of a settlement, one record after the other.

    A settlement begins as settled, provisory or refused. A provisory one becomes formal, or is
    cancelled or reversed; a settled or formal one may be reversed. Or it begins as held, and is
    captured, voided or expires; a captured one may be reversed.
    """

    SETTLED = "settled"
    PROVISORY = "provisory"
    REFUSED = "refused"
    FORMAL = "formal"
    CANCELLED = "cancelled"
    REVERSED = "reversed"
    HELD = "held"
    CAPTURED = "captured"
    VOIDED = "voided"
    EXPIRED = "expired"
