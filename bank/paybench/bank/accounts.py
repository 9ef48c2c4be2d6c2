"""The accounts: who holds them, what is on them, and whether somebody is their holder."""

import hmac
from collections.abc import Sequence
from datetime import date

from .account import AccountNumber
from .errors import AccountError, AccountExistsError
from .ledger import check_limit
from .money import Money
from .opening import Opening
from .proof import Authentication, Proof
from .reason import Reason
from .servers import Servers
from .storage import DataFile, Entry


class Accounts(Servers):
    """The accounts of a ledger: opened, read, and their holders authenticated."""

    def open_account(
        self,
        number: AccountNumber,
        holder: str,
        *,
        approval_key: bytes | None = None,
        born: date | None = None,
    ) -> None:
        """Open an account with nothing on it.

        Args:
            number: a free account number. Those of branch 0 are the bank's own.
            holder: the account holder's name, 1 to 200 printable characters.
            approval_key: the secret the holder's phone signs with, at least 16 bytes. None: the
                account receives and never pays.
            born: the holder's date of birth, None: not known. It leaves the bank nowhere.

        Raises:
            AccountExistsError: the number is taken.
            AccountError: the holder's name is empty, too long or not printable; the date of birth
                is no date; or an account of the bank's own is given a key or a date of birth.
            ApprovalError: the key is too short.
        """
        self.open_accounts([Opening(number, holder, approval_key, born)])

    def open_accounts(self, openings: Sequence[Opening]) -> None:
        """Open many accounts, waiting for the disk of each database server once.

        If one of them cannot be opened, none is. Only a server that fails, or a crash, in between
        may leave some servers with their accounts and others without.

        Args:
            openings: each with a number of its own.

        Raises:
            AccountExistsError: a number is taken, or there twice.
            AccountError: as `open_account`.
            ApprovalError: a key is too short.
            StorageError: a server failed.
        """
        self._finish()
        numbers: set[AccountNumber] = set()
        for opening in openings:
            if opening.number in numbers or self._books.data_file(opening.number) is not None:
                raise AccountExistsError(
                    f"expected a free account number, seen {opening.number}, which is open: "
                    "choose another"
                )
            opening.check()
            numbers.add(opening.number)
        self._books.add(
            DataFile(each.number.place, each.holder, each.approval_key, born=each.born)
            for each in openings
        )

    def close_account(self, number: AccountNumber) -> None:
        """Close an account: nothing new is paid from it or to it.

        What is under way still arrives, what is held or provisory still comes to its end, and what
        was paid from it can still be given back. Its number is not given to anybody else.

        Args:
            number: a customer's account; closed once more, nothing happens.

        Raises:
            AccountUnknownError: no account has this number.
            AccountError: it is the bank's own.
            StorageError: the storage failed; the account is open.
        """
        self._finish()
        self._books.must_have(number)
        if number.is_banks_own:
            raise AccountError(
                f"expected a customer's account to close, seen {number}: branch 0 is the bank's, "
                "and stays open"
            )
        self._books.close_account(number)

    def accounts(self) -> list[AccountNumber]:
        """Every account, the bank's own first."""
        self._finish()
        return self._books.numbers()

    def holder(self, number: AccountNumber) -> str:
        """The account holder's name.

        Raises:
            AccountUnknownError: no account has this number.
        """
        self._finish()
        return self._books.must_have(number).holder

    def balance(self, number: AccountNumber) -> Money:
        """What the account holds, deposits still under way not counted (S107).

        Raises:
            AccountUnknownError: no account has this number.
        """
        self._finish()
        return Money(self._books.must_have(number).balance_minor, self.currency)

    def available(self, number: AccountNumber) -> Money:
        """The part of the balance that the holder can dispose of: what is not blocked ([0083]).

        Raises:
            AccountUnknownError: no account has this number.
        """
        self._finish()
        return Money(self._books.must_have(number).available_minor, self.currency)

    def statement(self, number: AccountNumber, limit: int = 50) -> list[Entry]:
        """The account's newest entries, newest first, at most `limit` (S107).

        Raises:
            AccountUnknownError: no account has this number.
            BankError: the limit is below zero.
        """
        self._finish()
        self._books.must_have(number)
        check_limit(limit)
        return self._books.entries(number, limit)

    def balance_at(self, number: AccountNumber, at_ns: int) -> Money:
        """What the account held at a time: all that was logged by then, and is deposited now.

        It reads the whole history: senders' clocks differ, so an older entry may have a later time.

        Args:
            number: the account.
            at_ns: in nanoseconds of the bank's clock; what was logged at this very time counts.

        Raises:
            AccountUnknownError: no account has this number.
        """
        self._finish()
        self._books.must_have(number)
        later_minor = sum(
            entry.amount_minor for entry in self._books.history(number) if entry.at_ns > at_ns
        )
        return Money(self._books.particular.has_minor(number) - later_minor, self.currency)

    def authenticate(
        self, proof: Proof, *, purpose: str, verifier: str, challenge: bytes | None = None
    ) -> Authentication:
        """Whether the account's holder made this proof, for this verifier, just now (D22, S101).

        Args:
            proof: what the holder's phone signed.
            purpose: what the verifier wants it for.
            verifier: the device that asks: a proof made for another is refused.
            challenge: what the verifier had made up; None: the verifier has compared it itself.

        Raises:
            StorageError: the storage failed. Have the phone make another proof.
        """
        self._finish()
        holder = self._books.data_file(proof.account)
        reason = None
        if holder is None:
            reason = Reason.UNKNOWN_ACCOUNT
        elif holder.approval_key is None:
            reason = Reason.NO_KEY
        elif (
            not proof.verified(holder.approval_key)
            or proof.purpose != purpose
            or proof.verifier != verifier
            or not (challenge is None or hmac.compare_digest(proof.challenge, challenge))
        ):
            reason = Reason.SIGNATURE_WRONG
        elif not holder.proofs.accepts(proof.counter):
            reason = Reason.PROOF_REPLAYED
        else:
            self._books.keep_proofs(proof.account, holder.proofs.after(proof.counter))
        return Authentication.of(proof.account, reason)
