"""How a flow is told, run and judged.

    from paybench.scenarios import scenario

    @scenario(figure="3", variants=["relayed", "direct"])
    def shop_purchase(rig, variant): ...

Reading order: `scenario` (the form), `rig` (what a scenario gets), `run` (verdicts), `recording`
and `replay` (traces), `cli` and `pytest_plugin` (the two ways in).
"""

from paybench.scenarios.rig import Rig
from paybench.scenarios.scenario import Scenario, scenario

__all__ = ["Rig", "Scenario", "scenario"]
