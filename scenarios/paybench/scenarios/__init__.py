"""How a flow is told, run and judged.

    from paybench.scenarios import scenario

    @scenario(figure="3", variants=["relayed", "direct"])
    def shop_purchase(rig, variant): ...

Reading order: `scenario` (the form), `rig` (what a scenario gets), `run` (verdicts), `recording`
and `replay` (traces), `cli` and `pytest_plugin` (the two ways in).
"""

from typing import TYPE_CHECKING

from paybench.scenarios.scenario import Scenario, scenario

if TYPE_CHECKING:
    from paybench.scenarios.rig import Rig

__all__ = ["Rig", "Scenario", "scenario"]


def __getattr__(name: str) -> object:
    """Import the rig, and SimPy with it, when it is asked for: every pytest starts through here."""
    if name == "Rig":
        from paybench.scenarios.rig import Rig

        return Rig
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
