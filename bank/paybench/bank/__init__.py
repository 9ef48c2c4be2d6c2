"""The bank core: accounts, approvals and settlements, pure Python with no I/O but its storage.

The durable storage is `paybench.bank.storage.sqlite.SqliteStorage`, imported where it is used.
"""

from .account import CAPITAL, ESCROW, ISSUER, AccountNumber
from .approval import Approval, ReplayWindow, canonical_bytes, sign, verify
from .bank import Bank
from .errors import (
    AccountError,
    AccountExistsError,
    AccountUnknownError,
    ApprovalError,
    BankError,
    EmoneyError,
    FundingError,
    MoneyError,
    RestrictionError,
    StorageBrokenError,
    StorageBusyError,
    StorageError,
    StorageVersionError,
)
from .money import Money
from .outcome import Outcome, State
from .proof import Authentication, Proof, prove
from .reason import Reason
from .recall import Cancellation, Reversal
from .restriction import Consent, DecidedBy, Held, Restriction
from .settlement import SettlingInformation
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
    "Approval",
    "ApprovalError",
    "Authentication",
    "Bank",
    "BankError",
    "Cancellation",
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
    "Money",
    "MoneyError",
    "Outcome",
    "Proof",
    "Reason",
    "ReplayWindow",
    "Restriction",
    "RestrictionError",
    "Reversal",
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
