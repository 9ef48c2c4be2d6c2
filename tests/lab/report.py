"""A pytest plugin of the guest's: what each of the lab's tests shows, and what it saw."""

import json
from pathlib import Path

import pytest


def pytest_addoption(parser):
    parser.addoption("--lab-report", help="where to write a line of JSON for each test")


@pytest.fixture
def saw(record_property):
    """Tells the lab's table what a test has seen."""
    return lambda text: record_property("saw", text)


class Reporter:
    """Writes a line for each test as it ends."""

    def __init__(self, path):
        self._path = Path(path)
        self._says = {}

    def pytest_itemcollected(self, item):
        self._says[item.nodeid] = " ".join((item.obj.__doc__ or item.name).split())

    def pytest_runtest_logreport(self, report):
        if report.when != "call" and report.outcome == "passed":
            return
        line = {
            "test": report.nodeid,
            "shows": self._says[report.nodeid],
            "outcome": report.outcome,
            "saw": "; ".join(text for name, text in report.user_properties if name == "saw"),
            "took_s": round(report.duration, 1),
        }
        self._write(line)

    def pytest_sessionfinish(self, exitstatus):
        self._write({"end": int(exitstatus)})

    def _write(self, line):
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def pytest_configure(config):
    path = config.getoption("lab_report")
    if path:
        config.pluginmanager.register(Reporter(path))
