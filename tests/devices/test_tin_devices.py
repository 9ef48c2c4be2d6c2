"""Terminals, phones and the apparatus, where no scenario goes."""

import pytest
from msgspec.structs import replace

from paybench.bank.authentication import COMPARATORS, BiometricData, Method
from paybench.bank.money import Money
from paybench.bank.secret import MASK
from paybench.bank.tin import (
    AmountBilled,
    Completed,
    Refusal,
    SessionInquiry,
    Synchronised,
    TinPresented,
    TinWanted,
    Withdrawn,
)
from paybench.devices.biometric_sensor import BiometricSensor, template
from paybench.devices.errors import OutOfOrder
from paybench.devices.message import Message
from paybench.devices.tin_messages import (
    BillingCall,
    BillingNotice,
    PayingCall,
    PayingNotice,
    TinHanded,
)
from paybench.devices.trace import Decision, Sent
from paybench.devices.world import IGNORED
from paybench.scenarios.errors import UsageError
from paybench.scenarios.gist import gist
from paybench.scenarios.lines import RADIO_TELEPHONE
from paybench.scenarios.portrait import portrait
from paybench.scenarios.rig import Rig


@pytest.fixture
def rig():
    """A rig of its own, closed afterwards."""
    rig = Rig()
    yield rig
    rig.close()


@pytest.fixture
def counter(rig):
    """A terminal and the phone of a customer who has subscribed."""
    return rig.shop("A").billing_terminal(), subscriber(rig, "B")


def subscriber(rig, name, **options):
    customer = rig.customer(name, balance="20.00", password="2468")
    phone = customer.phone()
    customer.subscribes(**options)
    return phone


def ignored(rig):
    """Why devices have ignored something, in their order."""
    events = rig.world.trace.events
    return [e.why for e in events if isinstance(e, Decision) and e.decision == IGNORED]


def sent(rig, step):
    """What was said in a step."""
    return [e.message for e in rig.world.trace.events if isinstance(e, Sent) and e.step == step]


# Verbs out of place


CLERKS = {
    "bill": ("2.50",),
    "demand_password": (),
    "recognises": (),
    "does_not_recognise": (),
    "ask_status": (),
    "cancel": (),
}


@pytest.mark.parametrize("verb", CLERKS)
def test_a_clerk_without_a_customer_is_told_so(counter, verb):
    """What needs a customer raises before there is one, and sends nothing."""
    terminal, _ = counter
    with pytest.raises(OutOfOrder, match="has no customer to"):
        getattr(terminal, verb)(*CLERKS[verb])


@pytest.mark.parametrize("verb", [v for v in CLERKS if v != "cancel"])
def test_a_clerk_with_a_number_out_is_told_so(counter, verb):
    """Nor does it do anything while the number waits for somebody."""
    terminal, _ = counter
    terminal.start()
    with pytest.raises(OutOfOrder, match="this transaction is waiting"):
        getattr(terminal, verb)(*CLERKS[verb])


def test_a_terminal_serves_one_customer_at_a_time(counter):
    """While one is served, neither another number is wanted nor one read or keyed in."""
    terminal, phone = counter
    terminal.start()
    for deed in (terminal.start, lambda: terminal.key_in("123 456 789")):
        with pytest.raises(OutOfOrder, match="busy with another customer"):
            deed()
    with pytest.raises(OutOfOrder, match="busy with another customer"):
        terminal.read(phone)


CUSTOMERS = {
    "answer": ({"password": "x"}, "is at no payment"),
    "speak": ({"voice": "x"}, "is at no payment"),
    "present": ({"iris": "x"}, "is at no payment"),
    "leave": ({}, "is at no payment"),
}


@pytest.mark.parametrize("verb", CUSTOMERS)
def test_a_customer_without_a_payment_is_told_so(counter, verb):
    """What needs a payment raises before there is one."""
    arguments, why = CUSTOMERS[verb]
    with pytest.raises(OutOfOrder, match=why):
        getattr(counter[1].payer, verb)(**arguments)


def test_a_customer_pays_once_at_a_time(rig, counter):
    """During one payment, no other number is typed, read, shown or handed over."""
    terminal, phone = counter
    other = rig.shop("S").billing_terminal()
    other.start()
    terminal.start()
    phone.payer.read(terminal)
    for deed in (
        phone.payer.show_tin,
        lambda: phone.payer.enter("123"),
        lambda: phone.payer.read(other),
    ):
        with pytest.raises(OutOfOrder, match="at another payment"):
            deed()
    with pytest.raises(OutOfOrder, match="no number to send"):
        phone.payer.hand_to(other)
    with pytest.raises(OutOfOrder, match="is asked nothing"):
        phone.payer.answer(password="correct horse")
    phone.hold_to(other)
    assert "a number that nobody here wants" in ignored(rig)


def test_who_has_not_subscribed_cannot_pay_by_number(rig, counter):
    """Such a phone has neither a calling number nor a camera, and makes nothing of an offer."""
    terminal, _ = counter
    phone = rig.customer("C").phone()
    terminal.start()
    for deed in (
        phone.payer.show_tin,
        lambda: phone.payer.enter("123"),
        lambda: phone.payer.read(terminal),
        phone.payer.ask_history,
    ):
        with pytest.raises(OutOfOrder, match=r"customer\.subscribes\(\) first"):
            deed()
    phone.hold_to(terminal)
    assert ignored(rig) == ["a number that nobody here wants"]
    assert set(phone.parts) == {"display"}


def test_it_is_too_late_to_leave_once_it_is_confirmed(rig, counter):
    """What was signed can be settled at any time: leaving would promise too much."""
    terminal, phone = counter
    terminal.start()
    phone.payer.read(terminal)
    terminal.bill("2.50")
    rig.loses("T7")
    phone.approve(password="2468")
    with pytest.raises(OutOfOrder, match="too late to leave"):
        phone.payer.leave()
    terminal.expects("PAID 2.50")


def test_what_is_approved_is_signed_once(rig, counter):
    """Tapping twice, approving again, and saying it again send one and the same confirmation."""
    terminal, phone = counter
    terminal.start()
    phone.payer.read(terminal)
    terminal.bill("2.50")
    rig.loses("T7", times=3)
    phone.approve(password="2468", taps=2)
    phone.approve(password="2468")
    terminal.expects("PAID 2.50")
    confirmed = sent(rig, "T7")
    assert len(confirmed) == 4
    assert len(set(map(repr, confirmed))) == 1


def test_what_is_approved_is_not_asked_again(rig, counter):
    """T6 comes again when its owner has approved it: the phone goes on confirming."""
    terminal, phone = counter
    terminal.start()
    phone.payer.read(terminal)
    terminal.bill("2.50")
    rig.loses("T7")
    phone.approve(password="2468")
    due = PayingNotice(sent(rig, "T6")[0].body)
    rig.apparatus.paying.send(due, "T6", phone.name)
    rig.waits(1)
    assert phone.payer.payment.state == "confirmed"
    assert "a AmountDue that nothing here waits for" in ignored(rig)


def test_a_phone_is_back_as_soon_as_its_power_is(rig, counter):
    """What was said without it is asked for at once, and not when it would be asked anyway."""
    terminal, phone = counter
    terminal.start()
    phone.payer.read(terminal)
    rig.cuts_power(phone, at="T6", for_s=2)
    terminal.bill("2.50")
    rig.waits(3)
    assert phone.display.lines[0] == "PAY 2.50"


def test_an_answer_that_does_not_fit_is_asked_for_again(rig):
    """It was changed on its way, to an order there is not: the phone asks how it stands."""
    terminal = rig.shop("A").billing_terminal(demands="password")
    phone = subscriber(rig, "B", password="long enough")
    terminal.start()
    phone.payer.read(terminal)
    rig.alters("auth", "body.order", 7)
    phone.payer.answer(password="long enough")
    assert phone.payer.payment.state == "asked"
    phone.expects("Enter your password.")
    phone.payer.answer(password="long enough")
    terminal.expects("CUSTOMER IS THERE")


def test_an_amount_that_got_lost_with_the_power_is_billed_again(rig, counter):
    """T5 is lost, and so is the terminal's power: it finds the session ready, and bills."""
    terminal, phone = counter
    terminal.start()
    phone.payer.read(terminal)
    rig.loses("T5")
    terminal.bill("2.50")
    terminal.lose_power(1)
    rig.waits(2)
    assert phone.display.lines[0] == "PAY 2.50"
    assert terminal.billing.state == "billed"


def test_a_portrait_is_shown_no_longer_than_it_takes(rig):
    """It is gone when the clerk has spoken, and when the transaction is over; no store has it."""
    for ends in ("recognises", "does_not_recognise", "cancel"):
        terminal = rig.shop(ends).billing_terminal(demands="portrait")
        phone = subscriber(rig, f"B {ends}", portrait="B")
        terminal.start()
        phone.payer.read(terminal)
        assert terminal.portrait == portrait("B")
        getattr(terminal, ends)()
        assert terminal.portrait is None
        assert terminal.line.portraits == {}


@pytest.mark.parametrize("after_s", [100, 1000])
def test_what_expires_without_power_is_told_when_it_is_back(rig, counter, after_s):
    """The apparatus tells both sides: at the time, or late where it had no power then."""
    terminal, phone = counter
    terminal.start()
    phone.payer.read(terminal)
    rig.apparatus.lose_power(after_s)
    phone.telephone.dark = terminal.line.port.dark = True  # neither asks by itself
    rig.waits(max(after_s, 600) - 1)
    phone.telephone.dark = terminal.line.port.dark = False
    rig.waits(5)
    for device in (terminal, phone):
        assert device.display.lines[1].startswith("The time for this transaction is over")


def test_a_phone_is_held_to_a_terminal_that_shows_a_number(counter):
    """There is nothing to send before, and nobody to send it without power."""
    terminal, phone = counter
    with pytest.raises(OutOfOrder, match="no number to send"):
        phone.hold_to(terminal)
    with pytest.raises(OutOfOrder, match="shows no number"):
        phone.payer.read(terminal)
    terminal.lose_power()
    with pytest.raises(OutOfOrder, match="no power"):
        phone.hold_to(terminal)


def test_another_code_before_the_camera_is_no_number(rig, counter):
    """The phone says so, and sends nothing."""
    _, phone = counter
    phone.camera.scanner.present("4901234567894")
    phone.expects("This code is no transaction number.")
    assert sent(rig, "T3") == []


# What comes and is not wanted


def test_numbers_that_come_while_a_customer_is_served_are_ignored(rig, counter):
    """A phone held to the terminal, and a code read, while somebody else pays."""
    terminal, phone = counter
    other = subscriber(rig, "C")
    terminal.start()
    phone.payer.read(terminal)
    other.payer.show_tin()
    other.payer.hand_to(terminal)
    terminal.scanner.present(other.display.lines[0])
    rig.waits(1)
    assert ignored(rig) == [
        "a TinHanded that is not wanted now",
        "a code while another customer is served",
    ]
    assert terminal.billing.attributes == {}
    assert other.payer.payment.state == "showing"


class Nonsense(Message, frozen=True):
    """What nobody expects."""


def test_what_is_no_call_is_ignored_by_the_apparatus(rig, counter):
    """On each of its networks, and what belongs to the other one as well."""
    terminal, phone = counter
    terminal.line.port.send(Nonsense(), "nonsense")
    terminal.line.port.send(PayingCall(SessionInquiry("tin-000001")), "nonsense")
    phone.telephone.send(BillingCall(SessionInquiry("tin-000001")), "nonsense")
    rig.waits(1)
    assert ignored(rig) == [
        "a Nonsense is nothing for this network",
        "a PayingCall is nothing for this network",
        "a BillingCall is nothing for this network",
    ]


@pytest.mark.parametrize("body", [SessionInquiry("tin-000001"), TinPresented("123456780")])
def test_what_is_said_of_nobodys_payment_is_ignored(rig, counter, body):
    """Answers to questions that no payment here has asked change no display."""
    terminal, phone = counter
    before = terminal.display.lines, phone.display.lines
    terminal.line.port.send(BillingCall(body), "T3")
    phone.telephone.send(PayingCall(body), "T3")
    rig.waits(1)
    assert (terminal.display.lines, phone.display.lines) == before
    assert ignored(rig) == ["a Refused that nothing here waits for"] * 2


def test_a_completion_of_another_amount_hands_nothing_over(rig, counter):
    """T8 that does not say what was billed: somebody has to ask at the bank."""
    terminal, phone = counter
    terminal.start()
    phone.payer.read(terminal)
    terminal.bill("2.50")
    rig.alters("T8", "body.outcome.amount", "2.00")
    phone.approve(password="2468")
    terminal.expects("RESULT UNKNOWN")
    assert terminal.billing.article == ""


def test_a_terminal_that_gave_up_too_early_withdraws_what_it_learns_of(rig, counter):
    """T4 comes after the clerk has cancelled: the customer is let go at once."""
    terminal, phone = counter
    phone.payer.show_tin()
    rig.at_once(lambda: terminal.key_in(phone.payer.payment.tin), terminal.cancel)
    assert terminal.billing.session == ""
    phone.expects("The shop withdrew.")
    assert isinstance(sent(rig, "withdraw")[0].body, Withdrawn)


def test_a_late_refusal_of_a_former_payment_refuses_no_other(rig, counter):
    """The same refusal comes again while the next number is on its way, which goes on."""
    terminal, phone = counter
    other = rig.shop("S").billing_terminal()
    other.start()
    terminal.start()
    phone.payer.read(other)
    other.cancel()
    phone.expects("REFUSED")
    refusal = PayingNotice(sent(rig, "refused")[-1].body)
    rig.at_once(
        lambda: phone.payer.enter(terminal.billing.tin),
        lambda: rig.apparatus.paying.send(refusal, "refused", phone.name),
    )
    assert ignored(rig) == ["a Refused that nothing here waits for"]
    terminal.expects("CUSTOMER IS THERE")
    phone.expects("CONNECTED")


def test_a_late_t4_of_another_number_connects_nobody(rig, counter):
    """Somebody else's synchronisation comes while one's own number is on its way, on both sides."""
    terminal, phone = counter
    other = subscriber(rig, "C")
    terminal.start()
    other.payer.read(terminal)
    both = [message.body for message in sent(rig, "T4")]
    forgotten = replace(both[0], session="long forgotten")
    terminal.cancel()
    other.payer.show_tin()
    terminal.start()
    rig.at_once(
        lambda: phone.payer.enter(terminal.billing.tin),
        lambda: rig.apparatus.paying.send(PayingNotice(both[1]), "T4", phone.name),
    )
    assert phone.payer.payment.session == terminal.billing.session
    terminal.cancel()
    rig.at_once(
        lambda: terminal.key_in(other.payer.payment.tin),
        lambda: rig.apparatus.billing.send(BillingNotice(forgotten), "T4", terminal.name),
    )
    assert terminal.billing.session == other.payer.payment.session
    assert terminal.billing.state == "ready"
    assert ignored(rig) == [
        "a Connected that nothing here waits for",
        "a Synchronised that nothing here waits for",
        "a Refused that nothing here waits for",  # it has withdrawn, to be safe
    ]


def test_a_phone_that_shows_a_number_is_back_as_soon_as_its_power_is(rig, counter):
    """In reverse, too: what it has to confirm is in its store."""
    terminal, phone = counter
    phone.payer.show_tin()
    terminal.read(phone)
    rig.cuts_power(phone, at="T6", arrived=True, for_s=2)
    terminal.bill("2.50")
    rig.waits(3)
    assert phone.display.lines[0] == "PAY 2.50"
    phone.approve(password="2468")
    terminal.expects("PAID 2.50")


def test_a_terminal_is_believed_on_its_own_line_only(rig, counter):
    """Whatever id a message says: the line it comes on decides, and so does the calling number."""
    terminal, phone = counter
    other = rig.shop("S").billing_terminal()
    other.line.port.send(BillingCall(TinWanted("r", terminal.line.terminal_id)), "T1")
    rig.waits(1)
    refused = sent(rig, "refused")[-1].body
    assert refused.reason is Refusal.WRONG_LINE
    terminal.start()
    phone.payer.read(terminal)
    session = terminal.billing.session
    other.line.port.send(BillingCall(AmountBilled(session, Money(100, "EUR"))), "T5")
    rig.waits(1)
    assert sent(rig, "refused")[-1].body.reason is Refusal.UNKNOWN_SESSION
    assert phone.payer.payment.state == "connected"


def test_a_device_without_a_line_of_its_own_is_nobody(rig, counter):
    """Known by its name, under which nobody is registered."""
    _, phone = counter
    stranger = rig.customer("X").phone()
    rig.world.connect(stranger.subscribe(), rig.apparatus.paying, RADIO_TELEPHONE)
    stranger.payer.enter("123456780")
    stranger.expects("Nobody is registered under this calling number.")
    assert phone.payer.payment is None


@pytest.mark.parametrize("ends", ["paid", "declined", "expired"])
def test_a_number_that_is_typed_again_ends_as_before(rig, counter, ends):
    """By the same customer: the receipt once more, or the refusal; nothing is paid again."""
    terminal, phone = counter
    terminal.start()
    phone.payer.read(terminal)
    end(rig, terminal, phone, ends)
    shown = phone.display.lines
    phone.payer.enter("123 456 780")  # another number in between
    phone.payer.enter(terminal.billing.tin)
    assert phone.display.lines[:2] == shown[:2]
    assert rig.balances()["A"].text == ("2.50" if ends == "paid" else "0.00")


@pytest.mark.parametrize("ends", ["paid", "declined", "expired"])
def test_a_number_that_is_keyed_in_again_hands_nothing_over(rig, counter, ends):
    """By the same clerk: it is used, or it is over, and no article goes out a second time."""
    terminal, phone = counter
    phone.payer.show_tin()
    terminal.read(phone)
    end(rig, terminal, phone, ends)
    terminal.key_in(phone.payer.payment.tin)
    sentence = {"paid": "has been used", "declined": "declined", "expired": "is over"}[ends]
    assert terminal.display.lines[0] == "REFUSED"
    assert sentence in terminal.display.lines[1]
    terminal.expects_article("kept")
    events = rig.world.trace.events
    handed = [e for e in events if getattr(e, "decision", "") == "article handed over"]
    assert len(handed) == (1 if ends == "paid" else 0)


def end(rig, terminal, phone, ends):
    """Bring a payment that is connected to an end."""
    terminal.bill("2.50")
    if ends == "paid":
        phone.approve(password="2468")
    elif ends == "declined":
        phone.decline()
    else:
        rig.waits(700)


@pytest.mark.parametrize("typed", ["", "1" * 70, "12 34", "hello"])
def test_whatever_is_typed_is_answered(counter, typed):
    """Nothing, too much, or no digits: the answer finds its question, on both sides."""
    terminal, phone = counter
    terminal.key_in(typed)
    phone.payer.enter(typed)
    for device in (terminal, phone):
        assert device.display.lines[0] == "REFUSED"
        assert "cannot be a transaction number" in device.display.lines[1]


def test_a_ladder_says_what_is_in_the_envelopes(rig, counter):
    """A number, an amount, an outcome, the reason of a refusal; nothing where there is nothing."""
    terminal, phone = counter
    terminal.start()
    phone.payer.read(terminal)
    terminal.bill("2.50")
    phone.approve(password="2468")
    phone.payer.enter("1")
    said = {e.step: gist(e.message) for e in rig.world.trace.events if isinstance(e, Sent)}
    tin = terminal.billing.tin
    amount = dict.fromkeys(["T5", "T6", "T7"], "2.50 EUR")
    assert said.items() >= ({"T1": "", "T2": tin, "T4": tin} | amount).items()
    assert said.items() >= {"T8": "settled", "T9": "settled", "refused": "typing-error"}.items()


# The sensor


@pytest.mark.parametrize("method", [Method.VOICE, Method.FINGERPRINT, Method.IRIS])
def test_a_sensor_tells_people_apart(rig, method):
    """A hundred samples of the same person are like enough, and a hundred of others never are."""
    sensor = BiometricSensor(rig.world, "P")
    comparator = COMPARATORS[method]
    enrolled = template(method, "B").data
    assert all(comparator.accepts(enrolled, sensor.sample(method, "B").data) for _ in range(100))
    others = [sensor.sample(method, f"person {number}").data for number in range(100)]
    assert not any(comparator.accepts(enrolled, other) for other in others)


def test_two_samples_of_one_person_differ(rig):
    """As real ones do; and a template of one method is none of another's."""
    sensor = BiometricSensor(rig.world, "P")
    assert sensor.sample(Method.IRIS, "B") != sensor.sample(Method.IRIS, "B")
    assert template(Method.IRIS, "B") != template(Method.VOICE, "B")
    assert str(sensor.sample(Method.IRIS, "B")) == MASK
    assert isinstance(template(Method.IRIS, "B"), BiometricData)


# What people subscribe to


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"demands": "smell"}, "there is no method 'smell'"),
        ({"number": ""}, "calling_number"),
        ({"attributes": {"name": "C"}}, "attributes"),
    ],
)
def test_what_cannot_be_registered_is_told(rig, options, why):
    """A scenario that asks for what cannot be is told so."""
    customer = rig.customer("B")
    customer.phone()
    with pytest.raises(UsageError, match=why):
        customer.subscribes(**options)


def test_it_takes_a_phone_to_subscribe(rig):
    """And a method of authentication that there is, to be a terminal."""
    with pytest.raises(UsageError, match="has no phone to pay with"):
        rig.customer("B").subscribes()
    with pytest.raises(UsageError, match="there is no method 'pasword'; did you mean 'password'"):
        rig.shop("A").billing_terminal(demands="pasword")


def test_bodies_tell_what_a_message_belongs_to(rig, counter):
    """The session, where it has a name; a number over the short-range link belongs to none."""
    terminal, phone = counter
    terminal.start()
    phone.payer.read(terminal)
    events = [e for e in rig.world.trace.events if isinstance(e, Sent)]
    named = {e.correlation for e in events if isinstance(e.message, BillingNotice)}
    assert named == {terminal.billing.session}
    assert TinHanded("123456780").correlation == ""
    assert any(isinstance(e.message.body, Synchronised) for e in events if e.step == "T4")
    assert not any(isinstance(getattr(e.message, "body", None), Completed) for e in events)
