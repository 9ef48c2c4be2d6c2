"""Locks on real things, between processes: who gets one, who does not, and what becomes of it."""

import json
import os
import select
import stat
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from rounds import rounds

from paybench.devices.trace import Act
from paybench.hil.bench import read_bench
from paybench.hil.errors import PortLocked, PortUnavailable
from paybench.hil.lock import Lock, lock_folder, thing_of
from paybench.hil.spec import Spec
from paybench.hil.virtual.tty import VirtualTty
from paybench.scenarios.discovery import find
from paybench.scenarios.run import Options, run
from paybench.scenarios.scenario import scenario

SHOP_PURCHASE = find("shop-purchase")[0]

HOLDER = """
import os, sys
from paybench.hil.lock import Lock
lock = Lock(sys.argv[1], "night run", "the lab", float(sys.argv[2]))
lock.take()
child = int(sys.argv[3]) and os.fork()
if int(sys.argv[3]) and not child:
    sys.stdin.read()
    os._exit(0)
print("holds", flush=True)
for line in sys.stdin:
    print(lock.lost(), flush=True)
lock.release()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    return runtime / "paybench" / "locks"


@contextmanager
def holder(thing, term_s=600, *, forks=False):
    """Another process that holds a lock; `asks` has it say whether it has lost it."""
    command = [sys.executable, "-c", HOLDER, thing, str(term_s), str(int(forks))]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdout.readline() == "holds\n"

            def asks():
                process.stdin.write("?\n")
                process.stdin.flush()
                return process.stdout.readline().rstrip("\n")

            process.asks = asks
            yield process
        finally:
            process.kill()


def files(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix == ".lock")


def display_bench(folder, port, more=""):
    file = folder / "bench.toml"
    part = f"[real.'phone.display']\nspec = 'serial:{port}'\nexclusive = true\n"
    file.write_text(part + more)
    bench = read_bench(file)
    return Options(real=bench.specs, bench=bench)


# -- between processes -----------------------------------------------------------------------


def test_a_held_lock_names_its_holder():
    """Whoever comes second is told who holds it, for what, since when and until when."""
    with holder("/dev/x") as process, pytest.raises(PortLocked) as refused:
        Lock("/dev/x", "day run").take()
    text = str(refused.value)
    assert text.startswith("/dev/x is locked by ")
    assert f"(ask the lab), process {process.pid}, for night run, since " in text


def test_another_thing_is_free():
    """A lock is on one thing, and no other."""
    with holder("/dev/x"):
        Lock("/dev/y", "day run").take()


def test_a_killed_holder_leaves_the_lock_free(folder):
    """The kernel lets go of the lock of a process that dies without a word."""
    with holder("/dev/x") as process:
        process.kill()
        process.wait()
        assert len(files(folder)) == 1  # its file is still there, and means nothing
        lock = Lock("/dev/x", "day run")
        lock.take()
        assert lock.displaced is None
        lock.release()
    assert files(folder) == []


def test_an_expired_lock_is_taken_over_and_its_holder_finds_out():
    """After its time a lock counts no more, though its process lives; both sides know."""
    with holder("/dev/x", term_s=1e-6) as process:
        assert process.asks() == ""
        lock = Lock("/dev/x", "day run")
        lock.take()
        assert lock.displaced.pid == process.pid
        told = process.asks()
        assert told.startswith("the lock on /dev/x expired and was taken over by ")
        assert f"process {os.getpid()}, for day run" in told
        process.stdin.close()
        assert process.wait() == 0  # it lets go of what it has no more
        assert lock.lost() == ""
        with holder("/dev/y"), pytest.raises(PortLocked, match="for day run"):
            Lock("/dev/x", "third").take()
        lock.release()
        Lock("/dev/x", "third").take()


def test_a_lock_inherited_by_a_child_ends_with_its_expiry():
    """A child that outlives its parent keeps the lock, and so the expiry is what frees it."""
    with holder("/dev/x", term_s=1e-6, forks=True) as process:
        process.kill()
        lock = Lock("/dev/x", "day run")
        lock.take()
        assert lock.displaced.pid == process.pid


def test_a_lock_whose_successor_has_gone_is_lost_all_the_same():
    """Somebody used the thing meanwhile, whether or not they still do."""
    with holder("/dev/x", term_s=1e-6) as process:
        lock = Lock("/dev/x", "day run")
        lock.take()
        lock.release()
        assert process.asks() == "the lock on /dev/x expired and was taken over"


COUNTER = """
import sys
from pathlib import Path
from paybench.hil.errors import PortLocked
from paybench.hil.lock import Lock
counter = Path(sys.argv[1])
done = 0
while done < int(sys.argv[2]):
    lock = Lock("/dev/x", "count")
    try:
        lock.take()
    except PortLocked:
        continue
    counter.write_text(str(int(counter.read_text()) + 1))
    lock.release()
    done += 1
"""


def test_no_two_hold_the_lock_at_once(tmp_path):
    """Four processes that count in one file under the lock lose no count."""
    counter = tmp_path / "counter"
    counter.write_text("0")
    count = rounds(50)
    command = [sys.executable, "-c", COUNTER, counter, str(count)]
    with ExitStack() as stack:
        for process in [stack.enter_context(subprocess.Popen(command)) for _ in range(4)]:
            assert process.wait() == 0
    assert counter.read_text() == str(4 * count)


# -- in runs ---------------------------------------------------------------------------------


def test_a_run_whose_thing_is_locked_is_blocked(tmp_path):
    """The scenario does not begin, the device is not reset, and the verdict names the holder."""
    reset = f"reset = ['touch', '{tmp_path}/was_reset']\n"
    with VirtualTty() as tty, holder(tty.path) as process:
        blocked = run(SHOP_PURCHASE, "direct", display_bench(tmp_path, tty.path, reset))
    assert blocked.verdict == "blocked"
    assert f"{tty.path} is locked by " in blocked.why
    assert f"process {process.pid}, for night run" in blocked.why
    assert not any(isinstance(event, Act) for event in blocked.trace)
    assert not (tmp_path / "was_reset").exists()


def test_two_names_of_a_port_are_one_thing(tmp_path):
    """A port locked by its device name is locked by its by-id name as well."""
    by_id = tmp_path / "usb-Honeywell"
    with VirtualTty() as tty, holder(tty.path):
        by_id.symlink_to(tty.path)
        blocked = run(SHOP_PURCHASE, "direct", display_bench(tmp_path, by_id))
    assert blocked.verdict == "blocked"
    assert f"{tty.path} is locked by " in blocked.why


def test_a_thing_that_appears_after_its_reset_is_locked_too(tmp_path):
    """A name that leads nowhere yet may come to mean a port that is locked: blocked, too."""
    by_id = tmp_path / "usb-Honeywell"
    with VirtualTty() as tty, holder(tty.path):
        reset = f"reset = ['ln', '-s', '{tty.path}', '{by_id}']\n"
        blocked = run(SHOP_PURCHASE, "direct", display_bench(tmp_path, by_id, reset))
    assert blocked.verdict == "blocked"
    assert f"{tty.path} is locked by " in blocked.why


def test_a_run_holds_its_lock_and_lets_go(tmp_path, folder):
    """While it runs the lock names scenario and variant; afterwards nothing is left."""
    seen = []

    @scenario()
    def looks_around(rig):
        rig.customer("B").phone()
        seen.extend(json.loads((folder / name).read_text()) for name in files(folder))

    with VirtualTty() as tty:
        more = "[bench]\nowner = 'the lab'\nlock_s = 60\n"
        passed = run(looks_around, "", display_bench(tmp_path, tty.path, more))
    assert (passed.verdict, passed.why) == ("passed", "")
    assert [(note["purpose"], note["pid"]) for note in seen] == [("looks-around", os.getpid())]
    assert seen[0]["owner"] == "the lab"
    assert files(folder) == []


def test_two_parts_of_one_thing_take_one_lock(tmp_path, folder):
    """A run does not stand in its own way; what the driver says of it is the driver's business."""
    with VirtualTty() as tty:
        more = f"[real.'register.scanner']\nspec = 'serial:{tty.path}'\nexclusive = true\n"
        blocked = run(SHOP_PURCHASE, "direct", display_bench(tmp_path, tty.path, more))
    assert "another program has it open" in blocked.why
    assert files(folder) == []


def test_a_run_whose_lock_was_taken_over_is_blocked(tmp_path):
    """A verdict on a device that somebody else used meanwhile is none, whatever was seen."""

    @scenario()
    def takes_too_long(rig):
        rig.customer("B").phone()
        other = Lock(thing, "day run")
        other.take()
        other.release()
        assert rig is None

    with VirtualTty() as tty:
        thing = tty.path
        more = "[bench]\nlock_s = 1e-6\n"
        blocked = run(takes_too_long, "", display_bench(tmp_path, tty.path, more))
    assert blocked.verdict == "blocked"
    assert blocked.why == f"the lock on {thing} expired and was taken over"


def test_a_run_that_takes_over_says_so(tmp_path):
    """The person at the bench is told whose lock had expired, and that their process hangs."""
    told = []
    with VirtualTty() as tty, holder(tty.path, term_s=1e-6) as process:
        asked = display_bench(tmp_path, tty.path)
        options = Options(real=asked.real, bench=asked.bench, operator=told.append)
        passed = run(SHOP_PURCHASE, "direct", options)
    assert (passed.verdict, passed.why) == ("passed", "")
    assert told[0].startswith(f"{tty.path}: took over the lock of ")
    assert f"process {process.pid}, for night run" in told[0]


def test_a_hung_holder_that_still_has_the_port_is_named(tmp_path):
    """Where the port itself is taken as well, the run is blocked and knows which process to end."""
    with VirtualTty() as tty, holder(tty.path, term_s=1e-6) as process:
        opens = f"import serial; p = serial.Serial({tty.path!r}, exclusive=True); print(); input()"
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", opens]
        with subprocess.Popen(command, stdin=pipe, stdout=pipe) as other:
            assert select.select([other.stdout], [], [], 30)[0]
            blocked = run(SHOP_PURCHASE, "direct", display_bench(tmp_path, tty.path))
            other.kill()
    assert blocked.verdict == "blocked"
    assert "another program has it open" in blocked.why
    assert f"process {process.pid}, for night run" in blocked.why


def test_pytest_is_blocked_by_a_lock(pytester, monkeypatch):
    """Under pytest, a scenario and a test with a rig fail as blocked, with the holder's name."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest")
    with VirtualTty() as tty, holder(tty.path):
        display_bench(pytester.path, tty.path)
        pytester.makepyfile(
            """
            from paybench.scenarios import scenario

            @scenario()
            def told(rig):
                rig.customer("B").phone()

            def test_it(rig):
                rig.customer("B").phone()
            """
        )
        (pytester.path / "test_pytest_is_blocked_by_a_lock.py").rename(
            pytester.path / "test_shop_scenario.py"
        )
        result = pytester.runpytest("--bench=bench.toml")
    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines_random(["BLOCKED: /dev/pts/* is locked by *, for night run*"] * 2)


def test_under_pytest_a_lock_taken_over_blocks(pytester, monkeypatch):
    """A test that passed on a device which somebody else used meanwhile has not passed."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest")
    with VirtualTty() as tty:
        display_bench(pytester.path, tty.path, "[bench]\nlock_s = 1e-6\n")
        pytester.makepyfile(
            f"""
            from paybench.hil.lock import Lock

            def test_it(rig):
                rig.customer("B").phone()
                Lock({tty.path!r}, "day run").take()
            """
        )
        result = pytester.runpytest("--bench=bench.toml")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["BLOCKED: the lock on *expired and was taken over by *day run*"])


# -- files and folders -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "thing"),
    [
        ("serial:/nowhere/../dev/x", "/dev/x"),
        ("serial:socket://10.0.0.7:4001", "serial:socket://10.0.0.7:4001"),
        ("tcp:10.0.0.7:4001", "tcp:10.0.0.7:4001"),
    ],
)
def test_what_a_thing_is_called(spec, thing):
    """Paths are followed, whichever driver they are for; other addresses are their driver's."""
    assert thing_of(Spec.parse(spec)) == thing


def test_a_relative_path_is_a_path(tmp_path, monkeypatch):
    """A port named from where one stands is the same port."""
    (tmp_path / "port").touch()
    monkeypatch.chdir(tmp_path)
    assert thing_of(Spec.parse("serial:port")) == os.path.realpath(tmp_path / "port")


def test_locks_are_for_the_user_alone(folder):
    """Whatever the umask, nobody else may read or write there."""
    before = os.umask(0)
    try:
        Lock("/dev/x", "day run").take()
    finally:
        os.umask(before)
    for path in [folder.parent, folder, *folder.iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


@pytest.mark.parametrize("runtime", ["", "relative", "/nowhere", "shared"])
def test_without_a_runtime_folder_it_is_the_cache(runtime, tmp_path, monkeypatch):
    """A runtime folder that is not ours, or not there, is not used."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    named = str(tmp_path / "shared") if runtime == "shared" else runtime
    monkeypatch.setenv("XDG_RUNTIME_DIR", named)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    usual = Path(f"/run/user/{os.getuid()}")
    base = usual if usual.is_dir() else tmp_path / "cache"
    assert lock_folder() == base / "paybench" / "locks"


def test_a_folder_open_to_others_is_refused(folder):
    """Where others may write, a lock would mean nothing: blocked, and what to do."""
    lock_folder()
    folder.chmod(0o777)
    with pytest.raises(PortUnavailable, match="has to be yours alone: chmod 700"):
        Lock("/dev/x", "day run").take()


def test_a_folder_that_leads_elsewhere_is_refused(folder, tmp_path):
    """A symbolic link in the folder's place is not followed."""
    folder.parent.mkdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PortUnavailable, match="has to be yours alone"):
        Lock("/dev/x", "day run").take()


def test_a_lock_file_that_leads_elsewhere_is_refused(folder, tmp_path):
    """A symbolic link in a lock file's place is not followed: what it leads to stays as it is."""
    lock = Lock("/dev/x", "day run")
    lock.take()
    name = files(folder)[0]
    lock.release()
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (folder / name).symlink_to(victim)
    with pytest.raises(PortUnavailable, match="the lock file cannot be written"):
        lock.take()
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("note", [b"", b"{}", b"\xff" * 9000, b'{"x":' + b"[" * 5000])
def test_a_lock_file_without_a_sensible_note(note, folder):
    """A lock that is held and makes no sense is held all the same, and where to look is said."""
    with holder("/dev/x"):
        path = folder / files(folder)[0]
        path.write_bytes(note)
        with pytest.raises(PortLocked, match=r"left no note in .*: 'lsof "):
            Lock("/dev/x", "day run").take()


def test_letting_go_twice_or_of_nothing_is_harmless(folder):
    """Release is for clean-up code, which does not know how far things came."""
    lock = Lock("/dev/x", "day run")
    lock.release()
    assert lock.lost() == ""
    lock.take()
    lock.release()
    lock.release()
    assert files(folder) == []


def test_no_descriptor_is_left_open():
    """Locks taken, refused and released leave nothing open."""
    with holder("/dev/x"):
        Lock("/dev/y", "day run").take()
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(20):
            with pytest.raises(PortLocked):
                Lock("/dev/x", "day run").take()
            lock = Lock("/dev/z", "day run")
            lock.take()
            lock.release()
        assert len(list(Path("/proc/self/fd").iterdir())) == before
