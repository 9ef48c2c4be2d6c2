"""The pages on terminals and phones that pay by number are true."""

import re
from pathlib import Path

import pytest

from paybench.devices.billing_terminal import BillingTerminal
from paybench.devices.payer_app import PayerApp
from paybench.devices.tin_code import tin_code

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ["billing_terminal", "payer_app", "settlement_apparatus", "tin_code"]


def text(page):
    return (DOCS / f"{page}.md").read_text()


@pytest.mark.parametrize("page", PAGES)
def test_examples_run(page):
    """Each page's example does what the page says it does."""
    (example,) = re.findall(r"^```python\n(.*?)^```", text(page), re.MULTILINE | re.DOTALL)
    exec(example, {})  # noqa: S102 - our own page


@pytest.mark.parametrize(
    ("page", "kind"), [("billing_terminal", BillingTerminal), ("payer_app", PayerApp)]
)
def test_every_verb_is_on_the_page(page, kind):
    """Whatever people can do at a terminal, or with the app, has a row."""
    inherited = {"lose_power", "regain_power"}
    verbs = {name for name, value in vars(kind).items() if hasattr(value, "is_verb")} - inherited
    assert verbs
    assert {verb for verb in verbs if f"`{verb}(" not in text(page)} == set()


@pytest.mark.parametrize("digits", [4, 9, 13])
def test_the_sizes_of_codes_are_those_on_the_page(digits):
    """Bytes and characters of the shortest, the usual and the longest number."""
    row = next(line for line in text("tin_code").splitlines() if line.startswith(f"| {digits}"))
    code = tin_code("9" * digits)
    sizes = [str(len(code.body)), str(len(code.text))]
    assert [cell.strip() for cell in row.split("|")[2:4]] == sizes
