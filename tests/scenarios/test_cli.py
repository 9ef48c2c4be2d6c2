"""The command line as people and CI use it: in a process of its own, its output as it comes."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from paybench.hil.virtual.tty import VirtualTty
from paybench.scenarios.cli import cli
from paybench.scenarios.replay import replay

PAYBENCH = [sys.executable, "-m", "paybench"]


def paybench(*arguments, code=0, cwd=None, **environment):
    """Run the command; returns its stdout and stderr, and insists on its exit code."""
    done = subprocess.run(
        [*PAYBENCH, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=os.environ | environment,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout, done.stderr


def read_until_closed(terminal):
    """What comes from a terminal next; nothing when nobody has it open any more."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def run_library(folder, hash_seed, *options):
    """Every scenario in every variant, run by a process of its own into a folder of traces."""
    command = ("run", "--all", "--trace", f"{folder}/", *options)
    text, errors = paybench(*command, PYTHONHASHSEED=str(hash_seed), FORCE_COLOR="1")
    files = sorted(folder.iterdir())
    assert len(files) >= 15
    return SimpleNamespace(text=text, errors=errors, files=files)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The whole library, run once for the tests that look at it."""
    return run_library(tmp_path_factory.mktemp("library"), 1)


@pytest.fixture(scope="module")
def drawn_library(tmp_path_factory):
    """Likewise under another hash seed, and with its ladders."""
    return run_library(tmp_path_factory.mktemp("library"), 2, "--ladder")


def scenario_file(folder, body, name="my_scenario.py"):
    file = Path(folder) / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"from paybench.scenarios import scenario\n\n{body}")
    return file


FAILING = '''@scenario()
def pays_too_little(rig):
    """The balances are not what this says."""
    register = rig.shop("A").cash_register()
    phone = rig.customer("B", balance="20.00", password="2468").phone()
    register.scan("4901234567894", price="2.50")
    register.bill(phone)
    phone.approve(password="2468")
    register.expects("PAID 2.50")
    rig.expects_balances(A="2.49")
'''


def test_list_names_every_library_scenario():
    """The list has each scenario of Fig 3 with its variants, and as JSON the same ones."""
    text, _ = paybench("list")
    facts = json.loads(paybench("list", "--json")[0])
    assert [line.split()[0] for line in text.splitlines()] == [row["name"] for row in facts]
    assert {row["name"] for row in facts if row["figure"] == "3"} == {
        "shop-purchase",
        "insufficient-balance",
        "wrong-password",
        "customer-declines",
        "tampered-purchase",
        "lost-result",
        "double-tap",
    }


def test_the_whole_library_passes(library):
    """Every scenario in every variant passes from the command line, each on a line of its own."""
    lines = library.text.splitlines()
    count = len(lines) - 1
    assert all(line.startswith("passed  ") for line in lines[:-1])
    assert lines[-1] == f"{count} passed"
    assert count >= 15


def test_piped_output_is_plain(library):
    """Nothing that only a terminal understands goes into a pipe, and nothing that fills it up."""
    for command in (
        *(["list"], ["run", "shop-purchase[direct]"], ["run", "commuter-day"]),
        ["show", "--state", "settlement-session"],
    ):
        text, errors = paybench(*command, FORCE_COLOR="1")
        assert "\x1b" not in text + errors
        assert all(line == line.rstrip() for line in text.splitlines())
    assert "\x1b" not in library.text + library.errors
    assert all(line == line.rstrip() for line in library.text.splitlines())


def test_a_piped_list_has_everything_in_few_columns():
    """A line each with all that is known of a scenario, however long, and no wide empty columns."""
    lines = paybench("list")[0].splitlines()
    rows = json.loads(paybench("list", "--json")[0])
    ends = []
    for line, row in zip(lines, rows, strict=True):
        variants = f"  [{','.join(row['variants'])}]" if row["variants"] else ""
        told = row["summary"] + variants
        assert line.startswith(f"{row['name']} ")
        assert row["figure"] in line
        assert line.endswith(f"  {told}")
        ends.append(len(line) - len(told))
    assert len(set(ends)) == 1
    assert ends[0] < 60


def test_a_list_on_a_terminal_fits_it():
    """On a terminal of 80 columns scenarios stand under headings, with nothing cut or beyond."""
    ours, theirs = os.openpty()
    environment = os.environ | {"COLUMNS": "80", "TERM": "xterm-256color"}
    with subprocess.Popen([*PAYBENCH, "list"], stdout=theirs, env=environment) as running:
        os.close(theirs)
        chunks = iter(lambda: read_until_closed(ours), b"")
        text = b"".join(chunks).decode()
    os.close(ours)
    assert running.returncode == 0
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert "\x1b[1mFig 3: " in text
    assert "…" not in plain
    assert max(map(len, plain.splitlines())) <= 80
    words = plain.split()
    for row in json.loads(paybench("list", "--json")[0]):
        assert row["name"] in words


def test_the_digest_is_that_of_the_trace_file(tmp_path):
    """The digest a run prints is what sha256sum says of the file it wrote."""
    file = tmp_path / "run.jsonl"
    facts = json.loads(paybench("run", "shop-purchase[direct]", "--trace", file, "--json")[0])
    assert facts["digest"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert facts["verdict"] == "passed"
    assert facts["trace"] == str(file)


@pytest.mark.parametrize("seed", [0, 7])
def test_same_seed_same_bytes_in_every_process(seed, library, drawn_library, tmp_path):
    """Two processes with different hash seeds write byte-identical traces of the whole library."""
    first, second = library, drawn_library
    if seed:
        first = run_library(tmp_path / "a", 1, "--seed", seed)
        second = run_library(tmp_path / "b", 2, "--seed", seed)
    assert [file.name for file in first.files] == [file.name for file in second.files]
    for one, other in zip(first.files, second.files, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_another_seed_is_another_run():
    """The seed decides latencies: two seeds give two traces."""
    digests = {
        json.loads(paybench("run", "shop-purchase[direct]", "--seed", s, "--json")[0])["digest"]
        for s in (1, 2)
    }
    assert len(digests) == 2


def test_every_trace_of_the_library_replays(library):
    """Each scenario's trace, recorded by the command line, replays to the same in this process."""
    for file in library.files:
        assert replay(file).diverged_at is None, file


def test_the_command_replays_traces_of_the_library(library):
    """Some of them, from one end of the library to the other, replayed by the command itself."""
    for file in library.files[:: len(library.files) // 4]:
        assert paybench("replay", file)[0].startswith(f"SAME  {file}")


def test_a_replay_names_the_first_difference(tmp_path):
    """A recording that was changed parts from its replay at that very line, exit code 1."""
    file = tmp_path / "run.jsonl"
    paybench("run", "shop-purchase[relayed]", "--trace", file)
    lines = file.read_text().splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if '"PAID 2.50"' in line and "Displayed" in line)
    lines[at] = lines[at].replace("PAID 2.50", "PAID 2.51")
    file.write_text("".join(lines))
    text, _ = paybench("replay", file, code=1)
    assert text.splitlines()[0] == f"DIFFERENT  {file}: from line {at + 1} on"
    marked = [line for line in text.splitlines() if line.startswith(">")]
    assert "PAID 2.51" in marked[0]
    assert "PAID 2.50" in marked[1]
    facts = json.loads(paybench("replay", file, "--json", code=1)[0])
    assert (facts["same"], facts["first_difference"]) == (False, at + 1)


def test_a_scenario_changed_since_the_recording_diverges(tmp_path):
    """A replay whose scenario does something else says which verb stood there instead."""
    file = scenario_file(tmp_path, FAILING.replace("2.49", "2.50"))
    paybench("run", file, "--trace", tmp_path / "run.jsonl", cwd=tmp_path)
    file.write_text(file.read_text().replace('phone.approve(password="2468")', "phone.decline()"))
    text, _ = paybench("replay", tmp_path / "run.jsonl", code=1, cwd=tmp_path)
    assert "DIFFERENT" in text
    assert "the recording has B.phone.approve at" in text
    assert "B.phone.decline" in text


def test_show_draws_a_trace_in_three_forms(tmp_path):
    """A trace file shows as a ladder, as a Mermaid diagram and as JSON."""
    file = tmp_path / "run.jsonl"
    paybench("run", "shop-purchase[relayed]", "--trace", file)
    ladder, _ = paybench("show", file)
    assert "D3 2.50 EUR" in ladder
    assert "passed" in ladder
    assert paybench("show", file, "--as", "mermaid")[0].startswith("sequenceDiagram")
    events = json.loads(paybench("show", file, "--as", "json")[0])
    assert events[0]["event"] == "Header"
    assert events[-1]["verdict"] == "passed"


def test_a_failed_scenario_says_what_was_expected_and_seen(tmp_path):
    """Exit code 1, and one sentence with both."""
    file = scenario_file(tmp_path, FAILING)
    text, _ = paybench("run", file, code=1)
    assert "FAILED  pays-too-little" in text
    assert "rig: expected balances A=2.49, seen balances A=2.50" in text


def test_a_folder_is_searched_for_scenarios(tmp_path):
    """Files *_scenario.py and those in a scenarios folder are found, others never imported."""
    scenario_file(tmp_path, FAILING.replace("2.49", "2.50"), "deep/down_scenario.py")
    scenario_file(tmp_path, FAILING.replace("2.49", "2.50"), "scenarios/other.py")
    scenario_file(tmp_path, "raise SystemExit('imported') # paybench", "elsewhere.py")
    (tmp_path / "scenarios" / "unrelated.py").write_text("raise SystemExit('imported')")
    text, _ = paybench("run", tmp_path)
    assert text.splitlines()[-1] == "2 passed"


def test_a_project_with_rooms_of_the_same_names_is_no_trouble(tmp_path):
    """A user's own packages called scenarios, devices, bank and hil stand beside ours."""
    for room in ("scenarios", "devices", "bank", "hil"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text("MINE = True\n")
    own = "import devices, bank, hil, scenarios\nassert devices.MINE and scenarios.MINE\n\n"
    file = scenario_file(tmp_path, own + FAILING.replace("2.49", "2.50"), "scenarios/shop.py")
    for target in (file, tmp_path / "scenarios"):
        assert "PASSED" in paybench("run", target, cwd=tmp_path)[0]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run"], "name a scenario, a file or a folder"),
        (["run", "shop-purchas"], "did you mean 'shop-purchase'? (there are "),  # and no list
        (["run", "shop-purchas"], "): 'paybench list' shows them"),
        (["run", "shop-purchase", "--variant", "dirct"], "has no variant 'dirct'"),
        (["run", "shop-purchase[dirct]"], "has no variant 'dirct'"),
        (["run", "missing.py"], "there is no file missing.py"),
        (["run", "."], "has no scenarios"),
        (["run", "--all", "--trace", "one.jsonl"], "do not fit into one trace"),
        (["run", "shop-purchase[direct]", "--real", "scanner"], "write ROLE.PART=DRIVER:ADDRESS"),
        (["run", "shop-purchase", "--real", "=serial:/x"], "or ROLE=DRIVER:ADDRESS for a whole"),
        (["attach", "phone", "--real", "phone="], "'phone=': write ROLE.PART=DRIVER:ADDRESS"),
        (["run", "shop-purchase", *["--real", "a.b=tcp:x:1"] * 2], "a.b is given twice: drop one"),
        (["attach", "register", "--bench", "missing.toml"], "the bench file cannot be read"),
        (["run", "shop-purchase[direct]", "--real", "a.b=serail:/x"], "did you mean 'serial'?"),
        (
            ["run", "shop-purchase[direct]", "--bank", "postgres"],
            "write memory, sqlite:FOLDER, postgres:FOLDER or tls://HOST:PORT",
        ),
        (["run", "shop-purchase[direct]", "--seed", "x"], "not a valid integer"),
        (["run", "shop-purchase[direct]", "--patience", "0"], "0.0"),
        (["show", "missing.jsonl"], "the trace cannot be read"),
        (["show"], "name a TRACE file, or a state machine with --state"),
        (["show", "run.jsonl", "--state", "settlement-session"], "name a TRACE file, or"),
        (["show", "--state", "settlement"], "did you mean 'settlement-session'?"),
        (["replay", "missing.jsonl"], "the trace cannot be read"),
        (["lst"], "No such command 'lst'"),
    ],
)
def test_wrong_usage_is_answered_in_a_sentence(arguments, sentence, tmp_path):
    """Exit code 2, what to do about it on stderr, nothing on stdout, and nothing written."""
    text, errors = paybench(*arguments, code=2, cwd=tmp_path)
    assert sentence in errors
    assert text == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("price", ["2,50", "2.505", "", "-1", "1e3", "NaN", " 2.50"])
def test_a_malformed_amount_names_the_line(price, tmp_path):
    """A scenario with an amount nobody can pay: exit code 2, file and line, no trace written."""
    file = scenario_file(tmp_path, FAILING.replace('price="2.50"', f'price="{price}"'))
    trace = tmp_path / "run.jsonl"
    _, errors = paybench("run", file, "--trace", trace, code=2, cwd=tmp_path)
    assert "my_scenario.py:8: expected an" in errors or "my_scenario.py:8: expected at" in errors
    assert repr(price) in errors
    assert not trace.exists()


def test_a_part_no_device_has_is_usage():
    """A real part that the scenario has no place for is refused, with the nearest it has."""
    with VirtualTty() as tty:
        real = f"register.scaner=serial:{tty.path}"
        _, errors = paybench("run", "shop-purchase[direct]", "--real", real, code=2)
    assert "no device of this scenario has a part 'register.scaner'" in errors
    assert "did you mean 'register.scanner'?" in errors


def test_a_missing_port_blocks_with_exit_code_3():
    """The bench could not, the device is not to blame: blocked, exit code 3."""
    real = "register.scanner=serial:/dev/ttyNOWHERE"
    text, _ = paybench("run", "shop-purchase[direct]", "--real", real, code=3)
    assert "BLOCKED" in text
    assert "there is no such port" in text


def test_an_error_in_a_scenario_is_an_error(tmp_path):
    """A bug in the script is neither passed nor failed: exit code 4, with its line."""
    file = scenario_file(tmp_path, "@scenario()\ndef broken(rig):\n    1 / 0\n")
    text, _ = paybench("run", file, code=4)
    assert "ERROR" in text
    assert "my_scenario.py:5: ZeroDivisionError" in text


def test_a_scenario_file_that_cannot_be_imported_is_usage(tmp_path):
    """A syntax error in a user's file is one sentence with its name."""
    file = scenario_file(tmp_path, "def broken(:\n")
    _, errors = paybench("run", file, code=2)
    assert "my_scenario.py cannot be imported: SyntaxError" in errors


@pytest.fixture(scope="module")
def good_trace(tmp_path_factory):
    """A trace as the command line writes it."""
    file = tmp_path_factory.mktemp("good") / "good.jsonl"
    paybench("run", "shop-purchase[direct]", "--trace", file)
    return file.read_bytes()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"hello\n", "the first line is no trace header"),
        (b'{"event":"Header","format":99,"paybench":"9.0"}\n', "a trace of format 99"),
        (b'{"event":"Header","format":1}\n', "the first line is no trace header"),
        (b"CUT", "the file was cut off"),
        (b"BROKEN", "line 3: no trace event"),
    ],
)
def test_a_trace_that_is_none_is_refused(content, sentence, good_trace, tmp_path):
    """Other versions, cut and broken files: exit code 2, and what is wrong where."""
    lines = good_trace.splitlines(keepends=True)
    if content == b"CUT":
        content = b"".join(lines)[:-20]
    if content == b"BROKEN":
        content = b"".join([*lines[:2], b'{"event":"Sent","at_ns":"x"}\n', *lines[3:]])
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(content)
    for command in ("show", "replay"):
        _, errors = paybench(command, bad, code=2)
        assert sentence in errors


def test_a_trace_that_cannot_be_written_leaves_nothing(tmp_path):
    """A trace into a place that is no folder is refused, and no half file stays."""
    (tmp_path / "file").write_text("in the way")
    _, errors = paybench(
        "run", "shop-purchase[direct]", "--trace", tmp_path / "file" / "run.jsonl", code=2
    )
    assert "the trace cannot be written" in errors
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_a_bank_on_sqlite_files_gives_the_same_trace(tmp_path):
    """The storage is no part of the story: but for the header, the trace is that of memory."""
    traces = []
    for bank in ("memory", f"sqlite:{tmp_path}/bank"):
        file = tmp_path / f"{len(traces)}.jsonl"
        paybench("run", "double-tap[direct]", "--bank", bank, "--trace", file)
        traces.append(file.read_bytes().splitlines()[1:])
    assert traces[0] == traces[1]
    _, errors = paybench("run", "double-tap[direct]", "--bank", f"sqlite:{tmp_path}/bank", code=2)
    assert "is not empty" in errors


@pytest.mark.parametrize("name", ["settlement-session", "authentication-session"])
def test_a_state_machine_is_shown(name):
    """Each row of a session's machine is in the table, the diagram and the document."""
    document = json.loads(paybench("show", "--state", name, "--as", "json")[0])
    table = [line.split("  ") for line in paybench("show", "--state", name)[0].splitlines()[2:]]
    cells = sorted(tuple(cell.strip() for cell in line if cell) for line in table)
    assert document["name"] == name
    assert cells == sorted(tuple(row.values()) for row in document["rows"])
    diagram = paybench("show", "--state", name, "--as", "mermaid")[0]
    assert diagram.startswith("stateDiagram-v2")
    assert all(row["event"] in diagram for row in document["rows"])


def commands(group, *names):
    """The words that lead to each command of a group."""
    yield names
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, *names, name)


@pytest.mark.parametrize("words", list(commands(cli)), ids=" ".join)
def test_help_shows_an_example(words):
    """Every command's help ends with lines one can type, some of them its own."""
    out = CliRunner().invoke(cli, [*words, "--help"], prog_name="paybench").output
    examples = out.partition("Examples:\n")[2].splitlines()
    assert out.startswith("Usage: " + " ".join(["paybench", *words]))
    assert any(line.startswith("  " + " ".join(["paybench", *words])) for line in examples)


def test_help_is_there_at_once():
    """What the commands need is imported when they run, and not for the help."""
    code = (
        "import sys, paybench.scenarios.cli\n"
        "heavy = {'simpy', 'msgspec', 'rich', 'asyncio', 'paybench.bank', 'paybench.hil'}\n"
        "print(sorted(heavy & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_secret_stays_secret(drawn_library):
    """No password of the library is in any trace, nor in what is printed."""
    traces = "".join(file.read_text() for file in drawn_library.files)
    everything = drawn_library.text + drawn_library.errors + traces
    for password in ("2468", "1357", "8642"):
        assert f'"{password}"' not in everything
        assert f" {password}" not in everything


SAYING = ["--version", "--help", "list", "list --json", "list --help", "bank --help",
          "run transfer --variant pc", "run transfer --json", "doctor --json"]  # fmt: skip


@pytest.mark.parametrize("buffered", [True, False])
@pytest.mark.parametrize("words", SAYING)
def test_whoever_reads_no_more_is_not_told(words, buffered):
    """A reader that has gone, as `head` goes, ends a command as SIGPIPE does, without a word."""
    unread, written = os.pipe()
    os.close(unread)
    done = subprocess.run(
        [*PAYBENCH, *words.split()],
        stdout=written,
        stderr=subprocess.PIPE,
        check=False,
        env=os.environ | {"PYTHONUNBUFFERED": "" if buffered else "1"},
    )
    os.close(written)
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, b"")


@pytest.mark.parametrize("buffered", [True, False])
@pytest.mark.parametrize("words", ["list", "run transfer --variant pc", "--version"])
def test_a_full_disk_is_no_bug(words, buffered):
    """Output that finds no room is an error that says so in a line."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PAYBENCH, *words.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=os.environ | {"PYTHONUNBUFFERED": "" if buffered else "1"},
        )
    assert done.returncode == 4
    assert done.stderr == ("paybench: No space left on device: make room, or write elsewhere\n")
