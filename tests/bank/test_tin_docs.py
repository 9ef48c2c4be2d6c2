"""The pages on transaction numbers are true."""

import re
from pathlib import Path

import pytest

from paybench.bank.tin import (
    AUTHENTICATION,
    SETTLEMENT,
    FromBilling,
    FromPaying,
    Limits,
    Refusal,
    ToBilling,
    ToPaying,
    guess_chance,
)

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "tin.md").read_text()
DECISION = (DOCS / "decisions" / "transaction-numbers.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_examples_run():
    """The page's examples, one after the other, do what the page says they do."""
    names = {}
    for block in blocks("python"):
        exec(block, names)  # noqa: S102 - our own page
    assert names["result"].body.passed


def test_draws_the_machines():
    """The page's diagrams are the tables that the apparatuses work by."""
    drawn = [block.rstrip("\n") for block in blocks("mermaid")]
    assert drawn == [SETTLEMENT.mermaid(), AUTHENTICATION.mermaid()]


def test_explains_every_refusal_and_every_message():
    """Each reason is in the page's table, and no other; each message has a step."""
    table = PAGE[PAGE.index("## Refusals") : PAGE.index("## Limits")]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([a-z-]+)`", row)}
    assert named == {refusal.value for refusal in Refusal}
    for kind in (FromBilling | FromPaying | ToBilling | ToPaying).__args__:
        assert f"`{kind.__name__}`" in PAGE


@pytest.mark.parametrize("refusal", Refusal)
def test_explains_every_refusal_to_people(refusal):
    """Each has one sentence without figures, and a kebab-case value to send."""
    assert refusal.sentence.endswith(".")
    assert refusal.value == refusal.name.lower().replace("_", "-")


def test_gives_the_default_limits():
    """The page's table of limits has each of them, with its default."""
    table = PAGE[PAGE.index("## Limits") : PAGE.index("## What a guess")].replace(",", "")
    for name, default in zip(Limits.__struct_fields__, Limits.__struct_defaults__, strict=True):
        (row,) = [line for line in table.splitlines() if f"`{name}`" in line]
        assert str(default) in row


def test_says_what_a_guess_is_worth():
    """The decision's table of chances is what `guess_chance` says."""
    rows = re.findall(r"^\| ([\d,]+) \|(.*)\|$", DECISION, re.MULTILINE)
    assert len(rows) == 4
    for live, cells in rows:
        said = [cell.strip() for cell in cells.split("|")]
        chances = [guess_chance(int(live.replace(",", "")), 5, digits) for digits in range(6, 10)]
        assert said == [f"{chance:.1e}" for chance in chances]
