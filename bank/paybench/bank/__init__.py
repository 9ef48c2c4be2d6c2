"""The bank core: accounts, approvals and settlements, pure Python with no I/O but its storage.

The durable storage is `paybench.bank.storage.sqlite.SqliteStorage`, imported where it is used.
"""

from .account import CAPITAL, AccountNumber
from .approval import Approval, ReplayWindow, canonical_bytes, sign, verify
from .bank import Bank
from .errors import (
    AccountError,
    AccountExistsError,
    AccountUnknownError,
    ApprovalError,
    BankError,
    FundingError,
    MoneyError,
    StorageBrokenError,
    StorageBusyError,
    StorageError,
    StorageVersionError,
)
from .money import Money
from .settlement import Outcome, Reason, SettlingInformation
from .storage import DataFile, Entry, LogRecord, Storage
from .storage.memory import MemoryStorage

__all__ = [
    "CAPITAL",
    "AccountError",
    "AccountExistsError",
    "AccountNumber",
    "AccountUnknownError",
    "Approval",
    "ApprovalError",
    "Bank",
    "BankError",
    "DataFile",
    "Entry",
    "FundingError",
    "LogRecord",
    "MemoryStorage",
    "Money",
    "MoneyError",
    "Outcome",
    "Reason",
    "ReplayWindow",
    "SettlingInformation",
    "Storage",
    "StorageBrokenError",
    "StorageBusyError",
    "StorageError",
    "StorageVersionError",
    "canonical_bytes",
    "sign",
    "verify",
]
