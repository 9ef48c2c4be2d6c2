"""The purchase of Fig 3 with a real part, as the lab's tests make it."""

from paybench.devices.trace import State
from paybench.scenarios.discovery import find
from paybench.scenarios.recording import write
from paybench.scenarios.replay import replay
from paybench.scenarios.run import Options, run

EAN = "4901234567894"
PATIENCE_S = 60.0
"""The guest's processor is emulated, and slow."""


def buy(part, spec, operator, variant="relayed", patience_s=PATIENCE_S):
    """The purchase, recorded."""
    options = Options(real={part: spec}, operator=operator, patience_s=patience_s)
    return run(find("shop-purchase")[0], variant, options)


def check(recorded, folder):
    """It passed, and its recording replays with nothing attached."""
    assert (recorded.verdict, recorded.why) == ("passed", "")
    write(folder / "run.jsonl", recorded.content)
    again = replay(folder / "run.jsonl")
    assert again.diverged_at is None
    assert again.run.digest == recorded.digest


def states(recorded, device):
    """What the trace tells of a part: gone, back."""
    return [e.state for e in recorded.trace if isinstance(e, State) and e.device == device]
