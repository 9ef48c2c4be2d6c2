"""The bank core: accounts, approvals and settlements, pure Python with no I/O but its storage.

The durable storage is `paybench.bank.storage.sqlite.SqliteStorage`, imported where it is used.
"""

from .account import CAPITAL, ESCROW, ISSUER, AccountNumber
from .any_bank import AnyBank
from .approval import Approval, ReplayWindow, canonical_bytes, sign, verify
from .bank import Bank
from .errors import (
    AccountError,
    AccountExistsError,
    AccountUnknownError,
    ApprovalError,
    BankError,
    BusyError,
    EmoneyError,
    FundingError,
    MoneyError,
    RestrictionError,
    StorageBrokenError,
    StorageBusyError,
    StorageError,
    StorageVersionError,
)
from .group import Batch, Mode
from .money import Money
from .opening import Opening
from .outcome import Outcome, State
from .proof import Authentication, Proof, prove
from .reason import Reason
from .recall import Cancellation, Capture, Reversal
from .restriction import Consent, DecidedBy, Held, Restriction
from .servers import ServerStatus
from .settlement import SettlingInformation
from .settlement_id import SettlementIds
from .storage import DataFile, Entry, Kind, LogRecord, Storage
from .storage.memory import MemoryStorage

__all__ = [
    "CAPITAL",
    "ESCROW",
    "ISSUER",
    "AccountError",
    "AccountExistsError",
    "AccountNumber",
    "AccountUnknownError",
    "AnyBank",
    "Approval",
    "ApprovalError",
    "Authentication",
    "Bank",
    "BankError",
    "Batch",
    "BusyError",
    "Cancellation",
    "Capture",
    "Consent",
    "DataFile",
    "DecidedBy",
    "EmoneyError",
    "Entry",
    "FundingError",
    "Held",
    "Kind",
    "LogRecord",
    "MemoryStorage",
    "Mode",
    "Money",
    "MoneyError",
    "Opening",
    "Outcome",
    "Proof",
    "Reason",
    "ReplayWindow",
    "Restriction",
    "RestrictionError",
    "Reversal",
    "ServerStatus",
    "SettlementIds",
    "SettlingInformation",
    "State",
    "Storage",
    "StorageBrokenError",
    "StorageBusyError",
    "StorageError",
    "StorageVersionError",
    "canonical_bytes",
    "prove",
    "sign",
    "verify",
]
