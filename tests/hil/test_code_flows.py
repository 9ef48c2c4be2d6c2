"""Codes in the flows of Figs 5 and 10, read by real readers from what a phone's display shows.

The phone's display is a picture on which the driver shows a real QR code; a reader in another
process looks at that picture: on a tty, as a keyboard, or as a camera.
"""

from contextlib import ExitStack

import pytest
from code_bench import Bench, played, scans

from paybench.devices.plain_profile import PlainCode

pytestmark = pytest.mark.usefixtures("brisk")


@pytest.fixture
def bench(tmp_path, monkeypatch, nursery):
    with ExitStack() as processes:
        yield Bench(tmp_path, monkeypatch, processes, nursery.twin)


def test_a_ride_by_code(bench, tmp_path):
    """Fig 5: D21 and D31 read from a phone's display, by a reader on a tty and by a camera."""
    pytest.importorskip("cv2")
    bench.display("A.phone")
    bench.reader("serial", "R.gate.scanner")
    bench.reader("camera", "R.gate2.scanner")
    read = scans(played(bench, "gate-code", "in and out", tmp_path / "run.jsonl"))
    assert [sent.step for sent in read] == ["D21", "D31"]
    assert [PlainCode.parse(sent.message.payload).kind for sent in read] == ["ENTRY", "ADMIT"]


@pytest.mark.parametrize(
    ("scenario", "variant", "reader"),
    [
        ("gate-code-of-something-else", "other line", "serial"),
        ("gate-code-altered", "sign", "folder_camera"),
        ("gate-code-altered", "account", "wedge"),
    ],
)
def test_a_gate_that_refuses_a_code(scenario, variant, reader, bench, tmp_path):
    """Fig 5: another line's code and altered ones are read by real readers, and refused."""
    bench.display("A.phone")
    bench.reader(reader, "R.gate.scanner")
    [read] = scans(played(bench, scenario, variant, tmp_path / "run.jsonl"))
    assert read.step == "D21"


@pytest.mark.parametrize(
    ("is_real", "readers"),
    [(True, ("serial", "folder_camera")), (False, ("folder_camera", "wedge"))],
    ids=["real phone, serial and camera", "camera and wedge"],
)
def test_a_ticket_and_its_copy(is_real, readers, bench, tmp_path):
    """Fig 10: a ticket is read from a phone's display, and its copy from another's is refused."""
    if is_real:
        bench.phone("B")
    for phone, reader, scanner in zip("BC", readers, ("entrance", "entrance2"), strict=True):
        bench.display(f"{phone}.phone")
        bench.reader(reader, f"T.{scanner}.scanner")
    variant = "another entrance"
    run = played(bench, "ticket-code-used-twice", variant, tmp_path / "run.jsonl")
    first, second = scans(run)
    assert first.step == second.step == "ticket"
    assert PlainCode.parse(first.message.payload).kind == "TICKET"
    assert first.message.payload == second.message.payload
