"""What several tests of real things ask for."""

import pytest
from msgspec.structs import replace
from nursery import Nursery

from paybench.devices import dispenser, entrance, gate_arm
from paybench.devices.fare_table import BUSINESSES
from paybench.scenarios.library import codes_at_gates, gates

MOMENT_S = 0.05


@pytest.fixture(scope="session")
def nursery():
    """Begins processes at once, see `Nursery`; its own begins when it is first asked for."""
    pytest.importorskip("bleak")
    pytest.importorskip("bumble")
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.fixture
def brisk(monkeypatch):
    """Gates, goods, people and trains are quick: with a real part every second is a real one.

    What is tested there is the real part's own doing, and none of it hangs on how long a gate
    stays open behind somebody.
    """
    for where, time in (
        (gate_arm, "MOVE_S"),
        (gate_arm, "PASS_S"),
        (entrance, "HOLDS_OPEN_S"),
        (dispenser, "DISCHARGE_S"),
        (gates, "RIDE_S"),
        (codes_at_gates, "RIDE_S"),
    ):
        monkeypatch.setattr(where, time, MOMENT_S)
    for name, business in BUSINESSES.items():
        monkeypatch.setitem(BUSINESSES, name, replace(business, holds_open_s=MOMENT_S))
