"""Runs at a served bank: the same trace as at one in memory; and what the command line says."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from rounds import SOAK, rounds
from served_bank import ANNA, BAKERY, Raw, eur, found, make_home, order, served

from paybench.bank import Bank
from paybench.bank.storage.sqlite import SqliteStorage
from paybench.hil.bank_face.credentials import read_credentials, write_credentials
from paybench.hil.bank_face.messages import Bye
from paybench.hil.bank_face.remote_bank import RemoteBank
from paybench.scenarios.discovery import in_library
from paybench.scenarios.run import Options, run
from paybench.scenarios.session import plan

PAYBENCH = [sys.executable, "-m", "paybench"]
RUNS = [
    (scenario, variant)
    for scenario, variant in plan([], whole_library=True)
    if not scenario.settings
]
# In CI one of each file; a soak runs them all.
SOME = RUNS if SOAK else list({scenario.module: (scenario, v) for scenario, v in RUNS}.values())


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_home(tmp_path_factory.mktemp("home"))


@pytest.mark.parametrize(
    ("scenario", "variant"), SOME, ids=[scenario.label(variant) for scenario, variant in SOME]
)
def test_a_run_is_the_same_at_a_bank_elsewhere(scenario, variant, home, tmp_path):
    """The trace of a run is byte-identical, but for the bank's name in its first line."""
    at_hand = run(scenario, variant, Options(seed=3))
    with served(home, Bank()) as serving:
        write_credentials(tmp_path / "bench.toml", serving.credentials())
        bank = f"tls://127.0.0.1:{serving.port}"
        options = Options(seed=3, bank=bank, bank_key=tmp_path / "bench.toml")
        elsewhere = run(scenario, variant, options)
    assert (elsewhere.verdict, elsewhere.why) == ("passed", "")
    header, *events = elsewhere.content.splitlines()
    expected, *others = at_hand.content.splitlines()
    assert events == others
    assert json.loads(header) == json.loads(expected) | {"options": {"bank": "tls"}}


def test_the_library_is_looked_through():
    """The runs above are of every file of the library but the fleets'."""
    assert {scenario.module for scenario, _ in SOME} == {
        each.module for each in in_library() if not each.settings
    }


# -- the command line --------------------------------------------------------------------------


def paybench(*arguments, cwd, code=0):
    done = subprocess.run(
        [*PAYBENCH, *map(str, arguments)], capture_output=True, text=True, check=False, cwd=cwd
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@contextmanager
def serving(folder, port=0, *options):
    """A served bank's process, and its port."""
    command = [*PAYBENCH, "bank", "serve", folder, "--listen", f"127.0.0.1:{port}", *options]
    with subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            line = process.stdout.readline()
            found_port = re.search(r"on tls://127\.0\.0\.1:(\d+)$", line.strip())
            assert found_port, line + process.stderr.read()
            yield process, int(found_port[1])
        finally:
            process.kill()


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """A folder with a bank, and the files of a host and a terminal; what was printed meanwhile."""
    home = tmp_path_factory.mktemp("town")
    printed = [
        paybench("bank", "key", "town", "bench", "--role", "host", cwd=home),
        paybench("bank", "key", "town", "till", "--role", "terminal", "--out", "t.toml", cwd=home),
    ]
    found(SqliteStorage(home / "town", servers=2)).close()
    return home, printed


def test_keys_are_made_and_not_printed(town):
    """The client's file has the key; neither stdout nor stderr has."""
    home, printed = town
    for text, name in zip(printed, ("bench.toml", "t.toml"), strict=True):
        key = read_credentials(home / name).key
        assert key not in text
        assert name in text
    said = paybench("bank", "key", "town", "other", "--role", "host", "--out", "t.toml",
                    cwd=home, code=2)  # fmt: skip
    assert "is there already" in said


def test_sigterm_ends_in_order(town):
    """On SIGTERM the bank deposits and closes: exit code 0, and an audit finds it clean."""
    home, _ = town
    with serving(home / "town") as (process, port):
        credentials = read_credentials(home / "t.toml")
        with RemoteBank("127.0.0.1", port, credentials) as till:
            assert till.settle(order("term", "1.00", 1), 1).settled
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stderr.read() == ""
    with Bank(SqliteStorage(home / "town")) as bank:
        assert bank.in_transit() == eur("0")
        assert bank.balance(BAKERY) == eur("1.00")
        assert bank.audit() is None


def test_a_second_signal_stops_at_once(town):
    """Who does not want to wait for a client that does not hang up need not."""
    home, _ = town
    with serving(home / "town") as (process, port):
        credentials = read_credentials(home / "t.toml")
        with Raw(SimpleNamespace(port=port), credentials) as client:
            process.send_signal(signal.SIGTERM)
            assert isinstance(client.receive(), Bye)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == -signal.SIGTERM


def test_what_cannot_be_is_said(town):
    """No key, no bank there, a wrong address, a bank that is open: usage or blocked, and why."""
    home, _ = town
    with serving(home / "town") as (process, port):
        assert process.poll() is None
        said = paybench("bank", "serve", "town", "--listen", "127.0.0.1:0", cwd=home, code=2)
        assert "open" in said
        elsewhere = paybench(
            "bank", "serve", "new", "--listen", f"127.0.0.1:{port}", cwd=home, code=2
        )
        assert "cannot be listened on" in elsewhere
    gone = f"tls://127.0.0.1:{port}"
    transfer = ("run", "transfer", "--variant", "pc", "--bank")
    assert "--bank-key" in paybench(*transfer, gone, cwd=home, code=2)
    blocked = paybench(*transfer, gone, "--bank-key", "bench.toml", cwd=home, code=3)
    assert "is it served?" in blocked
    nowhere = paybench(*transfer, "tls://here", "--bank-key", "bench.toml", cwd=home, code=2)
    assert "write host and port" in nowhere


def test_killed_under_load_and_started_again(town, tmp_path):
    """Clients go on at the next server, and each acknowledged settlement is there once."""
    folder = tmp_path / "town"
    os.rename(town[0] / "town", folder)  # noqa: PTH104 - the bank moves with its keys
    credentials = read_credentials(town[0] / "t.toml")
    acknowledged, stop = [[], []], threading.Event()

    def pay(which, port):
        with RemoteBank("127.0.0.1", port, credentials, patience_s=30) as till:
            number = 0
            while not stop.is_set():
                number += 1
                settlement_id = f"load {which} {number}"
                counter = 1000 + 2 * number + which
                if till.settle(order(settlement_id, "0.01", counter), 1).settled:
                    acknowledged[which].append(settlement_id)

    def until_more():
        """Both clients have settled forty more."""
        goals = [len(each) + 40 for each in acknowledged]
        while any(len(each) < goal for each, goal in zip(acknowledged, goals, strict=True)):
            assert all(thread.is_alive() for thread in threads)

    with serving(folder) as (process, port):
        threads = [threading.Thread(target=pay, args=(which, port)) for which in (0, 1)]
        for thread in threads:
            thread.start()
        until_more()
        process.kill()
    for _ in range(rounds(1)):
        with serving(folder, port) as (process, _):
            until_more()
            process.kill()
    with serving(folder, port) as (process, _):
        until_more()
        stop.set()
        for thread in threads:
            thread.join(30)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    with Bank(SqliteStorage(folder)) as bank:
        entries = bank.statement(ANNA, 100_000)
        settled = [entry.settlement_id for entry in entries if entry.settlement_id[:4] == "load"]
        assert len(settled) == len(set(settled))
        assert set(acknowledged[0] + acknowledged[1]) <= set(settled)
        assert len(settled) <= len(acknowledged[0] + acknowledged[1]) + 2
        assert bank.audit() is None
