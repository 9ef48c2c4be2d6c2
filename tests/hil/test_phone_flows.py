"""A real phone in the other flows: at vending machines and gates, between phones, for tickets."""

import pytest
from processes import Customers

from paybench.scenarios.discovery import find
from paybench.scenarios.recording import write
from paybench.scenarios.replay import replay
from paybench.scenarios.run import Options, run

pytestmark = pytest.mark.usefixtures("brisk")


def played(scenario, variant, real, customers, path):
    """A scenario told with real phones, recorded, and replayed with nothing attached."""
    recorded = run(find(scenario)[0], variant, Options(real=real, operator=customers))
    assert (recorded.verdict, recorded.why) == ("passed", "")
    write(path / "run.jsonl", recorded.content)
    again = replay(path / "run.jsonl")
    assert again.diverged_at is None
    assert again.run.digest == recorded.digest


SCENARIOS = [
    ("vending-machine", "direct"),
    ("vending-machine", "managed"),
    ("vending-nothing-chosen", ""),
    ("vending-jam", "direct"),
    ("gate-ride", "railway"),
    ("gate-insufficient-balance", ""),
    ("between-customers-declined", "relayed"),
    ("ticket", "relayed"),
    ("ticket", "direct"),
]


@pytest.mark.parametrize(("scenario", "variant"), SCENARIOS)
def test_a_real_phone_in_each_flow(scenario, variant, tmp_path, nursery):
    """Figs 4, 5, 6 and 10 with the phone in another process, over TCP: recorded and replayed."""
    who = {"between-customers-declined": "B", "ticket": "B"}.get(scenario, "A")
    with nursery.twin("phone", "--listen", "127.0.0.1:0") as ((_, address), process):
        real = {f"{who}.phone": f"tcp:{address}"}
        played(scenario, variant, real, Customers(**{who: process}), tmp_path)


def test_a_vending_machine_sells_to_a_phone_over_bluetooth(tmp_path, nursery):
    """Fig 4 with the phone a Bluetooth peripheral in another process."""
    with (
        nursery.twin("ble_radio") as ((_, hci), _radio),
        nursery.twin("phone", "--ble-peripheral", hci, "--name", "A") as (_, process),
    ):
        real = {"phone": f"ble-central:A?hci={hci}"}
        played("vending-machine", "direct", real, Customers(A=process), tmp_path)


@pytest.mark.parametrize("variant", ["relayed", "direct"])
def test_one_phone_pays_another_over_bluetooth(variant, tmp_path, nursery):
    """Fig 6 with both phones in processes of their own, each reached over Bluetooth."""
    with (
        nursery.twin("ble_radio") as ((_, hci), _radio),
        nursery.twin("phone", "--ble-peripheral", hci, "--name", "A") as (_, mine),
        nursery.twin("phone", "--ble-peripheral", hci, "--name", "B") as (_, yours),
    ):
        real = {f"{name}.phone": f"ble-central:{name}?hci={hci}" for name in "AB"}
        customers = Customers(A=mine, B=yours)
        played("between-customers", variant, real, customers, tmp_path)
