"""paybench attach with real parts: taken hold of as a run takes hold of them."""

import subprocess
import sys

import pytest

from paybench.hil.lock import Lock
from paybench.hil.virtual.tty import VirtualTty

PAYBENCH = [sys.executable, "-m", "paybench"]


@pytest.fixture(autouse=True)
def runtime_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def attached(*arguments):
    """A console in a process of its own."""
    pipe = subprocess.PIPE
    command = [*PAYBENCH, "attach", "register", *arguments]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_a_bench_is_taken_hold_of_as_for_a_run(tmp_path):
    """A console with a bench file locks, resets and opens its parts; a run finds them locked."""
    bench = tmp_path / "bench.toml"
    with VirtualTty() as tty:
        port = tmp_path / "port"
        bench.write_text(
            f"[bench]\nowner = 'the lab'\n[real.'phone.display']\nspec = 'serial:{port}'\n"
            f"exclusive = true\nreset = ['ln', '-s', '{tty.path}', '{port}']\n"
            f"reset_bytes = '1B 40'\n"
        )
        with attached("--bench", bench) as console:
            console.stdin.write("key_in 1 2.50\nbill B.phone\nwait 0.1\n")
            console.stdin.flush()
            assert any("[PAY 2.50" in line for line in iter(console.stdout.readline, ""))
            run = [*PAYBENCH, "run", "shop-purchase[direct]", "--bench", bench]
            blocked = subprocess.run(run, capture_output=True, text=True, check=False)
            said, errors = console.communicate("show\n", timeout=60)
        assert tty.read().startswith(b"\x1b@\x0cPAY 2.50\r\n")
    assert (console.returncode, errors) == (0, "")
    assert said.splitlines()[-1].startswith("A.register is billed")
    assert blocked.returncode == 3
    told = " ".join(blocked.stdout.split())
    assert f"{tty.path} is locked by " in told
    assert f"(ask the lab), process {console.pid}, for attach register, since " in told


def test_a_console_that_lost_its_lock_says_so(tmp_path):
    """Who is at the prompt longer than the lock lasts learns at the end that others were there."""
    bench = tmp_path / "bench.toml"
    with VirtualTty() as tty:
        part = f"[real.'phone.display']\nspec = 'serial:{tty.path}'\nexclusive = true\n"
        bench.write_text(f"[bench]\nlock_s = 1e-6\n{part}")
        with attached("--bench", bench) as console:
            assert console.stdout.readline().startswith("A.register is attached")
            lock = Lock(tty.path, "day run")
            lock.take()
            _, errors = console.communicate("quit\n", timeout=60)
            lock.release()
    assert console.returncode == 3
    assert f"blocked: the lock on {tty.path} expired and was taken over by " in errors


def test_a_part_nobody_has_is_no_part_of_a_console():
    """A slip in a part's name is refused, and the part is not simulated without a word."""
    with VirtualTty() as tty, attached("--real", f"register.scaner=serial:{tty.path}") as console:
        said, errors = console.communicate("", timeout=60)
    assert (console.returncode, said) == (2, "")
    assert "did you mean 'register.scanner'?" in errors
