"""Hostile clients: each is answered or dropped with a reason, and whoever means well is served."""

import itertools
import random
import resource
import socket
import ssl
import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rounds import rounds
from served_bank import ANNA, make_home, order, served

from paybench.hil.bank_face import calls
from paybench.hil.bank_face.certificate import own_certificate, server_context
from paybench.hil.bank_face.devices_file import Role
from paybench.hil.bank_face.errors import BankUnreachable, FrameError
from paybench.hil.bank_face.frames import FrameReader, framed
from paybench.hil.bank_face.messages import Answer, Bye, Hello, Login, Request, Welcome, encode
from paybench.hil.bank_face.notices import LINES_PER_S, Notices
from paybench.hil.bank_face.wrong_keys import WrongKeys

UNSAFE = encode({"type": "request", "number": 1, "call": {"call": "close"}})
SETTLE = calls.Settle(order("s", "0.01", 1), at_ns=1)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_home(tmp_path_factory.mktemp("home"))


class Customer:
    """A well-behaved client, who pays a cent whenever asked and is answered as ever."""

    def __init__(self, serving):
        self._client = serving.client()
        self._count = 0

    def pays(self):
        self._count += 1
        outcome = self._client.settle(order(f"c{self._count}", "0.01", 1000 + self._count), 1)
        assert outcome.settled
        assert outcome.payer_balance.amount_minor == 10_000 - self._count

    def __enter__(self):
        self.pays()
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.pays()
        self._client.close()


def farewell(client):
    """Why the bank dropped a client; "" if it only closed the connection."""
    last = None
    while (message := client.receive()) is not None:
        last = message
    return last.why if isinstance(last, Bye) else ""


# -- frames ------------------------------------------------------------------------------------

GARBAGE = {
    "an empty frame": (framed(b""), "expected a frame of 1 to"),
    "a frame too long": (struct.pack(">I", 2**20 + 1), "seen one of 1048577"),
    "a frame of 4 GiB": (b"\xff\xff\xff\xff", "seen one of 4294967295"),
    "no MessagePack": (framed(b"\xc1"), "seen something else"),
    "cut short inside": (framed(encode(Request(1, SETTLE))[:-3]), "seen something else"),
    "more after the end": (framed(encode(Request(1, SETTLE)) + b"\0"), "seen something else"),
    "deeply nested": (framed(b"\x91" * 1020), "seen something else"),
    "a text": (framed(b"GET / HTTP/1.1\r\n\r\n"), "seen something else"),
    "a call that is none": (framed(UNSAFE), "seen something else"),
    "an unknown field": (
        framed(encode({"type": "request", "number": 1, "call": {"call": "total", "x": 1}})),
        "seen something else",
    ),
    "a number that is none": (framed(encode(Request("1", SETTLE))), "seen something else"),
    "a hello": (framed(encode(Hello(1, bytes(32)))), "seen something else"),
    "a second login": (framed(encode(Login(1, "x", bytes(32), bytes(32)))), "something else"),
    "money that is none": (
        framed(encode(Request(1, SETTLE)).replace(b"EUR", b"XYZ")),
        "seen something else",
    ),
}


@pytest.mark.parametrize("what", GARBAGE)
@pytest.mark.parametrize("login", [True, False], ids=["device", "stranger"])
def test_garbage_is_dropped_with_a_reason(what, login, home):
    """Frames that are none end the connection of whoever sent them, and the client hears why."""
    data, why = GARBAGE[what]
    with served(home) as serving, Customer(serving), serving.raw(login=login) as client:
        client.socket.sendall(data)
        said = farewell(client)
        assert (why if login else "expected") in said
        assert any(said[:60] in line for line in serving.said)


@pytest.mark.parametrize("anew", [False, True])
def test_a_device_whose_key_is_gone_is_shut_out(anew, tmp_path):
    """Who is connected with a key that was taken away or made anew is dropped, the others not."""
    home = make_home(tmp_path)
    path = home / "face" / "devices.toml"
    with (
        served(home, login_s=0.1) as serving,
        Customer(serving),
        serving.raw(role=Role.TERMINAL) as client,
    ):
        key = serving.credentials(Role.TERMINAL).key
        was, now = (key, "0" * len(key)) if anew else ("[device.terminal]", "[device.another]")
        path.write_text(path.read_text().replace(was, now))
        assert "no such key for it any more" in farewell(client)
        path.write_text("garbage")


def test_random_bytes_are_dropped(home):
    """Whatever bytes a stranger or a device sends, the bank serves others, and ends in order."""
    chance = random.Random(6)  # noqa: S311 - the same bytes in each run
    with served(home, frame_s=0.05, login_s=0.5, wrong_keys_max=10**9) as serving:
        with Customer(serving) as customer:
            for number in range(rounds(30)):
                data = chance.randbytes(chance.randrange(1, 900))
                with serving.raw(login=bool(number % 2)) as client:
                    client.socket.sendall(data if number % 4 < 2 else framed(data))
                    assert "expected" in farewell(client)
                customer.pays()
        assert not any("bug" in line or "Error" in line for line in serving.said)


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=8))
def test_frames_are_found_whatever_the_pieces(data, cuts):
    """A reader gives the same frames, and the same refusal, for any pieces of the same bytes."""
    whole, pieces = [], []
    for found, parts in ((whole, [data]), (pieces, _cut(data, cuts))):
        reader = FrameReader(100)
        try:
            for part in parts:
                reader.feed(part)
                while (payload := reader.take()) is not None:
                    found.append(payload)
        except FrameError as error:
            found.append(str(error))
    assert whole == pieces


def _cut(data, cuts):
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(places)]


@pytest.mark.parametrize(("number", "seen"), [(1, 1), (3, 3), (0, 0)])
def test_requests_replayed_or_left_out_end_the_connection(number, seen, home):
    """A request's number is one more than the last: a recorded frame is of no use."""
    with served(home) as serving, Customer(serving), serving.raw() as client:
        client.ask(SETTLE)
        assert isinstance(client.receive(), Answer)
        client.send(Request(number, SETTLE))
        assert f"expected request 2, seen {seen}" in farewell(client)


def test_a_settlement_replayed_on_a_new_connection_gets_the_stored_answer(home):
    """Sent again with its id it is answered from the log, and settled once."""
    with served(home) as serving:
        answers = []
        for _ in range(3):
            with serving.raw(role=Role.TERMINAL) as client:
                client.ask(SETTLE)
                answers.append(client.receive())
        assert answers[0] == answers[1] == answers[2]
        with serving.client() as host:
            assert host.balance(ANNA).amount_minor == 9_999


# -- who is there ------------------------------------------------------------------------------


def test_a_wrong_key_and_an_unknown_device_look_alike(home):
    """Nobody learns which devices there are; and proofs are of one connection."""
    with served(home, wrong_keys_max=100) as serving, Customer(serving):
        said = []
        wrong = serving.credentials(Role.TERMINAL)
        for name in ("host", "nobody", "no name at all\n", "x" * 200):
            with serving.raw(login=False) as client:
                client.send(client.login(wrong, name))
                said.append(farewell(client))
        assert len(set(said)) == 1
        assert "expected a device's name and key" in said[0]
        with serving.raw(login=False) as first, serving.raw(login=False) as second:
            login = first.login(wrong)
            second.send(login)
            assert farewell(second) == said[0]
            first.send(login)
            assert isinstance(first.receive(), Welcome)
        assert not any(secret in line for line in serving.said for secret in (wrong.key, "\n"))


def test_too_many_wrong_keys_are_not_looked_at(home):
    """From the limit on an address waits; who is logged in goes on."""
    with served(home, wrong_keys_max=3) as serving, Customer(serving) as customer:
        for _ in range(3):
            with serving.raw(login=False) as client:
                client.send(client.login(serving.credentials(), "nobody"))
                assert "name and key" in farewell(client)
        with pytest.raises(BankUnreachable, match="too many wrong keys from this address"):
            serving.client()
        customer.pays()


def test_wrong_keys_are_counted_by_address_for_a_while():
    """Others are not affected; after the window one may try again; a network of IPv6 is one."""
    keys = WrongKeys(2, 60.0)
    for now_s in (0.0, 10.0):
        assert keys.wait_s("192.0.2.1", now_s) == 0
        keys.add("192.0.2.1", now_s)
        keys.add(f"2001:db8::{now_s:.0f}", now_s)
    assert keys.wait_s("192.0.2.1", 20.0) == 40.0
    assert keys.wait_s("2001:db8::ffff", 20.0) == 40.0
    assert keys.wait_s("192.0.2.2", 20.0) == 0
    assert keys.wait_s("192.0.2.1", 60.0) == 0


def test_another_certificate_is_not_trusted(home, tmp_path):
    """Whoever answers at the bank's address with a certificate of their own is not the bank."""
    other = make_home(tmp_path / "other")
    with served(home) as serving, served(other) as stranger:
        serving.port, port = stranger.port, serving.port
        with pytest.raises(BankUnreachable, match="another certificate than it should"):
            serving.client()
        serving.port = port


def test_a_server_proves_that_it_has_the_devices_key(home):
    """The right certificate is not enough: a welcome without the key's proof is not believed."""
    listener = socket.create_server(("127.0.0.1", 0))
    context = server_context(own_certificate(home))

    def pretend():
        with context.wrap_socket(listener.accept()[0], server_side=True) as client:
            client.sendall(framed(encode(Hello(1, bytes(32)))))
            client.recv(4096)
            client.sendall(framed(encode(Welcome(bytes(32), "EUR", "2026-01-01", "host", 99, 9))))
            client.recv(4096)

    with served(home) as serving, listener, ThreadPoolExecutor(1) as pool:
        pretending = pool.submit(pretend)
        serving.port, port = listener.getsockname()[1], serving.port
        with pytest.raises(BankUnreachable, match="does not have the key of this device"):
            serving.client()
        serving.port = port
        pretending.result(10)


def test_nothing_older_than_tls_1_3(home):
    """A downgrade to TLS 1.2 and plain text are refused before a word is said."""
    with served(home, login_s=0.3) as serving, Customer(serving):
        context = serving.credentials().context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        old = socket.create_connection(("127.0.0.1", serving.port))
        with old, pytest.raises(ssl.SSLError):
            context.wrap_socket(old, server_hostname="paybench-bank")
        with socket.create_connection(("127.0.0.1", serving.port)) as plain:
            plain.sendall(framed(encode(Login(1, "host", bytes(32), bytes(32)))))
            plain.settimeout(10)
            heard = b""
            while data := _received(plain):
                heard += data
            assert b"hello" not in heard
        assert any("no TLS 1.3 with it" in line for line in serving.said)


def _received(plain):
    try:
        return plain.recv(4096)
    except ConnectionError:
        return b""


# -- who takes too long ------------------------------------------------------------------------


def test_who_never_reads_is_dropped(home):
    """Answers nobody takes fill bounded buffers; then nothing is read, and then it is dropped."""
    limit_bytes, why = 65536, "has not read its answers"
    with (
        served(home, unread_s=0.3, unread_max_bytes=limit_bytes) as serving,
        serving.raw() as client,
    ):
        (connection,) = serving.server._connections
        client.socket.settimeout(0.1)
        unread_bytes = 0
        with suppress(OSError):
            while not any(why in line for line in serving.said):
                client.ask(calls.Statement(ANNA, 50))
                unread_bytes = max(unread_bytes, connection._transport.get_write_buffer_size())
        with Customer(serving) as customer:
            while not any(why in line for line in serving.said):
                customer.pays()
        assert limit_bytes < unread_bytes < 3 * limit_bytes


def test_a_trickle_is_dropped(home):
    """A frame that never ends, and one that comes byte by byte, have a limit of time."""
    why = "expected the rest of a frame within 0.2 s"
    with (
        served(home, frame_s=0.2) as serving,
        Customer(serving) as customer,
        serving.raw() as client,
    ):
        client.socket.sendall(struct.pack(">I", 60_000))
        with suppress(OSError):
            while not any(why in line for line in serving.said):
                client.socket.sendall(b"x")
                customer.pays()
        assert any(why in line for line in serving.said)


def test_half_open_connections_are_closed(home):
    """Who connects and says nothing has so long to log in, with TLS or before; then it goes."""
    with served(home, login_s=0.3) as serving, Customer(serving):
        silent = socket.create_connection(("127.0.0.1", serving.port), timeout=10)
        with silent, serving.raw(login=False) as client:
            assert "expected a login within 0.3 s" in farewell(client)
            assert _received(silent) == b""


def test_strangers_make_room(home):
    """Of those that have not logged in so many are kept: the oldest goes, and devices come in."""
    with served(home, strangers_max=5, login_s=60) as serving, ExitStack() as opened:
        strangers = [
            opened.enter_context(socket.create_connection(("127.0.0.1", serving.port)))
            for _ in range(8)
        ]
        opened.enter_context(Customer(serving))
        strangers[0].settimeout(10)
        assert _received(strangers[0]) == b""
        assert any("made room" in line for line in serving.said)


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        ({"connections_max": 3}, "cannot be reached|closed|went away"),
        ({"per_device_max": 3}, "3 connections of terminal are there"),
    ],
)
def test_connections_are_bounded(limits, why, home):
    """Beyond so many in all, and so many of a device, one more is not let in."""
    with served(home, **limits) as serving, ExitStack() as opened:
        for _ in range(3):
            opened.enter_context(serving.raw(role=Role.TERMINAL))
        with pytest.raises(BankUnreachable, match=why):
            serving.client(Role.TERMINAL)


def test_an_idle_connection_ends_and_its_client_comes_back(home):
    """Idle for too long is goodbye; a client notices before it asks, and asks on a new line."""
    with served(home, idle_s=0.1) as serving, serving.client() as client:
        client.open_account(order("x", "1", 1).payer.at(77), "Nina")
        while not any("idle for 0.1 s" in line for line in serving.said):
            pass
        client.open_account(order("x", "1", 1).payer.at(78), "Nina")


def test_a_thousand_idle_connections(home):
    """They cost others nothing but room: whoever pays meanwhile is answered."""
    count = 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * count + 300
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"the system lets us have {hard} files open, and {wanted} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        with served(home, per_device_max=count) as serving, ExitStack() as opened:
            with Customer(serving) as customer:
                for number in range(count):
                    opened.enter_context(serving.raw(role=Role.TERMINAL))
                    if number % 100 == 0:
                        customer.pays()
                assert len(serving.server._connections) == count + 1
            opened.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_notices_are_bounded():
    """So many lines a second are said, of printable characters; what is left out is counted."""
    lines, now_s = [], 0.0
    notices = Notices(lines.append, lambda: now_s)
    for number in range(LINES_PER_S + 50):
        notices.note(f"line {number}\x1b[2J" + "x" * 10_000)
    assert len(lines) == LINES_PER_S
    assert all(line.isprintable() and len(line) <= 300 for line in lines)
    now_s = 1.0
    notices.note("later")
    assert lines[-2:] == ["… and 50 more of this kind in that second", "later"]
