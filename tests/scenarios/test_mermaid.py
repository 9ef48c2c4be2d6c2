"""Traces as Mermaid diagrams."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from test_ladder import TEXTS, TRACES, VARIANTS, message, recorded

from paybench.devices.trace import Act, Displayed, Lost, Sent, Verdict
from paybench.scenarios.mermaid import escaped, mermaid

GOLDEN = Path(__file__).parent / "golden_ladder"
# The lines of Mermaid's grammar that we write. Their texts hold no ; but that of a code or <br/>.
TEXT = r"(?:[^\x00-\x1f#;<>:%{}]|#[0-9]+;|<br/>)+"
LINE = re.compile(
    rf"    (?:participant p[0-9]+ as {TEXT}"
    rf"|p[0-9]+(?:->>|--x|--\))p[0-9]+: {TEXT}"
    rf"|Note over p[0-9]+(?:,p[0-9]+)?: {TEXT})"
)


@pytest.mark.parametrize("variant", VARIANTS)
def test_writes_as_before(variant):
    """Each variant of Fig 3 gives the Mermaid source of its golden file."""
    expected = (GOLDEN / f"{variant}.mmd").read_text(encoding="utf-8")
    assert mermaid(recorded(variant)) == expected


def test_lost_message_ends_in_a_cross():
    """A lost message has Mermaid's crossed arrow, and a note that says why."""
    sent, _ = message("D4", {"payload": "x"}, "bank", "A")
    assert mermaid([sent, Lost(0, 0, "D4", "bank", "A", "", "out of range")]).splitlines()[3:] == [
        "    p2--xp1: D4 x",
        "    Note over p2: out of range",
    ]


def test_parts_have_no_lifeline():
    """What a scanner reads is a message of its register to itself, as in the ladder."""
    source = mermaid(recorded("relayed"))
    assert "scanner" not in source
    assert "p1->>p1: scan 4901234567894" in source


def test_notes():
    """Displays are notes line by line, people's acts too, and the verdict spans everybody."""
    events = [
        Act(0, "A", "pay", {}),
        Displayed(0, "B", ("PAID", "2.50")),
        Verdict(0, "failed", "late"),
    ]
    assert mermaid(events).splitlines()[3:] == [
        "    Note over p1: ▸ pay",
        "    Note over p2: [PAID]<br/>[2.50]",
        "    Note over p1,p2: failed#58; late",
    ]


def test_under_way_is_dotted():
    """A message that never arrived is a dotted open arrow."""
    assert "p1--)p2: T1" in mermaid([Sent(0, 0, "T1", "A", "B", "", None)])


@pytest.mark.parametrize("events", [[], [Verdict(0, "passed", "")]])
def test_nobody_takes_part(events):
    """A trace without participants is an empty diagram, which Mermaid accepts."""
    assert mermaid(events) == "sequenceDiagram\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2.50 EUR", "2.50 EUR"),
        ("a;b", "a#59;b"),
        ("#1", "#35;1"),
        ("<b>", "#60;b#62;"),
        ("wrap: x", "wrap#58; x"),
        ("%%{init}", "#37;#37;#123;init#125;"),
        ("日本", "日本"),
        ("a\nb", "a\N{REPLACEMENT CHARACTER}b"),
        ("", "#160;"),
    ],
)
def test_escapes(text, expected):
    """What means something to Mermaid becomes a character code; everything else stays legible."""
    assert escaped(text) == expected


@given(TRACES)
def test_every_line_is_of_the_grammar(events):
    """Whatever a trace holds, each line is one of the three kinds we write, closed and complete."""
    head, *lines = mermaid(events).splitlines()
    assert head == "sequenceDiagram"
    for line in lines:
        assert LINE.fullmatch(line), line


@given(TEXTS)
def test_a_text_stays_one_line(text):
    """No text breaks out of its line."""
    assert len(escaped(text).splitlines()) == 1


if __name__ == "__main__":
    for name in VARIANTS:
        (GOLDEN / f"{name}.mmd").write_text(mermaid(recorded(name)), encoding="utf-8")
