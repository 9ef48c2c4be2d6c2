"""The trace is the truth: whole, readable, the same for the same run, and silent about secrets."""

import hashlib
import json
import os
import subprocess
import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paybench.bank.secret import MASK, Secret
from paybench.devices.message import Message
from paybench.devices.trace import (
    Act,
    AnyEvent,
    Decision,
    Delivered,
    Displayed,
    Header,
    Injected,
    Lost,
    Sent,
    State,
    Trace,
    Verdict,
)

HEADER = Header(1, "0.1.0", "purchase", "", "", 7, {"latency": "0.1"}, {"A.register": "serial"})


class Login(Message, frozen=True):
    user: str
    password: Secret


class Unwritable(Message, frozen=True):
    what: object


TEXT = st.text(max_size=10)
TIME = st.integers(0, 1 << 62)
EVENTS = st.lists(
    st.one_of(
        st.builds(Delivered, TIME, st.integers(0, 99), TEXT, TEXT, TEXT, TEXT),
        st.builds(Lost, TIME, st.integers(0, 99), TEXT, TEXT, TEXT, TEXT, TEXT),
        st.builds(State, TIME, TEXT, TEXT, TEXT),
        st.builds(Displayed, TIME, TEXT, st.lists(TEXT, max_size=3).map(tuple)),
        st.builds(Decision, TIME, TEXT, TEXT, TEXT, TEXT),
        st.builds(Act, TIME, TEXT, TEXT, st.dictionaries(TEXT, TEXT, max_size=3)),
        st.builds(Injected, TIME, TEXT, st.binary(max_size=9), TEXT),
        st.builds(Verdict, TIME, TEXT, TEXT),
    ),
    max_size=10,
)


def traced(*events):
    trace = Trace()
    trace.events.extend(events)
    return trace


@given(EVENTS)
def test_a_trace_is_json_lines_that_decode_to_the_same_events(events):
    """One line each, header first, and every line decodes to the event it was."""
    lines = traced(*events).encode(HEADER).splitlines(keepends=True)
    assert len(lines) == len(events) + 1
    assert all(line.endswith(b"\n") for line in lines)
    assert msgspec.json.decode(lines[0], type=Header) == HEADER
    assert [msgspec.json.decode(line, type=AnyEvent) for line in lines[1:]] == events
    assert all(
        json.loads(line)["event"] == type(e).__name__
        for e, line in zip(events, lines[1:], strict=True)
    )


def test_a_message_is_written_with_its_kind_and_fields():
    """A `Sent` line holds the whole message, named by its class."""
    trace = traced(Sent(5, 0, "D1", "a", "b", "", Login("käthe", Secret("2468"))))
    assert json.loads(trace.encode(HEADER).splitlines()[1]) == {
        "event": "Sent",
        "at_ns": 5,
        "number": 0,
        "step": "D1",
        "sender": "a",
        "receiver": "b",
        "correlation": "",
        "message": {"type": "Login", "user": "käthe", "password": MASK},
    }


@given(EVENTS)
def test_the_digest_is_that_of_the_file(events):
    """`digest` is what sha256sum prints for the bytes of `encode`."""
    trace = traced(*events)
    assert trace.digest(HEADER) == hashlib.sha256(trace.encode(HEADER)).hexdigest()


def test_the_digest_tells_runs_apart():
    """Another header or another event is another digest."""
    verdict = Verdict(1, "passed", "")
    other_header = msgspec.structs.replace(HEADER, seed=8)
    digests = {
        traced(verdict).digest(HEADER),
        traced(verdict).digest(other_header),
        traced(verdict, verdict).digest(HEADER),
        traced(Verdict(2, "passed", "")).digest(HEADER),
        traced().digest(HEADER),
    }
    assert len(digests) == 5


def test_a_trace_is_the_list_of_its_events():
    """Length and iteration are those of what was appended, in that order."""
    events = [Verdict(i, "passed", "") for i in range(3)]
    trace = traced(*events)
    assert len(trace) == 3
    assert list(trace) == events


def test_events_are_values():
    """An event cannot be changed, and equals another with the same fields."""
    event = State(1, "A.register", "paid", "x")
    with pytest.raises(AttributeError):
        event.state = "refused"
    assert event == State(1, "A.register", "paid", "x")
    assert event != State(1, "A.register", "refused", "x")


def test_a_field_nobody_can_write_is_named():
    """A message that cannot be written to a trace says which type is to blame."""
    trace = traced(Sent(0, 0, "D1", "a", "b", "", Unwritable(range(3))))
    with pytest.raises(TypeError, match="type range cannot be written"):
        trace.encode(HEADER)


@given(st.text(st.characters(codec="utf-8"), min_size=4))
def test_a_secret_shows_itself_nowhere(text):
    """In text, in a repr, formatted, in an event's repr and in a trace there are only dots."""
    secret = Secret(text)
    event = Sent(0, 0, "D1", "a", "b", "", Login("x", secret))
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r}", f"{[secret]}"]
    assert shown == [MASK, MASK, MASK, MASK, f"[{MASK}]"]
    assert repr(event) == repr(Sent(0, 0, "D1", "a", "b", "", Login("x", Secret("another"))))
    assert traced(event).encode(HEADER).count(MASK.encode()) == 1
    assert secret.reveal() == text


@given(st.text(), st.text())
def test_secrets_compare_as_their_texts(one, other):
    """Two secrets are equal when their texts are; a text is never equal to a secret."""
    assert (Secret(one) == Secret(other)) == (one == other)
    assert Secret(one) == Secret(one)
    assert hash(Secret(one)) == hash(Secret(one))
    assert Secret(one) != one


A_PURCHASE = """
from paybench.bank.account import AccountNumber
from paybench.bank.bank import Bank
from paybench.bank.money import Money
from paybench.devices.bank_host import BankHost
from paybench.devices.cash_register import CashRegister
from paybench.devices.link import LinkProfile
from paybench.devices.phone import Phone
from paybench.devices.trace import Header
from paybench.devices.world import World

world = World(seed={seed})
world.staged = True
bank = Bank()
shop, customer = AccountNumber(1, 1), AccountNumber(1, 2)
bank.open_account(shop, "A")
bank.open_account(customer, "B", approval_key=b"k" * 32)
bank.fund(customer, Money.parse("20.00", "EUR"), "f1")
host = BankHost(world, bank)
register = CashRegister(world, "A.register", account=shop, shop="A")
phone = Phone(world, "B.phone", account=customer, password="2468", approval_key=b"k" * 32)
line = LinkProfile(latency_s=0.03, jitter_s=0.02)
world.connect(register.bank_line, host.network, line)
world.connect(phone.network, host.network, line)
register.scan("4901234567894", price="2.50")
register.bill(phone)
phone.approve(password="2468")
assert register.sale.state == "paid"
header = Header(1, "0.1.0", "purchase", "", "", {seed}, {{}}, {{}})
print(world.trace.digest(header))
print(world.trace.encode(header).decode())
"""


def purchased(seed, hash_seed):
    done = subprocess.run(
        [sys.executable, "-c", A_PURCHASE.format(seed=seed)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        check=True,
    )
    return done.stdout.decode()


def test_a_seed_gives_the_same_bytes_in_every_process():
    """A purchase is byte-identical for its seed, however Python hashes, and differs for another."""
    first = purchased(1, "1")
    assert first == purchased(1, "2")
    assert first.splitlines()[1:] != purchased(2, "1").splitlines()[1:]
    assert "2468" not in first
    assert f'"password":"{MASK}"' in first
