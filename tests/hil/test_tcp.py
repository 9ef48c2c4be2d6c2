"""The tcp and tls drivers, and serial ports elsewhere: a reader behind a bridge."""

import socket
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from processes import twin

from paybench.hil.driver import make_driver
from paybench.hil.errors import PortUnavailable, SpecError
from paybench.scenarios.discovery import find
from paybench.scenarios.recording import write
from paybench.scenarios.replay import replay
from paybench.scenarios.run import Options, run

EAN_IMAGE = Path(__file__).parents[1] / "data" / "codes" / "ean13_plain.png"
SHOP_PURCHASE = find("shop-purchase")[0]


@contextmanager
def reader_elsewhere(*arguments):
    """A virtual scanner on a tty, and a bridge that offers it on a socket."""
    with (
        twin("scanner", "--decode", EAN_IMAGE) as ((_, tty), scanner),
        twin("bridge", tty, *arguments) as ((_, address), bridge),
    ):
        yield address, scanner, bridge


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """An authority, the bridge's certificate, the bench's, and a stranger's."""
    folder = tmp_path_factory.mktemp("lab")
    for name in ("lab", "stranger"):
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / f"{name}-ca.pem")
        for who in ("localhost", "bench.example"):
            issued = authority.issue_cert(who)
            issued.private_key_and_cert_chain_pem.write_to_path(folder / f"{name}-{who}.pem")
    return folder


def purchase(spec, operator):
    options = Options(real={"register.scanner": spec}, operator=operator)
    return run(SHOP_PURCHASE, "relayed", options)


def test_a_reader_on_tcp_takes_the_scanners_place(tmp_path):
    """The scenario passes with a reader behind a raw socket, and its recording replays."""
    with reader_elsewhere() as (address, scanner, _):
        recorded = purchase(f"tcp:{address}", scanner.pull)
    assert (recorded.verdict, recorded.why) == ("passed", "")
    write(tmp_path / "run.jsonl", recorded.content)
    assert replay(tmp_path / "run.jsonl").diverged_at is None


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_a_serial_port_in_a_lab_elsewhere(scheme, tmp_path):
    """The serial driver reaches a port server by raw socket and by RFC 2217."""
    arguments = ["--rfc2217"] if scheme == "rfc2217" else []
    with reader_elsewhere(*arguments) as (address, scanner, _):
        recorded = purchase(f"serial:{scheme}://{address}", scanner.pull)
    assert (recorded.verdict, recorded.why) == ("passed", "")
    write(tmp_path / "run.jsonl", recorded.content)
    assert replay(tmp_path / "run.jsonl").diverged_at is None


def test_a_reader_on_tls_with_both_ends_known(lab, tmp_path):
    """TLS with a certificate on either side carries the same run."""
    cert = lab / "lab-localhost.pem"
    arguments = ("--cert", cert, "--key", cert, "--ca", lab / "lab-ca.pem")
    ours = lab / "lab-bench.example.pem"
    with reader_elsewhere(*arguments) as (address, scanner, _):
        spec = f"tls:{address}?ca={lab}/lab-ca.pem&cert={ours}&key={ours}&name=localhost"
        recorded = purchase(spec, scanner.pull)
    assert (recorded.verdict, recorded.why) == ("passed", "")
    write(tmp_path / "run.jsonl", recorded.content)
    assert replay(tmp_path / "run.jsonl").diverged_at is None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("", "its certificate is not to be trusted"),
        ("?ca={lab}/stranger-ca.pem&name=localhost", "its certificate is not to be trusted"),
        ("?ca={lab}/lab-ca.pem&name=other.example", "its certificate is not to be trusted"),
        ("?ca={lab}/nowhere.pem", "its certificates cannot be read"),
    ],
)
def test_a_stranger_on_tls_blocks(lab, options, sentence):
    """A certificate of another authority, or of another name, blocks before anything starts."""
    cert = lab / "lab-localhost.pem"
    with reader_elsewhere("--cert", cert, "--key", cert) as (address, scanner, _):
        blocked = purchase(f"tls:{address}" + options.format(lab=lab), scanner.pull)
    assert blocked.verdict == "blocked"
    assert sentence in blocked.why


def test_tls_to_what_speaks_none_blocks():
    """A plain socket behind tls: is told from a wrong certificate."""
    with reader_elsewhere() as (address, scanner, _):
        scanner.pull()  # its bytes come where a handshake is expected
        blocked = purchase(f"tls:{address}", scanner.pull)
    assert blocked.verdict == "blocked"
    assert "does it speak TLS" in blocked.why


def test_a_connection_that_breaks_blocks():
    """The bridge dies while a code is waited for: blocked at once, with its address."""
    with reader_elsewhere() as (address, _, bridge):
        blocked = purchase(f"tcp:{address}?reconnect=no", lambda _: bridge.kill())
    assert blocked.verdict == "blocked"
    assert f"A.register.scanner is gone: {address}" in blocked.why


def test_nobody_there_blocks():
    """A port where nothing listens says so."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    blocked = purchase(f"tcp:127.0.0.1:{port}", print)
    assert blocked.verdict == "blocked"
    assert "nothing listens there" in blocked.why


def test_a_thing_that_calls_us():
    """With mode=listen the driver waits for the call, and reads what the caller sends."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    caller = threading.Thread(target=_call, args=(port,))
    caller.start()
    passed = purchase(f"tcp:127.0.0.1:{port}?mode=listen", lambda _: None)
    caller.join()
    assert (passed.verdict, passed.why) == ("passed", "")


def _call(port):
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port)) as line:
                line.sendall(b"4901234567894\r")
                line.recv(1)  # until the other side hangs up
                return
        except ConnectionRefusedError:
            continue


def test_nobody_calls():
    """A thing that does not call within the wait blocks the run."""
    driver = make_driver("tcp:127.0.0.1:0".replace(":0", f":{_free_port()}?mode=listen&wait=1"))
    with pytest.raises(PortUnavailable, match="nobody answered within 1 s"):
        driver.probe()


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("tcp:localhost", "expected host:port"),
        ("tcp:localhost:99999", "expected host:port"),
        ("tcp:localhost:1?mode=lsten", "expected one of connect, listen"),
        ("tcp:localhost:1?ca=x", "no option 'ca'"),
        ("tls:localhost:1?key=x", "needs cert="),
        ("tls:localhost:1?mode=listen", "needs cert="),
        ("serial:spy:///dev/ttyS0", "expected a path, or one of socket, rfc2217"),
    ],
)
def test_a_malformed_address_says_what_to_write(spec, sentence):
    """Wrong addresses and options are refused when the driver is made."""
    with pytest.raises(SpecError) as refused:
        make_driver(spec)
    assert sentence in str(refused.value)
