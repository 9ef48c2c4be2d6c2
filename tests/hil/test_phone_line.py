"""A whole device that is real: the phone in another process, on a tty, a socket, or both broken."""

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rounds import rounds

from paybench.bank import AccountNumber, Money
from paybench.bank.tin import Declined, Purchase, PurchaseHistory, TerminalDetails, TerminalKind
from paybench.devices.remote_phone import RemotePhone
from paybench.devices.settling import Inquiry
from paybench.devices.tin_messages import PayingCall, PayingNotice, TinHanded
from paybench.devices.trace import Decision, Sent, State
from paybench.devices.world import World
from paybench.hil.phone_line import PhoneLine
from paybench.hil.wire.message import Channel
from paybench.scenarios.discovery import find
from paybench.scenarios.recording import write
from paybench.scenarios.replay import replay
from paybench.scenarios.run import Options, run


class Customer:
    """Whoever holds the phone: types what is asked for."""

    def __init__(self, process, password=b"2468"):
        self.process = process
        self.password = password
        self.asked = []

    def __call__(self, wish):
        self.asked.append(wish)
        if wish.startswith("approve"):
            taps = wish.rpartition(", ")[2].partition(" ")[0].encode() if " times" in wish else b""
            self.type(b"approve " + self.password + b" " + taps)
        else:
            self.type(b"decline")

    def type(self, line):
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()


ONCE = "?reconnect=no"


def pay(scenario, variant, spec, customer, patience_s=None):
    options = Options(real={"phone": spec}, operator=customer, patience_s=patience_s)
    return run(find(scenario)[0], variant, options)


@pytest.mark.parametrize("variant", ["relayed", "direct"])
@pytest.mark.parametrize("listen", [(), ("--listen", "127.0.0.1:0")], ids=["serial", "tcp"])
def test_a_real_phone_pays(listen, variant, tmp_path, nursery):
    """Fig 3 with the phone in another process, over serial and over TCP, recorded and replayed."""
    with nursery.twin("phone", *listen) as ((kind, address), process):
        spec = f"{'serial' if kind == 'tty' else kind}:{address}"
        recorded = pay("shop-purchase", variant, spec, Customer(process))
    assert (recorded.verdict, recorded.why) == ("passed", "")
    write(tmp_path / "run.jsonl", recorded.content)
    again = replay(tmp_path / "run.jsonl")
    assert again.diverged_at is None
    assert again.run.digest == recorded.digest


@pytest.mark.parametrize(
    ("scenario", "variant"),
    [
        ("insufficient-balance", "relayed"),
        ("insufficient-balance", "direct"),
        ("customer-declines", "relayed"),
        ("customer-declines", "direct"),
        ("tampered-purchase", "relayed"),
        ("tampered-purchase", "direct"),
    ],
)
def test_refusals_with_a_real_phone(scenario, variant, tmp_path, nursery):
    """The refusals of Fig 3 come out the same with the phone in another process."""
    with nursery.twin("phone") as ((_, port), process):
        recorded = pay(scenario, variant, f"serial:{port}", Customer(process))
    assert (recorded.verdict, recorded.why) == ("passed", "")
    write(tmp_path / "run.jsonl", recorded.content)
    assert replay(tmp_path / "run.jsonl").diverged_at is None


def test_a_phone_that_approves_with_the_wrong_password_fails(nursery):
    """The device under test does something else than the flow: failed, with what was seen."""
    with nursery.twin("phone") as ((_, port), process):
        failed = pay(
            "shop-purchase", "relayed", f"serial:{port}", Customer(process, b"1357"), patience_s=1
        )
    assert failed.verdict == "failed"
    assert "expected display 'PAID 2.50'" in failed.why


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("twice", "expected steps D1 D2 D3 D4, seen steps D1 D2 D2 D3 D4"),
        ("other", "ignored a AuthenticatedPurchase that belongs to another-1"),
        ("garbled", "ignored what B.phone said"),
    ],
)
def test_a_phone_that_answers_wrongly_fails(fault, sentence, nursery):
    """Twice, to another question, or with no message at all: failed, and the reason says where."""
    with nursery.twin("phone", "--fault", fault) as ((_, port), process):
        failed = pay("shop-purchase", "relayed", f"serial:{port}", Customer(process), patience_s=1)
    assert failed.verdict == "failed"
    assert sentence in failed.why


def test_a_phone_that_is_unplugged_blocks(nursery):
    """The phone goes away when it is asked to approve: blocked, with its port's name."""
    with nursery.twin("phone") as ((_, port), process):
        spec = f"serial:{port}{ONCE}"
        blocked = pay("shop-purchase", "relayed", spec, lambda _: process.kill())
    assert blocked.verdict == "blocked"
    assert f"B.phone is gone: {port} went away" in blocked.why


def test_a_phone_that_says_nothing_blocks(nursery):
    """A phone nobody touches is dark: blocked after the patience."""
    with nursery.twin("phone") as ((_, port), _process):
        blocked = pay("shop-purchase", "relayed", f"serial:{port}", lambda _: None, patience_s=0.3)
    assert blocked.verdict == "blocked"
    assert "the customer's answer was expected from B.phone within 0.3 s" in blocked.why


def test_no_secret_of_the_phone_is_in_the_recording(nursery):
    """Key and password go over the wire to the phone, and nowhere into the trace."""
    with nursery.twin("phone") as ((_, port), process):
        recorded = pay("shop-purchase", "direct", f"serial:{port}", Customer(process))
    assert not re.search(rb"\b2468\b", recorded.content)  # as digits of some time it may well be
    assert any(isinstance(event, Sent) and event.step == "D5" for event in recorded.trace)


@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=4), st.sampled_from(["relayed", "direct"])
)
@settings(max_examples=rounds(12), suppress_health_check=list(HealthCheck))
def test_a_pulled_cable_loses_and_doubles_nothing(nursery, cuts, variant):
    """Pulled at any byte of Fig 3, and put back: the purchase ends paid once, and replays."""
    with (
        nursery.twin("phone") as ((_, tty), process),
        nursery.twin("bridge", tty, "--cut", *cuts) as ((_, address), _bridge),
        tempfile.TemporaryDirectory() as folder,
    ):
        recorded = pay("shop-purchase", variant, f"tcp:{address}", Customer(process))
        assert (recorded.verdict, recorded.why) == ("passed", "")
        file = Path(folder) / "run.jsonl"
        write(file, recorded.content)
        assert replay(file).diverged_at is None


def test_the_trace_tells_of_a_cable_that_was_pulled(nursery):
    """A line that broke and was mended is in the trace, with the reason."""
    with (
        nursery.twin("phone") as ((_, tty), process),
        nursery.twin("bridge", tty, "--cut", 60) as ((_, address), _bridge),
    ):
        recorded = pay("shop-purchase", "relayed", f"tcp:{address}", Customer(process))
    states = [e.state for e in recorded.trace if isinstance(e, State) and e.device == "B.phone"]
    assert any(state.startswith(f"gone: {address} closed the connection") for state in states)
    assert "back" in states


@pytest.mark.parametrize("variant", ["relayed", "direct"])
@pytest.mark.parametrize("we_are", ["central", "peripheral"])
def test_a_real_phone_pays_over_bluetooth(we_are, variant, tmp_path, nursery):
    """Fig 3 with the phone on the virtual radio, found by us or finding us; and replayed."""
    with nursery.twin("ble_radio") as ((_, hci), _radio):
        name = "paybench-phone"
        if we_are == "central":
            arguments, spec = ("--ble-peripheral", hci), f"ble-central:{name}?hci={hci}"
        else:
            arguments, spec = ("--ble-central", hci), f"ble-peripheral:{hci}?name={name}"
        with nursery.twin("phone", *arguments, "--name", name) as (_, process):
            recorded = pay("shop-purchase", variant, spec, Customer(process))
    assert (recorded.verdict, recorded.why) == ("passed", "")
    write(tmp_path / "run.jsonl", recorded.content)
    assert replay(tmp_path / "run.jsonl").diverged_at is None


class Told:
    """A phone of nobody's, with a line that goes nowhere, and what the trace says it decided."""

    def __init__(self):
        self.world = World()
        account = AccountNumber(2, 2)
        self.phone = RemotePhone(
            self.world, "B.phone", account=account, password="2468", approval_key=bytes(32)
        )
        self.line = PhoneLine(self.phone, self.world, lambda _data: None, lambda _wish: None)

    @property
    def why(self):
        return [e.why for e in self.world.trace.events if isinstance(e, Decision)]


@pytest.mark.parametrize(
    ("channel", "message", "sentence"),
    [
        (Channel.SHORT_RANGE, TinHanded("123456786"), "a TinHanded for nobody: "),
        (Channel.NETWORK, Inquiry("x"), "a Inquiry for nobody: "),
        (Channel.TELEPHONE, PayingCall(Declined("x")), "for nobody: B.phone has not subscribed"),
    ],
)
def test_what_a_phone_says_to_nobody_is_noted(channel, message, sentence):
    """A phone under test that speaks where nobody listens does no harm, and is told on."""
    told = Told()
    told.phone.hear(channel, "S1", message)
    [why] = told.why
    assert sentence in why


def test_what_does_not_fit_a_wire_is_noted():
    """A history too long for a payload is not sent, and the trace says so; four purchases fit."""
    told = Told()
    where = TerminalDetails("t" * 10, "n" * 10, "p" * 10, TerminalKind.VENDING_MACHINE)
    bought = Purchase("tin-000001-123456", 2**62, where, Money(10**9, "EUR"))
    told.line.say(Channel.TELEPHONE, PayingNotice(PurchaseHistory((bought,) * 4)))
    assert told.why == []
    told.line.say(Channel.TELEPHONE, PayingNotice(PurchaseHistory((bought,) * 20)))
    [why] = told.why
    assert "a PayingNotice of" in why
    assert "does not fit into a payload of 1024" in why
