"""What pytest has to know of before it reads its command line, and how long trials are."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from rounds import FACTOR, FIGURES, rounds

pytest_plugins = ["pytester"]

# In CI the same examples every time: a red run is red again. A soak looks for new ones.
settings.register_profile("ci", deadline=None, derandomize=FACTOR == 1, max_examples=rounds(100))
settings.load_profile("ci")


def pytest_report_header():
    """Say how long the trials are."""
    kind = "soak" if FACTOR > 1 else "few; make soak runs 100 times as many"
    return f"rounds: {kind} (property tests without a number of their own: {rounds(100)})"


def pytest_sessionfinish(session):
    """A worker of pytest-xdist hands over what it has counted."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["figures"] = FIGURES


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Take over what a worker has counted; one that has crashed hands nothing over."""
    FIGURES.extend(getattr(node, "workeroutput", {}).get("figures", []))


def pytest_terminal_summary(terminalreporter):
    """Say what the long trials have counted."""
    if FIGURES:
        terminalreporter.section("long trials")
        terminalreporter.write_line("\n".join(FIGURES))


@pytest.fixture(scope="session")
def _left_behind(tmp_path_factory):
    """Tests and the processes they start have a folder for temporary files that ends up empty.

    Gives what is in it after each file of tests, and the file that left it there.
    """
    tmp_path_factory.getbasetemp()  # pytest's own stays where it is, and keeps what failed
    folder = Path(tempfile.mkdtemp(prefix="paybench-tests-"))
    folder.chmod(0o711)  # root's PostgreSQL servers are somebody else's processes
    left = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", str(folder))
        yield left
    still = {path.name: left.get(path.name, "a fixture") for path in folder.iterdir()}
    shutil.rmtree(folder)
    assert not still, "left behind in the folder for temporary files, and by which tests"


@pytest.fixture(scope="module", autouse=True)
def _leaves_nothing_behind(request, _left_behind):
    """Whoever leaves something among the temporary files can be told."""
    yield
    for path in Path(tempfile.gettempdir()).iterdir():
        _left_behind.setdefault(path.name, request.module.__name__)
