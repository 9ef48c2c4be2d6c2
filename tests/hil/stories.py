"""Many purchases by a phone on a line that fails: telling each, judging it, counting them.

Whatever becomes of the line, money is neither lost nor made, a purchase is settled once or not at
all, and nobody is told what is not so. That is judged by the trace, which has to replay as well.
"""

import itertools
import secrets
import time
from collections import Counter
from random import Random

from rounds import FIGURES, SOAK

from paybench.devices.trace import Decision, Displayed, Sent, State
from paybench.scenarios.discovery import find
from paybench.scenarios.recording import write
from paybench.scenarios.replay import replay
from paybench.scenarios.run import Options, run

PURCHASE = find("shop-purchase")[0]
VARIANTS = "relayed", "direct"
SHOWN = {
    "relayed": [("PAY 2.50", "TO A"), ("SENDING",)],
    "direct": [("PAY 2.50", "TO A"), ("SENDING",), ("PAID 2.50",)],
}
"""What the phone shows, in order, when all goes well."""
ENOUGH = 5
"""So much is wrong, and it is time to say so."""


class Customer:
    """Whoever holds the phone: approves when asked to."""

    def __init__(self, phone):
        self.phone = phone

    def __call__(self, _wish):
        self.phone.stdin.write("approve 2468\n")
        self.phone.stdin.flush()


class Tally:
    """What became of many stories.

    Args:
        what: What they are of, for the figures.
    """

    def __init__(self, what):
        self._what = what
        self._counts = Counter()
        self._wrong = []
        self._began_s = time.monotonic()

    def stories(self, count):
        """Each story's number, variant and chance: the same ones in CI, others in each soak."""
        for number, variant in zip(range(count), itertools.cycle(VARIANTS), strict=False):
            if len(self._wrong) >= ENOUGH:
                return
            seed = secrets.randbits(32) if SOAK else number
            yield seed, variant, Random(seed)  # noqa: S311 - where a cable is pulled is no secret

    def add(self, story, recorded, rig, struck, wrong):
        """Count a story in, and what was wrong in it."""
        self._counts["stories"] += 1
        if rig is None:
            self._counts["could not begin"] += 1
            return
        self._counts["times struck"] += struck
        self._counts["noticed"] += sum(state.startswith("gone: ") for state in line(recorded))
        self._counts["passed"] += recorded.verdict == "passed"
        self._counts["asked the bank"] += asked(recorded)
        self._counts["settled"] += settlements(recorded)
        for kind in "lost", "doubled":
            self._counts[kind] += any(sentence.startswith(kind) for sentence in wrong)
        self._wrong += [f"{story}: {sentence}" for sentence in wrong]

    def close(self):
        """Tell the figures, and fail if anything was wrong."""
        counts = ", ".join(f"{word}: {count}" for word, count in self._counts.items())
        FIGURES.append(f"{self._what}: {counts}, {time.monotonic() - self._began_s:.0f} s")
        assert not self._wrong, "\n".join(self._wrong)
        if self._counts["times struck"]:
            assert self._counts["noticed"], "nobody noticed anything: this proves nothing"


def pay(variant, spec, customer, patience_s=None):
    """Fig 3 with a real phone: the run, and its rig; None if the line was away when it began."""
    rigs = []
    options = Options(
        real={"phone": spec}, operator=customer, patience_s=patience_s, watch=rigs.append
    )
    recorded = run(PURCHASE, variant, options)
    if not rigs:
        assert recorded.verdict == "blocked"
        return recorded, None
    return recorded, rigs[-1]


def settlements(recorded):
    """How often the bank settled."""
    decisions = [event for event in recorded.trace if isinstance(event, Decision)]
    return sum(d.by == "bank" and d.decision == "settled" for d in decisions)


def line(recorded):
    """What the bench noted of the line to the phone."""
    seen = [e.state for e in recorded.trace if isinstance(e, State) and e.device == "B.phone"]
    return [state for state in seen if state == "back" or state.startswith("gone: ")]


def judge(recorded, rig, folder):
    """All that is not as it must be, however the story ended."""
    if rig is None:
        return []
    return [
        *_money(recorded, rig),
        *_doubles(recorded),
        *_untruths(recorded),
        *_replay(recorded, folder),
    ]


def asked(recorded):
    """Whether the phone asked the bank what became of it, as it does when it hears nothing."""
    return any(e.step == "S108" for e in recorded.trace if isinstance(e, Sent))


def must_pass(recorded, rig, variant):
    """What is wrong in a story that has to end well: the phone lives, and the line comes back.

    A phone that was cut off for so long that it asked the bank has taken steps of its own, which
    the scenario does not expect; all it expects before is fulfilled then.
    """
    if rig is None:
        return []
    took_steps = asked(recorded) and "expected steps" in recorded.why
    if recorded.verdict != "passed" and not took_steps:
        return [f"lost: {recorded.verdict}: {recorded.why}"]
    shown = [e.lines for e in recorded.trace if isinstance(e, Displayed) and e.device == "B.phone"]
    shown = [lines for lines in shown if lines != ("ASKING THE BANK",)]
    # The last word may be under way still when the register has what it waits for.
    return [] if shown == SHOWN[variant][: len(shown)] else [f"the phone has shown {shown}"]


def _money(recorded, rig):
    settled = settlements(recorded)
    money = {name: amount.text for name, amount in rig.balances().items()}
    if money != ({"A": "2.50", "B": "17.50"} if settled else {"A": "0.00", "B": "20.00"}):
        yield f"lost: settled {settled} times, and there is {money}"
    decisions = [event for event in recorded.trace if isinstance(event, Decision)]
    handed = sum(d.decision == "article handed over" for d in decisions)
    if handed != settled:
        yield f"lost: settled {settled} times, and handed over {handed} times"


def _doubles(recorded):
    steps = Counter(e.step for e in recorded.trace if isinstance(e, Sent) and e.step[0] == "D")
    if asked(recorded):  # the same demand again, under the same id, is as it should be
        steps = Counter(D1=steps["D1"])
    steps["settlement"] = settlements(recorded)
    yield from (f"doubled: {count} x {step}" for step, count in steps.items() if count > 1)


def _untruths(recorded):
    shown = [e.lines[0] for e in recorded.trace if isinstance(e, Displayed) and e.lines]
    if "PAID 2.50" in shown and not settlements(recorded):
        yield "somebody was told it is paid, and it is not"
    states = [state.partition(":")[0] for state in line(recorded)]
    if states != (["gone", "back"] * len(states))[: len(states)]:
        yield f"the line is said to be {states}"
    if recorded.verdict not in {"passed", "failed", "blocked"}:
        yield f"the verdict is {recorded.verdict}: {recorded.why}"


def _replay(recorded, folder):
    file = folder / "run.jsonl"
    write(file, recorded.content)
    if replay(file).diverged_at is not None:
        yield "its recording replays to something else"
