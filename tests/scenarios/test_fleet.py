"""Fleets: a town's day is the same for a seed, its money adds up, and its figures are right."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rounds import rounds

from paybench.bank import Money
from paybench.devices.choices import Choices
from paybench.devices.trace import Decision
from paybench.scenarios import Rig
from paybench.scenarios.discovery import find
from paybench.scenarios.errors import ConservationBroken, UsageError
from paybench.scenarios.fleet.behaviour import Behaviour, Range
from paybench.scenarios.fleet.curve import Curve, Demand, clock_s
from paybench.scenarios.fleet.tally import JOINS, REFUSED, SERVED, Tally, percentiles_s
from paybench.scenarios.recording import Tape, read
from paybench.scenarios.replay import replay
from paybench.scenarios.run import Options, run

NS_PER_S = 10**9
HARSH = Behaviour(
    poor_ppm=200_000,
    cautious_ppm=200_000,
    wrong_password_ppm=150_000,
    wrong_again_ppm=500_000,
    declines_ppm=80_000,
    ignores_ppm=20_000,
    undecided_ppm=100_000,
    drink_ppm=500_000,
    jam_ppm=800_000,
    stuck_ppm=400_000,
    outage_ppm=1_000_000,
    outage=Range(5, 500),
    patience=3,
)


def town(seed=0, behaviour=HARSH, **sizes):
    """A town that has lived its day."""
    rig = Rig(seed=seed)
    sizes = {"shops": 2, "registers": 3, "machines": 4, "gates": 8, "customers": 150} | sizes
    fleet = rig.populate(behaviour=behaviour, **sizes)
    fleet.lives()
    rig.finish()
    return fleet


@pytest.fixture(scope="module", params=range(rounds(1)))
def harsh(request):
    return town(seed=request.param, loss_ppm=5_000)


def paybench(*arguments, code=0, **environment):
    done = subprocess.run(
        [sys.executable, "-m", "paybench", "run", "commuter-day", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def balance_minor(fleet, accounts):
    return sum(fleet.rig.bank.balance(account).amount_minor for account in accounts)


def test_a_seed_is_a_day():
    """Two processes with other hash seeds live the same day, byte by byte; another seed another."""
    few = ["--json", "--set", "customers=40"]
    one, same, other = (
        json.loads(paybench(*few, "--seed", seed, PYTHONHASHSEED=hashing).stdout)
        for seed, hashing in (("5", "1"), ("5", "2"), ("6", "1"))
    )
    assert one == same
    assert one["digest"] != other["digest"]
    assert {row["where"] for row in one["figures"]["flows"] if row["served"]} >= {
        "gate in", "gate out", "register", "machine",
    }  # fmt: skip
    assert {row["what"]: row["amount"] for row in one["figures"]["money"]}[
        "sum over all accounts"
    ] == "0.00"


def test_money_is_conserved(harsh):
    """What customers had, with what they paid in, is with them and with those they paid."""
    bank = harsh.rig.bank
    assert bank.total().amount_minor == bank.in_transit().amount_minor == 0
    customers = balance_minor(harsh, [person.account for person in harsh.people])
    sellers = balance_minor(harsh, [seller.account for seller in harsh.town.sellers])
    assert sellers > 0
    assert customers + sellers == harsh.issued.amount_minor + harsh.paid_in.amount_minor


def test_nothing_is_free(harsh):
    """Each seller got the price of what it gave: fallen articles, handed-over sales, passages."""
    fallen = sum(
        column.fallen * column.price.amount_minor
        for machine in harsh.town.machines
        for column in machine.dispenser.columns.values()
    )
    assert balance_minor(harsh, [owner.account for owner in harsh.town.companies]) == fallen > 0
    ids = Counter(
        event.correlation
        for event in harsh.rig.world.trace
        if isinstance(event, Decision) and event.decision == "article handed over"
    )
    assert set(ids.values()) == {1}
    sold = sum(harsh.rig.bank.inquire(number).amount.amount_minor for number in ids)
    assert balance_minor(harsh, [shop.account for shop in harsh.town.shops]) == sold > 0


def test_money_that_comes_from_elsewhere_is_noticed():
    """A shop that has more than it sold for ends the day as a failure."""
    rig = Rig()
    fleet = rig.populate(shops=1, customers=5)
    rig.bank.fund(fleet.town.shops[0].account, Money(1, "EUR"), "found in the street")
    with pytest.raises(ConservationBroken, match=r"their sellers got \d+\.\d\d EUR"):
        fleet.lives()


def test_nobody_is_inside_who_got_out(harsh):
    """The lines take for inside only people who went in by a gate and out by none."""
    harsh.expects_nobody_inside_who_got_out()
    inside = {account for track in harsh.town.tracks for account in track.line.admissions.inside()}
    assert inside <= {str(person.account) for person in harsh.people if person.inside}
    passed = [gate for gate in harsh.town.gates if gate.arm.passed]
    assert {gate.way for gate in passed} == {"in", "out"}
    went_in = sum(gate.arm.passed for gate in passed if gate.way == "in")
    went_out = sum(gate.arm.passed for gate in passed if gate.way == "out")
    assert went_in - went_out == sum(person.inside for person in harsh.people)
    assert harsh.tally.served["gate in"] == went_in
    assert harsh.tally.served["gate out"] == went_out


REFUSALS = [
    ("gate in", "The gate is stuck: go to another one."),
    ("gate out", "The payer's balance is too low."),
    ("gate out", "the customer declined"),
    ("register", "The payer's balance is too low."),
    ("register", "the customer declined"),
    ("register", "the customer's phone did not answer"),
    ("machine", "The customer chose nothing."),
    ("machine", "The item is stuck."),
    ("machine", "The payer's balance is too low."),
    ("friend", "the customer declined"),
]


def test_every_kind_of_refusal_occurs():
    """In a few harsh towns, each kind of place refuses for each of its reasons, and some go by."""
    seen = Counter()
    for seed in range(3):
        tally = town(seed=seed).tally
        seen.update(tally.refused)
        seen.update({kind: count for (kind, _), count in tally.without.items()})
    assert [refusal for refusal in REFUSALS if not seen[refusal]] == []
    assert seen["register"]


def test_a_machine_sells_out():
    """A machine sells what is in it and no more; who comes later is refused, or chooses nothing."""
    thirsty = Behaviour(commutes_ppm=0, drink_ppm=1_000_000, careless_ppm=1_000_000, patience=99)
    fleet = town(behaviour=thirsty, shops=0, registers=0, machines=1, gates=0, customers=90)
    columns = fleet.town.machines[0].dispenser.columns.values()
    assert 0 in {column.stock for column in columns}
    assert fleet.tally.refused["machine", "The item is sold out."] > 0
    assert fleet.tally.served["machine"] == sum(column.fallen for column in columns)


def test_a_crowd_waits():
    """All at one gate at once: each waits for those before; one by one, nobody does."""
    at_once = Demand(leaves_home=Curve("07:00", 1, (1,)), leaves_work=Curve("17:00", 1, (1,)))
    nobody_errs = Behaviour(
        commutes_ppm=1_000_000, drink_ppm=0, coffee_ppm=0, lunch_ppm=0, shopping_ppm=0, poor_ppm=0,
        cautious_ppm=0, stuck_ppm=0, outage_ppm=0, walk=Range(1, 1),
    )  # fmt: skip
    crowd = Rig(seed=1)
    fleet = crowd.populate(gates=4, customers=60, demand=at_once, behaviour=nobody_errs)
    fleet.lives()
    waits_s = percentiles_s(fleet.tally.waits_ns["gate in"], 0, 50, 100)
    alone_s = waits_s[0]
    in_line = max(Counter(person.home.station for person in fleet.people).values())
    assert waits_s[2] == pytest.approx(in_line * alone_s, rel=0.02)
    assert waits_s[1] > 10 * alone_s

    quiet = town(behaviour=nobody_errs, shops=0, registers=0, machines=0, gates=400, customers=20)
    assert max(quiet.tally.waits_ns["gate in"]) < 1.1 * alone_s * NS_PER_S


def test_a_trace_that_flows_is_the_same_file(tmp_path):
    """Written while it runs, and kept only in part, a trace has the bytes and digest of a whole."""
    scenario, few = find("commuter-day")[0], {"customers": 25}
    whole = run(scenario, "", Options(seed=3, settings=few))
    path = tmp_path / "day.jsonl"
    with Tape(path, keep=200) as tape:
        flowing = run(scenario, "", Options(seed=3, settings=few, tape=tape))
        tape.end(flowing.trace, flowing.header)
    assert flowing.trace.gone > 0
    assert len(flowing.trace.events) < len(whole.trace.events) == len(flowing.trace)
    assert path.read_bytes() == whole.content
    assert flowing.digest == whole.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert flowing.figures == whole.figures
    assert list(tmp_path.iterdir()) == [path]


def test_settings_are_recorded_and_replayed(tmp_path):
    """A setting from the command line is in the recording, and its replay is the same bytes."""
    path = tmp_path / "day.jsonl"
    paybench("--set", "customers=12", "--set", "loss_ppm=50000", "--trace", str(path))
    assert read(path)[0].options == {"set.customers": "12", "set.loss_ppm": "50000"}
    assert replay(path).diverged_at is None


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("custmers=5", "commuter-day has no setting 'custmers'; did you mean 'customers'?"),
        ("customers", "'customers' is no setting"),
        ("customers=-5", "is no setting"),
        ("gates=3", "a line needs 4 gates or more, not 3"),
        ("shops=0", "5 registers need a shop to stand in"),
        ("loss_ppm=1000001", "loss is 0 to 1000000 ppm"),
    ],
)
def test_a_setting_that_is_none_is_wrong_usage(setting, said):
    """What a town cannot be is refused with exit code 2, in words that help."""
    assert said in paybench("--set", setting, code=2).stderr


def test_one_town_is_enough():
    """A rig is populated once."""
    rig = Rig()
    rig.populate(shops=1)
    with pytest.raises(UsageError, match="populated already"):
        rig.populate(shops=1)


@given(
    st.integers(0, 2**32),
    st.lists(st.integers(0, 50), min_size=1, max_size=12).filter(any),
    st.integers(1, 7200),
)
def test_a_curve_is_followed(seed, weights, step_s):
    """A moment lies in one of the curve's steps, and never in one that nobody comes in."""
    curve = Curve("06:30", step_s, tuple(weights))
    stream = Choices(seed).stream("a town", "curve")
    for _ in range(20):
        step = (curve.moment_ns(stream) - clock_s("06:30") * NS_PER_S) // (step_s * NS_PER_S)
        assert weights[step] > 0


def test_a_curve_has_peaks():
    """Steps are picked in proportion to their weights."""
    curve = Curve("00:00", 60, (1, 8, 1))
    stream = Choices(0).stream("a town", "curve")
    steps = Counter(curve.moment_ns(stream) // (60 * NS_PER_S) for _ in range(2000))
    assert steps[1] == pytest.approx(1600, rel=0.05)
    assert steps[0] == pytest.approx(200, rel=0.3)


def test_a_tally_tells_by_kind_and_reason():
    """Flows are counted where they were, with how long they took; strangers are not."""
    tally = Tally({"R1.gate": "gate in"})
    tally.feed(
        [
            Decision(1 * NS_PER_S, "C1", JOINS, "R1.gate", ""),
            Decision(2 * NS_PER_S, "C2", JOINS, "C3.phone", ""),
            Decision(5 * NS_PER_S, "C1", SERVED, "", "1"),
            Decision(3601 * NS_PER_S, "C2", REFUSED, "no", "2"),
            Decision(3602 * NS_PER_S, "C2", REFUSED, "never joined", ""),
        ]
    )
    assert tally.served == {"gate in": 1}
    assert tally.refused == {("friend", "no"): 1}
    assert {kind: list(waits) for kind, waits in tally.waits_ns.items()} == {
        "gate in": [4 * NS_PER_S],
        "friend": [3599 * NS_PER_S],
    }
    assert tally.hours == {("gate in", 0): 1, ("friend", 1): 1}
    assert tally.flows == 2


def test_percentiles_are_times_that_were():
    """The nearest rank: a time that occurred, which that many percent do not exceed."""
    times_ns = [second * NS_PER_S for second in range(100, 0, -1)]
    assert percentiles_s(times_ns, 0, 50, 95, 99, 100) == [1, 50, 95, 99, 100]
    assert percentiles_s([7 * NS_PER_S], 50) == [7]
