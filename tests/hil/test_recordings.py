"""Recordings made once with something real, replayed with nothing attached, ever after."""

from pathlib import Path

import pytest

from paybench.devices.trace import Injected
from paybench.scenarios.discovery import find
from paybench.scenarios.recording import read
from paybench.scenarios.replay import replay

FOLDER = Path(__file__).parents[1] / "recordings"
FILES = sorted(FOLDER.glob("*.jsonl"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_recording_replays_byte_for_byte(file):
    """What came in from the real thing then makes the same run now, to the last byte."""
    again = replay(file)
    where = "\n".join(again.around(again.recorded) + again.around(again.replayed))
    assert again.diverged_at is None, where
    assert again.run.verdict == "passed"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_recording_depends_on_every_byte_that_came_in(file, tmp_path):
    """Leave out what came in, and the replay parts from the recording: it does not just nod."""
    header, events, lines = read(file)
    assert header.bench
    inputs = [at for at, event in enumerate(events) if isinstance(event, Injected) and event.data]
    last = inputs[-1] + 1  # the header is the first line
    shorter = tmp_path / "shorter.jsonl"
    shorter.write_bytes(b"\n".join([*lines[:last], *lines[last + 1 :], b""]))
    assert replay(shorter).diverged_at is not None


def test_there_are_recordings_of_each_kind():
    """Readers, cameras, displays, phones on a socket and the radio: in all flows they are for."""
    headers = [read(file)[0] for file in FILES]
    specs = {spec.partition(":")[0] for header in headers for spec in header.bench.values()}
    assert {"serial", "camera", "qr-display", "tcp", "ble-central"} <= specs
    figures = {find(header.scenario)[0].figure for header in headers}
    assert {"3", "4", "5", "6", "10", "TIN 1", "TIN 2", "TIN 47"} <= figures
