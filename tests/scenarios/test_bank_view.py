"""paybench bank: what a kept bank says of itself, and what is refused."""

import json
import shutil
import subprocess
import sys

import apsw
import pytest

PAYBENCH = [sys.executable, "-m", "paybench"]


def paybench(*arguments, code=0):
    """Run the command; returns its stdout and stderr, and insists on its exit code."""
    command = [*PAYBENCH, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The folder of a bank in which B has paid A 25.00."""
    folder = tmp_path_factory.mktemp("kept") / "bank"
    paybench("run", "transfer", "--variant", "pc", "--bank", f"sqlite:{folder}")
    return folder


def test_accounts_and_statement_say_what_was_paid(kept):
    """B's statement shows the transfer with the balance after it, as a table and as a document."""
    accounts = json.loads(paybench("bank", "accounts", kept, "--json")[0])
    numbers = {row["holder"]: row["account"] for row in accounts}
    balances = {row["holder"]: row["balance_minor"] for row in accounts}
    assert sum(balances.values()) == 0
    assert balances["A"] == 2500
    table = paybench("bank", "statement", kept, numbers["B"])[0]
    assert "-25.00" in table
    document = json.loads(paybench("bank", "statement", kept, numbers["B"], "--json")[0])
    newest = document["entries"][0]
    assert (newest["amount_minor"], newest["counterparty"]) == (-2500, numbers["A"])
    assert newest["balance_minor"] == document["balance_minor"] == balances["B"]
    assert balances["B"] == document["available_minor"]


def test_servers_are_listed(kept):
    """The log data server 400 and the database server 300a, under which all accounts are."""
    servers = json.loads(paybench("bank", "servers", kept, "--json")[0])
    assert [server["name"] for server in servers] == ["400", "300a"]
    accounts = paybench("bank", "accounts", kept)[0].splitlines()[1:]
    assert servers[1]["accounts"] == len(accounts)
    assert paybench("bank", "servers", kept)[0].split()[:2] == ["server", "accounts"]


@pytest.mark.parametrize("changes", [{"A": 1}, {"A": 1, "B": -1}])
def test_an_audit_finds_what_was_changed(changes, kept, tmp_path):
    """A clean bank is clean; one whose accounts were changed from outside is not: exit code 1."""
    assert paybench("bank", "audit", kept)[0].startswith("CLEAN")
    altered = tmp_path / "altered"
    shutil.copytree(kept, altered)
    with apsw.Connection(str(altered / "accounts.sqlite")) as accounts:
        [(table,)] = accounts.execute(
            "SELECT m.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c "
            "WHERE m.type = 'table' AND c.name = 'holder'"
        )
        [(column,)] = accounts.execute(
            "SELECT name FROM pragma_table_info(?) WHERE name LIKE 'balance%'", [table]
        )
        change = f"UPDATE {table} SET {column} = {column} + ? WHERE holder = ?"  # noqa: S608
        for holder, minor in changes.items():
            accounts.execute(change, (minor, holder))
    said = paybench("bank", "audit", altered, code=1)[0]
    assert said.startswith("DIFFERENT")
    assert not json.loads(paybench("bank", "audit", altered, "--json", code=1)[0])["clean"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["audit", "nowhere"], "nowhere has no log.sqlite and no bank.toml: name the folder"),
        (["servers", "KEPT", "--currency", "JPY"], "seen EUR in its log"),
        (["audit", "KEPT", "--currency", "JPY"], "seen EUR in its log"),
        (["statement", "KEPT", "2-9"], "expected an account number like 001-0000042"),
        (["statement", "KEPT", "009-0000009"], "expected the number of an open account"),
    ],
)
def test_what_cannot_be_is_said(arguments, sentence, kept):
    """No bank, another currency, no account: exit code 2, and what to do."""
    words = [kept if word == "KEPT" else word for word in arguments]
    assert sentence in paybench("bank", *words, code=2)[1]


ONE_STEP = """
import sys
from pathlib import Path
from paybench.bank import AccountNumber, Bank, Opening
from paybench.bank.storage.sqlite import SqliteStorage
bank = Bank(SqliteStorage(Path(sys.argv[1])))
bank.open_accounts([Opening(AccountNumber(7, each), "Holder") for each in range(500)])
if len(sys.argv) > 2:
    bank.add_server()
    bank.move_accounts(int(sys.argv[2]))
bank.close()
"""


def grow(folder, *moved):
    """Many more accounts, and where a number is given, a filling that was cut off after so many."""
    subprocess.run([sys.executable, "-c", ONE_STEP, str(folder), *map(str, moved)], check=True)


def test_a_server_is_added_and_filled(kept, tmp_path):
    """Its share of the accounts moves there, nothing else changes, and the next one comes after."""
    folder = tmp_path / "bank"
    shutil.copytree(kept, folder)
    grow(folder)
    before = paybench("bank", "accounts", folder)[0]
    assert "300b is there:" in paybench("bank", "add-server", folder)[0]
    added = json.loads(paybench("bank", "add-server", folder, "--json")[0])
    assert (added["server"], added["went_on"]) == ("300c", False)
    servers = json.loads(paybench("bank", "servers", folder, "--json")[0])
    assert [each["name"] for each in servers] == ["400", "300a", "300b", "300c"]
    assert servers[-1]["accounts"] == added["moved"]
    assert all(100 < each["accounts"] < 240 for each in servers[1:])
    assert paybench("bank", "accounts", folder)[0] == before
    assert paybench("bank", "audit", folder)[0].startswith("CLEAN")


@pytest.mark.parametrize("moved", [20, 1000])
def test_a_filling_that_was_cut_off_goes_on(kept, tmp_path, moved):
    """Called again, it moves the rest, if any, to the server that is there, and adds no other."""
    folder = tmp_path / "bank"
    shutil.copytree(kept, folder)
    grow(folder, moved)
    said = paybench("bank", "add-server", folder)[0]
    assert said.startswith("300b was still being filled")
    servers = json.loads(paybench("bank", "servers", folder, "--json")[0])
    assert [each["name"] for each in servers] == ["400", "300a", "300b"]
    assert said.split("last ")[1].split()[0] == str(max(0, servers[-1]["accounts"] - moved))
    assert paybench("bank", "audit", folder)[0].startswith("CLEAN")
