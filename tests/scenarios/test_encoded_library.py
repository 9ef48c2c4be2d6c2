"""Encoding changes nothing but what is in the air: every flow comes to the same end with it."""

import pytest

from paybench.devices.encoder import HANDSHAKE, Sealed
from paybench.devices.trace import Sent
from paybench.scenarios.discovery import in_library
from paybench.scenarios.rig import Rig

ALTERS_THE_AIR = {
    "emoney-request-altered": "alters a request, which cannot be altered under seal",
    "gate-no-account": "alters D21, which cannot be altered under seal",
    "gate-proof-altered": "alters D21, which cannot be altered under seal",
}
CASES = [
    pytest.param(scenario, variant, id=scenario.label(variant))
    for scenario in in_library()
    for variant in (scenario.variants or [""])
    if scenario.name not in ALTERS_THE_AIR and not scenario.name.startswith("encoded-")
]


@pytest.mark.parametrize(("scenario", "variant"), CASES)
def test_every_flow_comes_to_the_same_end_encoded(scenario, variant):
    """With all short-range links encoded a scenario passes, and nothing goes there in clear."""
    rig = Rig(settings=scenario.settings)
    rig.encodes()
    try:
        scenario(rig, variant)
        rig.finish()
        ends = {device.name for device in rig.devices if hasattr(device, "short_range")}
        between = [
            event.message
            for event in rig.world.trace.events
            if isinstance(event, Sent) and event.sender in ends and event.receiver in ends
        ]
        assert all(isinstance(message, (Sealed, *HANDSHAKE)) for message in between)
    finally:
        rig.close()


def test_the_exceptions_are_there():
    """No scenario is left out that does not exist any more."""
    assert {scenario.name for scenario in in_library()} >= set(ALTERS_THE_AIR)
