"""The bench file: read strictly, and what it asks for done in whole runs with real processes."""

import json
import os
import re
import select
import string
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paybench.devices.trace import Act
from paybench.hil.bench import MAX_FILE_BYTES, read_bench, schema
from paybench.hil.errors import BenchError, ResetFailed
from paybench.hil.key_lines import MAX_STATEMENT_LINES, TomlError, read_toml
from paybench.hil.reset import OUTPUT_MAX_BYTES, run_reset
from paybench.hil.virtual.tty import VirtualTty
from paybench.scenarios.discovery import find
from paybench.scenarios.recording import read, write
from paybench.scenarios.replay import replay
from paybench.scenarios.run import Options, run

ROOT = Path(__file__).parents[2]
EAN13 = ROOT / "tests" / "data" / "codes" / "ean13_plain.png"
SAMPLE = ROOT / "tests" / "data" / "bench.toml"
SHOP_PURCHASE = find("shop-purchase")[0]
SCANNER = '[real."register.scanner"]\n'
DISPLAY = '[real."phone.display"]\n'


@pytest.fixture(autouse=True)
def runtime_folder(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("runtime")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


def bench_file(folder, text):
    file = folder / "bench.toml"
    file.write_text(text)
    return file


def bench_run(file, **more):
    bench = read_bench(file)
    return run(SHOP_PURCHASE, "direct", Options(real=bench.specs, bench=bench, **more))


# -- what is right ---------------------------------------------------------------------------


def test_the_sample_says_what_it_says():
    """Every key is read, and split keys become the same word that --real takes."""
    bench = read_bench(SAMPLE)
    assert (bench.about.name, bench.about.patience_s, bench.about.lock_s) == ("desk 3", 20, 300)
    assert bench.specs == {
        "register.scanner": "serial:/dev/serial/by-id/usb-Honeywell_1900_S1234-if00"
        "?baud=115200&suffix=CRLF",
        "phone.display": "serial:/dev/ttyUSB0",
    }
    scanner = bench.real["register.scanner"]
    assert (scanner.exclusive, scanner.retries, scanner.timeout_s) == (True, 5, 10)
    assert scanner.reset == [str(SAMPLE.parent / "power_cycle.sh"), "port 4"]


def test_an_empty_file_is_a_bench_without_real_parts(tmp_path):
    """What is not named stays simulated, and so an empty file is a whole simulation."""
    bench = read_bench(bench_file(tmp_path, ""))
    assert bench.specs == {}
    passed = run(SHOP_PURCHASE, "direct", Options(real=bench.specs, bench=bench))
    assert passed.content == run(SHOP_PURCHASE, "direct").content


def test_the_docs_show_a_file_that_is_right(tmp_path):
    """The page's example can be copied."""
    shown = re.search(r"```toml\n(.*?)```", (ROOT / "docs" / "bench.md").read_text(), re.DOTALL)[1]
    assert read_bench(bench_file(tmp_path, shown)).specs == read_bench(SAMPLE).specs


def test_a_whole_device_is_named_by_its_role(tmp_path):
    """A real phone is a part of the bench like any other, with or without quotes."""
    for name in ("phone", "'phone'", "'B.phone'"):
        bench = read_bench(bench_file(tmp_path, f"[real.{name}]\nspec = 'tcp:10.0.0.9:4001'\n"))
        assert bench.specs == {name.strip("'"): "tcp:10.0.0.9:4001"}


def test_one_offs_add_to_the_bench_and_override_it():
    """A one-off is a part of its own: it inherits neither lock nor reset of the part it is for."""
    bench = read_bench(SAMPLE).with_parts({"register.scanner": "serial:/x", "A.b": "serial:/y"})
    assert bench.specs == {
        "register.scanner": "serial:/x",
        "phone.display": "serial:/dev/ttyUSB0",
        "A.b": "serial:/y",
    }
    scanner = bench.real["register.scanner"]
    assert (scanner.exclusive, scanner.reset, scanner.retries) == (False, [], 0)


def test_the_schema_in_the_docs_is_up_to_date():
    """Editors complete what the reader accepts: python -m paybench.hil.bench writes the file."""
    assert (ROOT / "docs" / "bench.schema.json").read_text() == schema()


# -- what is wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        # unknown keys
        ("[bnech]\n", 1, "there is no key 'bnech'; did you mean 'bench'? (there are: bench, real)"),
        ("\n[bench]\nnmae = 'x'\n", 3, "no key 'nmae' in [bench]; did you mean 'name'?"),
        (SCANNER + "spec = 'serial:/x'\n\nexclusiv = true\n", 4, "did you mean 'exclusive'?"),
        (SCANNER + "latency_budget = 1\n", 2, "did you mean 'latency_budget_s'?"),
        (SCANNER + "latency_budget_s = 0\n", 2, "latency_budget_s: expected a number > 0.0, seen"),
        ("bench = { name = 'x', seed = 1 }\n", 1, "no key 'seed' in [bench]"),
        ("bench.nam = 'x'\n", 1, "did you mean 'name'?"),
        ("[bench]\nname.first = 'x'\n", 2, "name: expected text, seen {'first': 'x'}"),
        ("[real.register.scanner]\nspec = 'x:y'\n", 1, 'quotes: [real."register.scanner"] ('),
        ("[real.'register.']\nspec = 'x:y'\n", 1, "'register.' names no part: write ROLE.PART in"),
        ("[real.phone.option]\nbaud = 1\n", 1, "did you mean 'options'?"),
        ("[[real]]\n", 1, "real: expected a table, seen [{}]"),
        ("real = 3\n", 1, "real: expected a table, seen 3"),
        # types and values
        ("[bench]\nname = 3\n", 2, "name: expected text, seen 3"),
        ("[bench]\nname = 'a\\u0007'\nowner = \"\\u0007\"\n", 3, "owner: expected printable text"),
        ("[bench]\npatience_s = 'long'\n", 2, "patience_s: expected a number, seen 'long'"),
        ("[bench]\npatience_s = 0\n", 2, "patience_s: expected a number > 0.0, seen 0"),
        ("[bench]\npatience_s = nan\n", 2, "patience_s: expected a number > 0.0, seen nan"),
        ("[bench]\npatience_s = inf\n", 2, "patience_s: expected a number <= 86400.0, seen inf"),
        ("[bench]\nlock_s = true\n", 2, "lock_s: expected a number, seen true"),
        (f"[bench]\nlock_s = 1{'0' * 400}\n", 2, "lock_s: expected a smaller number, seen 1000"),
        ("[bench]\nname = 1979-05-27\n", 2, "name: expected text, seen datetime.date(1979, 5, 27)"),
        (SCANNER + "exclusive = 'yes'\n", 2, "exclusive: expected true or false, seen 'yes'"),
        (SCANNER + "retries = 1.5\n", 2, "retries: expected a whole number, seen 1.5"),
        (SCANNER + "retries = -1\n", 2, "retries: expected a whole number >= 0, seen -1"),
        (SCANNER + "reset = 'sh x'\n", 2, "reset: expected a list, seen 'sh x'"),
        (SCANNER + "reset = [\n  'sh',\n  3,\n]\n", 2, "reset: expected text in each place, seen"),
        (SCANNER + "options = ['CR']\n", 2, "options: expected a table, seen ['CR']"),
        (SCANNER + "[real.'register.scanner'.options]\nbaud = 9.5\n", 3, "whole number or text"),
        # specs
        (SCANNER, 1, '[real."register.scanner"]: expected spec = "DRIVER:ADDRESS", or driver and'),
        ("\n" + SCANNER + "exclusive = true\ndriver = 'serial'\n", 2, "or driver and address"),
        (SCANNER + "spec = 'serial:/x'\noptions = { baud = 1 }\n", 3, "drop options"),
        (SCANNER + "# here\nspec = '/dev/ttyACM0'\n", 3, "no spec: write driver:address"),
        (SCANNER + "spec = 'seriel:/x'\n", 2, "no driver 'seriel'; did you mean 'serial'?"),
        (SCANNER + "spec = 'serial:/x?bauds=1'\n", 2, "no option 'bauds'; did you mean 'baud'?"),
        (SCANNER + "address = '/x'\ndriver = 'seriel'\n", 3, "did you mean 'serial'?"),
        (SCANNER + "driver = 'serial'\naddress = 'x://y'\n", 3, "expected a path"),
        (SCANNER + "driver = 'serial'\naddress = '/x?y'\n", 1, "no '?' fits in an address"),
    ],
)  # fmt: skip
def test_a_malformed_file_names_the_line(text, line, sentence, tmp_path):
    """Whatever is wrong with a bench file is said with its file, its line and what is right."""
    file = bench_file(tmp_path, text)
    with pytest.raises(BenchError) as refused:
        read_bench(file)
    assert str(refused.value).startswith(f"{file}:{line}: "), str(refused.value)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nb = @\n", 2),
        ("[bench]\nname = 'x'\nname = 'y'\n", 3),
        ("[bench]\n[bench]\n", 2),
        ("# x\n\nreal = [\n1,\n\n", 3),
        ("a = [\n1\n]\n\n# x\nb = '''\n\n", 6),
        ("a = [\n1\n]\nb = '''\n", 4),
        ("a = 1\r\n\r\nb = \r\n", 3),
        (f"a = 1\nb = 1{'0' * 5000}\n", 2),
        (f"a = 1\nb = {'[' * 3000}{']' * 3000}\n", 2),
        ("a = 1\nb = [\n" + "1,\n" * MAX_STATEMENT_LINES + "]\n", 2),
    ],
)
def test_what_is_no_toml_names_the_line(text, line, tmp_path):
    """A slip in the language itself has its line too, even where the parser has none."""
    with pytest.raises(BenchError, match=r"this is not TOML: ") as refused:
        read_bench(bench_file(tmp_path, text))
    assert f"bench.toml:{line}: " in str(refused.value)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["bauds = 9600", "suffix = 'CR'"], 5),
        (["suffix = 'CR'", "baud = 1"], 6),
        (["suffix = 'RC'", "baud = 1"], 5),
        (["prefix = 'a&b'"], 1),
    ],
)
def test_a_wrong_option_names_its_own_line(options, line, tmp_path):
    """Of the options of a part, the one the driver does not take is pointed at."""
    split = "driver = 'serial'\naddress = '/dev/ttyACM0'\n[real.'register.scanner'.options]\n"
    with pytest.raises(BenchError, match=rf"bench.toml:{line}: "):
        read_bench(bench_file(tmp_path, SCANNER + split + "\n".join(options)))


def test_a_wrong_option_among_some_that_need_each_other(tmp_path):
    """Options that only go together are not blamed for another one that is wrong."""
    split = "driver = 'tls'\naddress = '127.0.0.1:4001'\n[real.'register.scanner'.options]\n"
    options = "mode = 'listen'\ncert = 'a'\nkey = 'b'\nsuffix = 'RC'\n"
    with pytest.raises(BenchError, match=r"bench.toml:8: suffix"):
        read_bench(bench_file(tmp_path, SCANNER + split + options))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "bench.toml: the bench file cannot be read (No such file or directory)"),
        (b"a = 1\n\xff = 2\n", "bench.toml:2: a byte that is not UTF-8"),
        (b"#" * (MAX_FILE_BYTES + 1), "more than 64 KiB"),
    ],
)
def test_what_is_no_bench_file_is_said(content, sentence, tmp_path):
    """A file that is missing, binary or endless is refused in a sentence."""
    file = tmp_path / "bench.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BenchError) as refused:
        read_bench(file)
    assert sentence in str(refused.value)


NAMES = st.text(string.ascii_letters + string.digits + "-_. ", min_size=1, max_size=8)
FILLERS = st.lists(st.sampled_from(["", "# [x] = '''", "   ", '\t# """']), max_size=3)
VALUES = st.sampled_from(
    ["1", "'x'", '"""\n[a]\nb = 1\n"""', "[\n  1, # ]\n\n  2,\n]", "{ a = 1, b.c = 2 }", "'''\n'''"]
)
TABLES = st.dictionaries(NAMES, st.dictionaries(NAMES, st.tuples(VALUES, FILLERS), max_size=4))


@given(tables=TABLES, filler=FILLERS, end=st.sampled_from(["\n", "\r\n"]))
def test_every_key_is_found_in_its_line(tables, filler, end):
    """Whatever stands between and within the values, a key's line is the one it was put in."""
    lines, put = list(filler), {}
    for name, table in tables.items():
        lines.append(f'  [ "{name}" ]')
        put[name,] = len(lines)
        for key, (value, after) in table.items():
            put[name, key] = len(lines) + 1
            lines += [*f'"{key}" = {value}'.split("\n"), *after]
    document, found = read_toml(end.join(lines))
    assert list(document) == list(tables)
    assert put.items() <= found.items()


@given(st.text(st.sampled_from("[]{}=\"'#.,\n\r\\ax1-\x00é ")) | st.text())
def test_no_text_breaks_the_reader(text):
    """Any text is a TOML document with lines, or has a line where it is none."""
    try:
        _, lines = read_toml(text)
    except TomlError as error:
        lines = {(): error.line}
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())


# -- what it does ----------------------------------------------------------------------------


@pytest.fixture
def scanner(tmp_path):
    """A virtual scanner in a process of its own: its port, and its trigger as `pull`."""
    with scanning(tmp_path / "scanner") as found:
        yield found


@contextmanager
def scanning(link, *arguments):
    command = [sys.executable, "-m", "paybench.hil.virtual.scanner", "--link", link, *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, "--decode", EAN13], stdin=pipe, stdout=pipe) as process:
        assert process.stdout.readline().startswith(b"tty ")

        def pull():
            process.stdin.write(b"\n")
            process.stdin.flush()

        yield SimpleNamespace(port=link, pull=pull)
        process.kill()


def paybench(*arguments, pull=None):
    """Run the command; whenever it asks for a code, pull the trigger. Its code and output."""
    command = [sys.executable, "-m", "paybench", *map(str, arguments)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith("» hold"):
                pull()
        told = process.stdout.read()
    return process.returncode, told, "".join(said)


def test_a_bench_runs_from_the_command_line(scanner, tmp_path):
    """--bench with a reader in another process: it passes, its trace names it, it replays."""
    file = bench_file(
        tmp_path,
        f"""
        [bench]
        name = "desk 3"
        patience_s = 20
        [real."register.scanner"]
        driver = "serial"
        address = "{scanner.port}"
        options = {{ baud = 115200 }}
        exclusive = true
        reset = ["sh", "-c", "echo reset >> {tmp_path}/resets"]
        """,
    )
    trace = tmp_path / "run.jsonl"
    arguments = ["shop-purchase[direct]", "--bench", file, "--trace", trace, "--json"]
    code, told, said = paybench("run", *arguments, pull=scanner.pull)
    assert code == 0, told + said
    header, _, _ = read(trace)
    assert header.bench == {"register.scanner": f"serial:{scanner.port}?baud=115200"}
    assert header.options == {"bench": "desk 3", "patience_s": "20"}
    assert (tmp_path / "resets").read_text() == "reset\n"
    assert replay(trace).diverged_at is None


def test_real_overrides_the_bench_at_the_command_line(scanner, tmp_path):
    """A one-off takes the place of the bench's own part, which is not even looked for."""
    file = bench_file(tmp_path, SCANNER + "spec = 'serial:/dev/nowhere'\nreset = ['false']\n")
    real = f"register.scanner=serial:{scanner.port}"
    arguments = ["shop-purchase[direct]", "--bench", file, "--real", real]
    code, told, said = paybench("run", *arguments, pull=scanner.pull)
    assert code == 0, told + said


def test_a_malformed_bench_is_wrong_usage(tmp_path):
    """At the command line a slip in the file is one sentence and exit code 2."""
    file = bench_file(tmp_path, SCANNER + "sepc = 'serial:/x'\n")
    code, told, said = paybench("run", "shop-purchase", "--bench", file)
    assert (code, told) == (2, "")
    assert f"{file}:2: there is no key 'sepc'" in said
    assert "Traceback" not in said


def test_a_bench_runs_under_pytest(pytester, monkeypatch):
    """--bench takes scenarios and the fixture rig to the real reader alike."""
    port = pytester.path / "scanner"
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest")
    about = "[bench]\npatience_s = 20\n"
    part = SCANNER + f"spec = 'serial:{port}'\nexclusive = true\n"
    bench_file(pytester.path, about + part)
    (pytester.path / "shop_scenario.py").write_text(
        "from paybench.scenarios import scenario\n@scenario()\ndef told(rig):\n"
        '    rig.shop("A").cash_register().scan("4901234567894", price="2.50")\n'
    )
    pytester.makepyfile(
        "def test_it(rig):\n    assert rig.world.patience_s == 20\n"
        '    rig.shop("A").cash_register().scan("4901234567894", price="1.00")\n'
    )
    with scanning(port, "--every", "0.1"):
        result = pytester.runpytest("--bench=bench.toml")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines([f"*register.scanner is serial:{port}", "*» hold 4901234567894*"])
    refused = pytester.runpytest("--bench=bench.toml", "--update-golden")
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    refused.stderr.fnmatch_lines(["*drop --bench*"])


def test_a_malformed_bench_ends_pytest_at_once(pytester):
    """Under pytest a slip in the file is said before any test."""
    bench_file(pytester.path, "[bench]\nnaem = 'x'\n")
    result = pytester.runpytest("--bench=bench.toml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*bench.toml:2: there is no key 'naem'*"])


def test_a_port_that_comes_later_is_tried_again(tmp_path):
    """Retries wait for a device that has yet to appear, e.g. after its reset."""
    link = tmp_path / "port"
    with VirtualTty() as tty:
        late = f"import os; os.symlink({tty.path!r}, {str(link)!r})"
        parts = f"spec = 'serial:{link}'\nretries = 500\ntimeout_s = 10\n"
        file = bench_file(tmp_path, DISPLAY + parts)
        with subprocess.Popen([sys.executable, "-c", late]):
            passed = bench_run(file)
    assert (passed.verdict, passed.why) == ("passed", "")


def test_retries_come_to_an_end(tmp_path):
    """A device that never comes blocks the run, which says how often it was tried."""
    parts = "spec = 'serial:/dev/nowhere'\nretries = 3\ntimeout_s = 0.01\n"
    blocked = bench_run(bench_file(tmp_path, DISPLAY + parts))
    assert blocked.verdict == "blocked"
    assert blocked.why.endswith("Is it plugged in? (tried 4 times over 0.01 s)")


def test_a_reset_makes_the_port_a_relative_program_beside_the_file(tmp_path):
    """The reset runs before the thing is opened, from wherever the run was started."""
    with VirtualTty() as tty:
        program = tmp_path / "reset.sh"
        program.write_text(f'#!/bin/sh\ntest "$1" = "a b" && ln -s {tty.path} {tmp_path}/port\n')
        program.chmod(0o700)
        parts = f"spec = 'serial:{tmp_path}/port'\nreset = ['./reset.sh', 'a b']\n"
        passed = bench_run(bench_file(tmp_path, DISPLAY + parts))
    assert (passed.verdict, passed.why) == ("passed", "")


def test_a_failing_reset_blocks_with_its_output(tmp_path):
    """The scenario does not begin, and the verdict tells what the command said."""
    parts = (
        "spec = 'serial:/dev/nowhere'\nreset = ['sh', '-c', 'echo no relay; echo >&2 4; exit 7']\n"
    )
    blocked = bench_run(bench_file(tmp_path, DISPLAY + parts))
    assert blocked.verdict == "blocked"
    assert blocked.why == "phone.display: the reset 'sh' ended with code 7; it said: no relay / 4"
    assert not any(isinstance(event, Act) for event in blocked.trace)


@pytest.mark.parametrize(
    ("command", "timeout_s", "sentence"),
    [
        (["./no/such/program"], 5, "cannot be started (No such file or directory)"),
        (["/"], 5, "cannot be started (Permission denied)"),
        (["false"], 5, "ended with code 1; it said nothing"),
        (["sh", "-c", "kill -9 $$"], 5, "ended by signal 9"),
        (["sh", "-c", "printf '\\033[31mred\\377'; exit 1"], 5, "it said: ?[31mred�"),
        (["sh", "-c", "echo on my way; sleep 60 & wait"], 0.2, "within 0.2 s; it said: on"),
        (["yes"], 0.05, "did not end within 0.05 s; it said: y / y"),
        (["sh", "-c", "exec >&- 2>&-; exit 3"], 5, "ended with code 3; it said nothing"),
    ],
)  # fmt: skip
def test_every_way_a_reset_fails(command, timeout_s, sentence):
    """A command that is missing, fails, hangs or floods ends in a sentence of bounded length."""
    with pytest.raises(ResetFailed) as failed:
        run_reset("phone.display", command, timeout_s)
    assert sentence in str(failed.value)
    assert len(str(failed.value)) < 3 * OUTPUT_MAX_BYTES


def test_a_reset_that_hangs_is_killed_with_its_children(tmp_path):
    """Nothing that a reset started in its own group is left behind when its time is over."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    # The child holds the pipe open for writing: reading ends only when it is gone.
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(ResetFailed, match="did not end"):
        run_reset("x", ["sh", "-c", f"sleep 600 > {fifo} & wait"], 0.3)
    assert select.select([reader], [], [], 30)[0]
    assert os.read(reader, 1) == b""
    os.close(reader)


def test_a_reset_may_leave_a_server_behind():
    """A reset that starts something and ends has not failed, though its output stays open."""
    run_reset("x", ["sh", "-c", "sleep 0.5 & exit 0"], 5)


def test_a_blocked_run_names_the_bench(tmp_path):
    """The trace of a run that never began still says which bench it was to run on."""
    text = "[bench]\nname = 'desk 3'\n" + DISPLAY + "spec = 'serial:/dev/nowhere'\n"
    blocked = bench_run(bench_file(tmp_path, text))
    file = tmp_path / "blocked.jsonl"
    write(file, blocked.content)
    header = json.loads(file.read_bytes().splitlines()[0])
    assert (blocked.verdict, header["options"]) == ("blocked", {"bench": "desk 3"})


def test_a_bench_may_have_more_than_a_scenario_needs(tmp_path):
    """A part of the bench that no device of the scenario has stays idle, also in the replay."""
    from paybench.hil.virtual.tty import VirtualTty
    from paybench.scenarios.discovery import find
    from paybench.scenarios.recording import write
    from paybench.scenarios.replay import replay
    from paybench.scenarios.run import Options, run

    with VirtualTty() as phone, VirtualTty() as gate:
        file = tmp_path / "bench.toml"
        file.write_text(
            f'[real."phone.display"]\nspec = "serial:{phone.path}"\n'
            f'[real."gate.scanner"]\nspec = "serial:{gate.path}"\n'
        )
        bench = read_bench(file)
        passed = run(find("shop-purchase")[0], "direct", Options(real=bench.specs, bench=bench))
    assert (passed.verdict, passed.why) == ("passed", "")
    write(tmp_path / "run.jsonl", passed.content)
    assert replay(tmp_path / "run.jsonl").diverged_at is None
