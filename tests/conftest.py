"""What pytest has to know of before it reads its command line, and how long trials are."""

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


def pytest_terminal_summary(terminalreporter):
    """Say what the long trials have counted."""
    if FIGURES:
        terminalreporter.section("long trials")
        terminalreporter.write_line("\n".join(FIGURES))
