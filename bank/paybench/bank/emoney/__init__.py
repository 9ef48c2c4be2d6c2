"""Electronic money: data signed by the bank that pass from purse to purse (Fig 8, [0092]-[0103]).

Reading order: `datum` (what circulates), `request` and `value` (a transfer), `redemption`, `mint`.
"""

from .certificate import Certificate
from .datum import HANDS_MAX, Datum, Endorsement, Mintage
from .fork import Fork
from .mint import DoubleSpender, Issuance, Mint
from .mint_storage import MemoryMintStorage, MintStorage
from .redemption import ORDER_DATA_MAX, Redemption, RedemptionResult
from .refusal import Refusal
from .request import Request
from .signing import SigningKey
from .value import DATA_MAX, Receipt, Value

__all__ = [
    "DATA_MAX",
    "HANDS_MAX",
    "ORDER_DATA_MAX",
    "Certificate",
    "Datum",
    "DoubleSpender",
    "Endorsement",
    "Fork",
    "Issuance",
    "MemoryMintStorage",
    "Mint",
    "MintStorage",
    "Mintage",
    "Receipt",
    "Redemption",
    "RedemptionResult",
    "Refusal",
    "Request",
    "SigningKey",
    "Value",
]
