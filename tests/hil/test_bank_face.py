"""The bank's network face: a bank elsewhere answers as one at hand; keys, rights, repetition."""

import datetime as dt
import inspect
import re
import select
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from served_bank import ANNA, BAKERY, KEYS, KIOSK, NOW_NS, eur, found, make_home, order, served

from paybench.bank import (
    CAPITAL,
    ISSUER,
    AccountNumber,
    AnyBank,
    BankError,
    BusyError,
    Cancellation,
    Capture,
    Consent,
    DecidedBy,
    Mode,
    Restriction,
    Reversal,
    State,
    prove,
)
from paybench.hil.bank_face import calls
from paybench.hil.bank_face.certificate import own_certificate, server_context
from paybench.hil.bank_face.devices_file import Role
from paybench.hil.bank_face.errors import AnswerLost, BankUnreachable, RightsMissing
from paybench.hil.bank_face.frames import framed
from paybench.hil.bank_face.messages import VERSION, Answer, Bye, Hello, Request, encode
from paybench.hil.bank_face.remote_bank import RemoteBank

NEW, NOBODY = AccountNumber(3, 1), AccountNumber(9, 9)
BORN = dt.date(2020, 2, 29)
ADULTS = Restriction(minimum_age_years=18, decided_by=DecidedBy.SHOP)
COOLING = Restriction(cooling_off_s=60)
PROOF = prove(
    KEYS[ANNA], account=ANNA, purpose="entry", verifier="gate", challenge=bytes(16), counter=1
)
CANCELLED = Cancellation.signed(KEYS[ANNA], settlement_id="cooling", payer=ANNA)
REVERSED = Reversal.signed(KEYS[KIOSK], settlement_id="kiosk", payee=KIOSK)
CAPTURED = Capture.signed(KEYS[KIOSK], settlement_id="held", payee=KIOSK, amount=eur("3.00"))

STORY = [
    ("settle", (order("s1", "2.50", 1), 5), {}),
    ("settle", (order("s1", "2.50", 1), 6), {}),
    ("settle", (order("s1", "2.00", 1), 6), {}),
    ("settle", (order("s2", "2.50", 50), -1), {}),
    ("settle", (order("s2", "2.50", 50), 2**80), {}),
    ("settle", (order("much", "999.00", 2), 7), {}),
    ("settle", (order("adults", "1.00", 3, restriction=ADULTS), 7), {}),
    ("settle", (order("adults", "1.00", 3, restriction=ADULTS), 7, Consent.DENIED), {}),
    ("settle_many", ([order("m1", "1.00", 4), order("m2", "999.00", 5)], 8), {}),
    ("settle_many", ([order("m3", "1.00", 6), order("m4", "999.00", 7)], 8, Mode.ATOMIC), {}),
    ("authorise", (order("held", "5.00", 8, KIOSK), 9), {"hold_s": 60}),
    ("authorise", (order("h2", "5.00", 9, KIOSK), 9), {"hold_s": 0}),
    ("capture", (CAPTURED, 10), {}),
    ("settle", (order("cooling", "1.00", 10, restriction=COOLING), 10), {}),
    ("next_due_ns", (), {}),
    ("cancel", (CANCELLED, 11), {}),
    ("settle", (order("kiosk", "1.00", 11, KIOSK), 12), {}),
    ("in_transit", (), {}),
    ("deposit", (), {}),
    ("deposit", (-1,), {}),
    ("reverse", (REVERSED, 13), {}),
    ("inquire", ("s1",), {}),
    ("inquire", ("never",), {}),
    ("parties", ("s1",), {}),
    ("parties", ("never",), {}),
    ("open_account", (NEW, "Nina"), {"approval_key": bytes(16), "born": BORN}),
    ("open_account", (NEW, "Nina"), {}),
    ("open_account", (NOBODY, "Nina"), {"approval_key": b"short"}),
    ("close_account", (NEW,), {}),
    ("close_account", (CAPITAL,), {}),
    ("holder", (NEW,), {}),
    ("holder", (NOBODY,), {}),
    ("balance", (ANNA,), {}),
    ("available", (ANNA,), {}),
    ("balance_at", (ANNA, 5), {}),
    ("statement", (ANNA,), {}),
    ("statement", (ANNA, -1), {}),
    ("authenticate", (PROOF,), {"purpose": "entry", "verifier": "gate"}),
    ("authenticate", (PROOF,), {"purpose": "entry", "verifier": "gate"}),
    ("fund", (ANNA, eur("5.00"), "bonus", 14), {}),
    ("fund", (ANNA, eur("6.00"), "bonus", 14), {}),
    ("open_account", (ISSUER, "issuer"), {}),
    ("fund", (ISSUER, eur("5.00"), "issuer", 14), {}),
    ("pay_out", (ISSUER, ANNA, eur("1.00"), "out", 15), {}),
    ("pay_out", (CAPITAL, ANNA, eur("1.00"), "out", 15), {}),
    ("mature", (10**12,), {}),
    ("total", (), {}),
    ("route", (ANNA, KIOSK), {}),
    ("route", (ANNA, NOBODY), {}),
    ("servers", (), {}),
]
"""What is asked, in order; each kind once at least, and what the bank refuses, too."""

TERMINALS_CALLS = {
    *("settle", "settle_many", "authorise", "capture", "cancel", "reverse", "inquire"),
}


PAGE = Path(__file__).parents[2] / "docs" / "bank_face.md"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_home(tmp_path_factory.mktemp("home"))


def told(bank, name, arguments, options):
    """What a bank returns, or the class and the sentence of what it raises."""
    try:
        return getattr(bank, name)(*arguments, **options)
    except BankError as error:
        sentence = str(error)
        return type(error), "" if "seen 12089258196146" in sentence else sentence


def test_a_bank_elsewhere_answers_as_one_at_hand(home):
    """Every method gives the same answers and errors over the network, in one long story."""
    methods = {name for name, _ in inspect.getmembers(AnyBank, inspect.isfunction)}
    offered = {name for name in methods if not name.startswith("_")} - {"close"}
    assert {name for name, _, _ in STORY} == offered
    with served(home) as serving, serving.client() as remote, found() as at_hand:
        assert (remote.currency, remote.epoch) == (at_hand.currency, at_hand.epoch)
        for name, arguments, options in STORY:
            if name == "settle" and arguments[1] > 2**64:
                with pytest.raises(BankError, match="64 bits"):
                    remote.settle(*arguments)
                continue
            expected = told(at_hand, name, arguments, options)
            seen = told(remote, name, arguments, options)
            if name == "servers":  # how often it was flushed depends on what came together
                expected, seen = ([msgspec.structs.replace(each, flushes=0) for each in found_]
                                  for found_ in (expected, seen))  # fmt: skip
            assert seen == expected, name


def test_too_much_at_a_time_is_refused(home):
    """Batches, statements and requests are bounded, and the connection goes on."""
    with served(home) as serving, serving.client() as remote:
        many = [order(f"s{number}", "0.01", 1) for number in range(1001)]
        with pytest.raises(BankError, match="at most 1000 settlements in a batch"):
            remote.settle_many(many, 1)
        with pytest.raises(BankError, match="at most 1000 entries"):
            remote.statement(ANNA, 1001)
        with pytest.raises(BankError, match="a request of at most 1048576 bytes"):
            remote.open_account(NEW, "x" * 2**20)
        assert remote.balance(ANNA) == eur("100.00")


def test_the_page_has_every_call():
    """The protocol's page names each call with its arguments, who may make it, and how often."""
    rows = re.findall(
        r"^\| `(\w+)` \|(.*)\|.*\| (yes|no) \| (yes|no) \|$", PAGE.read_text(), re.MULTILINE
    )
    told = {
        name: (set(re.findall(r"`(\w+)`", arguments)), terminals == "yes", again == "yes")
        for name, arguments, terminals, again in rows
    }
    assert told == {
        kind.__struct_config__.tag: (
            set(kind.__struct_fields__),
            kind.for_terminals,
            kind.repeatable,
        )
        for kind in get_args(calls.AnyCall)
    }


# -- rights ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", get_args(calls.AnyCall), ids=lambda kind: kind.__name__)
def test_a_terminal_may_ask_what_is_signed_and_nothing_else(kind, home):
    """Of all calls a terminal may make seven; each other one is refused, and a host may make it."""
    name = kind.__struct_config__.tag
    _, arguments, options = next(step for step in STORY if step[0] == name)
    with served(home) as serving, serving.client(Role.TERMINAL) as terminal:
        if name in TERMINALS_CALLS:
            getattr(terminal, name)(*arguments, **options)
        else:
            with pytest.raises(RightsMissing, match=f"seen '{name}'"):
                getattr(terminal, name)(*arguments, **options)
            assert terminal.inquire("s1").state is State.REFUSED  # the connection goes on


def test_a_terminal_sees_no_payers_balance(home):
    """What the payer has left is for the payer, and for hosts that know who asks."""
    with served(home) as serving:
        with serving.client(Role.TERMINAL) as terminal:
            assert terminal.settle(order("t1", "1.00", 1), 1).payer_balance is None
            outcomes = terminal.settle_many([order("t2", "1.00", 2)], 1)
            assert [outcome.payer_balance for outcome in outcomes] == [None]
        with serving.client() as host:
            assert host.settle(order("t3", "1.00", 3), 1).payer_balance == eur("97.00")


def test_a_terminal_neither_sets_the_clock_nor_consents(home):
    """A terminal's time is the server's: it cannot end a cooling-off period; nor is it the shop."""
    with served(home) as serving, serving.client() as host:
        host.settle(order("cooling", "1.00", 1, restriction=COOLING), NOW_NS)
        with serving.client(Role.TERMINAL) as terminal:
            late_ns = 2**62
            terminal.settle(order("t1", "1.00", 2), late_ns)
            terminal.settle_many([order("t2", "1.00", 4)], late_ns)
            terminal.authorise(order("held", "5.00", 5, KIOSK), late_ns, hold_s=60)
            terminal.capture(CAPTURED, late_ns)
            terminal.cancel(
                Cancellation.signed(KEYS[ANNA], settlement_id="t1", payer=ANNA), late_ns
            )
            terminal.reverse(REVERSED, late_ns)
            wanted = order("adults", "1.00", 3, restriction=ADULTS)
            with pytest.raises(RightsMissing):
                terminal.settle(wanted, 1, Consent.APPROVED)
        assert host.inquire("cooling").state is State.PROVISORY
        assert {entry.at_ns for entry in host.statement(ANNA)[:-1]} == {NOW_NS}


def test_what_terminals_settle_is_deposited(home):
    """With nobody but terminals the server makes the deposits, a little later."""
    with served(home, deposit_s=0.01) as serving, serving.client() as host:
        with serving.client(Role.TERMINAL) as terminal:
            terminal.settle(order("t1", "1.00", 1), 1)
        for _ in range(10_000):
            if host.balance(BAKERY) == eur("1.00"):
                break
        assert host.in_transit() == eur("0")


# -- lost connections --------------------------------------------------------------------------


def hold(serving):
    """Keep the bank's thread busy until the event is set: whatever is asked waits."""
    let_go = threading.Event()
    serving.server._committer.call(lambda _: let_go.wait(10))
    while serving.server._committer._waiting:
        pass
    return let_go


class Cutter:
    """A way to a server on which an answer can get lost, and the connection with it."""

    def __init__(self, port):
        self._to = port
        self.swallow = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._to))
            for source, sink, back in ((near, far, False), (far, near, True)):
                threading.Thread(target=self._pump, args=(source, sink, back), daemon=True).start()

    def _pump(self, source, sink, back):
        try:
            while data := source.recv(65536):
                if back and self.swallow.is_set():
                    self.swallow.clear()
                    break
                sink.sendall(data)
        except OSError:
            pass
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def close(self):
        self._listener.close()


@contextmanager
def cut_client(serving):
    cutter = Cutter(serving.port)
    with RemoteBank("127.0.0.1", cutter.port, serving.credentials(), patience_s=20) as remote:
        yield remote, cutter
    cutter.close()


@pytest.mark.parametrize("kind", get_args(calls.AnyCall), ids=lambda kind: kind.__name__)
def test_a_lost_answer_is_asked_for_again(kind, home):
    """Whatever may be repeated is, and gets the answer; what may not says so, and is done once."""
    name = kind.__struct_config__.tag
    place = next(index for index, step in enumerate(STORY) if step[0] == name)
    with served(home) as serving, found() as at_hand, cut_client(serving) as (remote, cutter):
        for step, arguments, options in STORY[:place]:
            if not (step == "settle" and arguments[1] > 2**64):
                told(at_hand, step, arguments, options)
                told(remote, step, arguments, options)
        _, arguments, options = STORY[place]
        expected = told(at_hand, name, arguments, options)
        cutter.swallow.set()
        if kind.repeatable:
            seen = told(remote, name, arguments, options)
            if name in ("deposit", "mature"):  # the second time there was nothing left to do
                expected = 0
            if name == "servers":
                assert [each.name for each in seen] == [each.name for each in expected]
            else:
                assert seen == expected
        else:
            with pytest.raises(AnswerLost, match=f"{name} may have been done or not"):
                getattr(remote, name)(*arguments, **options)
        balances = [str(bank.balance(ANNA)) for bank in (remote, at_hand)]
        assert balances[0] == balances[1]
        assert remote.holder(NEW) == "Nina" if name == "open_account" else True


def test_what_the_bank_did_not_take_is_asked_again_even_if_it_counts_once(home):
    """A bank that closes says which request was its last: the next one goes to the next bank."""
    with served(home) as serving, served(home) as again, serving.client() as remote:
        with serving.raw() as slow, ThreadPoolExecutor(2) as pool:
            let_go = hold(serving)
            slow.ask(calls.Total())
            while not any(each.waiting for each in list(serving.server._connections)):
                pass
            stopping = pool.submit(serving.stop)
            while not serving.server.closing:
                pass
            opening = pool.submit(remote.open_account, NEW, "Nina")
            remote._line._address = "127.0.0.1", again.port
            let_go.set()
            assert opening.result(20) is None
            assert isinstance(slow.receive(), Answer)
        stopping.result(20)
        assert remote.holder(NEW) == "Nina"


def test_a_bank_that_is_not_there_is_said_to_be(home):
    """Nobody listens: unreachable, with a hint; later it is patient for as long as it is told."""
    with served(home) as serving:
        remote = serving.client(patience_s=0.1)
    with remote, pytest.raises(BankUnreachable, match="is it served"):
        remote.total()
    with pytest.raises(BankUnreachable, match="is it served"):
        serving.client()


def test_a_busy_bank_is_asked_again(home):
    """Beyond what may wait, requests are refused as busy; a client that is patient is answered."""
    with served(home, waiting_max=4) as serving:
        let_go = hold(serving)
        with serving.raw() as flood, serving.client(patience_s=20) as patient:
            for number in range(60):
                flood.ask(calls.Settle(order(f"f{number}", "0.01", number), at_ns=1))
            refused = [flood.receive() for _ in range(56)]
            assert {reply.error for reply in refused} == {"BusyError"}
            with serving.client(patience_s=0) as hasty, pytest.raises(BusyError):
                hasty.total()
            with ThreadPoolExecutor(1) as pool:
                settled = pool.submit(patient.settle, order("p", "1.00", 99), 1)
                let_go.set()
                answers = [flood.receive() for _ in range(4)]
                assert all(isinstance(answer, Answer) for answer in answers)
                assert settled.result(20).settled


def test_no_more_is_read_than_may_be_under_way(home):
    """A flood of one connection waits in its sender's buffers, and is answered in order."""
    with served(home, in_flight_max=8) as serving, serving.raw() as flood:
        let_go = hold(serving)
        for number in range(200):
            flood.ask(calls.Settle(order(f"f{number}", "0.01", number), at_ns=1))
        (connection,) = serving.server._connections
        while connection.waiting < 8:
            pass
        with serving.raw(login=True):  # the loop has been around several times
            assert connection.waiting == 8
            assert len(serving.server._committer._waiting) == 8
        let_go.set()
        answers = [flood.receive() for _ in range(200)]
    assert [answer.number for answer in answers] == list(range(1, 201))


def test_a_line_that_broke_unheard_is_noticed_before_asking(home):
    """Cut without a farewell while nothing was asked: even what counts once is simply asked."""
    with served(home) as serving, serving.client() as remote:
        (connection,) = serving.server._connections
        serving._loop.call_soon_threadsafe(connection.cut, "for a test")
        assert select.select([remote._line._socket], [], [], 10)[0]
        remote.open_account(NEW, "Nina")


@pytest.mark.parametrize("heard", [True, False])
def test_a_bank_that_goes_before_it_is_asked_is_simply_asked_again(home, heard):
    """A line that breaks while we log in has taken no request: what counts once is asked again."""
    listener = socket.create_server(("127.0.0.1", 0))
    context = server_context(own_certificate(home))

    def go_away():
        with context.wrap_socket(listener.accept()[0], server_side=True) as client:
            if heard:
                client.sendall(framed(encode(Hello(VERSION, bytes(32)))))
                client.recv(4096)
            remote._line._address = address

    with served(home) as serving, serving.client() as remote, listener:
        remote._line.close()
        address = remote._line._address
        remote._line._address = listener.getsockname()
        with ThreadPoolExecutor(1) as pool:
            going = pool.submit(go_away)
            remote.open_account(NEW, "Nina")
            going.result(10)
        assert remote.holder(NEW) == "Nina"


def test_a_farewell_reaches_who_has_sent_too_much(home):
    """A bank that closes while a megabyte of requests waits to be read still says goodbye."""
    with served(home) as serving, ThreadPoolExecutor(1) as pool:
        let_go = hold(serving)
        flood = serving.raw()
        data = b"".join(
            framed(encode(Request(number, calls.Holder(ANNA)))) for number in range(1, 20_000)
        )
        sending = pool.submit(flood.socket.sendall, data)
        (connection,) = serving.server._connections
        while connection.waiting < 64:
            pass
        serving._loop.call_soon_threadsafe(serving._stop.set)
        while not serving.server.closing:
            pass
        let_go.set()
        replies = [flood.receive() for _ in range(65)]
        assert [type(reply) for reply in replies] == [*[Answer] * 64, Bye]
        flood.close()
        with suppress(OSError, ValueError):
            sending.result(10)


# -- stopping ----------------------------------------------------------------------------------


def test_a_stop_answers_what_is_under_way_and_deposits(home):
    """Requests that were taken are answered, then the bank says goodbye; the money has arrived."""
    bank = found()
    with served(home, bank) as serving:
        let_go = hold(serving)
        client = serving.raw()
        for number in range(1, 6):
            client.ask(calls.Settle(order(f"s{number}", "1.00", number), at_ns=1))
        while sum(each.waiting for each in list(serving.server._connections)) < 5:
            pass
        stopping = threading.Thread(target=serving.stop)
        stopping.start()
        let_go.set()
        replies = [client.receive() for _ in range(7)]
        stopping.join()
        assert bank.balance(BAKERY) == eur("5.00")
        client.close()
    assert [type(reply) for reply in replies] == [*[Answer] * 5, Bye, type(None)]
    assert replies[5].taken == 5
    assert "closing" in replies[5].why
