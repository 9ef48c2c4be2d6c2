"""Claims 14 to 26: how the customer is authenticated, and how both sides agree on that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.bank.authentication import Method
from paybench.scenarios.library.tin_at_shop import (
    PAID,
    SYNCHRONISED,
    UNPAID,
    connect,
    customer,
    pay,
    refused,
)
from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from paybench.devices.billing_terminal import BillingTerminal
    from paybench.devices.phone import Phone
    from paybench.scenarios.rig import Rig
    from paybench.scenarios.tin_office import SubscriberOptions

METHODS = [str(method) for method in Method]
PASSWORD = "correct horse"
WRONG_PASSWORD = "battery staple"
QUESTIONS = {
    "What was your first pet called?": "Rumpelstilzchen",
    "Where did your mother go to school?": "Yamaguchi",
    "What was your first car?": "Trabant 601",
}
WRONG_ANSWER = "Zitronenfalter"
EVERYTHING: SubscriberOptions = {
    "password": PASSWORD,
    "questions": QUESTIONS,
    "voice": "B's voice",
    "finger": "B's thumb",
    "iris": "B's left eye",
    "portrait": "B",
}
"""What B has registered: all that can be."""

NOT_RECOGNISED = "The user was not recognised."


def prove(terminal: BillingTerminal, phone: Phone, method: str, who: str = "B") -> None:
    """Somebody does what is asked for: B does it right, anybody else does not."""
    right = who == "B"
    match method:
        case "password":
            phone.expects("Enter your password.")
            phone.payer.answer(password=PASSWORD if right else WRONG_PASSWORD)
        case "question":
            phone.expects("W*?")
            answer = QUESTIONS[phone.display.lines[0]]
            phone.payer.answer(text=f" {answer.upper()} " if right else WRONG_ANSWER)
        case "voice":
            phone.expects("Speak now.")
            phone.payer.speak(voice=f"{who}'s voice")
        case "fingerprint":
            phone.expects("Put your finger on the sensor.")
            phone.payer.present(finger=f"{who}'s thumb")
        case "iris":
            phone.expects("Look into the camera.")
            phone.payer.present(iris=f"{who}'s left eye")
        case _:
            terminal.expects("IS THIS THE CUSTOMER?")
            assert terminal.portrait, "the clerk sees a picture"
            terminal.recognises() if right else terminal.does_not_recognise()


def with_demands(
    rig: Rig, *, shop: str = "", insists: bool = False, **options: object
) -> tuple[BillingTerminal, Phone]:
    """A terminal and a customer with demands, connected."""
    terminal = rig.shop("A").billing_terminal(demands=shop, insists=insists)
    subscription: SubscriberOptions = {**EVERYTHING, **options}  # type: ignore[typeddict-item]
    phone = customer(rig, **subscription)
    connect(terminal, phone)
    return terminal, phone


@scenario(figure="TIN 14", variants=METHODS)
def tin_authenticated(rig: Rig, variant: str) -> None:
    """The shop demands a method; B is authenticated by it, the shop is told, and B pays."""
    terminal, phone = with_demands(rig, shop=variant)
    prove(terminal, phone, variant)
    terminal.expects(f"authenticated: {variant}")
    pay(terminal, phone)
    rig.expects_steps(*PAID)
    rig.expects_decisions("synchronised", "authenticated", "settled", "article handed over")
    rig.expects_balances(A="2.50", B="17.50")


@scenario(figure="TIN 18", variants=METHODS)
def tin_authentication_failed(rig: Rig, variant: str) -> None:
    """Somebody else has B's phone: not recognised by any method; both sides are told."""
    terminal, phone = with_demands(rig, shop=variant)
    prove(terminal, phone, variant, "C")
    terminal.expects("REFUSED")
    terminal.expects("The payer could not be authenticated.")
    phone.expects("REFUSED")
    phone.expects(NOT_RECOGNISED)
    terminal.expects_article("kept")
    rig.expects_decisions("refused: authentication-failed", "not authenticated", "article kept")
    rig.expects_steps(*SYNCHRONISED)
    rig.expects_balances(**UNPAID)


@scenario(figure="TIN 19")
def tin_questions_at_random(rig: Rig) -> None:
    """B has registered three questions; in ten purchases not always the same one is asked."""
    terminal = rig.shop("A").billing_terminal(demands="question")
    phone = customer(rig, questions=QUESTIONS)
    asked: set[str] = set()
    for _ in range(10):
        connect(terminal, phone)
        phone.expects("W*?")
        asked.add(phone.display.lines[0])
        terminal.cancel()
    assert len(asked) > 1, "nobody can tell which one will be asked"
    rig.expects_balances(**UNPAID)


@scenario(figure="TIN 14")
def tin_bad_sample(rig: Rig) -> None:
    """B's finger is wet: the sample is too unlike; dry, in the next transaction, it will do."""
    terminal, phone = with_demands(rig, shop="fingerprint")
    assert phone.biometrics is not None, "B has subscribed"
    phone.biometrics.noise_permille[Method.FINGERPRINT] = 450
    prove(terminal, phone, "fingerprint")
    phone.expects(NOT_RECOGNISED)
    terminal.expects_article("kept")
    phone.biometrics.noise_permille[Method.FINGERPRINT] = 80
    connect(terminal, phone)
    prove(terminal, phone, "fingerprint")
    pay(terminal, phone)
    rig.expects_balances(A="2.50", B="17.50")


@scenario(figure="TIN 21", variants=["shop's", "customer's"])
def tin_more_accurate_wins(rig: Rig, variant: str) -> None:
    """Both demand a method: the more accurate one is carried out, whoever demands it."""
    demands = ("iris", "voice") if variant == "shop's" else ("voice", "iris")
    terminal, phone = with_demands(rig, shop=demands[0], demands=demands[1])
    prove(terminal, phone, "iris")
    terminal.expects("authenticated: iris")
    pay(terminal, phone)
    rig.expects_steps(*PAID)
    rig.expects_balances(A="2.50", B="17.50")


@scenario(figure="TIN 22", variants=["shop's", "customer's", "no password either"])
def tin_methods_do_not_match(rig: Rig, variant: str) -> None:
    """What one side requires cannot be had: the transaction is refused, and the payer told why."""
    terminal = rig.shop("A").billing_terminal(
        demands="iris" if variant != "customer's" else "", insists=variant == "shop's"
    )
    demands = "iris" if variant == "customer's" else ""
    password = "" if variant == "no password either" else PASSWORD
    phone = customer(rig, password=password, demands=demands)
    connect(terminal, phone)
    terminal.expects("Shop and payer do not agree on a method of authentication.")
    phone.expects(
        {
            "shop's": "*the shop requires your iris, which is not registered*",
            "customer's": "*you require your iris, which is not registered*",
            "no password either": "*a password is needed, and none is registered.",
        }[variant]
    )
    terminal.expects_article("kept")
    rig.expects_decisions("refused: disagreement")
    rig.expects_steps("T1", "T2", "T3")
    rig.expects_balances(**UNPAID)


@scenario(figure="TIN 24", variants=["own method", "password"])
def tin_no_portrait(rig: Rig, variant: str) -> None:
    """B's portrait is shown to nobody, and the shop does not insist: something else is asked."""
    own = "fingerprint" if variant == "own method" else ""
    terminal, phone = with_demands(rig, shop="portrait", demands=own, no_portrait=True)
    assert terminal.portrait is None, "no portrait has come"
    prove(terminal, phone, own or "password")
    terminal.expects(f"authenticated: {own or 'password'}")
    pay(terminal, phone)
    rig.expects_steps(*PAID)
    rig.expects_balances(A="2.50", B="17.50")


@scenario(figure="TIN 25")
def tin_portrait_insisted_on(rig: Rig) -> None:
    """The shop insists on the portrait, B has it shown to nobody: refused, and B is told."""
    terminal, phone = with_demands(rig, shop="portrait", insists=True, no_portrait=True)
    phone.expects("REFUSED")
    phone.expects("*the shop requires your portrait, and you do not have it shown.")
    terminal.expects("REFUSED")
    terminal.expects_article("kept")
    rig.expects_steps("T1", "T2", "T3")
    rig.expects_balances(**UNPAID)


@scenario(figure="TIN 26", variants=["alone", "with the shop's"])
def tin_password_added(rig: Rig, variant: str) -> None:
    """B wants the password asked for whatever else is: a phone and a face are not enough."""
    shop = "" if variant == "alone" else "portrait"
    terminal, phone = with_demands(rig, shop=shop, adds_password=True)
    prove(terminal, phone, "password")
    if shop:
        prove(terminal, phone, shop)
    terminal.expects(f"authenticated: password{', portrait' if shop else ''}")
    pay(terminal, phone)
    rig.expects_steps(*PAID)
    rig.expects_balances(A="2.50", B="17.50")


@scenario(figure="TIN 36", variants=["right", "wrong"])
def tin_clerk_cannot_tell(rig: Rig, variant: str) -> None:
    """The clerk cannot tell by the portrait, and demands the password in its place."""
    terminal, phone = with_demands(rig, shop="portrait")
    terminal.expects("IS THIS THE CUSTOMER?")
    terminal.demand_password()
    prove(terminal, phone, "password", "B" if variant == "right" else "C")
    if variant == "right":
        terminal.expects("authenticated: password")
        pay(terminal, phone)
        rig.expects_steps(*PAID)
        rig.expects_balances(A="2.50", B="17.50")
    else:
        phone.expects(NOT_RECOGNISED)
        terminal.expects_article("kept")
        rig.expects_balances(**UNPAID)


@scenario(figure="TIN 16")
def tin_password_demanded(rig: Rig) -> None:
    """Nobody demanded anything, but the clerk has doubts: the password, before the amount."""
    terminal, phone = with_demands(rig)
    terminal.expects("CUSTOMER IS THERE")
    terminal.demand_password()
    prove(terminal, phone, "password")
    terminal.expects("authenticated: password")
    pay(terminal, phone)
    rig.expects_steps(*PAID)
    rig.expects_balances(A="2.50", B="17.50")


@scenario(figure="TIN 18", variants=["password", "fingerprint"])
def tin_locked_out(rig: Rig, variant: str) -> None:
    """Three wrong tries in three transactions: the fourth is refused, right or wrong, for 900 s."""
    terminal = rig.shop("A").billing_terminal(demands=variant)
    phone = customer(rig, **EVERYTHING)
    for _ in range(3):
        connect(terminal, phone)
        prove(terminal, phone, variant, "C")
        phone.expects(NOT_RECOGNISED)
    connect(terminal, phone)
    refused_as = "The payer could not be authenticated too often: try again later."
    terminal.expects(refused_as)
    phone.expects("There were too many wrong tries: wait before the next one.")
    terminal.expects_article("kept")
    rig.expects_decisions("refused: authentication-failed", "refused: locked-out")
    rig.waits(901)
    connect(terminal, phone)
    prove(terminal, phone, variant)
    pay(terminal, phone)
    rig.expects_balances(A="2.50", B="17.50")


@scenario(figure="TIN 16", variants=["leaves", "shop withdraws"])
def tin_given_up_while_asked(rig: Rig, variant: str) -> None:
    """B is asked for the password, and gives up; or the shop does."""
    terminal, phone = with_demands(rig, shop="password")
    phone.expects("Enter your password.")
    if variant == "leaves":
        phone.payer.leave()
        refused(terminal, phone, "The payer declined.")
    else:
        terminal.cancel()
        refused(terminal, phone, "The shop withdrew.")
    rig.expects_steps(*SYNCHRONISED)
    rig.expects_balances(**UNPAID)
