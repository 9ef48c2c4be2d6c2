"""The pages on vending machine, web shop and third parties keep their word."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    "page", ["tin_vending_machine.md", "web_shop.md", "authentication_apparatus.md"]
)
def test_examples_run(page):
    """A page's examples, one after the other, do what the page says they do."""
    names = {}
    for block in re.findall(
        r"^```python\n(.*?)^```", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL
    ):
        exec(block, names)  # noqa: S102 - our own page
    names["rig"].close()
