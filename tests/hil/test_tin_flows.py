"""Transaction numbers with real parts: read by cameras and readers, and by radio both ways."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from code_bench import Bench, played, scans

from paybench.bank.secret import MASK
from paybench.devices.tin_code import read_tin
from paybench.devices.trace import Decision, Injected, Sent
from paybench.scenarios.library.tin_authentication import PASSWORD

pytestmark = pytest.mark.usefixtures("brisk")

COFFEE = Path(__file__).parents[1] / "data" / "codes" / "ean13_plain.png"


@pytest.fixture
def bench(tmp_path, monkeypatch, nursery):
    with ExitStack() as processes:
        yield Bench(tmp_path, monkeypatch, processes, nursery.twin)


def steps(recorded, *senders):
    """What these devices have said, by step."""
    sent = [event for event in recorded.trace if isinstance(event, Sent)]
    return [event.step for event in sent if event.sender in senders]


@pytest.mark.parametrize(
    ("scenario", "variant", "display", "owner", "camera"),
    [
        ("tin-at-shop", "camera", "A.billing", "B", "folder_camera"),
        ("tin-vending", "camera", "V.tin-machine", "A", "camera"),
        ("tin-vending-not-authenticated", "password", "V.tin-machine", "A", "folder_camera"),
        ("tin-web-over-available", "", "B.computer", "B", "camera"),
    ],
)
def test_a_phones_camera_reads_the_number(
    scenario, variant, display, owner, camera, bench, tmp_path
):
    """Claims 29, 37 and 39: T3 is what a real camera reads from a terminal, a machine, a page."""
    if camera == "camera":
        pytest.importorskip("cv2")
    bench.display(display, line=2)
    bench.reader(camera, f"{owner}.phone.scanner")
    recorded = played(bench, scenario, variant, tmp_path / "run.jsonl")
    read = scans(recorded)[0]
    [presented] = [e.message.body for e in recorded.trace if isinstance(e, Sent) and e.step == "T3"]
    assert read_tin(read.message.payload) == presented.tin


@pytest.mark.parametrize("reader", ["serial", "wedge", "folder_camera"])
def test_a_terminals_reader_reads_the_phones_number(reader, bench, tmp_path):
    """Claims 50 to 52: the number on the phone's display, read on a tty, as keys, and by camera."""
    bench.display("B.phone", line=1)
    bench.reader(reader, "A.billing.scanner")
    recorded = played(bench, "tin-shown-by-phone", "code", tmp_path / "run.jsonl")
    [read] = scans(recorded)
    [issued] = [e.message.body for e in recorded.trace if isinstance(e, Sent) and e.step == "T2"]
    assert read_tin(read.message.payload) == issued.tin


@pytest.mark.parametrize(
    ("scenario", "variant", "reader", "refusal"),
    [
        ("tin-code-not-read", "another code", "serial", "no number"),
        ("tin-shown-number-refused", "used", "folder_camera", "refused: used"),
        ("tin-shown-terminal-refused", "", "wedge", "refused: unregistered-terminal"),
    ],
)
def test_what_a_terminals_reader_reads_is_refused(
    scenario, variant, reader, refusal, bench, tmp_path
):
    """The coffee's own code, a number that was used, and a terminal nobody knows: all are told."""
    bench.display("B.phone", line=1)
    bench.article(COFFEE)
    scanner = "A.billing2.scanner" if variant == "used" else "A.billing.scanner"
    bench.reader(reader, scanner)
    recorded = played(bench, scenario, variant, tmp_path / "run.jsonl")
    assert refusal in [e.decision for e in recorded.trace if isinstance(e, Decision)]
    assert len(scans(recorded)) == 1


@pytest.mark.parametrize("by", ["tcp", "ble-central", "ble-peripheral"])
@pytest.mark.parametrize(
    ("scenario", "handed_over"),
    [("tin-at-shop", "offered"), ("tin-shown-by-phone", "handed")],
)
def test_a_real_phone_pays_by_a_number(scenario, handed_over, by, bench, tmp_path):
    """Claims 30 and 50: the number comes over the short-range link, or goes; the phone pays."""
    bench.phone("B", by)
    recorded = played(bench, scenario, "short-range", tmp_path / "run.jsonl")
    assert steps(recorded, "A.billing", "B.phone") == ["T1", handed_over, "T3", "T5", "T7"]


def test_a_real_phone_reads_with_its_own_camera(bench, tmp_path):
    """Claim 29: the phone is real as a whole, and what it reads is the terminal's picture."""
    bench.display("A.billing", line=2)
    bench.phone("B")
    recorded = played(bench, "tin-at-shop", "camera", tmp_path / "run.jsonl")
    assert steps(recorded, "B.phone") == ["T3", "T7"]


@pytest.mark.parametrize(
    ("scenario", "variant", "said"),
    [
        ("tin-number-refused", "mistyped", ["T3"]),
        ("tin-customer-declines", "at the amount", ["T3", "decline"]),
        ("tin-over-available", "balance", ["T3"]),
        ("tin-shown-not-paid", "withdrawn", ["T1"]),
        ("tin-shown-caller-refused", "unregistered", ["T1"]),
    ],
)
def test_refusals_with_a_real_phone(scenario, variant, said, bench, tmp_path):
    """A number typed wrongly, a customer who says no, a shop that gives up: the phone is told."""
    bench.phone("B")
    recorded = played(bench, scenario, variant, tmp_path / "run.jsonl")
    assert steps(recorded, "B.phone") == said


def test_a_password_from_a_real_phone_is_dots(bench, tmp_path):
    """Claim 16: the answer goes over the wire, counts, and shows as dots in all that is told."""
    bench.phone("B", answer=PASSWORD)
    recorded = played(bench, "tin-authenticated", "password", tmp_path / "run.jsonl")
    answers = [e for e in recorded.trace if isinstance(e, Sent) and e.sender == "B.phone"]
    assert [e.step for e in answers] == ["T3", "auth", "T7"]
    assert repr(answers[1].message.body.answer) == MASK
    told = [repr(event) for event in recorded.trace if not isinstance(event, Injected)]
    assert PASSWORD not in "".join(told)
