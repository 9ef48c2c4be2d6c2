"""Fig 8: electronic money in phones and tills ([0092] to [0103]), and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paybench.bank.account import ISSUER
from paybench.bank.emoney.datum import mint
from paybench.bank.emoney.signing import SigningKey
from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from paybench.devices.cash_register import CashRegister
    from paybench.devices.phone import Phone
    from paybench.devices.till import Till
    from paybench.scenarios.party import Customer, Shop
    from paybench.scenarios.rig import Rig

PASSWORDS = {"A": "2468", "B": "1357"}
BOTH_WAYS = ["relayed", "direct"]


class Town(NamedTuple):
    """A with e-money, B with an empty purse, and a shop S that takes it."""

    user: Customer
    other: Customer
    shop: Shop
    a: Phone
    b: Phone
    register: CashRegister
    till: Till


def town(rig: Rig, *, loaded: str = "20.00", settles: str = "relayed") -> Town:
    """A has paid 50.00 cash into the store, and has loaded some of it."""
    user = rig.customer("A", balance="30.00", password=PASSWORDS["A"])
    other = rig.customer("B", balance="0.00", password=PASSWORDS["B"])
    shop = rig.shop("S")
    a, b, register = user.phone(), other.phone(), shop.cash_register(settles=settles)
    user.purse(cash="50.00")
    other.purse()
    there = Town(user, other, shop, a, b, register, shop.till(register))
    if loaded:
        a.purse.load(loaded, password=PASSWORDS["A"])
        a.expects(f"RECEIVED {loaded}")
    return there


def bill(register: CashRegister, phone: Phone, price: str = "2.50") -> None:
    """The salesperson scans a coffee, and bills somebody."""
    register.scan("4901234567894", price=price)
    register.bill(phone)  # D1


# -- it works -----------------------------------------------------------------------------------


@scenario(figure="8", variants=["own", "other"])
def emoney_issued(rig: Rig, variant: str) -> None:
    """A has the bank issue 20.00 out of A's store, to the own phone (D72) or to B's (D73)."""
    there = town(rig, loaded="")
    if variant == "own":
        there.a.purse.load("20.00", password=PASSWORDS["A"])  # D71, D72
        there.a.expects("RECEIVED 20.00")
        rig.expects_steps("D71", "D72")
        rig.expects_purses(A="20.00", B="0.00")
    else:
        there.a.purse.load("20.00", receiver=there.b, password=PASSWORDS["A"])  # D71, D73
        there.b.expects("RECEIVED 20.00")
        there.a.expects("SENT 20.00")
        rig.expects_steps("D71", "D73")
        rig.expects_purses(A="0.00", B="20.00")
    rig.expects_stores(A="30.00", B="0.00", bank="20.00")
    rig.circulation.expects_nothing_under_way()
    there.a.purse.look()
    there.a.expects("STORE 30.00")


@scenario(figure="8", variants=["given", "asked"])
def emoney_between_phones(rig: Rig, variant: str) -> None:
    """A passes 7.50 on to B, and the bank never hears of it."""
    there = town(rig)
    if variant == "given":
        there.a.purse.give(there.b, "7.50")
    else:
        there.b.purse.ask(there.a, "7.50")
        there.a.expects("PAY 7.50")
        there.a.expects("E-MONEY TO B.phone")
        there.a.purse.pay()
    there.b.expects("RECEIVED 7.50")
    there.a.expects("PAID 7.50")
    rig.expects_steps("D71", "D72")
    rig.expects_purses(A="12.50", B="7.50")
    rig.expects_stores(A="30.00", B="0.00", bank="20.00")
    rig.circulation.expects_nothing_under_way()


@scenario(figure="8", variants=BOTH_WAYS)
def emoney_at_shop(rig: Rig, variant: str) -> None:
    """A pays a coffee with e-money: the register hands over when it is in its own purse."""
    there = town(rig, settles=variant)
    bill(there.register, there.a)  # D1
    there.a.purse.pay()
    there.register.expects("PAID 2.50")
    there.register.expects_article("handed over")
    there.a.expects("PAID 2.50")
    # A register that leaves settling to phones sees to it that the bill is not settled, too.
    rig.expects_steps("D71", "D72", "D1", *(["R1", "R2"] if variant == "direct" else []))
    rig.expects_purses(A="17.50", S="2.50")
    rig.expects_balances(A="30.00", S="0.00")
    rig.expects_stores(A="30.00", S="0.00", bank="20.00")
    rig.circulation.expects_nothing_under_way()


@scenario(figure="8")
def emoney_circulates(rig: Rig) -> None:
    """From A to B, from B to the shop, and from there back to the bank, in the evening."""
    there = town(rig)
    there.a.purse.give(there.b, "10.00")
    there.b.expects("RECEIVED 10.00")
    bill(there.register, there.b)
    there.b.purse.pay()
    bill(there.register, there.a)
    there.a.purse.pay()
    there.register.expects_article("handed over")
    rig.expects_purses(A="7.50", B="7.50", S="5.00")
    there.till.redeem()
    there.register.expects("REDEEMED 5.00")
    rig.expects_purses(A="7.50", B="7.50", S="0.00")
    rig.expects_stores(A="30.00", B="0.00", S="5.00", bank="15.00")
    rig.expects_steps("D71", "D72", "D1", "D1")


@scenario(figure="8", variants=["part", "all", "another", "account"])
def emoney_redeemed(rig: Rig, variant: str) -> None:
    """A gives e-money back to the bank, which pays it into a store ([0101], [0102])."""
    there = town(rig)
    purse = there.a.purse
    if variant == "part":
        purse.redeem("5.00")
        there.a.expects("REDEEMED 5.00")
        rig.expects_stores(A="35.00", B="0.00", bank="15.00")
    elif variant == "all":
        purse.redeem()
        there.a.expects("REDEEMED 20.00")
        rig.expects_stores(A="50.00", B="0.00", bank="0.00")
    elif variant == "another":
        purse.redeem("5.00", into=there.other.store)
        there.a.expects("REDEEMED 5.00")
        rig.expects_stores(A="30.00", B="5.00", bank="15.00")
    else:
        purse.redeem("5.00", into=there.user.account)
        there.a.expects("REDEEMED 5.00")
        rig.expects_stores(A="30.00", bank="15.00")
        rig.expects_balances(A="35.00")
    rig.expects_purses(A="0.00" if variant == "all" else "15.00")
    rig.circulation.expects_nothing_under_way()


@scenario(figure="8", variants=["cash", "fill", "empty"])
def emoney_converted(rig: Rig, variant: str) -> None:
    """Cash or balance becomes e-money in A's store, and e-money there becomes balance ([0092])."""
    there = town(rig, loaded="")
    if variant == "cash":
        counter = rig.circulation.counter()
        counter.pay_in(there.user.store, "25.00")
        counter.expects("PAID IN 25.00")
        rig.expects_balances(A="30.00")
        rig.expects_stores(A="75.00")
    elif variant == "fill":
        there.a.purse.fill_store("25.00", password=PASSWORDS["A"])
        there.a.expects("PAID 25.00")
        rig.expects_balances(A="5.00")
        rig.expects_stores(A="75.00")
    else:
        there.a.purse.empty_store("25.00", password=PASSWORDS["A"])
        there.a.expects("PAID 25.00")
        rig.expects_balances(A="55.00")
        rig.expects_stores(A="25.00")
    rig.expects_stores(bank="0.00")


@scenario(figure="8")
def emoney_or_card_or_account(rig: Rig) -> None:
    """A pays three bills, each in another way: from the account, by card, with e-money ([0111])."""
    there = town(rig)
    company = rig.card_company("C")
    company.terminal(there.register)
    there.user.card("1", number="4111111111111111", expiry="12/27", pin="739164", limit="9.00")
    bill(there.register, there.a)
    there.a.approve(password=PASSWORDS["A"])  # D2, D3, D4
    rig.expects_balances(A="27.50", C="1000.00", S="2.50")
    bill(there.register, there.a)
    there.a.cards.pay("1", pin="739164", password=PASSWORDS["A"])  # D81, D82, D83, D3, D4
    rig.expects_balances(A="27.50", C="997.50", S="5.00")
    bill(there.register, there.a)
    there.a.purse.pay()
    there.register.expects_article("handed over")
    rig.expects_balances(A="27.50", C="997.50", S="5.00")
    rig.expects_purses(A="17.50", S="2.50")
    rig.expects_steps(
        *("D71", "D72", "D1", "D2", "D3", "D4", "D1", "D81", "D82", "D83", "D3", "D4", "D1")
    )


@scenario(figure="8", variants=BOTH_WAYS)
def emoney_and_account(rig: Rig, variant: str) -> None:
    """A has paid with e-money, and approves the bill as well: the account is not charged."""
    there = town(rig, settles=variant)
    bill(there.register, there.a)
    there.a.purse.pay()
    there.a.approve(password=PASSWORDS["A"])  # D2 or D5
    rig.waits(60)
    there.register.expects_article("handed over")
    rig.expects_purses(A="17.50", S="2.50")
    rig.expects_balances(A="30.00", S="0.00")


@scenario(figure="8")
def emoney_for_ticket(rig: Rig) -> None:
    """A buys a theatre ticket with e-money, and is let in with it."""
    there = town(rig)
    venue = rig.venue("T")
    office = venue.ticket_office()
    till = venue.till(office)
    office.enter("theatre", "Hamlet", price="12.50")
    office.bill(there.a)  # D91
    there.a.purse.pay()
    there.a.expects("Hamlet")  # D96
    office.expects_article("handed over")
    rig.expects_steps("D71", "D72", "D91", "D96")
    rig.expects_purses(A="7.50", T="12.50")
    till.redeem(into=venue.account)
    rig.expects_balances(T="12.50")


@scenario(figure="8")
def emoney_brought_back(rig: Rig) -> None:
    """A brings an article back, and the shop gives e-money for it, out of its till."""
    there = town(rig)
    bill(there.register, there.a, price="12.50")
    there.a.purse.pay()
    there.till.give(there.a, "12.50")
    there.a.expects("RECEIVED 12.50")
    there.register.expects("GIVEN 12.50")
    rig.expects_purses(A="20.00", S="0.00")


@scenario(figure="8")
def emoney_little_without_password(rig: Rig) -> None:
    """Up to 25.00 goes without a password; then A has to type it, and may pay freely again."""
    there = town(rig, loaded="50.00")
    there.a.purse.give(there.b, "24.00")
    there.b.expects("RECEIVED 24.00")
    bill(there.register, there.a)
    there.a.purse.pay()
    there.a.expects("ENTER THE PASSWORD")
    rig.expects_purses(A="26.00", B="24.00", S="0.00")
    there.a.purse.pay(password=PASSWORDS["A"])
    there.register.expects_article("handed over")
    bill(there.register, there.a)
    there.a.purse.pay()
    there.register.expects_article("handed over")
    rig.expects_purses(A="21.00", B="24.00", S="5.00")


# -- it is refused ------------------------------------------------------------------------------


@scenario(figure="8")
def emoney_store_too_low(rig: Rig) -> None:
    """A demands more than is in A's store: refused, nothing is issued, and A is told why."""
    there = town(rig, loaded="")
    there.a.purse.load("50.01", password=PASSWORDS["A"])
    there.a.expects("REFUSED")
    there.a.expects("The payer's balance is too low.")
    rig.expects_steps("D71")
    rig.expects_purses(A="0.00")
    rig.expects_stores(A="50.00", bank="0.00")


@scenario(figure="8", variants=["given", "asked for", "at the shop", "redeemed"])
def emoney_purse_too_low(rig: Rig, variant: str) -> None:
    """A has less than is wanted: nothing leaves the purse."""
    there = town(rig, loaded="2.00")
    if variant == "given":
        there.a.purse.give(there.b, "2.01")
        there.a.expects("TOO LITTLE E-MONEY")
    elif variant == "asked for":
        there.b.purse.ask(there.a, "2.01")
        there.a.expects("CANNOT PAY 2.01")
        there.b.expects("NOT PAID")
        there.b.expects("The purse holds too little.")
    elif variant == "at the shop":
        bill(there.register, there.a)
        there.a.purse.pay()
        there.a.expects("TOO LITTLE E-MONEY")
        there.a.decline()
        there.register.expects("DECLINED")
        there.register.expects_article("kept")
    else:
        there.a.purse.redeem("2.01")
        there.a.expects("REFUSED")
        there.a.expects("The purse holds too little.")
    rig.expects_purses(A="2.00", B="0.00", S="0.00")
    rig.expects_stores(A="48.00", bank="2.00")


@scenario(figure="8", variants=["load", "give", "pay"])
def emoney_wrong_password(rig: Rig, variant: str) -> None:
    """Somebody else has A's phone, and types wrong passwords: it locks, and nothing leaves it."""
    there = town(rig)
    if variant == "pay":
        bill(there.register, there.a)
    for password in ("1357", "8642", "0000"):
        if variant == "load":
            there.a.purse.load("5.00", password=password)
        elif variant == "give":
            there.a.purse.give(there.b, "5.00", password=password)
        else:
            there.a.purse.pay(password=password)
    there.a.expects("LOCKED")
    there.a.purse.give(there.b, "1.00")  # no more without a password either
    rig.expects_purses(A="20.00", B="0.00", S="0.00")
    rig.expects_stores(A="30.00", bank="20.00")


@scenario(figure="8", variants=["by A", "at the shop"])
def emoney_declined(rig: Rig, variant: str) -> None:
    """A says no to what B or the shop asks for: they are told, and nothing moves."""
    there = town(rig)
    if variant == "by A":
        there.b.purse.ask(there.a, "5.00")
        there.a.decline()
        there.b.expects("NOT PAID")
        there.b.expects("The payer declined.")
    else:
        bill(there.register, there.a)
        there.a.decline()
        there.register.expects("DECLINED")
        there.register.expects_article("kept")
    rig.expects_purses(A="20.00", B="0.00", S="0.00")


@scenario(figure="8", variants=["forged", "another's"])
def emoney_forged_data(rig: Rig, variant: str) -> None:
    """Not what the bank issued comes to A's phone: it is not taken, and the real data are."""
    there = town(rig, loaded="")
    forger = SigningKey(b"a forger's key has 32 bytes, too")
    if variant == "forged":
        datum = mint(forger, "A.phone/1", 2000, "EUR", there.a.purse.keeper.identity.bank_key)
        rig.alters("D72", "value.data", (datum,))
        why = "The bank has not issued this electronic money."
    else:
        rig.alters("D72", "value.transfer_id", "B.phone/1")
        why = "The purse has not asked for this, or no longer knows that it did."
    there.a.purse.load("20.00", password=PASSWORDS["A"])
    rig.expects_refusal(why)
    there.a.expects("RECEIVED 20.00")
    rig.expects_steps("D71", "D72", "D71", "D72")
    rig.expects_purses(A="20.00")
    rig.expects_stores(A="30.00", bank="20.00")


@scenario(figure="8", variants=["amount", "receiver"])
def emoney_demand_altered(rig: Rig, variant: str) -> None:
    """On its way D71 is made to say more, or somebody else: that is refused, and said again."""
    there = town(rig, loaded="")
    if variant == "amount":
        rig.alters("D71", "information.amount", "25.00")
    else:
        there.b.purse.ask(there.a, "20.00")
        there.b.expects("NOT PAID")
        thief = there.b.purse.keeper.purse.open_requests()[0]
        rig.alters("D71", "request", thief)
    there.a.purse.load("20.00", password=PASSWORDS["A"])
    rig.expects_decisions(f"not issued: other-{'amount' if variant == 'amount' else 'transfer'}")
    rig.expects_purses(A="0.00", B="0.00")
    rig.expects_stores(A="50.00", bank="0.00")
    there.a.expects("RECEIVED 20.00")
    rig.expects_steps("D71", "D71", "D72")
    rig.expects_purses(A="20.00", B="0.00")
    rig.expects_stores(A="30.00", bank="20.00")


@scenario(figure="8")
def emoney_request_altered(rig: Rig) -> None:
    """B's request is made to say more in the air: it is not what B signed, so A does not pay."""
    there = town(rig)
    rig.alters("request", "request.amount", "15.00")
    there.b.purse.ask(there.a, "5.00")
    there.a.expects("CANNOT PAY 15.00")
    there.a.expects("The purse that is to be paid has not signed this request.")
    there.b.expects("NOT PAID")
    rig.expects_purses(A="20.00", B="0.00")


@scenario(figure="8", variants=["gives", "asks", "pays at the shop"])
def emoney_foreign_mint(rig: Rig, variant: str) -> None:
    """D's purse is of another mint: what it holds is worth nothing to the purses of this one."""
    there = town(rig)
    customer = rig.customer("D", password="1111")
    phone = customer.phone()
    rig.circulation.counterfeit(phone, "100.00", customer.account)
    if variant == "gives":
        phone.purse.give(there.a, "5.00")
        phone.expects("NOT PAID")
    elif variant == "asks":
        phone.purse.ask(there.a, "5.00")
        there.a.expects("CANNOT PAY 5.00")
        phone.expects("NOT PAID")
    else:
        bill(there.register, phone)
        phone.purse.pay()
        there.register.expects("NO E-MONEY CAME")
        there.register.expects_article("kept")
    rig.expects_refusal("The bank has not certified this purse.")
    rig.expects_purses(A="20.00", S="0.00")


@scenario(figure="8")
def emoney_spent_twice(rig: Rig) -> None:
    """A copies the phone and pays twice with the same: the bank pays once, and names A."""
    there = town(rig, loaded="5.00")
    clone = rig.circulation.clone(there.user, there.a)
    there.a.purse.give(there.b, "5.00")
    there.b.expects("RECEIVED 5.00")
    bill(there.register, clone, price="5.00")
    clone.purse.pay()
    there.register.expects_article("handed over")  # no till can know
    there.b.purse.redeem()
    there.b.expects("REDEEMED 5.00")
    there.till.redeem()
    there.register.expects("REDEEMED 0.00")
    there.register.expects("5.00 WAS SPENT BEFORE")
    rig.expects_decisions("A.phone spent twice")
    rig.expects_stores(A="45.00", B="5.00", S="0.00", bank="0.00")


@scenario(figure="8")
def emoney_given_twice_to_one(rig: Rig) -> None:
    """A's copied phone gives B the same again: B's purse has it already, and does not take it."""
    there = town(rig, loaded="5.00")
    clone = rig.circulation.clone(there.user, there.a)
    there.a.purse.give(there.b, "5.00")
    there.b.expects("RECEIVED 5.00")
    clone.purse.give(there.b, "5.00")
    rig.expects_refusal("Part of it is here already, so one of its owners has spent it twice.")
    rig.expects_purses(B="5.00")
    there.b.purse.redeem()
    rig.expects_stores(A="45.00", B="5.00", bank="0.00")


@scenario(figure="8")
def emoney_plain_payment_to_issuer(rig: Rig) -> None:
    """A pays to the bank's issuer store as to anybody: refused, or the money would be stranded."""
    user = town(rig).user
    terminal = user.terminal()
    terminal.log_in(password=PASSWORDS["A"])
    terminal.expects("LOGGED IN")
    terminal.pay(ISSUER, amount="5.00")
    terminal.expects("REFUSED")
    terminal.expects("The payee has no account here.")
    rig.expects_balances(A="30.00")
    rig.expects_stores(bank="20.00")


@scenario(figure="8")
def emoney_where_none_is_taken(rig: Rig) -> None:
    """A register without a till makes nothing of e-money, and keeps the article."""
    there = town(rig)
    register = there.shop.cash_register()
    bill(register, there.a)
    there.a.purse.pay()
    register.expects("WRONG ANSWER")
    register.expects_article("kept")
    rig.expects_purses(A="20.00", S="0.00")
