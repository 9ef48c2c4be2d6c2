"""The README keeps its word."""

import re
from pathlib import Path

from paybench.scenarios import Rig

ROOT = Path(__file__).parents[1]


def test_the_readmes_scenario_runs():
    """The first thing a newcomer reads is a scenario that passes, in both variants."""
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    names = {}
    exec(code, names)  # noqa: S102 - our own README
    for variant in ("relayed", "direct"):
        rig = Rig()
        names["shop_purchase"](rig, variant)
        rig.finish()
        rig.close()


def test_every_page_the_readme_names_is_there():
    """Links between the pages of the repository lead somewhere."""
    pages = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_a_docs_page_has_the_name_of_its_module():
    """Whoever looks at a page knows the file, and the other way round."""
    modules = {file.stem for room in ("bank", "devices", "hil", "scenarios")
               for file in (ROOT / room).rglob("*.py")}  # fmt: skip
    packages = {folder.name for folder in ROOT.glob("*/paybench/*/*") if folder.is_dir()}
    for page in (ROOT / "docs").glob("*.md"):
        name = page.stem.removesuffix("-protocol")  # the page of a package that is a protocol
        # Pages made by test_flows.py and test_matrix.py; the lab is tests/lab.
        assert name in modules | packages | {"flows", "lab", "matrix"}, page
