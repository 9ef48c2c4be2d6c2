"""The documentation's examples run."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [
    *("bank.md", "approval.md", "storage.md", "emoney.md"),
    *("servers.md", "holding.md", "committer.md", "authentication.md"),
]


@pytest.mark.parametrize("page", PAGES)
def test_examples_run(page, tmp_path, monkeypatch):
    """A page's examples, one after the other, do what the page says they do."""
    monkeypatch.chdir(tmp_path)
    text = (DOCS / page).read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert blocks
    names = {}
    for block in blocks:
        exec(block, names)  # noqa: S102 - our own page
    if "bank" in names:
        names["bank"].close()
