"""What an account holder's terminal and the bank say to each other: Fig 2 ([0035] to [0040])."""

from __future__ import annotations

from paybench.bank.account import AccountNumber
from paybench.bank.money import Money
from paybench.bank.proof import Authentication, Proof
from paybench.bank.restriction import Consent, Restriction
from paybench.bank.storage.entry import Entry
from paybench.devices.message import Message
from paybench.devices.settling import SettlementMessage

LOG_IN = "log in"
"""The purpose of a proof that logs a terminal in."""


class LogIn(Message, frozen=True, gc=False):
    """S101, terminal to bank: the holder of this account wants to log in."""

    account: AccountNumber


class Challenge(Message, frozen=True, gc=False):
    """Bank to terminal: what to sign, made for this one time."""

    challenge: bytes


class ProofOfHolder(Message, frozen=True, gc=False):
    """S101 in its second half, terminal to bank: the challenge, signed."""

    proof: Proof


class LoggedIn(Message, frozen=True, gc=False):
    """Bank to terminal: whether it is the holder."""

    authentication: Authentication


class LogOut(Message, frozen=True, gc=False):
    """Terminal to bank: nobody is logged in here any more."""


class AccountInquiry(Message, frozen=True, gc=False):
    """S107, terminal to bank: what is on the account, and its newest entries, if any are wanted."""

    entries: int


class AccountStatement(Message, frozen=True, gc=False):
    """S107, bank to terminal: the account, or why it is not shown.

    Attributes:
        balance: What it holds; zero where nothing is shown.
        available: What of that can be disposed of.
        entries: Its newest entries, newest first.
        refused: Why nothing is shown; "" if it is.
    """

    balance: Money
    available: Money
    entries: tuple[Entry, ...] = ()
    refused: str = ""


class Offer(SettlementMessage, frozen=True, gc=False):
    """Shop to terminal, over the Internet: an article, with its settlement restriction.

    Attributes:
        payee: The shop's account.
        shop: What the shop is called.
        article: What the article is.
        amount: What it costs.
        restriction: What restricts its settlement ([0080], [0087]); None for nothing.
        terminal: Name of the shop's back office, which is to be told the result.
    """

    payee: AccountNumber
    shop: str
    article: str
    amount: Money
    restriction: Restriction | None
    terminal: str


class ConsentWanted(SettlementMessage, frozen=True, gc=False):
    """D63, bank to shop: a payer is too young for this; admit it ([0091])?

    It does not say who the payer is, nor how old.
    """

    amount: Money
    restriction: Restriction


class ConsentGiven(SettlementMessage, frozen=True, gc=False):
    """The shop's answer to D63: what it has decided."""

    consent: Consent
