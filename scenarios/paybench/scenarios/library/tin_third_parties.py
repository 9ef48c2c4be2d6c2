"""Claims 42 and 43: somebody proves to a third party who they are; no money is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.bank.tin import tin
from paybench.scenarios.scenario import scenario

if TYPE_CHECKING:
    from typing import Unpack

    from paybench.devices.demanding_terminal import DemandingTerminal
    from paybench.devices.proving_terminal import ProvingTerminal
    from paybench.scenarios.rig import Rig
    from paybench.scenarios.tin_office import SubscriberOptions

METHODS = ["password", "question", "voice", "fingerprint", "iris", "portrait"]
STEPS = ("A1", "T2", "T3", "T4", "T4")
UNMOVED = {"O": "0.00", "B": "20.00"}
LATER_S = 900
"""After so long whatever was under way has come to its end."""


def office(
    rig: Rig, name: str = "B", **options: Unpack[SubscriberOptions]
) -> tuple[DemandingTerminal, ProvingTerminal]:
    """A car hire that wants to know who is there, and B at a telephone."""
    terminal = rig.shop("O").demanding_terminal(place="Car hire")
    return terminal, telephone(rig, name, **options)


def telephone(rig: Rig, name: str, **options: Unpack[SubscriberOptions]) -> ProvingTerminal:
    """Somebody's telephone, with everything registered by which they can be known."""
    everything: SubscriberOptions = {
        "password": "sesame",
        "questions": {"First pet?": "Rex"},
        "voice": f"{name}'s voice",
        "finger": f"{name}'s thumb",
        "iris": f"{name}'s iris",
        "portrait": name,
        "shows": ("name",),
    }
    everything.update(options)
    return rig.customer(name, balance="20.00").proving_terminal(**everything)


def number(terminal: DemandingTerminal) -> str:
    """The number that is shown."""
    terminal.expects("TIN *")
    return terminal.display.lines[0].removeprefix("TIN ")


def prove(
    terminal: DemandingTerminal, prover: ProvingTerminal, method: str, who: str = "B"
) -> None:
    """Somebody answers what is asked, each method in its way."""
    if method == "password":
        prover.answer(password="sesame" if who == "B" else "guessed")
    elif method == "question":
        prover.expects("First pet?")
        prover.answer(text="Rex" if who == "B" else "Bello")
    elif method == "voice":
        prover.speak(f"{who}'s voice")
    elif method == "fingerprint":
        prover.present(finger=f"{who}'s thumb")
    elif method == "iris":
        prover.present(iris=f"{who}'s iris")
    else:
        terminal.expects("IS THIS THE PERSON?")
        if who == "B":
            terminal.recognises()
        else:
            terminal.does_not_recognise()


@scenario(figure="TIN 42", variants=METHODS)
def tin_third_party(rig: Rig, variant: str) -> None:
    """The car hire demands that B is authenticated; B sends its number, and answers."""
    terminal, prover = office(rig)
    terminal.demand(variant)  # A1, T2
    prover.enter(number(terminal))  # T3
    prover.expects("Car hire")  # T4
    if variant != "portrait":
        terminal.expects("PERSON IS ASKED")
    prove(terminal, prover, variant)
    terminal.expects("AUTHENTICATED")
    terminal.expects(variant)
    terminal.expects("name: B")
    prover.expects("AUTHENTICATED")
    rig.expects_steps(*STEPS)
    rig.expects_decisions("synchronised", "authenticated")
    rig.expects_balances(**UNMOVED)


@scenario(figure="TIN 42", variants=METHODS)
def tin_third_party_somebody_else(rig: Rig, variant: str) -> None:
    """C is at B's telephone and is asked: not authenticated, and both terminals say so."""
    terminal, prover = office(rig)
    terminal.demand(variant)
    prover.enter(number(terminal))
    prove(terminal, prover, variant, who="C")
    terminal.expects("NOT AUTHENTICATED")
    prover.expects("REFUSED")
    rig.expects_steps(*STEPS)
    rig.expects_decisions("synchronised", "not authenticated")
    rig.expects_balances(**UNMOVED)


@scenario(figure="TIN 43", variants=["as registered", "password added", "cannot tell"])
def tin_third_party_agreement(rig: Rig, variant: str) -> None:
    """Both sides have a say: what is registered, a password the user adds, one the clerk wants."""
    terminal, prover = office(rig, adds_password=variant == "password added", demands="voice")
    if variant == "as registered":
        other = rig.shop("P").demanding_terminal(demands="fingerprint")
        other.demand()
        prover.enter(number(other))
        prove(other, prover, "fingerprint")
        other.expects("AUTHENTICATED")
        other.expects("fingerprint")
        return
    terminal.demand("portrait")
    prover.enter(number(terminal))
    if variant == "cannot tell":
        terminal.expects("IS THIS THE PERSON?")
        terminal.demand_password()
        prove(terminal, prover, "password")
        terminal.expects("password")
    else:
        prove(terminal, prover, "password")
        prove(terminal, prover, "portrait")
        terminal.expects("password, portrait")
    terminal.expects("AUTHENTICATED")
    rig.expects_balances(**UNMOVED)


@scenario(figure="TIN 43", variants=["not registered for it", "no portrait", "no method"])
def tin_third_party_disagreement(rig: Rig, variant: str) -> None:
    """They cannot agree: the demand does not fit what B has registered, or allows."""
    if variant == "not registered for it":
        terminal, prover = office(rig, iris="")
        terminal.demand("iris")
    else:
        terminal, prover = office(rig, no_portrait=True)
        terminal.demand("portrait" if variant == "no portrait" else "")
    if variant == "no method":
        terminal.expects("The terminal has not said how the user is to be authenticated.")
        rig.expects_steps("A1")
        rig.expects_balances(**UNMOVED)
        return
    prover.enter(number(terminal))
    terminal.expects("NOT AUTHENTICATED")
    terminal.expects("Shop and payer do not agree on a method of authentication.")
    prover.expects("REFUSED")
    rig.expects_steps(*STEPS[:3])
    rig.expects_balances(**UNMOVED)


NUMBERS = {
    "mistyped": "This cannot be a transaction number: type it once more.",
    "unknown": "This is not the number of any transaction.",
    "expired": "The time for this transaction is over: ask for a new number.",
    "used": "This transaction number has been used: ask for a new one.",
    "unregistered caller": "Nobody is registered under this calling number.",
    "blocked caller": "This calling number is blocked at present.",
}


@scenario(figure="TIN 42", variants=list(NUMBERS))
def tin_third_party_not_synchronised(rig: Rig, variant: str) -> None:
    """C sends a wrong number, or is nobody who is registered: C is told, and proves nothing."""
    terminal, prover = office(rig)
    calling_number = "+81 90 1234 5678"
    other = telephone(rig, "C", number=calling_number, registered=variant != "unregistered caller")
    terminal.demand("password")
    shown = number(terminal)
    typed = {"mistyped": shown[:-1] + str((int(shown[-1]) + 1) % 10), "unknown": tin(1)}
    if variant == "expired":
        rig.waits(LATER_S)
        terminal.expects(NUMBERS[variant])
    elif variant == "used":
        prover.enter(shown)
    elif variant == "blocked caller":
        rig.authentication_office.users.block(calling_number)
    other.enter(typed.get(variant, shown))
    other.expects(NUMBERS[variant])
    if variant != "expired":
        if variant != "used":
            prover.enter(shown)
        prove(terminal, prover, "password")
        terminal.expects("AUTHENTICATED")
        terminal.expects("name: B")
    rig.expects_balances(**UNMOVED, C="20.00")


TERMINALS = {
    "unregistered": "No billing terminal is registered under this id.",
    "another's id": "The terminal is registered for another line.",
}


@scenario(figure="TIN 42", variants=list(TERMINALS))
def tin_third_party_terminal_refused(rig: Rig, variant: str) -> None:
    """A terminal that is not registered, or calls itself what another one is, learns nothing."""
    honest, _ = office(rig)
    shop = rig.shop("M")
    if variant == "unregistered":
        terminal = shop.demanding_terminal(registered=False)
    else:
        terminal = shop.demanding_terminal(terminal_id=honest.terminal_id)
    terminal.demand("password")
    terminal.expects("NOT AUTHENTICATED")
    terminal.expects(TERMINALS[variant])
    rig.expects_steps("A1")
    rig.expects_balances(**UNMOVED, M="0.00")


@scenario(figure="TIN 42")
def tin_third_party_locked_out(rig: Rig) -> None:
    """Somebody guesses B's password three times: for a while B's right one is no use either."""
    terminal, prover = office(rig)
    for _ in range(3):
        terminal.demand("password")
        prover.enter(number(terminal))
        prove(terminal, prover, "password", who="C")
        terminal.expects("NOT AUTHENTICATED")
    terminal.demand("password")
    prover.enter(number(terminal))
    terminal.expects("The payer could not be authenticated too often: try again later.")
    rig.waits(LATER_S)
    terminal.demand("password")
    prover.enter(number(terminal))
    prove(terminal, prover, "password")
    terminal.expects("AUTHENTICATED")
    rig.expects_balances(**UNMOVED)


@scenario(figure="TIN 42", variants=["clerk", "person", "nobody"])
def tin_third_party_left(rig: Rig, variant: str) -> None:
    """The clerk or B gives up, or B does not answer until the time is over: nothing is proved."""
    terminal, prover = office(rig)
    terminal.demand("voice")
    prover.enter(number(terminal))
    prover.expects("Car hire")
    if variant == "clerk":
        terminal.cancel()
        why = "The shop withdrew."
    elif variant == "person":
        prover.leave()
        why = "The payer declined."
    else:
        rig.waits(LATER_S)
        why = "The time for this transaction is over: ask for a new number."
    terminal.expects("NOT AUTHENTICATED")
    terminal.expects(why)
    prover.expects("REFUSED")
    rig.expects_balances(**UNMOVED)


@scenario(figure="TIN 42", variants=["A1", "T2", "T3", "T4", "order", "answer", "result"])
def tin_third_party_lost(rig: Rig, variant: str) -> None:
    """A message gets lost: it is said again, or asked for, and B is authenticated once."""
    terminal, prover = office(rig)
    auths = ["order", "answer", "result"]
    if variant in auths:
        rig.passes("auth", times=auths.index(variant))
        rig.loses("auth")
    else:
        rig.loses(variant, times=2 if variant == "T4" else 1)
    terminal.demand("voice")
    prover.enter(number(terminal))
    prover.expects("Car hire")
    prover.expects("*peak*")
    prover.speak("B's voice")
    terminal.expects("AUTHENTICATED")
    terminal.expects("voice")
    prover.expects("AUTHENTICATED")
    rig.expects_balances(**UNMOVED)


CUTS = ["A1", "T2", "T3", "T4", "auth"]


@scenario(figure="TIN 42", variants=CUTS)
def tin_third_party_power_loss(rig: Rig, variant: str) -> None:
    """The demanding terminal loses its power at a step: back again, it asks how it stands."""
    terminal, prover = office(rig)
    rig.cuts_power(terminal, at=variant, for_s=10)
    terminal.demand("voice")
    prover.enter(number(terminal))
    prover.expects("*peak*")
    prover.speak("B's voice")
    terminal.expects("AUTHENTICATED")
    prover.expects("AUTHENTICATED")
    rig.expects_balances(**UNMOVED)


@scenario(figure="TIN 42", variants=["T3", "T4", "order", "answer"])
def tin_third_party_telephone_dark(rig: Rig, variant: str) -> None:
    """B's telephone loses its power at a step: back again, it is asked again, and B answers."""
    terminal, prover = office(rig)
    if variant == "answer":
        rig.passes("auth")
    step = variant if variant.startswith("T") else "auth"
    rig.cuts_power(prover, at=step, for_s=10)
    terminal.demand("voice")
    prover.enter(number(terminal))
    prover.expects("*peak*")
    prover.speak("B's voice")
    if variant == "answer":  # an answer is in no store: what was asked is asked again
        rig.waits(15)
        if prover.state == "asked":
            prover.speak("B's voice")
    terminal.expects("AUTHENTICATED")
    prover.expects("AUTHENTICATED")
    rig.expects_balances(**UNMOVED)
