"""An opening: an account as it is to be opened, and what cannot be one."""

from datetime import date, datetime

from msgspec import Struct

from .account import AccountNumber
from .approval import check_key
from .errors import AccountError

HOLDER_MAX = 200


class Opening(Struct, frozen=True, gc=False):
    """What is known of an account when it is opened.

    Args:
        number: a free account number. Those of branch 0 are the bank's own.
        holder: the account holder's name, 1 to 200 printable characters.
        approval_key: the secret the holder's phone signs with, at least 16 bytes. None: the
            account receives and never pays. Left out of every representation.
        born: the holder's date of birth, None: not known. Likewise left out.
    """

    number: AccountNumber
    holder: str
    approval_key: bytes | None = None
    born: date | None = None

    def check(self) -> None:
        """Accept what can be opened, whatever accounts there are.

        Raises:
            AccountError: the holder's name is empty, too long or not printable; the date of birth
                is no date; or an account of the bank's own is given a key or a date of birth.
            ApprovalError: the key is too short.
        """
        if not (1 <= len(self.holder) <= HOLDER_MAX and self.holder.isprintable()):
            raise AccountError(
                f"expected a holder of 1 to {HOLDER_MAX} printable characters, seen "
                f"{self.holder!r}: give the account holder's name"
            )
        if isinstance(self.born, datetime):
            raise AccountError("expected a date of birth, seen one with a time: leave the time out")
        if self.approval_key is not None:
            check_key(self.approval_key)
        keyed = self.approval_key is not None or self.born is not None
        if self.number.is_banks_own and keyed:
            raise AccountError(
                f"expected a customer's account number, seen {self.number} with a key or a date "
                "of birth: branch 0 is the bank's, and only the bank pays from it"
            )

    def __repr__(self) -> str:
        return f"Opening(number='{self.number}', holder={self.holder!r})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("number", str(self.number)), ("holder", self.holder)]
