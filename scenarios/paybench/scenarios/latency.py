"""The latency budget: whether what is real answered in time, as the trace has it.

docs/latency.md tells what counts as asked and what as answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paybench.devices.environment import to_ns
from paybench.devices.purchase import PurchaseInformation
from paybench.devices.remote_phone import RemotePhone
from paybench.devices.scanner import Misreading, Scanner
from paybench.devices.trace import Act, Delivered, Sent
from paybench.scenarios.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from paybench.devices.message import Message
    from paybench.devices.part import Part
    from paybench.devices.trace import AnyEvent

NS_PER_MS = 1_000_000
NO_ANSWERS = (Misreading,)
"""What a part says and has not answered with."""


@dataclass(frozen=True)
class Duty:
    """What a part of some kind has to answer.

    Attributes:
        verbs: Verbs, of the part itself or of the device it belongs to, that ask it for something.
        questions: Messages that ask it for something when they are delivered to it.
    """

    verbs: tuple[str, ...] = ()
    questions: tuple[type[Message], ...] = ()


DUTIES = {
    Scanner.kind: Duty(verbs=("scan", "read")),
    RemotePhone.kind: Duty(verbs=("approve", "decline"), questions=(PurchaseInformation,)),
}
"""What each kind of part has to answer; a kind that is not here answers nothing."""


class Budget:
    """How long a part may take to answer.

    Args:
        part: The part.
        budget_s: The longest it may take, in seconds.

    Raises:
        UsageError: It is a part that answers nothing.
    """

    def __init__(self, part: Part, budget_s: float) -> None:
        if part.kind not in DUTIES:
            raise UsageError(
                f"{part.name} is a {part.kind}, which answers nothing: drop its latency_budget_s"
            )
        self._part = part.name
        self._duty = DUTIES[part.kind]
        self._budget_s = budget_s

    def late(self, events: Sequence[AnyEvent]) -> str:
        """The first answer that came later than the budget allows, as a sentence; "" for none."""
        question: _Question | None = None
        for event in events:
            if isinstance(event, Sent):
                if question is not None and self._answers(event, question):
                    taken_ns = event.at_ns - question.at_ns
                    if taken_ns > to_ns(self._budget_s):
                        return self._sentence(event.step, taken_ns, question.name)
                    question = None
            else:
                question = self._question(event, events) or question
        return ""

    def _question(self, event: AnyEvent, events: Sequence[AnyEvent]) -> _Question | None:
        """What an event asks the part, if it does."""
        if isinstance(event, Act):
            is_ours = f"{self._part}.".startswith(f"{event.who}.")
            if is_ours and event.verb in self._duty.verbs:
                return _Question(event.at_ns, f"{event.who}.{event.verb}")
        elif isinstance(event, Delivered) and event.receiver == self._part:
            sent = events[event.number]
            if isinstance(sent, Sent) and isinstance(sent.message, self._duty.questions):
                return _Question(event.at_ns, event.step, event.correlation)
        return None

    def _answers(self, sent: Sent, question: _Question) -> bool:
        return (
            sent.sender == self._part
            and not isinstance(sent.message, NO_ANSWERS)
            and question.correlation in ("", sent.correlation)
        )

    def _sentence(self, step: str, taken_ns: int, question: str) -> str:
        # Rounded up: it must not read as if it had been in time.
        taken_s = -(-taken_ns // NS_PER_MS) / 1000
        return (
            f"{self._part} was late with {step}: it came {taken_s:.3f} s after {question}, and "
            f"the latency budget is {exact(self._budget_s)} s"
        )


@dataclass(frozen=True)
class _Question:
    """Something a part was asked: when, in nanoseconds, by what, and for which settlement."""

    at_ns: int
    name: str
    correlation: str = ""


def late_answers(budgets: Iterable[Budget], events: Sequence[AnyEvent]) -> str:
    """What came later than budgets allow, the first of each part, in one sentence; "" if nothing.

    Args:
        budgets: The budgets of the parts that have one.
        events: The trace of the run.
    """
    return "; ".join(late for budget in budgets if (late := budget.late(events)))


def exact(seconds: float) -> str:
    """A number of seconds as text which is the same number again."""
    return repr(float(seconds)).removesuffix(".0")
