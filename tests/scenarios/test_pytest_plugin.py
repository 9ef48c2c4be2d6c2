"""The plugin from outside: whole pytest runs in projects made for the purpose.

They run in this process; what the plugin imports is imported here already, or each would again.
"""

import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from xml.etree import ElementTree as ET

import pytest

import paybench.scenarios.pytest_file
import paybench.scenarios.pytest_rig  # noqa: F401 - see above
from paybench.scenarios.failure import safe_name
from paybench.scenarios.library import shop_purchase
from paybench.scenarios.replay import replay

LIBRARY_FILE = shop_purchase.__file__
GOLDEN = Path(__file__).parents[1] / "golden"

PURCHASE = '''
    import pytest
    from paybench.scenarios import scenario

    @scenario(variants=["relayed", "direct"])
    def buys(rig, variant):
        """B buys."""
        register = rig.shop("A").cash_register(settles=variant)
        phone = rig.customer("B", balance="20.00", password="2468").phone()
        register.scan("4901234567894", price="2.50")
        register.bill(phone)
        phone.approve(password="2468")
        register.expects("PAID 2.50")
'''
WRONG = PURCHASE.replace("PAID 2.50", "PAID 3.50")
HERE = ["--rootdir=.", "-c", "tox.ini"]
"""Options against taking a library file's project for the one at hand."""
TRACE = ".paybench/traces/scenarios-shop.py-buys-relayed.jsonl"


@pytest.fixture
def project(pytester, monkeypatch):
    # Imports all of Hypothesis, a second, for a summary of its own.
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest")
    pytester.makeini("[pytest]\n")
    return pytester


def write(project, name, text):
    path = project.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text).lstrip("\n"))
    return path


def one_scenario(project, *body):
    head = ["from paybench.scenarios import scenario", "@scenario()", "def told(rig):"]
    text = "\n".join([*head, *(f"    {line}" for line in body), ""])
    return write(project, "scenarios/shop.py", text)


def ran(project, *arguments, **outcomes):
    result = project.runpytest(*arguments)
    result.assert_outcomes(**outcomes)
    return result


def properties(project, *arguments):
    project.runpytest("--junitxml=junit.xml", *arguments)
    cases = ET.parse(project.path / "junit.xml").iter("testcase")  # noqa: S314 - our own
    return [
        {entry.get("name"): entry.get("value") for entry in case.iter("property")} for case in cases
    ]


# -- collection ------------------------------------------------------------------------------


def test_each_variant_is_an_item(project):
    """A scenario is collected once per variant, named as pytest names parameters."""
    write(project, "scenarios/shop.py", PURCHASE)
    result = project.runpytest("--collect-only", "-q")
    result.stdout.fnmatch_lines(
        ["scenarios/shop.py::buys[[]relayed]", "scenarios/shop.py::buys[[]direct]"]
    )
    ran(project, passed=2)


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["scenarios/shop.py::buys[direct]"], 1),
        (["scenarios/shop.py::buys"], 2),
        (["-k", "sells_back and direct"], 1),
        (["-k", "sells-back"], 2),
        (["-m", "slow"], 2),
        (["-m", "above"], 2),
        (["-m", "file"], 4),
    ],
)
def test_selection_works_as_for_any_test(project, arguments, count):
    """Node ids, -k by either spelling, and marks over, under and beside scenarios select."""
    project.makeini("[pytest]\naddopts = --strict-markers\nmarkers =\n  slow\n  above\n  file\n")
    text = PURCHASE + PURCHASE.replace("def buys", "def sells_back").replace(
        "    @scenario", "    @pytest.mark.above\n    @scenario"
    ).replace("    def sells", "    @pytest.mark.slow\n    def sells")
    write(project, "scenarios/shop.py", text + "\n    pytestmark = pytest.mark.file\n")
    ran(project, *arguments, passed=count, deselected=0 if "::" in arguments[0] else 4 - count)


def test_skip_and_xfail_marks_hold(project):
    """A scenario marked skip is not run, and one marked xfail is expected to fail."""
    marked = WRONG.replace("    @scenario", "    @pytest.mark.xfail(strict=True)\n    @scenario")
    skipped = WRONG.replace("    @scenario", "    @pytest.mark.skip\n    @scenario")
    write(project, "scenarios/shop.py", marked)
    write(project, "scenarios/later.py", skipped)
    ran(project, xfailed=2, skipped=2)


def test_autouse_fixtures_of_a_conftest_apply(project):
    """What a project sets up around each of its tests is set up around scenarios too."""
    write(project, "scenarios/shop.py", PURCHASE)
    project.makeconftest(
        "import pytest\n@pytest.fixture(autouse=True)\ndef noted():\n    print('set up')\n"
    )
    ran(project, "-rP", passed=2).stdout.fnmatch_lines(["set up", "set up"])


def test_parametrize_is_refused(project):
    """A parametrize mark, which could only be ignored, is an error that names the better way."""
    marked = PURCHASE.replace(
        "    @scenario", "    @pytest.mark.parametrize('x', [1])\n    @scenario"
    )
    write(project, "scenarios/shop.py", marked)
    ran(project, errors=1).stdout.fnmatch_lines(["*shop.py:4: a scenario has variants instead*"])


def test_only_test_files_have_ordinary_tests(project):
    """A file test_*.py keeps its tests beside its scenarios; another file does not get any."""
    tests = (
        "\n    def test_ordinary(): pass\n    class TestMore:\n        def test_it(self): pass\n"
    )
    write(project, "scenarios/test_both.py", PURCHASE + tests)
    write(project, "scenarios/shop.py", PURCHASE + tests)
    ran(project, passed=2 + 2 + 2)


def test_a_scenario_may_be_called_like_a_test(project):
    """A scenario named test_* in a test file is one scenario, and not a broken test as well."""
    write(project, "scenarios/test_both.py", PURCHASE.replace("def buys", "def test_buys"))
    ran(project, "-W", "error", passed=2)


def test_files_are_found_by_name_or_folder(project):
    """*_scenario.py is collected anywhere, other names only within a scenarios folder."""
    write(project, "flows/shop_scenario.py", PURCHASE)
    write(project, "flows/shop.py", "raise RuntimeError('imported, paybench')")
    ran(project, passed=2)


def test_files_without_paybench_are_not_imported(project):
    """A scenarios folder may hold what is not ours: no mention of paybench, no import."""
    write(project, "scenarios/shop.py", PURCHASE)
    write(project, "scenarios/load.py", "raise RuntimeError('imported')")
    ran(project, passed=2)


def test_the_folders_above_the_project_do_not_count(project):
    """A project that was checked out below a folder called scenarios has its tools left alone."""
    write(project, "scenarios/checkout/pytest.ini", "[pytest]")
    write(project, "scenarios/checkout/tool.py", "raise RuntimeError('imported, paybench')")
    write(project, "scenarios/checkout/test_it.py", "def test_it(): pass")
    ran(project, "--rootdir=scenarios/checkout", "scenarios/checkout", passed=1)


@pytest.mark.parametrize("mode", ["prepend", "importlib"])
def test_own_packages_of_our_names(project, mode):
    """A project with packages scenarios and devices of its own works, in both import modes."""
    write(project, "devices/__init__.py", "PRICE = '2.50'")
    write(project, "scenarios/__init__.py", "")
    write(
        project,
        "scenarios/shop.py",
        PURCHASE + "\n    import devices\n    from paybench.devices import world\n"
        "    assert devices.PRICE and 'paybench' not in devices.__file__\n"
        "    assert __name__ == 'scenarios.shop'\n",
    )
    ran(project, f"--import-mode={mode}", "-p", "no:cacheprovider", "-o", "pythonpath=.", passed=2)


def test_two_projects_side_by_side(project):
    """Two scenarios packages in one run work where pytest can do it: in importlib mode."""
    for name in ("one", "two"):
        write(project, f"{name}/scenarios/__init__.py", "")
        write(project, f"{name}/scenarios/shop.py", PURCHASE)
    ran(project, "--import-mode=importlib", passed=4)


def test_the_installed_library_beside_an_own_package(project):
    """Library files run when named, and do not take the name scenarios from a project's own."""
    write(project, "scenarios/__init__.py", "OURS = 1")
    write(project, "scenarios/shop.py", PURCHASE + "\n    from scenarios import OURS\n")
    ran(project, *HERE, LIBRARY_FILE, "scenarios", passed=17)
    ran(project, *HERE, f"{LIBRARY_FILE}::shop_purchase[direct]", passed=1)


def test_a_syntax_error_is_shown_where_it_is(project):
    """A scenario file that is no Python is a collection error with its line; others still run."""
    write(project, "scenarios/shop.py", PURCHASE)
    write(project, "scenarios/broken.py", "import paybench\ndef f(:\n")
    result = ran(project, "--continue-on-collection-errors", passed=2, errors=1)
    result.stdout.fnmatch_lines(["*broken.py*line 2*", "*SyntaxError*"])


# -- verdicts --------------------------------------------------------------------------------


def test_a_failure_is_told_by_its_ladder(project, monkeypatch):
    """A failed flow reports sentence, place, expected, seen and ladder, and no traceback."""
    monkeypatch.setenv("COLUMNS", "90")
    write(project, "scenarios/shop.py", WRONG)
    result = ran(project, "-k", "relayed", failed=1, deselected=1)
    result.stdout.fnmatch_lines(
        [
            "FAILED: A.register: expected display 'PAID 3.50', seen display 'PAID 2.50'",
            "  at        scenarios/shop.py:12",
            "  expected  display 'PAID 3.50'",
            "  seen      display 'PAID 2.50'",
            "(* lines before these)",
            "  *A.register * B.phone *bank",
            "*D3 2.50 EUR*",
            "*D4 settled*",
            f"replay: paybench replay {TRACE}",
            "FAILED scenarios/shop.py::buys[[]relayed] - FAILED: A.register: expected*",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    ladder = [line for line in result.outlines if "│" in line]
    assert len(ladder) == 15
    assert 80 < max(map(len, ladder)) <= 90


def test_the_kept_trace_replays(project):
    """The trace a failure leaves behind replays to the same bytes, and nothing else lies there."""
    write(project, "scenarios/shop.py", WRONG)
    ran(project, failed=2)
    again = replay(project.path / TRACE)
    assert again.diverged_at is None
    assert again.run.verdict == "failed"
    assert len(list((project.path / TRACE).parent.iterdir())) == 2


def test_passed_runs_leave_nothing(project):
    """A run in which all passes writes no trace."""
    write(project, "scenarios/shop.py", PURCHASE)
    ran(project, passed=2)
    assert not (project.path / ".paybench").exists()


def test_a_plain_assert_shows_values_and_replays(project):
    """What pytest reads out of an assert is in the report, and none of it in the trace."""
    act = "rig.shop('A').cash_register().scan('4901234567894', price='2.50')"
    one_scenario(project, act, "x = 3", "assert (", "  x", "  == 4)")
    ran(project, failed=1).stdout.fnmatch_lines(
        ["FAILED: scenarios/shop.py:6: AssertionError: assert x == 4", "*assert 3 == 4"]
    )
    trace = project.path / ".paybench/traces/scenarios-shop.py-told.jsonl"
    assert replay(trace).diverged_at is None


def test_our_own_error_shows_where(project):
    """An unforeseen exception has the verdict error, and the report says where it was raised."""
    one_scenario(project, "1 / 0")
    ran(project, failed=1).stdout.fnmatch_lines(
        ["ERROR: scenarios/shop.py:4: ZeroDivisionError: *", '  File "*shop.py", line 4, in told']
    )


def test_a_run_nobody_acted_in_has_no_replay_command(project):
    """What cannot be replayed, for want of acts, is shown instead."""
    one_scenario(project, "rig.world.decided('rig', 'nothing')", "assert 0")
    result = ran(project, failed=1)
    result.stdout.fnmatch_lines(["*nothing*", "trace: paybench show .paybench/traces/*"])


def test_wrong_use_is_one_line(project):
    """What the scenario asks for in a wrong way is one line with the place: no ladder, no trace."""
    one_scenario(project, "rig.expects_balances(X='1')")
    result = ran(project, failed=1)
    result.stdout.fnmatch_lines(["USAGE: scenarios/shop.py:4: there is nobody called 'X'*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    assert not (project.path / ".paybench").exists()


def test_a_missing_port_blocks(project):
    """A bench that cannot is neither passed nor skipped: it fails, and is called blocked."""
    write(project, "scenarios/shop.py", PURCHASE)
    real = "--paybench-real=register.scanner=serial:/dev/nowhere"
    result = ran(project, "-v", real, failed=2)
    result.stdout.fnmatch_lines(
        [
            "paybench: seed 0, register.scanner is serial:/dev/nowhere",
            "*buys[[]relayed] BLOCKED*",
            "BLOCKED: *nowhere*",
            "paybench: 2 blocked",
        ]
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.no_fnmatch_line("replay:*")


def test_a_part_no_device_has_is_wrong_use(project):
    """A real part the scenario has no place for is said in one line."""
    write(project, "scenarios/shop.py", PURCHASE)
    real = "--paybench-real=register.drawer=serial:/dev/nowhere"
    ran(project, real, failed=2)


# -- the fixture rig -------------------------------------------------------------------------


def test_the_rig_is_fresh_and_seeded(project):
    """Each test has a rig of its own, of the seed that was asked for."""
    project.makepyfile(
        """
        import pytest
        @pytest.mark.parametrize("n", [1, 2])
        def test_it(rig, n):
            rig.customer("B", balance="1.00")
            assert rig.world.choices.seed == 7
        """
    )
    ran(project, "--paybench-seed=7", passed=2).stdout.fnmatch_lines(["paybench: seed 7"])


def test_a_failed_test_keeps_the_trace_of_its_rig(project):
    """A test that fails with a rig shows the ladder and where the trace is."""
    project.makepyfile(
        """
        import pytest
        @pytest.fixture
        def register(rig):
            return rig.shop("A").cash_register()
        def test_it(register):
            register.scan("4901234567894", price="2.50")
            assert register.display.lines == ("TOTAL 9.99",)
        """
    )
    result = ran(project, failed=1)
    trace = ".paybench/traces/test_a_failed_test_keeps_the_trace_of_its_rig.py-test_it.jsonl"
    result.stdout.fnmatch_lines(["*TOTAL 2.50*", f"trace: paybench show {trace}"])
    assert '"verdict":"failed"' in (project.path / trace).read_text().splitlines()[-1]


def test_the_rig_is_checked_when_the_test_is_done(project):
    """Money that vanished fails a test that itself passed, in words and with a trace."""
    project.makepyfile(
        """
        from paybench.bank.money import Money
        def test_it(rig, monkeypatch):
            rig.shop("A")
            rig.bank.total = lambda: Money(1, "EUR")
        """
    )
    result = ran(project, passed=1, errors=1)
    result.stdout.fnmatch_lines(["FAILED: the sum over all accounts*", "trace: paybench show *"])


def test_a_blocked_rig_fails_its_test(project):
    """A rig whose port is missing is an error of the test, called blocked, in one line."""
    project.makepyfile("def test_it(rig): pass")
    result = ran(project, "--paybench-real=register.scanner=serial:/dev/nowhere", errors=1)
    result.stdout.fnmatch_lines(["BLOCKED: *nowhere*"])
    result.stdout.no_fnmatch_line("*Traceback*")


# -- golden files ----------------------------------------------------------------------------


def test_golden_files_are_made_kept_and_compared(project):
    """Update writes the missing ones; then the same passes, and another ladder is a diff."""
    file = write(project, "scenarios/shop.py", PURCHASE)
    ran(project, "--update-golden", passed=2).stdout.fnmatch_lines(
        ["paybench: 2 golden files written (2 new, 0 changed)"]
    )
    golden = project.path / "scenarios/golden/shop/buys.relayed.txt"
    assert "A.register -> bank: D3 2.50 EUR" in golden.read_text()
    ran(project, passed=2)
    file.write_text(file.read_text().replace("2.50", "2.60"))
    result = ran(project, "-k", "relayed", failed=1, deselected=1)
    result.stdout.fnmatch_lines(
        [
            "GOLDEN: passed, but the ladder differs from scenarios/golden/shop/buys.relayed.txt",
            "-A.register -> bank: D3 2.50 EUR",
            "+A.register -> bank: D3 2.60 EUR",
            "*pytest --update-golden 'scenarios/shop.py::buys[[]relayed]'",
            "replay: paybench replay *",
        ]
    )
    ran(project, "--update-golden", passed=2).stdout.fnmatch_lines(["*(0 new, 2 changed)"])
    ran(project, passed=2)


def test_golden_files_of_what_fails_are_left(project):
    """Only what passed becomes golden."""
    write(project, "scenarios/shop.py", WRONG)
    ran(project, "--update-golden", failed=2)
    assert not list(project.path.rglob("golden"))


@pytest.mark.parametrize("seed", ["1", "2", "13"])
def test_golden_files_do_not_hang_on_the_seed(project, seed):
    """The library's golden files hold for seeds under which messages overtake each other."""
    library = [*HERE, LIBRARY_FILE, f"--paybench-seed={seed}", "-o"]
    ran(project, *library, f"paybench_golden={GOLDEN}/", passed=15)
    ran(project, *library, "paybench_golden=./all", "--update-golden", passed=15)
    written = {path.name: path.read_text() for path in (project.path / "all").rglob("*.txt")}
    kept = (GOLDEN / "shop_purchase").glob("*.txt")
    assert written == {path.name: path.read_text() for path in kept}


# -- reports ---------------------------------------------------------------------------------


def test_junit_has_seed_digest_and_verdict(project):
    """Continuous integration can tell a run by seed, digest and verdict, for rigs as well."""
    write(project, "scenarios/shop.py", WRONG)
    project.makepyfile("def test_it(rig): rig.shop('A')")
    relayed, direct, of_rig = properties(project, "--paybench-seed=3")
    trace = project.path / TRACE
    assert relayed == {"seed": "3", "digest": replay(trace).run.digest, "verdict": "failed"}
    assert direct["digest"] != relayed["digest"]
    assert (of_rig["seed"], of_rig["verdict"], len(of_rig["digest"])) == ("3", "passed", 64)


def test_the_header_says_only_what_is_unusual(project):
    """With nothing special asked for, a run of pytest looks as it did."""
    project.makepyfile("def test_it(): pass")
    ran(project, passed=1).stdout.no_fnmatch_line("paybench: *")
    ran(project, "-v", passed=1).stdout.fnmatch_lines(["paybench: seed 0"])


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--paybench-seed=soon", "*expected a whole number from 0 on, seen 'soon'"),
        ("--paybench-real=scanner", "*--paybench-real: 'scanner': write ROLE.PART=DRIVER:ADDRESS*"),
        ("--paybench-real=register.scanner=carrier:pigeon", "*there is no driver 'carrier'*"),
    ],
)
def test_unknown_option_values_are_said_at_once(project, option, said):
    """A malformed option ends the run before any test, in one sentence."""
    write(project, "scenarios/shop.py", PURCHASE)
    result = project.runpytest(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])


def test_a_part_given_twice_is_wrong_use(project):
    """Two things in one place are refused, as on the command line of paybench."""
    result = project.runpytest(*["--paybench-real=register.scanner=serial:/dev/nowhere"] * 2)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--paybench-real: register.scanner is given twice: drop one"])


def test_traces_go_where_asked(project):
    """--paybench-traces names the folder; one that cannot be written does not hide the failure."""
    write(project, "scenarios/shop.py", WRONG)
    ran(project, "--paybench-traces=kept", failed=2)
    assert (project.path / "kept" / Path(TRACE).name).is_file()
    result = ran(project, "--paybench-traces=tox.ini/no", failed=2)
    result.stdout.fnmatch_lines(["FAILED: A.register: *", "no trace: *cannot be written*"])


def test_trace_names_are_safe_and_distinct():
    """A test's id becomes a short plain file name, and different long ids different ones."""
    assert safe_name("a/b.py::T::f[x/../y z]") == "a-b.py-T-f-x-..-y-z"
    long = [safe_name(f"t.py::f[{n}{'x' * 300}]") for n in "12"]
    assert len(set(long)) == 2
    assert max(map(len, long)) < 140
    assert safe_name("t.py::f[ä]") != safe_name("t.py::f[ö]")


def test_the_plugin_imports_next_to_nothing():
    """Every pytest start imports the plugin: neither SimPy nor msgspec nor rich with it."""
    code = (
        "import sys, paybench.scenarios.pytest_plugin\n"
        "from paybench.scenarios.discovery import is_scenario_file\n"
        "print({'simpy', 'msgspec', 'rich', 'click', 'asyncio'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "set()\n"


def test_a_real_reader_and_the_person_at_the_bench(project):
    """With a real part the person is asked past pytest's capturing, and golden files wait."""
    write(project, "scenarios/shop.py", PURCHASE)
    ran(project, "--update-golden", passed=2)
    image = Path(__file__).parents[1] / "data" / "codes" / "ean13_plain.png"
    command = [sys.executable, "-m", "paybench.hil.virtual.scanner", "--decode", image]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as scanner:
        port = scanner.stdout.readline().decode().split()[1]
        real = f"--paybench-real=register.scanner=serial:{port}"
        pytest_ = [sys.executable, "-m", "pytest", real, "-k", "relayed"]
        with subprocess.Popen(pytest_, cwd=project.path, stdout=pipe, text=True) as tests:
            said = []
            for line in tests.stdout:
                said.append(line)
                if "» hold 4901234567894" in line:  # the person at the bench pulls the trigger
                    scanner.stdin.write(b"\n")
                    scanner.stdin.flush()
        scanner.kill()
    assert tests.returncode == 0, "".join(said)
    assert "1 passed, 1 deselected" in said[-1]
    assert project.runpytest(real, "--update-golden").ret == pytest.ExitCode.USAGE_ERROR
