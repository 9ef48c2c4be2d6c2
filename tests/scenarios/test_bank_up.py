"""paybench bank up: servers for a bank, and the commands that take such a bank."""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

PAYBENCH = [sys.executable, "-m", "paybench"]


def paybench(*arguments, code=0):
    done = subprocess.run(
        [*PAYBENCH, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@contextmanager
def up(folder, *options):
    """Servers that are up, and what was said when they were."""
    command = [*PAYBENCH, "bank", "up", str(folder), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        said = ""
        while not said.endswith("Ctrl-C stops them.\n"):
            line = process.stdout.readline()
            assert line, f"it ended after {said!r}"
            said += line
        try:
            yield process, said
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait()


@pytest.fixture
def folder():
    """A folder that everybody can enter: root's servers are somebody else's processes."""
    home = Path(tempfile.mkdtemp(prefix="paybench-test-"))
    home.chmod(0o711)
    yield home / "town"
    shutil.rmtree(home)


def test_a_bank_lives_on_servers_that_are_started_and_stopped(folder):
    """A run's bank is looked at, audited, grown, and found again when the servers are up again."""
    with up(folder, "--servers", "2") as (process, said):
        assert [line.split()[0] for line in said.splitlines()] == [
            *("400", "300a", "300b", "300c", "up:")
        ]
        assert (folder / "bank.toml").stat().st_mode & 0o077 == 0
        password = json.loads((folder / "bank.toml").read_text().splitlines()[0][6:])
        assert password.split(":")[2].split("@")[0] not in said
        paybench("run", "transfer", "--variant", "pc", "--bank", f"postgres:{folder}")
        assert "CLEAN" in paybench("bank", "audit", folder)
        assert "300c is there" in paybench("bank", "add-server", folder)
        assert "stop them first" in paybench("bank", "up", folder, code=2)
        on_it = "--variant", "pc", "--bank", f"postgres:{folder}"
        refused = paybench("run", "transfer", *on_it, code=2)
        assert "give it new servers" in refused.replace("\n", " ")
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "stopped\n"
        assert process.wait() == 0
    assert "expected PostgreSQL to read and write server 400" in paybench(
        "bank", "audit", folder, code=2
    )
    with up(folder, "--servers", "2"):
        servers = json.loads(paybench("bank", "servers", folder, "--json"))
        assert [each["name"] for each in servers] == ["400", "300a", "300b", "300c"]
        assert "CLEAN" in paybench("bank", "audit", folder / "bank.toml")


def test_starts_again_after_it_was_killed(folder):
    """Servers that a killed command left behind are ended, and what they had is there."""
    with up(folder, "--servers", "1", "--spare", "0") as (process, _):
        paybench("run", "transfer", "--variant", "pc", "--bank", f"postgres:{folder}")
        process.kill()
    with up(folder, "--servers", "1", "--spare", "0"):
        assert "CLEAN" in paybench("bank", "audit", folder)
