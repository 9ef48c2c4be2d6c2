"""Readers of each profile in whole runs: the scenario here, the scanner in another process."""

import pytest
from test_serial_driver import CODES, SHOP_PURCHASE, scanner_process, with_scanner

from paybench.scenarios.recording import write
from paybench.scenarios.replay import replay
from paybench.scenarios.run import run


@pytest.mark.parametrize(
    ("query", "flags"),
    [
        ("profile=zebra-ssi", ["--profile", "zebra-ssi", "--spoil", "1"]),
        ("profile=honeywell&ack=host-ack", ["--profile", "honeywell", "--ack", "host-ack"]),
        ("ack=ack-nak&aim=yes", ["--ack", "ack-nak", "--aim", "yes", "--spoil", "1"]),
        ("suffix=NONE&gap=0.02", ["--suffix", "NONE"]),
    ],
)
def test_a_reader_of_each_profile_takes_the_scanners_place(query, flags, tmp_path):
    """The scenario passes with packets, handshakes and silences, and its recording replays."""
    with scanner_process("--decode", CODES / "ean13_plain.png", *flags) as (port, process):
        recorded = run(SHOP_PURCHASE, "direct", with_scanner(port, process.pull, f"?{query}"))
    assert (recorded.verdict, recorded.why) == ("passed", "")
    file = tmp_path / "recording.jsonl"
    write(file, recorded.content)
    again = replay(file)
    assert again.diverged_at is None
    assert again.run.digest == recorded.digest
