"""Figs 1 and 2: a transfer from any terminal ([0033] to [0041]), with all that can go wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.bank.account import AccountNumber
from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from paybench.devices.back_office import BackOffice
    from paybench.devices.terminal import Terminal
    from paybench.scenarios.rig import Rig

PROFILES = ["pc", "mobile", "car", "tv", "console"]
NOBODY = AccountNumber(999, 1)


def home(rig: Rig, profile: str = "pc", balance: str = "100.00") -> tuple[Terminal, BackOffice]:
    """B at a terminal, with so much on the account, and shop A with its back office."""
    office = rig.shop("A").office()
    terminal = rig.customer("B", balance=balance, password="2468", finger="B's thumb").terminal(
        profile
    )
    return terminal, office


@scenario(figure="2", variants=PROFILES)
def transfer(rig: Rig, variant: str) -> None:
    """B logs in at a terminal, pays A 25.00, looks at the account; A asks if it has arrived."""
    terminal, office = home(rig, variant)
    terminal.log_in(password="2468")  # S101
    terminal.expects("LOGGED IN")
    terminal.pay(office.account, amount="25.00")  # S102, S103; S104, S105 and S106 at the bank
    terminal.expects("PAID 25.00")
    terminal.look(entries=1)  # S107
    terminal.expects("BALANCE 75.00")
    terminal.expects("settled -25.00 *")
    office.log_in(password="office")
    office.expects("LOGGED IN")
    assert terminal.payment is not None
    office.ask(terminal.payment.settlement_id)  # S108
    office.expects("ARRIVED 25.00")
    rig.expects_steps("S101", "S101", "S103", "S107", "S107", "S101", "S101", "S108", "S108")
    rig.expects_decisions(
        "S102 operated", "S104 received", "S105 settled", "S106 both data files updated"
    )
    rig.expects_balances(A="25.00", B="75.00")


@scenario(figure="2")
def transfer_by_finger(rig: Rig) -> None:
    """B logs in with the thumb; another finger is refused, and three wrong ones lock."""
    terminal, office = home(rig)
    terminal.log_in(finger="B's little finger")
    terminal.expects("WRONG FINGER")
    terminal.log_in(finger="B's thumb")
    terminal.expects("LOGGED IN")
    terminal.pay(office.account, amount="25.00")
    terminal.expects("PAID 25.00")
    rig.expects_balances(A="25.00", B="75.00")


@scenario(figure="2", variants=["password", "finger"])
def log_in_locked(rig: Rig, variant: str) -> None:
    """Three wrong tries in a row lock the terminal, and a power cut does not unlock it."""
    terminal, _ = home(rig)
    for _ in range(3):
        if variant == "password":
            terminal.log_in(password="1357")
        else:
            terminal.log_in(finger="C's thumb")
    terminal.expects("LOCKED")
    terminal.lose_power()
    terminal.regain_power()
    terminal.log_in(password="2468")
    terminal.expects("LOCKED")
    rig.expects_steps()


@scenario(figure="2")
def log_in_replayed(rig: Rig) -> None:
    """Somebody sends B's proof a second time: the bank's challenge is another one by then."""
    terminal, _ = home(rig)
    rig.duplicates("S101", times=2)
    terminal.log_in(password="2468")
    rig.expects_decisions("logged in", "not logged in")


@scenario(figure="2")
def transfer_insufficient_balance(rig: Rig) -> None:
    """B orders more than there is: refused, and nothing moves."""
    terminal, office = home(rig, balance="24.99")
    terminal.log_in(password="2468")
    terminal.expects("LOGGED IN")
    terminal.pay(office.account, amount="25.00")
    terminal.expects("REFUSED")
    terminal.expects("The payer's balance is too low.")
    rig.expects_balances(A="0.00", B="24.99")


@scenario(figure="2")
def transfer_unknown_payee(rig: Rig) -> None:
    """B pays to an account that nobody has: refused, and nothing moves."""
    terminal, _ = home(rig)
    terminal.log_in(password="2468")
    terminal.expects("LOGGED IN")
    terminal.pay(NOBODY, amount="25.00")
    terminal.expects("REFUSED")
    terminal.expects("The payee has no account here.")
    rig.expects_balances(A="0.00", B="100.00")


@scenario(figure="2")
def transfer_tampered(rig: Rig) -> None:
    """Somebody on the line changes the payee: the signature does not fit any more."""
    terminal, office = home(rig)
    thief = rig.customer("C").account
    rig.alters("S103", "information.payee", thief)
    terminal.log_in(password="2468")
    terminal.expects("LOGGED IN")
    terminal.pay(office.account, amount="25.00")
    terminal.expects("REFUSED")
    terminal.expects("The approval does not match what is to be settled.")
    rig.expects_balances(A="0.00", B="100.00", C="0.00")


@scenario(figure="2", variants=["demand", "result"])
def transfer_lost(rig: Rig, variant: str) -> None:
    """The demand or its result gets lost: the terminal asks by the id (S108); paid once."""
    terminal, office = home(rig)
    rig.loses({"demand": "S103", "result": "result"}[variant])
    terminal.log_in(password="2468")
    terminal.expects("LOGGED IN")
    terminal.pay(office.account, amount="25.00")
    terminal.expects("PAID 25.00")
    rig.expects_balances(A="25.00", B="75.00")


@scenario(figure="2")
def transfer_bank_out_of_reach(rig: Rig) -> None:
    """No answer comes at all: the terminal says unknown, and never that it was refused."""
    terminal, office = home(rig)
    terminal.log_in(password="2468")
    terminal.expects("LOGGED IN")
    rig.loses("result")
    rig.loses("S108", times=5)
    terminal.pay(office.account, amount="25.00")
    terminal.expects("RESULT UNKNOWN")
    rig.expects_balances(A="25.00", B="75.00")


@scenario(figure="2", variants=["S103", "result"])
def transfer_power_loss(rig: Rig, variant: str) -> None:
    """The terminal loses its power in the middle: when it is back it finds out, logged out."""
    terminal, office = home(rig)
    terminal.log_in(password="2468")
    terminal.expects("LOGGED IN")
    rig.cuts_power(terminal, at=variant, for_s=10)
    terminal.pay(office.account, amount="25.00")
    terminal.expects("PAID 25.00")
    assert not terminal.logged_in
    rig.expects_balances(A="25.00", B="75.00")
