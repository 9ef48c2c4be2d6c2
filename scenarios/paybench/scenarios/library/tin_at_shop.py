"""Claims 1 to 13, 27 to 33: the shop shows a transaction number, and the customer sends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.bank.tin import Limits, tin
from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from typing import Unpack

    from paybench.devices.billing_terminal import BillingTerminal
    from paybench.devices.phone import Phone
    from paybench.scenarios.rig import Rig
    from paybench.scenarios.tin_office import SubscriberOptions

SYNCHRONISED = ("T1", "T2", "T3", "T4", "T4")
PAID = (*SYNCHRONISED, "T5", "T6", "T7", "T8", "T9")
UNPAID = {"A": "0.00", "B": "20.00"}


def customer(rig: Rig, name: str = "B", **options: Unpack[SubscriberOptions]) -> Phone:
    """The phone of a customer who has 20.00 and has subscribed."""
    person = rig.customer(name, balance="20.00", password="2468")
    phone = person.phone()
    person.subscribes(**options)
    return phone


def number(terminal: BillingTerminal) -> str:
    """The number that a terminal shows."""
    terminal.expects("TIN *")
    return terminal.display.lines[0].removeprefix("TIN ")


def connect(terminal: BillingTerminal, phone: Phone) -> None:
    """The terminal shows a number, and the customer types it."""
    terminal.start()
    phone.payer.enter(number(terminal))


def buy(terminal: BillingTerminal, phone: Phone) -> None:
    """A coffee for 2.50, from the number to the receipt, whatever gets lost on the way."""
    connect(terminal, phone)
    pay(terminal, phone)


def pay(terminal: BillingTerminal, phone: Phone) -> None:
    """The rest of it, once the number has been sent."""
    terminal.expects("CUSTOMER IS THERE")
    phone.expects("CONNECTED")
    terminal.bill("2.50")
    phone.expects("PAY 2.50")
    phone.approve(password="2468")
    terminal.expects("PAID 2.50")
    phone.expects("PAID 2.50")
    terminal.expects_article("handed over")


def refused(terminal: BillingTerminal, phone: Phone, sentence: str) -> None:
    """Both sides are told that it is off, and why."""
    for device in (terminal, phone):
        device.expects("REFUSED")
        device.expects(sentence)
    terminal.expects_article("kept")


@scenario(figure="TIN 1", variants=["keyed in", "camera", "short-range"])
def tin_at_shop(rig: Rig, variant: str) -> None:
    """The shop's terminal shows a number; B's phone sends it, is told the price, and confirms."""
    terminal = rig.shop("A").billing_terminal()
    phone = customer(rig, shows=("name",))
    terminal.start()  # T1, T2
    shown = number(terminal)
    if variant == "keyed in":
        phone.payer.enter(shown)  # T3
    elif variant == "camera":
        phone.payer.read(terminal)
    else:
        phone.hold_to(terminal)
    terminal.expects("CUSTOMER IS THERE")  # T4
    terminal.expects("name: B")
    phone.expects("CONNECTED")  # T4
    phone.expects("Counter 1")
    terminal.bill("2.50")  # T5
    phone.expects("PAY 2.50")  # T6
    phone.expects("TO A")
    rig.expects_balances(**UNPAID)
    phone.approve(password="2468")  # T7
    terminal.expects("PAID 2.50")  # T8
    terminal.expects_article("handed over")
    phone.expects("PAID 2.50")  # T9
    phone.expects("BALANCE 17.50")
    rig.expects_steps(*PAID)
    rig.expects_decisions("synchronised", "settled", "article handed over")
    rig.expects_balances(A="2.50", B="17.50")


NUMBERS = {
    "mistyped": "This cannot be a transaction number: type it once more.",
    "unknown": "This is not the number of any transaction.",
    "expired": "The time for this transaction is over: ask for a new number.",
    "used": "This transaction number has been used: ask for a new one.",
}


@scenario(figure="TIN 2", variants=list(NUMBERS))
def tin_number_refused(rig: Rig, variant: str) -> None:
    """B types a number that is none, nobody's, too old, or used by another: nothing is paid."""
    terminal = rig.shop("A").billing_terminal()
    phone, other = customer(rig), customer(rig, "C")
    terminal.start()
    shown = number(terminal)
    typed = {"mistyped": shown[:-1] + str((int(shown[-1]) + 1) % 10), "unknown": tin(1)}
    if variant == "expired":
        rig.waits(200)
        terminal.expects("REFUSED")
    if variant == "used":
        other.payer.enter(shown)
        pay(terminal, other)
    phone.payer.enter(typed.get(variant, shown))
    phone.expects("REFUSED")
    phone.expects(NUMBERS[variant])
    if variant != "expired":  # for which the terminal has asked in between
        rig.expects_steps(*(PAID if variant == "used" else ("T1", "T2")), "T3")
    rig.expects_balances(**({"A": "2.50", "B": "20.00"} if variant == "used" else UNPAID))


@scenario(figure="TIN 2", variants=["mistyped", "left waiting"])
def tin_second_try(rig: Rig, variant: str) -> None:
    """After a wrong digit, or a number that got too old, B pays with the next number typed."""
    terminal = rig.shop("A").billing_terminal()
    phone = customer(rig)
    terminal.start()
    shown = number(terminal)
    if variant == "mistyped":
        phone.payer.enter(shown[1] + shown[0] + shown[2:])  # two digits in the wrong order
        phone.expects("REFUSED")
        phone.payer.enter(shown)
        pay(terminal, phone)
    else:
        rig.waits(200)
        terminal.expects("The time for this transaction is over: ask for a new number.")
        buy(terminal, phone)
    rig.expects_balances(A="2.50", B="17.50")


TERMINALS = {
    "unregistered": "No billing terminal is registered under this id.",
    "another's id": "The terminal is registered for another line.",
}


@scenario(figure="TIN 9", variants=list(TERMINALS))
def tin_terminal_refused(rig: Rig, variant: str) -> None:
    """A terminal that is not registered, or calls itself what another one is, gets no number."""
    shop = rig.shop("A")
    if variant == "unregistered":
        terminal = shop.billing_terminal(registered=False)
    else:
        honest = shop.billing_terminal()
        terminal = rig.shop("M").billing_terminal(terminal_id=honest.line.terminal_id)
    terminal.start()
    terminal.expects("REFUSED")
    terminal.expects(TERMINALS[variant])
    terminal.expects_article("kept")
    rig.expects_steps("T1")
    rig.expects_balances(A="0.00")


CALLERS = {
    "unregistered": "Nobody is registered under this calling number.",
    "blocked": "This calling number is blocked at present.",
}


@scenario(figure="TIN 11", variants=list(CALLERS))
def tin_caller_refused(rig: Rig, variant: str) -> None:
    """Nobody is registered under B's calling number, or its phone is reported stolen."""
    terminal = rig.shop("A").billing_terminal()
    calling_number = "+81 90 1234 5678"
    phone = customer(rig, number=calling_number, registered=variant != "unregistered")
    if variant == "blocked":
        rig.tin_office.users.block(calling_number)
    connect(terminal, phone)
    phone.expects("REFUSED")
    phone.expects(CALLERS[variant])
    terminal.expects("TIN *")  # it waits for somebody else
    terminal.cancel()
    terminal.expects_article("kept")
    rig.expects_steps("T1", "T2", "T3")
    rig.expects_balances(**UNPAID)


@scenario(figure="TIN 11", variants=["balance", "day's limit"])
def tin_over_available(rig: Rig, variant: str) -> None:
    """The amount is more than B has, or may pay in a day: both are told, and nothing moves."""
    terminal = rig.shop("A").billing_terminal()
    phone = customer(rig, limit="" if variant == "balance" else "3.00")
    if variant == "day's limit":
        buy(terminal, phone)
    connect(terminal, phone)
    terminal.expects("CUSTOMER IS THERE")
    terminal.bill("20.01" if variant == "balance" else "2.50")
    refused(terminal, phone, "The amount is more than the payer has available.")
    before = () if variant == "balance" else PAID
    rig.expects_steps(*before, *SYNCHRONISED, "T5")
    rig.expects_balances(**(UNPAID if variant == "balance" else {"A": "2.50", "B": "17.50"}))


@scenario(figure="TIN 8", variants=["at the amount", "before the amount", "at once"])
def tin_customer_declines(rig: Rig, variant: str) -> None:
    """B does not want to: the shop is told, and the article is kept."""
    terminal = rig.shop("A").billing_terminal()
    phone = customer(rig)
    if variant == "at once":
        terminal.start()
        shown = number(terminal)
        rig.at_once(lambda: phone.payer.enter(shown), phone.payer.leave)
        refused(terminal, phone, "The payer declined.")
        rig.expects_balances(**UNPAID)
        return
    connect(terminal, phone)
    terminal.expects("CUSTOMER IS THERE")
    phone.expects("CONNECTED")
    if variant == "at the amount":
        terminal.bill("2.50")
        phone.expects("PAY 2.50")
        phone.decline()
        rig.expects_steps(*SYNCHRONISED, "T5", "T6")
    else:
        phone.payer.leave()
        rig.expects_steps(*SYNCHRONISED)
    refused(terminal, phone, "The payer declined.")
    rig.expects_balances(**UNPAID)


@scenario(figure="TIN 8", variants=["waiting", "connected", "billed"])
def tin_shop_withdraws(rig: Rig, variant: str) -> None:
    """The clerk gives up before B has confirmed: the number is worth nothing from then on."""
    terminal = rig.shop("A").billing_terminal()
    phone = customer(rig)
    terminal.start()
    shown = number(terminal)
    if variant != "waiting":
        phone.payer.enter(shown)
    if variant == "billed":
        terminal.bill("2.50")
        phone.expects("PAY 2.50")
    terminal.cancel()
    if variant == "waiting":
        phone.payer.enter(shown)
        phone.expects(NUMBERS["used"])
    else:
        refused(terminal, phone, "The shop withdrew.")
    terminal.expects_article("kept")
    rig.expects_balances(**UNPAID)


@scenario(figure="TIN 8")
def tin_wrong_password_at_phone(rig: Rig) -> None:
    """Somebody else has B's phone and does not know its password: no confirmation goes out."""
    terminal = rig.shop("A").billing_terminal()
    phone = customer(rig)
    connect(terminal, phone)
    terminal.bill("2.50")
    for _ in range(3):
        phone.approve(password="1357")
    phone.expects("LOCKED")
    rig.expects_steps(*SYNCHRONISED, "T5", "T6")
    terminal.cancel()
    terminal.expects_article("kept")
    rig.expects_balances(**UNPAID)


@scenario(figure="TIN 8")
def tin_amount_altered(rig: Rig) -> None:
    """T6 is changed on its way to 1.00: what B signs fits nothing, and 2.50 is never paid."""
    terminal = rig.shop("A").billing_terminal()
    phone = customer(rig)
    connect(terminal, phone)
    rig.alters("T6", "body.amount", "1.00")
    terminal.bill("2.50")
    phone.expects("PAY 1.00")
    phone.approve(password="2468")
    rig.expects_decisions("refused: not-settled")
    terminal.cancel()
    refused(terminal, phone, "The shop withdrew.")
    rig.expects_balances(**UNPAID)


SHOWN: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "all": (("name", "member since"), ["name: B", "member since: 2019"]),
    "name alone": (("name",), ["name: B"]),
    "nothing": ((), []),
}


@scenario(figure="TIN 12", variants=list(SHOWN))
def tin_attributes_shown(rig: Rig, variant: str) -> None:
    """The clerk is told of B what B allows (claims 12 and 33), and no more."""
    terminal = rig.shop("A").billing_terminal()
    shows, lines = SHOWN[variant]
    phone = customer(rig, attributes={"member since": "2019", "rank": "gold"}, shows=shows)
    connect(terminal, phone)
    for line in ["CUSTOMER IS THERE", *lines]:
        terminal.expects(line)
    assert len(terminal.display.lines) == 1 + len(lines), "nothing else is told"
    pay(terminal, phone)
    rig.expects_steps(*PAID)
    rig.expects_balances(A="2.50", B="17.50")


@scenario(figure="TIN 11", variants=["told", "not told"])
def tin_status(rig: Rig, variant: str) -> None:
    """The clerk asks how often B has paid and what is available; B has decided who is told."""
    terminal = rig.shop("A").billing_terminal()
    phone = customer(rig, shows=("payments", "available") if variant == "told" else ())
    buy(terminal, phone)
    connect(terminal, phone)
    terminal.ask_status()
    terminal.expects("CUSTOMER IS THERE")
    if variant == "told":
        terminal.expects("payments: 1")
        terminal.expects("available: 17.50")
    assert len(terminal.display.lines) == (3 if variant == "told" else 1), "no more is told"
    phone.payer.ask_status()  # of oneself everything is told
    phone.expects("AVAILABLE 17.50")
    phone.expects("PAYMENTS 1")
    terminal.cancel()
    rig.expects_balances(A="2.50", B="17.50")


@scenario(figure="TIN 13")
def tin_purchase_history(rig: Rig) -> None:
    """B has bought twice, at two shops, and asks for the history: newest first."""
    phone = customer(rig)
    for shop in ("A", "S"):
        buy(rig.shop(shop).billing_terminal(), phone)
    phone.payer.ask_history()
    phone.expects("PURCHASES 2")
    assert phone.display.lines[1:] == ("2.50 S settled", "2.50 A settled"), "newest first"
    rig.expects_steps(*PAID, *PAID)
    rig.expects_balances(A="2.50", S="2.50", B="15.00")


@scenario(figure="TIN 6")
def tin_many_counters(rig: Rig) -> None:
    """Three counters serve three customers at once: each pays for what is on its own counter."""
    shop = rig.shop("A")
    prices = {"B": "1.00", "C": "2.00", "D": "3.00"}
    counters = {name: shop.billing_terminal() for name in prices}
    phones = {name: customer(rig, name) for name in prices}
    rig.at_once(*[terminal.start for terminal in counters.values()])
    for name, phone in phones.items():
        phone.payer.read(counters[name])
    for name, price in prices.items():
        counters[name].bill(price)
    for name, phone in phones.items():
        phone.expects(f"PAY {prices[name]}")
        phone.approve(password="2468")
    for name, price in prices.items():
        counters[name].expects(f"PAID {price}")
        counters[name].expects_article("handed over")
    rig.expects_balances(A="6.00", B="19.00", C="18.00", D="17.00")


@scenario(figure="TIN 6")
def tin_too_many_open(rig: Rig) -> None:
    """The apparatus gives a terminal no more numbers at a time than was agreed on."""
    rig.tin_office.limits = Limits(live_max=1)
    shop = rig.shop("A")
    first, second = shop.billing_terminal(), shop.billing_terminal()
    first.start()
    first.expects("TIN *")
    second.start()
    second.expects("There are too many open sessions: close one, or try again later.")
    first.cancel()
    second.start()
    second.expects("TIN *")
    rig.expects_balances(A="0.00")
