"""The bank's exceptions, one tree.

A refusal to settle is not an exception: it is an `Outcome` with a `Reason`. What is raised here is
misuse of the API or broken storage.

    BankError
    ├── MoneyError (also ValueError)      an amount or a currency nobody can mean
    ├── AccountError (also ValueError)    an account number, or what is known of a holder
    ├── ApprovalError (also ValueError)   a key, a counter or a proof's field that cannot sign
    ├── RestrictionError (also ValueError) a restriction out of range, or of nothing
    ├── EmoneyError (also ValueError)     a key or a name that no purse or mint can have
    ├── AuthenticationError (also ValueError) what nobody can be enrolled with or checked by
    ├── TinError (also ValueError)        a TIN, or what no settlement by TIN can have
    ├── AccountExistsError                the number is taken
    ├── AccountUnknownError               no account has that number
    ├── FundingError                      money that cannot be issued as asked
    ├── BusyError                         too many wait: ask again with the same ids
    └── StorageError                      the storage failed; what it raised is the cause
        ├── StorageBusyError              another process has the folder open
        ├── StorageVersionError           the files are of another schema version
        └── StorageBrokenError            the files contradict each other
"""


class BankError(Exception):
    """Anything the bank raises. Catch this one to catch them all."""


class MoneyError(BankError, ValueError):
    """An amount that is not written as one, is too large, or is of another or unknown currency."""


class AccountError(BankError, ValueError):
    """An account number or what is to be known of its holder, malformed or out of range."""


class ApprovalError(BankError, ValueError):
    """A key too short to sign with, or a counter or a proof's field out of range."""


class RestrictionError(BankError, ValueError):
    """A settlement restriction that is out of range, or restricts nothing."""


class EmoneyError(BankError, ValueError):
    """A key or a name that no purse or mint can have, or one that is another purse's."""


class AuthenticationError(BankError, ValueError):
    """A password, biometric data, a cost or a limit that cannot be; none shows what is secret."""


class TinError(BankError, ValueError):
    """What cannot be a TIN, or a terminal, a user or a limit that no settlement by TIN can have."""


class AccountExistsError(BankError):
    """An account was opened under a number that is taken."""


class AccountUnknownError(BankError):
    """A balance, a statement or a funding was asked for a number that no account has."""


class FundingError(BankError):
    """Money that cannot be issued: its id is in use for something else, or the cap is reached."""


class BusyError(BankError):
    """Too many requests wait, or the bank is closing. Nothing was done: ask again, same ids."""


class StorageError(BankError):
    """The storage failed (disk full, file removed, closed). Its own exception is the cause."""


class StorageBusyError(StorageError):
    """Another process, or another object of this one, has the folder open."""


class StorageVersionError(StorageError):
    """The files were written by another schema version of paybench."""


class StorageBrokenError(StorageError):
    """The files contradict each other: they are not of one bank, or were altered from outside."""
