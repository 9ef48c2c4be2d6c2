"""Who waited at the bank's servers: as a table, after a rush and from a trace."""

import json
import subprocess
import sys

import pytest

PAYBENCH = [sys.executable, "-m", "paybench"]


def paybench(*arguments):
    done = subprocess.run([*PAYBENCH, *map(str, arguments)], capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def rush(tmp_path_factory):
    """A rush's own document, and its trace."""
    trace = tmp_path_factory.mktemp("rush") / "rush.jsonl"
    said = paybench(
        "run", "rush-for-one-payee", "--set", "registers=12", "--json", "--trace", trace
    )
    return json.loads(said), trace


def test_a_rush_is_counted_by_server(rush):
    """Each rush has a table: all settlements pass 200 and 400, and each one database server."""
    tables = rush[0]["figures"]
    assert list(tables) == ["rush 1", "rush 2"]
    for rows in tables.values():
        settled = {row["server"]: row["settlements"] for row in rows}
        assert settled.pop("200") == settled.pop("400") == sum(settled.values()) == 36
        assert sum(row["deposits land"] for row in rows) == 36
    main, auxiliary = ({row["server"]: row["deposits land"] for row in rows}
                       for rows in tables.values())  # fmt: skip
    assert sorted(main.values())[:-1] == [0] * 5, "all land with the payee"
    assert sum(count > 0 for count in auxiliary.values()) > 1, "each lands with its payer"


def test_a_trace_tells_the_same(rush):
    """`show --servers` counts what the runs counted, all rushes together."""
    rows = json.loads(paybench("show", rush[1], "--servers", "--as", "json"))
    assert {row["server"]: row["settlements"] for row in rows}["400"] == 72
    table = paybench("show", rush[1], "--servers")
    assert table.splitlines()[1].split()[:2] == ["server", "settlements"]
    assert "300a" in table
