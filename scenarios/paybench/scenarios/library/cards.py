"""Fig 9: paying with a card that is in the phone ([0104] to [0111]), and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from paybench.devices.card_authority import CardAuthority
    from paybench.devices.cash_register import CashRegister
    from paybench.devices.phone import Phone
    from paybench.scenarios.rig import Rig

CREDIT, DEBIT = "1", "2"
KINDS = {"credit": CREDIT, "debit": DEBIT}
NUMBERS = {CREDIT: "4111111111111111", DEBIT: "5555555555554444"}
UNKNOWN, MISTYPED = "4012888888881881", "4111111111111112"
PINS = {CREDIT: "73916428", DEBIT: "28593017"}
WRONG_PINS = "73916429", "73916482", "37916428"
PASSWORD = "2468"
AUTHORISED = ("D1", "D81", "D82", "D83")
PAID = (*AUTHORISED, "D3", "D4")
UNPAID = {"A": "0.00", "B": "20.00", "C": "1000.00"}
PAID_FROM = {
    "credit": {"A": "2.50", "B": "20.00", "C": "997.50"},
    "debit": {"A": "2.50", "B": "17.50", "C": "1000.00"},
}


def shop(
    rig: Rig,
    *,
    settles: str = "relayed",
    balance: str = "20.00",
    funds: str = "1000.00",
    expiry: str = "12/27",
    kept: bool = False,
) -> tuple[CashRegister, Phone, CardAuthority]:
    """A's register takes C's cards; B has one of each kind in the phone, and stands there."""
    register = rig.shop("A").cash_register(settles=settles)
    company = rig.card_company("C", balance=funds)
    company.terminal(register)
    customer = rig.customer("B", balance=balance, password=PASSWORD)
    phone = customer.phone()
    for kind, number in NUMBERS.items():
        customer.card(kind, number=number, expiry=expiry, pin=PINS[kind], limit="30.00", kept=kept)
    return register, phone, company.authority


def bill(register: CashRegister, phone: Phone, price: str = "2.50") -> None:
    """The salesperson scans a coffee, and bills B."""
    register.scan("4901234567894", price=price)
    register.bill(phone)  # D1


def pay(phone: Phone, kind: str = CREDIT) -> None:
    """B chooses the card, and enters PIN and password."""
    phone.cards.pay(kind, pin=PINS[kind], password=PASSWORD)  # D81


def expects_refused(rig: Rig, register: CashRegister, phone: Phone, why: str) -> None:
    """The card company refused: everybody is told why, nothing moved."""
    register.expects("CARD REFUSED")
    register.expects(why)
    register.expects_article("kept")
    phone.expects("NOT PAID")
    phone.expects(why)
    rig.expects_balances(**UNPAID)


# -- it works -----------------------------------------------------------------------------------


@scenario(figure="9", variants=list(KINDS))
def card_purchase(rig: Rig, variant: str) -> None:
    """B pays a coffee with a card in the phone: credit from the company, debit from B's account."""
    register, phone, authority = shop(rig)
    bill(register, phone)  # D1
    pay(phone, KINDS[variant])  # D81, D82, D83, D3, D4
    register.expects("PAID 2.50")
    register.expects_article("handed over")
    phone.expects("PAID 2.50")
    phone.expects("AUTHORISED 000001")
    rig.expects_steps(*PAID)
    rig.expects_balances(**PAID_FROM[variant])
    authority.expects_owed("B", "2.50" if variant == "credit" else "0.00")


@scenario(figure="9", variants=list(KINDS))
def card_with_pin_kept(rig: Rig, variant: str) -> None:
    """The phone keeps the PIN with the card: B enters the type, and what unlocks the phone."""
    register, phone, _ = shop(rig, kept=True)
    bill(register, phone)
    phone.cards.pay(KINDS[variant], password=PASSWORD)
    register.expects_article("handed over")
    rig.expects_steps(*PAID)
    rig.expects_balances(**PAID_FROM[variant])


@scenario(figure="9", variants=list(KINDS))
def card_at_direct_register(rig: Rig, variant: str) -> None:
    """A register that leaves settling to phones takes a card all the same."""
    register, phone, _ = shop(rig, settles="direct")
    bill(register, phone)
    pay(phone, KINDS[variant])
    register.expects_article("handed over")
    rig.expects_steps(*PAID)
    rig.expects_balances(**PAID_FROM[variant])


@scenario(figure="9")
def card_or_account(rig: Rig) -> None:
    """B pays three bills, each in another way: from the account, on credit, by debit card."""
    register, phone, authority = shop(rig)
    bill(register, phone)
    phone.approve(password=PASSWORD)  # D2, D3, D4
    rig.expects_balances(A="2.50", B="17.50", C="1000.00")
    bill(register, phone)
    pay(phone, CREDIT)
    rig.expects_balances(A="5.00", B="17.50", C="997.50")
    bill(register, phone)
    pay(phone, DEBIT)
    rig.expects_balances(A="7.50", B="15.00", C="997.50")
    register.expects_article("handed over")
    rig.expects_steps("D1", "D2", "D3", "D4", *PAID, *PAID)
    authority.expects_owed("B", "2.50")


@scenario(figure="9", variants=list(KINDS))
def card_for_ticket(rig: Rig, variant: str) -> None:
    """B buys a theatre ticket, and pays it with a card."""
    venue = rig.venue("A")
    office = venue.ticket_office()
    company = rig.card_company("C")
    company.terminal(office)
    customer = rig.customer("B", balance="20.00", password=PASSWORD)
    phone = customer.phone()
    kind = KINDS[variant]
    customer.card(kind, number=NUMBERS[kind], expiry="12/27", pin=PINS[kind], limit="30.00")
    office.enter("theatre", "Hamlet", price="2.50")
    office.bill(phone)
    pay(phone, kind)
    office.expects_article("handed over")
    rig.expects_steps("D91", "D81", "D82", "D83", "D94", "D95", "D96")
    rig.expects_balances(**PAID_FROM[variant])


# -- it is refused ------------------------------------------------------------------------------


@scenario(figure="9")
def card_unknown(rig: Rig) -> None:
    """The company has issued no card of this number."""
    register, phone, _ = shop(rig)
    bill(register, phone)
    phone.cards.add(CREDIT, UNKNOWN, "12/27", "B")
    phone.cards.pay(CREDIT, pin=PINS[CREDIT], password=PASSWORD, ending=UNKNOWN[-4:])
    expects_refused(rig, register, phone, "The card company has no such card.")
    rig.expects_steps(*AUTHORISED)


@scenario(figure="9")
def card_check_digit(rig: Rig) -> None:
    """A digit of the card's number is wrong: its check digit tells."""
    register, phone, _ = shop(rig)
    bill(register, phone)
    phone.cards.add(CREDIT, MISTYPED, "12/27", "B")
    phone.cards.pay(CREDIT, pin=PINS[CREDIT], password=PASSWORD, ending=MISTYPED[-4:])
    expects_refused(
        rig, register, phone, "The card's number is mistyped: its check digit is wrong."
    )
    rig.expects_steps(*AUTHORISED)


@scenario(figure="9", variants=["last day", "day after"])
def card_expired(rig: Rig, variant: str) -> None:
    """A card is good until its last month has passed, and not a day longer."""
    register, phone, _ = shop(rig, expiry="01/26")
    rig.waits_days(30 if variant == "last day" else 31)  # from 1 January on
    bill(register, phone)
    pay(phone)
    if variant == "last day":
        register.expects_article("handed over")
        rig.expects_steps(*PAID)
        rig.expects_balances(**PAID_FROM["credit"])
    else:
        expects_refused(rig, register, phone, "The card has expired.")
        rig.expects_steps(*AUTHORISED)


@scenario(figure="9")
def card_other_term(rig: Rig) -> None:
    """The phone says that the card is good for longer than the company knows."""
    register, phone, _ = shop(rig, expiry="01/26")
    rig.waits_days(31)
    bill(register, phone)
    phone.cards.add(CREDIT, NUMBERS[CREDIT], "12/27", "B")
    pay(phone)
    expects_refused(rig, register, phone, "The card company does not take this demand.")


@scenario(figure="9", variants=list(KINDS))
def card_wrong_pin(rig: Rig, variant: str) -> None:
    """B mistypes the PIN: the company says no, and the next try is right."""
    register, phone, _ = shop(rig)
    bill(register, phone)
    phone.cards.pay(KINDS[variant], pin=WRONG_PINS[0], password=PASSWORD)
    expects_refused(rig, register, phone, "The PIN is wrong.")
    rig.expects_steps(*AUTHORISED)
    bill(register, phone)
    pay(phone, KINDS[variant])
    register.expects_article("handed over")
    rig.expects_balances(**PAID_FROM[variant])


@scenario(figure="9")
def card_pin_count(rig: Rig) -> None:
    """Two wrong PINs and a right one, and again: the right one begins the count anew."""
    register, phone, _ = shop(rig)
    for pin in (*WRONG_PINS[:2], PINS[CREDIT]) * 2:
        bill(register, phone)
        phone.cards.pay(CREDIT, pin=pin, password=PASSWORD)
    register.expects_article("handed over")
    rig.expects_balances(A="5.00", B="20.00", C="995.00")


@scenario(figure="9")
def card_blocked(rig: Rig) -> None:
    """The third wrong PIN blocks the card: then the right one is of no use, until C unblocks it."""
    register, phone, authority = shop(rig)
    for wrong in WRONG_PINS:
        bill(register, phone)
        phone.cards.pay(CREDIT, pin=wrong, password=PASSWORD)
    expects_refused(rig, register, phone, "The card is blocked: too many wrong PINs.")
    bill(register, phone)
    pay(phone)
    expects_refused(rig, register, phone, "The card is blocked: too many wrong PINs.")
    authority.unblock(NUMBERS[CREDIT])
    bill(register, phone)
    pay(phone)
    register.expects_article("handed over")
    rig.expects_balances(**PAID_FROM["credit"])


@scenario(figure="9", variants=list(KINDS))
def card_daily_limit(rig: Rig, variant: str) -> None:
    """What would exceed the limit of 30.00 a day is refused; the next day it is not."""
    register, phone, _ = shop(rig, balance="100.00")
    kind = KINDS[variant]
    bill(register, phone, "20.00")
    pay(phone, kind)
    register.expects_article("handed over")
    bill(register, phone, "10.01")
    pay(phone, kind)
    register.expects("The card's limit for today is exceeded.")
    register.expects_article("kept")
    bill(register, phone, "10.00")
    pay(phone, kind)
    register.expects_article("handed over")
    rig.waits_days(1)
    bill(register, phone, "30.00")
    pay(phone, kind)
    register.expects_article("handed over")
    left = {"credit": ("100.00", "940.00"), "debit": ("40.00", "1000.00")}[variant]
    rig.expects_balances(A="60.00", B=left[0], C=left[1])


@scenario(figure="9")
def card_stolen(rig: Rig) -> None:
    """B has reported the card stolen: who has it cannot pay, not even with the PIN."""
    register, phone, authority = shop(rig)
    authority.report_stolen(NUMBERS[CREDIT])
    bill(register, phone)
    pay(phone)
    expects_refused(rig, register, phone, "The card is reported stolen: keep it.")
    rig.expects_steps(*AUTHORISED)


@scenario(figure="9", variants=list(KINDS))
def card_wrong_type(rig: Rig, variant: str) -> None:
    """The phone says the card is of the other type: the company knows better."""
    register, phone, _ = shop(rig)
    bill(register, phone)
    number, pin = NUMBERS[KINDS[variant]], PINS[KINDS[variant]]
    other = DEBIT if variant == "credit" else CREDIT
    phone.cards.add(other, number, "12/27", "B")
    phone.cards.pay(other, pin=pin, password=PASSWORD, ending=number[-4:])
    expects_refused(rig, register, phone, "The card is not of this type.")
    rig.expects_steps(*AUTHORISED)


@scenario(figure="9")
def card_debit_too_low(rig: Rig) -> None:
    """The card is good and B's account is empty: the bank refuses, the permission goes back."""
    register, phone, authority = shop(rig, balance="2.49")
    bill(register, phone)
    pay(phone, DEBIT)
    register.expects("The payer's balance is too low.")
    register.expects_article("kept")
    phone.expects("The payer's balance is too low.")
    rig.expects_steps(*PAID, "R3", "R4")
    rig.expects_balances(A="0.00", B="2.49", C="1000.00")
    authority.expects_owed("B", "0.00")


@scenario(figure="9")
def card_company_too_poor(rig: Rig) -> None:
    """The company's own account cannot pay: nothing is handed over, and B owes nothing."""
    register, phone, authority = shop(rig, funds="2.49")
    bill(register, phone)
    pay(phone)
    register.expects("The payer's balance is too low.")
    register.expects_article("kept")
    rig.expects_steps(*PAID, "R3", "R4")
    rig.expects_balances(A="0.00", B="20.00", C="2.49")
    authority.expects_owed("B", "0.00")


@scenario(figure="9")
def card_of_other_account(rig: Rig) -> None:
    """D's phone has B's debit card: D's account is not the one that pays with it."""
    register, _, _ = shop(rig)
    phone = rig.customer("D", balance="20.00", password=PASSWORD).phone()
    phone.cards.add(DEBIT, NUMBERS[DEBIT], "12/27", "B")
    bill(register, phone)
    pay(phone, DEBIT)
    register.expects("The card is not of the account that is to pay.")
    register.expects_article("kept")
    rig.expects_steps(*AUTHORISED, "R3", "R4")
    rig.expects_balances(D="20.00", **UNPAID)


@scenario(figure="9", variants=["password", "no such card", "no PIN"])
def card_stays_in_phone(rig: Rig, variant: str) -> None:
    """Without the phone's password, the card or its PIN nothing leaves the phone."""
    register, phone, _ = shop(rig)
    bill(register, phone)
    if variant == "password":
        phone.cards.pay(CREDIT, pin=PINS[CREDIT], password="1357")
        phone.expects("WRONG PASSWORD")
    elif variant == "no such card":
        phone.cards.remove("1111")
        pay(phone)
        phone.expects("NO CREDIT CARD")
    else:
        phone.cards.pay(CREDIT, password=PASSWORD)
        phone.expects("ENTER THE PIN")
    rig.expects_steps("D1")
    phone.decline()
    register.expects("DECLINED")
    rig.expects_balances(**UNPAID)


@scenario(figure="9")
def card_where_none_is_taken(rig: Rig) -> None:
    """A register without a card terminal makes nothing of a card, and keeps the article."""
    register = rig.shop("A").cash_register()
    rig.card_company("C")
    customer = rig.customer("B", balance="20.00", password=PASSWORD)
    phone = customer.phone()
    customer.card(CREDIT, number=NUMBERS[CREDIT], expiry="12/27", pin=PINS[CREDIT], limit="30.00")
    bill(register, phone)
    pay(phone)
    register.expects("WRONG ANSWER")
    register.expects_article("kept")
    rig.expects_steps("D1", "D81")
    rig.expects_balances(**UNPAID)
