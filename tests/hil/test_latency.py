"""Latency budgets: a late answer fails the run, whatever became of it, and again in its replay."""

import re
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from processes import twin

from paybench.bank.account import AccountNumber
from paybench.bank.money import Money
from paybench.devices.purchase import PurchaseDeclined, PurchaseInformation
from paybench.devices.remote_phone import RemotePhone
from paybench.devices.scanner import Misreading, Reading, Scanner
from paybench.devices.trace import Act, Delivered, Sent, State
from paybench.hil.bench import read_bench
from paybench.scenarios.discovery import find
from paybench.scenarios.errors import UsageError
from paybench.scenarios.latency import Budget
from paybench.scenarios.recording import read, write
from paybench.scenarios.replay import replay
from paybench.scenarios.run import Options, header_for, options_of, run

RECORDINGS = Path(__file__).parents[1] / "recordings"
EAN13 = Path(__file__).parents[1] / "data" / "codes" / "ean13_plain.png"
SHOP_PURCHASE = find("shop-purchase")[0]
PHONE, SCANNER = "B.phone", "A.register.scanner"
LATE_S, STRICT_S, LENIENT_S = 0.3, 0.05, 60


def customer(process):
    """Whoever holds the phone."""

    def asked(wish):
        process.stdin.write(b"approve 2468\n" if wish.startswith("approve") else b"decline\n")
        process.stdin.flush()

    return asked


def bench_run(folder, part, spec, budget_s, *, scenario=SHOP_PURCHASE, variant="relayed", **more):
    """A run with a bench file of one real part with a budget."""
    file = folder / "bench.toml"
    file.write_text(f"[real.{part}]\nspec = '{spec}'\nlatency_budget_s = {budget_s}\n")
    bench = read_bench(file)
    return run(scenario, variant, Options(real=bench.specs, bench=bench, **more))


def assert_replays(recorded, folder):
    """The recording alone comes to the same verdict, to the byte."""
    write(folder / "run.jsonl", recorded.content)
    again = replay(folder / "run.jsonl")
    assert again.diverged_at is None
    assert (again.run.verdict, again.run.why) == (recorded.verdict, recorded.why)


# -- with twins in other processes -----------------------------------------------------------


@pytest.mark.parametrize(("variant", "step"), [("relayed", "D2"), ("direct", "D5")])
def test_a_late_phone_fails_though_it_paid(variant, step, tmp_path):
    """The purchase is made, the answer came late: failed, with step, time and budget."""
    with twin("phone", "--late", LATE_S) as ((_, port), process):
        spec, asked = f"serial:{port}", customer(process)
        late = bench_run(tmp_path, "phone", spec, STRICT_S, variant=variant, operator=asked)
    assert late.verdict == "failed"
    said, came = late.why.split(": it came ")
    assert said == f"B.phone was late with {step}"
    taken, rest = came.split(" s after ")
    assert float(taken) > LATE_S
    assert rest == f"B.phone.approve, and the latency budget is {STRICT_S} s"
    assert any(isinstance(e, State) and e.state == "paid" for e in late.trace)
    assert_replays(late, tmp_path)


def test_a_phone_within_its_budget_passes(tmp_path):
    """The same phone with time enough passes, and its trace keeps the budget it was held to."""
    with twin("phone", "--late", LATE_S) as ((_, port), process):
        spec, asked = f"serial:{port}", customer(process)
        passed = bench_run(tmp_path, "phone", spec, LENIENT_S, operator=asked)
    assert (passed.verdict, passed.why) == ("passed", "")
    assert passed.header.options == {"latency_budget_s.phone": "60"}
    assert_replays(passed, tmp_path)


def test_a_phone_that_answers_by_itself_is_held_to_d1(tmp_path):
    """With nobody asked to do anything, the time runs from the bill's delivery to its answer."""
    file = tmp_path / "told_scenario.py"
    file.write_text(
        "from paybench.scenarios import scenario\n@scenario()\ndef told(rig):\n"
        '    register = rig.shop("A").cash_register()\n'
        '    phone = rig.customer("B", balance="20.00", password="2468").phone()\n'
        '    register.scan("4901234567894", price="2.50")\n'
        "    register.bill(phone)\n"
        '    register.expects("PAID 2.50")\n'
    )
    with twin("phone", "--late", LATE_S) as ((_, port), process):
        customer(process)("approve")  # before the bill: the twin keeps it for then
        spec = f"serial:{port}"
        late = bench_run(tmp_path, "phone", spec, STRICT_S, scenario=find(str(file))[0], variant="")
    assert late.verdict == "failed"
    assert late.why.startswith("B.phone was late with D2: it came 0.")
    assert late.why.endswith(f" s after D1, and the latency budget is {STRICT_S} s")
    assert_replays(late, tmp_path)


def test_a_late_reader_fails(tmp_path):
    """From the code that is asked for to its reading: late, and failed, though it was sold."""
    with twin("scanner", "--decode", EAN13, "--late", LATE_S) as ((_, port), process):
        part, spec = '"register.scanner"', f"serial:{port}"
        late = bench_run(tmp_path, part, spec, STRICT_S, operator=process.pull)
    assert late.verdict == "failed"
    assert late.why.startswith("A.register.scanner was late with scan: it came 0.")
    assert late.why.endswith(" s after A.register.scan, and the latency budget is 0.05 s")
    assert_replays(late, tmp_path)


def test_an_answer_that_never_comes_is_no_late_one(tmp_path):
    """A phone nobody touches is as dark as without a budget: blocked, after the patience."""
    with twin("phone") as ((_, port), _process):
        spec = f"serial:{port}"
        dark = bench_run(tmp_path, "phone", spec, STRICT_S, patience_s=0.3)
    expected = "the customer's answer was expected from B.phone within 0.3 s and did not come"
    assert (dark.verdict, dark.why) == ("blocked", expected)


def test_a_failure_tells_what_was_late_too(tmp_path):
    """What the scenario missed stays the reason; a late answer, which may be why, stands beside."""
    file = tmp_path / "picky_scenario.py"
    file.write_text(
        "from paybench.scenarios import scenario\n@scenario()\ndef picky(rig):\n"
        '    register = rig.shop("A").cash_register()\n'
        '    register.scan("4901234567894", price="2.50")\n'
        '    assert register.display.lines == ("FREE",)\n'
    )
    with twin("scanner", "--decode", EAN13) as ((_, port), process):
        part, spec = '"register.scanner"', f"serial:{port}"
        failed = bench_run(
            tmp_path,
            part,
            spec,
            1e-6,
            scenario=find(str(file))[0],
            variant="",
            operator=process.pull,
        )
    assert failed.verdict == "failed"
    reason, late = failed.why.split("; ")
    assert reason.endswith("AssertionError: assert register.display.lines == ('FREE',)")
    assert late.startswith("A.register.scanner was late with scan: ")
    assert_replays(failed, tmp_path)


def test_a_display_has_no_budget(tmp_path):
    """What answers nothing is held to no budget: wrong usage, and no check that cannot fail."""
    with twin("phone") as ((_, port), _process), pytest.raises(UsageError) as refused:
        bench_run(tmp_path, '"phone.display"', f"serial:{port}", 1)
    assert "B.phone.display is a display, which answers nothing" in str(refused.value)


def test_a_test_with_a_late_reader_fails(pytester):
    """The fixture rig holds its parts to the bench's budgets as a scenario does."""
    pytester.makepyfile(
        'def test_it(rig):\n    rig.shop("A").cash_register().scan("4901234567894", price="1.00")\n'
    )
    with twin("scanner", "--decode", EAN13, "--every", "0.1") as ((_, port), _process):
        part = f"[real.'register.scanner']\nspec = 'serial:{port}'\nlatency_budget_s = 1e-6\n"
        (pytester.path / "bench.toml").write_text(part)
        result = pytester.runpytest("--bench=bench.toml", "-p", "no:hypothesispytest")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["FAILED: A.register.scanner was late with scan: it came *"])


# -- to the nanosecond -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recording", "part", "question", "step"),
    [
        ("phone-on-tcp", "phone", (PHONE, "approve"), "D5"),
        ("phone-on-tcp-declines", "phone", (PHONE, "decline"), "D2"),
        ("phone-on-bluetooth", "phone", (PHONE, "approve"), "D2"),
        ("reader-on-serial", "register.scanner", ("A.register", "scan"), "scan"),
        ("camera", "register.scanner", ("A.register", "scan"), "scan"),
    ],
)
def test_a_budget_is_kept_to_the_nanosecond(recording, part, question, step, tmp_path):
    """A recording passes with the time its answer took as the budget, and fails with 1 ns less."""
    header, events, lines = read(RECORDINGS / f"{recording}.jsonl")
    asked = next(e for e in events if isinstance(e, Act) and (e.who, e.verb) == question)
    is_real = {PHONE, SCANNER}
    answer = next(
        e for e in events
        if isinstance(e, Sent) and e.sender in is_real and e.step == step and e.at_ns > asked.at_ns
    )  # fmt: skip
    taken_ns = answer.at_ns - asked.at_ns
    verdicts = []
    for budget_ns in (taken_ns, taken_ns - 1):
        options = {**header.options, f"latency_budget_s.{part}": repr(budget_ns / 1e9)}
        first = msgspec.json.encode(msgspec.structs.replace(header, options=options))
        (tmp_path / "run.jsonl").write_bytes(b"\n".join([first, *lines[1:], b""]))
        again = replay(tmp_path / "run.jsonl")
        assert again.diverged_at in (None, len(lines) - 1)  # the verdict's own line
        verdicts.append(again.run.verdict)
    assert verdicts == ["passed", "failed"]
    told = re.search(rf" was late with {step}: it came (.*) s after .* is (.*) s$", again.run.why)
    assert float(told[1]) > float(told[2])


class Thing(NamedTuple):
    """A part, as far as a budget looks at it."""

    name: str
    kind: str
    gone: str = ""
    returns: bool = False


MS = 1_000_000
SECOND = "A.register2.scanner"
EUR_2_50 = Money.parse("2.50", "EUR")
EXCHANGES = st.lists(st.tuples(st.integers(0, 30), st.booleans(), st.booleans()), max_size=8)


@given(EXCHANGES, st.integers(1, 30))
def test_the_first_late_answer_is_the_one_told(exchanges, budget_ms):
    """Of any row of questions, answered soon, late, badly or never, the first late one is named."""
    at_ms, events, late_ms = 0, [], []
    for taken_ms, noisy, answered in exchanges:
        at_ms += 1000
        events.append(Act(at_ms * MS, "A.register2", "scan", {}))
        if noisy:  # none of this is an answer, and none of it asks again
            events.append(said_by(SECOND, at_ms, Misreading(1, "noise")))
            events.append(Act(at_ms * MS + 1, "A.register2", "key_in", {}))
            events.append(Act(at_ms * MS + 1, "A.register", "scan", {}))
            events.append(said_by(SCANNER, at_ms, Reading("4901")))
        if answered:
            events.append(said_by(SECOND, at_ms + taken_ms, Reading("4901")))
            events.append(said_by(SECOND, at_ms + 900, Reading("4902")))  # nobody asked for it
            late_ms += [taken_ms] if taken_ms > budget_ms else []
    told = Budget(Thing(SECOND, Scanner.kind), budget_ms / 1000).late(events)
    assert bool(told) == bool(late_ms)
    if late_ms:
        assert f"it came {late_ms[0] / 1000:.3f} s after A.register2.scan" in told


@pytest.mark.parametrize(("first", "taken_s"), [("s-2", "2.000"), ("s-1", "")])
def test_an_answer_belongs_to_its_question(first, taken_s):
    """After D1 a message of another settlement is no answer to it, however soon it comes."""
    bill = PurchaseInformation("s-1", AccountNumber(1, 1), "A", EUR_2_50, "relayed")
    events = [
        Sent(0, 0, "D1", "A.register", PHONE, "s-1", bill),
        Delivered(0, 0, "D1", "A.register", PHONE, "s-1"),
        said_by(PHONE, 500, PurchaseDeclined(first, "no")),
        said_by(PHONE, 2000, PurchaseDeclined("s-1", "no")),
    ]
    told = Budget(Thing(PHONE, RemotePhone.kind), 1.0).late(events)
    assert told.partition(" s after D1")[0].rpartition(" ")[2] == taken_s


@given(
    st.floats(0, 86_400, exclude_min=True),
    st.dictionaries(st.text("abc.", min_size=1), st.floats(0, 86_400, exclude_min=True)),
)
def test_a_header_keeps_what_a_replay_needs(patience_s, budgets_s):
    """Patience and budgets come back from a trace's header as the very numbers they were."""
    options = Options(patience_s=patience_s, latency_budgets_s=budgets_s)
    kept = options_of(header_for(SHOP_PURCHASE, "direct", options))
    assert (kept.patience_s, kept.latency_budgets_s) == (patience_s, budgets_s)


def said_by(who, at_ms, message):
    return Sent(at_ms * MS, 0, "says", who, "A.register", message.correlation, message)
