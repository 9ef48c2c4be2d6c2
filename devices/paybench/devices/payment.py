"""A payment by transaction identifying number: what a phone knows of it, and shows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from paybench.bank.approval import Approval
from paybench.bank.outcome import Outcome
from paybench.bank.tin import AmountDue, Receipt, TerminalDetails, spaced
from paybench.devices.sent_number import answers
from paybench.devices.tin_code import tin_code

if TYPE_CHECKING:
    from paybench.bank.money import Money
    from paybench.bank.tin import AuthenticationOrdered, PurchaseHistory, Status
    from paybench.devices.payer_app import PayerApp

CLOSED = ("paid", "refused")
HISTORY_LINES = 5


class Payment(msgspec.Struct):
    """One payment, from the number to its end; kept in the phone's store.

    Attributes:
        tin: The number.
        state: ``wanted`` (T1), ``showing`` (T2), ``presented`` (T3), ``connected`` (T4),
            ``asked`` to authenticate, ``answered``, ``due`` (T6), ``confirmed`` (T7),
            ``declined``, ``inquiring``, and in the end ``paid`` or ``refused``.
        request_id: The phone's own name of it, where the number is its own; "" otherwise.
        session: The apparatus' name of it.
        terminal: Whom it is connected with.
        due: What there is to confirm.
        approval: What was signed.
        outcome: How it ended at the bank, or None.
        sentence: Why it was refused.
        tender: The purse's name of e-money that was offered instead of confirming; "" for none.
        former: Numbers of the last few payments by session, as of any `SentNumber`.
    """

    tin: str
    state: str
    request_id: str = ""
    session: str = ""
    terminal: TerminalDetails | None = None
    due: AmountDue | None = None
    approval: Approval | None = None
    outcome: Outcome | None = None
    sentence: str = ""
    tender: str = ""
    former: dict[str, str] = {}

    @property
    def is_over(self) -> bool:
        """Whether nothing changes any more."""
        return self.state in CLOSED


class DueRequest:
    """The amount that the phone asks its owner to approve (T6)."""

    def __init__(self, app: PayerApp, session: str) -> None:
        self.correlation = session
        self._app = app

    def approve(self, taps: int) -> None:
        """Sign it, and confirm (T7)."""
        self._app.confirm(self.correlation, taps)

    def tender(self, offer_id: str, amount: Money) -> None:
        """E-money is about to be offered, maybe instead."""
        self._app.tender(offer_id, amount)

    def decline(self) -> None:
        """Say no."""
        self._app.give_up(self.correlation)


def payment_lines(payment: Payment, order: AuthenticationOrdered | None) -> list[str]:
    """What the phone's display says of a payment.

    Args:
        payment: The payment.
        order: What the apparatus wants to be answered, or None.
    """
    where = payment.terminal
    at = [where.name, where.place] if where is not None else []
    if payment.state == "showing":
        return [tin_code(payment.tin).text, f"TIN {spaced(payment.tin)}"]
    if payment.state == "asked" and order is not None:
        return [order.prompt, *at]
    if payment.state == "due" and payment.due is not None:
        return [f"PAY {payment.due.amount.text}", *(f"TO {name}" for name in at[:1]), *at[1:]]
    if payment.state == "paid" and payment.outcome is not None:
        balance = payment.outcome.payer_balance
        left = [] if balance is None else [f"BALANCE {balance.text}"]
        return [f"PAID {payment.outcome.amount.text}", *at, *left]
    lines = {
        "connected": ["CONNECTED", *at],
        "inquiring": ["PLEASE WAIT"],
        "refused": ["REFUSED", payment.sentence],
        "declined": ["DECLINED"],
    }
    return lines.get(payment.state, ["SENDING"])


def history_lines(body: PurchaseHistory) -> list[str]:
    """What the phone's display says of the purchases (claim 13)."""
    purchases = [
        f"{purchase.amount.text} {purchase.terminal.name} {purchase.state}"
        for purchase in body.purchases[:HISTORY_LINES]
    ]
    return [f"PURCHASES {len(body.purchases)}", *purchases]


def status_lines(body: Status) -> list[str]:
    """What the phone's display says of how its owner stands (claim 11)."""
    return [
        "REGISTERED" if body.registered else "NOT REGISTERED",
        *([f"AVAILABLE {body.available.text}"] if body.available is not None else []),
        *([f"PAYMENTS {body.payments}"] if body.payments is not None else []),
    ]


def is_about(payment: Payment, body: object) -> bool:
    """Whether what the apparatus said is about this payment."""
    if not (payment.session or payment.request_id):
        return answers(body, payment, Receipt)
    names = {getattr(body, field, "") for field in ("session", "request_id", "about")}
    return bool(({payment.session, payment.request_id} - {""}) & names)
