"""The table of steps: docs/flows.md, made from what the library's scenarios do.

`python tests/scenarios/test_flows.py` writes the page anew.
"""

import inspect
import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from paybench.devices.trace import Decision, Sent
from paybench.scenarios.discovery import in_library
from paybench.scenarios.rig import Rig

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "flows.md"


class Step(NamedTuple):
    """A step of the source text: its name, where it stands, and what it is."""

    name: str
    paragraph: str
    what: str


STEPS = [
    Step("S101", "[0035]", "log in"),
    Step("S102", "[0035]", "operate"),
    Step("S103", "[0035]", "terminal to bank: settling information"),
    Step("S104", "[0036]", "bank receives it"),
    Step("S105", "[0036]", "bank executes the settlement"),
    Step("S106", "[0037]", "both data files updated"),
    Step("S107", "[0039]", "own balance and history"),
    Step("S108", "[0040]", "has the money arrived; what became of a settlement"),
    Step("D1", "[0046]", "register to phone: purchase information"),
    Step("D2", "[0048]", "phone to register: authenticated purchase information"),
    Step("D3", "[0048]", "register to bank: settling information"),
    Step("D4", "[0049]", "bank to register: settled result"),
    Step("D5", "[0055]", "phone to bank: settling information"),
    Step("D6", "[0054]", "bank to phone: settled result"),
    Step("D11", "[0058]", "machine to phone: prompt with the items"),
    Step("D12", "[0058]", "phone to machine: item number"),
    Step("D13", "[0059]", "machine to bank: settling information"),
    Step("D14", "[0060]", "bank to machine: settled result"),
    Step("D21", "[0065]", "phone to gate: authentication information"),
    Step("D22", "[0065]", "gate to bank: is that an account holder"),
    Step("D23", "[0065]", "bank to gate: authenticated"),
    Step("D24", "[0065]", "gate to phone: admission information"),
    Step("D31", "[0067]", "phone to gate: admission information"),
    Step("D32", "[0068]", "gate to bank: settling information"),
    Step("D33", "[0069]", "bank to gate: settled result"),
    Step("D41", "[0074]", "phone to phone: bill information"),
    Step("D42", "[0075]", "phone to phone: authenticated bill information"),
    Step("D43", "[0076]", "phone to bank: settling information"),
    Step("D44", "[0076]", "bank to phone: settled result"),
    Step("D51", "[0079]", "terminal to bank: settling information with a cooling-off period"),
    Step("D61", "[0088]", "terminal to bank: settling information with a minimum age"),
    Step("D62", "[0091]", "bank to terminal: it cannot be settled"),
    Step("D63", "[0091]", "bank to shop: the shop decides"),
    Step("D71", "[0094]", "phone to bank: issuance demand"),
    Step("D72", "[0097]", "bank to demanding phone: e-money data"),
    Step("D73", "[0097]", "bank to receiver's phone: e-money data"),
    Step("D81", "[0106]", "phone to card apparatus 20: card information"),
    Step("D82", "[0107]", "apparatus 20 to authentication apparatus 100: card information"),
    Step("D83", "[0108]", "100 to 20: authentication result"),
    Step("D91", "[0113]", "ticket apparatus 40 to phone: ticket purchase information"),
    Step("D92", "[0114]", "phone to bank: settling information"),
    Step("D93", "[0114]", "phone to 40: authenticated ticket purchase information"),
    Step("D94", "[0114]", "40 to bank: settling information"),
    Step("D95", "[0115]", "bank to 40: settled result"),
    Step("D96", "[0116]", "40 to phone: ticket data"),
    Step("T1", "TIN 5, 9, 47", "terminal, or phone in reverse, to apparatus: a number is wanted"),
    Step("T2", "TIN 5, 47", "apparatus to whoever wants it: the number"),
    Step("T3", "TIN 5, 48", "the other side to apparatus: the number it was shown"),
    Step("T4", "TIN 5, 10, 12", "apparatus to both sides: they are synchronised"),
    Step("T5", "TIN 7", "billing terminal to apparatus: the amount"),
    Step("T6", "TIN 8, 10", "apparatus to phone: amount and billing terminal"),
    Step("T7", "TIN 8", "phone to apparatus: final confirmation, signed"),
    Step("T8", "TIN 8", "apparatus to billing terminal: completed"),
    Step("T9", "TIN 8", "apparatus to phone: receipt"),
]
OURS = [
    Step("A1", "TIN 42, 43", "terminal to apparatus: a number, to authenticate who sends it"),
    Step("R1", "", "payee's device to bank: give the payment back, or never let it settle"),
    Step("R2", "", "bank to payee's device: how the settlement stands"),
    Step("R3", "", "card apparatus 20 to 100: what was asked is not used"),
    Step("R4", "", "100 to 20: confirmed"),
    Step("C1", "[0084]", "payer's device to bank: cancel within the cooling-off period"),
    Step("C2", "[0084]", "bank to payer's device: how the settlement stands"),
]
HEAD = """\
# flows

Which scenario plays which step of the source text, between which devices. The page is made by
`python tests/scenarios/test_flows.py` from what the scenarios of the library do when they run;
a test fails when a step has no scenario, or the page is not what the library does.
`paybench run NAME` plays one; each is a test. TIN stands for the claims on settlement by
transaction identifying number, which name no steps: T1 to T9 and A1 are our names.

## Steps

| step | source | what | from, to | scenarios |
|---|---|---|---|---|
"""
SCENARIOS = """\

## Scenarios

| source | scenario | variants | what happens | test |
|---|---|---|---|---|
"""


class Played(NamedTuple):
    """Where a step was seen: the device files at both ends, and the scenarios."""

    ends: dict[tuple[str, str], None]
    scenarios: dict[str, None]


@cache
def played():
    """Every step of every scenario in every variant, as it was seen."""
    seen = defaultdict(lambda: Played({}, {}))
    for scenario in in_library():
        for variant in scenario.variants or ("",):
            rig = Rig(settings=scenario.settings)
            try:
                scenario(rig, variant)
                rig.finish()
            finally:
                rig.close()
            files = {device.name: device_file(device) for device in [rig.host, *rig.devices]}
            parts = [part for device in rig.devices for part in device.parts.values()]
            files |= {part.name: device_file(part) for part in parts}
            for event in rig.world.trace.events:
                if isinstance(event, Sent) and event.step[:1].isupper():
                    step, ends = event.step, (files[event.sender], files[event.receiver])
                elif isinstance(event, Decision) and re.match(r"S\d{3} ", event.decision):
                    step, ends = event.decision[:4], (files[event.by], files[event.by])
                else:
                    continue
                seen[step].ends[ends] = None
                seen[step].scenarios[scenario.name] = None
    return dict(seen)


def device_file(device):
    return Path(inspect.getfile(type(device))).name


def page():
    """The page as it should be."""
    steps = "".join(step_row(step) for step in [*STEPS, *OURS])
    scenarios = "".join(scenario_row(scenario) for scenario in in_library())
    return HEAD + steps + SCENARIOS + scenarios


def step_row(step):
    seen = played().get(step.name, Played({}, {}))
    ends = [a if a == b else f"{a} → {b}" for a, b in seen.ends]
    names = [f"`{name}`" for name in seen.scenarios]
    cells = [step.name, step.paragraph or "ours", step.what, brief(ends, 4), brief(names, 3)]
    return f"| {' | '.join(cells)} |\n"


def brief(words, count):
    more = f" and {len(words) - count} more" if len(words) > count else ""
    return ", ".join(words[:count]) + more


def scenario_row(scenario):
    file = Path(scenario.file).name
    test = f"`library/{file}::{scenario.function.__name__}`"
    variants = ", ".join(scenario.variants)
    return f"| {scenario.source} | `{scenario.name}` | {variants} | {scenario.summary} | {test} |\n"


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_every_step_is_played(step):
    """Each step of the source text is in some scenario."""
    assert step.name in played(), f"no scenario plays {step.name}: {step.what}"


def test_no_step_is_unknown():
    """What the scenarios call a step is one of the source text's, or one of the few of ours."""
    assert set(played()) <= {step.name for step in [*STEPS, *OURS]}


def test_the_page_is_what_the_library_does():
    """docs/flows.md is what its scenarios do now."""
    assert PAGE.read_text() == page(), "run: python tests/scenarios/test_flows.py"


if __name__ == "__main__":
    PAGE.write_text(page())
