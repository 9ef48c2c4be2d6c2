"""The life of the fixture `rig`: lent to a test, judged by how the test ends, closed."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import pytest

from paybench.bank.errors import BankError
from paybench.devices.errors import DeviceError, RouteError
from paybench.devices.trace import Header, Verdict
from paybench.hil.driver import make_drivers
from paybench.hil.errors import PortUnavailable, SpecError
from paybench.hil.hold import Hold
from paybench.scenarios.errors import ScenarioError, UsageError
from paybench.scenarios.failure import Kept, last_of_ladder
from paybench.scenarios.recording import FORMAT
from paybench.scenarios.run import (
    FAILED,
    PASSED,
    Options,
    judge,
    make_rig,
    noted,
    package_version,
    with_lateness,
)

if TYPE_CHECKING:
    from collections.abc import Generator

    from paybench.scenarios.pytest_plugin import Settings
    from paybench.scenarios.rig import Rig


class LentRig:
    """A rig in the hands of a test.

    Attributes:
        rig: The rig.
        verdict: How it ended; "" as long as it has not.
    """

    def __init__(self, item: pytest.Item, settings: Settings, options: Options, rig: Rig) -> None:
        self.rig = rig
        self.verdict = ""
        self._item = item
        self._settings = settings
        self._header = Header(
            format=FORMAT,
            paybench=package_version(),
            scenario="",
            source="",
            variant="",
            seed=settings.seed,
            options=noted(options),
            bench=dict(settings.real),
        )

    def end(self, verdict: str, why: str) -> None:
        """Close the trace with a verdict, and note it on the test."""
        self.verdict = verdict
        trace = self.rig.world.trace
        trace.note(Verdict(self.rig.world.env.now_ns, verdict, why))
        self._item.user_properties += [
            ("seed", self._settings.seed),
            ("digest", trace.digest(self._header)),
            ("verdict", verdict),
        ]

    def fail(self, failure: BaseException) -> str:
        """The test has failed: keep the trace; returns what its report is to say."""
        with suppress(Exception):
            self.rig.world.env.settle()
        # What is no Exception is pytest.fail.
        verdict = judge(failure) if isinstance(failure, Exception) else FAILED
        text = str(failure).partition("\n")[0] or type(failure).__name__
        self.end(verdict, with_lateness(text, verdict, self.rig))
        trace = self.rig.world.trace
        kept = Kept(self._settings.traces, self._item.nodeid, trace.encode(self._header))
        ladder = last_of_ladder(trace.events, self._settings.width)
        return "\n".join([*ladder, "", kept.told(replays=False)])


LENT = pytest.StashKey[LentRig]()


def lend(item: pytest.Item, settings: Settings) -> Generator[Rig]:
    """Make a rig for a test, and finish it when the test has ended."""
    with ExitStack() as stack:
        drivers = make_drivers(settings.real)
        hold = Hold(drivers, settings.bench, item.nodeid, settings.operator)
        stack.callback(hold.close)
        try:
            hold.take()
        except PortUnavailable as error:
            pytest.fail(f"BLOCKED: {error}", pytrace=False)
        options = Options(
            seed=settings.seed,
            real=settings.real,
            bench=settings.bench,
            operator=settings.operator,
        )
        rig = make_rig(options, real=drivers)
        stack.callback(rig.close)
        lent = item.stash[LENT] = LentRig(item, settings, options, rig)
        yield rig
        if why_lost := hold.lost():
            pytest.fail(f"BLOCKED: {why_lost}", pytrace=False)
        if not lent.verdict:
            _finish(lent)


def keep(item: pytest.Item, failure: BaseException) -> str:
    """A test has failed: keep its rig's trace; returns what is to be said, "" for nothing."""
    lent = item.stash.get(LENT, None)
    if lent is None or lent.verdict or isinstance(failure, UsageError):
        return ""
    return lent.fail(failure)


def _finish(lent: LentRig) -> None:
    try:
        lent.rig.finish()
    except (UsageError, SpecError, BankError, RouteError) as error:
        pytest.fail(f"USAGE: {error}", pytrace=False)
    except (ScenarioError, DeviceError) as error:
        told = lent.fail(error)
        pytest.fail(f"{lent.verdict.upper()}: {error}\n\n{told}", pytrace=False)
    else:
        lent.end(PASSED, "")
